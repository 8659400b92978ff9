"""A connection that ends on QuickBooks' side, or with another company still to be confirmed."""

from __future__ import annotations

from typing import TYPE_CHECKING
from unittest import mock

import pytest
import sqlalchemy as sa

from dunahub_qbo_plugin.connect.results import FailureReason
from dunahub_qbo_plugin.errors import Unreachable
from dunahub_qbo_plugin.model import ErrorInfo, Kind, RecordState, Status
from dunahub_qbo_plugin.store.companies import profiles
from dunahub_qbo_plugin.store.tables import connections
from tests.support.faulty import Bench
from tests.support.office import ACME, CONTRACTOR, DANA, EMPTY, lead

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from dunahub_qbo_plugin.qbo.auth import Secret


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
    """The check says that access was taken away; the status is Token expired (rules 16 and 31)."""
    remove_app(office)
    why = office.runtime.panel.connection_service.check(ACME)
    assert why is FailureReason.REVOKED
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
    linking = office.runtime.panel.connection_service
    office.emulator.world.tokens.expire(realm=CONTRACTOR)
    assert linking.check(ACME) is None
    with office.runtime.database.write.begin() as db:
        profiles.forget_profile(db, office.connection().id)
    office.emulator.world.tokens.expire(realm=CONTRACTOR)
    office.save(lead())
    assert office.drain() == 1
    assert office.view(Kind.CUSTOMER, "lead-1").state is RecordState.SYNCED


def test_disconnect_lets_go_of_a_company_to_be_confirmed_too(office: Bench) -> None:
    """No token is left, here or at Intuit, of the one company or the other (rule 17)."""
    office.connect(EMPTY)
    grants = office.emulator.world.tokens._grants(None, None)
    assert [grant.ended for grant in grants] == [False, False]
    assert office.runtime.panel.connection_service.disconnect(ACME, DANA)
    with office.runtime.database.read.connect() as db:
        assert office.runtime.connections.pending(db, ACME.id) is None
        stored = db.execute(sa.select(connections.c.access_enc, connections.c.refresh_enc)).all()
    assert stored == [(None, None)]
    assert [grant.ended for grant in grants] == [True, True]


def test_disconnect_revokes_what_it_can(office: Bench) -> None:
    """Where Intuit cannot be told, both tokens are deleted here, and that is said (rule 17)."""
    office.connect(EMPTY)
    linking = office.runtime.panel.connection_service
    told: list[Secret] = []

    def refuse(token: Secret) -> None:
        told.append(token)
        raise Unreachable(ErrorInfo(code="unreachable", text="no answer"), sent=False)

    with mock.patch.object(type(linking.oauth), "revoke", side_effect=refuse):
        assert not linking.disconnect(ACME, DANA)
    assert len(set(told)) == 2
    with office.runtime.database.read.connect() as db:
        assert db.execute(sa.select(connections.c.refresh_enc)).scalars().all() == [None]
