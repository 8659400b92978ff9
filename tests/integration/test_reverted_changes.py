"""A change that is taken back before QuickBooks' answer to it is known (rules 7, 10 and 21)."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from dunahub_qbo_plugin.emulator.world.trouble import TroubleRule
from dunahub_qbo_plugin.model import Kind, RecordKey, RecordState, SkipReason
from dunahub_qbo_plugin.review.files import not_sent_files
from dunahub_qbo_plugin.store.records import commands
from dunahub_qbo_plugin.testing import ORG, PERSON, make_invoice, make_lead, make_payment
from tests.support.faulty import FaultyHost, priced
from tests.support.host import connection_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


BILL = RecordKey(kind=Kind.INVOICE, local_id="inv-1")


@pytest.fixture
def host(tmp_path: Path, store_url: str | None) -> Iterator[FaultyHost]:
    """Return a connected host on either database."""
    made = FaultyHost(tmp_path, database_url=store_url)
    yield made
    made.close()


def lose_the_answer(host: FaultyHost, entity: str) -> None:
    """Have the next write of a kind accepted, and its answer lost."""
    host.qbo.trouble(TroubleRule(kind="lose", entity=entity, method="POST"))


def total(host: FaultyHost, what: str = "invoices") -> str:
    """Return the total of the only document in the books."""
    (found,) = host.books.read()[what]
    text: str = found["total"]
    return text


def dismiss(host: FaultyHost, key: RecordKey) -> None:
    """Decide not to send a record."""
    with host.runtime.database.write.begin() as db:
        assert commands.dismiss(
            db, connection_of(host), [key], reason="By hand", by="Dana", now=host.clock.now()
        )


@pytest.mark.parametrize("meanwhile", ["nothing", "a disconnect", "a dismissal"])
def test_an_invoice(host: FaultyHost, meanwhile: str) -> None:
    """Accepted at $150 without an answer and taken back to $100, it comes to $100 in the books."""
    host.save(priced("100.00"))
    host.send()
    lose_the_answer(host, "invoice")
    host.save(priced("150.00"))
    host.send()
    assert total(host) == "150.00"
    if meanwhile == "a disconnect":
        host.runtime.panel.connection_service.disconnect(ORG, PERSON)
    elif meanwhile == "a dismissal":
        dismiss(host, BILL)
        host.clock.advance(60)
        host.send()
    host.save(priced("100.00"))
    view = host.look("invoice:inv-1")
    assert view.state is not RecordState.SYNCED, "nobody knows that yet"
    if meanwhile == "a disconnect":
        host.connect()
        host.pass_time(4)
        assert host.look("invoice:inv-1").state is RecordState.NOT_SENT
        with host.runtime.database.write.begin() as db:
            commands.send(db, connection_of(host), None, by="Dana", now=host.clock.now())
    host.pass_time(4)
    assert total(host) == "100.00"
    assert host.look("invoice:inv-1").state is RecordState.SYNCED


def test_a_payment(host: FaultyHost) -> None:
    """The same of a payment."""
    host.save(priced("200.00"), make_payment(amount=Decimal(100)))
    host.send()
    lose_the_answer(host, "payment")
    host.save(make_payment(amount=Decimal(150)))
    host.send()
    host.save(make_payment(amount=Decimal(100)))
    host.pass_time(4)
    assert total(host, "payments") == "100.00"
    assert host.look("payment:pay-1").state is RecordState.SYNCED


def test_what_was_refused_is_taken_back_for_nothing(host: FaultyHost) -> None:
    """A change that QuickBooks refused for sure and that is taken back needs no request."""
    host.save(priced("100.00"))
    host.send()
    host.qbo.trouble(TroubleRule(kind="fail", status=400, code="6210", entity="invoice"))
    host.save(priced("150.00"))
    host.send()
    assert host.look("invoice:inv-1").state is RecordState.ATTENTION
    before = host.mark()
    host.save(priced("100.00"))
    host.pass_time(4)
    assert host.look("invoice:inv-1").state is RecordState.SYNCED
    assert not [one for one in host.requests(before) if one.write]


def test_what_is_gone_stays_gone(host: FaultyHost) -> None:
    """An invoice deleted in QuickBooks is not Synced because a change is undone (rule 24)."""
    host.save(priced("100.00"))
    host.send()
    (found,) = host.books.invoices
    host.qbo.company().books.delete("Invoice", found["id"])
    host.save(priced("150.00"))
    host.send()
    assert host.look("invoice:inv-1").state is RecordState.ATTENTION
    host.save(priced("100.00"))
    host.pass_time(4)
    assert host.look("invoice:inv-1").state is RecordState.ATTENTION


def test_a_create_that_was_edited_and_dismissed(host: FaultyHost) -> None:
    """Found in QuickBooks after all, it is kept up to date, and does not wait on (rule 21)."""
    host.save(make_lead())
    host.send()
    lose_the_answer(host, "invoice")
    host.save(priced("100.00"))
    host.send()
    host.save(priced("150.00"))
    dismiss(host, BILL)
    assert host.look("invoice:inv-1").skip_reason is SkipReason.DISMISSED
    host.clock.advance(300)
    host.pass_time(4)
    view = host.look("invoice:inv-1")
    assert (view.state, view.skip_reason, total(host)) == (RecordState.SYNCED, None, "150.00")


def test_files_for_the_import_leave_out_what_is_there(host: FaultyHost) -> None:
    """What QuickBooks has, or may have, comes in files of its own (rules 10 and 18)."""
    host.save(priced("100.00"))
    host.send()
    lose_the_answer(host, "invoice")
    host.save(make_invoice("inv-2"))
    host.send()
    host.save(priced("150.00"), make_invoice("inv-3"))
    host.runtime.panel.connection_service.disconnect(ORG, PERSON)
    with host.runtime.database.read.connect() as db:
        bodies = not_sent_files(db, connection_of(host), Kind.INVOICE)
    found = {
        name: [number for number in ("D-inv-1", "D-inv-2", "D-inv-3") if number in body.decode()]
        for name, body in bodies.items()
    }
    assert found == {
        "not-sent-invoices.csv": ["D-inv-3"],
        "not-sent-invoices-changed-since.csv": ["D-inv-1"],
        "not-sent-invoices-look-first.csv": ["D-inv-2"],
    }
