"""What waits, for what, and when it goes out (rules 8, 13, 16 to 19 and 27)."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from dunahub_hookspecs import Organization, RecordKind, Region, SettingsRequest
from dunahub_qbo_plugin.advice import advise
from dunahub_qbo_plugin.connect import region
from dunahub_qbo_plugin.emulator.world.trouble import TroubleRule
from dunahub_qbo_plugin.model import PARENT_UNKNOWN, Kind, RecordKey, RecordState, Status
from dunahub_qbo_plugin.store.companies import leases
from dunahub_qbo_plugin.store.convert import to_ms
from dunahub_qbo_plugin.store.records import commands
from dunahub_qbo_plugin.sync.planner import UNKNOWN_PARENT_GRACE
from tests.support.faulty import Bench
from tests.support.office import ACME, CONTRACTOR, DANA, EMPTY, invoice, lead, payment

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

LEAD = RecordKey(kind=Kind.CUSTOMER, local_id="lead-1")
BILL = RecordKey(kind=Kind.INVOICE, local_id="inv-1")
PAID = RecordKey(kind=Kind.PAYMENT, local_id="pay-1")
IN_BRAZIL = Organization(id=ACME.id, name=ACME.name, region=Region.BR)


@pytest.fixture
def office(tmp_path: Path, store_url: str | None) -> Iterator[Bench]:
    """A connected office, on SQLite and on PostgreSQL."""
    bench = Bench(tmp_path, database_url=store_url)
    yield bench
    bench.close()


def shown(office: Bench, key: RecordKey) -> RecordState:
    """A record's state."""
    return office.view(key.kind, key.local_id).state


def order(office: Bench, since: int) -> list[str]:
    """The entities that were written, in order."""
    return [one.path.removeprefix("/") for one in office.requests(since) if one.write]


def test_children_wait_name_their_parent_and_follow_it(office: Bench) -> None:
    """Invoice and payment wait for the customer that is refused, and go out once it is mended."""
    before = office.mark()
    office.save(lead(email="no address"), invoice(lead=lead(email="no address")), payment())
    assert office.drain() == 0
    assert shown(office, LEAD) is RecordState.ATTENTION
    assert shown(office, BILL) is RecordState.WAITING
    assert office.view(Kind.INVOICE, "inv-1").waiting_for == LEAD
    assert office.view(Kind.INVOICE, "inv-1").parent_label == "Sarah Jones lead-1"
    assert office.view(Kind.PAYMENT, "pay-1").waiting_for == BILL
    assert office.requests(before) == []
    office.time.advance(24 * 3600)
    assert office.drain() == 0
    office.save(lead())
    assert office.drain() == 3
    assert order(office, before) == ["customer", "invoice", "payment"]


def test_waiting_children_cost_nothing(office: Bench) -> None:
    """A record that waits is not looked at again and again: a drain without work ends."""
    office.save(payment())
    assert office.drain() == 0
    next_look = office.view(Kind.PAYMENT, "pay-1").next_attempt_at
    assert next_look is not None
    assert next_look - office.time.now() > timedelta(minutes=9)
    assert office.drain() == 0


def test_children_of_a_customer_that_exists_do_not_wait_for_its_change(office: Bench) -> None:
    """An update of the customer that is refused keeps no invoice back: the customer is there."""
    office.save(lead())
    office.drain()
    office.save(lead(email="no address"), invoice(lead=lead(email="no address")))
    assert office.drain() == 1
    assert shown(office, LEAD) is RecordState.ATTENTION
    assert shown(office, BILL) is RecordState.SYNCED


def test_invoice_that_is_refused_holds_its_payment_only(office: Bench) -> None:
    """One refused invoice holds up its own payment and nothing else."""
    office.save(invoice(number="x" * 30), payment(), invoice("inv-2"))
    assert office.drain() == 2
    assert shown(office, BILL) is RecordState.ATTENTION
    assert office.view(Kind.PAYMENT, "pay-1").waiting_for == BILL
    office.save(invoice())
    assert office.drain() == 2
    assert office.books()["payments"][0]["unapplied"] == "0.00"


def test_expired_work_goes_out_in_order_after_reconnecting(office: Bench) -> None:
    """After Token expired everything waits; reconnected, it all goes out in order (rule 16)."""
    office.emulator.world.tokens.end_grants(realm=CONTRACTOR)
    office.time.advance(3600)
    office.save(payment(), invoice(), lead())
    before = office.mark()
    assert office.drain() == 0
    assert office.connection().status is Status.TOKEN_EXPIRED
    assert {shown(office, key) for key in (LEAD, BILL, PAID)} == {RecordState.WAITING}
    office.time.advance(7 * 24 * 3600)
    assert office.drain() == 0
    assert order(office, before) == []
    office.connect()
    assert office.drain() == 3
    assert order(office, before) == ["customer", "invoice", "payment"]


def test_revoked_while_sending_stops_and_goes_on(office: Bench) -> None:
    """Access revoked at Intuit between two records: the rest waits for Reconnect (rule 16)."""
    office.save(lead())
    office.drain()
    office.emulator.world.tokens.end_grants(realm=CONTRACTOR)
    office.save(invoice(), payment())
    assert office.drain() == 0
    assert office.connection().status is Status.TOKEN_EXPIRED
    assert shown(office, BILL) is RecordState.WAITING
    office.connect()
    assert office.drain() == 2


