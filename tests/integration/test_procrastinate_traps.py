"""Traps of procrastinate as an engine; each was walked into once, and stays shut.

===========================================  ======================================================
Trap                                         Test
===========================================  ======================================================
A future job with a lock keeps back every    `test_no_job_is_ever_set_for_later`
later job of its company
A retry while a newer twin waits fails, and  `test_job_of_a_dead_worker_with_a_newer_twin`,
both stay for ever; nothing recovers alone   `test_job_of_a_dead_worker`
A task that raises leaves a failed job       `test_a_drain_that_stumbles_fails_no_job`
Nobody is told when a lock becomes free      `test_a_twin_does_not_wait_for_the_usual_poll`
Sync tasks run six at a time on two cores    `test_many_companies_are_drained_at_once` (worker)
The worker ends when it loses the database   `test_a_worker_that_lost_the_database_comes_back`
The host's worker takes our jobs and fails   `test_a_host_with_procrastinate_of_its_own`
them where both use one schema
A job in the host's transaction makes every  `test_hooks_of_a_company_do_not_wait_for_each_other`,
other request wait, and deadlocks            `test_two_transactions_crosswise`
Each refused duplicate is logged by the      `test_rings_for_the_same_company_make_one_job`
server                                       (worker)
A housekeeper with a lock stalls itself      `test_a_dead_housekeeper_keeps_nobody_out`
The default pool waits half a minute         `test_a_ring_never_waits`
A swallowed error takes the host's data      `tests/integration/test_postgres_host.py`
Listeners that are removed                   `tests/integration/test_postgres_host.py`
A worker that was paused sends again         `tests/integration/test_procrastinate_processes.py`
===========================================  ======================================================
"""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any
from unittest import mock

import procrastinate
import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from dunahub_hookspecs import Organization, Region
from dunahub_qbo_plugin.emulator.world.trouble import TroubleRule
from dunahub_qbo_plugin.engine import procrastinate as engine
from dunahub_qbo_plugin.model import RecordState
from dunahub_qbo_plugin.store.db import postgres
from dunahub_qbo_plugin.testing import ORG, FakeHost, make_lead
from tests.support.host import connection_of, has_failed, rows_of
from tests.support.postgres import fresh_database
from tests.support.queue import Gate, Look, queue_host, until, working

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

RIVAL = Organization(id="rival", region=Region.US)


@pytest.fixture
def host(tmp_path: Path, postgres_url: str) -> Iterator[FakeHost]:
    """Return a connected host on PostgreSQL, whose hooks ring at the queue."""
    made = queue_host(tmp_path, postgres_url)
    made.connect()
    yield made
    made.close()


@pytest.fixture
def look(postgres_url: str) -> Look:
    """Return a look into the queue."""
    return Look(postgres_url)


@pytest.fixture
def queue(host: FakeHost, look: Look) -> Look:
    """Return a look into a queue that a worker made, and from which it is gone."""
    with working(host.runtime):
        until(look.ready, what="the worker")
        until(lambda: not look.jobs(), what="the end of the jobs")
    host.runtime.drainer._stopping.at = None
    return look


def arrived(host: FakeHost, local_id: str) -> bool:
    """Return whether a lead is in QuickBooks."""
    return host.look(f"customer:{local_id}").state is RecordState.SYNCED


def leave_doing(look: Look, company_id: str, *, task: str = "qbo.drain") -> None:
    """Leave a job behind as a worker does that was killed in it."""
    look.rows(
        "INSERT INTO procrastinate_jobs (queue_name, task_name, lock, queueing_lock, args, status)"
        " SELECT 'qbo', :task, :lock, :lock, jsonb_build_object('company', CAST(:company AS text)),"
        " 'doing'",
        task=task,
        lock=f"qbo:{company_id}" if task == "qbo.drain" else task,
        company=company_id,
    )


