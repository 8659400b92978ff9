"""Both sides changed the same thing: a person chooses, and until then nothing changes (rule 36)."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import attrs
import pytest

from dunahub_qbo_plugin.advice import advise
from dunahub_qbo_plugin.model import BOTH_CHANGED, RecordState
from dunahub_qbo_plugin.testing import make_invoice, make_lead, make_payment
from tests.support.faulty import FaultyHost, service

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from dunahub_qbo_plugin.model import RecordKey

Json = dict[str, Any]
BILL = make_invoice(lines=[service("Gutter Cleaning", "50")], message="Hello")
PAID = make_payment(BILL)
LEAD = make_lead()
JONES = make_lead("lead-2")


@pytest.fixture
def host(tmp_path: Path) -> Iterator[FaultyHost]:
    """Return a connected host that has sent a customer, an invoice and a payment."""
    made = FaultyHost(tmp_path)
    made.save(LEAD, JONES, BILL)
    made.send()
    yield made
    made.close()


def there(host: FaultyHost, record: Any) -> Json:  # noqa: ANN401  any record
    """Return a record as QuickBooks has it."""
    view = host.look(record)
    entity = view.key.kind.capitalize()
    rows = host.qbo.company().books.answer_query(f"SELECT * FROM {entity}")[1]  # noqa: S608  ours
    found = [json.loads(row, parse_float=Decimal) for row in rows]
    return next(one for one in found if one["Id"] == view.qbo_id)


def edit(host: FaultyHost, record: Any, changes: Json) -> None:  # noqa: ANN401  any record
    """Change a record in QuickBooks, as the bookkeeper."""
    view = host.look(record)
    host.qbo.company().books.edit(view.key.kind.capitalize(), str(view.qbo_id), changes)


def priced(host: FaultyHost, price: int) -> Json:
    """Return the lines with another price on the first."""
    first, *others = there(host, BILL)["Line"]
    detail = first["SalesItemLineDetail"] | {"UnitPrice": price, "Qty": 1}
    return {"Line": [first | {"Amount": price, "SalesItemLineDetail": detail}, *others]}


def asks(host: FaultyHost, record: Any) -> str:  # noqa: ANN401  any record
    """Return why a record waits for a person to choose."""
    view = host.look(record)
    assert view.state is RecordState.ATTENTION
    assert view.error is not None
    assert view.error.code == BOTH_CHANGED
    return advise(view.key.kind, view.error).why


def key(host: FaultyHost, record: Any) -> RecordKey:  # noqa: ANN401  any record
    """Return a record's key."""
    return host.look(record).key


RAISED = attrs.evolve(BILL, lines=[service("Gutter Cleaning", "60")], total=Decimal(120))


@pytest.mark.parametrize("answer", ["ours", "theirs"])
def test_a_person_chooses_between_two_totals(host: FaultyHost, answer: str) -> None:
    """Both are told; the one that was chosen is there, and nothing else is lost by it."""
    edit(host, BILL, priced(host, 77) | {"DueDate": "2026-05-05"})
    host.save(attrs.evolve(RAISED, message="Thank you"))
    host.send()
    assert asks(host, BILL) == "The total is $120.00 in DunaHub and $77.00 in QuickBooks."
    host.save(attrs.evolve(RAISED, message="Thanks"))  # saving is no answer
    host.send()
    assert host.retry(None) == 0
    host.send()
    assert (there(host, BILL)["TotalAmt"], there(host, BILL)["CustomerMemo"]) == (
        Decimal("77.00"),
        {"value": "Hello"},
    )
    assert (host.retry if answer == "ours" else host.keep)(key(host, BILL)) == 1
    host.send()
    found = there(host, BILL)
    assert found["TotalAmt"] == Decimal("120.00" if answer == "ours" else "77.00")
    assert (found["CustomerMemo"]["value"], found["DueDate"]) == ("Thanks", "2026-05-05")
    view = host.look(BILL)
    assert (view.state, view.synced_total) == (RecordState.SYNCED, Decimal("120.00"))
    before = host.mark()
    host.save(attrs.evolve(RAISED, message="Bye"))  # what was answered is not asked again
    host.send()
    assert len(host.requests(before)) == 1
    assert there(host, BILL)["TotalAmt"] == found["TotalAmt"]


