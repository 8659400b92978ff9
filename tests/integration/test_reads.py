"""Reads of QuickBooks are scarce: what a company costs in a month, and for what."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from dunahub_qbo_plugin import observe
from dunahub_qbo_plugin.model import ReadReason, RecordState
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
        month = reads.month_of(host.clock.now())
        return reads.of_month(db, month, company_id=connection_of(host).id)


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
