"""A share of the simulation, and that a number replays its run.

The command `python -m tests.simulation` runs more numbers, and says what they came through.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.simulation.known import unknown
from tests.simulation.runner import Fleet, Task

if TYPE_CHECKING:
    from collections.abc import Iterable

SEEDS = range(1, 61)
REPLAYED = (1, 31, 117, 160, 186)


def test_whatever_happens_nothing_is_doubled_lost_or_wrong() -> None:
    """Two hosts and two workers under every trouble: books, database and page are right."""
    with Fleet() as fleet:
        red = {one.seed: list(map(str, unknown(one.findings))) for one in fleet.run(_tasks(SEEDS))}
    assert {seed: found for seed, found in red.items() if found} == {}


def test_a_number_replays_its_run() -> None:
    """The same number gives the same run, step by step, in whichever process."""
    tasks = _tasks(REPLAYED)
    with Fleet() as fleet, Fleet(jobs=1) as other:
        digests = {one.seed: one.digest for one in fleet.run(tasks)}
        assert {one.seed: one.digest for one in other.run(reversed(tasks))} == digests


def _tasks(seeds: Iterable[int]) -> list[Task]:
    return [Task(seed=seed) for seed in seeds]
