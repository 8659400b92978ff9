"""Looks for the number that finds a planted bug.

Promises that a bug counts as found only by what is no known case. Promises to stop at the first
such number.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.simulation.known import unknown
from tests.simulation.runner import Task

if TYPE_CHECKING:
    from tests.simulation.checks import Finding
    from tests.simulation.runner import Fleet

AT_ONCE = 8
"""Numbers that are tried before looking at what they found."""


def first(fleet: Fleet, bug: str, seeds: range) -> tuple[int, Finding] | None:
    """Return the first number that finds a bug, and what it finds; None if none does."""
    for start in range(0, len(seeds), AT_ONCE):
        tasks = [Task(seed=seed, planted=bug) for seed in seeds[start : start + AT_ONCE]]
        for result in sorted(fleet.run(tasks), key=lambda one: one.seed):
            for finding in unknown(result.findings):
                return result.seed, finding
    return None
