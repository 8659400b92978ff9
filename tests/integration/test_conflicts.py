"""Who stands in a record's way, and how it goes on (rules 23 to 27)."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from dunahub_qbo_plugin.advice import Fix, advise
from dunahub_qbo_plugin.emulator.world.trouble import TroubleRule
from dunahub_qbo_plugin.model import (
    HolderKind,
    Kind,
    NameHolder,
    Note,
    ReadReason,
    RecordKey,
    RecordState,
)
from dunahub_qbo_plugin.store.records import history
from dunahub_qbo_plugin.testing import make_invoice, make_lead, make_payment
from tests.support.faulty import FaultyHost, service
from tests.support.host import connection_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from dunahub_qbo_plugin.emulator.api.company_api import Company
    from dunahub_qbo_plugin.model import ErrorInfo

LEAD = RecordKey(kind=Kind.CUSTOMER, local_id="lead-1")
BILL = RecordKey(kind=Kind.INVOICE, local_id="inv-1")
NAME = "Sarah Mitchell lead-1"


@pytest.fixture
def host(tmp_path: Path, store_url: str | None) -> Iterator[FaultyHost]:
    """Return a connected host, on SQLite and on PostgreSQL."""
    made = FaultyHost(tmp_path, database_url=store_url)
    yield made
    made.close()


@pytest.fixture
def company(host: FaultyHost) -> Company:
    """The company's books, as its bookkeeper works in them."""
    return host.qbo.company().books


def shown(host: FaultyHost, key: RecordKey) -> RecordState:
    """A record's state."""
    return host.look(f"{key.kind}:{key.local_id}").state


def error(host: FaultyHost, key: RecordKey) -> ErrorInfo:
    """Why a record needs attention."""
    view = host.look(f"{key.kind}:{key.local_id}")
    assert view.state is RecordState.ATTENTION
    assert view.error is not None
    return view.error


def notes(host: FaultyHost, key: RecordKey) -> list[str]:
    """Return the codes in a record's history, newest first."""
    with host.runtime.database.read.connect() as db:
        entries = history.of_record(db, host.look(f"{key.kind}:{key.local_id}").id)
    return [entry.code or "" for entry in entries]


# Names.


@pytest.mark.parametrize("entity", ["Customer", "Vendor", "Employee"])
def test_holder_of_a_name_is_named_with_one_look(
    host: FaultyHost, company: Company, entity: str
) -> None:
    """A taken name costs one further request, and is told with its holder (rule 23)."""
    body: dict[str, Any] = {
        "DisplayName": NAME.upper(),
        "PrimaryEmailAddr": {"Address": "kept@example.com"},
    }
    if entity == "Employee":
        body |= {"GivenName": "Sarah", "FamilyName": "Mitchell"}
    made = company.create(entity, body)
    before = host.mark()
    host.save(make_lead())
    host.send()
    assert len(host.requests(before)) == 2
    info = error(host, LEAD)
    kind = HolderKind(entity.lower())
    assert info.subject == f"{kind} {made['Id']}"
    assert NameHolder.from_facts(info.facts) == NameHolder(
        kind=kind, name=made["DisplayName"], email="kept@example.com"
    )
    view = host.look("customer:lead-1")
    assert (view.candidate_id is not None) is (entity == "Customer")
    assert (advise(Kind.CUSTOMER, info).fix is Fix.LINK) is (entity == "Customer")
    host.clock.advance(24 * 3600)
    assert host.send() == 0


def test_inactive_holder_is_told_as_such(host: FaultyHost, company: Company) -> None:
    """A name that an inactive customer kept is told so, and is not offered for linking."""
    made = company.create("Customer", {"DisplayName": NAME})
    company.deactivate("Customer", made["Id"])
    host.qbo.trouble(TroubleRule(kind="fail", status=400, code="6240", entity="customer"))
    host.save(make_lead())
    host.send()
    holder = NameHolder.from_facts(error(host, LEAD).facts)
    assert holder == NameHolder(kind=HolderKind.CUSTOMER, name=NAME, active=False)
    assert host.look("customer:lead-1").candidate_id is None


def test_use_this_customer_links_and_releases(host: FaultyHost, company: Company) -> None:
    """One click links the lead; its e-mail goes there, what waited goes out (rules 23 and 27)."""
    made = company.create("Customer", {"DisplayName": NAME})
    host.save(make_lead(), make_invoice(), make_payment())
    host.send()
    assert shown(host, BILL) is RecordState.WAITING
    assert host.link(LEAD) == 1
    assert host.link(LEAD) == 0
    assert host.send() == 3
    books = host.books.read()
    (customer,) = [one for one in books["customers"] if one["name"] == NAME]
    assert (customer["id"], customer["email"]) == (made["Id"], "lead-1@example.com")
    assert books["invoices"][0]["customer_id"] == made["Id"]
    assert books["payments"][0]["unapplied"] == "0.00"


