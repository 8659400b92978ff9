"""A host whose line to QuickBooks fails as a test says, and records of every kind to send."""

from __future__ import annotations

import copy
from datetime import date, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import attrs
import httpx
import sqlalchemy as sa

from dunahub_hookspecs import InvoiceStatus, Lead, LineItem
from dunahub_qbo_plugin.model import Kind, Operation, RecordKey
from dunahub_qbo_plugin.store.companies import pauses
from dunahub_qbo_plugin.store.convert import from_ms
from dunahub_qbo_plugin.store.records import commands
from dunahub_qbo_plugin.store.tables import records
from dunahub_qbo_plugin.testing import (
    FakeHost,
    QboEmulator,
    SteeredClock,
    make_invoice,
    make_lead,
    make_payment,
)
from tests.support.host import START, connection_of, database

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime
    from pathlib import Path

    from dunahub_hookspecs import Invoice


SOON = timedelta(minutes=1)


class Line(httpx.BaseTransport):
    """A line to the emulator; the next request to a company's books may fail on it."""

    def __init__(self, inner: httpx.BaseTransport) -> None:
        self._inner = inner
        self.error: type[httpx.TransportError] | None = None
        self.text = ""
        self.delivers = False
        self.watched: Callable[[httpx.Request], None] | None = None

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Pass a request on, unless it is to fail."""
        if self.watched is not None:
            self.watched(request)
        failing, self.error = self.error, None
        if failing is None:
            return self._inner.handle_request(request)
        if self.delivers:
            self._inner.handle_request(request)
        raise failing(self.text, request=request)

    def deliver(self, request: httpx.Request) -> None:
        """Let a request arrive that was on its way; nobody hears of its answer."""
        self._inner.handle_request(request)


class FaultyHost(FakeHost):
    """A connected host on a clock that a test moves, with such a line.

    Args:
        folder: where the database goes.
        database_url: another database than SQLite in the folder.
    """

    def __init__(self, folder: Path, *, database_url: str | None = None) -> None:
        qbo = QboEmulator(SteeredClock(START))
        self.line = Line(qbo.transport())
        url = database(folder, database_url)
        super().__init__(folder, qbo=qbo, transport=self.line, database_url=url)
        self.connect()

    def on(self, database: Path) -> FaultyHost:
        """Start the plugin on another database, as after a restore; QuickBooks stays as it is."""
        self.close()
        other = copy.copy(self)
        other.config = attrs.evolve(self.config, database_url=f"sqlite:///{database}")
        other.restart()
        return other

    def retry(self, key: RecordKey | None) -> int:
        """Press Retry on a record, or on all that need attention."""
        with self.runtime.database.write.begin() as db:
            return commands.retry(
                db,
                connection_of(self),
                None if key is None else [key],
                by="Dana",
                now=self.clock.now(),
            )

    def keep(self, key: RecordKey) -> int:
        """Press "Keep QuickBooks'"."""
        with self.runtime.database.write.begin() as db:
            return commands.keep(db, connection_of(self), [key], by="Dana", now=self.clock.now())

    def link(self, key: RecordKey) -> int:
        """Press "Use this customer"."""
        with self.runtime.database.write.begin() as db:
            return commands.link(db, connection_of(self), key, by="Dana", now=self.clock.now())

    def resume(self) -> None:
        """Let the company go on at once."""
        with self.runtime.database.write.begin() as db:
            pauses.resume(db, connection_of(self).id)

    def drain_all(self) -> int:
        """Send what is due at once, in as many turns as it takes; gives how many went through."""
        sent = 0
        while turn := self.send():
            sent += turn
        return sent

    def pass_time(self, hours: float, *, resume: bool = False) -> None:
        """Send whenever something is due, for so many hours.

        Args:
            hours: how long.
            resume: no pause of the company holds anything up.
        """
        end = self.clock.now() + timedelta(hours=hours)
        while True:
            self.send()
            if resume:
                self.resume()
            due = self._next_due()
            if due is None or due > end:
                break
            self._move_to(max(due, self.clock.now() + SOON))
        self._move_to(end)
        self.send()

    def _next_due(self) -> datetime | None:
        """Return when the company's next record is due, which is not before its pause ends."""
        company = connection_of(self)
        soonest = sa.select(sa.func.min(records.c.next_attempt_at)).where(
            records.c.company_id == company.id
        )
        with self.runtime.database.read.connect() as db:
            due: int | None = db.execute(soonest).scalar_one()
        if due is None:
            return None
        return max(from_ms(due), company.paused_until or self.clock.now())

    def _move_to(self, moment: datetime) -> None:
        self.clock.advance(max((moment - self.clock.now()).total_seconds(), 0.0))

    def requests(self, since: int = 0) -> list[Any]:
        """Return what was asked of the company's books, oldest first."""
        entries = self.qbo.emulator.world.journal.entries()
        return [one for one in entries if one.kind == "api" and one.number > since]

    def mark(self) -> int:
        """Return a number for `requests` that leaves out what was asked until now."""
        return max((one.number for one in self.qbo.emulator.world.journal.entries()), default=0)

    def settled(self, kind: Kind, local_id: str, *, tries: int = 40) -> None:
        """Let time pass until a record is due no more."""
        for _ in range(tries):
            self.send()
            if self.look(f"{kind}:{local_id}").next_attempt_at is None:
                return
            paused = connection_of(self).paused_until or self.clock.now()
            due = self.look(f"{kind}:{local_id}").next_attempt_at or self.clock.now()
            until = max(paused, due, self.clock.now() + timedelta(seconds=1))
            self.clock.advance((until - self.clock.now()).total_seconds())
        raise AssertionError(f"{kind} {local_id} is due again and again")


