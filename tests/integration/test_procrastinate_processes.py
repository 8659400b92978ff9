"""Four worker processes on one PostgreSQL: one is killed, one is paused; the books judge."""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import time
from collections import Counter
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from dunahub_hookspecs import Organization, Region
from dunahub_qbo_plugin.emulator.world.company_seeds import seed_empty
from dunahub_qbo_plugin.emulator.world.trouble import TroubleRule
from dunahub_qbo_plugin.emulator.world.world import World
from dunahub_qbo_plugin.testing import FakeHost, make_lead
from dunahub_qbo_plugin.testing.emulator import REDIRECT_URI
from tests.support.cli import variables
from tests.support.host import rows_of
from tests.support.queue import Look, WorkerProcess, queue_host, until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

log = logging.getLogger(__name__)

COMPANIES = 8
LEADS = 20
WORKERS = 4


@pytest.fixture
def host(tmp_path: Path, postgres_url: str) -> Iterator[FakeHost]:
    """Return a host with many organizations, each connected to a company of its own."""
    world = World.default(seeds=(), redirect_uris=(REDIRECT_URI,))
    for number in range(COMPANIES):
        world.add_company(realm_id=realm(number), name=f"Company {number}", seed=seed_empty)
    made = queue_host(tmp_path, postgres_url, world=world)
    for number in range(COMPANIES):
        made.connect(realm(number), org=org(number))
    yield made
    made.close()


def realm(number: int) -> str:
    """Return a company's realm id."""
    return f"93414548381190{number:02}"


def org(number: int) -> Organization:
    """Return the organization of a company."""
    return Organization(id=f"org-{number}", region=Region.US)


def customers(host: FakeHost, number: int) -> int:
    """Count what has arrived in a company's books."""
    found: int = host.qbo.books_of(realm(number)).totals["customers"]
    return found


def holders(host: FakeHost) -> dict[int, list[int]]:
    """Tell which companies each worker's process drains: process to companies."""
    statement = sa.text("SELECT org_id, lease_owner FROM qbo_connection WHERE lease_owner <> ''")
    found: dict[int, list[int]] = {}
    with host.runtime.database.read.connect() as db:
        for org_id, owner in db.execute(statement):
            process = int(owner.split(".")[-3])
            found.setdefault(process, []).append(int(org_id.removeprefix("org-")))
    return found


def two_holders(host: FakeHost) -> dict[int, list[int]]:
    """Return two workers' processes with companies that have much left to send; else nothing."""
    busy: dict[int, list[int]] = {}
    for process, companies in holders(host).items():
        long = [one for one in companies if 2 <= customers(host, one) <= LEADS - 8]
        if len(long) == len(companies) and long:
            busy[process] = long
    return dict(list(busy.items())[:2]) if len(busy) > 1 else {}


@pytest.mark.thorough
def test_killed_and_paused_workers(host: FakeHost, look: Look, tmp_path: Path) -> None:
    """Killed with -9 in mid-drain, a worker's companies go on elsewhere within 30 s.

    Nothing is lost, nothing is there twice, other companies are not delayed; and a worker that was
    paused past its lease sends nothing more of what others have taken over (rules 9 and 10).
    """
    host.qbo.trouble(TroubleRule(kind="late", seconds=0.2, times=None, path="/customer"))
    with host.qbo.emulator.serve() as served, contextlib.ExitStack() as stack:
        environ = variables(host.config, served.url) | {"DUNAHUB_QBO_WORKER": "procrastinate"}
        workers: dict[int, WorkerProcess] = {}
        for number in range(WORKERS):
            written = tmp_path / f"worker-{number}.log"
            worker = WorkerProcess(environ, written, "--concurrency", "2", "-v")
            workers[worker.process.pid] = stack.enter_context(worker)
        registered = "SELECT 1 FROM procrastinate_workers"
        until(
            lambda: look.ready() and len(look.rows(registered)) == WORKERS,
            seconds=60,
            what="four workers",
        )
        for number in range(COMPANIES):
            host.save(*[make_lead(f"lead-{one}") for one in range(LEADS)], org=org(number))
        busy: dict[int, list[int]] = {}

        def two_are_busy() -> bool:
            busy.update(two_holders(host))
            return len(busy) > 1

        until(two_are_busy, seconds=20, what="two workers in mid-drain")
        (killed, killed_has), (paused, paused_has) = busy.items()
        workers[killed].signal(signal.SIGKILL)
        workers[paused].signal(signal.SIGSTOP)
        struck = time.monotonic()
        try:
            others = [one for one in range(COMPANIES) if one not in {*killed_has, *paused_has}]
            until(lambda: all(customers(host, one) == LEADS for one in others), seconds=30)
            others_took = time.monotonic() - struck
            before = {one: customers(host, one) for one in (*killed_has, *paused_has)}

            def gone_on() -> bool:
                return all(customers(host, one) > sent for one, sent in before.items())

            until(gone_on, seconds=30 - others_took, what="the companies of the two")
            went_on = time.monotonic() - struck
        finally:
            os.kill(paused, signal.SIGCONT)
        until(lambda: all(customers(host, one) == LEADS for one in range(COMPANIES)), seconds=30)
        until(
            lambda: not [row for row in rows_of(host) if row.next_attempt_at is not None],
            seconds=30,
        )
        del workers[killed]
        for worker in workers.values():
            worker.signal(signal.SIGTERM)
        assert [worker.ended() for worker in workers.values()] == [0] * (WORKERS - 1)

    for number in range(COMPANIES):
        books = host.qbo.books_of(realm(number)).read()
        assert books["doubles"] == []
        assert len({one["name"] for one in books["customers"]}) == LEADS
    assert all(row.synced_fingerprint == row.fingerprint for row in rows_of(host))
    writes = Counter(
        (one.realm, one.requestid)
        for one in host.qbo.emulator.world.journal.entries()
        if one.write and one.kind == "api"
    )
    resent = sum(writes.values()) - len(writes)
    log.info("others done in %.1f s, taken over in %.1f s", others_took, went_on)
    log.info("%d requests were sent twice under the same key", resent)
    # At most, of each company, the customer that was under way when its worker was struck, and the
    # one before, if it had come back and was not written down yet.
    assert resent <= 2 * (len(killed_has) + len(paused_has))


@pytest.fixture
def look(postgres_url: str) -> Look:
    """Return a look into the queue."""
    return Look(postgres_url)
