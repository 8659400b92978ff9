"""The community's client for Python as a judge."""

from __future__ import annotations

import json
from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from intuitlib.client import AuthClient
from quickbooks import QuickBooks
from quickbooks.batch import batch_create, batch_delete, batch_update
from quickbooks.cdc import change_data_capture
from quickbooks.exceptions import (
    AuthorizationException,
    ObjectNotFoundException,
    QuickbooksException,
    ValidationException,
)
from quickbooks.objects import (
    Account,
    Address,
    CompanyInfo,
    CreditMemo,
    Customer,
    EmailAddress,
    Employee,
    Invoice,
    Item,
    Payment,
    PaymentLine,
    PaymentMethod,
    PhoneNumber,
    Preferences,
    Ref,
    RefundReceipt,
    SalesItemLine,
    SalesItemLineDetail,
    SalesReceipt,
    TaxCode,
    TaxRate,
    Term,
    Vendor,
)

from dunahub_qbo_plugin.emulator.emulator import Emulator
from dunahub_qbo_plugin.emulator.world.directory import DEFAULT_CLIENT_ID, DEFAULT_CLIENT_SECRET
from dunahub_qbo_plugin.emulator.world.world import SEEDS, World

from .conftest import REDIRECT

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dunahub_qbo_plugin.emulator.server.serve import RunningEmulator

REALM = SEEDS["contractor"][0]


@pytest.fixture
def live() -> Iterator[RunningEmulator]:
    """An emulator on a port."""
    with Emulator(World.default(redirect_uris=[REDIRECT])).serve() as running:
        yield running


@pytest.fixture
def qb(live: RunningEmulator, monkeypatch: pytest.MonkeyPatch) -> QuickBooks:
    """The client, pointed at the emulator through its own attribute for the address."""
    # oauthlib refuses plain HTTP otherwise.
    monkeypatch.setenv("OAUTHLIB_INSECURE_TRANSPORT", "1")
    issued = live.world.connect(realm=REALM)
    auth = AuthClient(
        DEFAULT_CLIENT_ID,
        DEFAULT_CLIENT_SECRET,
        REDIRECT,
        f"{live.url}/.well-known/openid_configuration",
        refresh_token=issued.refresh_token,
    )
    client = QuickBooks(
        auth_client=auth, refresh_token=issued.refresh_token, company_id=REALM, minorversion=75
    )
    client.api_url_v3 = f"{live.url}/v3"
    return client


def make_customer(qb: QuickBooks, name: str) -> Customer:
    """Return a customer with the usual data."""
    customer = Customer()
    customer.DisplayName = name
    customer.GivenName = "Ann"
    customer.FamilyName = "O'Hara"
    customer.BillAddr = Address()
    customer.BillAddr.Line1 = "123 Main"
    customer.BillAddr.City = "Oakland"
    customer.BillAddr.CountrySubDivisionCode = "CA"
    customer.PrimaryPhone = PhoneNumber()
    customer.PrimaryPhone.FreeFormNumber = "(555) 010-2000"
    customer.PrimaryEmailAddr = EmailAddress()
    customer.PrimaryEmailAddr.Address = "ann@example.com"
    saved: Customer = customer.save(qb=qb)
    return saved


def sales_line(amount: float, item: str = "3") -> SalesItemLine:
    """Return a line for one service."""
    line = SalesItemLine()
    line.LineNum = 1
    line.Description = "Gutter cleaning"
    line.Amount = amount
    line.SalesItemLineDetail = SalesItemLineDetail()
    line.SalesItemLineDetail.ItemRef = Ref()
    line.SalesItemLineDetail.ItemRef.value = item
    return line


def make_invoice(qb: QuickBooks, customer: Customer, amount: float = 100) -> Invoice:
    """Return an invoice of one line."""
    invoice = Invoice()
    invoice.CustomerRef = customer.to_ref()
    invoice.Line.append(sales_line(amount))
    saved: Invoice = invoice.save(qb=qb)
    return saved


def test_customer_from_create_to_inactive(qb: QuickBooks) -> None:
    """A customer is created, read, updated, found by name and made inactive."""
    made = make_customer(qb, "Ann's Café & Söhne")
    read = Customer.get(made.Id, qb=qb)
    assert read.DisplayName == "Ann's Café & Söhne"
    assert read.BillAddr.City == "Oakland"
    read.CompanyName = "Changed Inc"
    changed = read.save(qb=qb)
    assert (changed.CompanyName, changed.SyncToken) == ("Changed Inc", "1")
    (found,) = Customer.filter(DisplayName="Ann's Café & Söhne", qb=qb)
    assert found.Id == made.Id
    assert Customer.count("Active = true", qb=qb) == 1
    found.Active = False
    assert found.save(qb=qb).DisplayName.endswith(" (deleted)")
    assert Customer.filter(Active=True, qb=qb) == []
    assert len(Customer.where("Active in (true, false)", qb=qb)) == 1