def test_work_from_before_a_disconnect_is_not_sent(office: Bench) -> None:
    """What was unsent at the disconnect is Not sent until a person sends it (rules 17 and 18)."""
    office.save(lead(), invoice(), payment())
    office.runtime.panel.connection_service.disconnect(ACME, DANA)
    before = office.mark()
    office.time.advance(60)
    office.connect()
    assert office.drain() == 0
    assert order(office, before) == []
    assert {shown(office, key) for key in (LEAD, BILL, PAID)} == {RecordState.NOT_SENT}
    with office.runtime.database.write.begin() as db:
        sent = commands.send(db, office.connection(), None, by="Dana", now=office.time.now())
    assert sent == 3
    assert office.drain() == 3
    assert order(office, before) == ["customer", "invoice", "payment"]


def test_another_company_starts_clean(office: Bench) -> None:
    """Another company gets nothing of the old one's, whose links are kept (rule 19)."""
    office.save(lead(), invoice(), payment())
    office.drain()
    office.save(lead(phone=""), invoice("inv-2"))
    office.connect(EMPTY)
    assert office.say_yes()
    before = office.mark()
    assert office.drain() == 0
    assert order(office, before) == []
    assert office.books(EMPTY)["totals"]["customers"] == 0
    office.save(invoice("inv-3"))
    assert office.drain() == 2
    assert office.books(EMPTY)["totals"]["invoices"] == 1
    office.connect(CONTRACTOR)
    assert office.say_yes()
    office.save(invoice(message="Thank you"))
    office.drain()
    assert [one["number"] for one in office.books()["invoices"]] == ["D-inv-1"]
    assert office.books()["doubles"] == []


def test_region_change_stops_everything_until_it_is_us_again(office: Bench) -> None:
    """Outside the US nothing is stored or sent, and retries stop too (rule 13)."""
    office.save(lead(email="no address"), invoice(lead=lead(email="no address")))
    office.drain()
    before = office.mark()
    office.save(lead("lead-2"), org=IN_BRAZIL)
    assert len(office.rows()) == 2
    office.retry(None)
    office.time.advance(3600)
    assert office.drain() == 0
    assert order(office, before) == []
    office.save(lead(), invoice())
    assert office.drain() == 0
    region.enter(office.runtime.database, "acme")
    assert office.drain() == 2


def test_a_payment_brings_its_invoice_along(office: Bench) -> None:
    """A payment on an invoice of before the connection goes with invoice and customer (rule 8)."""
    before = office.mark()
    office.save(payment(invoice=invoice()))
    assert office.drain() == 3
    assert order(office, before) == ["customer", "invoice", "payment"]
    office.save(invoice(message="Newer"))
    office.save(payment(invoice=invoice(), reference="Corrected"))
    office.drain_all()
    assert [one["balance"] for one in office.books()["invoices"]] == ["0.00"]


def test_a_payment_on_an_invoice_of_which_nobody_told(office: Bench) -> None:
    """It waits a while, then a person is told what to do; told later, it goes (rules 8 and 22)."""
    office.save(lead(), payment())
    office.drain()
    assert shown(office, PAID) is RecordState.WAITING
    office.time.advance(UNKNOWN_PARENT_GRACE)
    office.drain()
    view = office.view(Kind.PAYMENT, "pay-1")
    assert view.error is not None
    assert (view.state, view.error.code) == (RecordState.ATTENTION, PARENT_UNKNOWN)
    told = advise(Kind.PAYMENT, view.error)
    assert "D-inv-1" in told.why
    assert told.action.startswith("Open the invoice in DunaHub and save it")
    office.retry(PAID)
    office.drain()
    assert shown(office, PAID) is RecordState.ATTENTION
    office.save(invoice())
    office.drain_all()
    assert shown(office, PAID) is RecordState.SYNCED
    assert [one["unapplied"] for one in office.books()["payments"]] == ["0.00"]


def test_nobody_is_called_for_a_payment_behind_another(office: Bench) -> None:
    """What waits for an older payment of its invoice is not due before that one is."""
    office.save(payment("one", invoice_id="untold"))
    assert office.drain() == 0
    office.save(payment("two", invoice_id="untold"))
    company, now = office.connection().id, office.time.now()
    with office.runtime.database.read.connect() as db:
        (due,) = leases.due_companies(db, now=now).values()
        assert leases.to_ring_for(db, now=now, limit=10) == []
        assert not leases.is_due(db, company, now=now)
    assert due == to_ms(now + timedelta(seconds=UNKNOWN_PARENT_GRACE))


@pytest.mark.parametrize("carried_out", [True, False])
def test_what_was_on_its_way_at_a_disconnect_may_be_there(
    office: Bench, *, carried_out: bool
) -> None:
    """Its card says to look in QuickBooks first; sent again by a person, it is there once."""
    office.save(lead())
    office.drain()
    office.trouble(
        TroubleRule(kind="lose" if carried_out else "fail", entity="invoice", status=503)
    )
    office.save(invoice())
    office.drain()
    office.runtime.panel.connection_service.disconnect(ACME, DANA)
    (card,) = office.manager.hook.on_record_render(
        org=ACME,
        request=SettingsRequest(person=DANA, page_url="/p", action_url="/a/"),
        kind=RecordKind.INVOICE,
        record_id="inv-1",
    )
    assert "QuickBooks may have it: look there" in " ".join(card.html.split())
    office.connect()
    office.time.advance(600)
    with office.runtime.database.write.begin() as db:
        commands.send(db, office.connection(), [BILL], by="Dana", now=office.time.now())
    office.drain_until_quiet()
    assert shown(office, BILL) is RecordState.SYNCED
    assert len(office.books()["invoices"]) == 1
