"""Not sent, products, review, checks and first steps: what their buttons do and their pages say."""

from __future__ import annotations

import csv
import io
import json
import re
import zipfile
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import attrs
import pytest
import sqlalchemy as sa

from dunahub_hookspecs import (
    ActionRequest,
    Download,
    LineItem,
    Organization,
    RecordKind,
    Redirect,
    Region,
)
from dunahub_hookspecs.host import dispatch
from dunahub_qbo_plugin.config import Config
from dunahub_qbo_plugin.model import HolderKind, Kind, NameHolder, RecordKey, RecordState
from dunahub_qbo_plugin.panel.form_input import MAX_KEYS
from dunahub_qbo_plugin.panel.page import settings_panel
from dunahub_qbo_plugin.plugin import QuickBooksPlugin
from dunahub_qbo_plugin.store.companies import profiles
from dunahub_qbo_plugin.store.queries import attention
from dunahub_qbo_plugin.store.queries import records as views
from dunahub_qbo_plugin.store.queries.attention import Cause
from dunahub_qbo_plugin.store.records import commands
from dunahub_qbo_plugin.store.tables import records
from dunahub_qbo_plugin.testing import ORG, PERSON, FakeHost, make_invoice, make_lead
from tests.integration.test_panel_actions import press
from tests.integration.test_panel_states import (
    BEGIN,
    PAGE_URL,
    asked,
    card,
    failed,
    job,
    name_taken,
    panel,
    pay,
    read,
    set_company,
)
from tests.integration.test_panel_states import set_record as put
from tests.support.host import connection_of, make_host, rows_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def host(tmp_path: Path) -> Iterator[FakeHost]:
    """Return a connected host."""
    made = make_host(tmp_path, start=BEGIN)
    made.connect()
    yield made
    made.close()


def books(host: FakeHost) -> Any:  # noqa: ANN401  the emulator's company
    """Return the accountant's hands on the books."""
    return host.qbo.company().books


def stored(host: FakeHost, entity: str, id_: str) -> dict[str, Any]:
    """Return an object of the books."""
    active = "" if entity == "Invoice" else " and Active in (true, false)"
    statement = f"select * from {entity} where Id = '{id_}'{active}"  # noqa: S608  a test's own
    _, (text,), _ = books(host).answer_query(statement)
    found: dict[str, Any] = json.loads(text)
    return found


def items(host: FakeHost) -> dict[str, str]:
    """Return QuickBooks' active products as the plugin knows them: name to id."""
    with host.runtime.database.read.connect() as db:
        profile = profiles.load_profile(db, connection_of(host).id)
    return {item.name: item.id for item in profile.items.values() if item.active}


def download(host: FakeHost, name: str, *, org: Organization = ORG) -> Download:
    """Fetch a file as the host does."""
    request = ActionRequest(org=org, person=PERSON, page_url=PAGE_URL, action_url=PAGE_URL)
    answer = dispatch(host.manager, "quickbooks", name, "GET", request)
    assert isinstance(answer, Download)
    return answer


def table(file: Download) -> list[dict[str, str]]:
    """Open a CSV file."""
    assert isinstance(file.body, bytes)
    return list(csv.DictReader(io.StringIO(file.body.decode("utf-8-sig"))))


def tune_ups(host: FakeHost, number: int) -> None:
    """Bill a service that QuickBooks had a product for, which was deleted."""
    accountant = books(host)
    made = accountant.create(
        "Item", {"Name": "AC tune-up", "Type": "Service", "IncomeAccountRef": {"value": "1"}}
    )
    host.runtime.panel.connection_service.read_lists(ORG, PERSON)
    accountant.edit("Item", made["Id"], {"Active": False})
    for at in range(number):
        line = LineItem(
            description="AC tune-up",
            unit_price=Decimal(120),
            service_id="tune-up",
            service_name="AC tune-up",
        )
        host.save(job(str(1050 + at), f"Customer {at}", lines=[line]))
    host.send()


