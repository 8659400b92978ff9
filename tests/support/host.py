"""What the project's own tests need of `FakeHost` that is nothing for others.

That is a moment at which time stands still, a database that is migrated already, and looks at what
is stored.
"""

from __future__ import annotations

import tempfile
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from dunahub_qbo_plugin.emulator import SEEDS
from dunahub_qbo_plugin.store.db.database import Database
from dunahub_qbo_plugin.store.queries import records as views
from dunahub_qbo_plugin.store.tables import records
from dunahub_qbo_plugin.testing import ORG, FakeHost, QboEmulator, SteeredClock
from dunahub_qbo_plugin.testing.host import key_of

if TYPE_CHECKING:
    from dunahub_hookspecs import Organization
    from dunahub_qbo_plugin.model import RecordState
    from dunahub_qbo_plugin.store.companies.connection import Connection
    from dunahub_qbo_plugin.store.queries.records import RecordView
    from dunahub_qbo_plugin.testing.host import Record

START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
"""When it is, unless a test moves the clock."""
SQLITE = "dunahub_qbo.sqlite3"
"""The name of the plugin's database in a test's folder."""
CONTRACTOR = SEEDS["contractor"][0]
EMPTY = SEEDS["empty"][0]
TAXED = SEEDS["automated_tax"][0]


def make_host(
    folder: Path,
    *,
    start: datetime = START,
    qbo: QboEmulator | None = None,
    database_url: str | None = None,
    **options: Any,  # noqa: ANN401  FakeHost's own
) -> FakeHost:
    """Make a host on a clock that stands.

    Args:
        folder: where the database goes.
        start: what the clock shows.
        qbo: an emulator with another clock, or that of another process of this host.
        database_url: another database than SQLite in the folder.
        options: as for `FakeHost`.
    """
    url = database(folder, database_url)
    qbo = qbo or QboEmulator(SteeredClock(start))
    return FakeHost(folder, qbo=qbo, database_url=url, **options)


def live_qbo() -> QboEmulator:
    """Return an emulator on the machine's clock, for a host whose worker runs by itself."""
    return QboEmulator(SteeredClock(sleeps=True))


def connection_of(host: FakeHost, *, org: Organization = ORG) -> Connection:
    """Return the organization's company as it is stored."""
    with host.runtime.database.read.connect() as db:
        found = host.runtime.connections.current(db, org.id)
    assert found is not None, "the organization never connected"
    return found


def asked_about(host: FakeHost, *, org: Organization = ORG) -> str:
    """Return our id of the other company that was chosen and waits for a yes."""
    with host.runtime.database.read.connect() as db:
        pending = host.runtime.connections.pending(db, org.id)
    assert pending is not None, "no other company was chosen"
    return pending.id


def rows_of(host: FakeHost) -> list[Any]:
    """Return every record's row, raw."""
    with host.runtime.database.read.connect() as db:
        return list(db.execute(sa.select(records).order_by(records.c.id)))


def find(host: FakeHost, record: Record) -> RecordView | None:
    """Return a record, or None: a busy database lets a hook's row go through memory first."""
    with host.runtime.database.read.connect() as db:
        return views.one(db, connection_of(host), key_of(record))


def shows(host: FakeHost, record: Record, state: RecordState) -> bool:
    """Return whether a record is there and in a state."""
    found = find(host, record)
    return found is not None and found.state is state


def has_failed(host: FakeHost, record: Record) -> bool:
    """Return whether a record is there and has an error."""
    found = find(host, record)
    return found is not None and found.error is not None


@cache
def _template() -> bytes:
    """Make a migrated database once per run: a migration takes longer than most tests."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / SQLITE
        database = Database(f"sqlite:///{path}")
        database.prepare()
        with database.write.connect() as db:
            db.exec_driver_sql("COMMIT")
            db.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
        database.close()
        return path.read_bytes()


def database(folder: Path, url: str | None) -> str:
    """Return the address of a database that is migrated: a given one, or SQLite in a folder."""
    if url is not None:
        return url
    copy_schema(folder / SQLITE)
    return f"sqlite:///{folder / SQLITE}"


def copy_schema(path: Path) -> None:
    """Put a migrated, empty database there unless there is one."""
    if not path.exists():
        path.write_bytes(_template())
