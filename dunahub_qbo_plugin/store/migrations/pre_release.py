"""Bring a database from before the first release to the first schema, by renaming in place."""

from __future__ import annotations

import re
from typing import Final

import sqlalchemy as sa

from dunahub_qbo_plugin.store.tables import metadata, meters

REVISIONS: Final = ("0001", "0002")
"""Schemas that were never released; 0002 added the meter."""
_TABLES: Final = {"qbo_outage": "qbo_disconnection"}
_COLUMNS: Final = {
    "qbo_connection": {"epoch": "connection_period"},
    "qbo_disconnection": {"epoch": "connection_period"},
    "qbo_task": {"beat_at": "heartbeat_at"},
    "qbo_record": {
        "dated": "document_date",
        "generation": "version",
        "epoch": "connection_period",
        "hold": "skip_reason",
        "hold_note": "skip_note",
        "touched_at": "updated_at",
        "due_at": "next_attempt_at",
        "waiting": "blocked",
    },
}
_ADDED: Final = (
    ("qbo_history", "actor"),
    ("qbo_history", "note"),
    ("qbo_record", "error_facts"),
)
_INDEXES: Final = (
    "ix_qbo_outage_company_id",
    "ix_qbo_record_dated",
    "ix_qbo_record_touched",
    "ix_qbo_record_trouble",
)
_CONSTRAINTS: Final = {"qbo_disconnection": {"pk_qbo_outage": "pk_qbo_disconnection"}}
_ASKED: Final = re.compile(
    r"(?P<command>Retry|Send|Link|Dismiss|Undo dismiss) \((?P<actor>[^()]*)\)(?:: (?P<note>.*))?",
    re.DOTALL,
)
"""How the history told what a person had asked for."""


def bring_along(db: sa.Connection) -> None:
    """Rename what has another name now, and move what has a column of its own now into it."""
    quote = db.dialect.identifier_preparer.quote
    for old, new in _TABLES.items():
        db.exec_driver_sql(f"ALTER TABLE {quote(old)} RENAME TO {quote(new)}")
    for table, columns in _COLUMNS.items():
        for old, new in columns.items():
            db.exec_driver_sql(
                f"ALTER TABLE {quote(table)} RENAME COLUMN {quote(old)} TO {quote(new)}"
            )
    for table, column in _ADDED:
        db.exec_driver_sql(f"ALTER TABLE {quote(table)} ADD COLUMN {quote(column)} VARCHAR")
    _split_history(db)
    _drop_sentences(db)
    if db.dialect.name == "postgresql":  # SQLite cannot rename a constraint, and needs it nowhere
        for table, constraints in _CONSTRAINTS.items():
            for old, new in constraints.items():
                db.exec_driver_sql(
                    f"ALTER TABLE {quote(table)} RENAME CONSTRAINT {quote(old)} TO {quote(new)}"
                )
    meters.create(db, checkfirst=True)
    indexes = [index for found in metadata.sorted_tables for index in found.indexes]
    for name in (*_INDEXES, *(str(index.name) for index in indexes)):
        db.exec_driver_sql(f"DROP INDEX IF EXISTS {quote(name)}")
    for index in indexes:
        index.create(db)


def _drop_sentences(db: sa.Connection) -> None:
    """Take texts for people out of what errors are grouped by; the next try finds the facts."""
    for statement in (
        (
            "UPDATE qbo_record SET error_subject = substr(error_subject, 5)"
            " WHERE error_code IN ('item-gone', 'customer-gone') AND error_subject LIKE 'no. %'"
        ),
        "UPDATE qbo_record SET error_subject = NULL WHERE error_code = '6240'",
        "UPDATE qbo_task SET problem = 'other' WHERE problem IS NOT NULL",
    ):
        db.execute(sa.text(statement))


def _split_history(db: sa.Connection) -> None:
    """Move what the history wrote as one text into columns."""
    code = sa.text(
        "UPDATE qbo_history SET code = :code, text = NULL WHERE event = :event AND text LIKE :text"
    )
    for kind in ("customer", "invoice"):
        db.execute(code, {"code": kind, "event": "waiting", "text": f"{kind}:%"})
    for reason in ("ineligible", "voided-unsent", "dismissed"):
        db.execute(code, {"code": reason, "event": "noted", "text": reason})
    rows = db.execute(sa.text("SELECT id, text FROM qbo_history WHERE event = 'asked'")).all()
    if asked := [_asked(row.id, row.text or "") for row in rows]:
        statement = (
            "UPDATE qbo_history SET event = :event, code = :code, actor = :actor, note = :note,"
            " text = :text WHERE id = :id"
        )
        db.execute(sa.text(statement), asked)


def _asked(entry_id: int, text: str) -> dict[str, str | int | None]:
    entry: dict[str, str | int | None] = dict.fromkeys(("code", "actor", "note", "text"))
    found = _ASKED.fullmatch(text)
    if found is None:
        return {**entry, "id": entry_id, "event": "noted", "text": text}
    command = found["command"].lower().replace(" ", "-")
    return {**entry, "id": entry_id, "event": "asked", **found.groupdict(), "code": command}
