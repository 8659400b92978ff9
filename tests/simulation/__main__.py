"""``python -m tests.simulation``: runs numbers, and names those that are red.

Promises one last line that says what was run and what was red. Promises to end with a status other
than 0 where anything was red, and where so many numbers did not come through all that they must.
"""

from __future__ import annotations

import argparse
import sys
import time
from typing import TYPE_CHECKING

from tests.simulation.hunt import first
from tests.simulation.known import case_of, unknown
from tests.simulation.planted import BUGS
from tests.simulation.reached import MANY, missing
from tests.simulation.runner import Fleet, Result, Task
from tests.simulation.shrink import shrink

if TYPE_CHECKING:
    from collections.abc import Sequence

ALL = "all"
EVERY = 5.0
"""Seconds between two words on how far it is."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run what the command line asks for."""
    asked = _parser().parse_args(arguments)
    if asked.planted == ALL:
        return hunt_all(asked)
    tasks = [
        Task(
            seed=seed,
            planted=asked.planted,
            leave_out=frozenset(asked.leave_out),
            story=asked.story,
        )
        for seed in range(asked.first, asked.first + asked.seeds)
    ]
    results = []
    last = time.monotonic()
    with Fleet(jobs=asked.jobs, postgres=asked.database == "postgres") as fleet:
        for result in fleet.run(tasks):
            results.append(result)
            told = unknown(result.findings) if not asked.all else result.findings
            say(*result.story, *(f"{result.seed}: {finding}" for finding in told))
            if time.monotonic() - last > EVERY:
                last = time.monotonic()
                sys.stderr.write(f"... {len(results)} of {len(tasks)}\n")
        red = sorted(result.seed for result in results if unknown(result.findings))
        say(*known_of(results))
        if asked.shrink and red:
            say(shrink(fleet, next(task for task in tasks if task.seed == red[0])))
    states = frozenset(state for result in results for state in result.reached)
    tame = missing(len(tasks), states)
    say(*(f"not reached: {state}" for state in tame), summary(results))
    return 1 if red or (tame and len(tasks) >= MANY) else 0


def hunt_all(asked: argparse.Namespace) -> int:
    """Look for every planted bug."""
    seeds = range(asked.first, asked.first + asked.seeds)
    missed = []
    with Fleet(jobs=asked.jobs, postgres=asked.database == "postgres") as fleet:
        for name, bug in BUGS.items():
            found = first(fleet, name, seeds)
            missed += [] if found else [name]
            told = "NOT FOUND" if found is None else f"{found[0]}: {str(found[1]).splitlines()[0]}"
            say(f"{bug.area:9} {name:28} {told}")
    say(f"{len(BUGS)} bugs, {len(BUGS) - len(missed)} found, missed: {missed}")
    return 1 if missed else 0


def say(*lines: str) -> None:
    """Write lines down at once."""
    sys.stdout.write("".join(f"{line}\n" for line in lines))
    sys.stdout.flush()


def known_of(results: Sequence[Result]) -> list[str]:
    """Say which numbers found which known case."""
    found: dict[str, set[int]] = {}
    for result in results:
        for case in map(case_of, result.findings):
            if case is not None:
                found.setdefault(case, set()).add(result.seed)
    return [f"known {case}: {sorted(seeds)}" for case, seeds in sorted(found.items())]


def summary(results: Sequence[Result]) -> str:
    """Say in one line what was run."""
    red = sorted(result.seed for result in results if unknown(result.findings))
    return (
        f"{len(results)} seeds, {sum(one.steps for one in results)} steps, "
        f"{sum(one.kills for one in results)} kills, {sum(one.faults for one in results)} faults, "
        f"{len(red)} red: {red}"
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument("--seeds", type=int, default=200, help="how many numbers")
    parser.add_argument("--from", dest="first", type=int, default=1, help="the first of them")
    parser.add_argument("--database", choices=("sqlite", "postgres"), default="sqlite")
    parser.add_argument(
        "--planted",
        default="",
        metavar="NAME",
        help="a bug to work with, or all, to look for each of them",
    )
    parser.add_argument("--jobs", type=int, default=None, help="processes; one on each core")
    parser.add_argument("--all", action="store_true", help="tell of known findings, too")
    parser.add_argument("--story", action="store_true", help="tell what happened, step by step")
    parser.add_argument(
        "--shrink", action="store_true", help="leave out what the first red needs not"
    )
    parser.add_argument(
        "--leave-out",
        type=int,
        nargs="*",
        default=(),
        metavar="N",
        help="events that do not happen",
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
