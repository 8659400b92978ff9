"""What is done although nobody saved anything: tokens kept alive, old entries let go."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from dunahub_hookspecs import Organization, Region
from dunahub_qbo_plugin.connect import upkeep
from dunahub_qbo_plugin.connect.upkeep import Done
from dunahub_qbo_plugin.emulator.world.trouble import TroubleRule
from dunahub_qbo_plugin.model import Status
from tests.support.office import CONTRACTOR, DANA, EMPTY, Office, lead

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

DAY = 24 * 3600
RIVAL = Organization(id="rival", region=Region.US)


@pytest.fixture
def office(tmp_path: Path, store_url: str | None) -> Iterator[Office]:
    """An office that is connected, on SQLite and on PostgreSQL."""
    bench = Office(tmp_path, database_url=store_url)
    bench.connect()
    yield bench
    bench.close()


def run(office: Office) -> Done:
    """Do the upkeep."""
    return office.runtime.worker_tasks.upkeep.run()


def test_a_quiet_contractor_stays_connected(office: Office) -> None:
    """After a year without an invoice the connection still works; Intuit's tokens live 100 days."""
    renewed = 0
    for _ in range(53):
        office.clock.sleep(7 * DAY)
        renewed += run(office).renewed
    assert renewed == 17
    office.save(lead())
    assert office.drain() == 1
    assert office.connection().status is Status.CONNECTED


def test_without_upkeep_the_token_dies(office: Office) -> None:
    """The same contractor without upkeep has to connect anew: the emulator is as strict."""
    office.clock.sleep(110 * DAY)
    office.save(lead())
    assert office.drain() == 0
    assert office.connection().status is Status.TOKEN_EXPIRED


def test_fresh_tokens_are_left_alone(office: Office) -> None:
    """Tokens that were used within two weeks cost Intuit nothing."""
    asked = len(office.emulator.world.journal.entries())
    office.clock.sleep(13 * DAY)
    assert run(office) == Done()
    assert len(office.emulator.world.journal.entries()) == asked


def test_disconnected_and_expired_ones_are_left_alone(office: Office) -> None:
    """Nothing is asked for companies that are not connected."""
    office.connect(EMPTY, org=RIVAL)
    office.runtime.panel.connection_service.disconnect(RIVAL, DANA)
    office.emulator.world.tokens.end_grants(realm=CONTRACTOR)
    office.clock.sleep(20 * DAY)
    assert run(office) == Done(ended=1)
    assert office.connection().status is Status.TOKEN_EXPIRED
    assert run(office) == Done()


def test_intuit_out_of_order_is_not_asked_for_each_company(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After some failures in a row the rest waits for the next run, and nobody is disconnected."""
    monkeypatch.setattr(upkeep, "GIVE_UP_AFTER", 2)
    for number in range(4):
        office.connect(EMPTY, org=Organization(id=f"org-{number}", region=Region.US))
    office.clock.sleep(20 * DAY)
    office.trouble(TroubleRule(kind="fail", target="oauth", status=503, times=None))
    assert run(office).failed == 2
    assert office.connection().status is Status.CONNECTED


def test_old_entries_are_let_go_a_few_at_a_time(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Entries of the history older than 400 days go, all in one run; younger ones stay."""
    monkeypatch.setattr(upkeep, "PRUNE_BATCH", 2)
    office.save(*(lead(f"old-{number}") for number in range(5)))
    office.drain()
    office.clock.sleep(399 * DAY)
    office.connect()
    office.save(lead("lead-2"))
    office.drain()
    assert run(office).pruned == 0
    office.clock.sleep(timedelta(days=2).total_seconds())
    assert run(office).pruned == 5
    with office.runtime.database.read.connect() as db:
        assert db.execute(sa.text("SELECT count(*) FROM qbo_history")).scalar() == 1
