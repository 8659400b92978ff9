"""No pattern of ours takes more than so many steps for each character, whatever the text."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import re
from itertools import islice, product
from typing import TYPE_CHECKING, Any

import attrs
import pytest

import dunahub_qbo_plugin
from dunahub_qbo_plugin.qbo import fault_table
from tests.support.steps import Steps, TooManySteps, characters

if TYPE_CHECKING:
    from collections.abc import Iterator

LENGTH = 120
"""Characters of a text; what is cubic takes thousands of steps for each of so many."""
A_CHARACTER = 30
"""Steps for each character at most: a pattern has up to a dozen parts."""
TEXTS = 90
"""Texts that a pattern is tried on."""
APART = ("demo", "emulator", "testing", "cli.emulator", "store.migrations")
"""What strangers never reach."""
BOUNDED = {
    r"(?is)<title[^>]*>(.*?)</title>": "qbo/envelope.py",
    r"(?is)<(script|style)\b.*?</\1>": "qbo/envelope.py",
    r"<[^>]*>": "qbo/envelope.py",
}
"""Quadratic: only ever searched in a text that is cut before."""


@attrs.frozen(kw_only=True)
class Used:
    """A pattern of a module.

    Attributes:
        whole: True where it is only ever matched with a whole text.
    """

    module: str
    pattern: re.Pattern[Any]
    whole: bool


def _patterns() -> Iterator[Used]:
    prefix = "dunahub_qbo_plugin."
    for found in pkgutil.walk_packages(dunahub_qbo_plugin.__path__, prefix):
        name = found.name.removeprefix(prefix)
        if name.startswith(APART) or "__main__" in name:
            continue
        module = importlib.import_module(found.name)
        for constant, value in vars(module).items():
            whole = f"{constant}.fullmatch(" in inspect.getsource(module)
            for one in value.values() if isinstance(value, dict) else [value]:
                if isinstance(one, re.Pattern):
                    yield Used(module=name, pattern=one, whole=whole)
    for row in fault_table.TABLE:
        if row.text is not None:
            yield Used(module="qbo.fault_table", pattern=row.text, whole=False)


PATTERNS = {one.pattern.pattern: one for one in _patterns()}


def _texts(pattern: re.Pattern[Any]) -> Iterator[str]:
    """Repeat one or two characters after a third, with an end that may not fit."""
    known = characters(pattern)
    opening = "".join(known[:3])
    for pumped in (*known, *map("".join, product(known, repeat=2))):
        for start, end in product(("", known[0], opening, "a@"), ("", "\N{EURO SIGN}")):
            yield start + (pumped * LENGTH)[:LENGTH] + end


@pytest.mark.parametrize("source", PATTERNS, ids=str)
def test_no_pattern_goes_back_and_forth(source: str | bytes) -> None:
    """The steps grow with the length of the text, not with its square."""
    if source in BOUNDED:
        return
    used = PATTERNS[source]
    steps = Steps(used.pattern, A_CHARACTER * LENGTH)
    for text in islice(_texts(used.pattern), TEXTS):
        try:
            steps.search(text, whole=used.whole)
        except TooManySteps:
            pytest.fail(f"{used.module}: more than {A_CHARACTER} steps a character for {text!r}")


@pytest.mark.parametrize("source", [r"@.*[\s,;/&]+.*@", r"(a+)+$", r"\S+@\S+"])
def test_the_counter_finds_what_goes_back_and_forth(source: str) -> None:
    """Patterns that are known to be slow are found to be."""
    pattern = re.compile(source)
    steps = Steps(pattern, A_CHARACTER * LENGTH)

    def search_all() -> None:
        for text in _texts(pattern):
            steps.search(text)

    with pytest.raises(TooManySteps):
        search_all()


def test_the_counter_matches_what_the_pattern_matches() -> None:
    """It is a matcher of the same patterns: what it says of a text is what Python says."""
    assert len(PATTERNS) > 30
    for used in PATTERNS.values():
        if isinstance(used.pattern.pattern, bytes):
            continue
        for text in islice(_texts(used.pattern), 20):
            steps = Steps(used.pattern, 10**6)
            steps.text = text
            assert steps.matches(0) is (used.pattern.match(text) is not None), (used, text)
