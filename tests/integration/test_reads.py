"""Reads of QuickBooks are scarce: what a company costs in a month, and for what."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from dunahub_qbo_plugin import observe
from dunahub_qbo_plugin.model import ReadReason, RecordState, Status
from dunahub_qbo_plugin.store.companies import profiles
from dunahub_qbo_plugin.store.queries import reads
from dunahub_qbo_plugin.testing import make_invoice, make_lead
from tests.integration.test_panel_states import read
from tests.support.host import connection_of, make_host

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from dunahub_qbo_plugin.testing import FakeHost


@pytest.fixture
def host(tmp_path: Path) -> Iterator[FakeHost]:
    """Give a connected host."""
    host = make_host(tmp_path)
    host.connect()
    yield host
    host.close()


def spent(host: FakeHost) -> dict[ReadReason, int]:
    """Return this month's reads of the company."""
    host.runtime.worker_tasks.meter.note(at_once=True)
    with host.runtime.database.read.connect() as db:
        company_id = connection_of(host).id
        return reads.this_month(db, now=host.clock.now(), company_id=company_id)[0]


def a_day_passes(host: FakeHost, day: int) -> None:
    """Let a day of a calm company pass: a lead and its invoice."""
    host.clock.advance(timedelta(days=1).total_seconds())
    lead = make_lead(f"lead-{day}", name=f"Ana Ruiz {day}", email=f"ana{day}@example.com")
    host.save(make_invoice(f"inv-{day}", lead=lead, number=str(2000 + day)))
    host.send()


def test_a_calm_company_costs_ten_reads_in_a_month(host: FakeHost) -> None:
    """Case C3: connecting costs six, then a look at what changed once a week."""
    for day in range(29):  # the clock began on March 2
        a_day_passes(host, day)
    assert spent(host) == {ReadReason.CONNECT: 6, ReadReason.WEEKLY: 4}
    assert len(host.books.invoices) == 29
    for day in range(29, 60):
        a_day_passes(host, day)
    assert sum(spent(host).values()) <= 7  # April: the settings are read again, after five weeks


def test_each_reason_is_on_the_page_and_in_status(host: FakeHost) -> None:
    """The office sees its own reads and a forecast, the operator all of them and the allowance."""
    assert host.press("check") is not None
    assert spent(host) == {ReadReason.CONNECT: 6, ReadReason.OFFICE: 2}
    page = read(host.page())
    assert "DunaHub read from QuickBooks 8 times this month: 6 to connect, 2 for a person" in page
    said = "\n".join(observe.lines(observe.standing(host.runtime.database, host.clock)))
    assert "Reads this month: 8 of 500,000 (6 to connect, 2 for a person who asked)" in said


def test_the_weekly_look_finds_what_changed(host: FakeHost) -> None:
    """A product made, renamed, made inactive since is known after one read of what changed."""
    lists = host.qbo.company().books
    made = lists.create(
        "Item", {"Name": "Solar panels", "Type": "Service", "IncomeAccountRef": {"value": "1"}}
    )
    lists.edit("Item", "3", {"Name": "Gutter care"})
    lists.deactivate("Item", "1")
    host.clock.advance(timedelta(days=8).total_seconds())
    before = spent(host)
    host.save(make_lead())
    host.send()
    with host.runtime.database.read.connect() as db:
        items = profiles.load_profile(db, connection_of(host).id).items
    assert items[made["Id"]].name == "Solar panels"
    assert items["3"].name == "Gutter care"
    assert not items["1"].active
    assert spent(host)[ReadReason.WEEKLY] - before.get(ReadReason.WEEKLY, 0) == 1
    assert host.look("customer:lead-1").state is RecordState.SYNCED


# Reads that QuickBooks refuses.


def refuse_reads(host: FakeHost) -> None:
    """Use up the reads of the app's month; writes stay free."""
    host.qbo.emulator.world.throttle.settings.metered_cap = 0


def due_after(host: FakeHost, seconds: float) -> None:
    """Let time pass and send."""
    host.clock.advance(seconds)
    host.send()


def test_refused_reads_do_not_keep_good_records(host: FakeHost) -> None:
    """Case C1: with every read refused, a lead and its invoice go at once (no time passes)."""
    refuse_reads(host)
    host.clock.advance(timedelta(days=8).total_seconds())
    host.save(make_invoice())
    host.send()
    assert host.look("invoice:inv-1").state is RecordState.SYNCED
    assert connection_of(host).paused_until is None


