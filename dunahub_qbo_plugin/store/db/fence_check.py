"""The check of the fence right before each request, on a connection of its own.

A request may wait for the rate limit after it was committed, and the company can be taken over or
disconnected meanwhile. Taking a connection from the pool and beginning a transaction would cost
more than the query.
"""

from __future__ import annotations

import contextlib
import threading
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from dunahub_qbo_plugin.store.db.compiled import compile_for
from dunahub_qbo_plugin.store.tables import connections

if TYPE_CHECKING:
    from dunahub_qbo_plugin.store.companies.leases import Lease
    from dunahub_qbo_plugin.store.db.fork_guard import ForkGuard


class FenceCheck:
    """Checks fences; one for each process, thread-safe. The connection is opened on first use.

    Args:
        engine: opens the connection.
        fork_guard: makes a fork wait for a running query.
    """

    def __init__(self, engine: sa.Engine, fork_guard: ForkGuard) -> None:
        self._engine = engine
        self._fork_guard = fork_guard
        self._lock = threading.Lock()
        self._connection: sa.PoolProxiedConnection | None = None

    def holds(self, lease: Lease) -> bool:
        """Return whether a company still belongs to the lease's drain.

        Raises:
            Exception: the database cannot be queried (whatever its driver raises).
        """
        statement = compile_for(self._engine.dialect, _fenced)
        values = statement.arguments({"p_company": lease.company_id, "p_fence": lease.fence})
        with self._lock, self._fork_guard.inside():
            if self._connection is not None:
                try:
                    return _ask(self._connection, statement.text, values)
                except Exception:  # noqa: BLE001  e.g. a restarted server: a new connection may work
                    self._drop()
            self._connection = self._open()
            return _ask(self._connection, statement.text, values)

    def _open(self) -> sa.PoolProxiedConnection:
        opened = self._engine.raw_connection()
        driver: Any = opened.driver_connection
        if self._engine.dialect.name != "sqlite":
            driver.autocommit = True  # SQLite's connections are in this mode already
        opened.detach()
        return opened

    def _drop(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            with contextlib.suppress(Exception):
                connection.close()

    def close(self) -> None:
        """Close the connection; the next check opens another."""
        with self._lock:
            self._drop()

    def abandon(self) -> None:
        """Drop what belongs to the parent process, after a fork."""
        self._lock = threading.Lock()
        self._connection = None


def _ask(connection: sa.PoolProxiedConnection, text: str, values: Any) -> bool:  # noqa: ANN401  the driver's
    cursor = connection.cursor()
    try:
        cursor.execute(text, values)
        return cursor.fetchone() is not None
    finally:
        cursor.close()


def _fenced() -> sa.Select[tuple[str]]:
    """Select a company if its fence is the given one."""
    return sa.select(connections.c.id).where(
        connections.c.id == sa.bindparam("p_company"),
        connections.c.fence == sa.bindparam("p_fence"),
    )
