"""Snapshots: canonical, exact, tolerant of other versions."""

from __future__ import annotations

import json
from datetime import date
from decimal import Decimal
from typing import Any

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dunahub_hookspecs import (
    Address,
    Invoice,
    InvoiceSource,
    InvoiceStatus,
    Lead,
    LineItem,
    Payment,
    PaymentMethod,
)
from dunahub_qbo_plugin.model import Kind
from dunahub_qbo_plugin.model.snapshot import display_name, dump, fingerprint, load

NUMBERS = st.decimals(allow_nan=False, allow_infinity=False)
MONEY = st.decimals(min_value=-(10**9), max_value=10**9, places=20)
TEXTS = st.text(max_size=30)
IDS = st.text(min_size=1, max_size=12)
ADDRESSES = st.builds(
    Address, line1=TEXTS, line2=TEXTS, city=TEXTS, state=TEXTS, postal_code=TEXTS, country=TEXTS
)
LEADS = st.builds(
    Lead,
    id=IDS,
    name=TEXTS,
    first_name=TEXTS,
    last_name=TEXTS,
    company=TEXTS,
    email=TEXTS,
    phone=TEXTS,
    address=ADDRESSES,
)
LINES = st.builds(
    LineItem,
    description=TEXTS,
    quantity=NUMBERS,
    unit_price=NUMBERS,
    amount=NUMBERS,
    service_id=st.none() | IDS,
    service_name=TEXTS,
    taxable=st.booleans(),
)
INVOICES = st.builds(
    Invoice,
    id=IDS,
    number=TEXTS,
    lead=LEADS,
    lines=st.lists(LINES, max_size=4),
    discount=MONEY,
    tax=MONEY,
    total=MONEY,
    issued_on=st.dates(),
    due_on=st.none() | st.dates(),
    message=TEXTS,
    status=st.sampled_from(InvoiceStatus),
    source=st.sampled_from(InvoiceSource),
)
PAYMENTS = st.builds(
    Payment,
    id=IDS,
    invoice_id=IDS,
    invoice_number=TEXTS,
    amount=MONEY,
    method=st.sampled_from(PaymentMethod),
    collected_by_dunahub=st.booleans(),
    paid_on=st.dates(),
    reference=TEXTS,
)

LEAD = Lead(id="7", name="Dana O'Brien", phone="555-0100")
INVOICE = Invoice(
    id="12",
    number="1042",
    lead=LEAD,
    lines=[LineItem(description="Gutter cleaning", unit_price=Decimal("99.50"))],
    issued_on=date(2026, 5, 4),
)
PAYMENT = Payment(
    id="3",
    invoice_id="12",
    amount=Decimal("99.50"),
    method=PaymentMethod.CARD,
    collected_by_dunahub=True,
    paid_on=date(2026, 5, 5),
)


@given(LEADS)
def test_lead_round_trip(lead: Lead) -> None:
    """A lead comes back from its snapshot as it was."""
    assert load(Kind.CUSTOMER, dump(lead)) == lead


@given(INVOICES)
def test_invoice_round_trip(invoice: Invoice) -> None:
    """An invoice comes back as it was, its lead with id and display name only."""
    known = Lead(id=invoice.lead.id, name=display_name(invoice.lead))
    assert load(Kind.INVOICE, dump(invoice)) == attrs.evolve(invoice, lead=known)


@given(PAYMENTS)
def test_payment_round_trip(payment: Payment) -> None:
    """A payment comes back from its snapshot as it was."""
    assert load(Kind.PAYMENT, dump(payment)) == payment


@given(st.one_of(LEADS, INVOICES, PAYMENTS))
def test_text_is_canonical(value: Lead | Invoice | Payment) -> None:
    """The text is ASCII, sorted and without spaces, and writing what was read gives it again."""
    text = dump(value)
    kind = {Lead: Kind.CUSTOMER, Invoice: Kind.INVOICE, Payment: Kind.PAYMENT}[type(value)]
    assert text.isascii()
    assert text == json.dumps(json.loads(text), sort_keys=True, separators=(",", ":"))
    assert dump(load(kind, text)) == text


