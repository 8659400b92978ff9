"""Records that stand on others: to the right customer, once, and never waiting for nothing."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

import attrs
import pytest
import sqlalchemy as sa

from dunahub_hookspecs import InvoiceStatus
from dunahub_qbo_plugin.advice import advise
from dunahub_qbo_plugin.emulator.world.trouble import TroubleRule
from dunahub_qbo_plugin.model import PARENT_SKIPPED, Kind, RecordKey, RecordState
from dunahub_qbo_plugin.store.records import commands
from dunahub_qbo_plugin.store.tables import history
from dunahub_qbo_plugin.testing import ORG, PERSON, make_invoice, make_lead, make_payment
from tests.support.faulty import FaultyHost, priced
from tests.support.host import connection_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from dunahub_qbo_plugin.emulator.api.company_api import Company

LEAD = RecordKey(kind=Kind.CUSTOMER, local_id="lead-1")
BILL = RecordKey(kind=Kind.INVOICE, local_id="inv-1")
NAME = "Sarah Mitchell lead-1"
LATER = TroubleRule(
    kind="fail",
    status=400,
    code="6000",
    entity="invoice",
    message="A business validation error has occurred while processing your request",
    detail="Business Validation Error: You can only add or edit one name at a time.",
)


@pytest.fixture
def host(tmp_path: Path, store_url: str | None) -> Iterator[FaultyHost]:
    """Return a connected host on either database."""
    made = FaultyHost(tmp_path, database_url=store_url)
    yield made
    made.close()


def books(host: FaultyHost) -> Company:
    """Return the company's books, to edit them as an accountant."""
    return host.qbo.company().books


def deactivate(host: FaultyHost, name: str) -> str:
    """Make a customer inactive in QuickBooks; gives its Id."""
    (customer,) = [one for one in host.books.customers if one["name"] == name]
    books(host).deactivate("Customer", customer["id"])
    found: str = customer["id"]
    return found


def shown(host: FaultyHost, kind: Kind, local_id: str) -> RecordState:
    """Return a record's state."""
    return host.look(f"{kind}:{local_id}").state


@pytest.mark.parametrize("paid_before", [True, False])
def test_payment_follows_its_invoice_in_quickbooks(host: FaultyHost, *, paid_before: bool) -> None:
    """QuickBooks refuses to give the invoice to another customer: its money stays with it."""
    host.save(make_lead(), make_lead("lead-2"), make_invoice())
    if paid_before:
        host.save(make_payment(amount=Decimal(40)))
    host.drain_all()
    host.qbo.trouble(TroubleRule(kind="fail", status=400, code="6210", entity="invoice"))
    host.save(make_invoice(lead=make_lead("lead-2")))
    host.drain_all()
    assert shown(host, Kind.INVOICE, "inv-1") is RecordState.ATTENTION
    host.save(make_payment(id="pay-2", amount=Decimal(60)))
    host.pass_time(3)
    payments = host.books.payments
    assert len(payments) == 1 + paid_before
    assert {(one["customer"], one["unapplied"]) for one in payments} == {(NAME, "0.00")}


@pytest.mark.parametrize("reconnected", [False, True])
def test_payments_of_an_invoice_made_anew_are_attached_again(
    host: FaultyHost, *, reconnected: bool
) -> None:
    """The invoice was deleted in QuickBooks and is sent again: its payments go with it.

    Also those that were sent in an earlier connected period (rules 19 and 27).
    """
    host.save(make_invoice(), make_payment())
    host.send()
    if reconnected:
        host.runtime.panel.connection_service.disconnect(ORG, PERSON)
        host.connect()
    (bill,) = host.books.invoices
    (paid,) = host.books.payments
    books(host).edit("Payment", paid["id"], {"Line": []})
    books(host).delete("Invoice", bill["id"])
    host.save(make_invoice(message="Thank you"))
    host.send()
    host.retry(BILL)
    host.pass_time(3)
    (bill,) = host.books.invoices
    (paid,) = host.books.payments
    assert (bill["balance"], paid["unapplied"]) == ("0.00", "0.00")
    assert shown(host, Kind.PAYMENT, "pay-1") is RecordState.SYNCED


def test_payments_of_an_invoice_that_is_valid_again_are_attached_again(host: FaultyHost) -> None:
    """Voided by mistake and taken back: the money is on the invoice again."""
    host.save(make_invoice(), make_payment())
    host.send()
    host.save(make_invoice(status=InvoiceStatus.VOID))
    host.send()
    host.save(make_invoice())
    host.pass_time(3)
    (bill,) = host.books.invoices
    (paid,) = host.books.payments
    assert (bill["balance"], paid["unapplied"]) == ("0.00", "0.00")