def test_a_customer_that_both_changed_is_asked_about(host: FaultyHost) -> None:
    """The bookkeeper moved it to one customer, DunaHub to another one."""
    other = host.qbo.company().books.create("Customer", {"DisplayName": "Smith & Sons"})
    edit(host, BILL, {"CustomerRef": {"value": other["Id"]}})
    host.save(attrs.evolve(BILL, lead=JONES))
    host.send()
    assert "“Sarah Mitchell lead-2” in DunaHub and “Smith & Sons” in Q" in asks(host, BILL)
    assert host.keep(key(host, BILL)) == 1
    before = host.mark()
    host.send()
    assert host.requests(before) == []
    assert there(host, BILL)["CustomerRef"]["value"] == other["Id"]
    assert host.look(BILL).state is RecordState.SYNCED


@pytest.mark.parametrize("outage", [True, False])
def test_what_was_seen_with_another_change_is_asked_about_as_well(
    host: FaultyHost, *, outage: bool
) -> None:
    """The change there was learned with an update that left it alone; the next changes the same."""
    edit(host, BILL, priced(host, 77))
    if outage:
        host.qbo.trouble("fail status=503 entity=invoice method=POST times=1 skip=1")
    host.save(attrs.evolve(BILL, message="Thank you"))
    host.send()
    host.save(attrs.evolve(BILL, message="Thank you", due_on=None))
    host.send()
    host.save(RAISED)
    host.clock.advance(3600)
    host.send()
    assert "$120.00 in DunaHub and $77.00" in asks(host, BILL)
    assert there(host, BILL)["TotalAmt"] == 77


def test_the_same_change_on_both_sides_is_no_question(host: FaultyHost) -> None:
    """Whoever typed it first: there is nothing to choose."""
    edit(host, BILL, {"CustomerMemo": {"value": "Thank you"}})
    edit(host, BILL, priced(host, 120))
    host.save(attrs.evolve(RAISED, message="Thank you"))
    host.send()
    assert host.look(BILL).state is RecordState.SYNCED


@pytest.mark.parametrize("answer", ["ours", "theirs"])
def test_amounts_of_a_payment(host: FaultyHost, answer: str) -> None:
    """A payment's amount was changed on both sides."""
    host.save(PAID)
    host.send()
    lines = [{"Amount": 90, "LinkedTxn": there(host, PAID)["Line"][0]["LinkedTxn"]}]
    edit(host, PAID, {"TotalAmt": 90, "PrivateNote": "Ann knows", "Line": lines})
    host.save(attrs.evolve(PAID, amount=Decimal(80)))
    host.send()
    assert asks(host, PAID) == "The amount is $80.00 in DunaHub and $90.00 in QuickBooks."
    assert (host.retry if answer == "ours" else host.keep)(key(host, PAID)) == 1
    host.send()
    found = there(host, PAID)
    assert (found["TotalAmt"], found["PrivateNote"]) == (
        80 if answer == "ours" else 90,
        "Ann knows",
    )
    assert host.look(PAID).state is RecordState.SYNCED


def test_a_customers_phone_holds_up_no_invoice(host: FaultyHost) -> None:
    """The customer asks which one it is; its next invoice goes out."""
    edit(host, LEAD, {"PrimaryPhone": {"FreeFormNumber": "512-555-0777"}})
    changed = attrs.evolve(LEAD, phone="512-555-0999", email="new@example.com")
    host.save(changed, make_invoice("inv-2", lead=changed))
    host.send()
    assert asks(host, LEAD) == (
        "The phone number is “512-555-0999” in DunaHub and “512-555-0777” in QuickBooks."
    )
    assert host.look("invoice:inv-2").state is RecordState.SYNCED
    assert host.keep(key(host, LEAD)) == 1
    host.send()
    found = there(host, LEAD)
    assert found["PrimaryPhone"]["FreeFormNumber"] == "512-555-0777"
    assert found["PrimaryEmailAddr"]["Address"] == "new@example.com"
