"""What `FakeHost`, `QboEmulator` and `SteeredClock` promise to those who test a host with them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from dunahub_qbo_plugin import testing
from dunahub_qbo_plugin.config import Worker
from dunahub_qbo_plugin.emulator import World
from dunahub_qbo_plugin.testing import (
    ORG,
    FakeHost,
    QboEmulator,
    SteeredClock,
    make_invoice,
    make_lead,
    make_line,
    make_org,
    make_payment,
)

if TYPE_CHECKING:
    from pathlib import Path

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
RIVAL = make_org("rival")


def test_a_record_may_be_named_by_a_text(fake_host: FakeHost) -> None:
    """A lead, an invoice and a payment are found by value and by kind and id."""
    fake_host.connect()
    bill = make_invoice("inv-7", lines=[make_line("20.00"), make_line("5.00")])
    fake_host.save(bill, make_payment(bill))
    fake_host.send()
    assert fake_host.state("invoice:inv-7") == fake_host.state(bill) == "Synced"
    assert fake_host.look("payment:pay-7").key == fake_host.look(make_payment(bill)).key
    with pytest.raises(AssertionError, match="no customer:nobody of organization 'acme'"):
        fake_host.state("customer:nobody")
    with pytest.raises(ValueError, match="nonsense"):
        fake_host.state("nonsense")


def test_organizations_send_apart(fake_host: FakeHost) -> None:
    """What is sent of one organization leaves another's records due, each in its own company."""
    fake_host.connect()
    fake_host.connect("empty", org=RIVAL)
    fake_host.save(make_lead())
    fake_host.save(make_lead("lead-2"), org=RIVAL)
    assert fake_host.send(org=RIVAL) == 1
    assert fake_host.state(make_lead()) == "Waiting"
    assert fake_host.qbo.books_of("empty").totals["customers"] == 1
    assert fake_host.send() == 1
    assert fake_host.books.totals["customers"] == 1
    assert (fake_host.books.doubles, fake_host.books.read()["company"]) == (
        [],
        "Blue Ridge Gutters",
    )


def test_a_bookkeeper_changes_what_is_there(fake_host: FakeHost) -> None:
    """A test can do in the company what people do in QuickBooks."""
    fake_host.connect()
    fake_host.save(make_lead(name="Ann"))
    fake_host.send()
    known = fake_host.look(make_lead()).qbo_id
    assert known is not None
    fake_host.qbo.company().books.edit("Customer", known, {"DisplayName": "Ann Smith"})
    fake_host.books.assert_customer("Ann Smith")


def test_a_host_that_was_killed_goes_on(fake_host: FakeHost) -> None:
    """After a start anew everything that was saved is there, and is sent."""
    fake_host.connect()
    fake_host.save(make_lead())
    before = fake_host.runtime
    fake_host.restart()
    assert fake_host.runtime is not before
    assert fake_host.send() == 1


def test_a_second_process_shares_the_database(fake_host: FakeHost, tmp_path: Path) -> None:
    """A host with the settings of another sends what the other one saved."""
    fake_host.connect()
    other = FakeHost(tmp_path, qbo=fake_host.qbo, fernet_keys=fake_host.config.fernet_keys)
    fake_host.save(make_lead())
    assert other.send() == 1
    assert fake_host.send() == 0
    other.close()


def test_a_host_may_have_a_worker_or_a_queue_of_its_own(tmp_path: Path) -> None:
    """With a worker among the settings nobody calls `send`; with a bell the host is rung for."""
    qbo = QboEmulator(SteeredClock(sleeps=True))
    host = FakeHost(tmp_path, qbo=qbo, worker=Worker.EMBEDDED)
    host.connect()
    host.save(make_lead(name="Ann"))
    host.books.wait_for(lambda books: books.assert_customer("Ann"))
    host.close()
    rung: list[str] = []
    queued = FakeHost(
        tmp_path, qbo=qbo, bell=rung.append, fernet_keys=host.config.fernet_keys, worker=Worker.OFF
    )
    queued.save(make_lead("lead-2"))
    queued.close()  # the bell rings in a thread of the plugin's, which has ended then
    assert len(set(rung)) == 1


def test_a_world_of_ones_own(tmp_path: Path) -> None:
    """The emulator takes the companies that a test has put together."""
    clock = SteeredClock(NOON)
    world = World.default(seeds=(), clock=clock.now)
    world.add_company(realm_id="9341454838118899", name="Acme Books")
    host = FakeHost(tmp_path, qbo=QboEmulator(clock, world=world))
    assert host.connect("9341454838118899") == "connected"
    assert "Acme Books" in host.page(org=ORG)
    host.close()


def test_time_goes_on_when_a_test_says_so() -> None:
    """It stands where it was set, moves by sleeping and by steps, and can be set back."""
    clock = SteeredClock(NOON)
    began = clock.monotonic()
    clock.sleep(30)
    clock.advance(15)
    assert (clock.now() - NOON, clock.monotonic() - began) == (timedelta(seconds=45), 45.0)
    clock.jump(-3600)
    assert (clock.now(), clock.monotonic() - began) == (NOON - timedelta(seconds=3555), 45.0)
    assert clock.slept == [30]
    live = SteeredClock()
    assert abs((live.now() - datetime.now(UTC)).total_seconds()) < 60
    live.advance(3600)
    assert (live.now() - datetime.now(UTC)).total_seconds() > 3000


def test_what_is_typed_wrong_is_told(fake_host: FakeHost) -> None:
    """A value that is no record, and a button that is not there, pass by nobody unnoticed."""
    with pytest.raises(TypeError, match="takes Lead, Invoice and Payment values, not str"):
        fake_host.save("invoice:inv-1")  # type: ignore[arg-type]  # what a program could pass
    with pytest.raises(LookupError, match="no POST button 'disconect' on the page; it has"):
        fake_host.press("disconect")


def test_a_missing_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever has the base install only reads what to install."""

    def without_flask(_name: str) -> None:
        raise ModuleNotFoundError("No module named 'flask'", name="flask")

    monkeypatch.setattr(testing, "import_module", without_flask)
    with pytest.raises(ImportError, match=r"FakeHost needs the extra demo: pip install 'dunahub"):
        testing.FakeHost  # noqa: B018  looked up when it is asked for
