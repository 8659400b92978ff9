"""Right before a request leaves, the database is asked whose the company is (rules 10 and 17)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from dunahub_qbo_plugin.store import leases
from dunahub_qbo_plugin.store.lookout import Lookout
from dunahub_qbo_plugin.store.quiet import Quiet
from tests.support.office import ACME, DANA, Office

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from dunahub_qbo_plugin.store.leases import Lease


@pytest.fixture
def office(tmp_path: Path, store_url: str | None) -> Iterator[Office]:
    """A connected office."""
    bench = Office(tmp_path, database_url=store_url)
    bench.connect()
    yield bench
    bench.close()


@pytest.fixture
def lease(office: Office) -> Lease:
    """A lease on its company."""
    with office.runtime.database.write.begin() as db:
        taken = leases.acquire(db, office.connection().id, owner="w", now=office.clock.now())
    assert taken is not None
    return taken


def test_what_another_takes_over_is_seen_at_once(office: Office, lease: Lease) -> None:
    """The kept connection sees what others have committed since its last look."""
    lookout = office.runtime.database.lookout
    assert lookout.is_ours(lease)
    later = lease.until + leases.LEASE
    with office.runtime.database.write.begin() as db:
        other = leases.acquire(db, lease.company_id, owner="v", now=later)
    assert other is not None
    assert not lookout.is_ours(lease)
    assert lookout.is_ours(other)


def test_a_disconnect_is_seen_at_once(office: Office, lease: Lease) -> None:
    """Nothing leaves after a disconnect, whatever is ready to go."""
    assert office.runtime.database.lookout.is_ours(lease)
    office.runtime.panel.linking.disconnect(ACME, DANA)
    assert not office.runtime.database.lookout.is_ours(lease)


def test_a_lost_connection_is_replaced(office: Office, lease: Lease) -> None:
    """A restart of the server, a close and a fork cost a look nothing but a new connection."""
    database = office.runtime.database
    assert database.lookout.is_ours(lease)
    if not database.is_sqlite:
        end = sa.text(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        with database.write.begin() as db:
            db.execute(end)
        assert database.lookout.is_ours(lease)
    database.lookout.close()
    assert database.lookout.is_ours(lease)
    parents = database.lookout._connection
    assert parents is not None
    database.lookout.abandon()
    assert database.lookout.is_ours(lease)
    parents.close()


def test_a_database_that_does_not_answer_is_no_yes(tmp_path: Path, lease: Lease) -> None:
    """Where nobody can tell, it raises, and nothing leaves."""
    engine = sa.create_engine(f"sqlite:///{tmp_path / 'elsewhere.sqlite3'}")
    lookout = Lookout(engine, Quiet())
    for _ in range(2):
        with pytest.raises(Exception, match="no such table"):
            lookout.is_ours(lease)
    lookout.close()
