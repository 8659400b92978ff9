"""A hook on PostgreSQL waits for nothing and loses nothing (rule 9)."""

from __future__ import annotations

import sqlite3
import threading
import time
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
import sqlalchemy as sa

from dunahub_hookspecs import Organization, Region
from dunahub_qbo_plugin.config import Config, Worker
from dunahub_qbo_plugin.errors import ConfigurationError
from dunahub_qbo_plugin.model import RecordState
from dunahub_qbo_plugin.runtime import build
from dunahub_qbo_plugin.store.companies.leases import LEASE
from dunahub_qbo_plugin.store.db import postgres
from dunahub_qbo_plugin.store.db.database import Database
from dunahub_qbo_plugin.store.db.errors import DatabaseError, is_lost
from dunahub_qbo_plugin.store.db.hook_connections import BackgroundConnector
from dunahub_qbo_plugin.testing import FakeHost, make_lead
from tests.support.host import make_host, rows_of
from tests.support.proxy import Proxy
from tests.support.queue import until
from tests.support.sockets import RawServer, closed_port

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

LONGEST = 0.5
"""Seconds that a hook may take at the very worst, on a machine that does other things too."""


@pytest.fixture
def host(tmp_path: Path, postgres_url: str) -> Iterator[FakeHost]:
    """Return a connected host on PostgreSQL without a worker of its own."""
    made = make_host(tmp_path, database_url=postgres_url)
    made.connect()
    yield made
    made.close()


def saved_in(host: FakeHost, local_id: str) -> float:
    """Save a lead; gives how long the hook took."""
    started = time.monotonic()
    host.save(make_lead(local_id))
    return time.monotonic() - started


def test_a_lock_sends_the_row_through_memory(host: FakeHost) -> None:
    """A locked row costs the hook some tens of milliseconds; it is written once it is free."""
    host.save(make_lead())
    database = host.runtime.database
    with database.write.begin() as db:
        db.execute(sa.text("SELECT 1 FROM qbo_record FOR UPDATE"))
        assert saved_in(host, "lead-1") < 0.2
        started = time.monotonic()
        host.save(make_lead(phone="1"))
        assert time.monotonic() - started < 0.2
        assert host.runtime.intake.waiting == 1
    until(lambda: host.runtime.intake.waiting == 0, what="the write")
    (row,) = rows_of(host)
    assert '"1"' in row.snapshot
    assert host.send() == 1


def test_a_slow_statement_is_ended_by_the_server(host: FakeHost) -> None:
    """A hook's statement gets some tens of milliseconds of the server's time."""
    started = time.monotonic()
    ended = pytest.raises(sa.exc.OperationalError, match="statement timeout")
    with host.runtime.database.hook.connect() as db, ended:
        db.execute(sa.text("SELECT pg_sleep(5)"))
    assert time.monotonic() - started < LONGEST


def test_a_restarted_server_costs_no_row(host: FakeHost, server_url: str) -> None:
    """Connections that the server ended are replaced within the hook: its row is durable."""
    host.save(make_lead())
    admin = sa.create_engine(server_url, isolation_level="AUTOCOMMIT", poolclass=sa.NullPool)
    with admin.connect() as db:
        db.execute(
            sa.text("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = :name"),
            {"name": host.runtime.database.url.database},
        )
    assert saved_in(host, "lead-2") < LONGEST
    assert host.runtime.intake.spilled == 0
    assert len(rows_of(host)) == 2


def test_a_server_that_stops_answering(tmp_path: Path, postgres_url: str) -> None:
    """A server that hangs costs a hook a quarter of a second, the next ones nothing."""
    with Proxy(postgres_url) as proxy:
        host = make_host(tmp_path, database_url=proxy.url)
        host.connect()
        host.save(make_lead("before"))
        proxy.blocked.set()
        assert saved_in(host, "hung") < LONGEST
        assert saved_in(host, "next") < 0.05
        assert host.runtime.intake.waiting == 2
        proxy.blocked.clear()
        until(lambda: host.runtime.intake.waiting == 0, seconds=20, what="the write")
        assert {row.local_id for row in rows_of(host)} == {"before", "hung", "next"}
        host.close()


@pytest.mark.parametrize("gone", ["silent", "refusing"])
def test_a_server_that_lets_nobody_in(gone: str) -> None:
    """A process whose database cannot be reached from its start on still has quick hooks."""
    with RawServer(lambda peer: peer.hang()) as silent:
        port = silent.url.rpartition(":")[2] if gone == "silent" else closed_port()
        address = f"postgresql+psycopg://nobody@127.0.0.1:{port}/nothing"
        config = Config(database_url=address, worker=Worker.OFF)
        runtime = build(config)
        runtime.intake._wake = lambda _org_id: None
        started = time.monotonic()
        for number in range(20):
            runtime.intake.lead("acme", make_lead(f"lead-{number}"), None)
        assert time.monotonic() - started < LONGEST
        assert runtime.intake.waiting == 20
        runtime.database.close()


def test_other_regions_do_not_wait_either(tmp_path: Path, postgres_url: str) -> None:
    """A hook of an organization outside the US is as quick while the database hangs (rule 13)."""
    with Proxy(postgres_url) as proxy:
        host = make_host(tmp_path, database_url=proxy.url)
        host.connect()
        proxy.blocked.set()
        started = time.monotonic()
        host.save(make_lead(), org=Organization(id="acme", region=Region.BR))
        assert time.monotonic() - started < LONGEST
        proxy.blocked.clear()
        host.close()


