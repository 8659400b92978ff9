"""Writers of one process take turns on SQLite, so that a hook never waits for luck."""

from __future__ import annotations

import signal
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import OperationalError

from dunahub_qbo_plugin.store.db.database import Database
from dunahub_qbo_plugin.store.db.sqlite import Turn
from dunahub_qbo_plugin.testing import make_lead
from tests.support.host import copy_schema, make_host

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from types import FrameType


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    """A migrated file."""
    copy_schema(tmp_path / "dunahub_qbo.sqlite3")
    opened = Database(f"sqlite:///{tmp_path / 'dunahub_qbo.sqlite3'}")
    opened.prepare()
    yield opened
    opened.close()


def write(engine: sa.Engine) -> None:
    """Write something."""
    with engine.begin() as db:
        db.execute(sa.text("UPDATE qbo_connection SET fence = fence"))


def is_free(database: Database) -> bool:
    """Return whether nobody has the turn."""
    held: dict[str, object] = {}
    came = database._turn.take(held, wait=0)
    database._turn.give(held)
    return came


def test_whoever_waits_longest_is_next(database: Database) -> None:
    """A writer that is back at once comes after those that wait, in their order."""
    order: list[int] = []
    began = threading.Event()

    def work(number: int) -> None:
        with database.write.begin():
            order.append(number)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(5)]
    with database.write.begin():
        for waiting, thread in enumerate(threads, start=1):
            thread.start()
            while len(database._turn._line.waiting) < waiting:
                began.wait(0.001)
    work(99)
    for thread in threads:
        thread.join()
    assert order == [0, 1, 2, 3, 4, 99]


def test_hook_gives_up_soon_and_others_go_on(database: Database) -> None:
    """A hook does not wait until a writer of its own process is done."""
    with database.write.begin(), pytest.raises(OperationalError, match="database is locked"):
        write(database.hook)
    write(database.hook)
    write(database.write)


def test_turn_is_given_back_whatever_happens(database: Database) -> None:
    """After an error, a rollback or a broken connection the next writer is let in at once."""
    with pytest.raises(OperationalError), database.write.begin() as db:
        db.execute(sa.text("SELECT * FROM no_such_table"))
    assert is_free(database)
    with database.write.connect() as db, db.begin() as transaction:
        transaction.rollback()
    assert is_free(database)
    with database.write.connect() as db:
        db.begin()
        db.invalidate()
    assert is_free(database)


def test_turn_is_not_given_where_sqlite_refuses(database: Database, tmp_path: Path) -> None:
    """A lock of another process costs a hook its wait, not the turn of its own process."""
    other = Database(f"sqlite:///{tmp_path / 'dunahub_qbo.sqlite3'}")
    with other.write.begin(), pytest.raises(OperationalError, match="database is locked"):
        write(database.hook)
    assert is_free(database)
    other.close()


def test_readers_wait_for_nobody(database: Database) -> None:
    """A look goes on while somebody writes."""
    with database.write.begin(), database.read.connect() as db:
        assert db.execute(sa.text("SELECT count(*) FROM qbo_record")).scalar() == 0


def test_turn_that_is_kept_after_the_commit_keeps_nobody_out(database: Database) -> None:
    """A connection that wrote and is still in use costs others their wait, not their write."""
    with database.write.connect() as db:
        db.execute(sa.text("UPDATE qbo_connection SET fence = fence"))
        db.commit()
        assert not is_free(database)
        write(database.hook)
    assert is_free(database)


def test_wait_that_is_broken_off_leaves_the_line(database: Database) -> None:
    """A host whose signal handler raises while a hook waits for its turn does not lose the turn."""

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    line, main = database._turn._line, threading.main_thread()
    assert main.ident is not None

    def press(ident: int = main.ident) -> None:
        while not line.waiting:
            time.sleep(0.001)  # until the hook waits: nothing tells of that
        signal.pthread_kill(ident, signal.SIGUSR1)

    before = signal.signal(signal.SIGUSR1, interrupt)
    try:
        with database.write.begin():
            threading.Thread(target=press).start()
            with pytest.raises(KeyboardInterrupt):
                write(database.write)
            assert not line.waiting
    finally:
        signal.signal(signal.SIGUSR1, before)
    assert is_free(database)


def test_fork_does_not_inherit_the_turn() -> None:
    """A child process does not wait for a thread that only its parent has."""
    turn = Turn()
    theirs: dict[str, object] = {}
    mine: dict[str, object] = {}
    assert turn.take(theirs, wait=0)
    assert not turn.take({}, wait=0.001)
    turn.abandon()
    assert turn.take(mine, wait=0)
    turn.give(theirs)
    assert not turn.take({}, wait=0.001)
    turn.give(mine)
    assert turn.take({}, wait=0)


def test_a_new_lead_touches_few_pages(tmp_path: Path) -> None:
    """Each index costs every hook a page of log; a lead is in none that is not for leads."""
    host = make_host(tmp_path)
    host.connect()
    host.save(*(make_lead(f"first-{number}") for number in range(20)))
    with host.runtime.database.read.connect() as db:
        driver: Any = db.connection.driver_connection
        driver.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        host.save(*(make_lead(f"lead-{number}") for number in range(20)))
        _, pages, _ = driver.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
        plan = [
            str(row[3])
            for row in driver.execute(
                "EXPLAIN QUERY PLAN SELECT id FROM qbo_record"
                " WHERE company_id = ? AND kind = ? AND parent = ?",
                ("c", "invoice", "p"),
            )
        ]
    host.close()
    assert 20 <= pages <= 20 * 7
    assert any("ix_qbo_record_parent" in step for step in plan)
