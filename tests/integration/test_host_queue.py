"""A host with a queue of its own runs the drains in it: Dramatiq here, Celery or RQ likewise.

What such a host writes is `HostQueue` below: a task that drains, the bell that queues it, and a
periodic task that queues what is to be tried again.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import dramatiq
import pytest
from dramatiq.brokers.stub import StubBroker

from dunahub_hookspecs import Organization, Region
from dunahub_qbo_plugin import observe
from dunahub_qbo_plugin.emulator.world.trouble import TroubleRule
from dunahub_qbo_plugin.engine import worker_tasks
from dunahub_qbo_plugin.model import Kind, RecordState
from dunahub_qbo_plugin.store.companies import leases
from dunahub_qbo_plugin.testing import ORG, FakeHost, make_invoice, make_lead, make_payment
from tests.support.host import connection_of, database, has_failed, live_qbo
from tests.support.queue import Gate, until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from dunahub_qbo_plugin.plugin import QuickBooksPlugin

RIVAL = Organization(id="rival", region=Region.US)


class HostQueue:
    """A host's own code around its own queue."""

    plugin: QuickBooksPlugin

    def __init__(self) -> None:
        self.broker = StubBroker()
        self.drain = dramatiq.actor(broker=self.broker, actor_name="drain")(self._drain)
        self.drained: list[str] = []

    def _drain(self, company_id: str) -> None:
        self.drained.append(company_id)
        if self.plugin.drain(company_id):
            self.drain.send(company_id)

    def bell(self, company_id: str) -> None:
        """Queue a company that the plugin rings for."""
        self.drain.send(company_id)

    def every_few_seconds(self) -> None:
        """Queue what is to be tried again, and what a worker that died has left."""
        for company_id in self.plugin.due_companies():
            self.drain.send(company_id)


class QueueHost(FakeHost):
    """A host whose plugin is given the bell of its queue."""

    def __init__(self, folder: Path, url: str | None) -> None:
        self.queue = HostQueue()
        super().__init__(
            folder, qbo=live_qbo(), bell=self.queue.bell, database_url=database(folder, url)
        )
        self.queue.plugin = self.plugin


@pytest.fixture
def host(tmp_path: Path, store_url: str | None) -> Iterator[QueueHost]:
    """Return a connected host with a queue, on SQLite and on PostgreSQL."""
    made = QueueHost(tmp_path, store_url)
    made.connect()
    worker = dramatiq.Worker(made.queue.broker, worker_timeout=10, worker_threads=4)
    worker.start()
    yield made
    worker.stop()
    made.close()


def arrived(host: FakeHost, kind: Kind, local_id: str) -> bool:
    """Return whether a record is in QuickBooks."""
    return host.look(f"{kind}:{local_id}").state is RecordState.SYNCED


def test_the_host_is_rung_for_and_drains(host: QueueHost) -> None:
    """What is saved is queued by the bell after the commit and sent by the host (rule 6)."""
    host.save(make_lead(), make_invoice(), make_payment())
    until(lambda: arrived(host, Kind.PAYMENT, "pay-1"))
    assert set(host.queue.drained) == {connection_of(host).id}
    assert host.books.doubles == []


def test_only_companies_with_something_due_are_rung_for(host: QueueHost) -> None:
    """A save without a change, or of an organization that never connected, rings for nobody."""
    host.connect("empty", org=RIVAL)
    host.save(make_lead(), make_invoice())
    until(lambda: arrived(host, Kind.INVOICE, "inv-1"))
    host.queue.drained.clear()
    host.save(make_lead(), make_invoice())
    host.save(make_lead(), org=Organization(id="never", region=Region.US))
    host.save(make_lead("lead-2"), org=RIVAL)
    until(lambda: host.queue.drained, what="the ring")
    assert set(host.queue.drained) == {connection_of(host, org=RIVAL).id}


