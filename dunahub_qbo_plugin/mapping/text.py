"""What people typed, made fit for QuickBooks without changing a word of it."""

from __future__ import annotations

import unicodedata
from typing import Final

from dunahub_qbo_plugin.errors import MappingError

SENT_AGAIN: Final = "Once you save it in DunaHub, it is sent again by itself."
"""How a sentence about something to correct in DunaHub ends."""

THEN_RETRY: Final = "Then press Retry."
"""How a sentence about something to set outside the record ends."""

_SHOWN: Final = 60
_BREAKS: Final = str.maketrans(dict.fromkeys("\r\v\f\x85", "\n"))


def one_line(text: str) -> str:
    """Tidy a text of one line: no control characters, single spaces, none at the ends.

    Tabs and line breaks become spaces: QuickBooks refuses them in names (Intuit's API reference,
    Customer, business rules).
    """
    return " ".join(_printable(text).split())


def block(text: str) -> str:
    """Tidy a text of several lines: plain line breaks, no control characters, no blank ends."""
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
    """Quote people's text in a sentence, cut where it would fill the page."""
    short = one_line(text)
    return f'"{short if len(short) <= _SHOWN else short[: _SHOWN - 1].rstrip() + "…"}"'


def check_length(text: str, limit: int, *, code: str, what: str, subject: str = "") -> None:
    """Refuse a text that QuickBooks has no room for.

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
