"""What the simulation finds in today's code, until it is mended.

Promises that only what is listed here is excused, by what happened to the very record. Promises
nothing for a case once it is off the list: then it is red.
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
        case: its name; "A1" and such stand in the project's list of cases.
        why: what goes wrong.
        kinds: what the checks call it.
        any_of: marks of which the record has one at least; empty for any.
        said: what the finding must say, if anything.
        seldom: it takes so much that a share need not find it.
    """

    case: str
    why: str
    kinds: tuple[str, ...]
    any_of: frozenset[str] = frozenset()
    said: str = ""
    seldom: bool = False

    def fits(self, finding: Finding) -> bool:
        """Return whether a finding is this case."""
        return (
            finding.kind in self.kinds
            and (not self.any_of or bool(self.any_of & finding.marks))
            and self.said in finding.what
        )


_TWICE: Final = ("twice", "twice in the end")
_REFUSED: Final = frozenset({"fate refused", "fate busy", "fate no-resource"})
_AGAIN: Final = ("made again unasked",)

KNOWN: Final = (
    Known(
        case="A1",
        why="a create is carried out, its answer lost, and the resend meets 5010",
        kinds=_TWICE,
        any_of=frozenset({"fate stale"}),
    ),
    Known(
        case="A2",
        why="the same, and the resend meets an answer that is no Fault",
        kinds=_TWICE,
        any_of=frozenset({"fate bad-page", "fate forbidden-page", "fate missing-page"}),
    ),
    Known(
        case="A2 refused",
        why="the same, and the resend is refused",
        kinds=_TWICE,
        any_of=_REFUSED,
    ),
    Known(
        case="A3",
        why="a create is carried out, and QuickBooks answers that it failed itself",
        kinds=_TWICE,
        any_of=frozenset({"fate done-but-busy"}),
    ),
    Known(
        case="A1-A3",
        why="the same; its own number keeps it from being doubled, and a person is asked",
        kinds=("asks",),
        any_of=_REFUSED | {"fate done-but-busy", "fate stale"},
        said="6140",
        seldom=True,
    ),
    Known(
        case="A4",
        why="a question is answered by Retry all",
        kinds=_TWICE,
        any_of=frozenset({"told ambiguous"}),
    ),
    Known(
        case="clock set back",
        why="the clock is set back after a create was lost: its resend counts as young, and it is "
        "sent again without a look after QuickBooks has forgotten its key",
        kinds=_TWICE,
        any_of=frozenset({"clock set back meanwhile"}),
        seldom=True,
    ),
    Known(
        case="renewal lapsed",
        why="a worker that takes longer than five minutes drops the tokens that it renewed",
        kinds=("access lost",),
        said="a renewal lapsed",
        seldom=True,
    ),
    Known(
        case="A5",
        why="what was deleted in QuickBooks is made again by Retry all",
        kinds=_AGAIN,
        any_of=frozenset({"told gone"}),
    ),
    Known(
        case="A5 replayed",
        why="what was deleted before its answer was heard is made again unasked",
        kinds=_AGAIN,
        any_of=frozenset({"told replay-of-deleted"}),
        seldom=True,
    ),
    Known(
        case="A5 below",
        why="a customer or invoice was made again, and the look for what stood on it finds nothing",
        kinds=_TWICE,
        any_of=frozenset({"parent made again"}),
        seldom=True,
    ),
    Known(case="A6", why="money stays loose although its invoice has room", kinds=("money",)),
    Known(
        case="A6 refused",
        why="the same, after an update that was carried out was called refused",
        kinds=("money of a changed invoice",),
        any_of=_REFUSED | {"fate done-but-busy", "fate stale"},
        seldom=True,
    ),
    Known(
        case="voided after a restore",
        why="an invoice that the restored database does not know to be sent is voided in DunaHub: "
        "it stays open in QuickBooks, unlooked for",
        kinds=("not sent",),
        any_of=frozenset({"restored"}),
        said="voided-unsent",
        seldom=True,
    ),
    Known(case="A9", why="the older of two saves is stored", kinds=("not the newest",)),
    Known(
        case="A13",
        why="a payment on an invoice from before the connection waits for ever",
        kinds=("waits for the unknown",),
    ),
    Known(
        case="A14",
        why="a late hook opens the region again",
        kinds=("sent outside the US",),
    ),
    Known(
        case="card",
        why="the card of a payment that was made again cannot be made",
        kinds=("card", "logged"),
        any_of=frozenset({"told gone", "told replay-of-deleted"}),
    ),
    Known(
        case="card log",
        why="the same, in the log",
        kinds=("logged",),
        said="the card of payment:",
    ),
    Known(
        case="retried update",
        why="Retry of what is gone forgets the object, but not the update under way",
        kinds=("logged", "waits"),
        said="could not be reconciled",
        seldom=True,
    ),
    Known(
        case="retried update waits",
        why="the same, seen on the record",
        kinds=("waits",),
        any_of=frozenset({"told internal"}),
        seldom=True,
    ),
    Known(
        case="dismissed under way",
        why="a customer that was dismissed while a request of it was under way stays due for ever: "
        "its invoices wait for it, and the company is drained again and again",
        kinds=("waits",),
        any_of=frozenset({"parent dismissed"}),
        seldom=True,
    ),
    Known(
        case="connect log",
        why="Connect while Intuit's discovery document cannot be read logs a traceback",
        kinds=("logged",),
        said="the action connect failed",
    ),
    Known(
        case="adopted",
        why="what is adopted, or replayed after a restore, is taken for the newest state unseen",
        kinds=("wrong",),
        seldom=True,
    ),
)
"""Every case that is known."""


def case_of(finding: Finding) -> str | None:
    """Return the case that a finding is, None where it is new."""
    return next((known.case for known in KNOWN if known.fits(finding)), None)


def unknown(findings: Iterable[Finding]) -> list[Finding]:
    """Return the findings that are no known case."""
    return [finding for finding in findings if case_of(finding) is None]
