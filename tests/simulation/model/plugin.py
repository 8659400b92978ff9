"""The rules of "never twice", as a machine: what a worker may do with one record, and when.

A name in `off` takes one rule away (`catalog` has each in words); `world` is what happens around,
`search` tries every order of events. Left out: SyncTokens (QuickBooks' own guard of updates), what
a record stands on, and several records of a company.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.simulation.model.state import Key, Rules, State, Steps, Worker, end_key, put

if TYPE_CHECKING:
    from collections.abc import Callable

OF_RECORD = ("ok", "ghost", "found")
"""Answers that say where the record is; a ghost is one that says so of a deleted object."""
NO_NEWS = ("silence", "failed", "nothing")


def worker_steps(s: State, w: int, off: Rules) -> Steps:
    """Give what a worker can do next."""
    me = s.workers[w]
    if s.luck and me.at != "idle":
        yield ("die", w), put(s, w, Worker(), wire=_orphaned(s, w), luck=s.luck - 1)
    rule = f"fence-{'claim' if me.at == 'planned' else 'send'}"
    if me.at in ("planned", "go") and not (me.fence or rule in off):
        yield ("lost", w), put(s, w, Worker())
    else:
        yield from _DOES[me.at](s, w, off)


def _orphaned(s: State, w: int) -> tuple[tuple[Key, int], ...]:
    return tuple((key, -1 if owner == w else owner) for key, owner in s.wire)


def _take(s: State, w: int, off: Rules) -> Steps:
    if not s.connected or not (s.due or s.others) or (s.lease == "held" and "lease" not in off):
        return
    alive = any(one.fence and not one.stopped for one in s.workers)
    broken = "two workers, both alive, have the company" if alive else ""
    fenced = s._replace(workers=tuple(one._replace(fence=False) for one in s.workers))
    yield ("take", w), put(fenced, w, Worker("holds", fence=True), lease="held", broken=broken)


def _plan(s: State, w: int, off: Rules) -> Steps:
    me = s.workers[w]
    yield ("release", w), put(s, w, Worker(), lease="free" if me.fence else s.lease)
    if s.due and s.key is None and s.done == s.want:
        yield ("unchanged", w), s._replace(due=False)
    elif s.due:
        again = s.key is not None
        key = Key(s.number, s.want, s.id) if s.key is None or "body" in off else s.key
        yield ("plan", w), put(s, w, me._replace(at="planned", key=key, again=again))


def _written(s: State, w: int) -> State:
    """Prolong the lease, as each write of a drain does; without its fence, the drain ends."""
    fence = s.workers[w].fence
    holds = Worker("holds", fence=True) if fence else Worker()
    return put(s, w, holds, lease="held" if fence else s.lease)


def _claim(s: State, w: int, off: Rules) -> Steps:
    me = s.workers[w]
    assert me.key is not None
    key = me.key
    new = s.due and s.key is None and key[1:] == (s.want, s.id)
    kept = s.key == key or not off.isdisjoint(("row-key", "body", "commit-first"))
    if not (kept if me.again else new):
        yield ("pass", w), _written(s, w)
        return
    broken = ""
    if not me.again and me.key.number < s.number:
        broken = "a key that had ended is used again"
    elif me.key.on < 0 and s.gone:
        broken = "deleted in QuickBooks, and created again although nobody said so"
    if not (me.again or "commit-first" in off):
        s = s._replace(key=key, last=key.number, old=False, quiet=False)
    elif "body" in off and s.key is not None:
        s = s._replace(key=key)
    no_need = "age-at-send" in off and not (s.old or s.restored)
    me = me._replace(at="go", looked="no need" if no_need else "", stopped=False)
    yield ("claim", w, *key), put(s, w, me, lease="held" if me.fence else s.lease, broken=broken)


def _leave(s: State, w: int, off: Rules) -> Steps:
    me = s.workers[w]
    assert me.key is not None
    must_look = (me.key.on < 0 and s.restored) or (me.again and s.old and "look-first" not in off)
    if not me.looked and (must_look or me.again):
        yield from _look(s, w, off)
    if s.luck and not (me.again or me.looked):  # nothing has left under this key, and nothing will
        yield ("keep back", w), end_key(_written(s, w), off, luck=s.luck - 1)
    if me.looked or not must_look:
        broken = "" if s.connected else "a request left after Disconnect"
        sent = s._replace(wire=(*s.wire, (me.key, w)), quiet=s.quiet and "quiet" in off)
        yield ("send", w, *me.key), put(sent, w, me._replace(at="wait"), broken=broken)
        if s.luck and "no-repeats" in off:
            twice = sent._replace(wire=(*sent.wire, (me.key, -1)), luck=s.luck - 1)
            yield ("send twice", w, *me.key), put(twice, w, me._replace(at="wait"))


def _look(s: State, w: int, off: Rules) -> Steps:
    me = s.workers[w]
    assert me.key is not None
    answer, seen = "absent" if s.quiet or "ended" in off else "nothing", -1
    for n, (there, version, marked) in enumerate(s.books):
        if me.key.on < 0 and there and "look-sees" not in off:
            answer, seen = "found" if marked else "doubtful", n
        elif n == me.key.on and (not there or version == me.key.body):
            answer, seen = "found" if there else "gone", n
    if seen < 0 and me.at == "go" and (not me.again or (s.old and "old-rests" in off)):
        yield ("look", w, "nothing"), put(s, w, me._replace(at="go", looked="yes"))
    if me.key.on >= 0 and s.books[me.key.on][0]:  # its SyncToken is news enough to write it anew
        yield ("look", w, "read"), put(s, w, me._replace(at="told", answer="read"))
    if seen >= 0 or me.again:
        yield ("look", w, answer), put(s, w, me._replace(at="told", answer=answer, seen=seen))


def _wait(s: State, w: int, off: Rules) -> Steps:  # noqa: ARG001  as the others
    wire = _orphaned(s, w)
    unlucky = wire != s.wire  # its request has not arrived yet
    if s.luck or not unlucky:
        told = s.workers[w]._replace(at="told", answer="silence")
        yield ("silence", w), put(s, w, told, wire=wire, luck=s.luck - unlucky)


def _settle(s: State, w: int, off: Rules) -> Steps:
    me, after = s.workers[w], _written(s, w)
    if me.key is not None and me.answer == "refused":
        if (me.again and "resend-refused" not in off) or me.key.on >= 0:
            yield from _look(s, w, off)
        if me.again and "resend-refused" not in off:
            return
    may = me.fence or me.answer in OF_RECORD or "fence-settle" in off
    if may and (s.key == me.key or "commit-first" in off):
        after = _apply_key_rule(after, me, off)
    yield ("settle", w, me.answer), after


def _apply_key_rule(s: State, me: Worker, off: Rules) -> State:
    """Write down what an answer makes of the row: whether its key ends, above all."""
    assert me.key is not None
    answer, changed = me.answer, me.key.body != s.want and s.connected and not s.left
    late = not me.fence  # what was deleted meanwhile is as if deleted right afterwards
    if answer == "ghost" and (me.again or s.restored) and not late and "confirm" not in off:
        answer = "gone"
    if answer in ("silence", "failed") and answer in off:
        answer = "refused"
    if answer in NO_NEWS or (answer == "not now" and me.again) or answer in off & {"absent"}:
        return s  # key and body stay; (without "absent", a stored failure is repeated for ever)
    if answer in OF_RECORD:
        done = s.books[me.seen][1] if answer == "found" else me.key.body
        due = done != s.want and s.connected and not (s.left or "newer" in off)
        s = s._replace(id=me.seen, done=done, due=due)
        if answer == "ghost" and not late:
            s = s._replace(broken="called synced, though it had been deleted")
    elif answer == "gone":
        s = s._replace(id=me.seen, due=False, asks="deleted", gone=True)
        if "ask-deleted" in off:
            s = s._replace(id=-1, done=0, due=True, asks="")
    elif answer == "refused":
        s = s._replace(due=changed, asks="" if changed else "refused")
    elif answer == "doubtful":
        return s._replace(due=False, asks="doubtful")
    return end_key(s, off)


_DOES: dict[str, Callable[[State, int, Rules], Steps]] = {
    "idle": _take,
    "holds": _plan,
    "planned": _claim,
    "go": _leave,
    "wait": _wait,
    "told": _settle,
}
