"""The hooks' way to PostgreSQL: nothing on it takes longer than a fraction of a second.

What cannot be had so soon is an error, upon which the hook's row goes through memory.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from typing import TYPE_CHECKING, Any, Final, TypeVar

import psycopg
import sqlalchemy as sa

from dunahub_qbo_plugin.store.db.postgres import (
    CONNECT,
    LIVENESS,
    driver_options,
    idle_limit,
    options,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from sqlalchemy.engine.interfaces import DBAPIConnection

HOOK_LOCK_WAIT: Final = 0.025
"""Seconds that the server lets a hook wait for a lock."""
HOOK_STATEMENT: Final = 0.075
"""Seconds that the server gives a hook's statement."""
HOOK_PATIENCE: Final = 0.25
"""Seconds after which a hook lets go of a server that does not answer at all."""
HOOK_CONNECT: Final = 0.1
"""Seconds that a hook waits for a new connection, and for a place in the pool."""
OPENING_AT_ONCE: Final = 4
"""Connections that are opened for hooks at the same time at most."""
KEPT: Final = 30.0
"""Seconds for which a connection that came too late for its hook is good for the next."""

Result = TypeVar("Result")


def hook_engine(url: sa.URL) -> tuple[sa.Engine, BackgroundConnector]:
    """Open the hooks' way to the database, on which nothing takes longer than `HOOK_PATIENCE`.

    A connection is not tried out before it is used: that would cost every hook a round trip.
    """
    url, ours = driver_options(url)
    waits = (
        f"-clock_timeout={HOOK_LOCK_WAIT * 1000:.0f} "
        f"-cstatement_timeout={HOOK_STATEMENT * 1000:.0f} {idle_limit()}"
    )
    engine = sa.create_engine(
        url,
        connect_args={
            **LIVENESS,
            **ours,
            "connect_timeout": CONNECT,
            "options": options(url, waits),
        },
        pool_size=5,
        max_overflow=15,
        pool_timeout=HOOK_CONNECT,
        hide_parameters=True,
    )
    connector = BackgroundConnector(Impatient.connect)

    @sa.event.listens_for(engine, "do_connect")
    def _connect(
        _dialect: sa.Dialect, _entry: object, args: tuple[Any, ...], values: dict[str, Any]
    ) -> DBAPIConnection:
        connection: DBAPIConnection = connector.open(*args, **values)
        return connection

    return engine, connector


class Impatient(psycopg.Connection[Any]):
    """A connection that gives up on a server that has stopped answering.

    The server's own time-outs do not help where the server hangs, or the network to it.
    """

    def wait(
        self,
        gen: Generator[Any, Any, Result],
        interval: float = 0.05,
        timeout: float | None = None,
    ) -> Result:
        """Carry out a step of the protocol, within `HOOK_PATIENCE`.

        Raises:
            psycopg.OperationalError: no answer came; the connection is closed.
        """
        patience = HOOK_PATIENCE if timeout is None else min(timeout, HOOK_PATIENCE)
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
    """Opens connections in threads of its own, so that nobody waits for a server that is gone.

    Time-outs of libpq and of psycopg end at two seconds, and neither covers the look-up of a name.

    Args:
        connect: opens one.
    """

    def __init__(self, connect: Callable[..., Any]) -> None:
        self._connect = connect
        self._lock = threading.Lock()
        self._opening = 0
        self._closed = False
        self._kept: deque[tuple[float, Any]] = deque()

    def open(self, *args: Any, **values: Any) -> Any:  # noqa: ANN401  a driver's
        """Return a connection within `HOOK_CONNECT` seconds.

        Raises:
            psycopg.OperationalError: there is none to be had so soon; one that comes later is
                kept for the next who asks.
        """
        if (kept := self._take_kept()) is not None:
            return kept
        with self._lock:
            self._closed = False
            if self._opening >= OPENING_AT_ONCE:
                raise psycopg.OperationalError("the database does not let anybody in")
            self._opening += 1
        attempt = _Attempt()
        threading.Thread(
            target=self._try, args=(attempt, args, values), name="dunahub-qbo-connect", daemon=True
        ).start()
        attempt.over.wait(HOOK_CONNECT)
        with self._lock:
            attempt.left = attempt.made is None and attempt.error is None
        if attempt.error is not None:
            raise attempt.error
        if attempt.left:
            raise psycopg.OperationalError("the database takes too long to let a hook in")
        return attempt.made

    def abandon(self) -> None:
        """Forget connections that belong to the parent process after a fork."""
        self._lock = threading.Lock()
        self._opening = 0
        self._kept.clear()

    def close(self) -> None:
        """Close what is kept, and what comes later; opening another opens the door again."""
        with self._lock:
            self._closed = True
            kept, self._kept = self._kept, deque()
        for _, connection in kept:
            connection.close()

    def _try(self, attempt: _Attempt, args: tuple[Any, ...], values: dict[str, Any]) -> None:
        made, error = None, None
        try:
            made = self._connect(*args, **values)
        except Exception as raised:  # noqa: BLE001  it is raised where it was asked for
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
            if good is None and time.monotonic() - at < KEPT and not connection.closed:
                good = connection
            else:
                connection.close()
        return good


class _Attempt:
    """One connection that is being opened; `left` once nobody waits for it any more."""

    def __init__(self) -> None:
        self.over = threading.Event()
        self.made: Any = None
        self.error: Exception | None = None
        self.left = False
