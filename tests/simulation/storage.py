"""A database whose writers take turns where the scheduler says so.

Promises that each begin and each commit is a moment at which others may go on, or the process may
end. Promises that whoever waits for another one's transaction gives up after as long as the real
database would let him wait, in simulated time.
"""

from __future__ import annotations

import sqlite3
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING, Any, cast

import sqlalchemy as sa

from dunahub_qbo_plugin.store.db.database import HOOK_LOCK_WAIT
from dunahub_qbo_plugin.store.db.postgres import WORK_LOCK_WAIT
from tests.simulation.scheduler import Killed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from dunahub_qbo_plugin.store.companies.leases import Lease
    from dunahub_qbo_plugin.store.db.database import Database
    from dunahub_qbo_plugin.store.db.fence_check import FenceCheck
    from tests.simulation.scheduler import Life, Scheduler

CRM_TABLE = "crm_note"
"""A table of the host's own in the plugin's database."""
HOST_PATIENCE = 5.0
"""Seconds that a host's own transaction waits for the file (Python's default)."""


class WriteLock:
    """SQLite's lock on the file: one writer at a time, of all processes.

    Args:
        scheduler: lets others go on meanwhile.
        lingers: how often a writer is interrupted within its transaction, 0 to 1.
    """

    def __init__(self, scheduler: Scheduler, *, lingers: float) -> None:
        self._scheduler = scheduler
        self.lingers = lingers
        self._holder: Life | None = None
        self._still: Callable[[], bool] = bool

    @property
    def taken(self) -> bool:
        """Whether somebody living writes."""
        return self._holder is not None and not self._holder.dead and self._still()

    @contextmanager
    def held(
        self, life: Life, *, patience: float, still: Callable[[], bool] = lambda: True
    ) -> Iterator[None]:
        """Have it for a transaction.

        Args:
            life: of the process that writes.
            patience: seconds to wait for it.
            still: tells whether the transaction goes on; a host's ends before its session does.

        Raises:
            sqlalchemy.exc.OperationalError: another one has had it for too long.
        """
        if not self._scheduler.wait("lock of the file", lambda: not self.taken, patience):
            self._scheduler.reached.add("a lock was waited for in vain")
            locked = sqlite3.OperationalError("database is locked")
            raise sa.exc.OperationalError("BEGIN IMMEDIATE", None, locked)
        self._holder, self._still = life, still
        mine = still
        try:
            yield
        finally:
            if self._still is mine:
                self._holder = None


class Gate:
    """An engine of one process, with the scheduler before and after each transaction."""

    def __init__(
        self,
        engine: sa.Engine,
        scheduler: Scheduler,
        lock: WriteLock,
        life: Life,
        name: str,
        *,
        committed: Callable[[], None],
    ) -> None:
        self._engine = engine
        self._scheduler = scheduler
        self._lock = lock
        self._life = life
        self._committed = committed
        self._name = name
        self._patience = 2 * HOOK_LOCK_WAIT if name == "hook" else WORK_LOCK_WAIT

    @contextmanager
    def begin(self) -> Iterator[sa.Connection]:
        """Write."""
        self._point("begin")
        with self._lock.held(self._life, patience=self._patience), self._engine.begin() as db:
            if self._scheduler.dice.random() < self._lock.lingers:
                self._point("within")
            yield db
        self._committed()
        self._point("committed")

    @contextmanager
    def connect(self) -> Iterator[sa.Connection]:
        """Read."""
        self._point("look")
        with self._engine.connect() as db:
            yield db
        self._point("looked")

    def raw_connection(self) -> sa.PoolProxiedConnection:
        """Hand out a connection to be kept."""
        if self._life.dead:
            raise Killed
        return self._engine.raw_connection()

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401  whatever an engine has
        return getattr(self._engine, name)

    def _point(self, label: str) -> None:
        if self._life.dead:
            raise Killed
        self._scheduler.point(f"{self._name} {label}")


class Look:
    """The look at the fence of one process, with the scheduler before it."""

    def __init__(self, fence_check: FenceCheck, scheduler: Scheduler, life: Life) -> None:
        self._fence_check = fence_check
        self._scheduler = scheduler
        self._life = life

    def holds(self, lease: Lease) -> bool:
        """Return whether a company still is that drain's."""
        if self._life.dead:
            raise Killed
        self._scheduler.point("fence")
        holds = self._fence_check.holds(lease)
        task = self._scheduler.current
        if task is not None and holds:
            task.looked = self._scheduler.steps
        return holds

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401  whatever it has besides
        return getattr(self._fence_check, name)


@cache
def _words(dialect: str) -> tuple[list[sa.Dialect], dict[Any, Any]]:
    """Return what all simulated processes share of a kind of database: its dialect, statements."""
    del dialect
    return [], {}


def share_statements(database: Database) -> None:
    """Put statements together once for all runs: that takes longer than carrying them out."""
    dialects, statements = _words(database.dialect)
    dialects.append(database.write.dialect)
    for name in ("hook", "write", "read", "glance"):
        engine: Any = getattr(database, name)
        engine.dialect, engine._compiled_cache = dialects[0], statements


def gated(
    database: Database,
    scheduler: Scheduler,
    lock: WriteLock,
    life: Life,
    *,
    committed: Callable[[], None],
) -> None:
    """Put the scheduler before everything that a process does with its database.

    Args:
        database: the process's.
        scheduler: runs it.
        lock: on the file.
        life: of the process.
        committed: called after each of its commits.
    """
    for name in ("hook", "write", "read", "glance"):
        gate = Gate(getattr(database, name), scheduler, lock, life, name, committed=committed)
        setattr(database, name, cast("sa.Engine", gate))
    database.fence_check = cast("FenceCheck", Look(database.fence_check, scheduler, life))
