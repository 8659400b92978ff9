"""Workers on PostgreSQL that procrastinate rings for: the usual days."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from dunahub_hookspecs import Organization, Region
from dunahub_qbo_plugin.config import Worker
from dunahub_qbo_plugin.emulator.world.trouble import TroubleRule
from dunahub_qbo_plugin.model import Kind, RecordState
from dunahub_qbo_plugin.testing import FakeHost, make_invoice, make_lead, make_payment
from tests.support.host import has_failed, make_host, rows_of, shows
from tests.support.queue import Gate, Look, queue_host, until, working

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


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


def arrived(host: FakeHost, kind: Kind, local_id: str) -> bool:
    """Return whether a record is in QuickBooks."""
    return host.look(f"{kind}:{local_id}").state is RecordState.SYNCED


def test_records_arrive_through_the_queue(host: FakeHost, look: Look) -> None:
    """Lead, invoice and payment arrive within a second of their hooks (rule 6)."""
    with working(host.runtime):
        until(look.ready, what="the worker")
        host.save(make_lead(), make_invoice(), make_payment())
        took = until(lambda: arrived(host, Kind.PAYMENT, "pay-1"))
    assert took < 1.0
    assert host.books.doubles == []


def test_nothing_is_left_in_the_queue(host: FakeHost, look: Look) -> None:
    """Jobs that are done leave no row, and nothing of the queue is outside its own schema."""
    with working(host.runtime):
        until(look.ready, what="the worker")
        host.save(make_lead(), make_invoice())
        until(lambda: arrived(host, Kind.INVOICE, "inv-1"))
        until(lambda: not look.jobs(), what="the end of the jobs")
    outside = look.rows(
        "SELECT table_name FROM information_schema.tables"
        " WHERE table_name LIKE 'procrastinate%' AND table_schema <> 'qbo_engine'"
    )
    assert outside == []
    assert not look.ready(), "the worker struck itself off"


def test_work_saved_before_any_worker_ran_is_found(host: FakeHost) -> None:
    """What was saved while there was no queue yet is found by the first worker's sweep."""
    host.save(make_lead())
    with working(host.runtime):
        until(lambda: arrived(host, Kind.CUSTOMER, "lead-1"), seconds=15)


def test_a_record_that_is_to_be_tried_again_is_swept_up(host: FakeHost) -> None:
    """A retry's time lies in our row, and the sweep keeps it: no job is ever set for later."""
    with working(host.runtime):
        host.qbo.trouble(TroubleRule(kind="fail", status=503, path="/customer"))
        host.save(make_lead())
        until(lambda: has_failed(host, "customer:lead-1"))
        with host.runtime.database.write.begin() as db:
            db.execute(sa.text("UPDATE qbo_record SET next_attempt_at = next_attempt_at - 3600000"))
        until(lambda: arrived(host, Kind.CUSTOMER, "lead-1"), seconds=12)


def test_many_companies_are_drained_at_once(host: FakeHost, look: Look) -> None:
    """As many companies as are asked for are under way at once, however few cores there are."""
    orgs = [Organization(id=f"org-{number}", region=Region.US) for number in range(10)]
    for org in orgs:
        host.connect(org=org)
    gate = Gate(host)
    with working(host.runtime, concurrency=10):
        until(look.ready, what="the worker")
        for number, org in enumerate(orgs):
            host.save(make_lead(f"lead-{number}"), org=org)
        until(lambda: gate.held == 10, what="ten requests at once")
        gate.let_through()
        until(lambda: host.books.totals["customers"] == 10)


def test_stop_finishes_what_is_under_way_and_leaves_the_rest(host: FakeHost, look: Look) -> None:
    """A stopped worker settles what it sent, sends no more, and leaves the rest due."""
    gate = Gate(host)
    with working(host.runtime) as worker:
        until(look.ready, what="the worker")
        host.save(*[make_lead(f"lead-{number}") for number in range(10)])
        gate.let_through(3)
        until(lambda: gate.held == 4, what="the fourth request")
        worker.stop(0)
        gate.let_through()
    assert host.books.totals["customers"] == 4
    rows = rows_of(host)
    assert len([row for row in rows if row.qbo_id is not None and row.next_attempt_at is None]) == 4
    left = [row for row in rows if row.qbo_id is None]
    assert len(left) == 6
    assert all(row.request_key is None and row.next_attempt_at is not None for row in left)


def test_rings_for_the_same_company_make_one_job(host: FakeHost, look: Look) -> None:
    """A burst of hooks makes one job that waits, and no refusal is asked of the database."""
    with working(host.runtime):
        until(look.ready, what="the worker")
    host.save(*[make_lead(f"lead-{number}") for number in range(30)])
    until(lambda: len(look.jobs()) == 1, what="the job")
    host.save(*[make_lead(f"lead-{number}", phone="1") for number in range(30)])
    host.runtime.engine.stop()
    assert len(look.jobs()) == 1


def test_a_page_wakes_the_worker_too(host: FakeHost, look: Look) -> None:
    """What is asked for on a page is rung for although no hook named an organization."""
    with working(host.runtime):
        until(look.ready, what="the worker")
        host.qbo.trouble(TroubleRule(kind="fail", status=400, code="2050", path="/customer"))
        host.save(make_lead())
        until(lambda: shows(host, "customer:lead-1", RecordState.ATTENTION))
        until(lambda: not look.jobs(), what="the end of the jobs")
        with host.runtime.database.write.begin() as db:
            db.execute(sa.text("UPDATE qbo_record SET next_attempt_at = 1"))
        host.runtime.panel.wake()
        assert until(lambda: arrived(host, Kind.CUSTOMER, "lead-1")) < 2.0


def test_sqlite_is_refused_in_words(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Choosing procrastinate without PostgreSQL is told in one line, and hooks still store."""
    made = make_host(tmp_path, worker=Worker.PROCRASTINATE)
    assert "DUNAHUB_QBO_WORKER=procrastinate needs PostgreSQL" in caplog.text
    assert "needs PostgreSQL" in made.page()
    made.close()


def test_no_thread_before_the_first_hook(tmp_path: Path, postgres_url: str) -> None:
    """A host's process gets its waker with the first ring, and is rid of it after closing."""
    before = set(threading.enumerate())

    def ours() -> set[str]:
        return {one.name for one in set(threading.enumerate()) - before}

    made = queue_host(tmp_path, postgres_url)
    assert "dunahub-qbo-waker" not in ours()
    made.save(make_lead())
    assert "dunahub-qbo-waker" in ours()
    made.close()
    assert not [name for name in ours() if name.startswith("dunahub-qbo")]
