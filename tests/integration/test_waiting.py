"""What waits, for what, and when it goes out (rules 8, 13, 16 to 19 and 27)."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import attrs
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
from dunahub_qbo_plugin.testing import ORG, PERSON, make_invoice, make_lead, make_payment
from tests.support.faulty import FaultyHost
from tests.support.host import CONTRACTOR, asked_about, connection_of, rows_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

LEAD = RecordKey(kind=Kind.CUSTOMER, local_id="lead-1")
BILL = RecordKey(kind=Kind.INVOICE, local_id="inv-1")
PAID = RecordKey(kind=Kind.PAYMENT, local_id="pay-1")
IN_BRAZIL = Organization(id=ORG.id, name=ORG.name, region=Region.BR)


@pytest.fixture
def host(tmp_path: Path, store_url: str | None) -> Iterator[FaultyHost]:
    """Return a connected host, on SQLite and on PostgreSQL."""
    made = FaultyHost(tmp_path, database_url=store_url)
    yield made
    made.close()


def shown(host: FaultyHost, key: RecordKey) -> RecordState:
    """A record's state."""
    return host.look(f"{key.kind}:{key.local_id}").state


def order(host: FaultyHost, since: int) -> list[str]:
    """The entities that were written, in order."""
    return [one.path.removeprefix("/") for one in host.requests(since) if one.write]


def test_children_wait_name_their_parent_and_follow_it(host: FaultyHost) -> None:
    """Invoice and payment wait for the customer that is refused, and go out once it is mended."""
    before = host.mark()
    host.save(
        make_lead(name="Sarah: Mitchell"),
        make_invoice(lead=make_lead(name="Sarah: Mitchell")),
        make_payment(),
    )
    assert host.send() == 0
    assert shown(host, LEAD) is RecordState.ATTENTION
    assert shown(host, BILL) is RecordState.WAITING
    assert host.look("invoice:inv-1").waiting_for == LEAD
    assert host.look("invoice:inv-1").parent_label == "Sarah: Mitchell"
    assert host.look("payment:pay-1").waiting_for == BILL
    assert host.requests(before) == []
    host.clock.advance(24 * 3600)
    assert host.send() == 0
    host.save(make_lead())
    assert host.send() == 3
    assert order(host, before) == ["customer", "invoice", "payment"]


def test_waiting_children_cost_nothing(host: FaultyHost) -> None:
    """A record that waits is not looked at again and again: a drain without work ends."""
    host.save(make_payment())
    assert host.send() == 0
    next_look = host.look("payment:pay-1").next_attempt_at
    assert next_look is not None
    assert next_look - host.clock.now() > timedelta(minutes=9)
    assert host.send() == 0


def test_children_of_a_customer_that_exists_do_not_wait_for_its_change(host: FaultyHost) -> None:
    """An update of the customer that is refused keeps no invoice back: the customer is there."""
    host.save(make_lead())
    host.send()
    bad = make_lead(name="Sarah: Mitchell")
    host.save(bad, make_invoice(lead=bad))
    assert host.send() == 1
    assert shown(host, LEAD) is RecordState.ATTENTION
    assert shown(host, BILL) is RecordState.SYNCED


def test_invoice_that_is_refused_holds_its_payment_only(host: FaultyHost) -> None:
    """One refused invoice holds up its own payment and nothing else."""
    host.save(make_invoice(number="x" * 30), make_payment(), make_invoice("inv-2"))
    assert host.send() == 2
    assert shown(host, BILL) is RecordState.ATTENTION
    assert host.look("payment:pay-1").waiting_for == BILL
    host.save(make_invoice())
    assert host.send() == 2
    assert host.books.payments[0]["unapplied"] == "0.00"


def test_expired_work_goes_out_in_order_after_reconnecting(host: FaultyHost) -> None:
    """After Token expired everything waits; reconnected, it all goes out in order (rule 16)."""
    host.qbo.emulator.world.tokens.end_grants(realm=CONTRACTOR)
    host.clock.advance(3600)
    host.save(make_payment(), make_invoice(), make_lead())
    before = host.mark()
    assert host.send() == 0
    assert connection_of(host).status is Status.TOKEN_EXPIRED
    assert {shown(host, key) for key in (LEAD, BILL, PAID)} == {RecordState.WAITING}
    host.clock.advance(7 * 24 * 3600)
    assert host.send() == 0
    assert order(host, before) == []
    host.connect()
    assert host.send() == 3
    assert order(host, before) == ["customer", "invoice", "payment"]


def test_revoked_while_sending_stops_and_goes_on(host: FaultyHost) -> None:
    """Access revoked at Intuit between two records: the rest waits for Reconnect (rule 16)."""
    host.save(make_lead())
    host.send()
    host.qbo.emulator.world.tokens.end_grants(realm=CONTRACTOR)
    host.save(make_invoice(), make_payment())
    assert host.send() == 0
    assert connection_of(host).status is Status.TOKEN_EXPIRED
    assert shown(host, BILL) is RecordState.WAITING
    host.connect()
    assert host.send() == 2


def test_work_from_before_a_disconnect_is_not_sent(host: FaultyHost) -> None:
    """What was unsent at the disconnect is Not sent until a person sends it (rules 17 and 18)."""
    host.save(make_lead(), make_invoice(), make_payment())
    host.runtime.panel.connection_service.disconnect(ORG, PERSON)
    before = host.mark()
    host.clock.advance(60)
    host.connect()
    assert host.send() == 0
    assert order(host, before) == []
    assert {shown(host, key) for key in (LEAD, BILL, PAID)} == {RecordState.NOT_SENT}
    with host.runtime.database.write.begin() as db:
        sent = commands.send(db, connection_of(host), None, by="Dana", now=host.clock.now())
    assert sent == 3
    assert host.send() == 3
    assert order(host, before) == ["customer", "invoice", "payment"]


