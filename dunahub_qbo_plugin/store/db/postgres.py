"""How PostgreSQL is opened: addresses and time-outs.

Time-outs are start-up options of our own connections, not ``SET`` statements: behind a pooler
these would stay with a server connection that others use next. A pooler that lends a connection for
one transaction must let these options pass or ignore them (PgBouncer: ``ignore_startup_parameters
= options``), and, where it does not know prepared statements (PgBouncer before 1.21), the address
must end in ``?prepare_threshold=none``.
"""

from __future__ import annotations

from typing import Any, Final

import sqlalchemy as sa

WORK_LOCK_WAIT: Final = 10.0
"""Seconds that the worker and the pages wait for a lock."""
IDLE: Final = 10.0
"""Seconds after which the server ends a transaction of ours in which nothing is asked for.

A process that is paused in the middle of one would keep a company from everybody else for as long
as it is paused. It is less than a lease, so that who takes the company over does not wait for it.
"""
CONNECT: Final = 5
"""Seconds that the worker and the pages wait for a new connection."""
SILENCE_MS: Final = 15_000
"""Milliseconds after which a network that acknowledges nothing counts as gone."""
LIVENESS: Final[dict[str, Any]] = {
    "keepalives": 1,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": SILENCE_MS,
}
"""A peer that vanished without a word is noticed within half a minute (libpq, "Connection")."""


PREPARE: Final = "prepare_threshold"


def address(text: str) -> sa.URL:
    """Read a database address; PostgreSQL's is given psycopg when it names no driver.

    Raises:
        sqlalchemy.exc.ArgumentError: it is no address.
    """
    url = sa.make_url(text)
    if url.drivername in {"postgres", "postgresql"}:
        return url.set(drivername="postgresql+psycopg")
    return url


def conninfo(url: sa.URL, *, schema: str) -> str:
    """Return libpq's address of a database, for whoever works in a schema of its own."""
    from psycopg.conninfo import make_conninfo  # noqa: PLC0415  hosts on SQLite do without

    url, _ = driver_options(url)
    _, values = url.get_dialect()().create_connect_args(url)
    ours = {"connect_timeout": CONNECT, "options": options(url, f"-csearch_path={schema}")}
    return make_conninfo(**{**values, **LIVENESS, **ours})


def work_engine(url: sa.URL) -> sa.Engine:
    """Open the worker's and the pages' way to the database."""
    url, ours = driver_options(url)
    waits = f"-clock_timeout={WORK_LOCK_WAIT * 1000:.0f} {idle_limit()}"
    return sa.create_engine(
        url,
        connect_args={
            **LIVENESS,
            **ours,
            "connect_timeout": CONNECT,
            "options": options(url, waits),
        },
        pool_pre_ping=True,
        pool_size=10,
        max_overflow=40,
        pool_timeout=WORK_LOCK_WAIT,
        hide_parameters=True,
    )


def idle_limit() -> str:
    """Return the server option that ends a transaction which is idle for `IDLE` seconds."""
    return f"-cidle_in_transaction_session_timeout={IDLE * 1000:.0f}"


def options(url: sa.URL, ours: str) -> str:
    """Put server options of ours behind those that the operator's address has."""
    theirs = url.query.get("options", "")
    return " ".join([*([theirs] if isinstance(theirs, str) else theirs), ours]).strip()


def driver_options(url: sa.URL) -> tuple[sa.URL, dict[str, int | None]]:
    """Take out of an address what is for psycopg itself, and would be an error as a text.

    Raises:
        ValueError: it is no number, nor ``none``.
    """
    asked = url.query.get(PREPARE)
    if asked is None:
        return url, {}
    given = str(asked).lower()
    number = None if given == "none" else int(given)
    return url.difference_update_query([PREPARE]), {PREPARE: number}
