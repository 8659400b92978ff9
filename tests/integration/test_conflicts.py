"""Who stands in a record's way, and how it goes on (rules 23 to 27)."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from dunahub_qbo_plugin.advice import Fix, advise
from dunahub_qbo_plugin.emulator.world.trouble import TroubleRule
from dunahub_qbo_plugin.model import HolderKind, Kind, NameHolder, Note, RecordKey, RecordState
from dunahub_qbo_plugin.store.records import history
from tests.support.faulty import Bench, service
from tests.support.office import CONTRACTOR, invoice, lead, payment

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from dunahub_qbo_plugin.emulator.api.company_api import Company
    from dunahub_qbo_plugin.model import ErrorInfo

LEAD = RecordKey(kind=Kind.CUSTOMER, local_id="lead-1")
BILL = RecordKey(kind=Kind.INVOICE, local_id="inv-1")
NAME = "Sarah Jones lead-1"


@pytest.fixture
def office(tmp_path: Path, store_url: str | None) -> Iterator[Bench]:
    """A connected office, on SQLite and on PostgreSQL."""
    bench = Bench(tmp_path, database_url=store_url)
    yield bench
    bench.close()


@pytest.fixture
def company(office: Bench) -> Company:
    """The company's books, as its bookkeeper works in them."""
    return office.emulator.world.companies[CONTRACTOR].books


def shown(office: Bench, key: RecordKey) -> RecordState:
    """A record's state."""
    return office.view(key.kind, key.local_id).state


def error(office: Bench, key: RecordKey) -> ErrorInfo:
    """Why a record needs attention."""
    view = office.view(key.kind, key.local_id)
    assert view.state is RecordState.ATTENTION
    assert view.error is not None
    return view.error


def notes(office: Bench, key: RecordKey) -> list[str]:
    """Return the codes in a record's history, newest first."""
    with office.runtime.database.read.connect() as db:
        entries = history.of_record(db, office.view(key.kind, key.local_id).id)
    return [entry.code or "" for entry in entries]


# Names.


@pytest.mark.parametrize("entity", ["Customer", "Vendor", "Employee"])
def test_holder_of_a_name_is_named_with_one_look(
    office: Bench, company: Company, entity: str
) -> None:
    """A taken name costs one further request, and is told with its holder (rule 23)."""
    body: dict[str, Any] = {
        "DisplayName": NAME.upper(),
        "PrimaryEmailAddr": {"Address": "kept@example.com"},
    }
    if entity == "Employee":
        body |= {"GivenName": "Sarah", "FamilyName": "Jones"}
    made = company.create(entity, body)
    before = office.mark()
    office.save(lead())
    office.drain()
    assert len(office.requests(before)) == 2
    info = error(office, LEAD)
    kind = HolderKind(entity.lower())
    assert info.subject == f"{kind} {made['Id']}"
    assert NameHolder.from_facts(info.facts) == NameHolder(
        kind=kind, name=made["DisplayName"], email="kept@example.com"
    )
    view = office.view(Kind.CUSTOMER, "lead-1")
    assert (view.candidate_id is not None) is (entity == "Customer")
    assert (advise(Kind.CUSTOMER, info).fix is Fix.LINK) is (entity == "Customer")
    office.time.advance(24 * 3600)
    assert office.drain() == 0


def test_inactive_holder_is_told_as_such(office: Bench, company: Company) -> None:
    """A name that an inactive customer kept is told so, and is not offered for linking."""
    made = company.create("Customer", {"DisplayName": NAME})
    company.deactivate("Customer", made["Id"])
    office.trouble(TroubleRule(kind="fail", status=400, code="6240", entity="customer"))
    office.save(lead())
    office.drain()
    holder = NameHolder.from_facts(error(office, LEAD).facts)
    assert holder == NameHolder(kind=HolderKind.CUSTOMER, name=NAME, active=False)
    assert office.view(Kind.CUSTOMER, "lead-1").candidate_id is None


