"""One bad record, a clock that jumps, a disconnect under way: nobody else pays for it."""

from __future__ import annotations

import threading
from decimal import Decimal
from typing import TYPE_CHECKING
from unittest import mock

import httpx
import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from dunahub_hookspecs import LineItem
from dunahub_qbo_plugin.emulator.world.trouble import TroubleRule
from dunahub_qbo_plugin.model import Intent, Kind, RecordState
from dunahub_qbo_plugin.store.companies import leases
from dunahub_qbo_plugin.store.companies.profiles import load_profile
from dunahub_qbo_plugin.store.records.due import commit_intents, due_claims
from dunahub_qbo_plugin.store.tables import records
from dunahub_qbo_plugin.sync.planner import plan
from dunahub_qbo_plugin.sync.turn import Turn
from dunahub_qbo_plugin.testing import ORG, PERSON, make_invoice, make_lead
from tests.acceptance.two_processes import Pair, Running
from tests.support.faulty import FaultyHost
from tests.support.host import connection_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def host(tmp_path: Path, store_url: str | None) -> Iterator[FaultyHost]:
    """Return a connected host on either database."""
    made = FaultyHost(tmp_path, database_url=store_url)
    yield made
    made.close()


@pytest.mark.parametrize(
    ("service_id", "name"),
    [("s1", "Clean \ud800ing"), ("s\ud800", "Cleaning"), ("s1", "Clean\x00ing"), ("s\x00", "x")],
)
def test_odd_service_keeps_nobody_back(host: FaultyHost, service_id: str, name: str) -> None:
    """Half an emoji or a NUL in a service: the company's other invoices go out (rule 10)."""
    line = LineItem(service_id=service_id, service_name=name, unit_price=Decimal(1))
    host.save(make_lead(), make_invoice(lines=[line]), make_invoice("inv-2"))
    host.drain_all()
    assert host.look("invoice:inv-2").state is RecordState.SYNCED
    assert host.look("invoice:inv-1").state is RecordState.SYNCED


def test_unreadable_record_keeps_nobody_back(host: FaultyHost) -> None:
    """A stored text that cannot be read needs attention; the others go out, and it can be saved."""
    host.save(make_lead(), make_invoice(), make_invoice("inv-2"))
    with host.runtime.database.write.begin() as db:
        db.execute(
            sa.update(records).where(records.c.local_id == "inv-1").values(snapshot='{"half":')
        )
    host.drain_all()
    assert host.look("invoice:inv-2").state is RecordState.SYNCED
    view = host.look("invoice:inv-1")
    assert view.error is not None
    assert (view.state, view.error.code) == (RecordState.ATTENTION, "unwritable")
    host.save(make_invoice(message="Saved again"))
    host.send()
    assert host.look("invoice:inv-1").state is RecordState.SYNCED


def test_clock_that_was_ahead_delays_nothing(host: FaultyHost) -> None:
    """What was saved while the clock was five hours ahead goes out once it is set right."""
    host.clock.jump(5 * 3600)
    host.save(make_lead())
    host.clock.jump(-5 * 3600)
    assert host.send() == 1


def test_clock_set_back_makes_us_look_before_a_resend(host: FaultyHost) -> None:
    """How old a lost create is cannot be told then: QuickBooks may have forgotten its key."""
    host.save(make_lead())
    host.send()
    host.clock.jump(20 * 3600)
    host.qbo.trouble(TroubleRule(kind="lose", entity="invoice"))
    host.save(make_invoice())
    host.send()
    host.clock.jump(-20 * 3600)
    before = host.mark()
    assert host.send() == 0
    assert host.requests(before) == []  # it may have left a moment ago
    host.clock.advance(240)
    assert host.send() == 1
    assert [one.write for one in host.requests(before)] == [False]
    assert len(host.books.invoices) == 1


def test_dead_workers_lease_of_the_future_ends(host: FaultyHost) -> None:
    """A lease that was taken while the clock was ahead does not keep the sweep away."""
    company = connection_of(host).id
    host.clock.jump(6 * 3600)
    with host.runtime.database.write.begin() as db:
        assert leases.acquire(db, company, owner="dead", now=host.clock.now())
    host.clock.jump(-6 * 3600)
    host.save(make_lead())
    host.clock.advance(60)
    assert host.runtime.worker_tasks.sweep().companies == [company]