def list_of_items(host: FakeHost) -> set[str]:
    """Read the item list afresh."""
    host.runtime.panel.connection_service.read_lists(ORG, PERSON)
    with host.runtime.database.read.connect() as db:
        return set(profiles.load_profile(db, connection_of(host).id).items)


# Not sent.


def test_everything_left_behind_is_sent_at_one_press(host: FakeHost) -> None:
    """Send all is one press for thousands, and the page counts them (rules 18 and 34)."""
    press(host, "disconnect")
    host.save(*(make_lead(f"lead-{number}") for number in range(2100)))
    host.runtime.intake.flush()
    host.connect()
    text = read(panel(host))
    assert "2,100 customers." in text
    assert "Send all 2,100 records" in text
    assert press(host, "send-all") == "sending"
    assert "0 of 2,100 records sent." in read(panel(host, qbo="sending"))
    with host.runtime.database.write.begin() as db:
        done = records.c.id <= 2000
        values = {"synced_fingerprint": records.c.fingerprint, "next_attempt_at": None}
        db.execute(sa.update(records).where(done).values(**values))
    put(host, Kind.CUSTOMER, "lead-2099", **failed("6000"))
    text = read(panel(host))
    assert "2,000 of 2,100 records sent. 1 needs attention, see above." in text
    assert press(host, "send-all") == "nothing-to-send"


def test_hundreds_of_chosen_records_are_sent(host: FakeHost) -> None:
    """A form with as many keys as it may have is carried out whole (rule 34)."""
    press(host, "disconnect")
    host.save(*(make_lead(f"lead-{number}") for number in range(MAX_KEYS)))
    host.runtime.intake.flush()
    host.connect()
    keys = tuple(f"customer:lead-{number}" for number in range(MAX_KEYS))
    assert press(host, "send", key=keys) == "sending"
    with host.runtime.database.read.connect() as db:
        assert views.left_behind(db, connection_of(host), limit=1) == []
    assert press(host, "send") == "nothing-chosen"


def test_the_list_of_what_was_left_behind_is_paged(host: FakeHost) -> None:
    """Each record is on one page of the list."""
    press(host, "disconnect")
    host.save(*(make_lead(f"lead-{number}") for number in range(230)))
    host.runtime.intake.flush()
    seen: list[str] = []
    left = ""
    while True:
        html = panel(host, left=left)
        seen += [part.partition('"')[0] for part in html.split('name="key" value="')[1:]]
        if ">Next</a>" not in html:
            break
        address = html.partition(">Next</a>")[0].rpartition('href="')[2].partition('"')[0]
        left = parse_qs(urlsplit(address.replace("&amp;", "&")).query)["left"][0]
    assert len(seen) == len(set(seen)) == 230


def test_periods_say_what_each_left_behind(host: FakeHost) -> None:
    """Two disconnected periods are told apart, with numbers and sums (rule 18)."""
    host.save(job("1040", "Waiting Still"))
    press(host, "disconnect")
    host.clock.sleep(3600)
    host.save(job("1041", "Ana Ruiz"), pay("1041"))
    host.connect()
    host.clock.sleep(86400)
    press(host, "disconnect")
    host.save(job("1042", "Ben Okafor"))
    text = read(panel(host))
    first = "2 customers, 2 invoices ($200.00) and 1 payment ($100.00)"
    assert f"Disconnected on Nov 5 at 1:32 PM, until Nov 5, 2:32 PM: {first}." in text
    assert "Disconnected since 2:32 PM: 1 customer and 1 invoice ($100.00)." in text


