"""Records that stand on others: to the right customer, once, and never waiting for nothing."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from dunahub_hookspecs import InvoiceStatus
from dunahub_qbo_plugin.advice import advise
from dunahub_qbo_plugin.emulator.world.trouble import TroubleRule
from dunahub_qbo_plugin.model import PARENT_SKIPPED, Kind, RecordKey, RecordState
from dunahub_qbo_plugin.store.records import commands
from dunahub_qbo_plugin.store.tables import history
from tests.support.faulty import Bench, priced
from tests.support.office import ACME, CONTRACTOR, DANA, invoice, lead, payment

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from dunahub_qbo_plugin.emulator.api.company_api import Company

LEAD = RecordKey(kind=Kind.CUSTOMER, local_id="lead-1")
BILL = RecordKey(kind=Kind.INVOICE, local_id="inv-1")
NAME = "Sarah Jones lead-1"
LATER = TroubleRule(
    kind="fail",
    status=400,
    code="6000",
    entity="invoice",
    message="A business validation error has occurred while processing your request",
    detail="Business Validation Error: You can only add or edit one name at a time.",
)


@pytest.fixture
def office(tmp_path: Path, store_url: str | None) -> Iterator[Bench]:
    """A connected office on either database."""
    bench = Bench(tmp_path, database_url=store_url)
    yield bench
    bench.close()


def books(office: Bench) -> Company:
    """Return the company's books, to edit them as an accountant."""
    return office.emulator.world.companies[CONTRACTOR].books


def deactivate(office: Bench, name: str) -> str:
    """Make a customer inactive in QuickBooks; gives its Id."""
    (customer,) = [one for one in office.books()["customers"] if one["name"] == name]
    books(office).deactivate("Customer", customer["id"])
    found: str = customer["id"]
    return found


def let_time_pass(office: Bench) -> None:
    """Drain for some hours."""
    for _ in range(20):
        office.drain()
        office.time.advance(600)


def shown(office: Bench, kind: Kind, local_id: str) -> RecordState:
    """Return a record's state."""
    return office.view(kind, local_id).state


@pytest.mark.parametrize("paid_before", [True, False])
def test_payment_follows_its_invoice_in_quickbooks(office: Bench, *, paid_before: bool) -> None:
    """QuickBooks refuses to give the invoice to another customer: its money stays with it."""
    office.save(lead(), lead("lead-2"), invoice())
    if paid_before:
        office.save(payment(amount=Decimal(40)))
    office.drain_all()
    office.trouble(TroubleRule(kind="fail", status=400, code="6210", entity="invoice"))
    office.save(invoice(lead=lead("lead-2")))
    office.drain_all()
    assert shown(office, Kind.INVOICE, "inv-1") is RecordState.ATTENTION
    office.save(payment("pay-2", amount=Decimal(60)))
    let_time_pass(office)
    payments = office.books()["payments"]
    assert len(payments) == 1 + paid_before
    assert {(one["customer"], one["unapplied"]) for one in payments} == {(NAME, "0.00")}


@pytest.mark.parametrize("reconnected", [False, True])
def test_payments_of_an_invoice_made_anew_are_attached_again(
    office: Bench, *, reconnected: bool
) -> None:
    """The invoice was deleted in QuickBooks and is sent again: its payments go with it.

    Also those that were sent in an earlier connected period (rules 19 and 27).
    """
    office.save(invoice(), payment())
    office.drain()
    if reconnected:
        office.runtime.panel.connection_service.disconnect(ACME, DANA)
        office.connect()
    (bill,) = office.books()["invoices"]
    (paid,) = office.books()["payments"]
    books(office).edit("Payment", paid["id"], {"Line": []})
    books(office).delete("Invoice", bill["id"])
    office.save(invoice(message="Thank you"))
    office.drain()
    office.retry(BILL)
    let_time_pass(office)
    (bill,) = office.books()["invoices"]
    (paid,) = office.books()["payments"]
    assert (bill["balance"], paid["unapplied"]) == ("0.00", "0.00")
    assert shown(office, Kind.PAYMENT, "pay-1") is RecordState.SYNCED


def test_payments_of_an_invoice_that_is_valid_again_are_attached_again(office: Bench) -> None:
    """Voided by mistake and taken back: the money is on the invoice again."""
    office.save(invoice(), payment())
    office.drain()
    office.save(invoice(status=InvoiceStatus.VOID))
    office.drain()
    office.save(invoice())
    let_time_pass(office)
    (bill,) = office.books()["invoices"]
    (paid,) = office.books()["payments"]
    assert (bill["balance"], paid["unapplied"]) == ("0.00", "0.00")


