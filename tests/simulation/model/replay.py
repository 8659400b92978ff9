"""Replay what was seen of one record through the model, so that model and code cannot part.

`replay` raises `Forbidden` at the first thing that the model does not allow. A `Seen` may leave its
worker out where it is not known. What is not seen is worked out: reading, resends, looks, giving up
waiting, an answer that changes nothing. `observer` makes the traces of a running plugin.
"""

from __future__ import annotations

from enum import StrEnum
from functools import partial
from typing import TYPE_CHECKING, Final

import attrs

from tests.simulation.model import world
from tests.simulation.model.state import Key, State, Worker, wrong

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from tests.simulation.model.state import Event

    Fits = Callable[[Event, State], bool]

LUCK: Final = 1_000_000
HIDDEN: Final = frozenset(
    ("plan", "pass", "unchanged", "look", "silence", "lost", "stop", "run out", "vanish", "forget")
)
DEEPEST: Final = 6
"""Hidden events between two that were seen."""


class What(StrEnum):
    """What can be seen of a record; the fields of `Seen` that go with it."""

    TAKEN = "take"  # worker
    GIVEN_BACK = "release"  # worker; also where its drain ended without the lease
    DIED = "die"  # worker
    CLAIMED = "claim"  # worker, key, body, on: a new key was committed
    LEFT = "send"  # worker, key
    ARRIVED = "arrive"  # key, answer, on: QuickBooks did, or refused, what was asked
    SETTLED = "settle"  # worker, ended, on, asks: the row once an answer was written down
    SAVED = "save"  # body
    DISCONNECTED = "disconnect"
    CONNECTED = "connect"
    SENT_LEFT = "send left"
    NOTICED = "notice"  # that the object was deleted, by a look for something else
    RETRIED = "retry"
    CREATE_AGAIN = "create again"
    LINKED = "link"
    DELETED = "delete"  # on
    UNMARKED = "edit"  # on: nothing tells any more that the object is ours
    RESTORED = "restore"


@attrs.frozen(kw_only=True)
class Seen:
    """One thing that was seen.

    Attributes:
        at: true seconds, also where the machines' clock is wrong.
        what: which.
        worker: name of the drain.
        key: the request id.
        body: fingerprint of the version.
        on: Id of the object; "" for a create.
        answer: ok, refused (a Fault), not now (429, 401, or it never got there), failed (its own
            failure, code 600, or an answer that is not QuickBooks'), "done, failed", gone.
        ended: the row bears no key any more.
        asks: a person: refused, deleted, doubtful; "" for nothing.
    """

    at: float
    what: What
    worker: str = ""
    key: str = ""
    body: str = ""
    on: str = ""
    answer: str = ""
    ended: bool = False
    asks: str = ""


class Forbidden(AssertionError):
    """The model does not allow what was seen."""


def replay(
    trace: Iterable[Seen],
    *,
    body: str,
    old_after: float = 180.0,
    quiet_after: float = 180.0,
    lease: float = 15.0,
) -> None:
    """Follow a record's trace through the model.

    Args:
        trace: what was seen of it since it was saved first.
        body: fingerprint of the version that was saved first.
        old_after: seconds after which a key is old.
        quiet_after: seconds within which a request has ended.
        lease: seconds that a company stays taken after a write; 0 where the machines' clock jumps.

    Raises:
        Forbidden: something happened that the rules forbid.
    """
    one = _Replay(body, old_after, quiet_after, lease)
    for number, seen in enumerate(trace, 1):
        one.follow(number, seen)