def test_the_periodic_task_finds_what_is_to_be_tried_again(host: QueueHost) -> None:
    """A record whose time to be tried again has come is found by `due_companies`."""
    host.qbo.trouble(TroubleRule(kind="fail", status=503, path="/customer"))
    host.save(make_lead())
    until(lambda: has_failed(host, "customer:lead-1"))
    until(lambda: not observe.standing(host.runtime.database, host.clock).gauges.leased)
    assert host.plugin.due_companies() == []
    with host.runtime.database.write.begin() as db:
        db.exec_driver_sql("UPDATE qbo_record SET next_attempt_at = next_attempt_at - 3600000")
    assert host.plugin.due_companies() == [connection_of(host).id]
    host.queue.every_few_seconds()
    until(lambda: arrived(host, Kind.CUSTOMER, "lead-1"))


def test_many_tasks_at_once_send_once(host: QueueHost) -> None:
    """A company that is queued many times over is sent once (rule 10)."""
    gate = Gate(host)
    host.save(*[make_lead(f"lead-{number}") for number in range(5)])
    until(lambda: gate.held == 1, what="the first request")
    for _ in range(20):
        host.queue.bell(connection_of(host).id)
    until(lambda: len(host.queue.drained) > 20, what="the others")
    gate.let_through()
    until(lambda: all(arrived(host, Kind.CUSTOMER, f"lead-{number}") for number in range(5)))
    assert host.books.doubles == []
    assert host.runtime.client.metrics.writes == 5


def test_a_bell_that_fails_is_rung_again(
    host: QueueHost, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While the host's queue is down nothing is raised at the hook, and the bell rings later."""
    caplog.set_level(logging.WARNING)
    troubles = [ConnectionError("the broker is down")]
    queue = host.queue.drain.send

    def failing(company_id: str) -> None:
        if troubles:
            raise troubles.pop()
        queue(company_id)

    monkeypatch.setattr(host.queue.drain, "send", failing)
    host.save(make_lead())
    until(lambda: arrived(host, Kind.CUSTOMER, "lead-1"))
    assert "nobody can be told of what is due (ConnectionError)" in caplog.text


def test_a_bell_rings_for_all_that_came_meanwhile(
    host: QueueHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many organizations saved while the queue was away, each is rung for, once."""
    host.connect("empty", org=RIVAL)
    companies = [connection_of(host).id, connection_of(host, org=RIVAL).id]
    with host.runtime.database.write.begin() as db:
        for one in companies:  # somebody else drains them, so that they stay due
            assert leases.acquire(db, one, owner="slow", now=host.clock.now())
    for org in (ORG, RIVAL):
        host.save(make_lead(), org=org)
    many: set[str | None] = {f"quiet-{number}" for number in range(70_000)}
    found = host.runtime.worker_tasks.collect_due(many | {ORG.id, RIVAL.id})
    assert sorted(found.companies) == sorted(companies)
    monkeypatch.setattr(worker_tasks, "MAX_COMPANIES_PER_SWEEP", 1)
    found = host.runtime.worker_tasks.collect_due({ORG.id, RIVAL.id})
    assert sorted(found.companies) == sorted(companies)


def test_a_ring_for_any_keeps_the_ones_that_were_named(
    host: QueueHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A company whose drain is about to end is rung for, also where a page rang meanwhile."""
    monkeypatch.setattr(host.runtime.engine, "ring", lambda _org=None: None)
    company = connection_of(host).id

    def taken() -> bool:
        with host.runtime.database.write.begin() as db:
            lease = leases.acquire(db, company, owner="ends soon", now=host.clock.now())
        return lease is not None

    until(taken)  # the drain that connecting rang for may not be over
    host.save(make_lead())
    assert host.runtime.worker_tasks.collect_due({None}).companies == []
    assert host.runtime.worker_tasks.collect_due({None, ORG.id}).companies == [company]


def test_upkeep_may_run_in_it_too(host: QueueHost) -> None:
    """Upkeep is there for the host's periodic task, and does nothing on a quiet day."""
    asked = len(host.qbo.emulator.world.journal.entries())
    host.plugin.upkeep()
    assert len(host.qbo.emulator.world.journal.entries()) == asked
