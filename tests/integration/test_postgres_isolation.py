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
from tests.support.office import ACME, DANA, Office, lead
from tests.support.queue import until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def office(tmp_path: Path, postgres_url: str) -> Iterator[Office]:
    """A connected office on PostgreSQL without a worker of its own."""
    bench = Office(tmp_path, database_url=postgres_url)
    bench.connect()
    yield bench
    bench.close()


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    """Threads for those who come at the same time."""
    with ThreadPoolExecutor(8) as threads:
        yield threads


def waits_for_a_lock(office: Office) -> bool:
    """Return whether somebody waits for a lock in the database."""
    statement = sa.text(
        "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
        " AND datname = current_database()"
    )
    with office.runtime.database.read.connect() as db:
        return db.execute(statement).first() is not None


def test_one_of_many_gets_the_lease(office: Office, pool: ThreadPoolExecutor) -> None:
    """Eight workers that reach for a company at once: one gets it, each time (rule 10)."""
    company, now = office.connection().id, office.clock.now()
    start = threading.Barrier(8, timeout=10)

    def reach(owner: int) -> bool:
        start.wait()
        with office.runtime.database.write.begin() as db:
            return leases.acquire(db, company, owner=str(owner), now=now) is not None

    for _ in range(10):
        assert sum(pool.map(reach, range(8))) == 1
        now += LEASE + timedelta(seconds=1)


def test_one_of_many_renews_the_tokens(office: Office, pool: ThreadPoolExecutor) -> None:
    """Eight threads that find the access token ended: Intuit is asked once (rule 16)."""
    office.clock.sleep(7200)
    company = office.connection().id
    tokens = office.runtime.worker_tasks.upkeep._tokens
    before = len(office.emulator.world.journal.entries())
    grants = list(pool.map(lambda _: tokens.grant(company), range(8)))
    assert len({one.access_token.reveal() for one in grants}) == 1
    asked = office.emulator.world.journal.entries()[before:]
    assert len([one for one in asked if one.path.endswith("/tokens/bearer")]) == 1


def test_a_disconnect_waits_for_the_write_and_then_stops_it(
    office: Office, pool: ThreadPoolExecutor
) -> None:
    """Between a drain's look at its fence and its commit nobody gets in; afterwards it is out."""
    company, now = office.connection().id, office.clock.now()
    database = office.runtime.database
    with database.write.begin() as db:
        lease = leases.acquire(db, company, owner="worker", now=now)
    assert lease is not None
    with database.write.begin() as db:
        leases.renew(db, lease, now=now)
        gone = pool.submit(office.runtime.panel.connection_service.disconnect, ACME, DANA)
        until(lambda: waits_for_a_lock(office), what="the wait")
        assert office.connection().status is Status.CONNECTED
    gone.result(10)
    with database.write.begin() as db, pytest.raises(LeaseLost):
        leases.renew(db, lease, now=now)


def test_two_disconnects_are_one(office: Office, pool: ThreadPoolExecutor) -> None:
    """A button that is pressed twice at once disconnects once."""
    database, connections = office.runtime.database, office.runtime.connections

    def disconnect(_: int) -> bool:
        with database.write.begin() as db:
            left = connections.disconnect(db, ACME.id, by="Dana", now=office.clock.now())
            return left is not None

    before = office.connection().connection_period
    assert sum(pool.map(disconnect, range(8))) == 1
    assert office.connection().connection_period == before + 1
    with database.read.connect() as db:
        assert db.execute(sa.text("SELECT count(*) FROM qbo_disconnection")).scalar() == 1


def test_a_refused_token_does_not_end_a_new_connection(
    office: Office, pool: ThreadPoolExecutor
) -> None:
    """A person reconnects while a worker hears that the old token is refused: that holds."""
    database, connections = office.runtime.database, office.runtime.connections
    company, now = office.connection().id, office.clock.now()
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
        until(lambda: waits_for_a_lock(office), what="the wait")
    assert expired.result(10) is False
    assert office.connection().status is Status.CONNECTED


def test_renewed_tokens_do_not_undo_a_new_connection(office: Office) -> None:
    """Tokens that were fetched before a person connected anew are not stored over the new ones."""
    database, connections = office.runtime.database, office.runtime.connections
    company = office.connection().id
    with database.write.begin() as db:
        assert refresh_lock.claim_refresh(db, company, owner="worker", now=office.clock.now())
        late = connections.tokens(db, company)
    assert late is not None
    office.runtime.panel.connection_service.disconnect(ACME, DANA)
    office.connect()
    with database.write.begin() as db:
        assert not connections.save_tokens(db, company, late, replaced=late)
        now = connections.tokens(db, company)
    assert now is not None
    assert now.refresh != late.refresh


def test_a_look_is_of_one_moment(office: Office) -> None:
    """What a drain reads in several statements is of one moment, whatever is written meanwhile."""
    office.save(lead("one"))
    count = sa.text("SELECT count(*) FROM qbo_record")
    with office.runtime.database.read.connect() as db:
        assert db.execute(count).scalar() == 1
        office.save(lead("two"))
        assert db.execute(count).scalar() == 1
        with pytest.raises(sa.exc.InternalError, match="read-only"):
            db.execute(sa.text("DELETE FROM qbo_record"))


def test_a_change_saved_while_it_is_settled_stays_due(office: Office) -> None:
    """A change that is saved while the row is locked for the answer is sent next (rule 4)."""
    office.save(lead(email="one@example.com"))
    changed: list[str] = []

    @sa.event.listens_for(office.runtime.database.write, "before_cursor_execute")
    def _before(_db: object, _cursor: object, statement: str, *_: object) -> None:
        if not changed and "synced_fingerprint=%" in statement:
            changed.append(statement)
            office.save(lead(email="two@example.com"))

    assert office.drain() + office.drain() == 2  # the hook did not wait for the lock
    assert changed
    (customer,) = [one for one in office.books()["customers"] if one["name"].startswith("Sarah")]
    assert customer["email"] == "two@example.com"
    assert office.rows()[0].next_attempt_at is None
