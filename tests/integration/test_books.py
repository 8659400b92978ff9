"""What stands in the books at the end, read as a bookkeeper reads it."""

from __future__ import annotations

import itertools
import json
from contextlib import contextmanager
from datetime import date
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import attrs
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from dunahub_hookspecs import (
    Address,
    Invoice,
    InvoiceStatus,
    Lead,
    LineItem,
    RecordKind,
    SettingsRequest,
)
from dunahub_qbo_plugin.advice import advise
from dunahub_qbo_plugin.advice.refusals import REFUSALS
from dunahub_qbo_plugin.emulator.api.api_messages import ApiRequest
from dunahub_qbo_plugin.model import Kind, RecordState
from dunahub_qbo_plugin.panel import record_text
from dunahub_qbo_plugin.store.companies import profiles
from tests.support.office import ACME, CONTRACTOR, DANA, Office, invoice, lead, payment

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def office_with(**switches: object) -> Iterator[Office]:
    """An office connected to the contractor's books, with the company's switches set first."""
    with TemporaryDirectory() as folder:
        bench = Office(Path(folder))
        for name, value in switches.items():
            setattr(bench.emulator.world.companies[CONTRACTOR].books.settings, name, value)
        bench.connect()
        try:
            yield bench
        finally:
            bench.close()


@pytest.fixture
def office() -> Iterator[Office]:
    """An office whose QuickBooks has no sales tax."""
    with office_with(sales_tax="none") as bench:
        yield bench


def held(office: Office, kind: Kind, local_id: str) -> dict[str, Any]:
    """Read a record's object from the books, whole."""
    found = office.view(kind, local_id).qbo_id
    assert found is not None
    return asked(office, "GET", kind.value, found)


def asked(office: Office, method: str, *path: str, body: object = None) -> dict[str, Any]:
    """Read or change an object of the books, as somebody at QuickBooks does."""
    answer = office.emulator.world.companies[CONTRACTOR].books.handle(
        ApiRequest(
            method=method,
            path=path,
            query={},
            body=json.dumps(body).encode() if body else b"",
            content_type="application/json",
            accept="application/json",
        )
    )
    (entity,) = (
        value
        for value in json.loads(answer.body, parse_float=Decimal).values()
        if isinstance(value, dict)
    )
    return entity


def sales_lines(entity: dict[str, Any]) -> list[dict[str, Any]]:
    """Leave out the lines that QuickBooks adds."""
    return [line for line in entity["Line"] if line["DetailType"] == "SalesItemLineDetail"]


def render_card(
    office: Office, kind: RecordKind = RecordKind.PAYMENT, local_id: str = "pay-1"
) -> str:
    """Return a record's card as its page in the CRM shows it."""
    (shown,) = office.manager.hook.on_record_render(
        org=ACME,
        request=SettingsRequest(person=DANA, page_url="/p", action_url="/a/"),
        kind=kind,
        record_id=local_id,
    )
    return " ".join(shown.html.split())


MODES = [
    {"sales_tax": "none", "custom_txn_numbers": True},
    {"sales_tax": "none", "doc_number_when_off": "ignore"},
    {"sales_tax": "classic", "custom_txn_numbers": True},
    {"sales_tax": "automated", "ast_override": "honour"},
    {"sales_tax": "automated", "ast_override": "recompute", "custom_txn_numbers": True},
]
HIGHEST_RATE = Decimal("0.1")
"""More than any company of the emulator taxes."""
CENTS = st.decimals(-200, 3000, places=2)
LINES = st.builds(
    LineItem,
    description=st.text(max_size=12),
    quantity=st.decimals(-2, 40, places=3) | st.integers(0, 12).map(Decimal),
    unit_price=st.decimals(0, 500, places=4) | CENTS,
    service_id=st.sampled_from(["s1", "s2", None]),
    service_name=st.sampled_from(["Gutter Cleaning", "Something new", ""]),
    taxable=st.booleans(),
)
REDUCED = st.builds(lambda line, amount: attrs.evolve(line, amount=amount), LINES, CENTS)


