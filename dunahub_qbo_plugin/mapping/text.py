"""Clean what people typed for QuickBooks, without changing a word."""

from __future__ import annotations

import unicodedata
from typing import Final

from dunahub_qbo_plugin.errors import MappingError

SENT_AGAIN: Final = "Once you save it in DunaHub, it is sent again by itself."
"""The end of a sentence about something to correct in DunaHub."""

THEN_RETRY: Final = "Then press Retry."
"""The end of a sentence about something to set outside the record."""

_SHOWN: Final = 60
_BREAKS: Final = str.maketrans(dict.fromkeys("\r\v\f\x85", "\n"))


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
    """Drop control characters; each that breaks a line becomes a plain line break.

    Word processors and spreadsheets leave such breaks in what is pasted from them: dropping one
    would glue two words together.
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(
        character
        for character in text.translate(_BREAKS)
        if character in "\t\n" or unicodedata.category(character) not in {"Cc", "Cs"}
    )


def shown(text: str) -> str:
    """Quote a text in a sentence, cut to a readable length."""
    short = one_line(text)
    return f'"{short if len(short) <= _SHOWN else short[: _SHOWN - 1].rstrip() + "…"}"'


def check_length(text: str, limit: int, *, code: str, what: str, subject: str = "") -> None:
    """Refuse a text that is longer than QuickBooks accepts.

    Args:
        text: as it would be sent.
        limit: the most characters that QuickBooks takes.
        code: of the error.
        what: names the text and its record, as the beginning of a sentence.
        subject: for grouping.

    Raises:
        MappingError: it is longer.
    """
    if len(text) > limit:
        raise MappingError(
            code,
            f"{what} has {len(text):,} characters; QuickBooks takes {limit:,} at most. "
            f"Shorten it. {SENT_AGAIN}",
            subject=subject,
        )
