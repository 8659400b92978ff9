"""A host with a queue of its own runs the drains in it: Dramatiq here, Celery or RQ likewise.

What such a host writes is `Host` below: a task that drains, the bell that queues it, and a periodic
task that queues what is to be tried again.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import dramatiq
import pytest
from dramatiq.brokers.stub import StubBroker

from dunahub_hookspecs import Organization, Region
from dunahub_hookspecs.host import create_plugin_manager
from dunahub_qbo_plugin import observe
from dunahub_qbo_plugin.clock import SystemClock
from dunahub_qbo_plugin.emulator.emulator import Emulator
from dunahub_qbo_plugin.emulator.world.trouble import TroubleRule
from dunahub_qbo_plugin.emulator.world.world import World
from dunahub_qbo_plugin.engine import worker_tasks
from dunahub_qbo_plugin.model import Kind, RecordState
from dunahub_qbo_plugin.plugin import QuickBooksPlugin
from dunahub_qbo_plugin.runtime import build
from dunahub_qbo_plugin.store.companies import leases
from tests.support.office import ACME, EMPTY, REDIRECT, Office, invoice, lead, payment
from tests.support.queue import Gate, until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

RIVAL = Organization(id="rival", region=Region.US)


class Host:
    """A host's own code around its own queue."""

    def __init__(self, plugin: QuickBooksPlugin) -> None:
        self.plugin = plugin
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


class HostOffice(Office):
    """An office whose plugin is given the host's bell."""

    def __init__(self, folder: Path, url: str | None) -> None:
        emulator = Emulator(World.default(redirect_uris=(REDIRECT,)))
        super().__init__(folder, clock=SystemClock(), emulator=emulator, database_url=url)
        self.plugin = QuickBooksPlugin(config=self.config)
        self.host = Host(self.plugin)
        self.plugin.bell = self.host.bell
        self.runtime.close()
        self.runtime = build(
            self.config,
            clock=self.clock,
            transport=self.emulator.transport(),
            host_bell=self.plugin.bell,
        )
        self.plugin._runtime = self.runtime
        self.manager = create_plugin_manager([self.plugin], load_entry_points=False)


@pytest.fixture
def office(tmp_path: Path, store_url: str | None) -> Iterator[HostOffice]:
    """A connected office of a host with a queue, on SQLite and on PostgreSQL."""
    bench = HostOffice(tmp_path, store_url)
    bench.connect()
    worker = dramatiq.Worker(bench.host.broker, worker_timeout=10, worker_threads=4)
    worker.start()
    yield bench
    worker.stop()
    bench.close()


def arrived(office: Office, kind: Kind, local_id: str) -> bool:
    """Return whether a record is in QuickBooks."""
    return office.view(kind, local_id).state is RecordState.SYNCED


def test_the_host_is_rung_for_and_drains(office: HostOffice) -> None:
    """What is saved is queued by the bell after the commit and sent by the host (rule 6)."""
    office.save(lead(), invoice(), payment())
    until(lambda: arrived(office, Kind.PAYMENT, "pay-1"))
    assert set(office.host.drained) == {office.connection().id}
    assert office.books()["doubles"] == []


def test_only_companies_with_something_due_are_rung_for(office: HostOffice) -> None:
    """A save without a change, or of an organization that never connected, rings for nobody."""
    office.connect(EMPTY, org=RIVAL)
    office.save(lead(), invoice())
    until(lambda: arrived(office, Kind.INVOICE, "inv-1"))
    office.host.drained.clear()
    office.save(lead(), invoice())
    office.save(lead(), org=Organization(id="never", region=Region.US))
    office.save(lead("lead-2"), org=RIVAL)
    until(lambda: office.host.drained, what="the ring")
    assert set(office.host.drained) == {office.connection(org=RIVAL).id}