@given(NUMBERS, st.integers(min_value=0, max_value=60))
def test_zeros_do_not_count(number: Decimal, zeros: int) -> None:
    """Equal numbers are written alike, however many zeros they are given with."""
    sign, digits, exponent = number.as_tuple()
    padded = Decimal((sign, digits + (0,) * zeros, int(exponent) - zeros))
    first = attrs.evolve(PAYMENT, amount=number)
    assert padded == number
    assert dump(attrs.evolve(PAYMENT, amount=padded)) == dump(first)


@pytest.mark.parametrize(
    ("given_amount", "written"),
    [
        ("10", "10"),
        ("10.0", "10"),
        ("10.00", "10"),
        ("1E+1", "10"),
        ("0.10", "0.1"),
        ("-0.00", "0"),
        ("0E-9", "0"),
        ("0.00000010", "0.0000001"),
        ("-1234.50", "-1234.5"),
        ("1E+400", "1E400"),
        ("12345678901234567890123456789.50", "12345678901234567890123456789.5"),
    ],
)
def test_numbers_are_written_one_way(given_amount: str, written: str) -> None:
    """A number is written plainly, with neither rounding nor needless zeros."""
    payment = attrs.evolve(PAYMENT, amount=Decimal(given_amount))
    assert json.loads(dump(payment))["amount"] == written


def test_defaults_are_left_out() -> None:
    """A snapshot holds what was given and nothing that is the default anyway."""
    assert dump(Lead(id="7")) == '{"id":"7"}'
    assert dump(INVOICE) == (
        '{"id":"12","issued_on":"2026-05-04","lead_id":"7",'
        '"lines":[{"amount":"99.5","description":"Gutter cleaning","unit_price":"99.5"}],'
        '"number":"1042","total":"99.5","~local":{"lead_name":"Dana O\'Brien"}}'
    )


def test_texts_of_older_versions_are_read() -> None:
    """What an older snapshot lacks gets its default (rule 10: an upgrade loses nothing)."""
    invoice = load(
        Kind.INVOICE,
        '{"id":"12","issued_on":"2026-05-04","lead_id":"7","total":"5",'
        '"lines":[{"amount":"5","unit_price":"5"}]}',
    )
    assert isinstance(invoice, Invoice)
    assert invoice.lead == Lead(id="7")
    assert invoice.lines[0].quantity == 1
    assert (invoice.status, invoice.source) == (InvoiceStatus.OPEN, InvoiceSource.OTHER)


@pytest.mark.parametrize(
    ("kind", "value"),
    [(Kind.CUSTOMER, LEAD), (Kind.INVOICE, INVOICE), (Kind.PAYMENT, PAYMENT)],
)
def test_texts_of_newer_versions_are_read(kind: Kind, value: Lead | Invoice | Payment) -> None:
    """What a newer snapshot has besides is ignored."""
    fields = json.loads(dump(value))
    fields |= {"color": "green"}
    fields.setdefault("~local", {})["mood"] = 1
    for line in fields.get("lines", []):
        line["weight"] = 3
    plain = dump(load(kind, json.dumps(fields)))
    assert plain == dump(value)


@pytest.mark.parametrize("text", ["", "[]", "{}", "null", '{"amount":"x"}', '{"id":7.5}'])
@pytest.mark.parametrize("kind", list(Kind))
def test_other_text_is_refused(kind: Kind, text: str) -> None:
    """A text that is no snapshot of its kind is a ValueError, whatever is wrong with it."""
    with pytest.raises(ValueError, match=r"."):
        load(kind, text)


def test_other_values_are_refused() -> None:
    """Only the three kinds have snapshots."""
    with pytest.raises(TypeError, match="Address"):
        dump(Address())  # type: ignore[arg-type]  # the mistake under test


@pytest.mark.parametrize(
    "change",
    [
        {"lead": attrs.evolve(LEAD, phone="555-0199", email="new@example.com")},
        {"lead": attrs.evolve(LEAD, name="Dana Smith")},
        {"lead": attrs.evolve(LEAD, name="")},
        {"source": InvoiceSource.JOB},
        {"total": Decimal("99.500")},
    ],
)
def test_what_is_not_sent_does_not_count(change: dict[str, Any]) -> None:
    """A change of the lead's data or of an invoice's origin does not send the invoice again."""
    assert fingerprint(dump(attrs.evolve(INVOICE, **change))) == fingerprint(dump(INVOICE))