def test_change_taken_back_between_look_and_commit_is_not_sent(host: FaultyHost) -> None:
    """What is committed to be sent is what is desired at that moment."""
    host.save(make_invoice())
    host.send()
    host.save(make_invoice(message="B"))
    database, now = host.runtime.database, host.clock.now()
    with database.write.begin() as db:
        lease = leases.acquire(db, connection_of(host).id, owner="w", now=now)
    assert lease is not None
    with database.read.connect() as db:
        (claim,) = due_claims(db, lease, Kind.INVOICE, now=now, limit=1)
        intent = plan(
            claim, load_profile(db, lease.company_id), company_id=lease.company_id, now=now
        )
    assert isinstance(intent, Intent)
    host.save(make_invoice())
    with database.write.begin() as db:
        _, free = commit_intents(db, lease, [(claim, intent)], now=now)
    assert free == []


def test_what_flies_is_written_down_whatever_ends_the_drain(host: FaultyHost) -> None:
    """A drain that breaks off over a mistake of ours keeps what QuickBooks accepted (rule 10)."""
    host.save(make_lead())
    host.send()
    host.save(make_invoice("a"), make_invoice("b"))
    mistake = mock.patch.object(Turn, "_renew_if_aging", side_effect=ValueError("a mistake"))
    with mistake, pytest.raises(ValueError, match="a mistake"):
        host.send()
    there = {one["number"] for one in host.books.invoices}
    assert there
    synced = {one for one in ("a", "b") if host.look(f"invoice:{one}").state is RecordState.SYNCED}
    assert there == {f"D-{one}" for one in synced}
    host.settle()
    assert len(host.books.invoices) == 2


class Held(httpx.BaseTransport):
    """Lets the answers to invoices wait: the first until one gate opens, the others for another."""

    def __init__(self, inner: httpx.BaseTransport) -> None:
        self._inner = inner
        self._first = threading.Lock()
        self.arrived = threading.Semaphore(0)
        self.one, self.others = threading.Event(), threading.Event()

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Pass a request on, and hold its answer."""
        answer = self._inner.handle_request(request)
        if request.method == "POST" and request.url.path.endswith("/invoice"):
            answer.read()
            gate = self.one if self._first.acquire(blocking=False) else self.others
            self.arrived.release()
            assert gate.wait(20)
        return answer


def test_disconnect_forgets_nothing_that_quickbooks_took(tmp_path: Path) -> None:
    """Invoices whose answers come after the disconnect are Synced, not Not sent (rule 18)."""
    with Pair(tmp_path) as pair:
        pair.save(make_lead())
        pair.send()
        held = Held(pair.line.inner)
        pair.line.inner = held
        pair.save(*(make_invoice(f"i{number}") for number in range(2)))
        drain = Running(pair.send)
        for _ in range(2):
            assert held.arrived.acquire(timeout=20)
        pair.other.runtime.panel.connection_service.disconnect(ORG, PERSON)
        held.one.set()
        held.others.set()
        drain.result()
        states = {pair.look(f"invoice:i{number}").state for number in range(2)}
        assert (len(pair.books.invoices), states) == (2, {RecordState.SYNCED})


def test_hosts_long_transaction_holds_up_one_record(tmp_path: Path, postgres_url: str) -> None:
    """A record in a host's open transaction keeps its turn; others go, and then it does."""
    host = FaultyHost(tmp_path, database_url=postgres_url)
    host.save(make_lead())
    host.send()
    host.save(make_invoice("a"), make_invoice("b"))
    engine = sa.create_engine(host.runtime.database.url)
    with Session(engine) as session:
        host.save(make_invoice("a", message="x"), session=session)
        assert host.send() == 1
        assert host.look("invoice:b").state is RecordState.SYNCED
        session.commit()
    assert host.send() == 1
    engine.dispose()
    host.close()


def test_due_date_that_was_cleared_is_cleared_there(host: FaultyHost) -> None:
    """Without a due date an invoice is due on its own day, as QuickBooks has it without terms."""
    host.save(make_invoice())
    host.send()
    assert host.books.invoices[0]["due"] != make_invoice().issued_on.isoformat()
    host.save(make_invoice(due_on=None))
    host.send()
    assert host.books.invoices[0]["due"] == make_invoice().issued_on.isoformat()
