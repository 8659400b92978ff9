"""Mutate the code where money moves: ``uv run --group mutation python -m tests.mutation``.

For each part (`parts`) a copy of the project is made in `.mutation/`, and mutmut changes one
expression at a time there and runs the tests that reach it: a change that no test notices has
survived. A run that was broken off goes on where it was; after a change of the code only the
functions that changed are tried again. At the end: the score by module, and each survivor.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import shutil
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Final

import attrs

from tests.mutation.parts import PARTS, Part

ROOT: Final = Path(__file__).resolve().parents[2]
WORK: Final = ROOT / ".mutation"
COPIED: Final = ("dunahub_qbo_plugin", "hookspecs", "fixtures", "tests", "README.md", "LICENSE")
PYTEST: Final = ("-n0", "-q", "-p", "no:cacheprovider", "--timeout=120", "-k", "not postgres")
QUIET: Final = (r"log\.\w+\(", "raise AssertionError", "assert ")
"""What is not changed: what is only logged, and what a type checker wants to hear."""
KILLED: Final = frozenset({1, 2, 3, 24, 36, 37, 152, 255, -24, -11, -9, -6})
"""Exit codes of a child that noticed: a test failed, it hung, or Python gave up."""
LOOK_AGAIN: Final = 5.0
"""Seconds between two looks at what mutmut says."""
SURVIVED: Final = 0
UNREACHED: Final = frozenset({5, 33})


@attrs.frozen(kw_only=True)
class Score:
    """What came of the mutants of one module."""

    killed: int = 0
    survivors: tuple[str, ...] = ()
    unreached: int = 0
    untried: int = 0

    @property
    def tried(self) -> int:
        """Mutants that the score counts: whatever no test reaches has survived."""
        return self.killed + len(self.survivors) + self.unreached

    @property
    def percent(self) -> float:
        """Share of the mutants that a test noticed."""
        return 100 * self.killed / self.tried if self.tried else 0.0


def main() -> None:
    """Read the command line, mutate, and print the table."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.mutation",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--module", choices=PARTS, nargs="+", default=list(PARTS))
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="mutants at a time")
    parser.add_argument("--report", action="store_true", help="only print what is known so far")
    parser.add_argument("--survivors", action="store_true", help="print each survivor's change")
    parser.add_argument("--fresh", action="store_true", help="forget what is known so far")
    options = parser.parse_args()
    for name in options.module:
        folder = WORK / name
        if options.fresh:
            shutil.rmtree(folder, ignore_errors=True)
        if not options.report:
            _run(folder, PARTS[name], options.jobs)
    _print("| module | mutants | noticed | survived | reached by no test | score |")
    _print("|---|---|---|---|---|---|")
    survivors = [one for name in options.module for one in _report(WORK / name)]
    for folder, key in survivors if options.survivors else ():
        shown = subprocess.run(  # noqa: S603  our own tool
            [sys.executable, "-m", "mutmut", "show", key],
            cwd=folder,
            capture_output=True,
            text=True,
            check=False,
        )
        _print(shown.stdout)


def _run(folder: Path, part: Part, jobs: int) -> None:
    _copy(folder)
    missing = [test for test in part.tests if not (ROOT / "tests" / test).exists()]
    if missing:
        sys.exit(f"tests.mutation.parts names tests that are not there: {', '.join(missing)}")
    (folder / "setup.cfg").write_text(_settings(part), encoding="utf-8")
    began = time.monotonic()
    command = ["nice", "-n", "19", sys.executable, "-m", "mutmut", "run"]
    log = folder / "mutmut.log"
    with log.open("wb") as written:
        mutmut = subprocess.Popen(  # noqa: S603  our own tool
            [*command, "--max-children", str(jobs)],
            cwd=folder,
            stdout=written,
            stderr=subprocess.STDOUT,
        )
        while _goes_on(mutmut):
            sys.stderr.write(f"\r{folder.name}: {_last(log)[:90]:90}")
    sys.stderr.write("\r" + 110 * " " + "\r")
    if mutmut.returncode:
        sys.exit(f"mutmut gave up on {folder.name} ({mutmut.returncode}); see {log}")
    took = (time.monotonic() - began) / 60
    _print(f"{folder.name}: {took:.0f} minutes, {jobs} at a time")


def _goes_on(mutmut: subprocess.Popen[bytes]) -> bool:
    try:
        mutmut.wait(timeout=LOOK_AGAIN)
    except subprocess.TimeoutExpired:
        return True
    return False


def _last(log: Path) -> str:
    """Return the last line that mutmut drew; it draws one over the other."""
    return log.read_text(encoding="utf-8", errors="replace").rpartition("\r")[2].strip()


def _settings(part: Part) -> str:
    def lines(name: str, values: tuple[str, ...]) -> str:
        return f"{name} =" + "".join(f"\n    {value}" for value in values) + "\n"

    return "[mutmut]\n" + "".join(
        (
            lines("source_paths", ("dunahub_qbo_plugin",)),
            lines("only_mutate", tuple(f"dunahub_qbo_plugin/{one}" for one in part.files)),
            lines("do_not_mutate_patterns", QUIET),
            lines("also_copy", COPIED[1:]),
            lines("pytest_add_cli_args", PYTEST),
            lines(
                "pytest_add_cli_args_test_selection", tuple(f"tests/{one}" for one in part.tests)
            ),
            "process_isolation = forkserver\n",
            "use_git_change_detection = false\n",
            "on_dependency_change = ignore\n",
        )
    )


def _copy(folder: Path) -> None:
    """Bring the copy up to date; a file that did not change keeps its time."""
    git = shutil.which("git") or "git"
    which = ("--cached", "--others", "--exclude-standard", *COPIED, "pyproject.toml")
    listed = subprocess.run(  # noqa: S603  our own command
        [git, "ls-files", *which],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    names = [name for name in listed.stdout.splitlines() if (ROOT / name).is_file()]
    for name in names:
        source, target = ROOT / name, folder / name
        if not target.exists() or target.read_bytes() != source.read_bytes():
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, target)
    kept = {folder / name for name in names}
    for top in COPIED:
        for old in (folder / top).rglob("*.py"):
            if old not in kept:
                old.unlink()


def _report(folder: Path) -> list[tuple[Path, str]]:
    """Print the score of each module of a part; gives its survivors."""
    found = []
    for meta in sorted((folder / "mutants").rglob("*.py.meta")):
        results = json.loads(meta.read_text(encoding="utf-8"))["exit_code_by_key"]
        if not results:
            continue
        name = str(meta.relative_to(folder / "mutants").with_suffix("")).removesuffix(".py")
        score = _score(results)
        left = f" ({score.untried} to be tried)" if score.untried else ""
        _print(
            f"| `{name.split('/', 1)[1]}` | {score.tried}{left} | {score.killed} | "
            f"{len(score.survivors)} | {score.unreached} | {score.percent:.0f} % |"
        )
        found += [(folder, key) for key in score.survivors]
    return found


def _score(results: dict[str, int | None]) -> Score:
    codes = Counter(results.values())
    return Score(
        killed=sum(number for code, number in codes.items() if code in KILLED),
        survivors=tuple(key for key, code in results.items() if code == SURVIVED),
        unreached=sum(number for code, number in codes.items() if code in UNREACHED),
        untried=codes[None],
    )


def _print(line: str) -> None:
    with contextlib.suppress(BrokenPipeError):
        sys.stdout.write(line + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
