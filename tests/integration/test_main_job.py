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
from tests.support.office import ACME, CONTRACTOR, DANA, Office, invoice, lead, payment

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def office(tmp_path: Path, store_url: str | None) -> Iterator[Office]:
    """An office that is connected, on SQLite and on PostgreSQL."""
    bench = Office(tmp_path, database_url=store_url)
    bench.connect()
    yield bench
    bench.close()


def shown(office: Office, kind: Kind, local_id: str) -> RecordState:
    """Return a record's state as people see it."""
    return office.view(kind, local_id).state


def test_lead_invoice_and_payment_arrive(office: Office) -> None:
    """A lead, its invoice and its card payment stand in the books, linked (rules 3, 4, 5 and 8)."""
    office.save(lead(), invoice(), payment())
    assert office.drain() == 3
    books = office.books()
    (customer,) = [one for one in books["customers"] if one["name"] == "Sarah Jones lead-1"]
    (billed,) = books["invoices"]
    (paid,) = books["payments"]
    assert customer["email"] == "lead-1@example.com"
    assert (billed["customer_id"], billed["number"]) == (customer["id"], "D-inv-1")
    assert (billed["total"], billed["balance"]) == ("100.00", "0.00")
    assert paid["links"] == [f"Invoice {billed['id']}"]
    assert paid["unapplied"] == "0.00"
    assert books["doubles"] == []
    assert office.view(Kind.INVOICE, "inv-1").qbo_number == "D-inv-1"


def test_a_record_costs_one_write_and_no_read(office: Office) -> None:
    """Records that go through cost one write each and nothing else (rule 35)."""
    before = office.runtime.client.metrics.reads
    office.save(lead(), invoice(), payment())
    office.drain()
    assert office.runtime.client.metrics.writes == 3
    assert office.runtime.client.metrics.reads == before


def test_invoice_brings_its_lead_along(office: Office) -> None:
    """An invoice whose lead event was missed sends the lead first (rule 8)."""
    office.save(invoice())
    assert office.drain() == 2
    assert shown(office, Kind.CUSTOMER, "lead-1") is RecordState.SYNCED


def test_unchanged_saves_send_nothing(office: Office) -> None:
    """Saving again without a change makes no request (rule 3)."""
    office.save(lead(), invoice(), payment())
    office.drain()
    office.save(lead(), invoice(), payment(), invoice())
    assert office.drain() == 0
    assert office.runtime.client.metrics.writes == 3


def test_changes_update_the_same_objects(office: Office) -> None:
    """A changed lead and invoice update what is there; a removed phone goes there too (rule 4)."""
    office.save(lead(), invoice())
    office.drain()
    changed = lead(email="new@example.com", phone="")
    lines = [attrs.evolve(invoice().lines[0], quantity=Decimal(3), amount=Decimal("150.00"))]
    office.save(changed, invoice(lead=changed, lines=lines, message="Thank you"))
    assert office.drain() == 2
    books = office.books()
    (billed,) = books["invoices"]
    assert billed["total"] == "150.00"
    (customer,) = [one for one in books["customers"] if one["name"] == "Sarah Jones lead-1"]
    assert customer["email"] == "new@example.com"


def test_voided_invoice_is_voided_there(office: Office) -> None:
    """A void in DunaHub voids in QuickBooks, once; the number stays (rule 4)."""
    office.save(invoice())
    office.drain()
    office.save(invoice(status=InvoiceStatus.VOID))
    assert office.drain() == 1
    office.save(invoice(status=InvoiceStatus.VOID, message="changed after the void"))
    assert office.drain() == 0
    (billed,) = office.books()["invoices"]
    assert (billed["voided"], billed["total"], billed["number"]) == (True, "0.00", "D-inv-1")
    assert office.view(Kind.INVOICE, "inv-1").variance is None


def test_invoice_voided_before_it_was_sent_never_is(office: Office) -> None:
    """What was void before QuickBooks had it is kept back, and says so."""
    office.save(invoice(status=InvoiceStatus.VOID))
    office.drain()
    assert office.books()["invoices"] == []
    view = office.view(Kind.INVOICE, "inv-1")
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
    office: Office, method: PaymentMethod, *, collected: bool
) -> None:
    """Only card and ACH collected through DunaHub are sent (rule 5)."""
    office.save(invoice(), payment(method=method, collected_by_dunahub=collected))
    office.drain()
    assert office.books()["payments"] == []
    assert office.view(Kind.PAYMENT, "pay-1").skip_reason is SkipReason.INELIGIBLE


def test_several_partial_payments(office: Office) -> None:
    """Partial payments, card and ACH, all end on their invoice (rule 5)."""
    office.save(invoice())
    for number, method in enumerate((PaymentMethod.CARD, PaymentMethod.ACH, PaymentMethod.CARD)):
        office.save(payment(f"pay-{number}", amount=Decimal("25.00"), method=method))
    office.drain()
    (billed,) = office.books()["invoices"]
    assert billed["balance"] == "25.00"
    assert [paid["unapplied"] for paid in office.books()["payments"]] == ["0.00"] * 3


def test_payment_before_its_invoice_waits_and_names_it(office: Office) -> None:
    """A payment that comes first waits for its invoice, and goes out after it (rules 8 and 27)."""
    office.save(payment())
    assert office.drain() == 0
    view = office.view(Kind.PAYMENT, "pay-1")
    assert view.state is RecordState.WAITING
    assert view.waiting_for is not None
    assert str(view.waiting_for) == "invoice:inv-1"
    office.save(invoice())
    assert office.drain() == 3
    assert shown(office, Kind.PAYMENT, "pay-1") is RecordState.SYNCED


