"""PostgreSQL connections for hooks, on which nothing takes longer than a fraction of a second.

What takes longer raises an error, upon which the hook's row is spilled to memory.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from typing import TYPE_CHECKING, Any, Final, TypeVar

import psycopg
import sqlalchemy as sa

from dunahub_qbo_plugin.store.db.database import HOOK_LOCK_WAIT
from dunahub_qbo_plugin.store.db.postgres import (
    CONNECT_TIMEOUT,
    LIVENESS,
    driver_options,
    idle_limit,
    options,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from sqlalchemy.engine.interfaces import DBAPIConnection


HOOK_STATEMENT_TIMEOUT: Final = 0.075
"""Seconds after which the server cancels a hook's statement."""
HOOK_RESPONSE_TIMEOUT: Final = 0.25
"""Seconds after which a hook gives up on a server that does not answer."""
HOOK_CONNECT_TIMEOUT: Final = 0.1
"""Seconds that a hook waits for a new connection, or for a free one of the pool."""
MAX_CONNECTING: Final = 4
"""Connections that are being opened for hooks at the same time."""
LATE_CONNECTION_LIFETIME: Final = 30.0
"""Seconds for which a connection that was opened too late is kept for the next hook."""

Result = TypeVar("Result")


def hook_engine(url: sa.URL) -> tuple[sa.Engine, BackgroundConnector]:
    """Create the engine for hooks, on which nothing takes longer than `HOOK_RESPONSE_TIMEOUT`.

    Connections are not tested before use, which would cost every hook a round trip.
    """
    url, ours = driver_options(url)
    waits = (
        f"-clock_timeout={HOOK_LOCK_WAIT * 1000:.0f} "
        f"-cstatement_timeout={HOOK_STATEMENT_TIMEOUT * 1000:.0f} {idle_limit()}"
    )
    engine = sa.create_engine(
        url,
        connect_args={
            **LIVENESS,
            **ours,
            "connect_timeout": CONNECT_TIMEOUT,
            "options": options(url, waits),
        },
        pool_size=5,
        max_overflow=15,
        pool_timeout=HOOK_CONNECT_TIMEOUT,
        hide_parameters=True,
    )
    connector = BackgroundConnector(TimeLimitedConnection.connect)

    @sa.event.listens_for(engine, "do_connect")
    def _connect(
        _dialect: sa.Dialect, _entry: object, args: tuple[Any, ...], values: dict[str, Any]
    ) -> DBAPIConnection:
        connection: DBAPIConnection = connector.open(*args, **values)
        return connection

    return engine, connector


class TimeLimitedConnection(psycopg.Connection[Any]):
    """A connection that gives up on a server that has stopped answering.

    The server's own time-outs do not help if the server or the network hangs.
    """

    def wait(
        self,
        gen: Generator[Any, Any, Result],
        interval: float = 0.05,
        timeout: float | None = None,
    ) -> Result:
        """Do one step of the protocol within `HOOK_RESPONSE_TIMEOUT`.

        Raises:
            psycopg.OperationalError: no answer came; the connection is closed.
        """
        patience = HOOK_RESPONSE_TIMEOUT if timeout is None else min(timeout, HOOK_RESPONSE_TIMEOUT)
        return super().wait(self._in_time(gen, time.monotonic() + patience), interval)

    def _in_time(
        self, gen: Generator[Any, Any, Result], until: float
    ) -> Generator[Any, Any, Result]:
        try:
            state = next(gen)
            while True:
                ready = yield state
                if not ready and time.monotonic() >= until:
                    self.pgconn.finish()
                    raise psycopg.OperationalError("the database does not answer")
                state = gen.send(ready)
        except StopIteration as done:
            result: Result = done.value
            return result


class BackgroundConnector:
    """Opens connections in threads of its own, so that no hook waits for an unreachable server.

    Time-outs of libpq and psycopg are two seconds at least, and do not cover name resolution.

    Args:
        connect: opens one connection.
    """

    def __init__(self, connect: Callable[..., Any]) -> None:
        self._connect = connect
        self._lock = threading.Lock()
        self._opening = 0
        self._closed = False
        self._kept: deque[tuple[float, Any]] = deque()

    def open(self, *args: Any, **values: Any) -> Any:  # noqa: ANN401  a driver's
        """Return a connection within `HOOK_CONNECT_TIMEOUT` seconds.

        Raises:
            psycopg.OperationalError: it takes longer; a connection that is opened later is kept
                for the next call.
        """
        if (kept := self._take_kept()) is not None:
            return kept
        with self._lock:
            self._closed = False
            if self._opening >= MAX_CONNECTING:
                raise psycopg.OperationalError("the database does not let anybody in")
            self._opening += 1
        attempt = _Attempt()
        threading.Thread(
            target=self._try, args=(attempt, args, values), name="dunahub-qbo-connect", daemon=True
        ).start()
        attempt.over.wait(HOOK_CONNECT_TIMEOUT)
        with self._lock:
            attempt.left = attempt.made is None and attempt.error is None
        if attempt.error is not None:
            raise attempt.error
        if attempt.left:
            raise psycopg.OperationalError("the database takes too long to let a hook in")
        return attempt.made

    def abandon(self) -> None:
        """Drop connections that belong to the parent process, after a fork."""
        self._lock = threading.Lock()
        self._opening = 0
        self._kept.clear()

    def close(self) -> None:
        """Close kept connections and those opened later, until `open` is called again."""
        with self._lock:
            self._closed = True
            kept, self._kept = self._kept, deque()
        for _, connection in kept:
            connection.close()

    def _try(self, attempt: _Attempt, args: tuple[Any, ...], values: dict[str, Any]) -> None:
        made, error = None, None
        try:
            made = self._connect(*args, **values)
        except Exception as raised:  # noqa: BLE001  raised again in the thread that called `open`
            error = raised
        too_late = None
        with self._lock:
            self._opening -= 1
            if attempt.left and made is not None:
                if self._closed:
                    too_late = made
                else:
                    self._kept.append((time.monotonic(), made))
            attempt.made, attempt.error = made, error
        attempt.over.set()
        if too_late is not None:
            too_late.close()

    def _take_kept(self) -> Any:  # noqa: ANN401  a driver's
        with self._lock:
            kept, self._kept = self._kept, deque()
        good = None
        for at, connection in kept:
            if (
                good is None
                and time.monotonic() - at < LATE_CONNECTION_LIFETIME
                and not connection.closed
            ):
                good = connection
            else:
                connection.close()
        return good


class _Attempt:
    """One connection that is being opened; `left` is True once the hook has stopped waiting."""

    def __init__(self) -> None:
        self.over = threading.Event()
        self.made: Any = None
        self.error: Exception | None = None
        self.left = False
