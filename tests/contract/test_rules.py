"""What the README for developers says of code and tests is so: rules, words, proofs, citations."""

from __future__ import annotations

import ast
import re
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Final

import attrs
import pytest
from markdown_it import MarkdownIt

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "dunahub_qbo_plugin"
TESTS = ROOT / "tests"
README = PACKAGE / "README.md"
RULES = 51
NONE: Final = "–"  # noqa: RUF001  as a table of the README has it
"""What stands in a cell of a rule that is not built."""
NOT_YET: Final = "**Not yet:**"
"""Begins, within a rule that is built in part, what is still missing."""

CITED = re.compile(r"\b(product )?rules? (\d+(?:(?:,? and |, ?| to |-)\d+)*)", re.IGNORECASE)
UNIFORM = re.compile(r"\d+(?: to \d+)?(?:, \d+(?: to \d+)?)*(?: and \d+(?: to \d+)?)?")
RANGE = re.compile(r"(\d+)(?: to (\d+))?")


@attrs.frozen
class Row:
    """One row of a table: its line in the README, its cells, and what they name as code."""

    line: int
    cells: dict[str, str]
    code: dict[str, list[str]]

    def named(self, column: str) -> list[str]:
        """Return what a cell names as code; nothing where the table has no such column."""
        return self.code.get(column, [])


@attrs.frozen
class Table:
    """A table of the README, with the heading that it stands under."""

    heading: str
    columns: list[str] = attrs.field(factory=list)
    rows: list[Row] = attrs.field(factory=list)


def tables(text: str) -> list[Table]:
    """Return the tables of a Markdown text."""
    found: list[Table] = []
    heading, cell = "", 0
    tokens = MarkdownIt().enable("table").parse(text)
    for before, token in pairwise(tokens):
        match before.type:
            case "heading_open":
                heading = token.content
            case "table_open":
                found.append(Table(heading))
            case "th_open":
                found[-1].columns.append(token.content)
            case "tr_open":
                cell = 0
                if token.type == "td_open":
                    line = before.map[0] + 1 if before.map else 0
                    found[-1].rows.append(Row(line, {}, {}))
            case "td_open":
                column, row = found[-1].columns[cell], found[-1].rows[-1]
                row.cells[column] = token.content
                spans = token.children or []
                row.code[column] = [one.content for one in spans if one.type == "code_inline"]
                cell += 1
            case _:
                pass
    return found


TABLES = tables(README.read_text(encoding="utf-8"))
ROWS = tuple(row for table in TABLES for row in table.rows)
RULE_ROWS = tuple(row for table in TABLES if "Rule" in table.columns for row in table.rows)


@cache
def names_in(file: Path) -> frozenset[str]:
    """Return what a module defines: functions, classes, constants, and ``Class.member``."""
    return frozenset(_names(ast.parse(file.read_text(encoding="utf-8")).body))


def _names(body: list[ast.stmt]) -> Iterator[str]:
    for statement in body:
        match statement:
            case ast.ClassDef(name=name, body=members):
                yield name
                yield from (f"{name}.{member}" for member in _names(members))
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                yield name
            case ast.AnnAssign(target=ast.Name(id=name)):
                yield name
            case ast.Assign(targets=targets):
                yield from (target.id for target in targets if isinstance(target, ast.Name))
            case ast.If(body=then, orelse=otherwise):
                yield from _names(then + otherwise)


@cache
def all_tests() -> dict[str, list[str]]:
    """Return each test of the suite by its name, with the files that have it."""
    found: dict[str, list[str]] = {}
    for file in sorted(TESTS.rglob("test_*.py")):
        for name in names_in(file):
            found.setdefault(name, []).append(file.relative_to(TESTS).as_posix())
    return found


def missing(folder: Path, reference: str) -> str:
    """Say what of ``file.py::name`` is not there, below a folder; empty where all is there."""
    path, _, name = reference.partition("::")
    file = folder / path
    if file.is_dir() and not name:
        return ""
    if file.is_file() and (not name or name in names_in(file)):
        return ""
    elsewhere = all_tests().get(name, []) if folder == TESTS else []
    return f"{reference} is not there" + (f"; it is in {elsewhere}" if elsewhere else "")


def is_test(reference: str) -> bool:
    """Return whether pytest collects what a reference names."""
    path, _, name = reference.partition("::")
    last = name.rpartition(".")[2]
    return Path(path).name.startswith("test_") and last.startswith(("test_", "Test"))


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"line {row.line}")
def test_what_a_row_names_is_there(row: Row) -> None:
    """Each file and function under "Where" exists, and under "Shown by" each test."""
    wrong = [missing(PACKAGE, named) for named in row.named("Where")]
    wrong += [missing(TESTS, named) for named in row.named("Shown by")]
    assert [text for text in wrong if text] == []
    assert [named for named in row.named("Shown by") if not is_test(named)] == []


def test_every_table_names_code() -> None:
    """The walk, the words, the claims and the rules are looked at, not only the rules."""
    assert {table.heading for table in TABLES} >= {
        "One invoice, from hook to page",
        "Words",
        "Never twice",
        "What is taken for true of QuickBooks",
    }
    assert all("Where" in table.columns or "Shown by" in table.columns for table in TABLES)
    assert sum(len(row.named("Where")) + len(row.named("Shown by")) for row in ROWS) > 250