def test_payment_goes_when_its_invoices_change_is_taken_back(host: FaultyHost) -> None:
    """A payment that waits for a change is not forgotten when there is nothing to change."""
    host.save(make_invoice())
    host.send()
    host.qbo.trouble(LATER)
    host.save(make_invoice(message="changed"))
    host.send()
    host.save(make_payment())
    host.send()
    assert shown(host, Kind.PAYMENT, "pay-1") is RecordState.WAITING
    before = host.mark()
    host.save(make_invoice())
    host.pass_time(3)
    assert shown(host, Kind.INVOICE, "inv-1") is RecordState.SYNCED
    assert shown(host, Kind.PAYMENT, "pay-1") is RecordState.SYNCED
    assert [one.path.rpartition("/")[2] for one in host.requests(before)] == ["payment"]


def test_payment_goes_when_its_invoices_change_is_dismissed(host: FaultyHost) -> None:
    """What the office decided not to send is nothing to wait for."""
    host.save(make_invoice())
    host.send()
    host.qbo.trouble(LATER)
    host.save(make_invoice(message="changed"))
    host.send()
    host.save(make_payment())
    host.send()
    now = host.clock.now()
    with host.runtime.database.write.begin() as db:
        assert (
            commands.dismiss(db, connection_of(host), [BILL], reason="no", by="Dana", now=now) == 1
        )
    host.pass_time(3)
    assert shown(host, Kind.PAYMENT, "pay-1") is RecordState.SYNCED


def test_invoice_goes_when_its_customers_change_is_taken_back(host: FaultyHost) -> None:
    """The customer was inactive for a while; nobody had to press anything in DunaHub."""
    host.save(make_lead())
    host.send()
    customer = deactivate(host, NAME)
    host.save(make_lead(phone="1"))
    host.send()
    host.save(make_invoice(lead=make_lead(phone="1")))
    host.send()
    host.save(make_lead())
    books(host).edit("Customer", customer, {"Active": True})
    host.pass_time(3)
    assert shown(host, Kind.CUSTOMER, "lead-1") is RecordState.SYNCED
    assert shown(host, Kind.INVOICE, "inv-1") is RecordState.SYNCED


def test_nothing_goes_round_when_a_customer_is_missing(host: FaultyHost) -> None:
    """The invoice is there, its customer is gone: a new payment floods neither worker nor history.

    It goes to the customer that has the invoice, or waits.
    """
    host.save(make_lead(), make_invoice())
    host.send()
    deactivate(host, NAME)
    host.save(make_invoice("inv-2"))
    host.send()
    books(host).create("Vendor", {"DisplayName": NAME})
    host.retry(LEAD)
    host.send()
    host.save(make_payment())
    told = entries(host)
    host.send()
    host.clock.advance(1)
    host.send()
    assert entries(host) - told <= 3


def test_waiting_forgets_an_old_error(host: FaultyHost) -> None:
    """A record that waits for its customer says so, and nothing that was true before."""
    host.save(attrs.evolve(make_invoice(), total=Decimal(1)))
    host.send()
    assert shown(host, Kind.INVOICE, "inv-1") is RecordState.ATTENTION
    deactivate(host, NAME)
    host.save(make_lead(phone="5"))
    host.send()
    host.retry(BILL)
    host.send()
    view = host.look("invoice:inv-1")
    assert (view.state, view.error, view.waiting_for) == (RecordState.WAITING, None, LEAD)


def entries(host: FaultyHost) -> int:
    """Count what the history tells."""
    with host.runtime.database.read.connect() as db:
        return db.execute(sa.select(sa.func.count()).select_from(history)).scalar_one()


def test_an_invoice_that_the_bookkeeper_voided_and_that_is_saved_again(host: FaultyHost) -> None:
    """It stays voided until somebody says yes; then it is valid and its money on it (rule 42)."""
    host.save(make_invoice(), make_payment())
    host.send()
    (bill,) = host.books.invoices
    books(host).void("Invoice", bill["id"])
    host.save(make_invoice(message="Thank you"))
    host.pass_time(3)
    assert host.retry(None) == 0
    host.pass_time(3)
    (bill,) = host.books.invoices
    assert bill["total"] == "0.00"
    assert shown(host, Kind.INVOICE, "inv-1") is RecordState.ATTENTION
    assert host.retry(BILL) == 1
    host.pass_time(3)
    (bill,) = host.books.invoices
    (paid,) = host.books.payments
    assert (bill["total"], bill["balance"], paid["unapplied"]) == ("100.00", "0.00", "0.00")


