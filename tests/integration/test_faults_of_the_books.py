"""Faults that the books themselves bring about, without any rule that says so."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import pytest

from dunahub_qbo_plugin.advice import Who, advise
from dunahub_qbo_plugin.emulator.world.trouble import TroubleRule
from dunahub_qbo_plugin.model import Kind, RecordKey, RecordState
from dunahub_qbo_plugin.testing import make_invoice, make_lead, make_payment
from tests.support.faulty import FaultyHost
from tests.support.host import connection_of

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
def host(tmp_path: Path, store_url: str | None) -> Iterator[FaultyHost]:
    """Return a connected host, on SQLite and on PostgreSQL."""
    made = FaultyHost(tmp_path, database_url=store_url)
    yield made
    made.close()


@pytest.fixture
def company(host: FaultyHost) -> Company:
    """The company's books."""
    return host.qbo.company().books


def told(host: FaultyHost, key: RecordKey) -> tuple[str, Advice]:
    """The code and the words of a record that needs attention."""
    view = host.look(f"{key.kind}:{key.local_id}")
    assert (view.state, view.next_attempt_at) == (RecordState.ATTENTION, None)
    assert view.error is not None
    return view.error.code, advise(key.kind, view.error)


def paused(host: FaultyHost) -> tuple[str, float]:
    """Why the company rests, and for how many seconds still."""
    connection = connection_of(host)
    assert connection.paused_until is not None
    return connection.pause_code or "", (connection.paused_until - host.clock.now()).seconds


@pytest.mark.parametrize(("password", "code"), [(False, "6200"), (True, "6210")])
def test_closed_books(
    host: FaultyHost,
    company: Company,
    password: bool,  # noqa: FBT001  a parameter of the test
    code: str,
) -> None:
    """An invoice in a closed period is the bookkeeper's; opened again, Retry sends it."""
    company.settings.book_close_date = date(2026, 3, 31)
    company.settings.book_close_password = password
    host.save(make_invoice(), make_payment())
    assert host.send() == 1
    given, advice = told(host, BILL)
    assert (given, advice.who) == (code, Who.BOOKKEEPER)
    assert advice.title == "The books are closed for the date of this invoice"
    assert host.look("payment:pay-1").waiting_for == BILL
    company.settings.book_close_date = None
    host.retry(None)
    assert host.send() == 2
    assert host.books.doubles == []


def test_deposited_payment_is_frozen(host: FaultyHost, company: Company) -> None:
    """A payment on a bank deposit cannot be changed; taken off it, Retry works."""
    host.save(make_invoice(), make_payment())
    host.send()
    (paid,) = host.books.payments
    deposit = company.deposit(paid["id"])
    host.save(make_payment(amount=make_invoice().total / 2))
    host.send()
    code, advice = told(host, PAID)
    assert (code, advice.who) == ("6540", Who.BOOKKEEPER)
    company.delete("Deposit", deposit["Id"])
    host.retry(PAID)
    assert host.send() == 1
    assert [one["total"] for one in host.books.payments] == ["50.00"]


def test_payment_of_a_dead_customer(host: FaultyHost, company: Company) -> None:
    """A payment whose customer is gone names it; active again, Retry applies the payment."""
    host.save(make_invoice())
    host.send()
    (billed,) = host.books.invoices
    company.deactivate("Customer", billed["customer_id"])
    host.save(make_payment())
    host.send()
    code, advice = told(host, PAID)
    assert code == "customer-gone"
    assert "Sarah Mitchell lead-1" in advice.why
    company.edit("Customer", billed["customer_id"], {"Active": True})
    host.retry(PAID)
    assert host.send() == 1
    assert host.books.payments[0]["unapplied"] == "0.00"


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
    host: FaultyHost, state: Offline, code: str, rest: int, status: int
) -> None:
    """A closed company rests as a whole, with everything Waiting, and then goes on by itself."""
    host.qbo.emulator.world.service.subscription_ended_status = status
    host.qbo.company().offline = state
    host.save(make_lead(), make_invoice(), make_payment())
    before = host.mark()
    assert host.send() == 0
    assert len(host.requests(before)) == 1
    given, seconds = paused(host)
    assert given == code
    assert rest - 2 <= seconds <= rest
    assert {host.look(f"{key.kind}:{key.local_id}").state for key in (LEAD, BILL, PAID)} == {
        RecordState.WAITING
    }
    host.qbo.company().offline = None
    host.clock.advance(rest + 1)
    assert host.send() == 3


def test_person_who_connected_lost_access(host: FaultyHost) -> None:
    """Code 120: the company rests until somebody with access reconnects."""
    world = host.qbo.emulator.world
    members = set(world.members)
    host.save(make_lead())
    world.members.clear()
    assert host.send() == 0
    assert paused(host)[0] == "120"
    world.members |= members
    host.connect()
    assert host.send() == 1


def test_real_limit_is_honored(host: FaultyHost) -> None:
    """Where somebody else's requests use up the company's minute, the rest waits and arrives."""
    host.qbo.emulator.world.throttle.settings.per_minute = 20
    for number in range(40):
        host.save(make_lead(f"lead-{number}"))
    host.send()
    assert paused(host)[0] == "3001"
    host.settle()
    assert host.books.totals["customers"] == 40
    assert host.books.doubles == []


def test_tokens_that_end_again_and_again_are_renewed_each_time(host: FaultyHost) -> None:
    """A long drain outlives several access tokens: each refusal renews, none rests (rule 16)."""
    for skip in (0, 3, 6):
        host.qbo.trouble(
            TroubleRule(kind="fail", status=401, code="3200", entity="customer", skip=skip)
        )
    for number in range(10):
        host.save(make_lead(f"lead-{number}"))
    assert host.send() == 10
    assert connection_of(host).paused_until is None
