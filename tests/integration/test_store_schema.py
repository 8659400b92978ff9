"""The migrations make exactly the tables that the code works with."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from dunahub_qbo_plugin.store.db.database import Database
from dunahub_qbo_plugin.store.tables import metadata, records

if TYPE_CHECKING:
    from pathlib import Path

VERSION = "qbo_alembic_version"


def schema(engine: sa.Engine) -> dict[str, str]:
    """Return SQLite's own text for each table and index."""
    with engine.connect() as db:
        rows = db.exec_driver_sql("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL")
        found = {row[0]: " ".join(row[1].split()) for row in rows}
    return {name: text for name, text in found.items() if name != VERSION}


def test_the_migrations_make_the_tables_of_sqlite(tmp_path: Path) -> None:
    """Tables, constraints and indexes are the same to the letter."""
    migrated = Database(f"sqlite:///{tmp_path / 'migrated.sqlite3'}")
    migrated.prepare()
    made = sa.create_engine(f"sqlite:///{tmp_path / 'made.sqlite3'}")
    metadata.create_all(made)
    assert schema(migrated.read) == schema(made)
    migrated.close()
    made.dispose()


CATALOG = """
    SELECT table_name || '.' || column_name,
           concat_ws(' ', data_type, is_nullable, column_default, collation_name,
                     is_identity, is_generated, generation_expression)
      FROM information_schema.columns
     WHERE table_schema = :schema AND table_name LIKE 'qbo\\_%'
    UNION ALL
    SELECT indexname, replace(indexdef, ' ON ' || schemaname || '.', ' ON ')
      FROM pg_indexes WHERE schemaname = :schema AND tablename LIKE 'qbo\\_%'
    UNION ALL
    SELECT conrelid::regclass || '.' || conname, pg_get_constraintdef(oid)
      FROM pg_constraint
     WHERE connamespace = to_regnamespace(:schema) AND conrelid::regclass::text LIKE '%qbo\\_%'
"""


def catalog(engine: sa.Engine, name: str) -> dict[str, str]:
    """Return PostgreSQL's own text for each column, index and constraint of a schema."""
    with engine.connect() as db:
        rows = db.execute(sa.text(CATALOG), {"schema": name})
        found = {text.replace(f"{name}.", ""): what.replace(f"{name}.", "") for text, what in rows}
    return {text: what for text, what in found.items() if not text.startswith(VERSION)}


def test_the_migrations_make_the_tables_of_postgresql(postgres_url: str) -> None:
    """All is the same to the letter, and indexes by beginning are of the kind that serves it."""
    migrated = Database(postgres_url)
    migrated.prepare()
    with migrated.write.begin() as db:
        db.exec_driver_sql("CREATE SCHEMA made")
        db.exec_driver_sql("SET LOCAL search_path TO made")
        metadata.create_all(db)
    ours = catalog(migrated.read, "public")
    assert ours == catalog(migrated.read, "made")
    assert len(ours) > 50
    assert "lower" in ours["ix_qbo_record_label"]
    for index in ("ix_qbo_record_label", "ix_qbo_record_number", "ix_qbo_word_word"):
        assert "text_pattern_ops" in ours[index]
    migrated.close()


def test_what_is_open_is_computed_by_the_database(tmp_path: Path) -> None:
    """No code writes ``is_open``; the database keeps it in step."""
    database = Database(f"sqlite:///{tmp_path / 'qbo.sqlite3'}")
    database.prepare()
    with database.write.begin() as db:
        values: dict[str, Any] = {
            "org_id": "a",
            "company_id": "c",
            "kind": "customer",
            "local_id": "1",
            "label": "x",
            "snapshot": "{}",
            "fingerprint": "f",
            "version": 1,
            "connection_period": 1,
            "saved_at": 1,
            "created_at": 1,
            "updated_at": 1,
            "blocked": False,
            "attempts": 0,
            "request_seq": 0,
        }
        db.execute(sa.insert(records).values(values))
        assert db.execute(sa.select(records.c.is_open)).scalar_one() is True
        db.execute(sa.update(records).values(synced_fingerprint="f"))
        assert db.execute(sa.select(records.c.is_open)).scalar_one() is False
        db.execute(sa.update(records).values(fingerprint="g"))
        assert db.execute(sa.select(records.c.is_open)).scalar_one() is True
    database.close()
