"""The worker thread of the default engine, for real: real clock, real threads."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import threading
import time
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from dunahub_qbo_plugin.config import Worker
from dunahub_qbo_plugin.engine import embedded
from dunahub_qbo_plugin.model import RecordState
from dunahub_qbo_plugin.store.db.database import Database
from dunahub_qbo_plugin.testing import FakeHost, make_invoice, make_lead, make_payment
from tests.support.cli import variables
from tests.support.host import live_qbo, make_host, rows_of, shows
from tests.support.postgres import fresh_database

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


@pytest.fixture
def host(tmp_path: Path) -> Iterator[FakeHost]:
    """Return a connected host on the machine's clock, whose worker thread runs."""
    made = make_host(
        tmp_path,
        qbo=live_qbo(),
        worker=Worker.EMBEDDED,
    )
    made.connect()
    yield made
    made.close()


def until(condition: Callable[[], bool], *, seconds: float = 10.0) -> float:
    """Wait for a condition; gives how long it took, and fails when it does not come."""
    started = time.monotonic()
    turn = threading.Event()
    while not condition():
        assert time.monotonic() - started < seconds, "it did not come"
        turn.wait(0.01)
    return time.monotonic() - started


def test_sending_starts_within_a_second(host: FakeHost) -> None:
    """A record goes out by itself within a second of its hook (rule 6)."""
    host.save(make_lead(), make_invoice(), make_payment())
    took = until(lambda: shows(host, "payment:pay-1", RecordState.SYNCED))
    assert took < 1.0
    assert host.books.totals["payments"] == 1


def test_a_row_of_another_process_is_noticed(host: FakeHost, tmp_path: Path) -> None:
    """What another process writes into the same file is sent by this one's worker."""
    host.save(make_lead())
    until(lambda: shows(host, "customer:lead-1", RecordState.SYNCED))
    other = make_host(tmp_path, qbo=host.qbo, fernet_keys=host.config.fernet_keys)
    other.save(make_lead("lead-2"))
    until(lambda: shows(host, "customer:lead-2", RecordState.SYNCED))
    other.close()


def test_idle_worker_goes_on_after_silence(host: FakeHost) -> None:
    """A ring after the worker has slept wakes it."""
    until(lambda: host.runtime.embedded.looks > 2)
    host.save(make_lead())
    until(lambda: shows(host, "customer:lead-1", RecordState.SYNCED))


def test_counter_tells_of_other_writers(tmp_path: Path) -> None:
    """The look for other processes' changes costs no query of ours and sees each commit."""
    address = f"sqlite:///{tmp_path / 'qbo.sqlite3'}"
    ours, theirs = Database(address), Database(address)
    ours.prepare()
    before = ours.change_counter()
    assert ours.change_counter() == before
    with theirs.write.begin() as db:
        db.exec_driver_sql("DELETE FROM qbo_disconnection")
        db.exec_driver_sql(
            "INSERT INTO qbo_disconnection (company_id, connection_period, started_at, started_by) "
            "VALUES ('c', 1, 0, '')"
        )
    assert ours.change_counter() != before
    ours.close()
    theirs.close()


def test_close_ends_the_thread(tmp_path: Path) -> None:
    """Closing leaves no thread behind."""
    before = set(threading.enumerate())
    host = make_host(tmp_path, qbo=live_qbo(), worker=Worker.EMBEDDED)
    host.connect()
    host.save(make_lead())
    assert set(threading.enumerate()) != before
    host.close()
    assert set(threading.enumerate()) <= before


def test_a_database_that_is_away_is_not_asked_for_each_record(
    tmp_path: Path,
    server_url: str,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """While it is away the worker rests between looks, tells so once, and then sends (rule 9)."""
    caplog.set_level(logging.WARNING)
    monkeypatch.setattr(embedded, "DATABASE_RETRY_DELAY", 0.3)
    admin = sa.create_engine(server_url, isolation_level="AUTOCOMMIT", poolclass=sa.NullPool)
    with fresh_database(server_url) as url:
        host = make_host(
            tmp_path,
            qbo=live_qbo(),
            database_url=url,
            worker=Worker.EMBEDDED,
        )
        host.connect()
        until(lambda: host.runtime.embedded.looks > 2)
        name = sa.make_url(url).database
        with admin.connect() as db:
            db.exec_driver_sql(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
            ended = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = :name"
            db.execute(sa.text(ended), {"name": name})
        host.save(make_lead())
        until(lambda: "the database cannot be reached" in caplog.text)
        looks = host.runtime.embedded.looks

        def looked_thrice() -> bool:
            host.runtime.engine.ring()
            return host.runtime.embedded.looks >= looks + 3

        assert until(looked_thrice) > 0.5
        assert caplog.text.count("the database cannot be reached") == 1
        with admin.connect() as db:
            db.exec_driver_sql(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")
        until(lambda: bool(rows_of(host)))
        until(lambda: shows(host, "customer:lead-1", RecordState.SYNCED))
        assert "the database can be reached again" in caplog.text
        host.close()


PREFORKING = """
import os, sys
from pathlib import Path
from dunahub_hookspecs import Host, Lead, Organization, Region
from dunahub_hookspecs.host import create_plugin_manager, notify

acme = Organization(id="acme", name="ACME Gutters", region=Region.US)
plugins = create_plugin_manager()
notify(plugins, "on_startup", host=Host(name="preforking", data_dir=Path(sys.argv[1])))


def save(name):
    lead = Lead(id=name, name=name, email=f"{name}@example.com")
    notify(plugins, "on_lead_saved", org=acme, lead=lead, session=None)


save("parent")
ready, go = os.pipe()
children = []
for number in range(2):
    children.append(os.fork())
    if not children[-1]:
        os.close(go)
        os.read(ready, 1)
        save(f"child-{number}")
        sys.stdin.buffer.raw.read()
        notify(plugins, "on_shutdown")
        os._exit(0)
notify(plugins, "on_shutdown")
os.close(go)
print([os.waitpid(child, 0)[1] for child in children])
"""
"""A server that loads the application, and only then makes its workers."""


def test_children_of_a_host_that_forks_have_workers_of_their_own(
    tmp_path: Path, store_url: str | None
) -> None:
    """Forked while the parent's thread runs, each child writes and sends, also with it gone."""
    host = make_host(tmp_path, qbo=live_qbo(), database_url=store_url)
    host.connect()
    with (
        host.qbo.emulator.serve() as served,
        subprocess.Popen(  # noqa: S603  our own text
            [sys.executable, "-c", PREFORKING, str(tmp_path)],
            env={
                **os.environ,
                **variables(host.config, served.url),
                "DUNAHUB_QBO_WORKER": "embedded",
            },
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        ) as server,
    ):
        names = ("parent", "child-0", "child-1")
        until(lambda: {row.local_id for row in rows_of(host)} >= set(names), seconds=30)
        until(
            lambda: all(
                host.look(f"customer:{name}").state is RecordState.SYNCED for name in names
            ),
            seconds=30,
        )
        told, _ = server.communicate("", timeout=30)
    assert (server.returncode, told.strip()) == (0, "[0, 0]")
    assert host.books.doubles == []
    host.close()