def test_what_was_not_sent_comes_as_csv(host: FakeHost) -> None:
    """The files hold what was left behind and nothing else, and no cell can run (rule 18)."""
    host.save(job("1040", "Long There"))
    host.send()
    press(host, "disconnect")
    host.save(job("1041", '=HYPERLINK("http://x")'), pay("1041"))
    (customer,) = table(download(host, "export-customers"))
    assert customer["Name"] == '\'=HYPERLINK("http://x")'
    (bill,) = table(download(host, "export-invoices"))
    assert (bill["*InvoiceNo"], bill["*ItemAmount"]) == ("1041", "100.00")
    (paid,) = table(download(host, "export-payments"))
    assert (paid["Invoice"], paid["Amount"]) == ("1041", "100.00")
    rival = Organization(id="rival", name="Rival", region=Region.US)
    request = ActionRequest(org=rival, person=PERSON, page_url=PAGE_URL, action_url=PAGE_URL)
    answer = dispatch(host.manager, "quickbooks", "export-customers", "GET", request)
    assert isinstance(answer, Redirect)


def test_invoices_come_as_quickbooks_imports_them(host: FakeHost) -> None:
    """Its own product names, 100 invoices to a file, and what it cannot import apart (rule 18)."""
    host.save(job("1040", "Long There"))
    host.send()
    form: Any = {"item:svc-1": items(host)["Hours"]}
    press(host, "choose-item", **form)
    press(host, "disconnect")
    host.save(*(job(f"20{number:02}", f"Lead {number}") for number in range(101)))
    host.save(job("3000", "Taxed", tax=Decimal(8)), job("3001", "Less", discount=Decimal(5)))
    file = download(host, "export-invoices")
    assert file.filename == "not-sent-invoices.zip"
    assert isinstance(file.body, bytes)
    with zipfile.ZipFile(io.BytesIO(file.body)) as archive:
        files = {
            name: list(csv.DictReader(io.StringIO(archive.read(name).decode("utf-8-sig"))))
            for name in archive.namelist()
        }
    numbers = {name: len({row["*InvoiceNo"] for row in rows}) for name, rows in files.items()}
    assert numbers == {
        "not-sent-invoices.csv": 100,
        "not-sent-invoices-2.csv": 1,
        "not-sent-invoices-by-hand.csv": 2,
    }
    assert {row["Item(Product/Service)"] for row in files["not-sent-invoices.csv"]} == {"Hours"}
    assert sum(Decimal(row["*ItemAmount"]) for row in files["not-sent-invoices-by-hand.csv"]) == 203


def test_chosen_records_can_be_dismissed_together(host: FakeHost) -> None:
    """What was imported by hand is dismissed here, and the page lists it with Undo."""
    press(host, "disconnect")
    host.save(job("1041", "Ana Ruiz"))
    keys = ("customer:lead-1041", "invoice:inv-1041")
    assert press(host, "dismiss", key=keys, reason="Imported by hand") == "dismissed"
    text = read(panel(host))
    assert "Not sent: Dismissed by the office: Imported by hand." in text
    assert "Show 2 records" not in text
    assert press(host, "undo", key=keys) == "undone"
    assert "Show 2 records" in read(panel(host))


def test_a_page_of_the_list_takes_any_address(host: FakeHost) -> None:
    """An odd place in the address means from the beginning."""
    press(host, "disconnect")
    host.save(job("1041", "Ana Ruiz"))
    for odd in ("x", "-1", "9" * 40, "²"):
        assert "Ana Ruiz" in panel(host, left=odd, causes=odd, open=odd)


# Products and services.


def test_another_product_releases_all_that_failed_for_it(host: FakeHost) -> None:
    """Choosing once for a deleted product sends all seven invoices (rules 24 and 27)."""
    tune_ups(host, 7)
    with host.runtime.database.read.connect() as db:
        (total,) = attention.cause_totals(db, connection_of(host), limit=5)
    assert (total.count, total.cause.subject) == (7, "AC tune-up")
    before = list_of_items(host)
    said = press(host, "replace-item", cause=str(total.cause), item=items(host)["Services"])
    assert said == "replaced"
    host.send()
    for at in range(7):
        assert host.look(f"invoice:inv-{1050 + at}").state is RecordState.SYNCED
    assert list_of_items(host) == before, "nothing is added to the item list (rule 32)"
    assert "AC tune-up" in panel(host, open="products")


