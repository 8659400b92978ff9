"""Bring a database from before the first release to the first schema, by renaming in place."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dunahub_qbo_plugin.store.tables import metadata, meters

if TYPE_CHECKING:
    import sqlalchemy as sa

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
_INDEXES: Final = (
    "ix_qbo_outage_company_id",
    "ix_qbo_record_dated",
    "ix_qbo_record_touched",
    "ix_qbo_record_trouble",
)
_CONSTRAINTS: Final = {"qbo_disconnection": {"pk_qbo_outage": "pk_qbo_disconnection"}}


def bring_along(db: sa.Connection) -> None:
    """Rename what has another name now, and make each index anew under its own name."""
    quote = db.dialect.identifier_preparer.quote
    for old, new in _TABLES.items():
        db.exec_driver_sql(f"ALTER TABLE {quote(old)} RENAME TO {quote(new)}")
    for table, columns in _COLUMNS.items():
        for old, new in columns.items():
            db.exec_driver_sql(
                f"ALTER TABLE {quote(table)} RENAME COLUMN {quote(old)} TO {quote(new)}"
            )
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
