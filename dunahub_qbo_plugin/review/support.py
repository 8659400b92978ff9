"""A file about one record for support, without personal data.

What people wrote is told by its kind and length only, and what QuickBooks said is cleared of it. No
token, key, realm id or company name is in it.
"""

from __future__ import annotations

import platform
import re
from typing import TYPE_CHECKING, Any

from dunahub_qbo_plugin.advice import advise
from dunahub_qbo_plugin.qbo.redact import HIDDEN, redact
from dunahub_qbo_plugin.store.queries import record_dump, records
from dunahub_qbo_plugin.store.records import history

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from datetime import datetime

    import sqlalchemy as sa

    from dunahub_qbo_plugin.model import RecordKey
    from dunahub_qbo_plugin.store.companies.connection import Connection
    from dunahub_qbo_plugin.store.records.history import Entry

MIN_HIDDEN_LENGTH = 3
"""Shorter texts are not looked for: they would match parts of ordinary words."""
_EMAIL = re.compile(r"(?<!\S)\S+@\S+")
_PHONE = re.compile(r"\(?\b\d{3}\)?[ .-]?\d{3}[ .-]?\d{4}\b")
_AMOUNT = re.compile(r"[$€£] ?\d[\d,]*(?:\.\d+)?|\b\d[\d,]*\.\d{2}\b")
_SAFE = frozenset({"status", "source", "method", "collected_by_dunahub", "taxable"})
"""Fields whose values are the program's own words."""


def support_file(
    db: sa.Connection, connection: Connection, key: RecordKey, *, version: str, now: datetime
) -> dict[str, Any] | None:
    """Return what support needs to know of a record; None if there is no such record.

    Args:
        db: a connection to read with.
        connection: the organization's company.
        key: the record.
        version: of the plugin.
        now: when it is made.
    """
    view = records.one(db, connection, key)
    if view is None:
        return None
    stored = record_dump.of_record(db, view.id)
    private = set(_texts(stored.snapshot))
    for text in (view.label, view.candidate_name, view.parent_label, connection.company_name):
        private.add(text)
    private |= {connection.connected_by, key.local_id}
    error = None
    if view.error is not None:
        advice = advise(key.kind, view.error)
        error = {
            "code": view.error.code,
            "status": view.error.status,
            "element": _clear(view.error.element, private),
            "text": _clear(view.error.text, private),
            "intuit_tid": view.error.intuit_tid,
            "title": _clear(advice.title, private),
            "retried": advice.retried,
            "who": advice.who.value,
        }
    return {
        "made_at": _moment(now),
        "plugin": version,
        "python": platform.python_version(),
        "kind": key.kind.value,
        "state": view.state.value,
        "connection": {
            "status": connection.status.value,
            "environment": connection.environment,
            "connection_period": connection.connection_period,
            "connected_at": _moment(connection.connected_at),
            "disconnected_at": _moment(connection.disconnected_at),
            "expired_at": _moment(connection.expired_at),
            "pause": connection.pause_code,
            "paused_until": _moment(connection.paused_until),
        },
        "record": {
            **stored.figures,
            **{name: _moment(at) for name, at in stored.moments.items()},
            "in_quickbooks": view.qbo_id is not None,
            "answer_outstanding": stored.operation,
            "differs": view.variance is not None,
            "shape": _shape(stored.snapshot),
        },
        "error": error,
        "history": [_entry(entry, private) for entry in history.of_record(db, view.id)],
    }


def _entry(entry: Entry, private: Collection[str]) -> dict[str, Any]:
    # Who asked, and what that person wrote, is nobody's business here.
    return {
        "at": _moment(entry.at),
        "event": entry.event.value,
        "operation": entry.operation,
        "code": entry.code,
        "text": _clear(entry.text or "", private),
        "intuit_tid": entry.tid,
    }


def _clear(text: str, private: Collection[str]) -> str:
    """Return a text of QuickBooks' without personal data."""
    for found in sorted(private, key=len, reverse=True):
        if len(found) >= MIN_HIDDEN_LENGTH:
            text = re.sub(re.escape(found), HIDDEN, text, flags=re.IGNORECASE)
    for pattern in (_EMAIL, _AMOUNT, _PHONE):
        text = pattern.sub(HIDDEN, text)
    return redact(text)


def _texts(value: Any) -> Iterator[str]:  # noqa: ANN401  JSON
    if isinstance(value, dict):
        for name, item in value.items():
            if name not in _SAFE:
                yield from _texts(item)
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item)
    elif isinstance(value, str):
        yield value
        yield from value.split()


def _shape(value: Any, name: str = "") -> Any:  # noqa: ANN401  JSON
    """Return the shape of a value: lengths instead of texts."""
    if isinstance(value, dict):
        return {key: _shape(item, key) for key, item in value.items()}
    if isinstance(value, list):
        return [_shape(item) for item in value]
    if not isinstance(value, str) or name in _SAFE:
        return value
    plain = "" if value.isascii() else ", not ASCII only"
    return f"{len(value)} characters{plain}"


def _moment(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat(timespec="milliseconds")