def test_a_dead_default_is_replaced_by_the_default(host: FakeHost) -> None:
    """Where the default led to the dead product, the default is what is chosen anew."""
    chosen = items(host)
    dead = connection_of(host).default_item_id
    assert dead is not None
    books(host).edit("Item", dead, {"Active": False})
    odd_job = LineItem(description="Odd job", unit_price=Decimal(80))
    host.save(job("1050", "Ana Ruiz", lines=[odd_job]))
    host.send()
    with host.runtime.database.read.connect() as db:
        (total,) = attention.cause_totals(db, connection_of(host), limit=5)
    other = next(item for name, item in chosen.items() if item != dead)
    assert press(host, "replace-item", cause=str(total.cause), item=other) == "replaced"
    host.send()
    assert host.look("invoice:inv-1050").state is RecordState.SYNCED
    assert connection_of(host).default_item_id == other


@pytest.mark.parametrize("item", ["", "999999", "<script>"])
def test_only_a_product_that_is_sold_can_be_chosen(host: FakeHost, item: str) -> None:
    """A product that is not in QuickBooks' list is refused in words."""
    tune_ups(host, 1)
    before = rows_of(host)
    cause = "invoice:item-inactive:AC tune-up"
    assert press(host, "replace-item", cause=cause, item=item) == "item-unknown"
    assert press(host, "choose-default", item=item) == "item-unknown"
    assert rows_of(host) == before
    assert press(host, "replace-item", item="1") == "unknown-record"


def test_a_service_is_mapped_and_goes_there_from_then_on(host: FakeHost) -> None:
    """The office's choice counts for the next invoice (rule 32)."""
    host.save(job("1040", "Ana Ruiz"))
    host.send()
    html = panel(host, open="products")
    assert 'name="item:svc-1"' in html
    name, item = next(iter(items(host).items()))
    form: Any = {"item:svc-1": item, "item:unknown": item}
    assert press(host, "choose-item", **form) == "chosen"
    assert press(host, "choose-item", **form) == "nothing-changed"
    assert f"Goes to “{name}”." in read(panel(host, open="products"))
    host.save(job("1041", "Ben Okafor"))
    host.send()
    there = host.look("invoice:inv-1041").qbo_id
    bill = books(host).edit("Invoice", there, {"PrivateNote": "seen"})
    assert f"'name': '{name}'" in str(bill)
    form = {"item:svc-1": ""}
    assert press(host, "choose-item", **form) == "chosen"
    assert "Goes to “" in read(panel(host, open="products"))


def taxed(host: FakeHost, number: str) -> None:
    """Bill $100.00 of taxable work with $8.00 of sales tax, and send it."""
    line = LineItem(description="Gutter guard", unit_price=Decimal(100), taxable=True)
    host.save(job(number, f"Customer {number}", lines=[line], tax=Decimal(8)))
    host.send()


def test_choosing_the_tax_code_releases_every_invoice_with_tax(host: FakeHost) -> None:
    """Classic sales tax: nothing is guessed; one choice sends all that waited (rules 27 and 33)."""
    for number in ("1041", "1042"):
        taxed(host, number)
    host.save(job("1043", "No Tax"))
    host.send()
    assert host.look("invoice:inv-1043").state is RecordState.SYNCED
    said = read(panel(host, open="products"))
    assert "No sales tax code is chosen for invoices yet 2 invoices" in said
    assert "Needs a code No code is chosen, so an invoice with tax cannot be sent." in said
    assert press(host, "choose-tax", code="99") == "tax-code-unknown"
    (cause,) = re.findall(r'name="cause" value="(invoice:tax-code-missing:[^"]*)"', panel(host))[:1]
    assert press(host, "choose-tax", code="3", cause=cause) == "chosen"
    host.send()
    for number in ("1041", "1042"):
        view = host.look(f"invoice:inv-{number}")
        assert (view.state, view.variance) == (RecordState.SYNCED, None)
        there = stored(host, "Invoice", view.qbo_id or "")
        assert there["TxnTaxDetail"]["TxnTaxCodeRef"] == {"value": "3"}
        assert (there["TotalAmt"], there["TxnTaxDetail"]["TotalTax"]) == (108, 8)
    assert "Invoices with tax go under “Tucson”." in read(panel(host, open="products"))


