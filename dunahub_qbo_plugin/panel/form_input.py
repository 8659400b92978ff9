"""What a form asks for: which records, of which company, by whom."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dunahub_qbo_plugin.errors import NotConnected
from dunahub_qbo_plugin.model import RecordKey
from dunahub_qbo_plugin.panel.status import may_resume
from dunahub_qbo_plugin.store.companies import pauses
from dunahub_qbo_plugin.store.queries.attention import Cause
from dunahub_qbo_plugin.store.records.commands import Causes

if TYPE_CHECKING:
    import sqlalchemy as sa

    from dunahub_hookspecs import ActionRequest, Person
    from dunahub_qbo_plugin.panel.context import PanelContext
    from dunahub_qbo_plugin.store.companies.connection import Connection

LONGEST_REASON: Final = 200
_MOST_KEYS: Final = 5000


def keys(request: ActionRequest) -> list[RecordKey]:
    """Read the records that a form names; what is none of ours is left out."""
    found: dict[RecordKey, None] = {}
    for text in request.form.get("key", ())[:_MOST_KEYS]:
        try:
            found[RecordKey.parse(text)] = None
        except ValueError:
            continue
    return list(found)


def causes(request: ActionRequest) -> Causes:
    """Read the causes that a form names: it is about every record that failed for them."""
    found: dict[Cause, None] = {}
    for text in request.form.get("cause", ())[:_MOST_KEYS]:
        try:
            found[Cause.parse(text)] = None
        except ValueError:
            continue
    return Causes(tuple(found))


def which(request: ActionRequest) -> list[RecordKey] | Causes:
    """Read what a form is about: records by name, or whatever failed for a cause."""
    by_cause = causes(request)
    return by_cause if by_cause.causes else keys(request)


def is_empty(asked: list[RecordKey] | Causes) -> bool:
    """Return whether a form named nothing."""
    return not (asked.causes if isinstance(asked, Causes) else asked)


def reason(request: ActionRequest) -> str:
    """Read why something is dismissed: one line of plain text."""
    text = request.value("reason")
    plain = "".join(character if character.isprintable() else " " for character in text)
    return " ".join(plain.split())[:LONGEST_REASON]


def by(person: Person) -> str:
    """Name a person in the history; brackets would end the name there."""
    name = person.email or person.name or person.id
    return " ".join(name.replace("(", " ").replace(")", " ").split())


def company(
    context: PanelContext, db: sa.Connection, request: ActionRequest, *, connected: bool = True
) -> Connection:
    """Return the organization's own company.

    Raises:
        NotConnected: it has none, or none that is connected where that is needed.
    """
    connection = context.connections.current(db, request.org.id)
    if connection is None or (connected and connection.disconnected_at is not None):
        raise NotConnected("the organization is not connected")
    return connection


def resume(db: sa.Connection, connection: Connection) -> None:
    """Cut a company's pause short, unless QuickBooks asked for it."""
    if connection.paused_until is not None and may_resume(connection):
        pauses.resume(db, connection.id)
