"""An office whose line to QuickBooks fails as a test says, and records of every kind to send."""

from __future__ import annotations

import copy
from datetime import date, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import attrs
import httpx

from dunahub_hookspecs import InvoiceStatus, Lead, LineItem
from dunahub_qbo_plugin.emulator.emulator import Emulator
from dunahub_qbo_plugin.emulator.world.world import World
from dunahub_qbo_plugin.model import Kind, Operation, RecordKey
from dunahub_qbo_plugin.store.companies import pauses
from dunahub_qbo_plugin.store.records import commands
from tests.support.clock import FakeClock
from tests.support.office import CONTRACTOR, REDIRECT, Office, invoice, lead, payment

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from dunahub_hookspecs import Invoice


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


class Faulty(Emulator):
    """An emulator behind such a line."""

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self.line = Line(super().transport())

    def transport(self) -> httpx.BaseTransport:
        """Return the line."""
        return self.line


class Bench(Office):
    """A connected office on a clock that a test moves, with such an emulator."""

    def __init__(self, folder: Path, **options: Any) -> None:  # noqa: ANN401  Office's own
        time = FakeClock()
        world = World.default(clock=time.now, redirect_uris=(REDIRECT,))
        self.faulty = Faulty(world)
        super().__init__(folder, clock=time, emulator=self.faulty, **options)
        self.connect()

    def on(self, database: Path) -> Bench:
        """Start the plugin on another database, as after a restore; QuickBooks stays as it is."""
        self.close()
        other = copy.copy(self)
        Office.__init__(
            other,
            database.parent,
            clock=self.time,
            emulator=self.faulty,
            database_url=f"sqlite:///{database}",
            key=self.key,
        )
        return other

    def retry(self, key: RecordKey | None) -> int:
        """Press Retry on a record, or on all that need attention."""
        with self.runtime.database.write.begin() as db:
            return commands.retry(
                db,
                self.connection(),
                None if key is None else [key],
                by="Dana",
                now=self.time.now(),
            )

    def link(self, key: RecordKey) -> int:
        """Press "Use this customer"."""
        with self.runtime.database.write.begin() as db:
            return commands.link(db, self.connection(), key, by="Dana", now=self.time.now())

    def resume(self) -> None:
        """Let the company go on at once."""
        with self.runtime.database.write.begin() as db:
            pauses.resume(db, self.connection().id)

    def drain_all(self) -> int:
        """Send what is due at once, in as many turns as it takes; gives how many went through."""
        sent = 0
        while turn := self.drain():
            sent += turn
        return sent

    def requests(self, since: int = 0) -> list[Any]:
        """Return what was asked of the company's books, oldest first."""
        entries = self.emulator.world.journal.entries()
        return [one for one in entries if one.kind == "api" and one.number > since]

    def mark(self) -> int:
        """Return a number for `requests` that leaves out what was asked until now."""
        return max((one.number for one in self.emulator.world.journal.entries()), default=0)

    def settled(self, kind: Kind, local_id: str, *, tries: int = 40) -> None:
        """Let time pass until a record is due no more."""
        for _ in range(tries):
            self.drain()
            if self.view(kind, local_id).next_attempt_at is None:
                return
            paused = self.connection().paused_until or self.time.now()
            due = self.view(kind, local_id).next_attempt_at or self.time.now()
            until = max(paused, due, self.time.now() + timedelta(seconds=1))
            self.time.advance((until - self.time.now()).total_seconds())
        raise AssertionError(f"{kind} {local_id} is due again and again")


@attrs.frozen(kw_only=True)
class Work:
    """One record that is about to be written in one way, in an office.

    Attributes:
        key: the record.
        operation: what is due for it.
        entity: its entity in a path.
    """

    office: Bench
    tag: str
    key: RecordKey
    operation: Operation

    @property
    def entity(self) -> str:
        """Its entity in a path."""
        return self.key.kind.value

    def there(self) -> list[dict[str, Any]]:
        """Return what QuickBooks has of it."""
        books = self.office.books(CONTRACTOR)
        match self.key.kind:
            case Kind.CUSTOMER:
                return [one for one in books["customers"] if one["name"] == self._name]
            case Kind.INVOICE:
                return [one for one in books["invoices"] if one["number"] == f"D-{self.tag}"]
            case _:
                return [one for one in books["payments"] if one["number"] == f"pi_{self.tag}"]

    @property
    def _name(self) -> str:
        return f"Sarah Jones {self.tag}"

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


def prepare(office: Bench, tag: str, kind: Kind, operation: Operation) -> Work:
    """Bring an office to where one write of one record is due, and nothing else."""
    person = lead(tag)
    bill = invoice(tag, lead=person)
    paid = payment(tag, invoice_id=tag, invoice_number=f"D-{tag}")
    standing: list[Any] = [person, bill, paid][: list(Kind).index(kind)]
    own: Any = {Kind.CUSTOMER: person, Kind.INVOICE: bill, Kind.PAYMENT: paid}[kind]
    if operation is not Operation.CREATE:
        standing.append(own)
    if standing:
        office.save(*standing)
        assert office.drain() == len(standing)
    office.save(_wanted(own, kind, operation, tag))
    key = RecordKey(kind=kind, local_id=tag)
    return Work(office=office, tag=tag, key=key, operation=operation)


def _wanted(own: Any, kind: Kind, operation: Operation, tag: str) -> Any:  # noqa: ANN401  a record
    match kind, operation:
        case _, Operation.CREATE:
            return own
        case Kind.CUSTOMER, _:
            return attrs.evolve(own, email=f"new-{tag}@example.com")
        case Kind.INVOICE, Operation.UPDATE:
            return invoice(tag, lead=own.lead, lines=[service("Gutter Cleaning", "75.00")])
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
    return [lead(f"lead-{place}") for place in range(number)]


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
    return invoice(lines=[line])
