"""The whole path: hook, row, drain, HTTP, QuickBooks' books."""

from __future__ import annotations

import json
import threading
from decimal import Decimal
from typing import TYPE_CHECKING

import attrs
import pytest

from dunahub_hookspecs import InvoiceStatus, Organization, PaymentMethod, Region
from dunahub_qbo_plugin.advice import advise
from dunahub_qbo_plugin.connect import region
from dunahub_qbo_plugin.emulator.world.trouble import TroubleRule
from dunahub_qbo_plugin.model import Kind, RecordState, SkipReason, Status
from dunahub_qbo_plugin.testing import ORG, PERSON, FakeHost, make_invoice, make_lead, make_payment
from tests.support.host import CONTRACTOR, connection_of, make_host, rows_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def host(tmp_path: Path, store_url: str | None) -> Iterator[FakeHost]:
    """Return a connected host, on SQLite and on PostgreSQL."""
    made = make_host(tmp_path, database_url=store_url)
    made.connect()
    yield made
    made.close()


def shown(host: FakeHost, kind: Kind, local_id: str) -> RecordState:
    """Return a record's state as people see it."""
    return host.look(f"{kind}:{local_id}").state


def test_lead_invoice_and_payment_arrive(host: FakeHost) -> None:
    """A lead, its invoice and its card payment stand in the books, linked (rules 3, 4, 5 and 8)."""
    host.save(make_lead(), make_invoice(), make_payment())
    assert host.send() == 3
    books = host.books.read()
    (customer,) = [one for one in books["customers"] if one["name"] == "Sarah Mitchell lead-1"]
    (billed,) = books["invoices"]
    (paid,) = books["payments"]
    assert customer["email"] == "lead-1@example.com"
    assert (billed["customer_id"], billed["number"]) == (customer["id"], "D-inv-1")
    assert (billed["total"], billed["balance"]) == ("100.00", "0.00")
    assert paid["links"] == [f"Invoice {billed['id']}"]
    assert paid["unapplied"] == "0.00"
    assert books["doubles"] == []
    assert host.look("invoice:inv-1").qbo_number == "D-inv-1"


def test_a_record_costs_one_write_and_no_read(host: FakeHost) -> None:
    """Records that go through cost one write each and nothing else (rule 35)."""
    before = host.runtime.client.metrics.reads
    host.save(make_lead(), make_invoice(), make_payment())
    host.send()
    assert host.runtime.client.metrics.writes == 3
    assert host.runtime.client.metrics.reads == before


def test_invoice_brings_its_lead_along(host: FakeHost) -> None:
    """An invoice whose lead event was missed sends the lead first (rule 8)."""
    host.save(make_invoice())
    assert host.send() == 2
    assert shown(host, Kind.CUSTOMER, "lead-1") is RecordState.SYNCED


def test_unchanged_saves_send_nothing(host: FakeHost) -> None:
    """Saving again without a change makes no request (rule 3)."""
    host.save(make_lead(), make_invoice(), make_payment())
    host.send()
    host.save(make_lead(), make_invoice(), make_payment(), make_invoice())
    assert host.send() == 0
    assert host.runtime.client.metrics.writes == 3


def test_changes_update_the_same_objects(host: FakeHost) -> None:
    """A changed lead and invoice update what is there; a removed phone goes there too (rule 4)."""
    host.save(make_lead(), make_invoice())
    host.send()
    changed = make_lead(email="new@example.com", phone="")
    lines = [attrs.evolve(make_invoice().lines[0], quantity=Decimal(3), amount=Decimal("150.00"))]
    host.save(changed, make_invoice(lead=changed, lines=lines, message="Thank you"))
    assert host.send() == 2
    books = host.books.read()
    (billed,) = books["invoices"]
    assert billed["total"] == "150.00"
    (customer,) = [one for one in books["customers"] if one["name"] == "Sarah Mitchell lead-1"]
    assert customer["email"] == "new@example.com"


def test_voided_invoice_is_voided_there(host: FakeHost) -> None:
    """A void in DunaHub voids in QuickBooks, once; the number stays (rule 4)."""
    host.save(make_invoice())
    host.send()
    host.save(make_invoice(status=InvoiceStatus.VOID))
    assert host.send() == 1
    host.save(make_invoice(status=InvoiceStatus.VOID, message="changed after the void"))
    assert host.send() == 0
    (billed,) = host.books.invoices
    assert (billed["voided"], billed["total"], billed["number"]) == (True, "0.00", "D-inv-1")
    assert host.look("invoice:inv-1").variance is None


