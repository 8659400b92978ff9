"""A connection that ends on QuickBooks' side, or with another company still to be confirmed."""

from __future__ import annotations

from typing import TYPE_CHECKING
from unittest import mock

import pytest
import sqlalchemy as sa

from dunahub_qbo_plugin.connect.results import FailureReason
from dunahub_qbo_plugin.errors import Unreachable
from dunahub_qbo_plugin.model import ErrorInfo, RecordState, Status
from dunahub_qbo_plugin.store.companies import profiles
from dunahub_qbo_plugin.store.tables import connections
from dunahub_qbo_plugin.testing import ORG, PERSON, make_lead
from tests.support.faulty import FaultyHost
from tests.support.host import CONTRACTOR, connection_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from dunahub_qbo_plugin.qbo.auth import Secret


@pytest.fixture
def host(tmp_path: Path) -> Iterator[FaultyHost]:
    """Return a connected host."""
    made = FaultyHost(tmp_path)
    yield made
    made.close()


def remove_app(host: FaultyHost) -> None:
    """Remove the app in QuickBooks under Apps: neither token is good any more."""
    host.qbo.emulator.world.tokens.end_grants(realm=CONTRACTOR)


def test_check_finds_that_the_app_was_removed(host: FaultyHost) -> None:
    """The check says that access was taken away; the status is Token expired (rules 16 and 31)."""
    remove_app(host)
    why = host.runtime.panel.connection_service.check(ORG, PERSON)
    assert why is FailureReason.REVOKED
    assert connection_of(host).status is Status.TOKEN_EXPIRED


@pytest.mark.parametrize("known", [True, False], ids=["settings known", "settings forgotten"])
def test_a_drain_finds_that_the_app_was_removed(host: FaultyHost, *, known: bool) -> None:
    """The first drain does, whether it has the company's settings to read or not (rule 16)."""
    if not known:
        with host.runtime.database.write.begin() as db:
            profiles.mark_stale(db, connection_of(host).id, profiles.Stale.ITEMS)
    remove_app(host)
    host.save(make_lead())
    assert host.send() == 0
    assert connection_of(host).status is Status.TOKEN_EXPIRED
    assert connection_of(host).paused_until is None


def test_an_access_token_that_ended_early_is_renewed(host: FaultyHost) -> None:
    """Check and drain go on with a new access token where only that one was refused (rule 16)."""
    linking = host.runtime.panel.connection_service
    host.qbo.emulator.world.tokens.expire(realm=CONTRACTOR)
    assert linking.check(ORG, PERSON) is None
    with host.runtime.database.write.begin() as db:
        profiles.mark_stale(db, connection_of(host).id, profiles.Stale.ITEMS)
    host.qbo.emulator.world.tokens.expire(realm=CONTRACTOR)
    host.save(make_lead())
    assert host.send() == 1
    assert host.look("customer:lead-1").state is RecordState.SYNCED


def test_disconnect_lets_go_of_a_company_to_be_confirmed_too(host: FaultyHost) -> None:
    """No token is left, here or at Intuit, of the one company or the other (rule 17)."""
    host.connect("empty")
    grants = host.qbo.emulator.world.tokens._grants(None, None)
    assert [grant.ended for grant in grants] == [False, False]
    assert host.runtime.panel.connection_service.disconnect(ORG, PERSON)
    with host.runtime.database.read.connect() as db:
        assert host.runtime.connections.pending(db, ORG.id) is None
        stored = db.execute(sa.select(connections.c.access_enc, connections.c.refresh_enc)).all()
    assert stored == [(None, None)]
    assert [grant.ended for grant in grants] == [True, True]


def test_disconnect_revokes_what_it_can(host: FaultyHost) -> None:
    """Where Intuit cannot be told, both tokens are deleted here, and that is said (rule 17)."""
    host.connect("empty")
    linking = host.runtime.panel.connection_service
    told: list[Secret] = []

    def refuse(token: Secret) -> None:
        told.append(token)
        raise Unreachable(ErrorInfo(code="unreachable", text="no answer"), sent=False)

    with mock.patch.object(type(linking.oauth), "revoke", side_effect=refuse):
        assert not linking.disconnect(ORG, PERSON)
    assert len(set(told)) == 2
    with host.runtime.database.read.connect() as db:
        assert db.execute(sa.select(connections.c.refresh_enc)).scalars().all() == [None]
