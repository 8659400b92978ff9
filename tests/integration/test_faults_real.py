"""Faults that the books themselves bring about, without any rule that says so."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import pytest

from dunahub_qbo_plugin.advice import Who, advise
from dunahub_qbo_plugin.emulator.world.trouble import TroubleRule
from dunahub_qbo_plugin.model import Kind, RecordKey, RecordState
from tests.support.faulty import Bench
from tests.support.office import CONTRACTOR, invoice, lead, payment

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from dunahub_qbo_plugin.advice import Advice
    from dunahub_qbo_plugin.emulator.api.company_api import Company
    from dunahub_qbo_plugin.emulator.world.directory import Offline

LEAD = RecordKey(kind=Kind.CUSTOMER, local_id="lead-1")
BILL = RecordKey(kind=Kind.INVOICE, local_id="inv-1")
PAID = RecordKey(kind=Kind.PAYMENT, local_id="pay-1")


@pytest.fixture
def office(tmp_path: Path, store_url: str | None) -> Iterator[Bench]:
    """A connected office, on SQLite and on PostgreSQL."""
    bench = Bench(tmp_path, database_url=store_url)
    yield bench
    bench.close()


@pytest.fixture
def company(office: Bench) -> Company:
    """The company's books."""
    return office.emulator.world.companies[CONTRACTOR].books


def told(office: Bench, key: RecordKey) -> tuple[str, Advice]:
    """The code and the words of a record that needs attention."""
    view = office.view(key.kind, key.local_id)
    assert (view.state, view.next_attempt_at) == (RecordState.ATTENTION, None)
    assert view.error is not None
    return view.error.code, advise(key.kind, view.error)


def paused(office: Bench) -> tuple[str, float]:
    """Why the company rests, and for how many seconds still."""
    connection = office.connection()
    assert connection.paused_until is not None
    return connection.pause_code or "", (connection.paused_until - office.time.now()).seconds


@pytest.mark.parametrize(("password", "code"), [(False, "6200"), (True, "6210")])
def test_closed_books(
    office: Bench,
    company: Company,
    password: bool,  # noqa: FBT001  a parameter of the test
    code: str,
) -> None:
    """An invoice in a closed period is the bookkeeper's; opened again, Retry sends it."""
    company.settings.book_close_date = date(2026, 3, 31)
    company.settings.book_close_password = password
    office.save(invoice(), payment())
    assert office.drain() == 1
    given, advice = told(office, BILL)
    assert (given, advice.who) == (code, Who.BOOKKEEPER)
    assert advice.title == "The books are closed for the date of this invoice"
    assert office.view(Kind.PAYMENT, "pay-1").waiting_for == BILL
    company.settings.book_close_date = None
    office.retry(None)
    assert office.drain() == 2
    assert office.books()["doubles"] == []


def test_deposited_payment_is_frozen(office: Bench, company: Company) -> None:
    """A payment on a bank deposit cannot be changed; taken off it, Retry works."""
    office.save(invoice(), payment())
    office.drain()
    (paid,) = office.books()["payments"]
    deposit = company.deposit(paid["id"])
    office.save(payment(amount=invoice().total / 2))
    office.drain()
    code, advice = told(office, PAID)
    assert (code, advice.who) == ("6540", Who.BOOKKEEPER)
    company.delete("Deposit", deposit["Id"])
    office.retry(PAID)
    assert office.drain() == 1
    assert [one["total"] for one in office.books()["payments"]] == ["50.00"]


def test_payment_of_a_dead_customer(office: Bench, company: Company) -> None:
    """A payment whose customer is gone names it; active again, Retry applies the payment."""
    office.save(invoice())
    office.drain()
    (billed,) = office.books()["invoices"]
    company.deactivate("Customer", billed["customer_id"])
    office.save(payment())
    office.drain()
    code, advice = told(office, PAID)
    assert code == "customer-gone"
    assert "Sarah Jones lead-1" in advice.why
    company.edit("Customer", billed["customer_id"], {"Active": True})
    office.retry(PAID)
    assert office.drain() == 1
    assert office.books()["payments"][0]["unapplied"] == "0.00"


@pytest.mark.parametrize(
    ("state", "code", "rest"),
    [
        ("maintenance", "150", 60),
        ("locked", "140", 60),
        ("wrong_cluster", "130", 60),
        ("subscription_ended", "6190", 3600),
    ],
)
@pytest.mark.parametrize("status", [400, 200])
def test_company_that_is_closed(
    office: Bench, state: Offline, code: str, rest: int, status: int
) -> None:
    """A closed company rests as a whole, with everything Waiting, and then goes on by itself."""
    office.emulator.world.service.subscription_ended_status = status
    office.emulator.world.companies[CONTRACTOR].offline = state
    office.save(lead(), invoice(), payment())
    before = office.mark()
    assert office.drain() == 0
    assert len(office.requests(before)) == 1
    given, seconds = paused(office)
    assert given == code
    assert rest - 2 <= seconds <= rest
    assert {office.view(key.kind, key.local_id).state for key in (LEAD, BILL, PAID)} == {
        RecordState.WAITING
    }
    office.emulator.world.companies[CONTRACTOR].offline = None
    office.time.advance(rest + 1)
    assert office.drain() == 3


def test_person_who_connected_lost_access(office: Bench) -> None:
    """Code 120: the company rests until somebody with access reconnects."""
    world = office.emulator.world
    members = set(world.members)
    office.save(lead())
    world.members.clear()
    assert office.drain() == 0
    assert paused(office)[0] == "120"
    world.members |= members
    office.connect()
    assert office.drain() == 1


def test_real_limit_is_honored(office: Bench) -> None:
    """Where somebody else's requests use up the company's minute, the rest waits and arrives."""
    office.emulator.world.throttle.settings.per_minute = 20
    for number in range(40):
        office.save(lead(f"lead-{number}"))
    office.drain()
    assert paused(office)[0] == "3001"
    office.drain_until_quiet()
    assert office.books()["totals"]["customers"] == 40
    assert office.books()["doubles"] == []


def test_tokens_that_end_again_and_again_are_renewed_each_time(office: Bench) -> None:
    """A long drain outlives several access tokens: each refusal renews, none rests (rule 16)."""
    for skip in (0, 3, 6):
        office.trouble(
            TroubleRule(kind="fail", status=401, code="3200", entity="customer", skip=skip)
        )
    for number in range(10):
        office.save(lead(f"lead-{number}"))
    assert office.drain() == 10
    assert office.connection().paused_until is None
