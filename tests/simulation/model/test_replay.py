"""A trace that keeps the rules is followed to its end; one that breaks a rule is refused there.

Promise: what the simulation saw of a record is compared with the same rules that `test_model`
searches, so that neither the code nor the model can change alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.simulation.model.replay import Forbidden, Seen, What, replay

if TYPE_CHECKING:
    from collections.abc import Iterator

SENT = (
    (0, "TAKEN", {"worker": "a"}),
    (0, "CLAIMED", {"worker": "a", "key": "k0", "body": "v1"}),
    (1, "LEFT", {"worker": "a", "key": "k0"}),
)
ARRIVED = (2, "ARRIVED", {"key": "k0", "answer": "ok", "on": "41"})
DONE = (3, "SETTLED", {"worker": "a", "ended": True, "on": "41"})
AGAIN = (9, "LEFT", {"worker": "a", "key": "k0"})
UNKNOWN = (4, "SETTLED", {"worker": "a"})
K1 = {"worker": "a", "key": "k1", "body": "v1"}

ALLOWED = {
    "an answer": (*SENT, ARRIVED, DONE, (4, "GIVEN_BACK", {"worker": "a"})),
    "an answer that is lost, and a resend": (
        *(*SENT, ARRIVED, UNKNOWN, AGAIN),
        *((10, "ARRIVED", {"key": "k0", "answer": "ok", "on": "41"}), DONE),
    ),
    "a death, and another worker": (
        *(*SENT, (5, "DIED", {"worker": "a"}), (30, "TAKEN", {"worker": "b"})),
        (31, "LEFT", {"worker": "b", "key": "k0"}),
        (32, "ARRIVED", {"key": "k0", "answer": "ok", "on": "41"}),
        (33, "SETTLED", {"worker": "b", "ended": True, "on": "41"}),
    ),
    "a failure that is looked for when it is old": (
        *(*SENT, (2, "ARRIVED", {"key": "k0", "answer": "done, failed", "on": "41"}), UNKNOWN),
        (200, "SETTLED", {"worker": "a", "ended": True, "on": "41"}),
    ),
    "a failure, nothing is found, and another key": (
        *(*SENT, (2, "ARRIVED", {"key": "k0", "answer": "failed"}), UNKNOWN),
        *((200, "SETTLED", {"worker": "a", "ended": True}), (201, "CLAIMED", K1)),
        (202, "LEFT", {"worker": "a", "key": "k1"}),
    ),
    "an edit meanwhile, and its update": (
        *(*SENT, (1, "SAVED", {"body": "v2"}), ARRIVED, DONE),
        (4, "CLAIMED", {"worker": "a", "key": "k1", "body": "v2", "on": "41"}),
    ),
    "a disconnect, and an answer after it": (
        *(*SENT, (2, "DISCONNECTED", {}), ARRIVED, DONE, (5, "CONNECTED", {})),
    ),
}
FORBIDDEN = {
    "a refused resend ends no key": (
        *(*SENT, ARRIVED, UNKNOWN, AGAIN, (10, "ARRIVED", {"key": "k0", "answer": "refused"})),
        (11, "SETTLED", {"worker": "a", "ended": True, "asks": "refused"}),
    ),
    "a look too early ends no key": (
        *(*SENT, (2, "ARRIVED", {"key": "k0", "answer": "failed"}), UNKNOWN),
        (100, "SETTLED", {"worker": "a", "ended": True}),
    ),
    "an old key is not sent again": (
        *(*SENT, (2, "ARRIVED", {"key": "k0", "answer": "failed"}), UNKNOWN),
        (200, "LEFT", {"worker": "a", "key": "k0"}),
    ),
    "another body needs another key": (
        *(*SENT, ARRIVED, DONE, (3, "SAVED", {"body": "v2"})),
        (4, "CLAIMED", {"worker": "a", "key": "k0", "body": "v2", "on": "41"}),
    ),
    "nothing leaves after a disconnect": (
        *(*SENT[:2], (1, "DISCONNECTED", {}), (2, "LEFT", {"worker": "a", "key": "k0"})),
    ),
    "a lease that is held is not taken": (*SENT[:1], (1, "TAKEN", {"worker": "b"})),
    "what was not looked for is not there": (
        *(*SENT, ARRIVED, UNKNOWN, (5, "SETTLED", {"worker": "a", "ended": True})),
    ),
}


def _seen(trace: tuple[tuple[float, str, dict[str, Any]], ...]) -> Iterator[Seen]:
    for at, what, fields in trace:
        yield Seen(at=at, what=What[what], **fields)


@pytest.mark.parametrize("name", ALLOWED)
def test_what_keeps_the_rules_is_followed(name: str) -> None:
    """Nothing that the plugin rightly does is refused."""
    replay(_seen(ALLOWED[name]), body="v1")


@pytest.mark.parametrize("name", FORBIDDEN)
def test_what_breaks_a_rule_is_refused(name: str) -> None:
    """The last event of each trace is the one that the rules forbid."""
    trace = FORBIDDEN[name]
    replay(_seen(trace[:-1]), body="v1")
    with pytest.raises(Forbidden, match=f"^{len(trace)}"):
        replay(_seen(trace), body="v1")