@attrs.frozen(kw_only=True)
class Work:
    """One record that is about to be written in one way, by a host.

    Attributes:
        key: the record.
        operation: what is due for it.
        entity: its entity in a path.
    """

    host: FaultyHost
    tag: str
    key: RecordKey
    operation: Operation

    @property
    def entity(self) -> str:
        """Its entity in a path."""
        return self.key.kind.value

    def there(self) -> list[dict[str, Any]]:
        """Return what QuickBooks has of it."""
        books = self.host.books.read()
        match self.key.kind:
            case Kind.CUSTOMER:
                return [one for one in books["customers"] if one["name"] == self._name]
            case Kind.INVOICE:
                return [one for one in books["invoices"] if one["number"] == f"D-{self.tag}"]
            case _:
                return [one for one in books["payments"] if one["number"] == f"pi_{self.tag}"]

    @property
    def _name(self) -> str:
        return f"Sarah Mitchell {self.tag}"

    def is_done(self) -> bool:
        """Return whether QuickBooks holds what was asked for."""
        found = self.there()
        if len(found) != 1:
            return False
        (one,) = found
        match self.key.kind, self.operation:
            case Kind.CUSTOMER, Operation.UPDATE:
                return bool(one["email"] == f"new-{self.tag}@example.com")
            case Kind.INVOICE, Operation.UPDATE:
                return bool(one["total"] == "150.00")
            case Kind.INVOICE, Operation.VOID:
                return bool(one["voided"])
            case Kind.PAYMENT, Operation.UPDATE:
                return bool(one["total"] == "60.00")
            case _:
                return True


def prepare(host: FaultyHost, tag: str, kind: Kind, operation: Operation) -> Work:
    """Bring a host to where one write of one record is due, and nothing else."""
    person = make_lead(tag)
    bill = make_invoice(tag, lead=person)
    paid = make_payment(id=tag, invoice_id=tag, invoice_number=f"D-{tag}")
    standing: list[Any] = [person, bill, paid][: list(Kind).index(kind)]
    own: Any = {Kind.CUSTOMER: person, Kind.INVOICE: bill, Kind.PAYMENT: paid}[kind]
    if operation is not Operation.CREATE:
        standing.append(own)
    if standing:
        host.save(*standing)
        assert host.send() == len(standing)
    host.save(_wanted(own, kind, operation, tag))
    key = RecordKey(kind=kind, local_id=tag)
    return Work(host=host, tag=tag, key=key, operation=operation)


def _wanted(own: Any, kind: Kind, operation: Operation, tag: str) -> Any:  # noqa: ANN401  a record
    match kind, operation:
        case _, Operation.CREATE:
            return own
        case Kind.CUSTOMER, _:
            return attrs.evolve(own, email=f"new-{tag}@example.com")
        case Kind.INVOICE, Operation.UPDATE:
            return make_invoice(tag, lead=own.lead, lines=[service("Gutter Cleaning", "75.00")])
        case Kind.INVOICE, _:
            return attrs.evolve(own, status=InvoiceStatus.VOID)
        case _:
            return attrs.evolve(own, amount=Decimal("60.00"))


def service(name: str, price: str, *, quantity: int = 2, key: str = "svc-1") -> LineItem:
    """Make a line for a service."""
    return LineItem(
        description=name,
        quantity=Decimal(quantity),
        unit_price=Decimal(price),
        service_id=key,
        service_name=name,
    )


def many(number: int) -> list[Lead]:
    """Make leads that have nothing in common."""
    return [make_lead(f"lead-{place}") for place in range(number)]


MARCH = date(2026, 3, 2)


def priced(price: str) -> Invoice:
    """Make the invoice with one line at a price."""
    line = LineItem(
        description="Gutter cleaning",
        quantity=Decimal(1),
        unit_price=Decimal(price),
        service_id="svc-1",
        service_name="Gutter Cleaning",
    )
    return make_invoice(lines=[line])