def test_freed_name_goes_out_with_retry(host: FaultyHost, company: Company) -> None:
    """Once the name is free, Retry, pressed twice, sends the customer once (rule 25)."""
    vendor = company.create("Vendor", {"DisplayName": NAME})
    host.save(make_lead(), make_invoice())
    host.send()
    company.edit("Vendor", vendor["Id"], {"DisplayName": "Jones Supplies"})
    assert host.retry(LEAD) == 1
    host.retry(LEAD)
    assert host.send() == 2
    assert host.books.doubles == []


def test_rename_to_a_taken_name_never_links_to_itself(host: FaultyHost, company: Company) -> None:
    """A rename that is refused names the other holder, not the customer itself."""
    host.save(make_lead())
    host.send()
    company.create("Vendor", {"DisplayName": "Norton"})
    host.save(make_lead(name="Norton"))
    host.send()
    holder = NameHolder.from_facts(error(host, LEAD).facts)
    assert holder == NameHolder(kind=HolderKind.VENDOR, name="Norton")


# Dead customers.


def test_dead_customer_needs_attention_and_its_invoices_wait(
    host: FaultyHost, company: Company
) -> None:
    """A customer made inactive is what needs attention; its invoices wait and name it."""
    host.save(make_lead())
    host.send()
    (customer,) = [one for one in host.books.customers if one["name"] == NAME]
    company.deactivate("Customer", customer["id"])
    host.save(make_invoice(), make_payment())
    before = host.mark()
    host.send()
    assert len(host.requests(before)) == 2
    assert error(host, LEAD).code == "gone"
    assert shown(host, BILL) is RecordState.WAITING
    view = host.look("invoice:inv-1")
    assert view.waiting_for == LEAD
    before = host.mark()
    host.save(make_invoice("inv-2", lead=make_lead()))
    host.send()
    assert host.requests(before) == []
    assert host.retry(LEAD) == 1
    assert host.send() == 4
    books = host.books.read()
    (fresh,) = [one for one in books["customers"] if one["name"] == NAME and one["active"]]
    assert fresh["id"] != customer["id"]
    assert {one["customer_id"] for one in books["invoices"]} == {fresh["id"]}
    assert books["payments"][0]["unapplied"] == "0.00"


def test_dead_customer_that_is_active_again_is_linked(host: FaultyHost, company: Company) -> None:
    """Made active again, the customer is offered, and nothing is doubled."""
    host.save(make_lead())
    host.send()
    (customer,) = [one for one in host.books.customers if one["name"] == NAME]
    company.deactivate("Customer", customer["id"])
    host.save(make_invoice())
    host.send()
    company.edit("Customer", customer["id"], {"Active": True})
    host.retry(LEAD)
    host.send()
    assert host.look("customer:lead-1").candidate_id == customer["id"]
    host.link(LEAD)
    assert host.send() == 2
    books = host.books.read()
    assert books["invoices"][0]["customer_id"] == customer["id"]
    assert books["doubles"] == []


def test_update_of_a_dead_customer_needs_attention(host: FaultyHost, company: Company) -> None:
    """An inactive customer cannot be changed: told so, and made anew only when asked."""
    host.save(make_lead())
    host.send()
    (customer,) = [one for one in host.books.customers if one["name"] == NAME]
    company.deactivate("Customer", customer["id"])
    host.save(make_lead(phone=""))
    host.send()
    assert error(host, LEAD).code == "gone"
    host.retry(LEAD)
    assert host.send() == 1


def test_deleted_invoice_is_made_anew_only_when_asked(host: FaultyHost, company: Company) -> None:
    """An invoice that was deleted in QuickBooks needs attention; its payment waits for it."""
    host.save(make_invoice())
    host.send()
    (gone,) = host.books.invoices
    company.delete("Invoice", gone["id"])
    host.save(make_payment())
    host.send()
    assert error(host, BILL).code == "gone"
    assert host.look("payment:pay-1").waiting_for == BILL
    assert host.books.invoices == []
    host.retry(BILL)
    assert host.send() == 2
    books = host.books.read()
    assert len(books["invoices"]) == 1
    assert books["payments"][0]["unapplied"] == "0.00"


# Dead items.

CLEANING = "3"


