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
_MAX_KEYS: Final = 5000
"""Records that one form can name."""


def keys(request: ActionRequest) -> list[RecordKey]:
    """Return the records that a form names; what is none of ours is left out."""
    found: dict[RecordKey, None] = {}
    for text in request.form.get("key", ())[:_MAX_KEYS]:
        try:
            found[RecordKey.parse(text)] = None
        except ValueError:
            continue
    return list(found)


def causes(request: ActionRequest) -> Causes:
    """Return the causes that a form names: it is about every record that failed for them."""
    found: dict[Cause, None] = {}
    for text in request.form.get("cause", ())[:_MAX_KEYS]:
        try:
            found[Cause.parse(text)] = None
        except ValueError:
            continue
    return Causes(tuple(found))


def reason(request: ActionRequest) -> str:
    """Return why something is dismissed: one line of plain text."""
    text = request.value("reason")
    plain = "".join(character if character.isprintable() else " " for character in text)
    return " ".join(plain.split())[:MAX_REASON_LENGTH]


def by(person: Person) -> str:
    """Return how the history names a person."""
    return " ".join((person.email or person.name or person.id).split())
