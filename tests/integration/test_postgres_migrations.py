"""An existing database is brought up to date, by whichever of many processes comes first."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from dunahub_qbo_plugin.store.database import SCHEMA, Database
from dunahub_qbo_plugin.store.migrations import upgrade
from tests.support.postgres import fresh_database

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

AT_ONCE = 6
A_RECORD = """
    INSERT INTO qbo_record (org_id, company_id, kind, local_id, label, snapshot, fingerprint,
        generation, epoch, saved_at, created_at, touched_at, waiting, attempts, request_seq)
    VALUES ('acme', 'c', 'customer', '17', 'Sarah', '{}', 'f', 1, 1, 1, 1, 1, false, 0, 0)
"""


@pytest.fixture(params=["sqlite", "postgres"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """Give the address of a database with nothing in it."""
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
    """The first release's tables are brought up to date with their rows, by several at once."""
    old = Database(url)
    upgrade(old.write, "0001")
    with old.write.begin() as db:
        db.exec_driver_sql(A_RECORD)
    assert old.is_ready() is False
    old.close()
    assert start_together(url) == [SCHEMA] * AT_ONCE
    new = Database(url)
    assert new.is_ready()
    with new.read.connect() as db:
        labels = db.execute(sa.text("SELECT label FROM qbo_record")).scalars().all()
        assert labels == ["Sarah"]
        assert db.execute(sa.text("SELECT count(*) FROM qbo_meter")).scalar_one() == 0
    new.close()