def _list_reads(host: FaultyHost, since: int) -> int:
    """Count the queries of lists: the items, and the accounts of these."""
    return len([one for one in host.requests(since) if one.path == "/query"])


def test_inactive_item_names_line_and_item(host: FaultyHost, company: Company) -> None:
    """An item made inactive is named with its line; active again, Retry works (rule 24)."""
    company.deactivate("Item", CLEANING)
    host.save(
        make_invoice(lines=[service("Hours", "10", key="h"), service("Gutter Cleaning", "50")]),
        make_invoice("inv-2", lines=[service("Gutter Cleaning", "60")]),
    )
    before = host.mark()
    host.send()
    assert _list_reads(host, before) == 2
    info = error(host, BILL)
    assert (info.code, info.subject) == ("item-inactive", "Gutter Cleaning")
    told = advise(Kind.INVOICE, info)
    assert told.why.startswith("Line 2 on invoice D-inv-1 goes to “Gutter Cleaning”, which was")
    assert host.books.invoices == []
    host.clock.advance(24 * 3600)
    assert host.send() == 0
    company.edit("Item", CLEANING, {"Active": True})
    host.retry(None)
    assert host.send() == 2
    assert len(host.books.invoices) == 2


def test_item_of_the_same_name_takes_its_place(host: FaultyHost, company: Company) -> None:
    """An item that was replaced by one of the same name is found without anybody's doing."""
    company.deactivate("Item", CLEANING)
    new = company.create(
        "Item",
        {
            "Name": "Gutter Cleaning",
            "Type": "Service",
            "IncomeAccountRef": {"value": "48"},
        },
    )
    host.save(make_invoice(), make_invoice("inv-2", lines=[service("Gutter Cleaning", "60")]))
    before = host.mark()
    host.send()
    assert _list_reads(host, before) == 2
    assert shown(host, BILL) is RecordState.SYNCED
    read = [
        row
        for row in company.answer_query("SELECT * FROM Invoice")[1]
        if f'"ItemRef":{{"value":"{new["Id"]}"' in row
    ]
    assert len(read) == 2


def test_item_that_is_not_in_the_list_is_named_with_its_line(
    host: FaultyHost, company: Company
) -> None:
    """An item that QuickBooks refuses and our list calls fine is named with its line."""
    host.qbo.trouble(
        TroubleRule(kind="fail", status=400, code="2500", shape="fault", entity="invoice")
    )
    company.deactivate("Item", CLEANING)
    host.qbo.trouble(TroubleRule(kind="fail", status=503, path="/query"))
    host.save(make_invoice())
    host.send()
    info = error(host, BILL)
    assert (info.code, info.subject) == ("item-gone", "Gutter Cleaning")
    told = advise(Kind.INVOICE, info)
    assert told.why == "Gutter Cleaning, on line 1, was deleted or made inactive there."
    company.edit("Item", CLEANING, {"Active": True})
    host.retry(BILL)
    host.send()
    assert shown(host, BILL) is RecordState.SYNCED


def test_service_named_after_an_inactive_item_does_not_fall_to_the_default(
    host: FaultyHost, company: Company
) -> None:
    """Income does not move to the default item unnoticed because an item is inactive."""
    company.deactivate("Item", CLEANING)
    host.runtime.panel.connection_service.read_profile(
        connection_of(host).id, reason=ReadReason.OFFICE
    )
    host.save(make_invoice())
    host.send()
    assert error(host, BILL).code == "item-inactive"
    assert host.books.invoices == []


# Numbers.


@pytest.fixture
def numbered(company: Company) -> Company:
    """Books in which the user numbers invoices and is warned of doubles."""
    company.settings.custom_txn_numbers = True
    return company


def _other_invoice(company: Company) -> str:
    other = company.create("Customer", {"DisplayName": "Somebody Else"})
    line = {
        "Amount": 7,
        "DetailType": "SalesItemLineDetail",
        "SalesItemLineDetail": {"ItemRef": {"value": "1"}},
    }
    made = company.create(
        "Invoice",
        {"CustomerRef": {"value": other["Id"]}, "DocNumber": "D-inv-1", "Line": [line]},
    )
    return str(made["Id"])


def test_taken_number_never_links_and_never_doubles(host: FaultyHost, numbered: Company) -> None:
    """A number of another invoice is told; it is neither linked nor sent again (rule 10)."""
    _other_invoice(numbered)
    host.save(make_invoice())
    host.send()
    view = host.look("invoice:inv-1")
    assert error(host, BILL).code == "6140"
    assert (view.qbo_id, view.candidate_id) == (None, None)
    host.retry(BILL)
    host.send()
    assert error(host, BILL).code == "6140"
    assert len(host.books.invoices) == 1
    host.save(make_invoice(number="D-2"))
    host.send()
    assert shown(host, BILL) is RecordState.SYNCED


