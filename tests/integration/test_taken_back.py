"""A change that is taken back before QuickBooks' answer to it is known (rules 7, 10 and 21)."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from dunahub_qbo_plugin.emulator.world.trouble import TroubleRule
from dunahub_qbo_plugin.model import Kind, RecordKey, RecordState, SkipReason
from dunahub_qbo_plugin.review.files import not_sent_files
from dunahub_qbo_plugin.store.records import commands
from tests.support.faulty import Bench, priced
from tests.support.office import ACME, CONTRACTOR, DANA, invoice, lead, payment

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


BILL = RecordKey(kind=Kind.INVOICE, local_id="inv-1")


@pytest.fixture
def office(tmp_path: Path, store_url: str | None) -> Iterator[Bench]:
    """A connected office on either database."""
    bench = Bench(tmp_path, database_url=store_url)
    yield bench
    bench.close()


def lose_the_answer(office: Bench, entity: str) -> None:
    """Have the next write of a kind accepted, and its answer lost."""
    office.trouble(TroubleRule(kind="lose", entity=entity, method="POST"))


def let_hours_pass(office: Bench) -> None:
    """Drain again and again, past every pause and every age of a request."""
    for _ in range(12):
        office.drain()
        office.time.advance(1200)


def total(office: Bench, what: str = "invoices") -> str:
    """Return the total of the only document in the books."""
    (found,) = office.books()[what]
    text: str = found["total"]
    return text


def dismiss(office: Bench, key: RecordKey) -> None:
    """Decide not to send a record."""
    with office.runtime.database.write.begin() as db:
        assert commands.dismiss(
            db, office.connection(), [key], reason="By hand", by="Dana", now=office.time.now()
        )


@pytest.mark.parametrize("meanwhile", ["nothing", "a disconnect", "a dismissal"])
def test_an_invoice(office: Bench, meanwhile: str) -> None:
    """Accepted at $150 without an answer and taken back to $100, it comes to $100 in the books."""
    office.save(priced("100.00"))
    office.drain()
    lose_the_answer(office, "invoice")
    office.save(priced("150.00"))
    office.drain()
    assert total(office) == "150.00"
    if meanwhile == "a disconnect":
        office.runtime.panel.connection_service.disconnect(ACME, DANA)
    elif meanwhile == "a dismissal":
        dismiss(office, BILL)
        office.time.advance(60)
        office.drain()
    office.save(priced("100.00"))
    view = office.view(Kind.INVOICE, "inv-1")
    assert view.state is not RecordState.SYNCED, "nobody knows that yet"
    if meanwhile == "a disconnect":
        office.connect()
        let_hours_pass(office)
        assert office.view(Kind.INVOICE, "inv-1").state is RecordState.NOT_SENT
        with office.runtime.database.write.begin() as db:
            commands.send(db, office.connection(), None, by="Dana", now=office.time.now())
    let_hours_pass(office)
    assert total(office) == "100.00"
    assert office.view(Kind.INVOICE, "inv-1").state is RecordState.SYNCED


def test_a_payment(office: Bench) -> None:
    """The same of a payment."""
    office.save(priced("200.00"), payment(amount=Decimal(100)))
    office.drain()
    lose_the_answer(office, "payment")
    office.save(payment(amount=Decimal(150)))
    office.drain()
    office.save(payment(amount=Decimal(100)))
    let_hours_pass(office)
    assert total(office, "payments") == "100.00"
    assert office.view(Kind.PAYMENT, "pay-1").state is RecordState.SYNCED


def test_what_was_refused_is_taken_back_for_nothing(office: Bench) -> None:
    """A change that QuickBooks refused for sure and that is taken back needs no request."""
    office.save(priced("100.00"))
    office.drain()
    office.trouble(TroubleRule(kind="fail", status=400, code="6210", entity="invoice"))
    office.save(priced("150.00"))
    office.drain()
    assert office.view(Kind.INVOICE, "inv-1").state is RecordState.ATTENTION
    before = office.mark()
    office.save(priced("100.00"))
    let_hours_pass(office)
    assert office.view(Kind.INVOICE, "inv-1").state is RecordState.SYNCED
    assert not [one for one in office.requests(before) if one.write]


def test_what_is_gone_stays_gone(office: Bench) -> None:
    """An invoice deleted in QuickBooks is not Synced because a change is undone (rule 24)."""
    office.save(priced("100.00"))
    office.drain()
    (found,) = office.books()["invoices"]
    office.emulator.world.companies[CONTRACTOR].books.delete("Invoice", found["id"])
    office.save(priced("150.00"))
    office.drain()
    assert office.view(Kind.INVOICE, "inv-1").state is RecordState.ATTENTION
    office.save(priced("100.00"))
    let_hours_pass(office)
    assert office.view(Kind.INVOICE, "inv-1").state is RecordState.ATTENTION


def test_a_create_that_was_edited_and_dismissed(office: Bench) -> None:
    """Found in QuickBooks after all, it is kept up to date, and does not wait on (rule 21)."""
    office.save(lead())
    office.drain()
    lose_the_answer(office, "invoice")
    office.save(priced("100.00"))
    office.drain()
    office.save(priced("150.00"))
    dismiss(office, BILL)
    assert office.view(Kind.INVOICE, "inv-1").skip_reason is SkipReason.DISMISSED
    office.time.advance(300)
    let_hours_pass(office)
    view = office.view(Kind.INVOICE, "inv-1")
    assert (view.state, view.skip_reason, total(office)) == (RecordState.SYNCED, None, "150.00")


def test_files_for_the_import_leave_out_what_is_there(office: Bench) -> None:
    """What QuickBooks has, or may have, comes in files of its own (rules 10 and 18)."""
    office.save(priced("100.00"))
    office.drain()
    lose_the_answer(office, "invoice")
    office.save(invoice("inv-2"))
    office.drain()
    office.save(priced("150.00"), invoice("inv-3"))
    office.runtime.panel.connection_service.disconnect(ACME, DANA)
    with office.runtime.database.read.connect() as db:
        bodies = not_sent_files(db, office.connection(), Kind.INVOICE)
    found = {
        name: [number for number in ("D-inv-1", "D-inv-2", "D-inv-3") if number in body.decode()]
        for name, body in bodies.items()
    }
    assert found == {
        "not-sent-invoices.csv": ["D-inv-3"],
        "not-sent-invoices-changed-since.csv": ["D-inv-1"],
        "not-sent-invoices-look-first.csv": ["D-inv-2"],
    }
