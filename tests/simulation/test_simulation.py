"""The default share of the simulation, and that a number replays its run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.simulation.known import KNOWN, case_of, unknown
from tests.simulation.reached import MUST
from tests.simulation.runner import Fleet, Task

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tests.simulation.runner import Result

SEEDS = range(1, 201)
FURTHER = range(201, 801)
"""Numbers that are tried besides for a known case that the share did not find."""
AT_ONCE = 40
REPLAYED = (1, 31, 117, 160, 186)


def test_whatever_happens_nothing_is_doubled_lost_or_wrong() -> None:
    """Two hosts and two workers under every trouble: books, database and page are right.

    What is listed as known is found (once it is mended it goes off the list), and each state that
    a safeguard is there for is reached by some run.
    """
    with Fleet() as fleet:
        share = list(fleet.run(_tasks(SEEDS)))
        red = {one.seed: list(map(str, unknown(one.findings))) for one in share}
        assert {seed: found for seed, found in red.items() if found} == {}
        assert MUST - {state for one in share for state in one.reached} == set()
        missing = {known.case for known in KNOWN if not known.seldom} - _cases(share)
        for start in range(0, len(FURTHER), AT_ONCE):
            if missing:
                missing -= _cases(fleet.run(_tasks(FURTHER[start : start + AT_ONCE])))
        assert missing == set(), "mended? take it off the list"


def test_a_number_replays_its_run() -> None:
    """The same number gives the same run, step by step, in whichever process."""
    tasks = _tasks(REPLAYED)
    with Fleet() as fleet, Fleet(jobs=1) as other:
        digests = {one.seed: one.digest for one in fleet.run(tasks)}
        assert {one.seed: one.digest for one in other.run(reversed(tasks))} == digests


def _tasks(seeds: Iterable[int]) -> list[Task]:
    return [Task(seed=seed) for seed in seeds]


def _cases(results: Iterable[Result]) -> set[str]:
    """Return the known cases that some runs found."""
    cases = {case_of(finding) for one in results for finding in one.findings}
    return {case for case in cases if case is not None}
