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
from dunahub_qbo_plugin.testing import ORG, PERSON, make_invoice, make_lead, make_payment
from tests.support.faulty import FaultyHost
from tests.support.host import rows_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from dunahub_hookspecs import Invoice, Lead, Payment

LONG = "x" * 5000
BILL = RecordKey(kind=Kind.INVOICE, local_id="inv-1")


@pytest.fixture
def host(tmp_path: Path, store_url: str | None) -> Iterator[FaultyHost]:
    """Return a connected host on either database."""
    made = FaultyHost(tmp_path, database_url=store_url)
    yield made
    made.close()


def _line(**changes: Any) -> LineItem:  # noqa: ANN401  attributes of a LineItem
    return attrs.evolve(
        LineItem(service_id="s1", service_name="x", unit_price=Decimal(1)), **changes
    )


ODD: dict[str, tuple[Kind, Lead | Invoice | Payment]] = {
    "a name": (Kind.CUSTOMER, make_lead("odd", name="N" * 3000)),
    "a company": (Kind.CUSTOMER, make_lead("odd", company="N" * 3000)),
    "an e-mail address": (Kind.CUSTOMER, make_lead("odd", email=f"{LONG}@example.com")),
    "a street": (Kind.CUSTOMER, make_lead("odd", address=Address(line1=LONG))),
    "an id": (Kind.CUSTOMER, make_lead(LONG)),
    "an id of three-byte characters": (Kind.CUSTOMER, make_lead("\N{EURO SIGN}" * 900)),
    "an id with half a character": (Kind.CUSTOMER, make_lead("lead\ud800")),
    "an id with a NUL": (Kind.CUSTOMER, make_lead("lead\0")),
    "an invoice's id": (Kind.INVOICE, make_invoice(LONG)),
    "an invoice's lead": (Kind.INVOICE, make_invoice("odd", lead=make_lead(LONG))),
    "a number": (Kind.INVOICE, make_invoice("odd", number=LONG)),
    "a service's id": (Kind.INVOICE, make_invoice("odd", lines=[_line(service_id=LONG)])),
    "a service's id with a NUL": (
        Kind.INVOICE,
        make_invoice("odd", lines=[_line(service_id="s\0")]),
    ),
    "a service's name": (Kind.INVOICE, make_invoice("odd", lines=[_line(service_name=LONG)])),
    "a description": (Kind.INVOICE, make_invoice("odd", lines=[_line(description=LONG * 10)])),
    "a message": (Kind.INVOICE, make_invoice("odd", message=LONG * 10)),
    "a payment's id": (Kind.PAYMENT, make_payment(id=LONG)),
    "a payment's invoice": (Kind.PAYMENT, make_payment(id="odd", invoice_id=LONG)),
    "a reference": (Kind.PAYMENT, make_payment(id="odd", reference=LONG)),
}


@pytest.mark.parametrize("odd", ODD)
def test_what_no_database_takes_keeps_nobody_back(host: FaultyHost, odd: str) -> None:
    """The others go out; the odd one is stored, and goes or says what is to be corrected."""
    kind, value = ODD[odd]
    host.save(make_lead(), make_invoice(), value, make_lead("after"))
    host.settle()
    for other in (RecordKey(kind=Kind.CUSTOMER, local_id="after"), BILL):
        assert host.look(f"{other.kind}:{other.local_id}").state is RecordState.SYNCED
    view = host.look(f"{kind}:{value.id}")
    if view.state is RecordState.WAITING:  # for a customer that needs attention
        assert view.waiting_for is not None
        kind, value = view.waiting_for.kind, make_lead(LONG)
        view = host.look(f"{kind}:{value.id}")
    assert view.state in {RecordState.SYNCED, RecordState.ATTENTION}
    if view.state is RecordState.ATTENTION:
        assert view.error is not None
        told = advise(kind, view.error)
        assert told.why != f"{told.title}."
        assert len(told.why) < 500
    assert host.runtime.intake.waiting == 0
    (card,) = host.manager.hook.on_record_render(
        org=ORG,
        request=SettingsRequest(person=PERSON, page_url="/p", action_url="/a/"),
        kind=RecordKind.LEAD if kind is Kind.CUSTOMER else RecordKind(kind.value),
        record_id=value.id,
    )
    assert view.state.value in card.html


def test_a_row_that_the_host_has_locked_is_left_for_later(
    tmp_path: Path, postgres_url: str
) -> None:
    """A host's long transaction keeps its own invoice back, and nothing else."""
    host = FaultyHost(tmp_path, database_url=postgres_url)
    host.save(make_lead(), *(make_invoice(f"inv-{number}") for number in range(5)))
    engine = sa.create_engine(postgres_url)
    with engine.begin() as crm:
        mine = sa.select(records.c.id).where(records.c.local_id == "inv-3").with_for_update()
        assert crm.execute(mine).first() is not None
        drain = threading.Thread(target=host.drain_all, daemon=True)
        drain.start()
        drain.join(60)
        assert not drain.is_alive()
        states = {
            name: host.look(f"invoice:{name}").state for name in (f"inv-{n}" for n in range(5))
        }
        assert states.pop("inv-3") is RecordState.WAITING
        assert set(states.values()) == {RecordState.SYNCED}
    host.clock.advance(5)
    host.drain_all()
    assert host.look("invoice:inv-3").state is RecordState.SYNCED
    assert len(host.books.invoices) == 5
    engine.dispose()
    host.close()


def test_an_answer_of_a_row_that_is_locked_meanwhile_is_written_later(
    tmp_path: Path, postgres_url: str
) -> None:
    """The host locks an invoice while it is being sent: the others are written at once."""
    host = FaultyHost(tmp_path, database_url=postgres_url)
    host.save(make_lead())
    host.drain_all()
    host.save(*(make_invoice(f"inv-{number}") for number in range(3)))
    engine = sa.create_engine(postgres_url)
    locked, go = threading.Event(), threading.Event()

    def hold() -> None:
        with engine.begin() as crm:
            mine = sa.select(records.c.id).where(records.c.local_id == "inv-1")
            crm.execute(mine.with_for_update())
            locked.set()
            go.wait(60)

    def lock_it(_: object) -> None:
        if not locked.is_set():
            threading.Thread(target=hold, daemon=True).start()
            assert locked.wait(60)

    host.line.watched = lock_it
    drain = threading.Thread(target=host.drain_all, daemon=True)
    drain.start()
    assert locked.wait(60)
    go.set()
    drain.join(60)
    assert not drain.is_alive()
    host.drain_all()
    assert {row.qbo_id is not None for row in rows_of(host)} == {True}
    assert len(host.books.invoices) == 3
    engine.dispose()
    host.close()