def test_a_tax_code_that_is_gone_is_told_and_replaced(host: FakeHost) -> None:
    """A chosen code that was made inactive: a check, a cause, and another choice mends it."""
    press(host, "choose-tax", code="3")
    code = stored(host, "TaxCode", "3")
    books(host).load("TaxCode", code | {"Active": False})
    host.runtime.panel.connection_service.read_lists(ORG, PERSON)
    said = read(panel(host))
    assert "The sales tax code chosen for invoices was deleted in QuickBooks" in said
    taxed(host, "1041")
    assert host.look("invoice:inv-1041").state is RecordState.ATTENTION
    books(host).load("TaxCode", code)
    press(host, "retry", key="invoice:inv-1041")
    host.send()
    assert host.look("invoice:inv-1041").state is RecordState.SYNCED
    assert "was deleted in QuickBooks" not in read(panel(host))


@pytest.mark.parametrize(
    ("changes", "title"),
    [
        ({"IncomeAccountRef": None}, "the default product, has no income account"),
        ({"IncomeAccountRef": {"value": "99999"}}, "was deleted in QuickBooks"),
        ({}, "is inactive: “Services”"),
    ],
)
def test_the_default_s_income_account_is_looked_at(
    host: FakeHost, changes: dict[str, Any], title: str
) -> None:
    """A default product that QuickBooks cannot book is a check with a remedy."""
    item = stored(host, "Item", items(host)["Services"])
    assert "income account" not in read(panel(host))
    if changes:
        books(host).load("Item", item | changes)
    else:
        account = stored(host, "Account", item["IncomeAccountRef"]["value"])
        books(host).load("Account", account | {"Active": False})
    press(host, "refresh-items")
    said = read(panel(host))
    assert "The income account of “Services”" in said or "“Services”, the default" in said
    assert title in said
    assert "choose an active income account" in said


def test_services_are_matched_by_name(host: FakeHost) -> None:
    """Match by name chooses where there is exactly one product of the name."""
    host.save(job("1040", "Ana Ruiz"))
    host.send()
    books(host).create(
        "Item",
        {"Name": "gutter  Cleaning X", "Type": "Service", "IncomeAccountRef": {"value": "1"}},
    )
    assert press(host, "refresh-items") == "items-read"
    with host.runtime.database.write.begin() as db:
        company = connection_of(host).id
        services = {"a": "Gutter Cleaning X", "b": "No such thing"}
        profiles.note_services(db, company, services, now=host.clock.now())
    assert press(host, "match-names") == "matched"
    with host.runtime.database.read.connect() as db:
        chosen = {one.key: one.item_id for one in profiles.services(db, company, limit=100)}
    assert chosen["a"] is not None
    assert chosen["b"] is None
    assert press(host, "match-names") in {"nothing-matched", "matched"}


# Review.


def test_the_comparison_shows_its_progress_and_what_it_found(host: FakeHost) -> None:
    """Compare answers at once; the page then tells what differs, in words (rule 29)."""
    host.save(job("1040", "Ana Ruiz"), pay("1040"))
    host.send()
    assert press(host, "compare") == "comparing"
    assert press(host, "compare") == "comparing"
    assert "Comparing with QuickBooks." in read(panel(host))
    host.runtime.tasks.run_waiting()
    assert "nothing differs in 1 customer, 1 invoice and 1 payment" in read(panel(host))
    books(host).delete("Payment", host.look("payment:pay-1040").qbo_id)
    edited = host.look("customer:lead-1040").qbo_id
    books(host).edit("Customer", edited, {"DisplayName": "Ana <b>Ruiz</b>"})
    press(host, "compare")
    host.runtime.tasks.run_waiting()
    text = read(panel(host))
    assert "2 differences" in text
    assert "Deleted in QuickBooks: 1" in text
    assert "The name is “Ana <b>Ruiz</b>” in QuickBooks and “Ana Ruiz” in DunaHub." in text
    assert "It took 2 reads of QuickBooks." in text
    assert press(host, "disconnect") == "disconnected"
    assert press(host, "compare") == "not-connected"


