"""Right before a request leaves, the database is asked whose the company is (rules 10 and 17)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from dunahub_qbo_plugin.store.companies import leases
from dunahub_qbo_plugin.store.db.fence_check import FenceCheck
from dunahub_qbo_plugin.store.db.fork_guard import ForkGuard
from dunahub_qbo_plugin.testing import ORG, PERSON, FakeHost
from tests.support.host import connection_of, make_host

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from dunahub_qbo_plugin.store.companies.leases import Lease


@pytest.fixture
def host(tmp_path: Path, store_url: str | None) -> Iterator[FakeHost]:
    """Return a connected host."""
    made = make_host(tmp_path, database_url=store_url)
    made.connect()
    yield made
    made.close()


@pytest.fixture
def lease(host: FakeHost) -> Lease:
    """A lease on its company."""
    with host.runtime.database.write.begin() as db:
        taken = leases.acquire(db, connection_of(host).id, owner="w", now=host.clock.now())
    assert taken is not None
    return taken


def test_what_another_takes_over_is_seen_at_once(host: FakeHost, lease: Lease) -> None:
    """The kept connection sees what others have committed since its last look."""
    lookout = host.runtime.database.fence_check
    assert lookout.holds(lease)
    later = lease.until + leases.LEASE
    with host.runtime.database.write.begin() as db:
        other = leases.acquire(db, lease.company_id, owner="v", now=later)
    assert other is not None
    assert not lookout.holds(lease)
    assert lookout.holds(other)


def test_a_disconnect_is_seen_at_once(host: FakeHost, lease: Lease) -> None:
    """Nothing leaves after a disconnect, whatever is ready to go."""
    assert host.runtime.database.fence_check.holds(lease)
    host.runtime.panel.connection_service.disconnect(ORG, PERSON)
    assert not host.runtime.database.fence_check.holds(lease)


def test_a_lost_connection_is_replaced(host: FakeHost, lease: Lease) -> None:
    """A restart of the server, a close and a fork cost a look nothing but a new connection."""
    database = host.runtime.database
    assert database.fence_check.holds(lease)
    if not database.is_sqlite:
        end = sa.text(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        with database.write.begin() as db:
            db.execute(end)
        assert database.fence_check.holds(lease)
    database.fence_check.close()
    assert database.fence_check.holds(lease)
    parents = database.fence_check._connection
    assert parents is not None
    database.fence_check.abandon()
    assert database.fence_check.holds(lease)
    parents.close()


def test_a_database_that_does_not_answer_is_no_yes(tmp_path: Path, lease: Lease) -> None:
    """Where nobody can tell, it raises, and nothing leaves."""
    engine = sa.create_engine(f"sqlite:///{tmp_path / 'elsewhere.sqlite3'}")
    lookout = FenceCheck(engine, ForkGuard())
    for _ in range(2):
        with pytest.raises(Exception, match="no such table"):
            lookout.holds(lease)
    lookout.close()