def test_own_number_is_recognized(host: FaultyHost, numbered: Company) -> None:
    """The invoice that has the number is adopted when it is the very one that was sent."""
    numbered.settings.requestid_retention = 1
    host.save(make_lead())
    host.send()
    host.qbo.trouble(TroubleRule(kind="lose", entity="invoice"))
    host.save(make_invoice())
    host.send()
    host.clock.advance(30)
    host.send()
    (there,) = host.books.invoices
    assert host.look("invoice:inv-1").qbo_id == there["id"]
    assert shown(host, BILL) is RecordState.SYNCED


def test_own_number_that_was_changed_since_is_found_again(
    host: FaultyHost, numbered: Company
) -> None:
    """Our marker and our number are on it: it is ours, and a date that was changed there stays."""
    numbered.settings.requestid_retention = 1
    host.save(make_lead())
    host.send()
    host.qbo.trouble(TroubleRule(kind="lose", entity="invoice"))
    host.save(make_invoice())
    host.send()
    (there,) = host.books.invoices
    numbered.edit("Invoice", there["id"], {"TxnDate": "2026-03-09"})
    host.clock.advance(30)
    host.send()
    assert shown(host, BILL) is RecordState.SYNCED
    (kept,) = host.books.invoices
    assert (kept["id"], kept["date"]) == (there["id"], "2026-03-09")


# Changes made in QuickBooks.


def test_edit_in_quickbooks_heals_and_is_noted(host: FaultyHost, company: Company) -> None:
    """A stale token costs one read and one write; the history tells of the change there."""
    host.save(make_invoice())
    host.send()
    (there,) = host.books.invoices
    company.edit("Invoice", there["id"], {"CustomerMemo": {"value": "See you"}})
    before = host.mark()
    host.save(make_invoice(lines=[service("Gutter Cleaning", "75")]))
    assert host.send() == 1
    asked = host.requests(before)
    assert [one.write for one in asked] == [True, False, True]
    assert host.books.invoices[0]["total"] == "150.00"
    told = notes(host, BILL)
    assert Note.CHANGED_SINCE in told
    assert told.index(Note.CHANGED_SINCE) > 0


def test_customer_edited_in_quickbooks_keeps_what_is_not_ours(
    host: FaultyHost, company: Company
) -> None:
    """Our fields are sent again, the bookkeeper's stay, and the change is noted."""
    host.save(make_lead())
    host.send()
    (there,) = [one for one in host.books.customers if one["name"] == NAME]
    company.edit("Customer", there["id"], {"Notes": "Gate code 12"})
    host.save(make_lead(phone="(512) 555-0199"))
    assert host.send() == 1
    (row,) = company.answer_query("SELECT * FROM Customer WHERE Notes = 'Gate code 12'")[1]
    assert "Gate code 12" in row
    assert "555-0199" in row
    assert Note.CHANGED_SINCE in notes(host, LEAD)


def test_payments_that_move_the_token_are_routine(host: FaultyHost) -> None:
    """An update after a payment heals itself, and is not told as a change by somebody."""
    host.save(make_invoice(), make_payment())
    host.send()
    before = host.mark()
    host.save(make_invoice(message="Thank you"))
    assert host.send() == 1
    assert len(host.requests(before)) == 3
    told = notes(host, BILL)
    assert Note.PAID_SINCE in told
    assert Note.CHANGED_SINCE not in told


@pytest.mark.parametrize("changed_there", [True, False])
def test_payment_keeps_the_account_it_is_deposited_to(
    host: FaultyHost, company: Company, *, changed_there: bool
) -> None:
    """An update is the whole payment, yet the bookkeeper's choice of a bank account stays."""
    host.save(make_invoice(), make_payment())
    host.send()
    (there,) = host.books.payments
    checking = "35" if changed_there else deposited_to(company)
    if changed_there:
        company.edit("Payment", there["id"], {"DepositToAccountRef": {"value": checking}})
    assert deposited_to(company) == checking
    host.save(make_payment(reference="ch_corrected"))
    assert host.send() == 1
    assert deposited_to(company) == checking
    assert host.books.payments[0]["total"] == there["total"]


def deposited_to(company: Company) -> str:
    """Return the account that the one payment is deposited to."""
    (row,) = company.answer_query("SELECT * FROM Payment")[1]
    account: str = json.loads(row)["DepositToAccountRef"]["value"]
    return account
