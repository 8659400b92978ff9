"""An existing database is brought up to date, by whichever of many processes comes first."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from dunahub_qbo_plugin.store.db.database import SCHEMA, Database
from dunahub_qbo_plugin.store.tables import metadata
from tests.support.postgres import fresh_database

if TYPE_CHECKING:
    from collections.abc import Iterator

AT_ONCE = 6
BEFORE_THE_RELEASE = Path(__file__).parent / "schemas"
"""The tables of schema 0002, which was never released, as each database told them."""
A_RECORD = """
    INSERT INTO qbo_record (org_id, company_id, kind, local_id, label, snapshot, fingerprint,
        generation, epoch, saved_at, created_at, touched_at, due_at, dated, hold, waiting, attempts,
        request_seq)
    VALUES ('acme', 'c', 'customer', '17', 'Sarah', '{}', 'f', 3, 2, 1, 1, 5, 6, '2026-03-01',
        'dismissed', true, 0, 0)
"""
A_FAILURE = """
    INSERT INTO qbo_record (org_id, company_id, kind, local_id, label, snapshot, fingerprint,
        generation, epoch, saved_at, created_at, touched_at, waiting, attempts, request_seq,
        error_code, error_subject)
    VALUES ('acme', 'c', :kind, :id, '', '{}', 'f', 1, 1, 1, 1, 1, false, 1, 0, :code, :subject)
"""
FAILURES = (
    ("invoice", "item-gone", "no. 17", "17"),
    ("invoice", "item-gone", "AC tune-up", "AC tune-up"),
    ("customer", "6240", "vendor Home Depot (a@b.example, owes $3.00)", None),
)
A_TASK = """
    INSERT INTO qbo_task (company_id, name, asked_by, asked_at, arguments, done, total, problem)
    VALUES ('c', 'compare', '', 1, '{}', 0, 0, 'QuickBooks could not be asked.')
"""
A_HISTORY = (
    ("asked", "Dismiss (dana@acme.example): Paid in cash (twice): no"),
    ("asked", "Undo dismiss (dana@acme.example)"),
    ("asked", "something else"),
    ("waiting", "invoice:12:b"),
    ("noted", "voided-unsent"),
    ("noted", "It was found voided in QuickBooks."),
)
MOVED = (
    ("asked", "dismiss", "dana@acme.example", "Paid in cash (twice): no", None),
    ("asked", "undo-dismiss", "dana@acme.example", None, None),
    ("noted", None, None, None, "something else"),
    ("waiting", "invoice", None, None, None),
    ("noted", "voided-unsent", None, None, None),
    ("noted", None, None, None, "It was found voided in QuickBooks."),
)
INDEXES = {
    "sqlite": "SELECT name FROM sqlite_master"
    " WHERE tbl_name = :table AND type = 'index' AND sql > ''",
    "postgresql": "SELECT indexname FROM pg_indexes WHERE tablename = :table",
}
CARRIED = """
    SELECT label, version, connection_period, updated_at, next_attempt_at, document_date,
        skip_reason, blocked, is_open
    FROM qbo_record
"""


def columns_and_indexes(engine: sa.Engine) -> dict[str, tuple[set[str], set[str]]]:
    """Return the columns and indexes of each of our tables."""
    there = sa.inspect(engine)
    names = INDEXES[engine.dialect.name]
    with engine.connect() as db:
        return {
            table: (
                {column["name"] for column in there.get_columns(table)},
                set(db.execute(sa.text(names), {"table": table}).scalars()),
            )
            for table in there.get_table_names()
            if table.startswith("qbo_")
        }


@pytest.fixture(params=["sqlite", "postgres"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """Return the address of a database with nothing in it."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'old.sqlite3'}"
        return
    with fresh_database(request.getfixturevalue("server_url")) as address:
        yield address


def start_together(url: str) -> list[str | None]:
    """Open the database as so many processes would, at the same moment."""
    line = Barrier(AT_ONCE, timeout=20)

    def start(_number: int) -> str | None:
        database = Database(url)
        line.wait()
        database.prepare()
        version = database._version(database.read)
        database.close()
        return version

    with ThreadPoolExecutor(AT_ONCE) as pool:
        return list(pool.map(start, range(AT_ONCE)))


def test_first_starts_at_once(url: str) -> None:
    """Processes that find no tables make them once, and each can work."""
    assert start_together(url) == [SCHEMA] * AT_ONCE


def test_an_older_database_keeps_what_it_has(url: str) -> None:
    """Tables of before the first release are renamed with their rows, by several at once."""
    old = Database(url)
    script = BEFORE_THE_RELEASE / f"0002.{'sqlite' if old.is_sqlite else 'postgresql'}.sql"
    with old.write.begin() as db:
        for statement in script.read_text("utf-8").split(";\n"):
            if statement.strip():
                db.exec_driver_sql(statement)
        db.exec_driver_sql(A_RECORD)
        db.exec_driver_sql(A_TASK)
        for at, (kind, code, subject, _) in enumerate(FAILURES):
            values = {"kind": kind, "id": f"failed-{at}", "code": code, "subject": subject}
            db.execute(sa.text(A_FAILURE), values)
        db.execute(
            sa.text(
                "INSERT INTO qbo_history (company_id, record_id, at, event, text)"
                " VALUES ('c', 1, 1, :event, :text)"
            ),
            [{"event": event, "text": text} for event, text in A_HISTORY],
        )
    assert old.is_ready() is False
    old.close()
    assert start_together(url) == [SCHEMA] * AT_ONCE
    new = Database(url)
    assert new.is_ready()
    with new.read.connect() as db:
        (row,) = db.execute(sa.text(f"{CARRIED} WHERE local_id = '17'")).all()
        subjects = sa.text(
            "SELECT error_subject FROM qbo_record WHERE error_code IS NOT NULL ORDER BY local_id"
        )
        assert db.execute(subjects).scalars().all() == [told for *_, told in FAILURES]
        assert db.execute(sa.text("SELECT problem FROM qbo_task")).scalar_one() == "other"
        told = sa.text("SELECT event, code, actor, note, text FROM qbo_history ORDER BY id")
        assert tuple(map(tuple, db.execute(told))) == MOVED
    assert tuple(row) == ("Sarah", 3, 2, 5, 6, "2026-03-01", "dismissed", True, True)
    carried = columns_and_indexes(new.read)
    with new.write.begin() as db:
        metadata.drop_all(db)
        metadata.create_all(db)
    assert carried == columns_and_indexes(new.read)
    new.close()