def _invoice(lines: list[LineItem], discount: Decimal, tax: Decimal, off: Decimal) -> Invoice:
    made = invoice(lines=lines, discount=discount, tax=tax)
    return attrs.evolve(made, total=made.total + off)


INVOICES = st.builds(
    _invoice,
    st.lists(LINES | REDUCED, min_size=1, max_size=5),
    st.just(Decimal(0)) | st.decimals(0, 300, places=2),
    st.just(Decimal(0)) | st.decimals(0, 90, places=2),
    st.sampled_from([Decimal(0)] * 9 + [Decimal("0.01")]),
)


@pytest.mark.parametrize("mode", MODES, ids=lambda mode: "-".join(map(str, mode.values())))
def test_no_total_ever_differs_in_silence(mode: dict[str, Any]) -> None:
    """Any invoice arrives with its very total, or says in words why not (rules 4, 7, 22 and 33)."""
    numbers = itertools.count(1)
    with office_with(**mode) as office:
        with office.runtime.database.write.begin() as db:
            profiles.choose_tax_code(db, office.connection().id, tax_code_id="2")

        @settings(max_examples=20, deadline=None, database=None, phases=[Phase.generate])
        @given(INVOICES, INVOICES)
        def check(first: Invoice, second: Invoice) -> None:
            local_id = f"i{next(numbers)}"
            for version in (first, second):
                _send_and_compare(office, attrs.evolve(version, id=local_id, number=local_id), mode)

        check()


def _send_and_compare(office: Office, value: Invoice, mode: dict[str, Any]) -> None:
    before = office.view(Kind.INVOICE, value.id).qbo_total if _is_known(office, value.id) else None
    office.save(value)
    office.drain()
    view = office.view(Kind.INVOICE, value.id)
    if view.state is RecordState.ATTENTION:
        assert view.error is not None
        taxless = sum(line.amount for line in value.lines) - value.discount
        base = sum(line.amount for line in value.lines if line.taxable)
        # QuickBooks has a word in one thing only: an invoice that nothing but its tax keeps above
        # zero, in a company that does not keep that tax, or computes less than none for it.
        least = taxless + min(Decimal(0), base * HIGHEST_RATE)
        assert view.error.code in REFUSALS or least < 0, view.error
        told = advise(Kind.INVOICE, view.error)
        assert told.title
        assert told.why
        assert told.action
        assert view.qbo_total == before, "what is refused changes nothing"
        return
    assert view.state is RecordState.SYNCED
    entity = held(office, Kind.INVOICE, value.id)
    assert [line["Amount"] for line in sales_lines(entity)] == [line.amount for line in value.lines]
    difference = Decimal(entity["TotalAmt"]) - value.total
    assert (view.variance or 0) == difference
    if difference:
        assert record_text.variance(view).startswith("QuickBooks has ")
        taxed = value.tax or any(line.taxable for line in value.lines)
        assert taxed, "only sales tax is QuickBooks' to compute"
        assert mode.get("ast_override") != "honour" or not any(line.taxable for line in value.lines)


def _is_known(office: Office, local_id: str) -> bool:
    return any(row.local_id == local_id for row in office.rows())


