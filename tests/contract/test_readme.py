"""What the README says is what the code does."""

from __future__ import annotations

import inspect
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from dunahub_hookspecs import DunaHubSpecs
from dunahub_qbo_plugin.config import PREFIX, Config

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")

COMMANDS = """\
    pip install uv && uv run dunahub-qbo demo          # the main job: a demo CRM and a QuickBooks on your machine
    pip install uv && uv run pytest                    # the tests
"""  # noqa: E501  to the letter


def table(heading: str) -> list[list[str]]:
    """Return the rows of the table whose first column has a heading, without the marks of code."""
    after = README.split(f"\n| {heading} |", 1)[1].split("\n\n", 1)[0]
    rows = [line.strip("|").split("|") for line in after.splitlines()[2:]]
    return [[cell.strip() for cell in row] for row in rows]


def code(cell: str) -> list[str]:
    """Return what is written as code in a cell."""
    return re.findall(r"`([^`]+)`", cell)


def hooks() -> Iterator[tuple[str, list[str]]]:
    """Return each hook of the contract with the names of its arguments."""
    for name, function in vars(DunaHubSpecs).items():
        if inspect.isfunction(function):
            yield name, list(inspect.signature(function).parameters)[1:]


class Reading(dict[str, str]):
    """An environment that remembers which variables were asked for."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[str] = []

    def get(self, name: str, default: str = "") -> str:  # type: ignore[override]  # all that is used
        """Answer as an empty environment does."""
        self.asked.append(name)
        return default


def test_two_commands_are_all_that_a_newcomer_needs() -> None:
    """The commands for a fresh machine stand in one block, exactly."""
    assert f"\n\n{COMMANDS}\n" in README


def test_every_hook_is_in_the_table() -> None:
    """The table names each hook of the contract with its exact arguments, and no other."""
    told = {code(row[0])[0]: code(row[1]) for row in table("Hook")}
    assert told == dict(hooks())


def test_every_variable_is_in_the_table() -> None:
    """The table names each variable that the settings are read from, and no other."""
    environ = Reading()
    Config.from_environ(environ)
    told = [code(row[0])[0] for row in table("Variable")]
    assert sorted(told) == sorted(set(environ.asked))
    assert all(name.startswith(PREFIX) for name in told)


@pytest.mark.parametrize("row", table("Variable"), ids=lambda row: code(row[0])[0])
def test_defaults_are_as_told(row: list[str]) -> None:
    """A variable that is set to the default in the table changes nothing."""
    (name,), default = code(row[0]), code(row[1])
    assert len(default) <= 1
    given = {name: default[0]} if default else {}
    assert Config.from_environ(given) == Config.from_environ({})


def test_every_command_is_in_the_table() -> None:
    """The table names each command of the command line, and no other."""
    typer = pytest.importorskip("typer")
    from dunahub_qbo_plugin.cli.app import app  # noqa: PLC0415  needs the extra

    commands = typer.main.get_command(app).commands
    told = [code(row[0])[0].removeprefix("dunahub-qbo ") for row in table("Command")]
    assert sorted(told) == sorted(commands)


def mapped() -> Iterator[Path]:
    """Return each path of the map; the later ones of a line stand beside its first."""
    section = README.split("## Where things are", 1)[1].split("## ", 1)[0]
    package = ROOT
    for line in section.splitlines():
        if not line.startswith("    "):
            continue
        names = [word for word in re.split(r" {2,}", line.strip()) if re.search(r"(/|\.py)$", word)]
        if line.startswith("      "):
            first = package / names[0]
            yield from (first, *(first.parent / name for name in names[1:]))
        else:
            package = ROOT / names[0]
            yield package


def test_what_it_points_to_is_there() -> None:
    """Links lead to files of this repository, and every module of the map exists."""
    links = [link for link in re.findall(r"\]\(([^)#:]+)\)", README) if link]
    assert ".github/settings-page.png" in links
    assert [link for link in links if not (ROOT / link).exists()] == []
    paths = list(mapped())
    assert len(paths) > 15
    assert [path for path in paths if not path.exists()] == []


def blocks(text: str) -> dict[str, str]:
    """Return each block of Python by the name in the comment above it."""
    named = re.findall(r"<!-- ([\w ]+) -->\n```python\n(.*?)```", text, re.DOTALL)
    assert len(named) == text.count("```python")
    return dict(named)


def test_every_block_of_code_is_run() -> None:
    """The README's Python is the host below and the harness' ten lines, which run in their test."""
    harness = ROOT / "dunahub_qbo_plugin" / "testing" / "README.md"
    assert set(blocks(README)) == {"host", "ten lines"}
    ten_lines = blocks(harness.read_text(encoding="utf-8"))["ten lines"]
    assert blocks(README)["ten lines"] == ten_lines


def test_the_host_in_it_runs(tmp_path: Path) -> None:
    """The example is a whole host: it loads the plugin, saves a lead and stops, without a word."""
    example = blocks(README)["host"]
    done = subprocess.run(  # noqa: S603  our own example
        [sys.executable, "-W", "error", "-c", example],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