def test_client_maps_faults_to_its_exceptions(qb: QuickBooks, live: RunningEmulator) -> None:
    """Codes arrive where the client looks for them: 610, 2020, 4000, 5010, 6240, 401."""
    made = make_customer(qb, "Twice")
    with pytest.raises(QuickbooksException) as double:
        make_customer(qb, "Twice")
    assert double.value.error_code == 6240
    made.save(qb=qb)
    with pytest.raises(QuickbooksException) as stale:
        made.save(qb=qb)
    assert stale.value.error_code == 5010
    with pytest.raises(ObjectNotFoundException):
        Invoice.get(999_999, qb=qb)
    with pytest.raises(ValidationException) as incomplete:
        Payment().save(qb=qb)
    assert incomplete.value.error_code == 2020
    with pytest.raises(ValidationException) as unparsable:
        Customer.query("select * frm Customer", qb=qb)
    assert unparsable.value.error_code == 4000
    live.world.tokens.expire()
    with pytest.raises(AuthorizationException):
        Customer.all(qb=qb)


def test_invoice_paid_voided_deleted(qb: QuickBooks) -> None:
    """An invoice is paid by a linked payment, a second one is voided, a third one deleted."""
    customer = make_customer(qb, "Invoices")
    invoice = make_invoice(qb, customer, 100)
    assert (invoice.TotalAmt, invoice.Balance) == (100, 100)
    payment = Payment()
    payment.TotalAmt = 60
    payment.CustomerRef = customer.to_ref()
    line = PaymentLine()
    line.Amount = 60
    line.LinkedTxn.append(invoice.to_linked_txn())
    payment.Line.append(line)
    paid = payment.save(qb=qb)
    assert paid.UnappliedAmt == 0
    after = Invoice.get(invoice.Id, qb=qb)
    assert (after.Balance, after.SyncToken) == (40, "1")
    assert after.LinkedTxn[0].TxnId == paid.Id
    assert Customer.get(customer.Id, qb=qb).Balance == 40
    Payment.get(paid.Id, qb=qb).delete(qb=qb)
    assert Invoice.get(invoice.Id, qb=qb).Balance == 100

    voided = make_invoice(qb, customer, 50)
    voided.void(qb=qb)
    again = Invoice.get(voided.Id, qb=qb)
    assert (again.TotalAmt, again.Balance) == (0, 0)
    assert "Voided" in again.PrivateNote

    deleted = make_invoice(qb, customer, 25)
    answer = deleted.delete(qb=qb)
    assert answer["Invoice"] == {"domain": "QBO", "status": "Deleted", "Id": deleted.Id}
    with pytest.raises(ObjectNotFoundException):
        Invoice.get(deleted.Id, qb=qb)


def test_payment_void(qb: QuickBooks, live: RunningEmulator) -> None:
    """The client's void of a payment works where the company allows the documented sparse form."""
    live.world.companies[REALM].books.settings.payment_void = "lenient"
    payment = Payment()
    payment.TotalAmt = 20
    payment.CustomerRef = make_customer(qb, "Voids").to_ref()
    saved = payment.save(qb=qb)
    saved.void(qb=qb)
    assert Payment.get(saved.Id, qb=qb).TotalAmt == 0


def test_invoice_send_and_pdf(qb: QuickBooks) -> None:
    """An invoice is e-mailed and downloaded as PDF."""
    invoice = make_invoice(qb, make_customer(qb, "Mail"))
    sent = invoice.send(qb=qb, send_to="a+b@example.com")
    assert sent["Invoice"]["EmailStatus"] == "EmailSent"
    assert sent["Invoice"]["BillEmail"]["Address"] == "a+b@example.com"
    assert invoice.download_pdf(qb=qb).startswith(b"%PDF-")


def test_requestid_of_the_client(qb: QuickBooks) -> None:
    """Saving a new object twice with one request_id makes one object."""
    customer = make_customer(qb, "Keys")
    first, second = (Invoice() for _ in range(2))
    for invoice in (first, second):
        invoice.CustomerRef = customer.to_ref()
        invoice.Line.append(sales_line(10))
        invoice.save(qb=qb, request_id="b7f1-once")
    assert first.Id == second.Id
    assert Invoice.count(qb=qb) == 1


