"""Search the model: ``uv run python -m tests.simulation.model [--luck N] [--without NAME|--all]``.

Without a flag: every order of events with up to three hostile ones, 744,079 states, in some
20 seconds. `--luck 4` sees ten million, in eight minutes and 5 GB. `--without NAME` takes one rule
away and prints the shortest counter-example; `--all` does so for every rule, and fails where one
has none. `--list` has the rules in words, and where the code differs.
"""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

from tests.simulation.model.search import MACHINES, RULES, Result, search, without
from tests.simulation.model.words import sentence

if TYPE_CHECKING:
    from tests.simulation.model.catalog import Rule


def main() -> None:
    """Read the command line, search, and print."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.simulation.model",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--luck", type=int, default=3, help="hostile events at most (3)")
    parser.add_argument("--without", choices=RULES, metavar="NAME", help="take one rule away")
    parser.add_argument("--all", action="store_true", help="each rule, one after the other")
    parser.add_argument("--list", action="store_true", help="the rules in words")
    options = parser.parse_args()
    rules = [rule for _, rule in RULES.values() if options.all or rule.name == options.without]
    if options.list:
        for _, rule in RULES.values():
            _print(
                f"{rule.name:18} {rule.says}"
                + (f"\n{'':18} Today: {rule.today}." if rule.today else "")
            )
    elif rules:
        sys.exit(min(0 if _show(rule, without(rule)) else 1 for rule in rules))
    else:
        sys.exit(_whole(options.luck))


def _whole(luck: int) -> int:
    failed = 0
    for name, machine in MACHINES.items():
        result = search(machine, luck=luck, told=lambda n: sys.stderr.write(f"\r{n:,} states"))
        sys.stderr.write("\r")
        verdict = f"RED: {result.fault}" if result.fault else "nothing goes wrong"
        _print(
            f"{name}: {result.states:,} states in {result.seconds:.0f} s, every order with up to "
            f"{luck} hostile events: {verdict}"
        )
        failed |= bool(result.fault)
        _print_path(result)
    return failed


def _show(rule: Rule, result: Result) -> bool:
    _print(f"\nWithout {rule.name!r} ({rule.says})")
    _print_path(result)
    _print(f"    {'=> ' + result.fault if result.fault else 'no counter-example'}")
    return bool(result.fault)


def _print_path(result: Result) -> None:
    for n, event in enumerate(result.path, 1):
        _print(f"    {n:2}. {sentence(event)}")


def _print(line: str) -> None:
    sys.stdout.write(line.rstrip() + "\n")


if __name__ == "__main__":
    main()
