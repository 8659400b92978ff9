"""What is known at a moment of one record, its company, two workers, and QuickBooks."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

Event = tuple[str | int, ...]
Rules = frozenset[str]


class Key(NamedTuple):
    """A request as QuickBooks knows it."""

    number: int
    body: int  # the version in it
    on: int  # the object that it updates; -1 where it creates one


class Worker(NamedTuple):
    """One drain; `at`: idle, holds (the company), planned, go (may leave), wait, told."""

    at: str = "idle"
    fence: bool = False  # the company's fence is still the one that it took
    stopped: bool = False  # for longer than its lease
    key: Key | None = None
    again: bool = False  # the row had the key already: an earlier try may have been carried out
    looked: str = ""  # yes; or decided, with the claim, that there is no need
    answer: str = ""
    seen: int = -1  # the object that the answer speaks of


class State(NamedTuple):
    """The company's row and the record's, the workers, the network and QuickBooks."""

    luck: int
    connected: bool = True
    left: bool = False  # left behind by a disconnect
    lease: str = "free"  # or held, or out
    restored: bool = False  # from a backup
    want: int = 1  # the version that was saved last
    done: int = 0  # the version that QuickBooks is known to have
    id: int = -1
    due: bool = True
    number: int = 0
    key: Key | None = None
    last: int = -1  # the number of the key that was committed last
    old: bool = True  # minutes have passed since the last key was committed
    quiet: bool = True  # and since a request last left: all of them must have ended
    asks: str = ""  # a person: refused, deleted, doubtful
    gone: bool = False  # known to be deleted in QuickBooks; nobody has said "create it again"
    workers: tuple[Worker, ...] = (Worker(), Worker())
    wire: tuple[tuple[Key, int], ...] = ()  # requests, and which worker waits for each (-1: none)
    books: tuple[tuple[bool, int, bool], ...] = ()  # objects: is there, version, has our marker
    memory: tuple[tuple[Key, str, int], ...] = ()  # what QuickBooks says to a key that it knows
    broken: str = ""
    others: bool = False  # other records of the company are due as well (in replays)


Steps = Iterator[tuple[Event, State]]


def wrong(s: State) -> str:
    """Say what is wrong with a state, "" when nothing is."""
    if sum(there for there, _, _ in s.books) > 1:
        return "the record is in QuickBooks twice"
    if at_rest(s) and s.done != s.want:
        return "an edit is lost: nothing is due, and QuickBooks has another version"
    return s.broken


def at_rest(s: State) -> bool:
    """Whether nothing is left to do for the record, as far as the plugin knows."""
    return s.connected and not (s.due or s.left or s.asks or s.key) and s.done > 0


def put(s: State, w: int, me: Worker, **changes: Any) -> State:  # noqa: ANN401  any fields
    """Change a worker, and whatever else."""
    return s._replace(workers=(*s.workers[:w], me, *s.workers[w + 1 :]), **changes)


def end_key(s: State, off: Rules, **changes: Any) -> State:  # noqa: ANN401  any fields
    """End a key; the next one has another number, so that QuickBooks does not know it."""
    return s._replace(key=None, number=s.number + ("number" not in off), **changes)