def test_invoice_number_does_not_resend_a_payment() -> None:
    """A payment is the same payment when its invoice's number becomes known."""
    named = attrs.evolve(PAYMENT, invoice_number="1042")
    assert fingerprint(dump(named)) == fingerprint(dump(PAYMENT))


@pytest.mark.parametrize(
    "change",
    [
        {"lead": attrs.evolve(LEAD, id="8")},
        {"number": "1043"},
        {"status": InvoiceStatus.VOID},
        {"discount": Decimal("0.01")},
        {"tax": Decimal("0.01")},
        {"total": Decimal("99.51")},
        {"due_on": date(2026, 6, 4)},
        {"issued_on": date(2026, 5, 5)},
        {"message": "Thanks"},
        {"lines": (*INVOICE.lines, *INVOICE.lines)},
        {"lines": (attrs.evolve(INVOICE.lines[0], taxable=True),)},
        {"lines": (attrs.evolve(INVOICE.lines[0], service_name="Cleaning"),)},
    ],
)
def test_what_is_sent_counts(change: dict[str, Any]) -> None:
    """A change of anything that QuickBooks is told changes the fingerprint (rule 4)."""
    assert fingerprint(dump(attrs.evolve(INVOICE, **change))) != fingerprint(dump(INVOICE))


def test_text_of_people_cannot_pose_as_the_local_part() -> None:
    """Text that looks like the local part is text: what follows it counts."""
    first = attrs.evolve(PAYMENT, reference='x","~local":{"a":1},')
    second = attrs.evolve(PAYMENT, reference='x","~local":{"a":2},')
    assert fingerprint(dump(first)) != fingerprint(dump(second))


def test_fingerprint_is_stable() -> None:
    """A fingerprint stored by this version is the one that later versions compute."""
    assert fingerprint(dump(LEAD)) == (
        "56fa6e6f611fdf6236e5c8a48413c758b09c2932759be3646673898a11e8de09"
    )
    assert fingerprint('{"id":"7"}') != fingerprint('{"id":"8"}')


WHOLE_INVOICE = attrs.evolve(
    INVOICE,
    lines=(
        LineItem(
            description="Downspouts",
            quantity=Decimal("2.50"),
            unit_price=Decimal("33.3350"),
            service_id="s2",
            service_name="Gutters",
            taxable=True,
        ),
        LineItem(unit_price=Decimal(-10)),
    ),
    discount=Decimal(5),
    tax=Decimal("6.20"),
    due_on=date(2026, 6, 3),
    message="Thanks",
    status=InvoiceStatus.VOID,
    source=InvoiceSource.JOB,
)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (WHOLE_INVOICE, "909fc476d2d0bc07db2e3fd52325d64497b3bf1cabb48615933c3cafe7c60701"),
        (
            attrs.evolve(PAYMENT, reference="pi_1", invoice_number="1042"),
            "a7d39a2593d4fd0ab4b08fa6ad1cf95c5c536a41cd2cf5617017875dedee7430",
        ),
    ],
)
def test_an_upgrade_sends_nothing_again(value: Invoice | Payment, expected: str) -> None:
    """The fingerprint of every field together stays what it was: else all is sent anew (rule 3)."""
    assert fingerprint(dump(value)) == expected


@pytest.mark.parametrize(
    ("lead", "name"),
    [
        (Lead(id="1", name="  Ann \t Lee ", company="ACME"), "Ann Lee"),
        (Lead(id="1", first_name="Ann", last_name="Lee", company="ACME"), "Ann Lee"),
        (Lead(id="1", last_name="Lee"), "Lee"),
        (Lead(id="1", name=" ", company=" ACME  Heating"), "ACME Heating"),
        (Lead(id="1"), ""),
    ],
)
def test_display_name(lead: Lead, name: str) -> None:
    """A lead is called by its name, else by first and last name, else by its company."""
    assert display_name(lead) == name