def test_no_job_is_ever_set_for_later(host: FakeHost, queue: Look) -> None:
    """A record that is to be tried much later keeps no other one of its company back."""
    with working(host.runtime):
        until(queue.ready, what="the worker")
        host.qbo.trouble(TroubleRule(kind="fail", status=503, path="/customer"))
        host.save(make_lead("later"))
        until(lambda: has_failed(host, "customer:later"))
        with host.runtime.database.write.begin() as db:
            db.execute(sa.text("UPDATE qbo_record SET next_attempt_at = next_attempt_at + 3000000"))
        host.save(make_lead("now"))
        assert until(lambda: arrived(host, "now")) < 3.0
        assert [one for one in queue.jobs() if one.scheduled_at is not None] == []
    assert not arrived(host, "later")


def test_job_of_a_dead_worker(host: FakeHost, queue: Look) -> None:
    """The job of a worker that died is struck out, and its company is drained by another."""
    leave_doing(queue, connection_of(host).id)
    host.save(make_lead())
    with working(host.runtime):
        until(lambda: arrived(host, "lead-1"), seconds=15)
        until(lambda: not queue.jobs(), what="the end of the jobs")


def test_job_of_a_dead_worker_with_a_newer_twin(host: FakeHost, queue: Look) -> None:
    """The same while a newer job of that company waits, as it does after every change."""
    leave_doing(queue, connection_of(host).id)
    host.save(make_lead())
    until(lambda: len(queue.jobs()) == 2, what="the twin")
    with working(host.runtime):
        until(lambda: arrived(host, "lead-1"), seconds=15)
        until(lambda: not queue.jobs(), what="the end of the jobs")


def test_a_dead_housekeeper_keeps_nobody_out(host: FakeHost, queue: Look) -> None:
    """A worker that died in the sweep does not keep the next sweep from running."""
    leave_doing(queue, connection_of(host).id, task="qbo.housekeeping")
    with working(host.runtime):
        until(lambda: not queue.jobs("qbo.housekeeping"), seconds=15, what="the sweep")


def test_a_drain_that_stumbles_fails_no_job(host: FakeHost, queue: Look) -> None:
    """Whatever goes wrong in a drain, its job ends well, and the sweep has it run again."""
    drain = host.runtime.drainer.drain
    stumbling = mock.Mock(side_effect=[ValueError("stumbles"), *[mock.DEFAULT] * 5], wraps=drain)
    patched = mock.patch.object(type(host.runtime.drainer), "drain", stumbling)
    with patched, working(host.runtime):
        until(queue.ready, what="the worker")
        host.save(make_lead())
        until(lambda: arrived(host, "lead-1"), seconds=15)
        until(lambda: not queue.jobs(), what="the end of the jobs")
    assert stumbling.call_count >= 2


def test_a_twin_does_not_wait_for_the_usual_poll(host: FakeHost, queue: Look) -> None:
    """A job that came during a run of its company starts about a second after that run's end."""
    gate = Gate(host)
    with working(host.runtime):
        until(queue.ready, what="the worker")
        host.save(make_lead("first"))
        until(lambda: gate.held == 1, what="the run")
        host.save(make_lead("second"))
        until(lambda: len(queue.jobs()) == 2, what="the twin")
        gate.let_through()
        until(lambda: len(queue.jobs()) == 1, what="the end of the run")
        assert until(lambda: not queue.jobs(), what="the end of the twin") < 2.5
    assert arrived(host, "second")