def test_every_rule_is_there_once() -> None:
    """The rules are numbered from 1 to 51, in order."""
    assert [int(row.cells["No."]) for row in RULE_ROWS] == list(range(1, RULES + 1))


@pytest.mark.parametrize("row", RULE_ROWS, ids=lambda row: f"rule {row.cells['No.']}")
def test_a_rule_is_built_or_said_to_be_open(row: Row) -> None:
    """What is built, wholly or in part, names code and test; what is open names neither."""
    state, text = row.cells["State"], row.cells["Rule"]
    assert state in {"built", "partly", "open"}
    if state == "open":
        assert (row.cells["Where"], row.cells["Shown by"]) == (NONE, NONE)
    else:
        assert row.named("Where")
        assert row.named("Shown by")
    assert (NOT_YET in text) == (state == "partly")


@pytest.mark.parametrize(
    "row",
    [row for table in TABLES if table.heading == "Words" for row in table.rows],
    ids=lambda row: row.cells["Word"],
)
def test_a_word_is_told_in_a_sentence(row: Row) -> None:
    """Each word of the glossary has its meaning and the file where it is at home."""
    assert row.cells["Meaning"].endswith(".")
    assert row.named("Where")


def test_words_are_in_order() -> None:
    """The glossary can be looked up."""
    words = [table for table in TABLES if table.heading == "Words"]
    told = [row.cells["Word"].casefold() for table in words for row in table.rows]
    assert told == sorted(set(told))


def test_each_assumption_names_its_source_and_its_test() -> None:
    """What the promise takes for true has a date, a source, and a test or the word that none is."""
    (told,) = [table for table in TABLES if "Assumption" in table.columns]
    assert len(told.rows) >= 10
    for row in told.rows:
        assert re.fullmatch(r"20\d\d-\d\d", row.cells["Looked at"]), row.line
        assert row.cells["Source"], row.line
        assert row.cells["Confidence"].split(":")[0] in {"high", "fair", "low", "none"}, row.line
        assert row.named("Shown by") or row.cells["Shown by"] == "no test yet", row.line


def sources() -> Iterator[Path]:
    """Return each file of the repository in which a rule may be cited."""
    for folder in (PACKAGE, ROOT / "hookspecs", TESTS, ROOT / ".github"):
        for pattern in ("*.py", "*.md", "*.html", "*.css", "*.js"):
            yield from folder.rglob(pattern)
    yield from (ROOT / name for name in ("README.md", "CHANGELOG.md", "pyproject.toml"))


def cited(text: str) -> Iterator[tuple[str, list[int]]]:
    """Return each citation of rules in a text with their numbers; a range stands for all of it."""
    for found in CITED.finditer(text):
        numbers: list[int] = []
        for first, last in RANGE.findall(found[2]):
            numbers += range(int(first), int(last or first) + 1)
        yield found[0], numbers


def is_uniform(citation: str) -> bool:
    """Return whether a citation is written as they all are: ``rule 18``, ``rules 8, 10 and 26``."""
    word, _, numbers = citation.partition(" ")
    plural = numbers.isdigit() == (word.casefold() == "rule")
    return plural and UNIFORM.fullmatch(numbers) is not None


@pytest.mark.parametrize("folder", ["dunahub_qbo_plugin", "hookspecs", "tests", ""])
def test_citations_lead_to_a_rule(folder: str) -> None:
    """Whatever rule is cited anywhere is in the table, and all are cited in the same words."""
    below = [
        path
        for path in sources()
        if (path.relative_to(ROOT).parts[0] == folder) or (not folder and path.parent == ROOT)
    ]
    assert below
    known = {int(row.cells["No."]) for row in RULE_ROWS}
    odd, unknown = [], []
    for path in below:
        if path == Path(__file__):
            continue
        for citation, numbers in cited(path.read_text(encoding="utf-8")):
            where = f"{path.relative_to(ROOT)}: {citation}"
            odd += [] if is_uniform(citation) else [where]
            unknown += [] if set(numbers) <= known else [where]
    assert odd == []
    assert unknown == []


def test_citations_are_found_and_judged() -> None:
    """The check above finds what it looks for."""
    text = "x (rules 8, 10 and 26), (product rule 5), rules 8-27, Rule 9, rules 15 to 17, rule 3, 4"
    found = dict(cited(text))
    assert found["rules 8, 10 and 26"] == [8, 10, 26]
    assert found["rules 15 to 17"] == [15, 16, 17]
    assert [citation for citation in found if not is_uniform(citation)] == [
        "product rule 5",
        "rules 8-27",
        "rule 3, 4",
    ]


def test_what_is_not_there_is_noticed() -> None:
    """A file, function or test that is gone is told, with the file where the test is now."""
    here = Path(__file__).name
    me = test_what_is_not_there_is_noticed.__name__
    assert missing(PACKAGE, "plugin.py::QuickBooksPlugin.on_lead_saved") == ""
    assert missing(PACKAGE, "plugin.py::QuickBooksPlugin.on_lead_lost") != ""
    assert missing(PACKAGE, "plugins.py") != ""
    assert missing(TESTS, f"contract/{here}::{me}") == ""
    assert f"contract/{here}" in missing(TESTS, f"unit/test_other.py::{me}")
    assert not is_test("conftest.py::database")
