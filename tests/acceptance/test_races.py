from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

from dunahub_qbo_plugin.emulator.world.grants import OAuthSettings
from dunahub_qbo_plugin.emulator.world.trouble import TroubleRule
from dunahub_qbo_plugin.emulator.world.world import World
from dunahub_qbo_plugin.model import Kind, RecordKey, RecordState, Status
from dunahub_qbo_plugin.store.companies.leases import LEASE
from dunahub_qbo_plugin.store.records import commands
from dunahub_qbo_plugin.testing import (
    ORG,
    PERSON,
    QboEmulator,
    SteeredClock,
    make_invoice,
    make_lead,
    make_payment,
)
from dunahub_qbo_plugin.testing.emulator import REDIRECT_URI
from tests.acceptance.two_processes import DEADLINE, Pair, Running
from tests.support.host import connection_of

if TYPE_CHECKING:
    from pathlib import Path

LEASE_IS_OVER = LEASE.total_seconds() + 1
"""Seconds; less than a drain's turn takes, after which it would end in any case."""


def names(pair: Pair) -> list[str]:
    """Return the names of the customers in the books."""
    return sorted(entry["name"] for entry in pair.books.customers)


def leads(pair: Pair, *numbers: int) -> None:
    """Save leads by number."""
    pair.save(*(make_lead(f"lead-{number}") for number in numbers))


def shown(pair: Pair, kind: Kind, local_id: str) -> RecordState:
    """Return a record's state as people see it."""
    return pair.look(f"{kind}:{local_id}").state


def test_second_worker_keeps_off(tmp_path: Path, store_url: str | None) -> None:
    """While one worker drains a company, another one sends nothing of it (rule 10)."""
    with Pair(tmp_path, database_url=store_url) as pair:
        leads(pair, 1, 2, 3)
        pair.line.hold("/customer")
        drain = Running(pair.send)
        pair.line.await_held()
        assert pair.other.send() == 0
        assert pair.other_line.sent == []
        pair.line.let_go()
        assert drain.result() == 3
        assert (pair.line.writes(), len(names(pair))) == (3, 3)


def test_change_during_a_drain_is_sent_too(tmp_path: Path, store_url: str | None) -> None:
    """A change that comes while the old state is on its way goes out after it (rule 4)."""
    with Pair(tmp_path, database_url=store_url) as pair:
        pair.save(make_lead(email="old@example.com"))
        pair.line.hold("/customer", after=True)
        drain = Running(pair.send)
        pair.line.await_held()
        pair.save(make_lead(email="new@example.com"))
        pair.line.let_go()
        drain.result()
        pair.settle()
        (customer,) = pair.books.customers
        assert customer["email"] == "new@example.com"
        assert shown(pair, Kind.CUSTOMER, "lead-1") is RecordState.SYNCED


def test_change_and_back_during_a_drain(tmp_path: Path, store_url: str | None) -> None:
    """A change that is taken back before the answer came needs no second write."""
    with Pair(tmp_path, database_url=store_url) as pair:
        pair.save(make_lead(email="old@example.com"))
        pair.line.hold("/customer", after=True)
        drain = Running(pair.send)
        pair.line.await_held()
        pair.save(make_lead(email="new@example.com"), make_lead(email="old@example.com"))
        pair.line.let_go()
        drain.result()
        pair.settle()
        assert pair.books.customers[0]["email"] == "old@example.com"
        assert pair.line.writes() == 1


def test_many_hooks_during_a_drain(tmp_path: Path, store_url: str | None) -> None:
    """Whatever the hooks save while a drain runs, the last state of each record arrives."""
    with Pair(tmp_path, database_url=store_url) as pair:
        stop = threading.Event()

        def drains() -> None:
            while not stop.is_set():
                pair.send()
                pair.other.send()

        worker = Running(drains)
        for version in range(15):
            for number in range(4):
                pair.save(
                    make_lead(f"lead-{number}", email=f"v{version}@example.com"),
                    make_invoice(
                        f"inv-{number}",
                        lead=make_lead(f"lead-{number}", email=f"v{version}@example.com"),
                        message=f"version {version}",
                    ),
                )
        stop.set()
        worker.result()
        pair.settle()
        books = pair.books.read()
        assert {entry["email"] for entry in books["customers"]} == {"v14@example.com"}
        assert len(books["customers"]) == len(books["invoices"]) == 4
        assert books["doubles"] == []


def test_paused_worker_sends_nothing_more(tmp_path: Path, store_url: str | None) -> None:
    """A worker that slept past its lease finds itself fenced off when it wakes (rule 10)."""
    with Pair(tmp_path, database_url=store_url) as pair:
        leads(pair, *range(1, 6))
        pair.line.hold("/customer")
        sleeper = Running(pair.send)
        pair.line.await_held()
        pair.clock.advance(LEASE_IS_OVER)
        assert pair.other.send() == 5
        leads(pair, *range(6, 12))
        pair.line.let_go()
        assert sleeper.result() in {0, 1}
        assert pair.line.writes() == 1
        assert len(names(pair)) == 5
        assert pair.other.send() == 6
        assert pair.books.doubles == []


