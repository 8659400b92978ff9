"""Texts and ids beyond all sense, a locked row, companies that hang: nobody else pays for it."""

from __future__ import annotations

import threading
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import attrs
import pytest
import sqlalchemy as sa

from dunahub_hookspecs import Address, LineItem, RecordKind, SettingsRequest
from dunahub_qbo_plugin.advice import advise
from dunahub_qbo_plugin.model import Kind, RecordKey, RecordState
from dunahub_qbo_plugin.store.tables import records
from tests.support.faulty import Bench
from tests.support.office import ACME, DANA, invoice, lead, payment

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from dunahub_hookspecs import Invoice, Lead, Payment

LONG = "x" * 5000
BILL = RecordKey(kind=Kind.INVOICE, local_id="inv-1")


@pytest.fixture
def office(tmp_path: Path, store_url: str | None) -> Iterator[Bench]:
    """A connected office on either database."""
    bench = Bench(tmp_path, database_url=store_url)
    yield bench
    bench.close()


def _line(**changes: Any) -> LineItem:  # noqa: ANN401  attributes of a LineItem
    return attrs.evolve(
        LineItem(service_id="s1", service_name="x", unit_price=Decimal(1)), **changes
    )


ODD: dict[str, tuple[Kind, Lead | Invoice | Payment]] = {
    "a name": (Kind.CUSTOMER, lead("odd", name="N" * 3000)),
    "a company": (Kind.CUSTOMER, lead("odd", company="N" * 3000)),
    "an e-mail address": (Kind.CUSTOMER, lead("odd", email=f"{LONG}@example.com")),
    "a street": (Kind.CUSTOMER, lead("odd", address=Address(line1=LONG))),
    "an id": (Kind.CUSTOMER, lead(LONG)),
    "an id of three-byte characters": (Kind.CUSTOMER, lead("\N{EURO SIGN}" * 900)),
    "an id with half a character": (Kind.CUSTOMER, lead("lead\ud800")),
    "an id with a NUL": (Kind.CUSTOMER, lead("lead\0")),
    "an invoice's id": (Kind.INVOICE, invoice(LONG)),
    "an invoice's lead": (Kind.INVOICE, invoice("odd", lead=lead(LONG))),
    "a number": (Kind.INVOICE, invoice("odd", number=LONG)),
    "a service's id": (Kind.INVOICE, invoice("odd", lines=[_line(service_id=LONG)])),
    "a service's id with a NUL": (Kind.INVOICE, invoice("odd", lines=[_line(service_id="s\0")])),
    "a service's name": (Kind.INVOICE, invoice("odd", lines=[_line(service_name=LONG)])),
    "a description": (Kind.INVOICE, invoice("odd", lines=[_line(description=LONG * 10)])),
    "a message": (Kind.INVOICE, invoice("odd", message=LONG * 10)),
    "a payment's id": (Kind.PAYMENT, payment(LONG)),
    "a payment's invoice": (Kind.PAYMENT, payment("odd", invoice_id=LONG)),
    "a reference": (Kind.PAYMENT, payment("odd", reference=LONG)),
}


@pytest.mark.parametrize("odd", ODD)
def test_what_no_database_takes_keeps_nobody_back(office: Bench, odd: str) -> None:
    """The others go out; the odd one is stored, and goes or says what is to be corrected."""
    kind, value = ODD[odd]
    office.save(lead(), invoice(), value, lead("after"))
    office.drain_until_quiet()
    for other in (RecordKey(kind=Kind.CUSTOMER, local_id="after"), BILL):
        assert office.view(other.kind, other.local_id).state is RecordState.SYNCED
    view = office.view(kind, value.id)
    if view.state is RecordState.WAITING:  # for a customer that needs attention
        assert view.waiting_for is not None
        kind, value = view.waiting_for.kind, lead(LONG)
        view = office.view(kind, value.id)
    assert view.state in {RecordState.SYNCED, RecordState.ATTENTION}
    if view.state is RecordState.ATTENTION:
        assert view.error is not None
        told = advise(kind, view.error)
        assert told.why != f"{told.title}."
        assert len(told.why) < 500
    assert office.runtime.intake.waiting == 0
    (card,) = office.manager.hook.on_record_render(
        org=ACME,
        request=SettingsRequest(person=DANA, page_url="/p", action_url="/a/"),
        kind=RecordKind.LEAD if kind is Kind.CUSTOMER else RecordKind(kind.value),
        record_id=value.id,
    )
    assert view.state.value in card.html


def test_a_row_that_the_host_has_locked_is_left_for_later(
    tmp_path: Path, postgres_url: str
) -> None:
    """A host's long transaction keeps its own invoice back, and nothing else."""
    office = Bench(tmp_path, database_url=postgres_url)
    office.save(lead(), *(invoice(f"inv-{number}") for number in range(5)))
    engine = sa.create_engine(postgres_url)
    with engine.begin() as host:
        mine = sa.select(records.c.id).where(records.c.local_id == "inv-3").with_for_update()
        assert host.execute(mine).first() is not None
        drain = threading.Thread(target=office.drain_all, daemon=True)
        drain.start()
        drain.join(60)
        assert not drain.is_alive()
        states = {
            name: office.view(Kind.INVOICE, name).state for name in (f"inv-{n}" for n in range(5))
        }
        assert states.pop("inv-3") is RecordState.WAITING
        assert set(states.values()) == {RecordState.SYNCED}
    office.time.advance(5)
    office.drain_all()
    assert office.view(Kind.INVOICE, "inv-3").state is RecordState.SYNCED
    assert len(office.books()["invoices"]) == 5
    engine.dispose()
    office.close()


def test_an_answer_of_a_row_that_is_locked_meanwhile_is_written_later(
    tmp_path: Path, postgres_url: str
) -> None:
    """The host locks an invoice while it is being sent: the others are written at once."""
    office = Bench(tmp_path, database_url=postgres_url)
    office.save(lead())
    office.drain_all()
    office.save(*(invoice(f"inv-{number}") for number in range(3)))
    engine = sa.create_engine(postgres_url)
    locked, go = threading.Event(), threading.Event()

    def hold() -> None:
        with engine.begin() as host:
            mine = sa.select(records.c.id).where(records.c.local_id == "inv-1")
            host.execute(mine.with_for_update())
            locked.set()
            go.wait(60)

    def lock_it(_: object) -> None:
        if not locked.is_set():
            threading.Thread(target=hold, daemon=True).start()
            assert locked.wait(60)

    office.faulty.line.watched = lock_it
    drain = threading.Thread(target=office.drain_all, daemon=True)
    drain.start()
    assert locked.wait(60)
    go.set()
    drain.join(60)
    assert not drain.is_alive()
    office.drain_all()
    assert {row.qbo_id is not None for row in office.rows()} == {True}
    assert len(office.books()["invoices"]) == 3
    engine.dispose()
    office.close()
