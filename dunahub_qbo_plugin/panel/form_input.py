"""Parse a form: which records, by whom, why."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dunahub_qbo_plugin.model import RecordKey
from dunahub_qbo_plugin.store.queries.attention import Cause
from dunahub_qbo_plugin.store.records.commands import Causes

if TYPE_CHECKING:
    from dunahub_hookspecs import ActionRequest, Person

MAX_REASON_LENGTH: Final = 200
"""Characters of a reason that are kept."""
MAX_NAME_LENGTH: Final = 200
"""Characters by which the history names a person."""
MAX_KEYS: Final = 200
"""Records that one form can name: twice as many as a page lists."""
MAX_CAUSES: Final = 50
"""Causes that one form can name, likewise."""
MAX_KEY_LENGTH: Final = 2000
"""Characters of what names one of them."""


class TooMany(ValueError):
    """A form names more than any page lists."""


def keys(request: ActionRequest) -> list[RecordKey]:
    """Return the records that a form names; what is none of ours is left out.

    Raises:
        TooMany: they are more than `MAX_KEYS`.
    """
    found: dict[RecordKey, None] = {}
    for text in _given(request, "key", MAX_KEYS):
        try:
            found[RecordKey.parse(text)] = None
        except ValueError:
            continue
    return list(found)


def causes(request: ActionRequest) -> Causes:
    """Return the causes that a form names: it is about every record that failed for them.

    Raises:
        TooMany: they are more than `MAX_CAUSES`.
    """
    found: dict[Cause, None] = {}
    for text in _given(request, "cause", MAX_CAUSES):
        try:
            found[Cause.parse(text)] = None
        except ValueError:
            continue
    return Causes(tuple(found))


def _given(request: ActionRequest, name: str, most: int) -> list[str]:
    given = request.form.get(name, ())
    if len(given) > most:
        raise TooMany(f"{len(given)} fields of the name {name!r}")
    return [text[:MAX_KEY_LENGTH] for text in given]


def reason(request: ActionRequest) -> str:
    """Return why something is dismissed: one line of plain text."""
    text = request.value("reason")[: 10 * MAX_REASON_LENGTH]
    plain = "".join(character if character.isprintable() else " " for character in text)
    return " ".join(plain.split())[:MAX_REASON_LENGTH]


def by(person: Person) -> str:
    """Return how the history names a person."""
    return " ".join((person.email or person.name or person.id)[:MAX_NAME_LENGTH].split())