def test_use_this_customer_links_and_releases(office: Bench, company: Company) -> None:
    """One click links the lead; its e-mail goes there, what waited goes out (rules 23 and 27)."""
    made = company.create("Customer", {"DisplayName": NAME})
    office.save(lead(), invoice(), payment())
    office.drain()
    assert shown(office, BILL) is RecordState.WAITING
    assert office.link(LEAD) == 1
    assert office.link(LEAD) == 0
    assert office.drain() == 3
    books = office.books()
    (customer,) = [one for one in books["customers"] if one["name"] == NAME]
    assert (customer["id"], customer["email"]) == (made["Id"], "lead-1@example.com")
    assert books["invoices"][0]["customer_id"] == made["Id"]
    assert books["payments"][0]["unapplied"] == "0.00"


def test_freed_name_goes_out_with_retry(office: Bench, company: Company) -> None:
    """Once the name is free, Retry, pressed twice, sends the customer once (rule 25)."""
    vendor = company.create("Vendor", {"DisplayName": NAME})
    office.save(lead(), invoice())
    office.drain()
    company.edit("Vendor", vendor["Id"], {"DisplayName": "Jones Supplies"})
    assert office.retry(LEAD) == 1
    office.retry(LEAD)
    assert office.drain() == 2
    assert office.books()["doubles"] == []


def test_rename_to_a_taken_name_never_links_to_itself(office: Bench, company: Company) -> None:
    """A rename that is refused names the other holder, not the customer itself."""
    office.save(lead())
    office.drain()
    company.create("Vendor", {"DisplayName": "Norton"})
    office.save(lead(name="Norton"))
    office.drain()
    holder = NameHolder.from_facts(error(office, LEAD).facts)
    assert holder == NameHolder(kind=HolderKind.VENDOR, name="Norton")


# Dead customers.


def test_dead_customer_needs_attention_and_its_invoices_wait(
    office: Bench, company: Company
) -> None:
    """A customer made inactive is what needs attention; its invoices wait and name it."""
    office.save(lead())
    office.drain()
    (customer,) = [one for one in office.books()["customers"] if one["name"] == NAME]
    company.deactivate("Customer", customer["id"])
    office.save(invoice(), payment())
    before = office.mark()
    office.drain()
    assert len(office.requests(before)) == 2
    assert error(office, LEAD).code == "gone"
    assert shown(office, BILL) is RecordState.WAITING
    view = office.view(Kind.INVOICE, "inv-1")
    assert view.waiting_for == LEAD
    before = office.mark()
    office.save(invoice("inv-2", lead=lead()))
    office.drain()
    assert office.requests(before) == []
    assert office.retry(LEAD) == 1
    assert office.drain() == 4
    books = office.books()
    (fresh,) = [one for one in books["customers"] if one["name"] == NAME and one["active"]]
    assert fresh["id"] != customer["id"]
    assert {one["customer_id"] for one in books["invoices"]} == {fresh["id"]}
    assert books["payments"][0]["unapplied"] == "0.00"


def test_dead_customer_that_is_active_again_is_linked(office: Bench, company: Company) -> None:
    """Made active again, the customer is offered, and nothing is doubled."""
    office.save(lead())
    office.drain()
    (customer,) = [one for one in office.books()["customers"] if one["name"] == NAME]
    company.deactivate("Customer", customer["id"])
    office.save(invoice())
    office.drain()
    company.edit("Customer", customer["id"], {"Active": True})
    office.retry(LEAD)
    office.drain()
    assert office.view(Kind.CUSTOMER, "lead-1").candidate_id == customer["id"]
    office.link(LEAD)
    assert office.drain() == 2
    books = office.books()
    assert books["invoices"][0]["customer_id"] == customer["id"]
    assert books["doubles"] == []


def test_update_of_a_dead_customer_needs_attention(office: Bench, company: Company) -> None:
    """An inactive customer cannot be changed: told so, and made anew only when asked."""
    office.save(lead())
    office.drain()
    (customer,) = [one for one in office.books()["customers"] if one["name"] == NAME]
    company.deactivate("Customer", customer["id"])
    office.save(lead(phone=""))
    office.drain()
    assert error(office, LEAD).code == "gone"
    office.retry(LEAD)
    assert office.drain() == 1