def test_memory_is_written_where_no_worker_runs(host: FakeHost) -> None:
    """With the worker elsewhere, what went through memory is written by a thread of its own."""
    assert host.config.worker is Worker.OFF
    database = host.runtime.database
    with database.write.begin() as db:
        db.exec_driver_sql("LOCK TABLE qbo_record IN EXCLUSIVE MODE")
        host.save(make_lead())
    until(lambda: len(rows_of(host)) == 1, what="the row")
    host.send()
    assert host.look("customer:lead-1").state is RecordState.SYNCED


@pytest.mark.parametrize("scheme", ["postgres", "postgresql"])
def test_plain_addresses_mean_psycopg(scheme: str) -> None:
    """An address as hosting services give it works: the driver that is installed is taken."""
    assert postgres.address(f"{scheme}://u@h/d").drivername == "postgresql+psycopg"


def test_other_databases_are_refused_in_words() -> None:
    """A database that was never tried is refused before it is opened."""
    with pytest.raises(ConfigurationError, match="DUNAHUB_QBO_DATABASE_URL"):
        Database("postgresql+pg8000://u@h/d")


def ending_in(url: str, **query: str) -> str:
    """Return an address with something behind its question mark."""
    return sa.make_url(url).update_query_dict(query).render_as_string(hide_password=False)


@pytest.mark.parametrize("threshold", ["5", "none"])
def test_statements_are_not_prepared_where_a_pooler_cannot_have_it(
    postgres_url: str, threshold: str
) -> None:
    """Behind a pooler that lends connections, a prepared statement is in another one's hands."""
    address = ending_in(postgres_url, prepare_threshold=threshold)
    database = Database(address)
    asked = "SELECT count(*) FROM pg_prepared_statements WHERE statement LIKE '%qbo_record'"
    for engine in (database.hook, database.write):
        with engine.connect() as db:
            for _ in range(10):
                db.exec_driver_sql("SELECT count(*) FROM qbo_record")
            prepared = db.execute(sa.text(asked)).scalar_one()
            assert (prepared > 0) is (threshold != "none")
    database.close()
    conninfo = postgres.conninfo(postgres.address(address), schema="qbo_engine")
    with psycopg.connect(conninfo) as queue:  # libpq knows nothing of it
        assert queue.execute("SHOW search_path").fetchone() == ("qbo_engine",)


def test_a_wrong_number_is_told_in_words(postgres_url: str) -> None:
    """What cannot be a number is a setting to mend, not an error in each hook."""
    with pytest.raises(ConfigurationError, match="DUNAHUB_QBO_DATABASE_URL"):
        Database(ending_in(postgres_url, prepare_threshold="often"))


@pytest.mark.parametrize("way", ["hook", "write"])
def test_a_process_paused_in_a_transaction_keeps_nobody_out(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, postgres_url: str, way: str
) -> None:
    """The server ends a transaction that stands still, before a lease ends (rule 10)."""
    assert timedelta(seconds=postgres.IDLE_TRANSACTION_TIMEOUT) < LEASE
    host = make_host(tmp_path, database_url=postgres_url)
    host.connect()
    monkeypatch.setattr(postgres, "IDLE_TRANSACTION_TIMEOUT", 0.3)
    lock = sa.text("SELECT id FROM qbo_connection FOR UPDATE")
    database = Database(postgres_url)
    with getattr(database, way).connect() as paused:
        paused.execute(lock)
        with database.write.begin() as taker:
            taker.execute(sa.text("SET LOCAL lock_timeout = '8s'"))
            assert taker.execute(lock).scalar() is not None
        with pytest.raises(DatabaseError) as ended:
            paused.execute(lock)
        assert is_lost(ended.value)
    database.close()
    host.close()


def test_what_comes_back_late_is_closed(store_url: str | None, tmp_path: Path) -> None:
    """A connection that a thread has in hand while all are closed is closed when it comes back."""
    database = Database(store_url or f"sqlite:///{tmp_path / 'qbo.sqlite3'}")
    held = [engine.connect() for engine in (database.hook, database.write)]
    drivers = [connection.connection.driver_connection for connection in held]
    database.close()
    for connection in held:
        connection.close()
    assert [_is_closed(driver) for driver in drivers] == [True, True]
    with database.write.connect() as again:
        assert again.execute(sa.text("SELECT 1")).scalar() == 1
    database.close()


def _is_closed(driver: Any) -> bool:  # noqa: ANN401  either driver's
    try:
        driver.execute("SELECT 1")
    except (psycopg.OperationalError, sqlite3.ProgrammingError):
        return True
    return False


def test_what_opens_late_is_closed() -> None:
    """A connection that came too late for its hook, and for the closing too, is closed."""
    go, made = threading.Event(), [_Opened(), _Opened(), _Opened()]
    slow = iter(made)

    def connect() -> _Opened:
        assert go.wait(10)
        return next(slow)

    door = BackgroundConnector(connect)
    with pytest.raises(psycopg.OperationalError, match="too long"):
        door.open()
    door.close()
    go.set()
    until(lambda: made[0].closed)
    assert door.open() is made[1]  # opened again: the late one is not handed on
    assert not made[1].closed
    go.clear()
    with pytest.raises(psycopg.OperationalError, match="too long"):
        door.open()
    go.set()
    until(lambda: len(door._kept) == 1)
    assert not made[2].closed
    door.close()
    assert made[2].closed


class _Opened:
    def __init__(self) -> None:
        self.closed = False

    def close(self) -> None:
        self.closed = True
