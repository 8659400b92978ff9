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
from dunahub_qbo_plugin.testing import ORG, PERSON, FakeHost, make_invoice, make_lead, make_payment
from tests.support.host import connection_of, make_host, rows_of

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def office_with(**switches: object) -> Iterator[FakeHost]:
    """Return a host connected to the contractor's books, with the company's switches set first."""
    with TemporaryDirectory() as folder:
        made = make_host(Path(folder))
        for name, value in switches.items():
            setattr(made.qbo.company().books.settings, name, value)
        made.connect()
        try:
            yield made
        finally:
            made.close()


@pytest.fixture
def host() -> Iterator[FakeHost]:
    """Return a host whose QuickBooks has no sales tax."""
    with office_with(sales_tax="none") as made:
        yield made


def held(host: FakeHost, kind: Kind, local_id: str) -> dict[str, Any]:
    """Read a record's object from the books, whole."""
    found = host.look(f"{kind}:{local_id}").qbo_id
    assert found is not None
    return asked(host, "GET", kind.value, found)


def asked(host: FakeHost, method: str, *path: str, body: object = None) -> dict[str, Any]:
    """Read or change an object of the books, as somebody at QuickBooks does."""
    answer = host.qbo.company().books.handle(
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
    host: FakeHost, kind: RecordKind = RecordKind.PAYMENT, local_id: str = "pay-1"
) -> str:
    """Return a record's card as its page in the CRM shows it."""
    (shown,) = host.manager.hook.on_record_render(
        org=ORG,
        request=SettingsRequest(person=PERSON, page_url="/p", action_url="/a/"),
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
    made = make_invoice(lines=lines, discount=discount, tax=tax)
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
    with office_with(**mode) as host:
        with host.runtime.database.write.begin() as db:
            profiles.choose_tax_code(db, connection_of(host).id, tax_code_id="2")

        @settings(max_examples=20, deadline=None, database=None, phases=[Phase.generate])
        @given(INVOICES, INVOICES)
        def check(first: Invoice, second: Invoice) -> None:
            local_id = f"i{next(numbers)}"
            for version in (first, second):
                _send_and_compare(host, attrs.evolve(version, id=local_id, number=local_id), mode)

        check()


def _send_and_compare(host: FakeHost, value: Invoice, mode: dict[str, Any]) -> None:
    before = host.look(f"invoice:{value.id}").qbo_total if _is_known(host, value.id) else None
    host.save(value)
    host.send()
    view = host.look(f"invoice:{value.id}")
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
    entity = held(host, Kind.INVOICE, value.id)
    assert [line["Amount"] for line in sales_lines(entity)] == [line.amount for line in value.lines]
    difference = Decimal(entity["TotalAmt"]) - value.total
    assert (view.variance or 0) == difference
    if difference:
        assert record_text.variance(view).startswith("QuickBooks has ")
        taxed = value.tax or any(line.taxable for line in value.lines)
        assert taxed, "only sales tax is QuickBooks' to compute"
        assert mode.get("ast_override") != "honour" or not any(line.taxable for line in value.lines)


def _is_known(host: FakeHost, local_id: str) -> bool:
    return any(row.local_id == local_id for row in rows_of(host))


def test_what_was_cleared_here_is_cleared_there(host: FakeHost) -> None:
    """A removed e-mail, phone, address line, note or due day is gone there too (rules 3 and 4)."""
    whole = make_lead(
        company="Jones LLC",
        first_name="Sarah",
        address=Address(line1="12 Oak St", line2="Unit 2", city="Austin", state="TX"),
    )
    host.save(make_invoice(lead=whole, message="Thank you"))
    host.send()
    customer = held(host, Kind.CUSTOMER, "lead-1")
    assert customer["PrimaryPhone"]["FreeFormNumber"] == "(512) 555-0142"
    assert customer["BillAddr"]["Line2"] == "Unit 2"
    bare = Lead(id="lead-1", name=whole.name, address=Address(line1="12 Oak St", city="Austin"))
    host.save(bare, make_invoice(lead=bare, message="", due_on=None))
    assert host.send() == 2
    customer = held(host, Kind.CUSTOMER, "lead-1")
    for field in ("GivenName", "CompanyName"):
        assert not customer.get(field)
    assert not any((customer.get("PrimaryPhone") or {}).values())
    assert not any((customer.get("PrimaryEmailAddr") or {}).values())
    address = {key: text for key, text in customer["BillAddr"].items() if key != "Id" and text}
    assert address == {"Line1": "12 Oak St", "City": "Austin"}
    billed = held(host, Kind.INVOICE, "inv-1")
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
    with office_with(sales_tax="none", custom_txn_numbers=numbered) as host:
        sent = make_invoice(**changes)
        host.save(sent)
        host.send()
        view = host.look("invoice:inv-1")
        assert view.state is RecordState.SYNCED, view.error
        billed = held(host, Kind.INVOICE, "inv-1")
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
        host.save(sent)
        assert host.send() == 0


def test_an_invoice_that_stands_again_stands_again_there(host: FakeHost) -> None:
    """An invoice that is opened again after its void is the same one there, with its amounts."""
    host.save(make_invoice())
    host.send()
    host.save(make_invoice(status=InvoiceStatus.VOID))
    host.send()
    host.save(make_invoice())
    host.send()
    (billed,) = host.books.invoices
    assert (billed["total"], billed["balance"]) == ("100.00", "100.00")
    assert host.look("invoice:inv-1").variance is None


def test_two_payments_with_one_reference_are_two_payments(host: FakeHost) -> None:
    """Two halves that the processor gave one reference both arrive, each once (rules 5 and 10)."""
    half = Decimal(50)
    host.save(
        make_invoice(),
        make_payment(id="p1", amount=half, reference="pi_same"),
        make_payment(id="p2", amount=half, reference="pi_same"),
    )
    host.send()
    books = host.books.read()
    assert [(one["number"], one["total"], one["unapplied"]) for one in books["payments"]] == [
        ("pi_same", "50.00", "0.00")
    ] * 2
    assert books["invoices"][0]["balance"] == "0.00"


def test_nothing_comes_back_and_nothing_else_is_written(host: FakeHost) -> None:
    """An edit there changes nothing here; only customers, invoices, payments go (rules 1 and 2)."""
    host.save(make_invoice(), make_payment())
    host.send()
    kept = [(row.local_id, row.snapshot, row.fingerprint) for row in rows_of(host)]
    billed = held(host, Kind.INVOICE, "inv-1")
    edit = {"Id": billed["Id"], "SyncToken": billed["SyncToken"], "sparse": True}
    asked(host, "POST", Kind.INVOICE.value, body=edit | {"CustomerMemo": {"value": "By Kim"}})
    host.clock.sleep(2 * 24 * 60 * 60)
    host.save(make_payment(amount=Decimal("90.00")))
    host.send()
    stored = {row.local_id: (row.local_id, row.snapshot, row.fingerprint) for row in rows_of(host)}
    assert [stored[local_id] for local_id, *_ in kept[:2]] == kept[:2]
    assert "By Kim" not in str(stored)
    assert held(host, Kind.INVOICE, "inv-1")["CustomerMemo"] == {"value": "By Kim"}
    written = {
        entry.path.strip("/")
        for entry in host.qbo.emulator.world.journal.entries()
        if entry.method == "POST" and entry.kind == "api"
    }
    assert written == {"customer", "invoice", "payment"}


@pytest.mark.parametrize(("void", "loose"), [(False, "$30.00"), (True, "$130.00")])
def test_money_that_pays_no_invoice_is_told(
    host: FakeHost,
    void: bool,  # noqa: FBT001  a parameter of the test
    loose: str,
) -> None:
    """Too much money, or money for a void invoice, is booked once and told (rules 5 and 7)."""
    host.save(make_invoice())
    host.send()
    if void:
        host.save(make_invoice(status=InvoiceStatus.VOID))
        host.send()
    host.save(make_payment(amount=Decimal(130)))
    host.send()
    (paid,) = host.books.payments
    assert (paid["total"], f"${paid['unapplied']}") == ("130.00", loose)
    card = render_card(host)
    assert f"QuickBooks left {loose} of it unapplied" in card
    assert "Your bookkeeper decides where it goes" in card


def test_a_payment_of_what_is_open_says_nothing_of_the_kind(host: FakeHost) -> None:
    """A payment that its invoice has room for is told as any other."""
    host.save(make_invoice(), make_payment())
    host.send()
    assert "unapplied" not in render_card(host)


def test_voiding_a_paid_invoice_tells_of_its_payment(host: FakeHost) -> None:
    """QuickBooks keeps the money of a voided invoice; both cards say so (rules 4 and 5)."""
    host.save(make_invoice(), make_payment())
    host.send()
    assert "pays no invoice now" not in render_card(host)
    host.save(make_invoice(status=InvoiceStatus.VOID))
    host.send()
    (paid,) = host.books.payments
    assert paid["unapplied"] == paid["total"]
    assert "Its invoice was voided. QuickBooks keeps the payment" in render_card(host)
    assert "QuickBooks keeps its payments" in render_card(host, RecordKind.INVOICE, "inv-1")


def test_voiding_an_unpaid_invoice_says_nothing_of_payments(host: FakeHost) -> None:
    """Where nothing was paid there is nothing to tell."""
    host.save(make_invoice())
    host.send()
    host.save(make_invoice(status=InvoiceStatus.VOID))
    host.send()
    assert "payments" not in render_card(host, RecordKind.INVOICE, "inv-1")