def test_what_was_cleared_here_is_cleared_there(office: Office) -> None:
    """A removed e-mail, phone, address line, note or due day is gone there too (rules 3 and 4)."""
    whole = lead(
        company="Jones LLC",
        first_name="Sarah",
        address=Address(line1="12 Oak St", line2="Unit 2", city="Austin", state="TX"),
    )
    office.save(invoice(lead=whole, message="Thank you"))
    office.drain()
    customer = held(office, Kind.CUSTOMER, "lead-1")
    assert customer["PrimaryPhone"]["FreeFormNumber"] == "(512) 555-0142"
    assert customer["BillAddr"]["Line2"] == "Unit 2"
    bare = Lead(id="lead-1", name=whole.name, address=Address(line1="12 Oak St", city="Austin"))
    office.save(bare, invoice(lead=bare, message="", due_on=None))
    assert office.drain() == 2
    customer = held(office, Kind.CUSTOMER, "lead-1")
    for field in ("GivenName", "CompanyName"):
        assert not customer.get(field)
    assert not any((customer.get("PrimaryPhone") or {}).values())
    assert not any((customer.get("PrimaryEmailAddr") or {}).values())
    address = {key: text for key, text in customer["BillAddr"].items() if key != "Id" and text}
    assert address == {"Line1": "12 Oak St", "City": "Austin"}
    billed = held(office, Kind.INVOICE, "inv-1")
    assert not (billed.get("CustomerMemo") or {}).get("value")
    assert billed["DueDate"] == billed["TxnDate"]


LINE = LineItem(description="Gutter cleaning", unit_price=Decimal(100))


@pytest.mark.parametrize(
    ("changes", "total"),
    [
        ({"lines": [attrs.evolve(LINE, quantity=Decimal(0), amount=Decimal(0))]}, "0.00"),
        ({"lines": [LINE, LineItem(description="Only words", unit_price=Decimal(0))]}, "100.00"),
        ({"lines": [LINE, LineItem(description="Credit", unit_price=Decimal(-30))]}, "70.00"),
        ({"lines": [LINE, attrs.evolve(LINE, quantity=Decimal(-1), amount=Decimal(-100))]}, "0.00"),
        (
            {
                "lines": [
                    LineItem(quantity=Decimal("2.333333"), unit_price=Decimal("33.335001")),
                ]
            },
            "77.78",
        ),
        ({"lines": [LINE], "discount": Decimal(100)}, "0.00"),
        ({"due_on": date(2026, 1, 1)}, "100.00"),
        ({"issued_on": date(2199, 12, 31), "due_on": date(2199, 12, 31)}, "100.00"),
        ({"number": "N" * 21}, "100.00"),
        ({"number": ""}, "100.00"),
        ({"message": "\U0001f3e0" * 300}, "100.00"),
    ],
)
@pytest.mark.parametrize("numbered", [True, False])
def test_odd_invoices_arrive_as_they_are(
    changes: dict[str, Any],
    total: str,
    numbered: bool,  # noqa: FBT001  a parameter of the test
) -> None:
    """Credits, nothing at all, odd days and odd numbers arrive with total and days (rule 4)."""
    with office_with(sales_tax="none", custom_txn_numbers=numbered) as office:
        sent = invoice(**changes)
        office.save(sent)
        office.drain()
        view = office.view(Kind.INVOICE, "inv-1")
        assert view.state is RecordState.SYNCED, view.error
        billed = held(office, Kind.INVOICE, "inv-1")
        assert (Decimal(billed["TotalAmt"]), view.variance) == (Decimal(total), None)
        assert [line["Amount"] for line in sales_lines(billed)] == [
            line.amount for line in sent.lines
        ]
        assert (billed["TxnDate"], billed["DueDate"]) == (
            sent.issued_on.isoformat(),
            (sent.due_on or sent.issued_on).isoformat(),
        )
        if sent.number:
            assert billed["DocNumber"] == view.qbo_number == sent.number
        office.save(sent)
        assert office.drain() == 0


def test_an_invoice_that_stands_again_stands_again_there(office: Office) -> None:
    """An invoice that is opened again after its void is the same one there, with its amounts."""
    office.save(invoice())
    office.drain()
    office.save(invoice(status=InvoiceStatus.VOID))
    office.drain()
    office.save(invoice())
    office.drain()
    (billed,) = office.books()["invoices"]
    assert (billed["total"], billed["balance"]) == ("100.00", "100.00")
    assert office.view(Kind.INVOICE, "inv-1").variance is None