def test_the_periodic_task_finds_what_is_to_be_tried_again(office: HostOffice) -> None:
    """A record whose time to be tried again has come is found by `due_companies`."""
    office.trouble(TroubleRule(kind="fail", status=503, path="/customer"))
    office.save(lead())
    until(lambda: office.has_failed(Kind.CUSTOMER, "lead-1"))
    until(lambda: not observe.standing(office.runtime.database, office.clock).gauges.leased)
    assert office.plugin.due_companies() == []
    with office.runtime.database.write.begin() as db:
        db.exec_driver_sql("UPDATE qbo_record SET next_attempt_at = next_attempt_at - 3600000")
    assert office.plugin.due_companies() == [office.connection().id]
    office.host.every_few_seconds()
    until(lambda: arrived(office, Kind.CUSTOMER, "lead-1"))


def test_many_tasks_at_once_send_once(office: HostOffice) -> None:
    """A company that is queued many times over is sent once (rule 10)."""
    gate = Gate(office)
    office.save(*[lead(f"lead-{number}") for number in range(5)])
    until(lambda: gate.held == 1, what="the first request")
    for _ in range(20):
        office.host.bell(office.connection().id)
    until(lambda: len(office.host.drained) > 20, what="the others")
    gate.let_through()
    until(lambda: all(arrived(office, Kind.CUSTOMER, f"lead-{number}") for number in range(5)))
    assert office.books()["doubles"] == []
    assert office.runtime.client.metrics.writes == 5


def test_a_bell_that_fails_is_rung_again(
    office: HostOffice, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While the host's queue is down nothing is raised at the hook, and the bell rings later."""
    caplog.set_level(logging.WARNING)
    troubles = [ConnectionError("the broker is down")]
    queue = office.host.drain.send

    def failing(company_id: str) -> None:
        if troubles:
            raise troubles.pop()
        queue(company_id)

    monkeypatch.setattr(office.host.drain, "send", failing)
    office.save(lead())
    until(lambda: arrived(office, Kind.CUSTOMER, "lead-1"))
    assert "nobody can be told of what is due (ConnectionError)" in caplog.text


def test_a_bell_rings_for_all_that_came_meanwhile(
    office: HostOffice, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many organizations saved while the queue was away, each is rung for, once."""
    office.connect(EMPTY, org=RIVAL)
    companies = [office.connection().id, office.connection(org=RIVAL).id]
    with office.runtime.database.write.begin() as db:
        for one in companies:  # somebody else drains them, so that they stay due
            assert leases.acquire(db, one, owner="slow", now=office.clock.now())
    for org in (ACME, RIVAL):
        office.save(lead(), org=org)
    many: set[str | None] = {f"quiet-{number}" for number in range(70_000)}
    found = office.runtime.worker_tasks.collect_due(many | {ACME.id, RIVAL.id})
    assert sorted(found.companies) == sorted(companies)
    monkeypatch.setattr(worker_tasks, "MAX_COMPANIES_PER_SWEEP", 1)
    found = office.runtime.worker_tasks.collect_due({ACME.id, RIVAL.id})
    assert sorted(found.companies) == sorted(companies)


def test_a_ring_for_any_keeps_the_ones_that_were_named(
    office: HostOffice, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A company whose drain is about to end is rung for, also where a page rang meanwhile."""
    monkeypatch.setattr(office.runtime.engine, "ring", lambda _org=None: None)
    company = office.connection().id

    def taken() -> bool:
        with office.runtime.database.write.begin() as db:
            lease = leases.acquire(db, company, owner="ends soon", now=office.clock.now())
        return lease is not None

    until(taken)  # the drain that connecting rang for may not be over
    office.save(lead())
    assert office.runtime.worker_tasks.collect_due({None}).companies == []
    assert office.runtime.worker_tasks.collect_due({None, ACME.id}).companies == [company]


def test_upkeep_may_run_in_it_too(office: HostOffice) -> None:
    """Upkeep is there for the host's periodic task, and does nothing on a quiet day."""
    asked = len(office.emulator.world.journal.entries())
    office.plugin.upkeep()
    assert len(office.emulator.world.journal.entries()) == asked