def test_the_months_are_on_the_page_and_in_the_file(host: FakeHost) -> None:
    """Both add up to the same, to the cent (rule 28)."""
    host.save(job("1040", "Ana Ruiz"), pay("1040"), job("1041", "Ben Okafor"))
    today = host.clock.now().date()
    for number, name in (("1040", "Ana Ruiz"), ("1041", "Ben Okafor")):
        host.save(job(number, name, issued_on=today))
    host.send()
    put(host, Kind.INVOICE, "inv-1041", qbo_total=10825)
    text = read(panel(host, open="review")).partition("By month")[2]
    assert "November 2026 Invoices 2 $200.00 $208.25 1 $8.25" in text
    rows = table(download(host, "export-months"))
    november = next(row for row in rows if (row["Month"], row["Kind"]) == ("2026-11", "Invoices"))
    assert Decimal(november["Sent amount"]) == Decimal("200.00")
    assert Decimal(november["Variance"]) == Decimal("8.25")


def test_silence_stands_at_the_top(host: FakeHost) -> None:
    """Nothing went through for days although there was something: the status says so (rule 28)."""
    host.save(job("1040", "Ana Ruiz"))
    host.send()
    assert "Nothing was sent since" not in read(panel(host))
    host.save(job("1041", "Ben Okafor"))
    host.clock.sleep(4 * 86400)
    text = read(panel(host))
    assert "Nothing was sent since Nov 5, 1:32 PM 2 records were made or changed" in text


# Checks and first steps.


def test_what_needs_eyes_is_open_and_the_rest_is_folded(host: FakeHost) -> None:
    """The settings of the company are told with their meaning and what to do."""
    with_numbers(host, on=True)
    assert "The settings of this QuickBooks company are fine" in read(panel(host))
    with_numbers(host, on=False)
    text = read(panel(host))
    assert "Please look at this in QuickBooks" in text
    assert "Custom transaction numbers are turned off in QuickBooks" in text


def with_numbers(host: FakeHost, *, on: bool) -> None:
    """Let the company's profile say what a bookkeeper should look at, or nothing of the kind."""
    with host.runtime.database.write.begin() as db:
        company = connection_of(host).id
        profile = profiles.load_profile(db, company)
        closed = None if on else "2026-09-30"
        odd = attrs.evolve(profile, custom_txn_numbers=on, book_close_date=closed)
        profiles.save_profile(db, company, odd)


def test_first_steps_are_ticked_by_what_arrived(host: FakeHost) -> None:
    """Each step is done when it really happened; all done, they fold."""
    assert "3 of 6 done." in read(panel(host))
    host.save(job("1040", "Ana Ruiz"))
    assert "3 of 6 done." in read(panel(host))
    host.send()
    assert "5 of 6 done." in read(panel(host))
    put(host, Kind.INVOICE, "inv-1040", qbo_total=1)
    assert "An invoice arrived with a different total" in read(panel(host))
    put(host, Kind.INVOICE, "inv-1040", qbo_total=10000)
    host.save(pay("1040"))
    host.send()
    assert "First steps: all 6 done" in read(panel(host))


# Needs attention.


def test_thousands_of_one_cause_are_one_group(host: FakeHost) -> None:
    """The page stays small, and one press is for every record of it (rules 25 and 34)."""
    host.save(*(make_lead(f"lead-{number}") for number in range(1200)))
    host.runtime.intake.flush()
    with host.runtime.database.write.begin() as db:
        db.execute(sa.update(records).values(**failed("6000", "no", "")))
    html = panel(host)
    assert len(html) < 150_000
    assert "1,200 customers" in read(html)
    assert press(host, "retry", cause="customer:6000:") == "retried"
    with host.runtime.database.read.connect() as db:
        assert views.counts(db, connection_of(host))[Kind.CUSTOMER][RecordState.WAITING] == 1200


