"""The engines on the plugin's database, and its schema.

SQLite is used with a write-ahead log. There are four engines, which differ in how they wait:

- ``hook``: waits some tens of milliseconds for a lock at most, and does no checkpoint;
- ``write``: transactions of workers and pages; takes the write lock at the beginning, so that a
  read followed by a write cannot fail in between;
- ``read``: a consistent read, which blocks nobody;
- ``glance``: a hook's read, with the hook's time-outs.

PostgreSQL has the same four, with time-outs of the server and, for hooks, of the client
(`hook_connections`). ``write`` works at READ COMMITTED: rows that are read in order to be written
are read ``FOR UPDATE``, and every write of a drain begins by renewing its lease, which locks the
company's row against disconnects and other workers until the commit.
"""

from __future__ import annotations

import threading
from pathlib import Path
from typing import TYPE_CHECKING, Final

import sqlalchemy as sa

from dunahub_qbo_plugin.errors import ConfigurationError
from dunahub_qbo_plugin.store.db import postgres, sqlite
from dunahub_qbo_plugin.store.db.fence_check import FenceCheck
from dunahub_qbo_plugin.store.db.fork_guard import ForkGuard
from dunahub_qbo_plugin.store.tables import schema_mark

if TYPE_CHECKING:
    from dunahub_qbo_plugin.store.db.hook_connections import BackgroundConnector

HOOK_LOCK_WAIT: Final = 0.035
"""Seconds that a hook waits for a lock: on SQLite for the writers of its own process and for the
file's lock together, on PostgreSQL for a row. After that its row is spilled to memory."""
HOOK_POOL_WAIT: Final = 0.01
"""Seconds that a hook waits for a connection where many hooks have all there are."""
HOOK_CHECKPOINT_PAGES: Final = 20_000
"""Pages of the write-ahead log after which even a hook does a checkpoint, for want of a worker."""

SCHEMA: Final = "0003"
"""The newest migration; a database at this version is used without loading Alembic.

A migration that an older version can still work with (a new column that may be empty, a new table)
leaves ``qbo_schema.oldest_writer`` as it is; one that it cannot sets it to itself.
"""
VERSION_TABLE: Final = "qbo_alembic_version"


