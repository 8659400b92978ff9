"""Renewing tokens when things take long: one at a time, the newest is kept (rules 10 and 16)."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING
from unittest import mock

import pytest
import sqlalchemy as sa

from dunahub_qbo_plugin.errors import Busy
from dunahub_qbo_plugin.qbo.transport import REQUEST_TIMEOUT
from dunahub_qbo_plugin.store.companies.connections import Connections
from dunahub_qbo_plugin.store.companies.refresh_lock import REFRESH_CLAIM
from dunahub_qbo_plugin.store.tables import connections
from tests.acceptance.two_processes import DEADLINE, Pair, Running
from tests.support.host import connection_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from dunahub_qbo_plugin.connect.tokens import TokenKeeper
    from dunahub_qbo_plugin.qbo.auth import Grant, Secret
    from dunahub_qbo_plugin.qbo.tokens import TokenSet
    from dunahub_qbo_plugin.store.companies.connection import Tokens

LOCKED = sa.exc.OperationalError("UPDATE", {}, Exception("database is locked"))


@pytest.fixture
def host(tmp_path: Path) -> Iterator[Pair]:
    """Return a host with two workers."""
    with Pair(tmp_path) as pair:
        yield pair


@pytest.fixture
def keeper(host: Pair) -> TokenKeeper:
    """The one worker's tokens."""
    return host.runtime.panel.connection_service.tokens


@pytest.fixture
def ended(host: Pair, keeper: TokenKeeper) -> Grant:
    """A grant that QuickBooks does not accept any more."""
    return keeper.grant(connection_of(host).id)


def stored(host: Pair) -> Tokens:
    """Return the tokens that are kept."""
    with host.runtime.database.read.connect() as db:
        found = host.runtime.connections.tokens(db, connection_of(host).id)
    assert found is not None
    return found


def claimed(host: Pair) -> bool:
    """Return whether somebody renews the tokens."""
    with host.runtime.database.read.connect() as db:
        return db.execute(sa.select(connections.c.refresh_owner)).scalar_one() is not None


def test_a_late_renewal_leaves_the_next_one_alone(
    host: Pair, keeper: TokenKeeper, ended: Grant
) -> None:
    """A thread that was stopped for minutes frees no other's claim, and stores nothing over it."""
    refresh = keeper._oauth.refresh
    second_asks, first_is_back = threading.Event(), threading.Event()
    others: list[Running[Grant]] = []

    def renew() -> Grant:
        return keeper.grant(ended.company, refused=ended)

    def slow(token: Secret) -> TokenSet:
        if others:
            second_asks.set()
            assert first_is_back.wait(DEADLINE)
            return refresh(token)
        host.clock.advance(REFRESH_CLAIM.total_seconds() + 1)
        others.append(Running(renew))
        assert second_asks.wait(DEADLINE)
        return refresh(token)

    with mock.patch.object(keeper._oauth, "refresh", slow):
        first = renew()
        still_claimed = claimed(host)
        first_is_back.set()
        second = others[0].result()
    assert still_claimed
    assert not claimed(host)
    assert first.access_token != second.access_token
    assert stored(host).access == second.access_token.reveal()


def test_a_slow_renewal_stays_the_only_one(host: Pair, keeper: TokenKeeper, ended: Grant) -> None:
    """While Intuit takes as long as a request may, no other worker uses the same refresh token."""
    host.line.hold("/tokens/bearer")
    first = Running(lambda: keeper.grant(ended.company, refused=ended))
    host.line.await_held()
    host.clock.advance(REQUEST_TIMEOUT - 15)
    with pytest.raises(Busy):
        host.other.runtime.panel.connection_service.tokens.grant(ended.company, refused=ended)
    host.line.let_go()
    assert first.result().access_token.reveal() == stored(host).access
    assert host.other_line.sent == []


def test_a_renewed_token_outlives_a_locked_database(
    host: Pair, keeper: TokenKeeper, ended: Grant
) -> None:
    """Intuit may take the old refresh token no more: the new one is written when it can be."""
    write: Callable[..., bool] = Connections.save_tokens
    outcomes = iter([LOCKED, LOCKED, None])

    def save(*args: object, **values: object) -> bool:
        if (error := next(outcomes)) is not None:
            raise error
        return write(*args, **values)

    with mock.patch.object(Connections, "save_tokens", save):
        grant = keeper.grant(ended.company, refused=ended)
    assert stored(host).access == grant.access_token.reveal()
    assert not claimed(host)


def test_a_renewal_that_cannot_be_stored_is_not_used(
    host: Pair, keeper: TokenKeeper, ended: Grant
) -> None:
    """It ends with the database's error after some tries, and the next one may try at once."""
    with (
        mock.patch.object(Connections, "save_tokens", side_effect=LOCKED) as save,
        pytest.raises(sa.exc.OperationalError),
    ):
        keeper.grant(ended.company, refused=ended)
    assert save.call_count > 1
    assert not claimed(host)
    grant = keeper.grant(ended.company, refused=ended)
    assert stored(host).access == grant.access_token.reveal()