def test_many_causes_are_paged(host: FakeHost) -> None:
    """Every cause is on one of the pages."""
    host.save(*(make_lead(f"lead-{number}") for number in range(45)))
    for number in range(45):
        holder = NameHolder(kind=HolderKind.CUSTOMER, name=f"No{number}")
        taken = name_taken(holder, f"customer {number}")
        put(host, Kind.CUSTOMER, f"lead-{number}", **taken)
    seen = "".join(panel(host, causes=page) for page in ("1", "2", "3"))
    assert all(f"named No{number}<" in seen for number in range(45))
    assert "More causes" not in panel(host, causes="3")


def test_a_cause_of_another_organization_is_out_of_reach(host: FakeHost) -> None:
    """A cause names records of the own company only (rule 12)."""
    host.save(make_lead("lead-1"))
    put(host, Kind.CUSTOMER, "lead-1", **failed("6000"))
    rival = Organization(id="rival", name="Rival", region=Region.US)
    before = rows_of(host)
    assert press(host, "retry", org=rival, cause="customer:6000:") == "not-connected"
    said = press(host, "dismiss", org=rival, cause="customer:6000:", reason="x")
    assert said == "not-connected"
    assert rows_of(host) == before


@pytest.mark.parametrize(("bills", "owes"), [(0, "none"), (1, "$100.00")])
def test_who_has_the_name_is_told_with_email_and_balance(
    host: FakeHost, bills: int, owes: str
) -> None:
    """The office sees who holds a name without opening QuickBooks (rule 23)."""
    first = make_lead("first", name="John Smith", email="john@smith.example")
    host.save(first, *(make_invoice(f"inv-{one}", lead=first) for one in range(bills)))
    host.send()
    host.save(make_lead("second", name="John Smith"))
    host.send()
    for text in (read(panel(host)), read(card(host, RecordKind.LEAD, "second"))):
        assert "Who has the name in QuickBooks John Smith" in text
        assert f"E-mail there john@smith.example Open balance there {owes}" in text


def test_a_holder_that_changes_keeps_its_group(host: FakeHost) -> None:
    """Records that one fix helps stay one cause, told with what QuickBooks said last (rule 22)."""
    host.save(make_lead("lead-1"), make_lead("lead-2"))
    for number, owed in ((1, 5), (2, 0)):
        holder = NameHolder(kind=HolderKind.CUSTOMER, name="Al", balance=Decimal(owed))
        taken = name_taken(holder, "customer 58", error_at=number)
        put(host, Kind.CUSTOMER, f"lead-{number}", **taken)
    assert panel(host).count("<h3 id=") == 1
    assert "Open balance there none" in read(panel(host))


def test_causes_are_written_and_read() -> None:
    """A subject may hold whatever people type."""
    cause = Cause(kind=Kind.INVOICE, code="item-gone", subject='A:B "C"')
    assert Cause.parse(str(cause)) == cause
    with pytest.raises(ValueError, match="vendor"):
        Cause.parse("vendor:1:2")


# The card, and what surrounds the page.


def test_a_card_s_button_leads_back_to_its_record(host: FakeHost) -> None:
    """Retry on a record's card shows that record again; what went wrong is told on the page."""
    host.save(make_lead("lead-1"))
    put(host, Kind.CUSTOMER, "lead-1", **failed("6000"))
    request = ActionRequest(
        org=ORG,
        person=PERSON,
        page_url=PAGE_URL,
        action_url=PAGE_URL,
        form={"key": "customer:lead-1", "card": "customer:lead-1"},
        record_url=lambda kind, local_id: f"https://crm.example/{kind}s/{local_id}",
    )
    answer = dispatch(host.manager, "quickbooks", "retry", "POST", request)
    assert isinstance(answer, Redirect)
    assert answer.url == "https://crm.example/leads/lead-1"
    answer = dispatch(host.manager, "quickbooks", "dismiss", "POST", request)
    assert isinstance(answer, Redirect)
    assert answer.url == f"{PAGE_URL}?qbo=no-reason"
    for changed in ({"record_url": None}, {"form": {"card": "x", "key": "customer:lead-1"}}):
        answer = dispatch(
            host.manager, "quickbooks", "retry", "POST", attrs.evolve(request, **changed)
        )
        assert isinstance(answer, Redirect)
        assert answer.url == f"{PAGE_URL}?qbo=retried"