def test_deleted_invoice_is_made_anew_only_when_asked(office: Bench, company: Company) -> None:
    """An invoice that was deleted in QuickBooks needs attention; its payment waits for it."""
    office.save(invoice())
    office.drain()
    (gone,) = office.books()["invoices"]
    company.delete("Invoice", gone["id"])
    office.save(payment())
    office.drain()
    assert error(office, BILL).code == "gone"
    assert office.view(Kind.PAYMENT, "pay-1").waiting_for == BILL
    assert office.books()["invoices"] == []
    office.retry(BILL)
    assert office.drain() == 2
    books = office.books()
    assert len(books["invoices"]) == 1
    assert books["payments"][0]["unapplied"] == "0.00"


# Dead items.

CLEANING = "3"


def _item_reads(office: Bench, since: int) -> int:
    reads = [one for one in office.requests(since) if one.path == "/preferences"]
    return len(reads)


def test_inactive_item_names_line_and_item(office: Bench, company: Company) -> None:
    """An item made inactive is named with its line; active again, Retry works (rule 24)."""
    company.deactivate("Item", CLEANING)
    office.save(
        invoice(lines=[service("Hours", "10", key="h"), service("Gutter Cleaning", "50")]),
        invoice("inv-2", lines=[service("Gutter Cleaning", "60")]),
    )
    before = office.mark()
    office.drain()
    assert _item_reads(office, before) == 1
    info = error(office, BILL)
    assert (info.code, info.subject) == ("item-inactive", "Gutter Cleaning")
    told = advise(Kind.INVOICE, info)
    assert told.why.startswith("Line 2 on invoice D-inv-1 goes to “Gutter Cleaning”, which was")
    assert office.books()["invoices"] == []
    office.time.advance(24 * 3600)
    assert office.drain() == 0
    company.edit("Item", CLEANING, {"Active": True})
    office.retry(None)
    assert office.drain() == 2
    assert len(office.books()["invoices"]) == 2


def test_item_of_the_same_name_takes_its_place(office: Bench, company: Company) -> None:
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
    office.save(invoice(), invoice("inv-2", lines=[service("Gutter Cleaning", "60")]))
    before = office.mark()
    office.drain()
    assert _item_reads(office, before) == 1
    assert shown(office, BILL) is RecordState.SYNCED
    read = [
        row
        for row in company.answer_query("SELECT * FROM Invoice")[1]
        if f'"ItemRef":{{"value":"{new["Id"]}"' in row
    ]
    assert len(read) == 2


def test_item_that_is_not_in_the_list_is_named_with_its_line(
    office: Bench, company: Company
) -> None:
    """An item that QuickBooks refuses and our list calls fine is named with its line."""
    office.trouble(
        TroubleRule(kind="fail", status=400, code="2500", shape="fault", entity="invoice")
    )
    company.deactivate("Item", CLEANING)
    office.trouble(TroubleRule(kind="fail", status=503, path="/companyinfo/"))
    office.save(invoice())
    office.drain()
    info = error(office, BILL)
    assert (info.code, info.subject) == ("item-gone", "Gutter Cleaning")
    told = advise(Kind.INVOICE, info)
    assert told.why == "Gutter Cleaning, on line 1, was deleted or made inactive there."
    company.edit("Item", CLEANING, {"Active": True})
    office.retry(BILL)
    office.drain()
    assert shown(office, BILL) is RecordState.SYNCED


def test_service_named_after_an_inactive_item_does_not_fall_to_the_default(
    office: Bench, company: Company
) -> None:
    """Income does not move to the default item unnoticed because an item is inactive."""
    company.deactivate("Item", CLEANING)
    office.runtime.panel.connection_service.read_profile(office.connection().id)
    office.save(invoice())
    office.drain()
    assert error(office, BILL).code == "item-inactive"
    assert office.books()["invoices"] == []


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


def test_taken_number_never_links_and_never_doubles(office: Bench, numbered: Company) -> None:
    """A number of another invoice is told; it is neither linked nor sent again (rule 10)."""
    _other_invoice(numbered)
    office.save(invoice())
    office.drain()
    view = office.view(Kind.INVOICE, "inv-1")
    assert error(office, BILL).code == "6140"
    assert (view.qbo_id, view.candidate_id) == (None, None)
    office.retry(BILL)
    office.drain()
    assert error(office, BILL).code == "6140"
    assert len(office.books()["invoices"]) == 1
    office.save(invoice(number="D-2"))
    office.drain()
    assert shown(office, BILL) is RecordState.SYNCED