def test_two_payments_with_one_reference_are_two_payments(office: Office) -> None:
    """Two halves that the processor gave one reference both arrive, each once (rules 5 and 10)."""
    half = Decimal(50)
    office.save(
        invoice(),
        payment("p1", amount=half, reference="pi_same"),
        payment("p2", amount=half, reference="pi_same"),
    )
    office.drain()
    books = office.books()
    assert [(one["number"], one["total"], one["unapplied"]) for one in books["payments"]] == [
        ("pi_same", "50.00", "0.00")
    ] * 2
    assert books["invoices"][0]["balance"] == "0.00"


def test_nothing_comes_back_and_nothing_else_is_written(office: Office) -> None:
    """An edit there changes nothing here; only customers, invoices, payments go (rules 1 and 2)."""
    office.save(invoice(), payment())
    office.drain()
    kept = [(row.local_id, row.snapshot, row.fingerprint) for row in office.rows()]
    billed = held(office, Kind.INVOICE, "inv-1")
    edit = {"Id": billed["Id"], "SyncToken": billed["SyncToken"], "sparse": True}
    asked(office, "POST", Kind.INVOICE.value, body=edit | {"CustomerMemo": {"value": "By Kim"}})
    office.clock.sleep(2 * 24 * 60 * 60)
    office.save(payment(amount=Decimal("90.00")))
    office.drain()
    stored = {row.local_id: (row.local_id, row.snapshot, row.fingerprint) for row in office.rows()}
    assert [stored[local_id] for local_id, *_ in kept[:2]] == kept[:2]
    assert "By Kim" not in str(stored)
    assert held(office, Kind.INVOICE, "inv-1")["CustomerMemo"] == {"value": "By Kim"}
    written = {
        entry.path.strip("/")
        for entry in office.emulator.world.journal.entries()
        if entry.method == "POST" and entry.kind == "api"
    }
    assert written == {"customer", "invoice", "payment"}


@pytest.mark.parametrize(("void", "loose"), [(False, "$30.00"), (True, "$130.00")])
def test_money_that_pays_no_invoice_is_told(
    office: Office,
    void: bool,  # noqa: FBT001  a parameter of the test
    loose: str,
) -> None:
    """Too much money, or money for a void invoice, is booked once and told (rules 5 and 7)."""
    office.save(invoice())
    office.drain()
    if void:
        office.save(invoice(status=InvoiceStatus.VOID))
        office.drain()
    office.save(payment(amount=Decimal(130)))
    office.drain()
    (paid,) = office.books()["payments"]
    assert (paid["total"], f"${paid['unapplied']}") == ("130.00", loose)
    card = render_card(office)
    assert f"QuickBooks left {loose} of it unapplied" in card
    assert "Your bookkeeper decides where it goes" in card


def test_a_payment_of_what_is_open_says_nothing_of_the_kind(office: Office) -> None:
    """A payment that its invoice has room for is told as any other."""
    office.save(invoice(), payment())
    office.drain()
    assert "unapplied" not in render_card(office)


def test_voiding_a_paid_invoice_tells_of_its_payment(office: Office) -> None:
    """QuickBooks keeps the money of a voided invoice; both cards say so (rules 4 and 5)."""
    office.save(invoice(), payment())
    office.drain()
    assert "pays no invoice now" not in render_card(office)
    office.save(invoice(status=InvoiceStatus.VOID))
    office.drain()
    (paid,) = office.books()["payments"]
    assert paid["unapplied"] == paid["total"]
    assert "Its invoice was voided. QuickBooks keeps the payment" in render_card(office)
    assert "QuickBooks keeps its payments" in render_card(office, RecordKind.INVOICE, "inv-1")


def test_voiding_an_unpaid_invoice_says_nothing_of_payments(office: Office) -> None:
    """Where nothing was paid there is nothing to tell."""
    office.save(invoice())
    office.drain()
    office.save(invoice(status=InvoiceStatus.VOID))
    office.drain()
    assert "payments" not in render_card(office, RecordKind.INVOICE, "inv-1")