def test_the_exact_reason_is_said(host: FakeHost) -> None:
    """Why connecting or the check failed stands on the page, from a fixed list."""
    text = read(panel(host, qbo="check-failed.forbidden"))
    assert "Have one of its administrators press Reconnect." in text
    assert "has expired" in read(panel(host, qbo="failed.late"))
    assert "has expired" not in read(panel(host, qbo="connected.late"))
    assert "<script" not in panel(host, qbo="failed.<script>")
    set_company(host, disconnected_at=1)
    assert "remove DunaHub in QuickBooks under Apps" in read(panel(host, qbo="not-revoked"))


def test_settings_that_cannot_be_read_are_told_on_the_page() -> None:
    """A setting that cannot be gives a page that says which (rule 9)."""
    plugin = QuickBooksPlugin(config=Config(database_url="nonsense"))
    made = plugin.on_settings_render(org=ORG, request=asked())
    assert made is not None
    assert "The QuickBooks setup is not complete" in made.html
    brazil = attrs.evolve(ORG, region=Region.BR)
    assert plugin.on_settings_render(org=brazil, request=asked()) is None


def test_a_database_out_of_reach_keeps_the_page_and_its_actions(tmp_path: Path) -> None:
    """The page says what is wrong instead of vanishing from the menu."""
    plugin = QuickBooksPlugin(config=Config(database_url="sqlite:////proc/no/qbo.sqlite3"))
    made = plugin.on_settings_render(org=ORG, request=asked())
    assert made is not None
    assert "DUNAHUB_QBO_DATABASE_URL" in made.html
    assert made.actions
    del tmp_path


def test_the_store_takes_thousands_of_names(host: FakeHost) -> None:
    """No statement is nested as deep as it names records (SQLite's limit is 1,000)."""
    keys = [RecordKey(kind=Kind.CUSTOMER, local_id=str(number)) for number in range(40_000)]
    with host.runtime.database.write.begin() as db:
        now = host.clock.now()
        assert commands.retry(db, connection_of(host), keys, by="dana", now=now) == 0


def test_nothing_of_the_not_sent_section_is_read_when_there_is_none(host: FakeHost) -> None:
    """Where nothing is kept back, the page asks the database for nothing of it."""
    assert settings_panel(host.runtime.panel, ORG, asked()).html.count("dhqbo-notsent") == 0


def test_a_customer_created_again_says_where_its_older_invoices_are(host: FakeHost) -> None:
    """Made inactive in QuickBooks and asked for again: its card tells old and new number."""
    host.save(job("1040", "Sarah Jones"))
    host.send()
    old = host.look("customer:lead-1040").qbo_id
    books(host).deactivate("Customer", old or "")
    host.save(make_lead("lead-1040", name="Sarah Jones", phone=""))
    host.send()
    assert (
        "created again" not in read(card(host, RecordKind.LEAD, "lead-1040")).partition("What")[0]
    )
    assert "stay with the old one." in read(panel(host))
    press(host, "retry", key="customer:lead-1040")
    host.send()
    new = host.look("customer:lead-1040").qbo_id
    assert new != old
    assert (
        f"It was created again in QuickBooks, as reference {new}. Before that it was reference "
        f"{old}. "
        "Invoices that were sent before stay with the old one."
    ) in read(card(host, RecordKind.LEAD, "lead-1040"))
    assert "created again" not in read(card(host, RecordKind.INVOICE, "inv-1040"))