def test_payment_goes_when_its_invoices_change_is_taken_back(office: Bench) -> None:
    """A payment that waits for a change is not forgotten when there is nothing to change."""
    office.save(invoice())
    office.drain()
    office.trouble(LATER)
    office.save(invoice(message="changed"))
    office.drain()
    office.save(payment())
    office.drain()
    assert shown(office, Kind.PAYMENT, "pay-1") is RecordState.WAITING
    before = office.mark()
    office.save(invoice())
    let_time_pass(office)
    assert shown(office, Kind.INVOICE, "inv-1") is RecordState.SYNCED
    assert shown(office, Kind.PAYMENT, "pay-1") is RecordState.SYNCED
    assert [one.path.rpartition("/")[2] for one in office.requests(before)] == ["payment"]


def test_payment_goes_when_its_invoices_change_is_dismissed(office: Bench) -> None:
    """What the office decided not to send is nothing to wait for."""
    office.save(invoice())
    office.drain()
    office.trouble(LATER)
    office.save(invoice(message="changed"))
    office.drain()
    office.save(payment())
    office.drain()
    now = office.time.now()
    with office.runtime.database.write.begin() as db:
        assert (
            commands.dismiss(db, office.connection(), [BILL], reason="no", by="Dana", now=now) == 1
        )
    let_time_pass(office)
    assert shown(office, Kind.PAYMENT, "pay-1") is RecordState.SYNCED


def test_invoice_goes_when_its_customers_change_is_taken_back(office: Bench) -> None:
    """The customer was inactive for a while; nobody had to press anything in DunaHub."""
    office.save(lead())
    office.drain()
    customer = deactivate(office, NAME)
    office.save(lead(phone="1"))
    office.drain()
    office.save(invoice(lead=lead(phone="1")))
    office.drain()
    office.save(lead())
    books(office).edit("Customer", customer, {"Active": True})
    let_time_pass(office)
    assert shown(office, Kind.CUSTOMER, "lead-1") is RecordState.SYNCED
    assert shown(office, Kind.INVOICE, "inv-1") is RecordState.SYNCED


def test_nothing_goes_round_when_a_customer_is_missing(office: Bench) -> None:
    """The invoice is there, its customer is gone: a new payment floods neither worker nor history.

    It goes to the customer that has the invoice, or waits.
    """
    office.save(lead(), invoice())
    office.drain()
    deactivate(office, NAME)
    office.save(invoice("inv-2"))
    office.drain()
    books(office).create("Vendor", {"DisplayName": NAME})
    office.retry(LEAD)
    office.drain()
    office.save(payment())
    told = entries(office)
    office.drain()
    office.time.advance(1)
    office.drain()
    assert entries(office) - told <= 3


def test_waiting_forgets_an_old_error(office: Bench) -> None:
    """A record that waits for its customer says so, and nothing that was true before."""
    office.save(invoice(total=Decimal(1)))
    office.drain()
    assert shown(office, Kind.INVOICE, "inv-1") is RecordState.ATTENTION
    deactivate(office, NAME)
    office.save(lead(phone="5"))
    office.drain()
    office.retry(BILL)
    office.drain()
    view = office.view(Kind.INVOICE, "inv-1")
    assert (view.state, view.error, view.waiting_for) == (RecordState.WAITING, None, LEAD)


def entries(office: Bench) -> int:
    """Count what the history tells."""
    with office.runtime.database.read.connect() as db:
        return db.execute(sa.select(sa.func.count()).select_from(history)).scalar_one()


def test_an_invoice_that_the_bookkeeper_voided_and_that_is_saved_again(office: Bench) -> None:
    """It stays voided until somebody says yes; then it is valid and its money on it (rule 42)."""
    office.save(invoice(), payment())
    office.drain()
    (bill,) = office.books()["invoices"]
    books(office).void("Invoice", bill["id"])
    office.save(invoice(message="Thank you"))
    let_time_pass(office)
    assert office.retry(None) == 0
    let_time_pass(office)
    (bill,) = office.books()["invoices"]
    assert bill["total"] == "0.00"
    assert shown(office, Kind.INVOICE, "inv-1") is RecordState.ATTENTION
    assert office.retry(BILL) == 1
    let_time_pass(office)
    (bill,) = office.books()["invoices"]
    (paid,) = office.books()["payments"]
    assert (bill["total"], bill["balance"], paid["unapplied"]) == ("100.00", "0.00", "0.00")


