"""What SQLite's single writer gives for nothing, PostgreSQL gives by locks at READ COMMITTED."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from dunahub_qbo_plugin.errors import LeaseLost
from dunahub_qbo_plugin.model import Status
from dunahub_qbo_plugin.store.companies import leases, refresh_lock
from dunahub_qbo_plugin.store.companies.leases import LEASE
from dunahub_qbo_plugin.testing import ORG, PERSON, FakeHost, make_lead
from tests.support.host import connection_of, make_host, rows_of
from tests.support.queue import until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def host(tmp_path: Path, postgres_url: str) -> Iterator[FakeHost]:
    """Return a connected host on PostgreSQL without a worker of its own."""
    made = make_host(tmp_path, database_url=postgres_url)
    made.connect()
    yield made
    made.close()


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    """Threads for those who come at the same time."""
    with ThreadPoolExecutor(8) as threads:
        yield threads


def waits_for_a_lock(host: FakeHost) -> bool:
    """Return whether somebody waits for a lock in the database."""
    statement = sa.text(
        "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
        " AND datname = current_database()"
    )
    with host.runtime.database.read.connect() as db:
        return db.execute(statement).first() is not None


def test_one_of_many_gets_the_lease(host: FakeHost, pool: ThreadPoolExecutor) -> None:
    """Eight workers that reach for a company at once: one gets it, each time (rule 10)."""
    company, now = connection_of(host).id, host.clock.now()
    start = threading.Barrier(8, timeout=10)

    def reach(owner: int) -> bool:
        start.wait()
        with host.runtime.database.write.begin() as db:
            return leases.acquire(db, company, owner=str(owner), now=now) is not None

    for _ in range(10):
        assert sum(pool.map(reach, range(8))) == 1
        now += LEASE + timedelta(seconds=1)


def test_one_of_many_renews_the_tokens(host: FakeHost, pool: ThreadPoolExecutor) -> None:
    """Eight threads that find the access token ended: Intuit is asked once (rule 16)."""
    host.clock.sleep(7200)
    company = connection_of(host).id
    tokens = host.runtime.worker_tasks.upkeep._tokens
    before = len(host.qbo.emulator.world.journal.entries())
    grants = list(pool.map(lambda _: tokens.grant(company), range(8)))
    assert len({one.access_token.reveal() for one in grants}) == 1
    asked = host.qbo.emulator.world.journal.entries()[before:]
    assert len([one for one in asked if one.path.endswith("/tokens/bearer")]) == 1


def test_a_disconnect_waits_for_the_write_and_then_stops_it(
    host: FakeHost, pool: ThreadPoolExecutor
) -> None:
    """Between a drain's look at its fence and its commit nobody gets in; afterwards it is out."""
    company, now = connection_of(host).id, host.clock.now()
    database = host.runtime.database
    with database.write.begin() as db:
        lease = leases.acquire(db, company, owner="worker", now=now)
    assert lease is not None
    with database.write.begin() as db:
        leases.renew(db, lease, now=now)
        gone = pool.submit(host.runtime.panel.connection_service.disconnect, ORG, PERSON)
        until(lambda: waits_for_a_lock(host), what="the wait")
        assert connection_of(host).status is Status.CONNECTED
    gone.result(10)
    with database.write.begin() as db, pytest.raises(LeaseLost):
        leases.renew(db, lease, now=now)


def test_two_disconnects_are_one(host: FakeHost, pool: ThreadPoolExecutor) -> None:
    """A button that is pressed twice at once disconnects once."""
    database, connections = host.runtime.database, host.runtime.connections

    def disconnect(_: int) -> bool:
        with database.write.begin() as db:
            left = connections.disconnect(db, ORG.id, by="Dana", now=host.clock.now())
            return left is not None

    before = connection_of(host).connection_period
    assert sum(pool.map(disconnect, range(8))) == 1
    assert connection_of(host).connection_period == before + 1
    with database.read.connect() as db:
        assert db.execute(sa.text("SELECT count(*) FROM qbo_disconnection")).scalar() == 1


def test_a_refused_token_does_not_end_a_new_connection(
    host: FakeHost, pool: ThreadPoolExecutor
) -> None:
    """A person reconnects while a worker hears that the old token is refused: that holds."""
    database, connections = host.runtime.database, host.runtime.connections
    company, now = connection_of(host).id, host.clock.now()
    with database.read.connect() as db:
        refused = connections.tokens(db, company)
    assert refused is not None

    def expire() -> bool:
        with database.write.begin() as db:
            return connections.expire(db, company, refused=refused, now=now)

    with database.write.begin() as db:
        db.execute(
            sa.text("UPDATE qbo_connection SET refresh_enc = :token"),
            {"token": connections._cipher.encrypt("another")},
        )
        expired = pool.submit(expire)
        until(lambda: waits_for_a_lock(host), what="the wait")
    assert expired.result(10) is False
    assert connection_of(host).status is Status.CONNECTED


def test_renewed_tokens_do_not_undo_a_new_connection(host: FakeHost) -> None:
    """Tokens that were fetched before a person connected anew are not stored over the new ones."""
    database, connections = host.runtime.database, host.runtime.connections
    company = connection_of(host).id
    with database.write.begin() as db:
        assert refresh_lock.claim_refresh(db, company, owner="worker", now=host.clock.now())
        late = connections.tokens(db, company)
    assert late is not None
    host.runtime.panel.connection_service.disconnect(ORG, PERSON)
    host.connect()
    with database.write.begin() as db:
        assert not connections.save_tokens(db, company, late, replaced=late)
        now = connections.tokens(db, company)
    assert now is not None
    assert now.refresh != late.refresh


def test_a_look_is_of_one_moment(host: FakeHost) -> None:
    """What a drain reads in several statements is of one moment, whatever is written meanwhile."""
    host.save(make_lead("one"))
    count = sa.text("SELECT count(*) FROM qbo_record")
    with host.runtime.database.read.connect() as db:
        assert db.execute(count).scalar() == 1
        host.save(make_lead("two"))
        assert db.execute(count).scalar() == 1
        with pytest.raises(sa.exc.InternalError, match="read-only"):
            db.execute(sa.text("DELETE FROM qbo_record"))


def test_a_change_saved_while_it_is_settled_stays_due(host: FakeHost) -> None:
    """A change that is saved while the row is locked for the answer is sent next (rule 4)."""
    host.save(make_lead(email="one@example.com"))
    changed: list[str] = []

    @sa.event.listens_for(host.runtime.database.write, "before_cursor_execute")
    def _before(_db: object, _cursor: object, statement: str, *_: object) -> None:
        if not changed and "synced_fingerprint=%" in statement:
            changed.append(statement)
            host.save(make_lead(email="two@example.com"))

    assert host.send() + host.send() == 2  # the hook did not wait for the lock
    assert changed
    (customer,) = [one for one in host.books.customers if one["name"].startswith("Sarah")]
    assert customer["email"] == "two@example.com"
    assert rows_of(host)[0].next_attempt_at is None
