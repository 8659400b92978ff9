"""Search of every order of events, shortest first."""

from __future__ import annotations

import time
from array import array
from typing import TYPE_CHECKING, Any, Final

import attrs

from tests.simulation.model import renewal, state, world
from tests.simulation.model.catalog import ASSUMPTIONS, RENEWAL, SENDING, Rule

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator

    from tests.simulation.model.state import Event, Rules

UNFAIR: Final = frozenset({"forget"})
"""What nobody can count on: QuickBooks may remember a failure for ever."""


@attrs.frozen(kw_only=True)
class Machine:
    """What is searched.

    Attributes:
        start: the first state, with so much luck.
        steps: what can happen next.
        wrong: what is wrong with a state.
        at_rest: whether all is done, which must remain within reach without more bad luck.
    """

    start: Callable[[int], Any]
    steps: Callable[[Any, Rules], Iterator[tuple[Event, Any]]]
    wrong: Callable[[Any], str]
    at_rest: Callable[[Any], bool]


MACHINES: Final = {
    "sending": Machine(
        start=state.State, steps=world.steps, wrong=state.wrong, at_rest=state.at_rest
    ),
    "renewal": Machine(
        start=renewal.Tokens, steps=renewal.steps, wrong=renewal.wrong, at_rest=renewal.at_rest
    ),
}
RULES: Final = {
    **{rule.name: ("sending", rule) for rule in (*SENDING, *ASSUMPTIONS)},
    **{rule.name: ("renewal", rule) for rule in RENEWAL},
}


@attrs.frozen(kw_only=True)
class Result:
    """What a search came to.

    Attributes:
        states: how many different states were seen.
        seconds: how long it took.
        fault: what can go wrong, "" when nothing can.
        path: the shortest way there.
        whole: False where the search ended at its limit.
    """

    states: int
    seconds: float
    fault: str = ""
    path: tuple[Event, ...] = ()
    whole: bool = True


def without(rule: Rule) -> Result:
    """Search for the counter-example to the model without one rule."""
    machine, _ = RULES[rule.name]
    return search(MACHINES[machine], luck=rule.luck, off={rule.name}, only=rule.only)


def search(
    machine: Machine,
    *,
    luck: int,
    off: Collection[str] = (),
    only: Collection[str] = (),
    limit: int = 2**32 - 1,
    told: Callable[[int], object] = lambda _: None,
) -> Result:
    """Try every order of events, until something goes wrong or there is nothing new.

    Args:
        machine: what is searched.
        luck: how many hostile events at most.
        off: rules that are taken away.
        only: hostile events that may happen, all when empty.
        limit: states after which it ends.
        told: called with the number of states now and then.
    """
    began = time.monotonic()
    seen = _Seen(machine, machine.start(luck))
    fault = seen.explore(frozenset(off), frozenset(only), limit, told)
    last, whole = len(seen.states) - 1, len(seen.states) < limit
    if not fault and whole and (stuck := seen.stuck()) is not None:
        fault, last = "it waits for ever, though nothing more goes wrong", stuck
    return Result(
        states=len(seen.states),
        seconds=time.monotonic() - began,
        fault=fault,
        path=seen.way(last) if fault else (),
        whole=whole,
    )


class _Seen:
    """The states that were seen, and how one came there."""

    def __init__(self, machine: Machine, start: Any) -> None:  # noqa: ANN401  of the machine
        self._machine = machine
        self.states = [start]
        self._numbers = {start: 0}
        self._came: list[tuple[int, Event]] = [(0, ())]
        self._origins, self._targets = array("I"), array("I")

    def explore(self, off: Rules, only: Rules, limit: int, told: Callable[[int], object]) -> str:
        """See all there is; gives what is wrong with the last state, and then ends there."""
        for n, s in enumerate(self.states):
            if n % 50_000 == 0:
                told(len(self.states))
            for event, t in self._machine.steps(s, off):
                fair = t.luck == s.luck
                if fair or not only or event[0] in only:
                    fault = self._add(n, event, t, counts=fair and event[0] not in UNFAIR)
                    if fault:
                        return fault
            if len(self.states) >= limit:
                break
        return ""

    def _add(self, origin: int, event: Event, t: Any, *, counts: bool) -> str:  # noqa: ANN401
        number = self._numbers.setdefault(t, len(self.states))
        if counts:
            self._origins.append(origin)
            self._targets.append(number)
        if number < len(self.states):
            return ""
        self.states.append(t)
        self._came.append((origin, event))
        return self._machine.wrong(t)

    def way(self, number: int) -> tuple[Event, ...]:
        """Return the events that lead to a state, a shortest way."""
        back = []
        while number:
            number, event = self._came[number]
            back.append(event)
        return tuple(reversed(back))

    def stuck(self) -> int | None:
        """Find the first state from which nothing leads to rest without more bad luck."""
        rest = [n for n, s in enumerate(self.states) if self._machine.at_rest(s)]
        return _first_that_cannot(len(self.states), rest, self._origins, self._targets)


def _first_that_cannot(
    count: int, goals: list[int], origins: array[int], targets: array[int]
) -> int | None:
    """Find the first state from which no way leads to a goal."""
    begins = array("I", bytes(4 * (count + 1)))
    for target in targets:
        begins[target + 1] += 1
    for n in range(count):
        begins[n + 1] += begins[n]
    free, before = array("I", begins), array("I", bytes(4 * len(origins)))
    for origin, target in zip(origins, targets, strict=True):
        before[free[target]] = origin
        free[target] += 1
    can = bytearray(count)
    while goals:
        n = goals.pop()
        if not can[n]:
            can[n] = 1
            goals += before[begins[n] : begins[n + 1]]
    stuck = can.find(0)
    return None if stuck < 0 else stuck