def test_another_company_starts_clean(host: FaultyHost) -> None:
    """Another company gets nothing of the old one's, whose links are kept (rule 19)."""
    host.save(make_lead(), make_invoice(), make_payment())
    host.send()
    host.save(make_lead(phone=""), make_invoice("inv-2"))
    host.connect("empty")
    assert host.press("confirm-company", company=asked_about(host))
    before = host.mark()
    assert host.send() == 0
    assert order(host, before) == []
    assert host.qbo.books_of("empty").totals["customers"] == 0
    host.save(make_invoice("inv-3"))
    assert host.send() == 2
    assert host.qbo.books_of("empty").totals["invoices"] == 1
    host.connect()
    assert host.press("confirm-company", company=asked_about(host))
    host.save(make_invoice(message="Thank you"))
    host.send()
    assert [one["number"] for one in host.books.invoices] == ["D-inv-1"]
    assert host.books.doubles == []


def test_region_change_stops_everything_until_it_is_us_again(host: FaultyHost) -> None:
    """Outside the US nothing is stored or sent, and retries stop too (rule 13)."""
    bad = make_lead(name="Sarah: Mitchell")
    host.save(bad, make_invoice(lead=bad))
    host.send()
    before = host.mark()
    host.save(make_lead("lead-2"), org=IN_BRAZIL)
    assert len(rows_of(host)) == 2
    host.retry(None)
    host.clock.advance(3600)
    assert host.send() == 0
    assert order(host, before) == []
    host.save(make_lead(), make_invoice())
    assert host.send() == 0
    region.enter(host.runtime.database, "acme")
    assert host.send() == 2


def test_a_payment_brings_its_invoice_along(host: FaultyHost) -> None:
    """A payment on an invoice of before the connection goes with invoice and customer (rule 8)."""
    before = host.mark()
    host.save(attrs.evolve(make_payment(), invoice=make_invoice()))
    assert host.send() == 3
    assert order(host, before) == ["customer", "invoice", "payment"]
    host.save(make_invoice(message="Newer"))
    host.save(attrs.evolve(make_payment(reference="Corrected"), invoice=make_invoice()))
    host.drain_all()
    assert [one["balance"] for one in host.books.invoices] == ["0.00"]


def test_a_payment_on_an_invoice_of_which_nobody_told(host: FaultyHost) -> None:
    """It waits a while, then a person is told what to do; told later, it goes (rules 8 and 22)."""
    host.save(make_lead(), make_payment())
    host.send()
    assert shown(host, PAID) is RecordState.WAITING
    host.clock.advance(UNKNOWN_PARENT_GRACE)
    host.send()
    view = host.look("payment:pay-1")
    assert view.error is not None
    assert (view.state, view.error.code) == (RecordState.ATTENTION, PARENT_UNKNOWN)
    told = advise(Kind.PAYMENT, view.error)
    assert "D-inv-1" in told.why
    assert told.action.startswith("Open the invoice in DunaHub and save it")
    host.retry(PAID)
    host.send()
    assert shown(host, PAID) is RecordState.ATTENTION
    host.save(make_invoice())
    host.drain_all()
    assert shown(host, PAID) is RecordState.SYNCED
    assert [one["unapplied"] for one in host.books.payments] == ["0.00"]


def test_nobody_is_called_for_a_payment_behind_another(host: FaultyHost) -> None:
    """What waits for an older payment of its invoice is not due before that one is."""
    host.save(make_payment(id="one", invoice_id="untold"))
    assert host.send() == 0
    host.save(make_payment(id="two", invoice_id="untold"))
    company, now = connection_of(host).id, host.clock.now()
    with host.runtime.database.read.connect() as db:
        (due,) = leases.due_companies(db, now=now).values()
        assert leases.to_ring_for(db, now=now, limit=10) == []
        assert not leases.is_due(db, company, now=now)
    assert due == to_ms(now + timedelta(seconds=UNKNOWN_PARENT_GRACE))


@pytest.mark.parametrize("carried_out", [True, False])
def test_what_was_on_its_way_at_a_disconnect_may_be_there(
    host: FaultyHost, *, carried_out: bool
) -> None:
    """Its card says to look in QuickBooks first; sent again by a person, it is there once."""
    host.save(make_lead())
    host.send()
    host.qbo.trouble(
        TroubleRule(kind="lose" if carried_out else "fail", entity="invoice", status=503)
    )
    host.save(make_invoice())
    host.send()
    host.runtime.panel.connection_service.disconnect(ORG, PERSON)
    (card,) = host.manager.hook.on_record_render(
        org=ORG,
        request=SettingsRequest(person=PERSON, page_url="/p", action_url="/a/"),
        kind=RecordKind.INVOICE,
        record_id="inv-1",
    )
    assert "QuickBooks may have it: look there" in " ".join(card.html.split())
    host.connect()
    host.clock.advance(600)
    with host.runtime.database.write.begin() as db:
        commands.send(db, connection_of(host), [BILL], by="Dana", now=host.clock.now())
    host.settle()
    assert shown(host, BILL) is RecordState.SYNCED
    assert len(host.books.invoices) == 1