class _Replay:
    """All states that the record may be in, given what was seen."""

    def __init__(self, body: str, old_after: float, quiet_after: float, lease: float) -> None:
        self._states = {State(LUCK, workers=(), others=True)}
        self._after = {"grow old": old_after, "grow quiet": quiet_after}
        self._since: dict[str, float] = {}
        self._lease, self._written = lease, 0.0
        self._hidden = HIDDEN
        self._versions = {body: 1}
        self._workers: dict[str, int] = {}
        self._keys: dict[str, Key] = {}
        self._objects: dict[str, int] = {"": -1}

    def follow(self, number: int, seen: Seen) -> None:
        """Go on to the states that are left once this was seen."""
        held = seen.at - self._written < self._lease
        self._hidden = HIDDEN - {"stop", "run out"} if held else HIDDEN
        for event, after in self._after.items():
            if seen.at - self._since.get(event, seen.at) >= after:
                self._since.pop(event)
                self._states = self._reach(partial(_is, event)) or self._states
        self._prepare(seen)
        if seen.what is What.SAVED:
            version = self._versions.setdefault(seen.body, len(self._versions) + 1)
            self._states = {world.saved(s, version) for s in self._states}
            return
        reached = self._reach(partial(self._fits, seen)) or self._unmoved(seen)
        right = {s for s in reached if not wrong(s)}
        if not right:
            why = min(map(wrong, reached), default="the rules do not allow it now")
            raise Forbidden(f"{number}. {seen}: {why}; it may be in {self._states}")
        self._states = right
        self._note(seen)

    def _reach(self, fits: Fits) -> set[State]:
        """Give the states after an event, with as few hidden ones before it as can be."""
        before = self._states
        for _ in range(DEEPEST + 1):
            hidden, found = set(), set()
            for s in before:
                for event, after in world.steps(s, frozenset()):
                    t = after._replace(luck=LUCK)
                    if fits(event, t):
                        found.add(t)
                    elif (
                        event[0] in self._hidden
                        or _tells_nothing(event, s, t)
                        or (event[0] == "claim" and t.workers[int(event[1])].again)
                    ):
                        hidden.add(t)
            if found:
                return found
            before = hidden
        return set()

    def _prepare(self, seen: Seen) -> None:
        """Give a new drain a place in the model: one that is idle, or one more."""
        if seen.what is not What.TAKEN or seen.worker in self._workers:
            return
        taken = set(self._workers.values())
        self._workers[seen.worker] = place = min(set(range(len(taken) + 1)) - taken)
        if any(len(s.workers) <= place for s in self._states):
            self._states = {s._replace(workers=(*s.workers, Worker())) for s in self._states}

    def _fits(self, seen: Seen, event: Event, t: State) -> bool:
        name, *details = event
        name = {"lost": What.GIVEN_BACK, "keep back": What.SETTLED}.get(str(name), name)
        if name != seen.what or (seen.worker and details[0] != self._workers.get(seen.worker)):
            return False
        match seen.what:
            case What.CLAIMED:
                return self._is_key(seen, Key(*map(int, details[1:])))
            case What.LEFT:
                return Key(*map(int, details[1:])) == self._keys.get(seen.key)
            case What.ARRIVED:
                answer = str(details[3]).removesuffix(", unheard").replace("ghost", "ok")
                key = Key(*map(int, details[:3]))
                answers = (seen.answer, "not now") if seen.answer == "refused" else (seen.answer,)
                return key == self._keys.get(seen.key) and answer in answers
            case What.SETTLED:
                known = seen.asks == "deleted" or self._objects.get(seen.on) == t.id
                return (t.key is None) == seen.ended and t.asks == seen.asks and known
            case What.DELETED | What.UNMARKED:
                return details[0] == self._objects.get(seen.on)
        return True

    def _is_key(self, seen: Seen, key: Key) -> bool:
        """Whether a request id stands for a key: the same id for the same key, and no other."""
        known = {one: request for request, one in self._keys.items()}
        same = (
            key.body == self._versions.get(seen.body)
            and key.on == self._objects.get(seen.on)
            and known.get(key, seen.key) == seen.key
        )
        return same and self._keys.get(seen.key, key) == key

    def _unmoved(self, seen: Seen) -> set[State]:
        """Give the states in which what was seen changes nothing."""
        if seen.what in (What.GIVEN_BACK, What.DIED):
            place = self._workers.get(seen.worker, -1)
            return {s for s in self._states if place < 0 or s.workers[place].at == "idle"}
        if seen.what is What.ARRIVED:  # somebody on the way repeated it, and it was known
            known = (self._keys.get(seen.key), seen.answer)
            return {s for s in self._states if known in [one[:2] for one in s.memory]}
        if seen.what is What.RETRIED:
            return {s for s in self._states if not s.asks}
        return set()

    def _note(self, seen: Seen) -> None:
        """Remember who is who, and since when."""
        s = next(iter(self._states))
        if seen.what in (What.TAKEN, What.CLAIMED, What.SETTLED):
            self._written = seen.at
        if seen.what is What.CLAIMED and s.key is not None:
            self._keys[seen.key] = s.key
            self._since = dict.fromkeys(self._after, seen.at)
        elif seen.what is What.LEFT:
            self._since["grow quiet"] = seen.at
        elif seen.what is What.ARRIVED and seen.on not in self._objects:
            self._objects[seen.on] = len(s.books) - 1
        elif seen.what in (What.GIVEN_BACK, What.DIED):
            self._workers.pop(seen.worker, None)


def _is(name: str, event: Event, _: State) -> bool:
    return event[0] == name


def _tells_nothing(event: Event, before: State, after: State) -> bool:
    """Whether an answer is written down that leaves key and question as they were."""
    return event[0] == "settle" and (before.key, before.asks) == (after.key, after.asks)
