"""Templates for the words of one cause, and how they are filled."""

from __future__ import annotations

import string
from decimal import Decimal
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final

import attrs

from dunahub_qbo_plugin.mapping.money import amount_text
from dunahub_qbo_plugin.mapping.text import one_line
from dunahub_qbo_plugin.model.bounds import MAX_TEXT

if TYPE_CHECKING:
    from collections.abc import Mapping

MAX_QUOTED_LENGTH: Final = 60
"""Characters of somebody's text that are quoted in a sentence."""

SENT_AGAIN: Final = "Once you save it in DunaHub, it is sent again automatically."
"""How the words about something to correct in DunaHub end."""


class Fix(StrEnum):
    """Which button helps."""

    RETRY = "retry"
    LINK = "link"
    CHOOSE_ITEM = "choose-item"
    CHOOSE_TAX = "choose-tax"
    EDIT = "edit"
    CHOOSE_SIDE = "choose-side"
    RECONNECT = "reconnect"
    NONE = "none"


@attrs.frozen
class Wording:
    """The words for one cause: templates for `fill`.

    Attributes:
        title: what happened, to which kind of record; no full stop.
        why: the reason.
        action: what to do.
        fix: which button helps.
    """

    title: str
    why: str
    action: str
    fix: Fix = Fix.RETRY


class _Filler(string.Formatter):
    """``{x!q}`` quotes a text, ``{x!m}`` writes dollars, ``{x!n}`` a number, ``{x!l}`` a length."""

    def convert_field(self, value: Any, conversion: str | None) -> Any:  # noqa: ANN401  as it is there
        match conversion:
            case "q":
                return quoted(str(value))
            case "m":
                return amount_text(Decimal(value))
            case "n":
                return f"{int(value):,}"
            case "l":  # more than that is not kept, and not known
                return f"{int(value):,}{' or more' if int(value) >= MAX_TEXT else ''}"
            case _:
                return super().convert_field(value, conversion)


_FILLER: Final = _Filler()


def fill(template: str, words: Mapping[str, Any]) -> str:
    """Return a template with its words filled in.

    Raises:
        KeyError: a word is missing.
    """
    return _FILLER.vformat(template, (), words)


def quoted(text: str) -> str:
    """Return a text quoted on one line, cut to a readable length."""
    line = one_line(text)
    return f"“{cut(line, MAX_QUOTED_LENGTH)}”"


def cut(line: str, length: int) -> str:
    """Return a line, cut to a length."""
    return line if len(line) <= length else f"{line[: length - 1].rstrip()}…"
