"""The security table names real tests and real modules, for everything on Intuit's list."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TABLE = (ROOT / ".github" / "SECURITY.md").read_text(encoding="utf-8")
TESTS = re.findall(r"`(tests/[\w/]+\.py)(?:::(\w+))?`", TABLE)
MODULES = re.findall(
    r"`((?:qbo|store|sync|panel|model|review|connect)/[\w/]+\.py)(?:::\w+)?`", TABLE
)


@pytest.mark.parametrize(("file", "name"), sorted(set(TESTS)))
def test_a_named_test_is_there(file: str, name: str) -> None:
    """Whatever the table points to exists under that name."""
    text = (ROOT / file).read_text(encoding="utf-8")
    assert not name or re.search(rf"^\s*(def|class) {name}\b", text, re.MULTILINE)


def test_named_modules_are_there() -> None:
    """Modules in the table exist."""
    assert MODULES
    for module in MODULES:
        assert (ROOT / "dunahub_qbo_plugin" / module).is_file(), module


INTUITS = """
    TLS; encrypted; never in pages; No QuickBooks data in logs; redirect; Cookies; TRACE; CSRF; XSS;
    SQL injection; XML injection; Open redirects; `state`; third parties; No storage beyond;
    discovery document; latest refresh token; only when they have ended; reconnect;
    second browser; Connect button; Disconnect revokes; Launch; `intuit_tid`; All API errors;
    currencies; No polling; Several companies; questionnaire; yearly review; availability; Branding
"""
"""Words for each item of Intuit's security, technical and platform requirements."""


def test_every_requirement_of_intuits_is_answered() -> None:
    """No item of Intuit's lists is left out, be it met, the host's, or nobody's here."""
    chapter = TABLE.split("## Intuit's", 1)[1].split("## OWASP", 1)[0]
    items = [" ".join(item.split()) for item in INTUITS.split(";")]
    assert [item for item in items if item not in " ".join(chapter.split())] == []


def test_every_line_names_a_test() -> None:
    """No line of the tables is without proof."""
    lines = [line for line in TABLE.splitlines() if line.startswith("| ") and "---" not in line]
    claims = [line for line in lines if "Shown by" not in line]
    assert len(claims) >= 65
    assert [line for line in claims if "`tests/" not in line] == []