class Database:
    """The engines on one database. Nothing is opened before the first use.

    Args:
        url: an SQLAlchemy URL.
        synchronous: SQLite's durability: ``FULL`` or ``NORMAL``.

    Raises:
        ConfigurationError: the URL is malformed, or its driver is not installed.
    """

    def __init__(self, url: str, *, synchronous: str = "FULL") -> None:
        self._synchronous = synchronous
        self._connector: BackgroundConnector | None = None
        self._turn = sqlite.Turn()
        self._fork_guard = ForkGuard()
        try:
            self.url = postgres.address(url)
            self.dialect = self.url.get_dialect().name
            self.hook, self.write = self._engines()
        except (sa.exc.ArgumentError, sa.exc.NoSuchModuleError, ImportError, ValueError) as error:
            raise ConfigurationError(
                "DUNAHUB_QBO_DATABASE_URL cannot be used: it must be an SQLAlchemy address such as "
                "sqlite:////var/lib/dunahub/qbo.sqlite3, and its driver must be installed "
                '(PostgreSQL\'s comes with pip install "dunahub-qbo-plugin[postgres]")'
            ) from (
                None if isinstance(error, ValueError) else error
            )  # its text may hold a password
        self.read = self.write.execution_options(qbo_read=True)
        self.glance = self.hook.execution_options(qbo_read=True)
        if not self.is_sqlite:
            self.read = self.read.execution_options(
                isolation_level="REPEATABLE READ", postgresql_readonly=True
            )
        self.fence_check = FenceCheck(self.write, self._fork_guard)
        self._ready = False
        self._lock = threading.Lock()
        self._watch: sa.PoolProxiedConnection | None = None

    @property
    def is_sqlite(self) -> bool:
        """Whether the database is SQLite."""
        return self.dialect == "sqlite"

    def _engines(self) -> tuple[sa.Engine, sa.Engine]:
        """Create the engines for hooks and for work, without opening a connection."""
        if self.is_sqlite:
            return (
                self._sqlite(
                    lock_wait=HOOK_LOCK_WAIT,
                    checkpoint=HOOK_CHECKPOINT_PAGES,
                    pool_wait=HOOK_POOL_WAIT,
                ),
                self._sqlite(
                    lock_wait=postgres.WORK_LOCK_WAIT,
                    checkpoint=1000,
                    pool_wait=postgres.WORK_LOCK_WAIT,
                ),
            )
        if self.url.get_driver_name() != "psycopg":
            raise sa.exc.ArgumentError("only SQLite and PostgreSQL through psycopg are supported")
        from dunahub_qbo_plugin.store.db.hook_connections import hook_engine  # noqa: PLC0415  needs the extra

        hook, self._connector = hook_engine(self.url)
        return hook, postgres.work_engine(self.url)

    def _sqlite(self, *, lock_wait: float, checkpoint: int, pool_wait: float) -> sa.Engine:
        return sqlite.engine(
            self.url,
            self._turn,
            self._fork_guard,
            synchronous=self._synchronous,
            lock_wait=lock_wait,
            checkpoint=checkpoint,
            pool_wait=pool_wait,
        )

    def is_ready(self) -> bool:
        """Return, cheaply, whether the schema exists and is current; never change it.

        Raises:
            sqlalchemy.exc.SQLAlchemyError: the database cannot be reached.
        """
        if not self._ready and self._exists():
            self._ready = self._is_usable(self.glance)
        return self._ready

    def _is_usable(self, way: sa.Engine) -> bool:
        """Return whether this version may read and write what is there.

        A newer version says, in what it made of the tables, which is the oldest that still may.
        """
        version = self._version(way)
        if version is None or version < SCHEMA:
            return False
        return version == SCHEMA or (self._oldest_writer(way) or version) <= SCHEMA

    def schema(self) -> str | None:
        """Return the version of the schema as it is; None where there is none."""
        return self._version(self.read)

    def _exists(self) -> bool:
        """Return whether the database exists; opening it would create an empty SQLite file."""
        path = self.url.database
        return not self.is_sqlite or (bool(path) and Path(str(path)).exists())

    def prepare(self) -> None:
        """Create the file and the schema if they are missing; migrate an older schema.

        Raises:
            ConfigurationError: a newer version made the schema, and this one may not write to it.
            sqlalchemy.exc.SQLAlchemyError: the database cannot be reached.
        """
        if self._ready:
            return
        with self._lock:
            if self._ready:
                return
            if self.is_sqlite and self.url.database:
                sqlite.create_private(Path(self.url.database))
            if not self._is_usable(self.read):
                if (version := self._version(self.read) or "") > SCHEMA:
                    raise ConfigurationError(
                        "The database was made by a newer version of the QuickBooks plugin (schema "
                        f"{version}); this one (schema {SCHEMA}) may not write to it. Nothing is "
                        "being recorded: install the newer version again."
                    )
                from dunahub_qbo_plugin.store.migrations import upgrade  # noqa: PLC0415  Alembic is slow to import and seldom needed

                upgrade(self.write)
            self._ready = True

    def _version(self, engine: sa.Engine) -> str | None:
        """Return the version of the schema, None without one; a hook passes its own engine."""
        statement = sa.text(f"SELECT version_num FROM {VERSION_TABLE}")  # noqa: S608  a constant
        try:
            with engine.connect() as connection:
                return connection.execute(statement).scalar()
        except sa.exc.ProgrammingError:
            return None
        except sa.exc.OperationalError as error:
            if self.is_sqlite and not sqlite.is_locked(error):
                return None  # how SQLite says that there is no such table
            raise

    def _oldest_writer(self, way: sa.Engine) -> str | None:
        try:
            with way.connect() as connection:
                return connection.execute(sa.select(schema_mark.c.oldest_writer)).scalar()
        except sa.exc.DBAPIError:
            return None

    def change_counter(self) -> int | None:
        """Return a number that changes after writes by other connections; None if unknown."""
        if not self.is_sqlite:
            return None
        with self._lock, self._fork_guard.inside():
            if self._watch is None:
                self._watch = self.write.raw_connection()
                self._watch.detach()
            cursor = self._watch.dbapi_connection.cursor()  # type: ignore[union-attr]  # open until closed
            cursor.execute("PRAGMA data_version")
            row = cursor.fetchone()
            cursor.close()
            return int(row[0]) if row else None

    def checkpoint(self) -> None:
        """Move SQLite's log into the file, as far as no reader or writer prevents it."""
        if self.is_sqlite:
            with self.write.connect() as connection:
                driver = connection.connection.driver_connection
                if driver is not None:
                    driver.execute("PRAGMA wal_checkpoint(PASSIVE)")

    def empty_log(self) -> bool:
        """Move SQLite's log into the file and cut it to nothing: what was replaced is gone then.

        Returns:
            False where somebody reads or writes meanwhile, so that the log still has what was
            replaced; it is written over later.
        """
        if not self.is_sqlite:
            return True
        with self.write.connect() as connection:
            driver = connection.connection.driver_connection
            if driver is None:
                return False
            (busy, *_) = driver.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
            return not busy

    def close(self) -> None:
        """Close every pooled connection; the database can be used again afterwards."""
        with self._fork_guard.inside():
            self._close()

    def _close(self) -> None:
        with self._lock:
            if self._watch is not None:
                self._watch.close()
                self._watch = None
        self.fence_check.close()
        for engine in (self.hook, self.write):
            # A connection in use now returns to a pool that is not disposed of again.
            sa.event.listen(engine.pool, "checkin", _close_late)
            engine.dispose()
        if self._connector is not None:
            self._connector.close()

    def abandon(self) -> None:
        """Drop connections that belong to the parent process, after a fork."""
        self._watch = None
        self._turn.abandon()
        self.fence_check.abandon()
        self.hook.dispose(close=False)
        self.write.dispose(close=False)
        if self._connector is not None:
            self._connector.abandon()


def _close_late(_driver: object, entry: sa.pool.ConnectionPoolEntry) -> None:
    entry.invalidate()