def test_batch(qb: QuickBooks) -> None:
    """The client's batches create, update and delete, with a fault for the one bad item."""
    owner = make_customer(qb, "Owner")
    new = []
    for name in ("B1", "B2", "Owner"):
        customer = Customer()
        customer.DisplayName = name
        new.append(customer)
    made = batch_create(new, qb=qb)
    assert sorted(customer.DisplayName for customer in made.successes) == ["B1", "B2"]
    assert made.faults[0].Error[0].code == "6240"
    for customer in made.successes:
        customer.CompanyName = "In one go"
    changed = batch_update(made.successes, qb=qb)
    assert {customer.SyncToken for customer in changed.successes} == {"1"}
    invoices = [make_invoice(qb, owner, amount) for amount in (1, 2)]
    gone = batch_delete(invoices, qb=qb)
    assert len(gone.batch_responses) == 2
    assert not gone.faults
    assert Invoice.count(qb=qb) == 0


def test_change_data_capture(qb: QuickBooks, live: RunningEmulator) -> None:
    """The client reads what changed since a time."""
    customer = make_customer(qb, "Changes")
    make_invoice(qb, customer)
    since = live.world.clock() - timedelta(minutes=5)
    got = change_data_capture([Customer, Invoice], since.isoformat(timespec="seconds"), qb=qb)
    assert [one.DisplayName for one in got.Customer] == ["Changes"]
    assert len(got.Invoice) == 1


def test_lists(qb: QuickBooks) -> None:
    """The client reads every list of the sample company, with its own paging and order."""
    names = [item.Name for item in Item.all(order_by="Name", qb=qb)]
    assert "Gutter Cleaning" in names
    assert names == sorted(names, key=str.lower)
    assert len(Item.all(max_results=5, start_position=3, qb=qb)) == 5
    assert Account.get(4, qb=qb).Name == "Undeposited Funds"
    assert {method.Name for method in PaymentMethod.all(qb=qb)} >= {"Cash", "Check", "Visa"}
    assert {term.Name for term in Term.all(qb=qb)} >= {"Net 30"}
    assert {code.Name for code in TaxCode.all(qb=qb)} >= {"TAX", "NON"}
    assert TaxRate.all(qb=qb)
    assert Preferences.get(qb=qb).CurrencyPrefs.HomeCurrency.value == "USD"
    assert CompanyInfo.get(REALM, qb=qb).CompanyName == "Blue Ridge Gutters"


def test_items_accounts_vendors_employees(qb: QuickBooks) -> None:
    """The client creates and updates items, accounts, vendors and employees."""
    account = Account()
    account.Name = "Roofing Income"
    account.AccountType = "Income"
    account.AccountSubType = "ServiceFeeIncome"
    saved = account.save(qb=qb)
    item = Item()
    item.Name = "Roof Inspection"
    item.Type = "Service"
    item.IncomeAccountRef = saved.to_ref()
    item.UnitPrice = 75
    made = item.save(qb=qb)
    made.UnitPrice = 80
    assert made.save(qb=qb).UnitPrice == 80
    vendor = Vendor()
    vendor.DisplayName = "Shared Name"
    vendor.save(qb=qb)
    with pytest.raises(QuickbooksException) as taken:
        make_customer(qb, "Shared Name")
    assert taken.value.error_code == 6240
    employee = Employee()
    employee.GivenName, employee.FamilyName = "Jo", "Reed"
    assert Employee.get(employee.save(qb=qb).Id, qb=qb).DisplayName == "Jo Reed"


@pytest.mark.parametrize("kind", [SalesReceipt, CreditMemo, RefundReceipt])
def test_other_sales_forms(qb: QuickBooks, kind: type[Any]) -> None:
    """The client creates, reads and deletes sales receipts, credit memos and refund receipts."""
    form = kind()
    form.CustomerRef = make_customer(qb, "Forms").to_ref()
    form.Line.append(sales_line(42))
    if kind is RefundReceipt:
        form.DepositToAccountRef = Account.get(35, qb=qb).to_ref()
    saved = form.save(qb=qb)
    assert kind.get(saved.Id, qb=qb).TotalAmt == 42
    assert saved.delete(qb=qb)[kind.qbo_object_name]["status"] == "Deleted"


def test_money_as_decimals(qb: QuickBooks) -> None:
    """With decimals on, amounts arrive with the scale they were sent with."""
    qb.use_decimal = True
    invoice = make_invoice(qb, make_customer(qb, "Cents"), 1240.5)
    assert str(Invoice.get(invoice.Id, qb=qb).TotalAmt) == "1240.50"
    assert Decimal(str(invoice.Balance)) == Decimal("1240.50")
    assert json.loads(invoice.to_json())["TotalAmt"] is not None
