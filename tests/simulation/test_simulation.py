"""The default share of the simulation, and that a number replays its run."""

from __future__ import annotations

from tests.simulation.known import KNOWN, case_of, unknown
from tests.simulation.reached import MUST
from tests.simulation.runner import Fleet, Task

SEEDS = 200
REPLAYED = (1, 31, 117, 160, 186)


def test_whatever_happens_nothing_is_doubled_lost_or_wrong() -> None:
    """Two hosts and two workers under every trouble: books, database and page are right.

    What is listed as known is found (once it is mended it goes off the list), and each state that
    a safeguard is there for is reached by some run.
    """
    with Fleet() as fleet:
        share = list(fleet.run([Task(seed=seed) for seed in range(1, SEEDS + 1)]))
    red = {one.seed: list(map(str, unknown(one.findings))) for one in share}
    assert {seed: found for seed, found in red.items() if found} == {}
    found = {case_of(finding) for one in share for finding in one.findings}
    assert {known.case for known in KNOWN} - found == set()
    assert MUST - {state for one in share for state in one.reached} == set()


def test_a_number_replays_its_run() -> None:
    """The same number gives the same run, step by step, in whichever process."""
    tasks = [Task(seed=seed) for seed in REPLAYED]
    with Fleet() as fleet, Fleet(jobs=1) as other:
        digests = {one.seed: one.digest for one in fleet.run(tasks)}
        assert {one.seed: one.digest for one in other.run(reversed(tasks))} == digests
