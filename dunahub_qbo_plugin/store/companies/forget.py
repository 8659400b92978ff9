"""Delete all rows of one organization."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa

from dunahub_qbo_plugin.store.tables import connections, metadata, records

if TYPE_CHECKING:
    from dunahub_qbo_plugin.store.db.database import Database


def forget(database: Database, org_id: str) -> dict[str, int]:
    """Delete an organization's rows in one transaction; its records stay in host and QuickBooks.

    In an SQLite file the space is overwritten, also in its log as far as no reader prevents it.
    Backups are the operator's business.

    Args:
        database: the plugin's.
        org_id: the host's id of the organization.

    Returns:
        number of deleted rows by table, without zeros.
    """
    deleted: dict[str, int] = {}
    with database.write.begin() as db:
        overwrite(database, db)
        for table in reversed(metadata.sorted_tables):
            if table is not connections:  # the others are found through it
                deleted[table.name] = _delete(db, table, org_id)
        deleted[connections.name] = _delete(db, connections, org_id)
        for table in metadata.sorted_tables:
            deleted[table.name] += _delete_orphans(db, table)
    database.empty_log()
    return {name: number for name, number in deleted.items() if number}


def overwrite(database: Database, db: sa.Connection) -> None:
    """Have what this connection deletes from an SQLite file overwritten."""
    if database.is_sqlite:
        db.exec_driver_sql("PRAGMA secure_delete=ON")


def of_no_organization() -> list[str]:
    """Return the tables whose rows belong to no organization; a test checks each new table."""
    return [table.name for table in metadata.sorted_tables if _owned(table, "") is None]


def _delete(db: sa.Connection, table: sa.Table, org_id: str) -> int:
    owned = _owned(table, org_id)
    return 0 if owned is None else db.execute(sa.delete(table).where(owned)).rowcount


def _delete_orphans(db: sa.Connection, table: sa.Table) -> int:
    """Delete what is left of companies that were offered and never chosen."""
    if "company_id" not in table.c:
        return 0
    orphans = table.c.company_id.not_in(sa.select(connections.c.id))
    return db.execute(sa.delete(table).where(orphans)).rowcount


def _owned(table: sa.Table, org_id: str) -> sa.ColumnElement[bool] | None:
    """Return the condition for an organization's rows; None for a table that has none."""
    if "org_id" in table.c:
        return table.c.org_id == org_id
    if "company_id" in table.c:
        mine = sa.select(connections.c.id).where(connections.c.org_id == org_id)
        return table.c.company_id.in_(mine)
    if "record_id" in table.c:
        theirs = sa.select(records.c.id).where(records.c.org_id == org_id)
        return table.c.record_id.in_(theirs)
    return None