def test_invoice_voided_before_it_was_sent_never_is(host: FakeHost) -> None:
    """What was void before QuickBooks had it is kept back, and says so."""
    host.save(make_invoice(status=InvoiceStatus.VOID))
    host.send()
    assert host.books.invoices == []
    view = host.look("invoice:inv-1")
    assert (view.state, view.skip_reason) == (RecordState.NOT_SENT, SkipReason.VOIDED_UNSENT)


@pytest.mark.parametrize(
    ("method", "collected"),
    [
        (PaymentMethod.CASH, True),
        (PaymentMethod.CHECK, False),
        (PaymentMethod.BANK_TRANSFER, True),
        (PaymentMethod.CARD, False),
        (PaymentMethod.ACH, False),
    ],
)
def test_other_payments_are_never_sent(
    host: FakeHost, method: PaymentMethod, *, collected: bool
) -> None:
    """Only card and ACH collected through DunaHub are sent (rule 5)."""
    host.save(make_invoice(), make_payment(method=method, collected_by_dunahub=collected))
    host.send()
    assert host.books.payments == []
    assert host.look("payment:pay-1").skip_reason is SkipReason.INELIGIBLE


def test_several_partial_payments(host: FakeHost) -> None:
    """Partial payments, card and ACH, all end on their invoice (rule 5)."""
    host.save(make_invoice())
    for number, method in enumerate((PaymentMethod.CARD, PaymentMethod.ACH, PaymentMethod.CARD)):
        host.save(make_payment(id=f"pay-{number}", amount=Decimal("25.00"), method=method))
    host.send()
    (billed,) = host.books.invoices
    assert billed["balance"] == "25.00"
    assert [paid["unapplied"] for paid in host.books.payments] == ["0.00"] * 3


def test_payment_before_its_invoice_waits_and_names_it(host: FakeHost) -> None:
    """A payment that comes first waits for its invoice, and goes out after it (rules 8 and 27)."""
    host.save(make_payment())
    assert host.send() == 0
    view = host.look("payment:pay-1")
    assert view.state is RecordState.WAITING
    assert view.waiting_for is not None
    assert str(view.waiting_for) == "invoice:inv-1"
    host.save(make_invoice())
    assert host.send() == 3
    assert shown(host, Kind.PAYMENT, "pay-1") is RecordState.SYNCED


def test_payment_waits_for_the_larger_invoice(host: FakeHost) -> None:
    """A payment never overtakes a pending change of its invoice: no money is left unapplied."""
    host.save(make_invoice())
    host.send()
    lines = [attrs.evolve(make_invoice().lines[0], quantity=Decimal(4), amount=Decimal("200.00"))]
    host.save(make_payment(amount=Decimal("200.00")), make_invoice(lines=lines))
    host.send()
    (paid,) = host.books.payments
    assert paid["unapplied"] == "0.00"


def test_lost_answer_leaves_one_invoice(host: FakeHost) -> None:
    """QuickBooks accepts, its answer is lost, the resend makes no second one (rule 10)."""
    host.save(make_lead())
    host.send()
    host.qbo.trouble(TroubleRule(kind="lose", path="/invoice"))
    host.save(make_invoice())
    assert host.send() == 0
    view = host.look("invoice:inv-1")
    assert view.state is RecordState.WAITING
    host.settle()
    books = host.books.read()
    assert len(books["invoices"]) == 1
    assert books["doubles"] == []
    assert shown(host, Kind.INVOICE, "inv-1") is RecordState.SYNCED


def test_name_taken_names_the_holder(host: FakeHost) -> None:
    """A taken name is told with who holds it, and is not retried (rules 23 and 26)."""
    host.save(make_lead("lead-2", name="Norton Lumber and Building Materials"))
    host.send()
    taken = host.look("customer:lead-2")
    assert taken.state is RecordState.ATTENTION
    assert taken.error is not None
    assert taken.error.code == "6240"
    assert "a vendor named Norton Lumber" in advise(Kind.CUSTOMER, taken.error).title
    assert taken.next_attempt_at is None


