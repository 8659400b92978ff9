"""What hosts do: save, edit, void, pay, correct payments, and take their own transactions back.

Promises that every hook is called through pluggy, in a thread of its own, as by a host's request.
Promises that the CRM's own order of saves is noted before the plugin hears of any.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

import attrs
import sqlalchemy as sa
from sqlalchemy.orm import Session

from dunahub_hookspecs import Invoice, InvoiceStatus, Lead, Payment
from dunahub_hookspecs.host import notify
from dunahub_qbo_plugin.model import Kind
from dunahub_qbo_plugin.store.records.upsert import CLOCK_STEP
from dunahub_qbo_plugin.testing.host import key_of
from tests.simulation import crm
from tests.simulation.crm import FOREIGN, INVOICES, LEADS, PAYMENTS, Org, Request, Save
from tests.simulation.storage import CRM_TABLE, HOST_PATIENCE

if TYPE_CHECKING:
    import random
    from collections.abc import Callable, Iterable

    from tests.simulation.crm import Value
    from tests.simulation.process import Process
    from tests.simulation.world import World


def save_lead(world: World, dice: random.Random) -> None:
    """Save a lead with another e-mail address, or as it is."""
    org = world.some_org(dice)
    number = dice.randrange(LEADS)
    world.hosts.save(org, lambda: [crm.lead(org.id, number, dice.randrange(4))], dice)


def save_invoice(world: World, dice: random.Random) -> None:
    """Save a new invoice, or change what one amounts to."""
    org, number = world.some_org(dice), dice.randrange(INVOICES)
    cents = (number + 1) * 100_00 + dice.randrange(4) * 1_01

    def made() -> list[Value]:
        bill = org.invoice(number)
        if bill is not None and bill.status is InvoiceStatus.VOID:
            return []
        paid = sum((one.amount for one in org.payments_of(number)), Decimal(0))
        return [crm.invoice(org, number, max(cents, int(paid * 100)))]

    world.hosts.save(org, made, dice)


def reword_invoice(world: World, dice: random.Random) -> None:
    """Add a word to an invoice's message."""
    org, number = world.some_org(dice), dice.randrange(INVOICES)

    def made() -> list[Value]:
        bill = org.invoice(number)
        if bill is None or bill.status is InvoiceStatus.VOID:
            return []
        lead = org.lead(number % LEADS)
        return [attrs.evolve(bill, lead=lead, message=f"Thank you {dice.randrange(9)}")]

    world.hosts.save(org, made, dice)


def lower_invoice(world: World, dice: random.Random) -> None:
    """Lower an invoice to less than what was paid on it."""
    org = world.some_org(dice)

    def made() -> list[Value]:
        paid = [number for number in range(INVOICES) if org.payments_of(number)]
        if not paid:
            return []
        number = paid[dice.randrange(len(paid))]
        bill = org.invoice(number)
        received = sum((one.amount for one in org.payments_of(number)), Decimal(0))
        if bill is None or bill.status is InvoiceStatus.VOID:
            return []
        return [crm.invoice(org, number, int(received * dice.randrange(3, 10) * 10))]

    world.hosts.save(org, made, dice)


def raise_invoice(world: World, dice: random.Random) -> None:
    """Raise an invoice that was paid."""
    org = world.some_org(dice)

    def made() -> list[Value]:
        paid = [number for number in range(INVOICES) if org.payments_of(number)]
        if not paid:
            return []
        number = paid[dice.randrange(len(paid))]
        bill = org.invoice(number)
        if bill is None or bill.status is InvoiceStatus.VOID:
            return []
        return [crm.invoice(org, number, int(bill.total * 130))]

    world.hosts.save(org, made, dice)


def void_invoice(world: World, dice: random.Random) -> None:
    """Void an invoice that nobody has paid on."""
    org, number = world.some_org(dice), dice.randrange(INVOICES)

    def made() -> list[Value]:
        bill = org.invoice(number)
        if bill is None or org.payments_of(number):
            return []
        return [attrs.evolve(bill, status=InvoiceStatus.VOID)]

    world.hosts.save(org, made, dice)


def revive_invoice(world: World, dice: random.Random) -> None:
    """Make a voided invoice valid again."""
    org, number = world.some_org(dice), dice.randrange(INVOICES)

    def made() -> list[Value]:
        bill = org.invoice(number)
        if bill is None or bill.status is not InvoiceStatus.VOID:
            return []
        return [attrs.evolve(bill, status=InvoiceStatus.OPEN, lead=org.lead(number % LEADS))]

    world.hosts.save(org, made, dice)


