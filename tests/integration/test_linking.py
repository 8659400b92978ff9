"""A connection that ends on QuickBooks' side, or with another company still to be confirmed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from dunahub_qbo_plugin.model import Kind, Shown, Status
from dunahub_qbo_plugin.store import profiles
from dunahub_qbo_plugin.sync.link_answers import Why
from tests.support.faulty import Bench
from tests.support.office import ACME, CONTRACTOR, lead

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Bench]:
    """An office that is connected."""
    bench = Bench(tmp_path)
    yield bench
    bench.close()


def remove_app(office: Bench) -> None:
    """Remove the app in QuickBooks under Apps: neither token is good any more."""
    office.emulator.world.tokens.end_grants(realm=CONTRACTOR)


def test_check_finds_that_the_app_was_removed(office: Bench) -> None:
    """The check says that access was taken away, and the status is Token expired (rules 16, 31)."""
    remove_app(office)
    checked = office.runtime.panel.linking.check(ACME)
    assert (checked.ok, checked.why) == (False, Why.REVOKED)
    assert office.connection().status is Status.TOKEN_EXPIRED


@pytest.mark.parametrize("known", [True, False], ids=["settings known", "settings forgotten"])
def test_a_drain_finds_that_the_app_was_removed(office: Bench, *, known: bool) -> None:
    """The first drain does, whether it has the company's settings to read or not (rule 16)."""
    if not known:
        with office.runtime.database.write.begin() as db:
            profiles.forget_profile(db, office.connection().id)
    remove_app(office)
    office.save(lead())
    assert office.drain() == 0
    assert office.connection().status is Status.TOKEN_EXPIRED
    assert office.connection().paused_until is None


def test_an_access_token_that_ended_early_is_renewed(office: Bench) -> None:
    """Check and drain go on with a new access token where only that one was refused (rule 16)."""
    linking = office.runtime.panel.linking
    office.emulator.world.tokens.expire(realm=CONTRACTOR)
    assert linking.check(ACME).ok
    with office.runtime.database.write.begin() as db:
        profiles.forget_profile(db, office.connection().id)
    office.emulator.world.tokens.expire(realm=CONTRACTOR)
    office.save(lead())
    assert office.drain() == 1
    assert office.view(Kind.CUSTOMER, "lead-1").shown is Shown.SYNCED
