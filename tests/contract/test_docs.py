"""What is written for people names real commands, options, variables, files and chapters."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from dunahub_qbo_plugin.config import Config
from tests.contract.test_readme import Reading

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
PAGES = sorted(
    path
    for folder in (
        "",
        ".github",
        ".github/ISSUE_TEMPLATE",
        "hookspecs",
        "dunahub_qbo_plugin",
        "dunahub_qbo_plugin/*",
    )
    for path in ROOT.glob(f"{folder}/*.md".lstrip("/"))
)
EACH = pytest.mark.parametrize("page", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
OF_OTHERS = {"DUNAHUB_QBO_TEST_POSTGRES", "DUNAHUB_QBO_"}
"""Variables that are the tests' own, and the beginning that all have."""


def commands() -> dict[str, Any]:
    """Return each command of the command line by its name."""
    typer = pytest.importorskip("typer")
    from dunahub_qbo_plugin.cli.app import app  # noqa: PLC0415  needs the extra

    found: dict[str, Any] = typer.main.get_command(app).commands
    return found


def typed(text: str) -> Iterator[list[str]]:
    """Return the words after each ``dunahub-qbo`` in code: a line, or backticks."""
    block = r"^ {4,}(?:.*?[=(&] ?\$?\(?)?(dunahub-qbo .*)$"
    for found in re.findall(block, text, re.MULTILINE) + re.findall(r"`(dunahub-qbo [^`]+)`", text):
        yield shlex.split(found.partition("  #")[0].rstrip(")"))[1:]


def options(command: Any) -> set[str]:  # noqa: ANN401  a command of typer's
    """Return the options of a command."""
    return {name for one in command.params for name in (*one.opts, *one.secondary_opts)}


def test_all_pages_are_looked_at() -> None:
    """The READMEs of repository, contract, package, harness, emulator, and what GitHub shows."""
    names = {str(path.relative_to(ROOT)) for path in PAGES}
    assert names >= {
        "README.md",
        "CHANGELOG.md",
        "hookspecs/README.md",
        "dunahub_qbo_plugin/README.md",
        "dunahub_qbo_plugin/testing/README.md",
        "dunahub_qbo_plugin/emulator/README.md",
        ".github/SECURITY.md",
        ".github/CONTRIBUTING.md",
        ".github/ISSUE_TEMPLATE/problem.md",
    }


@EACH
def test_commands_can_be_typed_as_they_stand(page: Path) -> None:
    """Each command that is written anywhere exists, with the options that stand behind it."""
    known = commands()
    for words in typed(page.read_text(encoding="utf-8")):
        name = words[0]
        if name.startswith("-"):
            assert name in {"--version", "--help"}, words
            continue
        assert name in known, words
        given = {word.partition("=")[0] for word in words[1:] if word.startswith("--")}
        assert given <= options(known[name]), words


def test_commands_are_found_in_the_text() -> None:
    """The check above finds what is typed, in a block, in a sentence and inside a line of shell."""
    block = "    x=$(dunahub-qbo generate-key)\n\n    dunahub-qbo emulator --port 1  # why\n"
    text = block + "and `dunahub-qbo no`"
    assert list(typed(text)) == [["generate-key"], ["emulator", "--port", "1"], ["no"]]
    assert sum(1 for _ in typed((ROOT / "README.md").read_text(encoding="utf-8"))) > 20


@EACH
def test_variables_are_real(page: Path) -> None:
    """No page names a variable that nothing reads."""
    environ = Reading()
    Config.from_environ(environ)
    named = set(re.findall(r"\bDUNAHUB_QBO_[A-Z_]*", page.read_text(encoding="utf-8")))
    assert named - OF_OTHERS <= set(environ.asked)


@EACH
def test_links_lead_somewhere(page: Path) -> None:
    """Links to files of the repository and to chapters of a page are right."""
    text = page.read_text(encoding="utf-8")
    for link in re.findall(r"\]\(([^)\s]+)\)", text):
        if re.match(r"https?://", link):
            continue
        file, _, chapter = link.partition("#")
        target = page.parent / file if file else page
        assert target.exists(), link
        if chapter:
            heads = re.findall(r"^#+ (.+)$", target.read_text(encoding="utf-8"), re.MULTILINE)
            assert chapter in {
                re.sub(r"[^\w -]", "", head).lower().replace(" ", "-") for head in heads
            }


@pytest.mark.parametrize("name", sorted(commands()))
def test_help_tells_a_newcomer_everything(name: str) -> None:
    """Each command says what it does in a sentence, each option in words, and the exit status."""
    command = commands()[name]
    first, _, rest = command.help.partition("\n\n")
    assert len(first) < 120
    assert first.strip().endswith(".")
    assert "Exit status" in rest
    for option in command.params:
        assert (getattr(option, "help", None) or "").endswith("."), option.name