def test_own_number_is_recognized(office: Bench, numbered: Company) -> None:
    """The invoice that has the number is adopted when it is the very one that was sent."""
    numbered.settings.requestid_retention = 1
    office.save(lead())
    office.drain()
    office.trouble(TroubleRule(kind="lose", entity="invoice"))
    office.save(invoice())
    office.drain()
    office.time.advance(30)
    office.drain()
    (there,) = office.books()["invoices"]
    assert office.view(Kind.INVOICE, "inv-1").qbo_id == there["id"]
    assert shown(office, BILL) is RecordState.SYNCED


def test_own_number_that_was_changed_since_is_found_again(office: Bench, numbered: Company) -> None:
    """Our marker and our number are on it: it is ours, and a date that was changed there stays."""
    numbered.settings.requestid_retention = 1
    office.save(lead())
    office.drain()
    office.trouble(TroubleRule(kind="lose", entity="invoice"))
    office.save(invoice())
    office.drain()
    (there,) = office.books()["invoices"]
    numbered.edit("Invoice", there["id"], {"TxnDate": "2026-03-09"})
    office.time.advance(30)
    office.drain()
    assert shown(office, BILL) is RecordState.SYNCED
    (kept,) = office.books()["invoices"]
    assert (kept["id"], kept["date"]) == (there["id"], "2026-03-09")


# Changes made in QuickBooks.


def test_edit_in_quickbooks_heals_and_is_noted(office: Bench, company: Company) -> None:
    """A stale token costs one read and one write; the history tells of the change there."""
    office.save(invoice())
    office.drain()
    (there,) = office.books()["invoices"]
    company.edit("Invoice", there["id"], {"CustomerMemo": {"value": "See you"}})
    before = office.mark()
    office.save(invoice(lines=[service("Gutter Cleaning", "75")]))
    assert office.drain() == 1
    asked = office.requests(before)
    assert [one.write for one in asked] == [True, False, True]
    assert office.books()["invoices"][0]["total"] == "150.00"
    told = notes(office, BILL)
    assert Note.CHANGED_SINCE in told
    assert told.index(Note.CHANGED_SINCE) > 0


def test_customer_edited_in_quickbooks_keeps_what_is_not_ours(
    office: Bench, company: Company
) -> None:
    """Our fields are sent again, the bookkeeper's stay, and the change is noted."""
    office.save(lead())
    office.drain()
    (there,) = [one for one in office.books()["customers"] if one["name"] == NAME]
    company.edit("Customer", there["id"], {"Notes": "Gate code 12"})
    office.save(lead(phone="(512) 555-0199"))
    assert office.drain() == 1
    (row,) = company.answer_query("SELECT * FROM Customer WHERE Notes = 'Gate code 12'")[1]
    assert "Gate code 12" in row
    assert "555-0199" in row
    assert Note.CHANGED_SINCE in notes(office, LEAD)


def test_payments_that_move_the_token_are_routine(office: Bench) -> None:
    """An update after a payment heals itself, and is not told as a change by somebody."""
    office.save(invoice(), payment())
    office.drain()
    before = office.mark()
    office.save(invoice(message="Thank you"))
    assert office.drain() == 1
    assert len(office.requests(before)) == 3
    told = notes(office, BILL)
    assert Note.PAID_SINCE in told
    assert Note.CHANGED_SINCE not in told


@pytest.mark.parametrize("changed_there", [True, False])
def test_payment_keeps_the_account_it_is_deposited_to(
    office: Bench, company: Company, *, changed_there: bool
) -> None:
    """An update is the whole payment, yet the bookkeeper's choice of a bank account stays."""
    office.save(invoice(), payment())
    office.drain()
    (there,) = office.books()["payments"]
    checking = "35" if changed_there else deposited_to(company)
    if changed_there:
        company.edit("Payment", there["id"], {"DepositToAccountRef": {"value": checking}})
    assert deposited_to(company) == checking
    office.save(payment(reference="ch_corrected"))
    assert office.drain() == 1
    assert deposited_to(company) == checking
    assert office.books()["payments"][0]["total"] == there["total"]


def deposited_to(company: Company) -> str:
    """Return the account that the one payment is deposited to."""
    (row,) = company.answer_query("SELECT * FROM Payment")[1]
    account: str = json.loads(row)["DepositToAccountRef"]["value"]
    return account