def test_payment_waits_for_the_larger_invoice(office: Office) -> None:
    """A payment never overtakes a pending change of its invoice: no money is left unapplied."""
    office.save(invoice())
    office.drain()
    lines = [attrs.evolve(invoice().lines[0], quantity=Decimal(4), amount=Decimal("200.00"))]
    office.save(payment(amount=Decimal("200.00")), invoice(lines=lines))
    office.drain()
    (paid,) = office.books()["payments"]
    assert paid["unapplied"] == "0.00"


def test_lost_answer_leaves_one_invoice(office: Office) -> None:
    """QuickBooks accepts, its answer is lost, the resend makes no second one (rule 10)."""
    office.save(lead())
    office.drain()
    office.trouble(TroubleRule(kind="lose", path="/invoice"))
    office.save(invoice())
    assert office.drain() == 0
    view = office.view(Kind.INVOICE, "inv-1")
    assert view.state is RecordState.WAITING
    office.drain_until_quiet()
    books = office.books()
    assert len(books["invoices"]) == 1
    assert books["doubles"] == []
    assert shown(office, Kind.INVOICE, "inv-1") is RecordState.SYNCED


def test_name_taken_names_the_holder(office: Office) -> None:
    """A taken name is told with who holds it, and is not retried (rules 23 and 26)."""
    office.save(lead("lead-2", name="Norton Lumber and Building Materials"))
    office.drain()
    taken = office.view(Kind.CUSTOMER, "lead-2")
    assert taken.state is RecordState.ATTENTION
    assert taken.error is not None
    assert taken.error.code == "6240"
    assert "a vendor named Norton Lumber" in advise(Kind.CUSTOMER, taken.error).title
    assert taken.next_attempt_at is None


def test_other_regions_do_not_exist(office: Office) -> None:
    """For BR the hooks store nothing and a connection made before stops (rule 13)."""
    moved = Organization(id="acme", name="ACME", region=Region.BR)
    office.save(lead(), invoice(), payment(), org=moved)
    office.save(lead(), org=Organization(id="never", region=Region.BR))
    assert office.rows() == []


def test_region_change_stops_pending_work_until_it_is_us_again(office: Office) -> None:
    """What was due when the region changed is not sent, whatever a late hook says (rule 13)."""
    office.save(lead())
    office.save(lead("lead-2"), org=Organization(id="acme", region=Region.BR))
    assert office.drain() == 0
    assert office.books()["totals"]["customers"] == 0
    office.clock.sleep(60)
    office.save(lead("lead-3"))
    assert office.drain() == 0
    region.enter(office.runtime.database, "acme")  # the page is opened in the US again
    assert office.drain() == 2


def test_never_connected_stores_nothing(tmp_path: Path, store_url: str | None) -> None:
    """Nothing is kept for an organization that never connected (rule 18)."""
    bench = Office(tmp_path, database_url=store_url)
    bench.save(lead(), invoice(), payment())
    assert bench.rows() == []
    bench.close()


def test_hook_makes_no_request_and_needs_no_worker(office: Office) -> None:
    """The hook writes locally only; QuickBooks being gone is not even noticed (rule 9)."""
    office.trouble(TroubleRule(kind="refuse", times=None))
    asked = len(office.emulator.world.journal.entries())
    office.save(lead(), invoice(), payment())
    assert len(office.emulator.world.journal.entries()) == asked
    assert len(office.rows()) == 3


def test_busy_database_spills_and_is_written_in_order(office: Office) -> None:
    """A locked database makes the hook neither wait nor fail; the newest state wins (rule 9)."""
    database = office.runtime.database
    with database.write.begin() as db:
        if not database.is_sqlite:
            db.exec_driver_sql("LOCK TABLE qbo_record IN EXCLUSIVE MODE")
        worker = threading.Thread(
            target=lambda: office.save(lead(email="a@example.com"), lead(email="b@example.com"))
        )
        worker.start()
        worker.join()
        assert office.rows() == []
        assert office.runtime.intake.waiting == 1
    office.drain()
    assert office.runtime.intake.waiting == 0
    (row,) = office.rows()
    assert json.loads(row.snapshot)["email"] == "b@example.com"
    assert office.view(Kind.CUSTOMER, "lead-1").state is RecordState.SYNCED


def test_disconnect_leaves_unsent_work_behind(office: Office) -> None:
    """What was unsent or is made while disconnected is Not sent after reconnecting (rule 18)."""
    office.save(lead())
    office.runtime.panel.connection_service.disconnect(ACME, DANA)
    office.save(lead("lead-2"))
    assert office.connection().status is Status.NOT_CONNECTED
    office.connect()
    assert office.connection().status is Status.CONNECTED
    assert office.drain() == 0
    assert shown(office, Kind.CUSTOMER, "lead-1") is RecordState.NOT_SENT
    assert shown(office, Kind.CUSTOMER, "lead-2") is RecordState.NOT_SENT
    office.save(lead("lead-3"))
    office.save(invoice("inv-2", lead=lead("lead-2")))
    assert office.drain() == 3
    assert shown(office, Kind.CUSTOMER, "lead-2") is RecordState.SYNCED


def test_expired_token_waits_and_goes_out_after_reconnecting(office: Office) -> None:
    """When Intuit refuses the refresh token, work waits and goes out by itself (rule 16)."""
    office.emulator.world.tokens.end_grants(realm=CONTRACTOR)
    office.save(lead(), invoice(), payment())
    office.clock.sleep(3600)
    assert office.drain() == 0
    assert office.connection().status is Status.TOKEN_EXPIRED
    office.connect()
    assert office.connection().status is Status.CONNECTED
    assert office.drain() == 3


def test_access_token_is_renewed_quietly(office: Office) -> None:
    """An access token that ended is renewed without anybody noticing (rule 16)."""
    office.clock.sleep(2 * 3600)
    office.save(lead())
    assert office.drain() == 1
