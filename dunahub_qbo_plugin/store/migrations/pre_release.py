"""Bring a database from before the first release to the first schema, by renaming in place."""

from __future__ import annotations

import re
from typing import Final

import sqlalchemy as sa
from alembic.operations import Operations
from alembic.runtime.migration import MigrationContext

from dunahub_qbo_plugin.store.tables import metadata, schema_mark

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

_ASKED: Final = re.compile(
    r"(?P<command>Retry|Send|Link|Dismiss|Undo dismiss) \((?P<actor>[^()]*)\)(?:: (?P<note>.*))?",
    re.DOTALL,
)
"""How the history told what a person had asked for."""


def bring_along(db: sa.Connection) -> None:
    """Rename what has another name now, add what is new, and make each index anew."""
    quote = db.dialect.identifier_preparer.quote
    names = [index.name for found in metadata.sorted_tables for index in found.indexes]
    for name in (*_INDEXES, *map(str, names)):
        db.exec_driver_sql(f"DROP INDEX IF EXISTS {quote(name)}")
    for old, new in _TABLES.items():
        db.exec_driver_sql(f"ALTER TABLE {quote(old)} RENAME TO {quote(new)}")
    for table, columns in _COLUMNS.items():
        for old, new in columns.items():
            db.exec_driver_sql(
                f"ALTER TABLE {quote(table)} RENAME COLUMN {quote(old)} TO {quote(new)}"
            )
    if db.dialect.name == "postgresql":
        _alter(db)
    else:
        _copy(db)
    _split_history(db)
    _drop_sentences(db)
    db.execute(sa.insert(schema_mark).values(oldest_writer="0003"))


def _alter(db: sa.Connection) -> None:
    """Bring each table to its present columns in place."""
    for name, constraints in _CONSTRAINTS.items():
        for old, new in constraints.items():
            db.exec_driver_sql(f'ALTER TABLE "{name}" RENAME CONSTRAINT "{old}" TO "{new}"')
    there = sa.inspect(db)
    for table in metadata.sorted_tables:
        if there.has_table(table.name):
            known = {column["name"] for column in there.get_columns(table.name)}
            _alter_columns(db, table, known)
            for index in table.indexes:
                index.create(db)
        else:
            table.create(db)


def _alter_columns(db: sa.Connection, table: sa.Table, known: set[str]) -> None:
    operations = Operations(MigrationContext.configure(db))
    wanted = {column.name for column in table.columns}
    computed = {column.name for column in table.columns if column.computed is not None}
    for name in sorted((known - wanted) | (known & computed)):
        operations.drop_column(table.name, name)
    for column in table.columns:
        if column.name in known - computed:
            continue
        filled = not column.nullable and column.computed is None
        parts = (
            []
            if column.computed is None
            else [sa.Computed(column.computed.sqltext, persisted=True)]
        )
        fresh = sa.Column(
            column.name,
            column.type,
            *parts,
            nullable=column.nullable,
            server_default="0" if filled else None,
        )
        operations.add_column(table.name, fresh)
        if filled:
            operations.alter_column(table.name, column.name, server_default=None)


def _copy(db: sa.Connection) -> None:
    """Make each table anew and copy its rows: SQLite cannot change a computed column."""
    there = sa.inspect(db)
    for table in metadata.sorted_tables:
        known = set()
        if there.has_table(table.name):
            known = {column["name"] for column in there.get_columns(table.name)}
            db.exec_driver_sql(f'ALTER TABLE "{table.name}" RENAME TO "{table.name}_before"')
        table.create(db)
        if known:
            both = [one.name for one in table.columns if one.name in known and one.computed is None]
            new = [
                one.name
                for one in table.columns
                if one.name not in known and not one.nullable and one.computed is None
            ]
            into = ", ".join(f'"{name}"' for name in [*both, *new])
            given = ", ".join([*(f'"{name}"' for name in both), *("0" for _ in new)])
            db.exec_driver_sql(
                f'INSERT INTO "{table.name}" ({into}) SELECT {given} FROM "{table.name}_before"'  # noqa: S608  names of ours
            )
            db.exec_driver_sql(f'DROP TABLE "{table.name}_before"')


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
