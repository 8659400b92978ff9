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
from dunahub_qbo_plugin.testing import PERSON, FakeHost, make_lead
from tests.support.host import CONTRACTOR, connection_of, make_host

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

DAY = 24 * 3600
RIVAL = Organization(id="rival", region=Region.US)


@pytest.fixture
def host(tmp_path: Path, store_url: str | None) -> Iterator[FakeHost]:
    """Return a connected host, on SQLite and on PostgreSQL."""
    made = make_host(tmp_path, database_url=store_url)
    made.connect()
    yield made
    made.close()


def run(host: FakeHost) -> Done:
    """Do the upkeep."""
    return host.runtime.worker_tasks.upkeep.run()


def test_a_quiet_contractor_stays_connected(host: FakeHost) -> None:
    """After a year without an invoice the connection still works; Intuit's tokens live 100 days."""
    renewed = 0
    for _ in range(53):
        host.clock.sleep(7 * DAY)
        renewed += run(host).renewed
    assert renewed == 17
    host.save(make_lead())
    assert host.send() == 1
    assert connection_of(host).status is Status.CONNECTED


def test_without_upkeep_the_token_dies(host: FakeHost) -> None:
    """The same contractor without upkeep has to connect anew: the emulator is as strict."""
    host.clock.sleep(110 * DAY)
    host.save(make_lead())
    assert host.send() == 0
    assert connection_of(host).status is Status.TOKEN_EXPIRED


def test_fresh_tokens_are_left_alone(host: FakeHost) -> None:
    """Tokens that were used within two weeks cost Intuit nothing."""
    asked = len(host.qbo.emulator.world.journal.entries())
    host.clock.sleep(13 * DAY)
    assert run(host) == Done()
    assert len(host.qbo.emulator.world.journal.entries()) == asked


def test_disconnected_and_expired_ones_are_left_alone(host: FakeHost) -> None:
    """Nothing is asked for companies that are not connected."""
    host.connect("empty", org=RIVAL)
    host.runtime.panel.connection_service.disconnect(RIVAL, PERSON)
    host.qbo.emulator.world.tokens.end_grants(realm=CONTRACTOR)
    host.clock.sleep(20 * DAY)
    assert run(host) == Done(ended=1)
    assert connection_of(host).status is Status.TOKEN_EXPIRED
    assert run(host) == Done()


def test_intuit_out_of_order_is_not_asked_for_each_company(
    host: FakeHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After some failures in a row the rest waits for the next run, and nobody is disconnected."""
    monkeypatch.setattr(upkeep, "GIVE_UP_AFTER", 2)
    for number in range(4):
        host.connect("empty", org=Organization(id=f"org-{number}", region=Region.US))
    host.clock.sleep(20 * DAY)
    host.qbo.trouble(TroubleRule(kind="fail", target="oauth", status=503, times=None))
    assert run(host).failed == 2
    assert connection_of(host).status is Status.CONNECTED


def test_old_entries_are_let_go_a_few_at_a_time(
    host: FakeHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Entries of the history older than 400 days go, all in one run; younger ones stay."""
    monkeypatch.setattr(upkeep, "PRUNE_BATCH", 2)
    host.save(*(make_lead(f"old-{number}") for number in range(5)))
    host.send()
    host.clock.sleep(399 * DAY)
    host.connect()
    host.save(make_lead("lead-2"))
    host.send()
    assert run(host).pruned == 0
    host.clock.sleep(timedelta(days=2).total_seconds())
    assert run(host).pruned == 5
    with host.runtime.database.read.connect() as db:
        assert db.execute(sa.text("SELECT count(*) FROM qbo_history")).scalar() == 1