def test_paused_worker_does_not_undo_what_came_after(tmp_path: Path, store_url: str | None) -> None:
    """What a sleeper heard before it slept does not overwrite what another one settled since."""
    with Pair(tmp_path, database_url=store_url) as pair:
        pair.save(make_lead(email="old@example.com"))
        pair.line.hold("/customer", after=True)
        sleeper = Running(pair.send)
        pair.line.await_held()
        pair.clock.advance(LEASE_IS_OVER)
        pair.save(make_lead(email="new@example.com"))
        assert pair.other.send() >= 1
        pair.line.let_go()
        sleeper.result()
        pair.save(make_lead(email="newest@example.com"))
        pair.settle()
        (customer,) = pair.books.customers
        assert customer["email"] == "newest@example.com"
        assert shown(pair, Kind.CUSTOMER, "lead-1") is RecordState.SYNCED


def test_disconnect_during_a_drain(tmp_path: Path, store_url: str | None) -> None:
    """Disconnecting stops a drain at once; what is under way is remembered (rules 17 and 18)."""
    with Pair(tmp_path, database_url=store_url) as pair:
        leads(pair, 1, 2, 3)
        pair.line.hold("/customer", after=True)
        drain = Running(pair.send)
        pair.line.await_held()
        pair.other.runtime.panel.connection_service.disconnect(ORG, PERSON)
        pair.line.let_go()
        drain.result()
        assert pair.line.writes() == 1
        assert shown(pair, Kind.CUSTOMER, "lead-1") is RecordState.SYNCED
        assert shown(pair, Kind.CUSTOMER, "lead-2") is RecordState.NOT_SENT
        pair.connect()
        assert pair.send() == 0
        connection = connection_of(pair)
        with pair.runtime.database.write.begin() as db:
            assert commands.send(db, connection, None, by="Dana", now=pair.clock.now()) == 2
        assert pair.send() == 2
        assert len(names(pair)) == 3


def test_reconnect_during_a_drain(tmp_path: Path, store_url: str | None) -> None:
    """A drain from before a disconnect sends nothing after the reconnect either (rule 18)."""
    with Pair(tmp_path, database_url=store_url) as pair:
        leads(pair, 1, 2, 3)
        pair.line.hold("/customer")
        drain = Running(pair.send)
        pair.line.await_held()
        pair.other.runtime.panel.connection_service.disconnect(ORG, PERSON)
        pair.connect()
        leads(pair, 4)
        pair.line.let_go()
        drain.result()
        assert pair.line.writes() == 1
        assert pair.send() == 1
        assert shown(pair, Kind.CUSTOMER, "lead-3") is RecordState.NOT_SENT
        assert shown(pair, Kind.CUSTOMER, "lead-4") is RecordState.SYNCED
        assert pair.books.doubles == []


class NotedClock(SteeredClock):
    """The machine's clock, which tells that somebody waits on it."""

    def __init__(self) -> None:
        super().__init__(sleeps=True)
        self.waited = threading.Event()

    def sleep(self, seconds: float) -> None:
        """Block this thread, and say so."""
        self.waited.set()
        super().sleep(seconds)


def test_two_workers_renew_once(tmp_path: Path, store_url: str | None) -> None:
    """Two workers that find the same token ended make one renewal and both go on (rule 16)."""
    clock = NotedClock()
    world = World.default(
        clock=clock.now,
        redirect_uris=(REDIRECT_URI,),
        oauth=OAuthSettings(refresh_value_period=0, refresh_grace=0),
    )
    with Pair(tmp_path, database_url=store_url, qbo=QboEmulator(clock, world=world)) as pair:
        company = connection_of(pair).id
        ended = pair.runtime.drainer._tokens.grant(company)
        pair.line.hold("/tokens/bearer")
        first = Running(lambda: pair.runtime.drainer._tokens.grant(company, refused=ended))
        pair.line.await_held()
        second = Running(lambda: pair.other.runtime.drainer._tokens.grant(company, refused=ended))
        assert clock.waited.wait(DEADLINE), "the second one does not wait for the first"
        pair.line.let_go()
        assert first.result().access_token.reveal() == second.result().access_token.reveal()
        assert len(pair.line.sent) == 1
        assert pair.other_line.sent == []
        assert connection_of(pair).status is Status.CONNECTED