@pytest.mark.parametrize("how", ["refused", "lowered", "unheard"])
def test_money_that_an_invoice_had_no_room_for_is_put_on_it(host: FaultyHost, how: str) -> None:
    """Once QuickBooks has the higher total, what was paid beyond the old one pays it (rule 27)."""
    low, high = priced("100.00"), priced("150.00")
    host.save(high if how == "lowered" else low)
    host.send()
    if how == "unheard":
        host.qbo.trouble(TroubleRule(kind="lose", entity="payment", method="POST"))
        host.save(make_payment(amount=Decimal(150)))
        host.send()
        host.save(high)
        host.send()
    elif how == "refused":
        host.qbo.trouble(TroubleRule(kind="fail", status=400, code="6210", entity="invoice"))
        host.save(high)
        host.send()
        host.save(make_payment(amount=Decimal(150)))
        host.pass_time(3)
        assert host.books.payments[0]["unapplied"] == "50.00"
        host.retry(BILL)
    else:
        host.save(make_payment(amount=Decimal(150)))
        host.send()
        host.save(low)
        host.pass_time(3)
        host.save(high)
    host.pass_time(3)
    (bill,) = host.books.invoices
    (paid,) = host.books.payments
    assert (bill["total"], bill["balance"], paid["unapplied"]) == ("150.00", "0.00", "0.00")


def test_what_a_lowered_invoice_set_free_is_put_on_it_again(host: FaultyHost) -> None:
    """QuickBooks unapplies money of a lowered invoice silently; a sibling then leaves it room."""
    both = [make_payment(id=f"pay-{n}", amount=Decimal(n)) for n in (100, 50)]
    host.save(priced("150.00"), *both)
    host.send()
    host.save(priced("120.00"))
    let_go = make_payment(id="pay-100", amount=Decimal(80))
    host.pass_time(1)
    assert host.books.invoices[0]["balance"] == "0.00"
    host.save(let_go)
    host.pass_time(1)
    (bill,) = host.books.invoices
    assert (bill["total"], bill["balance"]) == ("120.00", "0.00")
    loose = {one["total"]: one["unapplied"] for one in host.books.payments}
    assert loose == {"80.00": "0.00", "50.00": "10.00"}


def test_a_raised_invoice_sends_no_payment_again_for_nothing(host: FaultyHost) -> None:
    """Where all the money is on the invoice, a higher total leaves the payment alone."""
    host.save(priced("100.00"), make_payment(amount=Decimal(60)))
    host.send()
    before = host.mark()
    host.save(priced("150.00"))
    host.pass_time(3)
    assert host.books.invoices[0]["total"] == "150.00"
    assert "/payment" not in {one.path for one in host.requests(before)}


@pytest.mark.parametrize("how", ["dismissed", "voided", "dismissed when gone"])
@pytest.mark.parametrize("first", ["payment", "decision"])
def test_money_for_an_invoice_that_will_not_be_there(
    host: FaultyHost, how: str, first: str
) -> None:
    """A payment without its invoice needs a person, and goes once it is there (rules 8 and 22)."""
    if how == "dismissed when gone":
        host.save(make_invoice())
        host.send()
        books(host).delete("Invoice", host.books.invoices[0]["id"])
        host.save(make_invoice(message="Thank you"))
    else:
        host.qbo.trouble(TroubleRule(kind="fail", status=400, code="6210", entity="invoice"))
        host.save(make_invoice())
    host.send()
    if first == "payment":
        host.save(make_payment())
        host.send()
        assert shown(host, Kind.PAYMENT, "pay-1") is RecordState.WAITING
    if how == "voided":
        host.save(make_invoice(status=InvoiceStatus.VOID))
    else:
        decide(host, BILL)
    host.send()
    if first == "decision":
        host.save(make_payment())
    host.pass_time(3)
    view = host.look("payment:pay-1")
    assert (view.state, view.error and view.error.code) == (RecordState.ATTENTION, PARENT_SKIPPED)
    assert view.error is not None
    told = advise(Kind.PAYMENT, view.error)
    assert "D-inv-1" in told.why
    assert "undo the dismissal" in told.action
    host.save(make_invoice(message="Anew"))  # a save lifts the decision
    host.send()
    if how == "dismissed when gone":
        host.retry(BILL)
    host.pass_time(3)
    assert shown(host, Kind.PAYMENT, "pay-1") is RecordState.SYNCED
    assert [one["unapplied"] for one in host.books.payments] == ["0.00"]


def test_an_invoice_for_a_customer_that_will_not_be_there(host: FaultyHost) -> None:
    """The same of an invoice whose customer was dismissed."""
    nobody = make_lead(name="Sarah: Mitchell")
    host.save(nobody, make_invoice(lead=nobody))
    host.send()
    assert shown(host, Kind.INVOICE, "inv-1") is RecordState.WAITING
    decide(host, LEAD)
    host.pass_time(3)
    view = host.look("invoice:inv-1")
    assert (view.state, view.error and view.error.code) == (RecordState.ATTENTION, PARENT_SKIPPED)
    assert view.error is not None
    assert "customer" in advise(Kind.INVOICE, view.error).title
    host.save(make_lead())
    host.pass_time(3)
    assert shown(host, Kind.INVOICE, "inv-1") is RecordState.SYNCED


def decide(host: FaultyHost, key: RecordKey) -> None:
    """Dismiss a record."""
    with host.runtime.database.write.begin() as db:
        assert commands.dismiss(
            db, connection_of(host), [key], reason="By hand", by="Dana", now=host.clock.now()
        )
