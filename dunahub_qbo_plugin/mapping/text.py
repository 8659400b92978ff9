"""Clean what people typed for QuickBooks, without changing a word."""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING, Final

from dunahub_qbo_plugin.errors import MappingError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dunahub_qbo_plugin.model import Fact

_BREAKS: Final = str.maketrans(dict.fromkeys("\r\v\f\x85\u2028\u2029", "\n"))
_UNSEEN: Final = frozenset({"Cc", "Cf", "Cs"})
"""Unicode's controls, formats (zero width, direction) and halves of characters."""
_BLANK: Final = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0")
"""What is a letter or a sign for Unicode, and nothing for the eye."""


def one_line(text: str) -> str:
    """Return a text on one line: no control characters, single spaces, none at the ends.

    Tabs and line breaks become spaces: QuickBooks refuses them in names (Intuit's API reference,
    Customer, business rules).
    """
    return " ".join(_printable(text).split())


def block(text: str) -> str:
    """Return a text of several lines: plain line breaks, no control characters, no blank ends."""
    lines = _printable(text.replace("\r\n", "\n")).split("\n")
    return "\n".join(line.rstrip() for line in lines).strip()


def _printable(text: str) -> str:
    """Drop what cannot be seen; each character that breaks a line becomes a plain line break.

    Two names that look the same would be two customers otherwise. Word processors and spreadsheets
    leave such breaks in what is pasted from them: dropping one would glue two words together.
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(
        character
        for character in text.translate(_BREAKS)
        if character in "\t\n"
        or (unicodedata.category(character) not in _UNSEEN and character not in _BLANK)
    )


def check_length(
    text: str,
    limit: int,
    *,
    code: str,
    subject: str = "",
    facts: Mapping[str, Fact] | None = None,
) -> None:
    """Refuse a text that is longer than QuickBooks accepts.

    Args:
        text: as it would be sent.
        limit: the most characters that QuickBooks takes.
        code: of the error.
        subject: for grouping.
        facts: for the words, besides ``length`` and ``limit``.

    Raises:
        MappingError: it is longer.
    """
    if len(text) > limit:
        facts = {**(facts or {}), "length": len(text), "limit": limit}
        raise MappingError(code, subject=subject, facts=facts)