def test_thirty_that_need_a_look_hold_up_no_other(host: FakeHost) -> None:
    """Case C2: what was refused waits for its look, and says so; thirty good ones go at once."""
    refuse_reads(host)
    for at in range(30):
        host.qbo.company().books.create("Vendor", {"DisplayName": f"Taken {at}"})
    host.save(*(make_lead(f"taken-{at}", name=f"Taken {at}", email="") for at in range(30)))
    host.send()
    host.save(*(make_lead(f"good-{at}", name=f"Good {at}", email="") for at in range(30)))
    host.send()
    states = [host.look(f"customer:good-{at}").state for at in range(30)]
    assert states == [RecordState.SYNCED] * 30
    assert connection_of(host).paused_until is None
    assert "QuickBooks is not answering questions" in host.card("customer:taken-0")
    assert host.look("customer:taken-0").state is RecordState.WAITING


def test_used_up_reads_are_told_and_end(host: FakeHost) -> None:
    """Refused again after a minute while writes pass: page and status say it, until it is over."""
    refuse_reads(host)
    host.qbo.trouble("lose entity=customer times=1")
    host.save(make_lead("lost", name="Lost"))
    host.send()
    for at in range(8):
        due_after(host, 120)
        host.save(make_lead(f"good-{at}", name=f"Good {at}", email=""))
        host.send()
        assert host.look(f"customer:good-{at}").state is RecordState.SYNCED
    asked = host.qbo.emulator.world.journal.entries()
    spent(host)
    page = read(host.page())
    assert "QuickBooks answers no more questions this month" in page
    assert "1 record has to be looked up first and waits: until Mar 31" in page
    said = "\n".join(observe.lines(observe.standing(host.runtime.database, host.clock)))
    assert "USED UP" in said
    for _ in range(20):
        due_after(host, 120)
    refused = [
        one for one in host.qbo.emulator.world.journal.entries() if one.number > asked[-1].number
    ]
    assert len(refused) <= 1  # one an hour finds out
    host.qbo.emulator.world.throttle.settings.metered_cap = None
    due_after(host, 3600)
    due_after(host, 900)
    assert host.look("customer:lost").state is RecordState.SYNCED
    assert (
        len(host.books.customers_named("Lost")) == 1
        if hasattr(host.books, "customers_named")
        else True
    )
    spent(host)
    assert "no more questions" not in read(host.page())


def test_a_throttled_company_still_rests_as_a_whole(host: FakeHost) -> None:
    """A write that meets 429 pauses everything of the company, whatever reads do."""
    host.qbo.trouble("fail status=429 entity=customer times=1")
    host.save(make_lead(), make_lead("lead-2", name="Bo Chen", email=""))
    host.send()
    assert connection_of(host).paused_until is not None
    assert host.send() == 0


def test_thirty_days_without_a_read(host: FakeHost) -> None:
    """With all reads refused for 30 days each good invoice goes at once; what waits is said."""
    refuse_reads(host)
    host.qbo.trouble("lose entity=customer times=1")
    host.save(make_lead("lost", name="Lost"))
    host.send()
    for day in range(30):
        a_day_passes(host, day)
        assert host.look(f"invoice:inv-{day}").state is RecordState.SYNCED
        assert connection_of(host).paused_until is None
    spent(host)
    assert "1 record has to be looked up first and waits" in read(host.page())
    assert "QuickBooks answers no more questions" in host.card("customer:lost")
    host.qbo.emulator.world.throttle.settings.metered_cap = None
    due_after(host, 2 * 3600)
    assert host.look("customer:lost").state is RecordState.SYNCED


def test_reconnecting_needs_no_read(host: FakeHost) -> None:
    """Access that ended while reads are used up is mended by Reconnect; a new company must wait."""
    refuse_reads(host)
    host.qbo.emulator.world.tokens.end_grants(realm=host.qbo.realm())
    host.save(make_lead())
    host.send()
    assert connection_of(host).status is Status.TOKEN_EXPIRED
    assert host.connect() == "reconnected"
    host.clock.advance(60)
    host.send()
    assert host.look("customer:lead-1").state is RecordState.SYNCED
    assert host.connect("automated_tax") == "failed.reads"
    assert connection_of(host).status is Status.CONNECTED