@pytest.mark.parametrize("how", ["refused", "lowered"])
def test_money_that_an_invoice_had_no_room_for_is_put_on_it(office: Bench, how: str) -> None:
    """Once QuickBooks has the higher total, what was paid beyond the old one pays it (rule 27)."""
    low, high = priced("100.00"), priced("150.00")
    office.save(low if how == "refused" else high)
    office.drain()
    if how == "refused":
        office.trouble(TroubleRule(kind="fail", status=400, code="6210", entity="invoice"))
        office.save(high)
        office.drain()
        office.save(payment(amount=Decimal(150)))
        let_time_pass(office)
        assert office.books()["payments"][0]["unapplied"] == "50.00"
        office.retry(BILL)
    else:
        office.save(payment(amount=Decimal(150)))
        office.drain()
        office.save(low)
        let_time_pass(office)
        office.save(high)
    let_time_pass(office)
    (bill,) = office.books()["invoices"]
    (paid,) = office.books()["payments"]
    assert (bill["total"], bill["balance"], paid["unapplied"]) == ("150.00", "0.00", "0.00")


def test_a_raised_invoice_sends_no_payment_again_for_nothing(office: Bench) -> None:
    """Where all the money is on the invoice, a higher total leaves the payment alone."""
    office.save(priced("100.00"), payment(amount=Decimal(60)))
    office.drain()
    before = office.mark()
    office.save(priced("150.00"))
    let_time_pass(office)
    assert office.books()["invoices"][0]["total"] == "150.00"
    assert "/payment" not in {one.path for one in office.requests(before)}


@pytest.mark.parametrize("how", ["dismissed", "voided", "dismissed when gone"])
@pytest.mark.parametrize("first", ["payment", "decision"])
def test_money_for_an_invoice_that_will_not_be_there(office: Bench, how: str, first: str) -> None:
    """A payment without its invoice needs a person, and goes once it is there (rules 8 and 22)."""
    if how == "dismissed when gone":
        office.save(invoice())
        office.drain()
        books(office).delete("Invoice", office.books()["invoices"][0]["id"])
        office.save(invoice(message="Thank you"))
    else:
        office.trouble(TroubleRule(kind="fail", status=400, code="6210", entity="invoice"))
        office.save(invoice())
    office.drain()
    if first == "payment":
        office.save(payment())
        office.drain()
        assert shown(office, Kind.PAYMENT, "pay-1") is RecordState.WAITING
    if how == "voided":
        office.save(invoice(status=InvoiceStatus.VOID))
    else:
        decide(office, BILL)
    office.drain()
    if first == "decision":
        office.save(payment())
    let_time_pass(office)
    view = office.view(Kind.PAYMENT, "pay-1")
    assert (view.state, view.error and view.error.code) == (RecordState.ATTENTION, PARENT_SKIPPED)
    assert view.error is not None
    told = advise(Kind.PAYMENT, view.error)
    assert "D-inv-1" in told.why
    assert "undo the dismissal" in told.action
    office.save(invoice(message="Anew"))  # a save lifts the decision
    office.drain()
    if how == "dismissed when gone":
        office.retry(BILL)
    let_time_pass(office)
    assert shown(office, Kind.PAYMENT, "pay-1") is RecordState.SYNCED
    assert [one["unapplied"] for one in office.books()["payments"]] == ["0.00"]


def test_an_invoice_for_a_customer_that_will_not_be_there(office: Bench) -> None:
    """The same of an invoice whose customer was dismissed."""
    nobody = lead(email="no address")
    office.save(nobody, invoice(lead=nobody))
    office.drain()
    assert shown(office, Kind.INVOICE, "inv-1") is RecordState.WAITING
    decide(office, LEAD)
    let_time_pass(office)
    view = office.view(Kind.INVOICE, "inv-1")
    assert (view.state, view.error and view.error.code) == (RecordState.ATTENTION, PARENT_SKIPPED)
    assert view.error is not None
    assert "customer" in advise(Kind.INVOICE, view.error).title
    office.save(lead())
    let_time_pass(office)
    assert shown(office, Kind.INVOICE, "inv-1") is RecordState.SYNCED


def decide(office: Bench, key: RecordKey) -> None:
    """Dismiss a record."""
    with office.runtime.database.write.begin() as db:
        assert commands.dismiss(
            db, office.connection(), [key], reason="By hand", by="Dana", now=office.time.now()
        )
