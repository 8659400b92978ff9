"""Leaves out of a red run whatever it does not need to be red.

Promises that what is left is red in the same way. Promises to end after some hundred runs at most.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

from tests.simulation.profile import draw

if TYPE_CHECKING:
    from tests.simulation.runner import Fleet, Task


def shrink(fleet: Fleet, task: Task) -> str:
    """Say which events of a red run are enough for its first finding."""
    kinds = _kinds(fleet, task)
    if not kinds:
        return f"{task.seed} is green"
    plan = draw(task.seed).plan
    kept = [number for number in range(len(plan)) if number not in task.leave_out]
    size = len(kept) // 2
    while size:
        for start in range(0, len(kept), size):
            left_out = set(range(len(plan))) - set(kept) | set(kept[start : start + size])
            if kinds[0] in _kinds(fleet, attrs.evolve(task, leave_out=frozenset(left_out))):
                kept = [number for number in kept if number not in left_out]
        size //= 2
    told = ", ".join(f"{number} {plan[number].name}" for number in kept)
    numbers = " ".join(str(number) for number in range(len(plan)) if number not in kept)
    return f"{task.seed} is red ({kinds[0]}) with: {told}\n--leave-out {numbers}"


def _kinds(fleet: Fleet, task: Task) -> list[str]:
    (result,) = fleet.run([task])
    return [finding.kind for finding in result.findings]
