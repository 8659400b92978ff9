"""Each event of the two machines as a sentence."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from tests.simulation.model.state import Event

_WORDS: Final = {
    "take": "worker {} takes the company",
    "release": "worker {} gives the company back",
    "plan": "worker {} reads that the record is due",
    "unchanged": "worker {} finds nothing to send",
    "claim": "worker {} commits {}",
    "pass": "worker {} passes the record over: it has changed since",
    "keep back": "worker {} does not send after all",
    "send": "worker {} sends {}",
    "send twice": "worker {} sends {}, and a proxy sends it once more",
    "look": "worker {} looks in QuickBooks: {}",
    "settle": "worker {} writes down what came of it: {}",
    "silence": "worker {} gives up waiting",
    "lost": "worker {} sees that the company is not its own any more",
    "die": "worker {} dies",
    "stop": "worker {} stands still for longer than its lease",
    "arrive": "QuickBooks gets {} and answers: {}",
    "vanish": "{} is lost on its way",
    "run out": "the lease runs out",
    "grow old": "minutes pass since the key was committed",
    "grow quiet": "minutes pass since a request last left",
    "forget": "QuickBooks forgets {}",
    "save": "the CRM saves version {}",
    "delete": "the bookkeeper deletes object {}",
    "edit": "the bookkeeper edits object {} so that nothing tells that it is ours",
    "disconnect": "the office disconnects",
    "connect": "the office connects",
    "send left": "the office presses Send on what was left behind",
    "notice": "somebody notices that the object was deleted",
    "retry": "the office presses Retry all",
    "create again": "the office presses Create again",
    "link": "the office links the record to the object that was found",
    "not there": "the office says that the object is not there any more",
    "restore": "a backup is restored",
    "read": "worker {} reads the tokens",
    "lock": "worker {} takes the lock, and presents the refresh token",
    "leave": "worker {} begins anew: the tokens, or the lock, are others by now",
    "ask": "Intuit answers worker {}",
    "store": "worker {} stores the new tokens",
    "use": "worker {} uses the access token",
    "expire": "worker {} writes down the refusal",
    "lock ends": "the lock runs out",
    "taken away": "somebody takes access away at Intuit",
}
_ABOUT_KEYS: Final = frozenset({"claim", "send", "send twice", "arrive", "forget", "vanish"})


def sentence(event: Event) -> str:
    """Say an event in words."""
    name, *details = event
    if name in _ABOUT_KEYS:
        first = 1 if name in ("claim", "send", "send twice") else 0
        number, body, on = details[first : first + 3]
        what = f"request {number} (version {body}, {'create' if on == -1 else f'update of {on}'})"
        details = [*details[:first], what, *details[first + 3 :]]
    return _WORDS[str(name)].format(*details)