def pay(world: World, dice: random.Random) -> None:
    """Record a payment of what is open of an invoice, or of a part of it."""
    org, number = world.some_org(dice), dice.randrange(PAYMENTS)
    cash = dice.random() < 0.1

    def made() -> list[Value]:
        if org.record(Kind.PAYMENT, number).last is not None:
            return []
        of = dice.randrange(INVOICES)
        left = org.open_cents(of)
        if left <= 0:
            return []
        cents = left if dice.random() < 0.5 else max(left * dice.randrange(2, 9) // 10, 1)
        return [crm.payment(org, number, of, cents, cash=cash)]

    world.hosts.save(org, made, dice)


def bill_and_pay(world: World, dice: random.Random) -> None:
    """Save an invoice and a payment on it at once."""
    org, number = world.some_org(dice), dice.randrange(INVOICES)
    paid = dice.randrange(PAYMENTS)

    def made() -> list[Value]:
        if org.invoice(number) or org.record(Kind.PAYMENT, paid).last:
            return []
        bill = crm.invoice(org, number, (number + 1) * 100_00)
        cents = int(bill.total * 100) // dice.choice((1, 2, 3))
        return [bill, crm.payment(org, paid, number, cents)]

    world.hosts.save(org, made, dice)


def correct_payment(world: World, dice: random.Random) -> None:
    """Correct what a payment amounts to; what it is less, another payment may be more."""
    org, other = world.some_org(dice), dice.randrange(PAYMENTS)

    def made() -> list[Value]:
        paid = [one for n in range(INVOICES) for one in org.payments_of(n)]
        if not paid:
            return []
        chosen = paid[dice.randrange(len(paid))]
        less = (chosen.amount * dice.randrange(2, 9) / 10).quantize(Decimal("0.01"))
        values: list[Value] = [attrs.evolve(chosen, amount=less)]
        if org.record(Kind.PAYMENT, other).last is None and dice.random() < 0.7:
            of = int(chosen.invoice_id.rpartition("-")[2])
            cents = int((chosen.amount - less) * 100)
            values.append(crm.payment(org, other, of, cents))
        return values if less > 0 else []

    world.hosts.save(org, made, dice)


def save_at_once(world: World, dice: random.Random) -> None:
    """Save one invoice in two processes at nearly the same moment."""
    org, number = world.some_org(dice), dice.randrange(INVOICES)
    for _ in range(2):
        cents = (number + 1) * 100_00 + dice.randrange(9) * 1_01

        def made(cents: int = cents) -> list[Value]:
            bill = org.invoice(number)
            if (bill and bill.status is InvoiceStatus.VOID) or org.payments_of(number):
                return []
            return [crm.invoice(org, number, cents)]

        world.hosts.save(org, made, dice, plain=True)


def pay_unknown(world: World, dice: random.Random) -> None:
    """Record a payment on an invoice that was made before the plugin was there."""
    org, number = world.some_org(dice), dice.randrange(PAYMENTS)

    def made() -> list[Value]:
        if org.record(Kind.PAYMENT, number).last is not None:
            return []
        return [crm.payment(org, number, FOREIGN, 10_00)]

    world.hosts.save(org, made, dice)


class Hosts:
    """The CRM's processes, which save records and tell the plugin.

    Args:
        world: the run.
        sessions: how often a host hands over its open session, 0 to 1.
        rollbacks: how often it takes that transaction back.
    """

    def __init__(self, world: World, *, sessions: float, rollbacks: float) -> None:
        self._world = world
        self._sessions = sessions
        self._rollbacks = rollbacks
        self._number = 0

    def save(
        self,
        org: Org,
        made: Callable[[], list[Value]],
        dice: random.Random,
        *,
        plain: bool = False,
    ) -> None:
        """Save records in a request of one of the hosts.

        Args:
            org: whose they are.
            made: gives what is saved, as the CRM stands then.
            dice: chooses the host and the way.
            plain: True never to hand over a session.
        """
        host = self._world.some_host(dice)
        session = not plain and dice.random() < self._sessions
        undone = session and dice.random() < self._rollbacks
        late = dice.random() < self._world.profile.late_region
        self._number += 1

        def request() -> None:
            self._world.scheduler.point("request")
            us = True if late and not org.us else org.us
            if session:
                self._within(host, org, made, undone=undone, us=us)
            else:
                self._plainly(host, org, made, us=us)

        self._world.scheduler.spawn(
            f"{host.name}.request-{self._number}", host.life, request, request=True
        )

    def _plainly(
        self, host: Process, org: Org, made: Callable[[], list[Value]], *, us: bool
    ) -> None:
        """Save in the CRM's own database, then tell."""
        self._world.scheduler.wait("record", lambda: not self._is_busy(org))
        request = Request(host.life, self._world.scheduler.steps, us)
        noted = note(host, org, made(), request)
        for saves in noted:
            tell(host, org, saves, None)
            for save in saves:
                save.kept_in_memory = host.keeps(org.id, key_of(save.value))
        request.told = self._world.scheduler.steps

    def _within(
        self,
        host: Process,
        org: Org,
        made: Callable[[], list[Value]],
        *,
        undone: bool,
        us: bool,
    ) -> None:
        """Save and tell in one transaction, which may be taken back."""
        scheduler = self._world.scheduler
        scheduler.wait("record", lambda: not self._is_busy(org))
        request = Request(host.life, scheduler.steps, us, undone=True)
        noted = note(host, org, made(), request)
        records = [org.records[key_of(save.value)] for saves in noted for save in saves]
        for record in records:
            record.busy = True
        try:
            self._transact(host, org, noted, request, undone=undone)
        except sa.exc.OperationalError:
            scheduler.note("the host could not write")
        finally:
            for record in records:
                record.busy = False
            request.told = scheduler.steps

    def _transact(
        self, host: Process, org: Org, noted: list[list[Save]], request: Request, *, undone: bool
    ) -> None:
        with self._world.host_engine.connect() as connection:
            driver: Any = connection.connection.driver_connection
            patience, still = HOST_PATIENCE, lambda: in_transaction(driver)
            with (
                host.lock.held(host.life, patience=patience, still=still),
                Session(bind=connection) as session,
            ):
                session.execute(sa.text(f"INSERT INTO {CRM_TABLE} (text) VALUES ('saved')"))  # noqa: S608  a constant
                for saves in noted:
                    tell(host, org, saves, session)
                    self._world.scheduler.point("in the host's transaction")
                if undone:
                    session.rollback()
                    return
                # From here on it counts: what follows is done after the commit.
                sa.event.listen(session, "after_commit", lambda _: _commit(request), insert=True)
                session.commit()

    @staticmethod
    def _is_busy(org: Org) -> bool:
        return any(record.busy for record in org.records.values())


def note(host: Process, org: Org, values: Iterable[Value], request: Request) -> list[list[Save]]:
    """Write saves down in the CRM: of each value, and of the lead that an invoice brings along."""
    noted = []
    for value in values:
        brought: list[Value] = [value.lead] if isinstance(value, Invoice) else []
        now = host.runtime.clock.now()
        saves = [Save(one, request, now, brought=one is not value) for one in [*brought, value]]
        for save in saves:
            org.of(key_of(save.value)).saves.append(save)
            host.scheduler.note(f"{host.name} saves {_told(save.value)}")
        noted.append(saves)
    return noted


def _told(value: Value) -> str:
    match value:
        case Lead():
            return f"{value.id}: {value.email}"
        case Invoice():
            return f"{value.id}: {value.total} {value.status} {value.message!r}"
        case Payment():
            return f"{value.id}: {value.amount} on {value.invoice_id}"


def tell(host: Process, org: Org, saves: list[Save], session: Session | None) -> None:
    """Call the hook for a value; the last save is it."""
    value = saves[-1].value
    for save in saves:
        save.at, save.called = host.runtime.clock.now(), host.scheduler.steps
        save.unsure = host.scheduler.was_set_back(within=CLOCK_STEP.total_seconds())
    common: dict[str, Any] = {"org": org.value(us=saves[-1].request.us), "session": session}
    match value:
        case Lead():
            notify(host.manager, "on_lead_saved", lead=value, **common)
        case Invoice():
            notify(host.manager, "on_invoice_updated", invoice=value, **common)
        case Payment():
            notify(host.manager, "on_payment_recorded", payment=value, **common)
    for save in saves:
        save.heard = host.scheduler.steps


def in_transaction(driver: Any) -> bool:  # noqa: ANN401  a driver's connection
    """Tell whether a driver's connection has a transaction open."""
    info = getattr(driver, "info", None)  # PostgreSQL's
    return bool(driver.in_transaction if info is None else info.transaction_status)


def _commit(request: Request) -> None:
    request.undone = False


EVENTS = (
    lower_invoice,
    raise_invoice,
    void_invoice,
    revive_invoice,
    save_at_once,
    pay_unknown,
)
"""What hosts do now and then."""
