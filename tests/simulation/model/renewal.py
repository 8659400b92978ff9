"""The renewal of a company's tokens, as a machine like that of `plugin` and `world`.

A refresh token is (consent, turn): whoever presents the one that is good gets the next turn, and
Intuit takes the one before no more (the hardest reading; it may let it live for a day).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.simulation.model.state import Event, Rules

    Steps = Iterator[tuple[Event, "Tokens"]]

Token = tuple[int, int]
NONE = (0, 0)
TURNS = 2
"""Renewals of a consent, so that a search ends."""


class Keeper(NamedTuple):
    """A worker; `at`: idle, read, asking (it has the lock), got, refused, use."""

    at: str = "idle"
    token: Token = NONE


class Tokens(NamedTuple):
    """The company's row, the workers, and what Intuit takes."""

    luck: int
    stored: Token = (1, 0)
    lock: int = -1
    consent: int = 1
    good: tuple[Token, ...] = ((1, 0),)
    connected: bool = True
    expired: bool = False
    excused: bool = False  # access was taken away, or somebody died or slept with news in hand
    workers: tuple[Keeper, ...] = (Keeper(), Keeper())
    broken: str = ""


def wrong(s: Tokens) -> str:
    """Say what is wrong with a state, "" when nothing is."""
    if not s.connected and s.stored != NONE:
        return "tokens are stored after Disconnect"
    if s.connected and s.stored[0] != s.consent:
        return "tokens of an older consent were stored over a person's new ones"
    if s.expired and not s.excused:
        return "marked as expired, though nobody took access away"
    if s.expired and s.stored in s.good:
        return "marked as expired, though the stored token is good"
    return s.broken


def at_rest(s: Tokens) -> bool:
    """Whether the connection works."""
    return s.connected and not s.expired and s.stored in s.good


def steps(s: Tokens, off: Rules) -> Steps:
    """Give every event that can come next, with what it leads to."""
    for w, me in enumerate(s.workers):
        yield from _worker(s, w, me, off)
        if s.luck and me.at not in ("idle", "read"):
            bad = s._replace(luck=s.luck - 1, excused=s.excused or me.at in ("asking", "got"))
            yield ("die", w), _put(bad, w)
            if s.lock == w:
                yield ("stop", w), bad._replace(lock=-1)
    if s.lock >= 0 and s.workers[s.lock].at in ("idle", "read"):
        yield ("lock ends",), s._replace(lock=-1)
    new = (s.consent + 1, 0)
    fresh = s._replace(consent=new[0], stored=new, lock=-1)
    fresh = fresh._replace(connected=True, expired=False, excused=False)
    if s.expired or not s.connected:
        yield ("connect",), fresh._replace(good=(new,))
    elif s.luck:
        bad = fresh._replace(luck=s.luck - 1)
        yield ("connect",), bad._replace(good=(*s.good, new))
        gone = s._replace(luck=s.luck - 1, good=(), excused=True)
        yield ("taken away",), gone
        yield ("disconnect",), gone._replace(connected=False, stored=NONE, lock=-1)


def _put(s: Tokens, w: int, at: str = "idle", token: Token = NONE, **changes: Any) -> Tokens:  # noqa: ANN401
    workers = (*s.workers[:w], Keeper(at, token), *s.workers[w + 1 :])
    return s._replace(workers=workers, **changes)


def _worker(s: Tokens, w: int, me: Keeper, off: Rules) -> Steps:
    match me.at:
        case "idle" if s.connected and not s.expired:
            if s.stored[1] < TURNS or s.stored not in s.good:
                yield ("read", w), _put(s, w, "read", s.stored)
        case "read":
            if s.stored != me.token and not ("re-read" in off and s.lock < 0):
                yield ("leave", w), _put(s, w)  # renewed, or disconnected, meanwhile
            elif s.lock < 0 or "lock" in off:
                yield ("lock", w), _put(s, w, "asking", me.token, lock=w)
        case "asking":
            yield ("ask", w), _ask(s, w, me.token)
        case "use":
            yield ("use", w), _put(s, w)
        case "got" | "refused":
            yield from _note(s, w, me, off)


def _ask(s: Tokens, w: int, token: Token) -> Tokens:
    if token in s.good:
        following = (token[0], token[1] + 1)
        good = tuple(following if one == token else one for one in s.good)
        return _put(s, w, "got", following, good=good)
    used = s.stored[0] == token[0] and s.stored[1] > token[1] and not s.excused
    broken = "a used refresh token is presented once more" if used else ""
    return _put(s, w, "refused", token, broken=broken)


def _note(s: Tokens, w: int, me: Keeper, off: Rules) -> Steps:
    """Write down what Intuit said, while the lock is one's own."""
    mine = s.lock == w
    unlocked = -1 if mine else s.lock
    if me.at == "refused":
        expired = s.expired or mine or "expire-owner" in off
        yield ("expire", w), _put(s, w, expired=expired, lock=unlocked)
        return
    if "store-first" in off:
        yield ("use", w), s._replace(broken="a token is used before it is stored")
    if mine or "owner" in off:
        yield ("store", w), _put(s, w, "use", me.token, stored=me.token, lock=unlocked)
    else:
        yield ("leave", w), _put(s, w)