def test_other_regions_do_not_exist(host: FakeHost) -> None:
    """For BR the hooks store nothing and a connection made before stops (rule 13)."""
    moved = Organization(id="acme", name="ACME", region=Region.BR)
    host.save(make_lead(), make_invoice(), make_payment(), org=moved)
    host.save(make_lead(), org=Organization(id="never", region=Region.BR))
    assert rows_of(host) == []


def test_region_change_stops_pending_work_until_it_is_us_again(host: FakeHost) -> None:
    """What was due when the region changed is not sent, whatever a late hook says (rule 13)."""
    host.save(make_lead())
    host.save(make_lead("lead-2"), org=Organization(id="acme", region=Region.BR))
    assert host.send() == 0
    assert host.books.totals["customers"] == 0
    host.clock.sleep(60)
    host.save(make_lead("lead-3"))
    assert host.send() == 0
    region.enter(host.runtime.database, "acme")  # the page is opened in the US again
    assert host.send() == 2


def test_never_connected_stores_nothing(tmp_path: Path, store_url: str | None) -> None:
    """Nothing is kept for an organization that never connected (rule 18)."""
    made = make_host(tmp_path, database_url=store_url)
    made.save(make_lead(), make_invoice(), make_payment())
    assert rows_of(made) == []
    made.close()


def test_hook_makes_no_request_and_needs_no_worker(host: FakeHost) -> None:
    """The hook writes locally only; QuickBooks being gone is not even noticed (rule 9)."""
    host.qbo.trouble(TroubleRule(kind="refuse", times=None))
    asked = len(host.qbo.emulator.world.journal.entries())
    host.save(make_lead(), make_invoice(), make_payment())
    assert len(host.qbo.emulator.world.journal.entries()) == asked
    assert len(rows_of(host)) == 3


def test_busy_database_spills_and_is_written_in_order(host: FakeHost) -> None:
    """A locked database makes the hook neither wait nor fail; the newest state wins (rule 9)."""
    database = host.runtime.database
    with database.write.begin() as db:
        if not database.is_sqlite:
            db.exec_driver_sql("LOCK TABLE qbo_record IN EXCLUSIVE MODE")
        worker = threading.Thread(
            target=lambda: host.save(
                make_lead(email="a@example.com"), make_lead(email="b@example.com")
            )
        )
        worker.start()
        worker.join()
        assert rows_of(host) == []
        assert host.runtime.intake.waiting == 1
    host.send()
    assert host.runtime.intake.waiting == 0
    (row,) = rows_of(host)
    assert json.loads(row.snapshot)["email"] == "b@example.com"
    assert host.look("customer:lead-1").state is RecordState.SYNCED


def test_disconnect_leaves_unsent_work_behind(host: FakeHost) -> None:
    """What was unsent or is made while disconnected is Not sent after reconnecting (rule 18)."""
    host.save(make_lead())
    host.runtime.panel.connection_service.disconnect(ORG, PERSON)
    host.save(make_lead("lead-2"))
    assert connection_of(host).status is Status.NOT_CONNECTED
    host.connect()
    assert connection_of(host).status is Status.CONNECTED
    assert host.send() == 0
    assert shown(host, Kind.CUSTOMER, "lead-1") is RecordState.NOT_SENT
    assert shown(host, Kind.CUSTOMER, "lead-2") is RecordState.NOT_SENT
    host.save(make_lead("lead-3"))
    host.save(make_invoice("inv-2", lead=make_lead("lead-2")))
    assert host.send() == 3
    assert shown(host, Kind.CUSTOMER, "lead-2") is RecordState.SYNCED


def test_expired_token_waits_and_goes_out_after_reconnecting(host: FakeHost) -> None:
    """When Intuit refuses the refresh token, work waits and goes out by itself (rule 16)."""
    host.qbo.emulator.world.tokens.end_grants(realm=CONTRACTOR)
    host.save(make_lead(), make_invoice(), make_payment())
    host.clock.sleep(3600)
    assert host.send() == 0
    assert connection_of(host).status is Status.TOKEN_EXPIRED
    host.connect()
    assert connection_of(host).status is Status.CONNECTED
    assert host.send() == 3


def test_access_token_is_renewed_quietly(host: FakeHost) -> None:
    """An access token that ended is renewed without anybody noticing (rule 16)."""
    host.clock.sleep(2 * 3600)
    host.save(make_lead())
    assert host.send() == 1
