"""PostgreSQL engines: URLs and time-outs.

Time-outs are start-up options of the connections, not ``SET`` statements, which behind a pooler
would stay with a server connection that others use next. A pooler in transaction mode must pass
these options on or ignore them (PgBouncer: ``ignore_startup_parameters = options``), and for one
without prepared statements (PgBouncer before 1.21) the URL must end in
``?prepare_threshold=none``.
"""

from __future__ import annotations

from typing import Any, Final

import sqlalchemy as sa

WORK_LOCK_WAIT: Final = 10.0
"""Seconds that workers and pages wait for a lock, on either database."""
IDLE_TRANSACTION_TIMEOUT: Final = 10.0
"""Seconds after which the server ends an idle transaction of ours.

A process that is paused within one would lock a company for as long as it is paused. It is less
than a lease, so that the worker that takes the company over does not wait for it.
"""
CONNECT_TIMEOUT: Final = 5
"""Seconds that workers and pages wait for a new connection."""
TCP_USER_TIMEOUT_MS: Final = 15_000
"""Milliseconds of unacknowledged data after which a connection is closed."""
LIVENESS: Final[dict[str, Any]] = {
    "keepalives": 1,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": TCP_USER_TIMEOUT_MS,
}
"""Options with which a vanished peer is noticed within half a minute (libpq, "Connection")."""
PREPARE_THRESHOLD: Final = "prepare_threshold"
"""psycopg's own parameter, which libpq would refuse in a URL."""


def address(text: str) -> sa.URL:
    """Parse a database URL; PostgreSQL without a driver gets psycopg.

    Raises:
        sqlalchemy.exc.ArgumentError: it is malformed.
    """
    url = sa.make_url(text)
    if url.drivername in {"postgres", "postgresql"}:
        return url.set(drivername="postgresql+psycopg")
    return url


def conninfo(url: sa.URL, *, schema: str) -> str:
    """Return libpq's connection string of a database, with a schema as the search path."""
    from psycopg.conninfo import make_conninfo  # noqa: PLC0415  hosts on SQLite do without

    url, _ = driver_options(url)
    _, values = url.get_dialect()().create_connect_args(url)
    ours = {"connect_timeout": CONNECT_TIMEOUT, "options": options(url, f"-csearch_path={schema}")}
    return make_conninfo(**{**values, **LIVENESS, **ours})


def work_engine(url: sa.URL) -> sa.Engine:
    """Create the engine for workers and pages."""
    url, ours = driver_options(url)
    waits = f"-clock_timeout={WORK_LOCK_WAIT * 1000:.0f} {idle_limit()}"
    return sa.create_engine(
        url,
        connect_args={
            **LIVENESS,
            **ours,
            "connect_timeout": CONNECT_TIMEOUT,
            "options": options(url, waits),
        },
        pool_pre_ping=True,
        pool_size=10,
        max_overflow=40,
        pool_timeout=WORK_LOCK_WAIT,
        hide_parameters=True,
    )


def idle_limit() -> str:
    """Return the server option for `IDLE_TRANSACTION_TIMEOUT`."""
    return f"-cidle_in_transaction_session_timeout={IDLE_TRANSACTION_TIMEOUT * 1000:.0f}"


def options(url: sa.URL, ours: str) -> str:
    """Append our server options to those in the operator's URL."""
    theirs = url.query.get("options", "")
    return " ".join([*([theirs] if isinstance(theirs, str) else theirs), ours]).strip()


def driver_options(url: sa.URL) -> tuple[sa.URL, dict[str, int | None]]:
    """Split a URL into one for libpq and the parameters that are psycopg's own.

    Raises:
        ValueError: a parameter is neither a number nor ``none``.
    """
    asked = url.query.get(PREPARE_THRESHOLD)
    if asked is None:
        return url, {}
    given = str(asked).lower()
    number = None if given == "none" else int(given)
    return url.difference_update_query([PREPARE_THRESHOLD]), {PREPARE_THRESHOLD: number}
