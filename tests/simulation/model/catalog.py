"""Each rule and each assumption in words: what `--without` can take away."""

from __future__ import annotations

from typing import Final

import attrs


@attrs.frozen
class Rule:
    """One rule.

    Attributes:
        name: for `--without`.
        says: the rule.
        luck: how many hostile events its shortest counter-example needs.
        only: those events, where a search among all would take long.
        today: how the code at b01f570 differs, where it does.
    """

    name: str
    says: str
    luck: int = 1
    only: frozenset[str] = frozenset()
    today: str = ""


_DELETED: Final = frozenset({"delete", "silence"})
_EDITED: Final = frozenset({"save", "arrive"})
_STOPPED: Final = frozenset({"stop", "arrive"})

SENDING: Final = (
    Rule("key", "Each write carries its key as QuickBooks' request id."),
    Rule("number", "The number of a key that has ended is never used again.", 2, _DELETED),
    Rule(
        "body", "A resend carries the committed key and body, whatever was saved since.", 2, _EDITED
    ),
    Rule("commit-first", "Key and body are committed before the request leaves."),
    Rule("lease", "A company that a worker holds is not taken.", 0),
    Rule("renew", "A living worker prolongs its lease.", 0),
    Rule("fence-claim", "A claim is made under the fence that was taken.", 2, _STOPPED),
    Rule(
        "row-key",
        "A resend is claimed only while the row bears its key.",
        2,
        frozenset({"stop", "delete"}),
        today="not asked; an overtaken worker may have written a late answer meanwhile",
    ),
    Rule("fence-send", "So does each request leave."),
    Rule(
        "fence-settle", "So is an answer written, unless it says where the record is.", 2, _STOPPED
    ),
    Rule(
        "age-at-send",
        "Whether a resend must look first is decided when it leaves.",
        today="decided with the claim; a resend may then wait in a pool for minutes",
    ),
    Rule("look-first", "Before an old key is sent again, QuickBooks is looked through."),
    Rule(
        "old-rests",
        "An old key is not sent again after a look that found nothing: it ends, or waits.",
        3,
        frozenset({"save", "delete", "stop"}),
        today="it is sent again for a day (`Reconciler._look_first`)",
    ),
    Rule("ended", "Such a look ends the key only when every request under it must have ended."),
    Rule(
        "quiet",
        "That is counted from the last request that left, not from the first.",
        today="the time of the last one is not stored; code 600 counts from the first",
    ),
    Rule(
        "absent",
        "Such a look ends the key (or a stored failure is repeated for ever).",
        today="after 24 hours only (A19)",
    ),
    Rule("silence", "No answer ends no key."),
    Rule(
        "failed",
        "A failure of QuickBooks' own, a 5xx, or a 4xx without a Fault counts as no answer.",
        today="6000 -30000 and a 4xx without a Fault end the key (A2, A3)",
    ),
    Rule(
        "resend-refused",
        "A refusal of a resend ends no key: a look settles it.",
        2,
        _STOPPED,
        today="it ends the key (A1)",
    ),
    Rule(
        "confirm",
        "An answer to a resend may be old: the object is read before it counts.",
        2,
        _DELETED,
    ),
    Rule(
        "ask-deleted",
        "What was deleted in QuickBooks is created again only if a person says so.",
        2,
        _DELETED,
        today="a create that is answered with a deleted object is made again unasked",
    ),
    Rule(
        "by-name",
        "A question is answered by name, never by Retry all.",
        2,
        _DELETED,
        today="Retry all answers it: another one, or create again (A4, A5)",
    ),
    Rule("newer", "A record is done only when what was sent is what is wanted now."),
    Rule("keep-key", "A disconnect ends no key."),
    Rule("disconnect-fences", "A disconnect raises the fence."),
    Rule("look-restored", "After a backup was restored, a look comes before each create."),
)
RENEWAL: Final = (
    Rule("lock", "One worker at a time renews.", 0),
    Rule("re-read", "The token is read again under the lock.", 0),
    Rule(
        "store-first",
        "Renewed tokens are stored before they are used.",
        0,
        today="used even where they could not be stored, the lock being lost",
    ),
    Rule("owner", "Renewed tokens are stored only while the lock is one's own."),
    Rule(
        "expire-owner",
        "A refusal counts only while the lock is one's own.",
        today="while the refused token is stored still, though another may hold the next one",
    ),
)
ASSUMPTIONS: Final = (
    Rule("remembers", "QuickBooks remembers a key until its young resends have arrived."),
    Rule("requests-end", "A request that left has ended some minutes later, by our clock."),
    Rule(
        "no-repeats",
        "No proxy repeats a request that QuickBooks has refused.",
        2,
        frozenset({"send twice", "arrive"}),
    ),
    Rule("look-sees", "A look sees what was carried out before."),
)
"""Of QuickBooks, the network and the clock: nothing in the plugin can make up for them."""
