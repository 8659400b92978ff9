"""What the simulation finds and the plugin cannot prevent, or does not yet.

Promises that only what is listed here is excused, by what happened to the very record.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import attrs

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tests.simulation.checks import Finding


@attrs.frozen(kw_only=True)
class Known:
    """One case.

    Attributes:
        case: its name.
        why: what goes wrong, and why nothing can be done about it.
        kinds: what the checks call it.
        any_of: marks of which the record has one at least; empty for any.
        said: what the finding must say, if anything.
    """

    case: str
    why: str
    kinds: tuple[str, ...]
    any_of: frozenset[str] = frozenset()
    said: str = ""

    def fits(self, finding: Finding) -> bool:
        """Return whether a finding is this case."""
        return (
            finding.kind in self.kinds
            and (not self.any_of or bool(self.any_of & finding.marks))
            and self.said in finding.what
        )


KNOWN: Final[tuple[Known, ...]] = (
    Known(
        case="restored",
        why="What was sent after a backup was taken is not known to it: a state that agrees with"
        " what the backup holds for sent is not sent again.",
        kinds=("wrong",),
        any_of=frozenset({"restored"}),
    ),
    Known(
        case="clock",
        why="The wall clock is set back by more than a minute between a request that was never"
        " answered and its resending by another process, which cannot tell how long ago it left.",
        kinds=("twice", "twice in the end"),
        any_of=frozenset({"clock set back meanwhile"}),
    ),
    Known(
        case="a bookkeeper's edit (open)",
        why="What a bookkeeper edits while our update of the same invoice is planned anew after a"
        " refusal is not always kept or told (rule 36 is not whole yet; seeds 202, 387).",
        kinds=("undone",),
    ),
    Known(
        case="money of an invoice that waits (open)",
        why="While an invoice waits for a customer that somebody must decide on, money that"
        " QuickBooks unapplied of it is not put on it (rule 38 is not whole yet; seed 368).",
        kinds=("money", "money of a changed invoice"),
        any_of=frozenset({"parent made again"}),
    ),
)
"""Every case that is known."""


def case_of(finding: Finding) -> str | None:
    """Return the case that a finding is, None where it is new."""
    return next((known.case for known in KNOWN if known.fits(finding)), None)


def unknown(findings: Iterable[Finding]) -> list[Finding]:
    """Return the findings that are no known case."""
    return [finding for finding in findings if case_of(finding) is None]
