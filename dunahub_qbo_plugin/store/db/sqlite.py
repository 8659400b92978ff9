"""SQLite engines: a write-ahead log, and writers of one process that take turns."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import threading
import time
from collections import deque
from typing import TYPE_CHECKING, Any, Final

import sqlalchemy as sa

from dunahub_qbo_plugin.store.db.fork_guard import ForkSafePool

if TYPE_CHECKING:
    from pathlib import Path

    from sqlalchemy.engine.interfaces import DBAPIConnection
    from sqlalchemy.pool import ConnectionPoolEntry

    from dunahub_qbo_plugin.store.db.fork_guard import ForkGuard

TURN_KEY: Final = "qbo_turn"
TRY_AGAIN: Final = 0.002
"""Seconds between two tries to lock the file."""


def create_private(path: Path) -> None:
    """Create an empty database that its owner alone can read, if there is none.

    SQLite gives its log and its index of the log the same permissions. A file that is there keeps
    those that it has: an operator may share it with a group.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with contextlib.suppress(FileExistsError):
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))


class Turn:
    """A fair lock among the writing threads of this process: first come, first served.

    SQLite itself lets a waiting writer sleep 1, 2, 5, 10 and more milliseconds between attempts,
    and a drain that writes all the time may always be faster. Here each writer hands the turn to
    the next, so that a hook waits for a transaction or two at most.

    The turn is advisory: SQLite's lock is taken in any case. So a thread that has waited in vain
    may go on, and a turn that is kept too long costs time, never a write.
    """

    def __init__(self) -> None:
        self._line = _Line()

    def take(self, held: dict[Any, Any], *, wait: float) -> bool:
        """Wait for the turn, unless this connection has it; return False after the time-out.

        Args:
            held: the connection's ``info``.
            wait: seconds to wait at most.
        """
        ticket = held.get(TURN_KEY)
        if ticket is None:
            # Stored before waiting: if the wait is interrupted, the check-in gives the turn back.
            ticket = held[TURN_KEY] = _Ticket(self._line)
        came: bool = ticket.enter(wait)
        return came

    @staticmethod
    def give(held: dict[Any, Any]) -> None:
        """Hand the turn to the next thread, if this connection has it."""
        ticket = held.pop(TURN_KEY, None)
        if ticket is not None:
            ticket.leave()

    def abandon(self) -> None:
        """Reset the turn after a fork: its threads are not in this process."""
        self._line = _Line()


class _Line:
    """The thread that has the turn, and those that wait for it, the longest first."""

    def __init__(self) -> None:
        # Reentrant, since the garbage collector may return a connection while it is held.
        self.mutex = threading.RLock()
        self.first: _Ticket | None = None
        self.waiting: deque[_Ticket] = deque()


class _Ticket:
    """One place in the line. Python's own locks are not fair."""

    def __init__(self, line: _Line) -> None:
        self._line = line
        self._called = threading.Lock()
        self._called.acquire()

    def enter(self, wait: float) -> bool:
        line = self._line
        with line.mutex:
            if line.first is None:
                line.first = self
            if line.first is self:
                return True
            line.waiting.append(self)
        self._called.acquire(timeout=wait)
        with line.mutex:
            if self in line.waiting:
                line.waiting.remove(self)
            return line.first is self

    def leave(self) -> None:
        line = self._line
        with line.mutex:
            if self in line.waiting:
                line.waiting.remove(self)
            if line.first is self:
                line.first = line.waiting.popleft() if line.waiting else None
                if line.first is not None:
                    line.first._called.release()  # noqa: SLF001  another one of the kind


def engine(
    url: sa.URL,
    turn: Turn,
    fork_guard: ForkGuard,
    *,
    synchronous: str,
    lock_wait: float,
    checkpoint: int,
    pool_wait: float = 30.0,
) -> sa.Engine:
    """Create an engine, without opening a connection.

    Args:
        url: of the file.
        turn: shared by all engines on that file.
        fork_guard: likewise.
        synchronous: ``FULL`` or ``NORMAL``.
        lock_wait: seconds to wait for this process' other writers and SQLite's lock together.
        checkpoint: pages of log after which a commit makes a checkpoint.
        pool_wait: seconds to wait for a connection where all are in use.
    """
    made = sa.create_engine(
        url,
        connect_args={"timeout": min(lock_wait / 4, 1.0), "check_same_thread": False},
        poolclass=ForkSafePool,
        pool_size=16,
        max_overflow=32,
        pool_timeout=pool_wait,
        hide_parameters=True,
    )
    assert isinstance(made.pool, ForkSafePool)  # noqa: S101  as asked for
    made.pool.fork_guard = fork_guard
    pragmas = (
        "PRAGMA journal_mode=WAL",
        f"PRAGMA synchronous={synchronous}",
        f"PRAGMA wal_autocheckpoint={checkpoint}",
        "PRAGMA temp_store=MEMORY",
        # Tokens that are replaced leave no copy in their page.
        "PRAGMA secure_delete=FAST",
    )

    @sa.event.listens_for(made, "connect")
    def _prepare(connection: DBAPIConnection, _entry: ConnectionPoolEntry) -> None:
        connection.isolation_level = None  # transactions begin where `_begin` says
        cursor = connection.cursor()
        for pragma in pragmas:
            cursor.execute(pragma)
        cursor.close()

    @sa.event.listens_for(made, "begin")
    def _begin(connection: sa.Connection) -> None:
        if connection.get_execution_options().get("qbo_read"):
            connection.exec_driver_sql("BEGIN")
            return
        until = time.monotonic() + lock_wait
        turn.take(connection.info, wait=lock_wait)
        try:
            _lock(connection, until)
        except BaseException:
            turn.give(connection.info)
            raise

    @sa.event.listens_for(made, "checkin")
    def _checkin(_connection: DBAPIConnection | None, entry: ConnectionPoolEntry) -> None:
        turn.give(entry.info)

    return made


def is_locked(error: sa.exc.OperationalError) -> bool:
    """Return whether SQLite says that somebody else has the file."""
    return getattr(error.orig, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_BUSY


def _lock(connection: sa.Connection, until: float) -> None:
    """Begin a transaction that may write, trying again and again until a moment.

    SQLite itself sleeps longer after each try, up to 100 ms: among several processes whoever came
    last would often be the one that is let in. Here each tries every other millisecond.

    Raises:
        sqlalchemy.exc.OperationalError: the file stayed locked.
    """
    while True:
        try:
            connection.exec_driver_sql("BEGIN IMMEDIATE")
        except sa.exc.OperationalError as error:
            if not is_locked(error) or time.monotonic() >= until:
                raise
            time.sleep(TRY_AGAIN)
        else:
            return
