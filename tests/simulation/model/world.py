"""What the rest of the world does to a record: network, QuickBooks, people, clock."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.simulation.model.plugin import worker_steps
from tests.simulation.model.state import Key, Rules, State, Steps, Worker, end_key, put

if TYPE_CHECKING:
    from collections.abc import Iterator


def steps(s: State, off: Rules) -> Steps:
    """Give every event that can come next, with what it leads to."""
    for w in range(len(s.workers)):
        yield from worker_steps(s, w, off)
    for n, (key, owner) in enumerate(s.wire):
        rest = s._replace(wire=s.wire[:n] + s.wire[n + 1 :])
        if owner < 0:
            yield ("vanish", *key), rest
        for answer, seen, after in _answers(rest, key, off):
            yield from _answered(after, key, owner, answer, seen)
    yield from _people(s, off)
    if s.luck:
        yield from _misfortune(s._replace(luck=s.luck - 1), off)
    yield from _time(s, off)


def _answered(s: State, key: Key, owner: int, answer: str, seen: int) -> Steps:
    if owner < 0:
        yield ("arrive", *key, answer), s
        return
    heard = "failed" if answer == "done, failed" else answer
    told = s.workers[owner]._replace(at="told", answer=heard, seen=seen)
    yield ("arrive", *key, answer), put(s, owner, told)
    if s.luck and answer == "ok":
        yield ("arrive", *key, "ok, unheard"), s._replace(luck=s.luck - 1)


def _answers(s: State, key: Key, off: Rules) -> Iterator[tuple[str, int, State]]:
    """QuickBooks gets a request: it says again what it said to the key, carries it out, or not."""
    bad = s._replace(luck=s.luck - 1)
    for answer in ("refused", "failed", "not now") if s.luck else ():  # before it is looked up
        yield answer, -1, bad
    for one, answer, seen in s.memory if "key" not in off else ():
        if one == key:
            ghost = key.on < 0 and answer == "ok" and not s.books[seen][0]
            yield "ghost" if ghost else answer, seen, s
            return
    for answer in ("refused", "failed") if s.luck else ():
        yield answer, -1, bad._replace(memory=(*s.memory, (key, answer, -1)))
    seen = len(s.books) if key.on < 0 else key.on
    if key.on >= 0 and not s.books[seen][0]:
        yield "gone", seen, s
        return
    made = (True, key.body, key.on < 0 or s.books[seen][2])
    books = (*s.books[:seen], made, *s.books[seen + 1 :])
    yield "ok", seen, s._replace(books=books, memory=(*s.memory, (key, "ok", seen)))
    if s.luck:
        remembers = (*s.memory, (key, "failed", -1))
        yield "done, failed", -1, bad._replace(books=books, memory=remembers)


def _people(s: State, off: Rules) -> Steps:
    """The office answers what it is asked, sooner or later."""
    if not s.connected:
        yield ("connect",), s._replace(connected=True)
    elif s.left:
        due = s.done != s.want or s.key is not None
        yield ("send left",), s._replace(left=False, due=due, asks="")
    elif s.id >= 0 and not (s.books[s.id][0] or s.key or s.asks):
        yield ("notice",), s._replace(asks="deleted", gone=True, due=False)
    elif not s.due and s.asks == "refused":
        yield ("retry",), s._replace(due=True, asks="")
    elif not s.due and s.asks == "deleted":
        again = end_key(s, off, id=-1, done=0, due=True, asks="")
        yield ("create again",), again._replace(gone=False)
        if "by-name" in off:
            yield ("retry",), again
    elif not s.due and s.asks == "doubtful":
        there = [n for n, (alive, _, _) in enumerate(s.books) if alive]
        if there:
            yield ("link",), end_key(s, off, id=there[0], done=0, due=True, asks="")
        else:
            yield ("not there",), s._replace(due=True, asks="")
        if "by-name" in off:
            yield ("retry",), end_key(s, off, due=True, asks="")


def saved(s: State, version: int) -> State:
    """Save a version in the CRM; while disconnected it is left behind, as everything then is."""
    return s._replace(want=version, due=s.connected, left=not s.connected, asks="")


def _misfortune(s: State, off: Rules) -> Steps:
    """What costs luck and is nobody's answer: edits, the bookkeeper, Disconnect, a restore."""
    if s.want == 1:
        yield ("save", 2), saved(s, 2)
    if s.connected:
        outside = s._replace(connected=False, lease="free", left=True, due=False)
        if "keep-key" in off and s.key:
            outside = end_key(outside, off)
        fenced = tuple(one._replace(fence=False) for one in s.workers)
        if "disconnect-fences" not in off:
            outside = outside._replace(workers=fenced)
        yield ("disconnect",), outside
    for n, (there, version, marked) in enumerate(s.books):
        if there:
            changed = (False, version, marked), (True, version, False)
            for event, one in zip(("delete", "edit"), changed, strict=True):
                yield (event, n), s._replace(books=(*s.books[:n], one, *s.books[n + 1 :]))
    if not s.wire:
        fresh = State(s.luck, restored="look-restored" not in off, others=s.others)
        idle = tuple(Worker() for _ in s.workers)
        yield ("restore",), fresh._replace(workers=idle, books=s.books, memory=s.memory)


def _time(s: State, off: Rules) -> Steps:
    """Seconds and minutes pass; a living worker that has looked sends within seconds."""
    holders = [w for w, one in enumerate(s.workers) if one.fence and s.lease == "held"]
    for w in holders:
        me = s.workers[w]
        if s.luck:
            stopped = put(s, w, me._replace(stopped=True), lease="out")
            yield ("stop", w), stopped._replace(luck=s.luck - 1)
        if me.at == "wait" and "renew" in off:
            yield ("run out",), s._replace(lease="out")
    if s.lease == "held" and not holders:
        yield ("run out",), s._replace(lease="out")
    if any(one.at == "go" and one.looked == "yes" and not one.stopped for one in s.workers):
        return
    if not s.old:
        yield ("grow old",), s._replace(old=True)
    if not s.quiet and (not s.wire or "requests-end" in off):
        yield ("grow quiet",), s._replace(old=True, quiet=True)
    under_way = [key for key, _ in s.wire]
    for n, (key, _, _) in enumerate(s.memory):
        recent = not s.old and key.number == s.last
        if "remembers" in off or not (recent or key in under_way):
            yield ("forget", *key), s._replace(memory=s.memory[:n] + s.memory[n + 1 :])