def test_retry_twice_sends_once(tmp_path: Path, store_url: str | None) -> None:
    """Retry may be pressed twice, by two people, also while the record is under way (rule 25)."""
    with Pair(tmp_path, database_url=store_url) as pair:
        pair.qbo.trouble(TroubleRule(kind="fail", path="/customer", status=400, code="6210"))
        leads(pair, 1)
        pair.send()
        assert shown(pair, Kind.CUSTOMER, "lead-1") is RecordState.ATTENTION

        def press() -> None:
            with pair.other.runtime.database.write.begin() as db:
                key = RecordKey(kind=Kind.CUSTOMER, local_id="lead-1")
                commands.retry(db, connection_of(pair), [key], by="Dana", now=pair.clock.now())

        press()
        press()
        sent = pair.line.writes()
        pair.line.hold("/customer", after=True)
        drain = Running(pair.send)
        pair.line.await_held()
        press()
        assert pair.other.send() == 0
        pair.line.let_go()
        drain.result()
        pair.settle()
        assert pair.line.writes() == sent + 1
        assert names(pair) == ["Sarah Mitchell lead-1"]


@pytest.mark.parametrize("days", [3, -3])
def test_clock_jumps_while_a_record_waits(tmp_path: Path, store_url: str | None, days: int) -> None:
    """After the clock was set forward or back by days, what waits goes out within minutes."""
    with Pair(tmp_path, database_url=store_url) as pair:
        pair.qbo.trouble(TroubleRule(kind="fail", path="/customer", status=503))
        leads(pair, 1)
        assert pair.send() == 0
        pair.clock.jump(days * 86400)
        pair.clock.advance(60)
        leads(pair, 2)
        pair.send()
        pair.send()
        if days < 0:  # nobody knows how long ago the first left
            assert names(pair) == ["Sarah Mitchell lead-2"]
            pair.clock.advance(240)
            pair.send()
        assert len(names(pair)) == 2


@pytest.mark.parametrize("days", [3, -3])
def test_clock_jumps_while_a_company_rests(
    tmp_path: Path, store_url: str | None, days: int
) -> None:
    """A rest that the clock put days ahead is over; one that is past is too (rule 26)."""
    with Pair(tmp_path, database_url=store_url) as pair:
        pair.qbo.trouble(TroubleRule(kind="fail", path="/customer", status=429))
        leads(pair, 1)
        assert pair.send() == 0
        pair.clock.jump(days * 86400)
        pair.clock.advance(61)
        assert pair.send() == 1


def test_clock_set_back_while_a_dead_worker_holds_the_company(
    tmp_path: Path, store_url: str | None
) -> None:
    """A lease of a dead worker does not outlive a clock that was set back by days."""
    with Pair(tmp_path, database_url=store_url) as pair:
        leads(pair, 1, 2)
        pair.line.hold("/customer")
        dead = Running(pair.send)
        pair.line.await_held()
        pair.clock.jump(-3 * 86400)
        assert pair.other.send() == 0  # both may have left a moment ago
        pair.clock.advance(240)
        assert pair.other.send() == 2
        pair.line.let_go()
        dead.result()
        assert pair.line.writes() == 1
        assert pair.books.doubles == []


def test_clock_jumps_between_hook_and_renewal(tmp_path: Path, store_url: str | None) -> None:
    """A token whose hour lies in a future that the clock took back is renewed, not trusted."""
    with Pair(tmp_path, database_url=store_url) as pair:
        pair.clock.jump(-10 * 86400)
        leads(pair, 1)
        assert pair.send() == 1
        pair.clock.jump(20 * 86400)
        leads(pair, 2)
        assert pair.send() == 1
        assert connection_of(pair).status is Status.CONNECTED


def test_late_row_of_one_process_does_not_undo_a_newer_one(tmp_path: Path) -> None:
    """A row that waited in one process' memory gives way to what another one saved since."""
    with Pair(tmp_path) as pair:
        busy = pair.other.runtime.database.write.begin()
        with busy:
            spilling = Running(
                lambda: pair.save(
                    make_lead(email="old@example.com"), make_lead("lead-2"), make_payment()
                )
            )
            spilling.result()
        assert pair.runtime.intake.waiting == 3
        pair.clock.advance(1)
        pair.other.runtime.intake.lead("acme", make_lead(email="new@example.com"), None)
        pair.clock.advance(1)
        pair.send()
        pair.settle()
        emails = {entry["name"]: entry["email"] for entry in pair.books.customers}
        assert emails["Sarah Mitchell lead-1"] == "new@example.com"
        assert emails["Sarah Mitchell lead-2"] == "lead-2@example.com"


def test_clock_set_back_does_not_lose_a_late_row(tmp_path: Path) -> None:
    """A row that looks older only because the clock was set back is written all the same."""
    with Pair(tmp_path) as pair:
        pair.save(make_lead(email="old@example.com"))
        pair.clock.jump(-3600)
        with pair.other.runtime.database.write.begin():
            Running(lambda: pair.save(make_lead(email="new@example.com"))).result()
        pair.clock.advance(1)
        pair.runtime.intake.flush()
        pair.clock.advance(3600)
        pair.settle()
        assert pair.books.customers[0]["email"] == "new@example.com"