def test_a_worker_that_lost_the_database_comes_back(
    host: FakeHost, queue: Look, server_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The database goes away under a worker: it comes back, and so do the hooks' rows (rule 9)."""
    monkeypatch.setattr(engine, "HEARTBEAT", 0.2)
    monkeypatch.setattr(engine, "RECONNECT_DELAY", 0.2)
    name = host.runtime.database.url.database
    admin = sa.create_engine(server_url, isolation_level="AUTOCOMMIT", poolclass=sa.NullPool)

    def admit(allowed: str) -> None:
        with admin.connect() as db:
            db.execute(sa.text(f"ALTER DATABASE {name} ALLOW_CONNECTIONS {allowed}"))
            db.execute(
                sa.text(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = :n"
                ),
                {"n": name},
            )

    with working(host.runtime) as worker:
        until(queue.ready, what="the worker")
        admit("false")
        try:
            host.save(make_lead())
            until(lambda: worker.rounds > 1, seconds=20, what="the next round")
        finally:
            admit("true")
        until(lambda: rows_of(host) and arrived(host, "lead-1"), seconds=20)
    assert host.runtime.intake.spilled == 1


def test_a_host_with_procrastinate_of_its_own(tmp_path: Path, server_url: str) -> None:
    """A host's worker in the same database never sees our jobs, nor ours the host's."""
    with fresh_database(server_url) as url:
        host = queue_host(tmp_path, url)
        host.connect()
        ours, theirs = Look(url), Look(url, "public")
        with working(host.runtime):
            until(ours.ready, what="the worker")
        until(lambda: not ours.jobs(), what="the end of the jobs")
        host.save(make_lead())
        until(lambda: len(ours.jobs()) == 1, what="our job")
        host.runtime.drainer._stopping.at = None
        with ThreadPoolExecutor(1) as apart:  # this thread may have a loop already: a browser's
            done = apart.submit(asyncio.run, run_host(url)).result()
        assert done == ["work"]
        assert [one.status for one in ours.jobs()] == ["todo"]
        with working(host.runtime):
            until(lambda: arrived(host, "lead-1"))
        assert [one.status for one in theirs.jobs("host.work")] == ["succeeded", "todo"]
        host.close()


async def run_host(url: str) -> list[str]:
    """Run a host's job on a queue in the public schema, and leave another one waiting."""
    done: list[str] = []
    connector = procrastinate.PsycopgConnector(
        conninfo=postgres.conninfo(sa.make_url(url), schema="public"), min_size=1, max_size=2
    )
    app = procrastinate.App(connector=connector)

    @app.task(name="host.work")
    async def work() -> None:
        done.append("work")

    async with app.open_async():
        await app.schema_manager.apply_schema_async()
        await work.defer_async()
        await app.run_worker_async(wait=False, install_signal_handlers=False, listen_notify=False)
        await work.defer_async()
    return done


def test_hooks_of_a_company_do_not_wait_for_each_other(host: FakeHost, queue: Look) -> None:
    """While one request holds its transaction open, another one's hook is as quick as ever."""
    database = sa.create_engine(host.runtime.database.url)
    with Session(database) as session:
        host.save(make_lead("open"), session=session)
        host.save(make_lead("other"))
        until(lambda: len(queue.jobs()) == 1, what="the other's job")
        assert [row.local_id for row in rows_of(host)] == ["other"]
        session.commit()
    assert {row.local_id for row in rows_of(host)} == {"open", "other"}
    assert host.runtime.intake.spilled == 0
    database.dispose()


def test_two_transactions_crosswise(host: FakeHost, queue: Look) -> None:
    """Two requests that touch two companies in opposite order neither wait nor deadlock."""
    del queue
    host.connect("empty", org=RIVAL)
    database = sa.create_engine(host.runtime.database.url)
    orgs = (ORG, RIVAL)
    half = threading.Barrier(2, timeout=10)

    def request(number: int) -> None:
        with Session(database) as session:
            for org in (orgs[number], orgs[1 - number]):
                host.save(make_lead(f"lead-{number}"), org=org, session=session)
                half.wait()
            session.commit()

    threads = [threading.Thread(target=request, args=(number,)) for number in range(2)]
    for one in threads:
        one.start()
    for one in threads:
        one.join(20)
    assert len(rows_of(host)) == 4
    database.dispose()


def test_a_ring_never_waits(host: FakeHost) -> None:
    """Ringing takes no time although the queue cannot be reached; the row is there all the same."""
    opened: Any = mock.patch.object(
        procrastinate.App, "open", side_effect=procrastinate.exceptions.ConnectorException
    )
    with opened as attempts:
        host.save(make_lead())
        until(lambda: attempts.call_count >= 2, what="another attempt")
    assert len(rows_of(host)) == 1
