"""A savepoint within the host's transaction, which costs the host neither its data nor time."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from dunahub_qbo_plugin.store.db.database import HOOK_LOCK_WAIT

if TYPE_CHECKING:
    from collections.abc import Iterator

    import sqlalchemy as sa

_NAME: Final = "dunahub_qbo"
_KEPT: Final = "dunahub_qbo.lock_timeout"
"""A setting of ours in the host's transaction, in which its own time-out is kept."""
_OPEN: Final = (
    f"SAVEPOINT {_NAME}",
    f"SELECT set_config('{_KEPT}', current_setting('lock_timeout'), true)",
    f"SET LOCAL lock_timeout = {HOOK_LOCK_WAIT * 1000:.0f}",
)
_CLOSE: Final = (
    f"RELEASE SAVEPOINT {_NAME}",
    f"SELECT set_config('lock_timeout', current_setting('{_KEPT}'), true)",
)
_TAKE_BACK: Final = (f"ROLLBACK TO SAVEPOINT {_NAME}", f"RELEASE SAVEPOINT {_NAME}")
"""The rollback brings the host's time-out back by itself."""


@contextmanager
def savepoint(connection: sa.Connection) -> Iterator[None]:
    """Hold what is written in a savepoint; on PostgreSQL no lock is waited for in it.

    Without one, an error of ours would cost the host its transaction on PostgreSQL, although we
    swallow it. It is the connection's, since one of the session's would flush.
    """
    if connection.dialect.name != "postgresql":
        with _impatient(connection):
            _begin(connection)
            with connection.begin_nested():
                yield
        return
    _say(connection, _OPEN)
    try:
        yield
    except BaseException:
        if not connection.invalidated:
            _say(connection, _TAKE_BACK)
        raise
    _say(connection, _CLOSE)


@contextmanager
def _impatient(connection: sa.Connection) -> Iterator[None]:
    """Have SQLite wait for a lock as briefly as a hook may, and then as long as the host wants.

    The host's own patience is five seconds by default (Python's documentation, sqlite3), and as
    long as it may take until the host's next request is answered.
    """
    if connection.dialect.name != "sqlite":
        yield
        return
    theirs = connection.exec_driver_sql("PRAGMA busy_timeout").scalar_one()
    connection.exec_driver_sql(f"PRAGMA busy_timeout = {HOOK_LOCK_WAIT * 1000:.0f}")
    try:
        yield
    finally:
        if not connection.invalidated:
            connection.exec_driver_sql(f"PRAGMA busy_timeout = {int(theirs)}")


def _say(connection: sa.Connection, statements: tuple[str, ...]) -> None:
    """Execute statements in one round trip where the driver takes several at once."""
    together = _takes_several(connection)
    for text in ["; ".join(statements)] if together else statements:
        # A streaming host would have a SELECT made into a cursor of the server's.
        options = {"stream_results": False}
        connection.exec_driver_sql(text, execution_options=options).close()


def _takes_several(connection: sa.Connection) -> bool:
    """Return whether a driver sends a text without parameters by the simple protocol.

    psycopg2 always does; psycopg does unless it is told to prepare all there is (psycopg's
    documentation, "Prepared statements").
    """
    if connection.dialect.driver == "psycopg":
        driver: Any = connection.connection.driver_connection
        return driver.prepare_threshold is None or driver.prepare_threshold > 0
    return connection.dialect.driver == "psycopg2"


def _begin(connection: sa.Connection) -> None:
    """Open the host's transaction where its driver has not done so yet.

    Python's SQLite driver begins one at the first INSERT only, not at a SAVEPOINT (Python's
    documentation, sqlite3, "Transaction control"). A savepoint outside of a transaction is one
    itself, and releasing it would commit our row before the host commits its record.
    """
    if connection.dialect.name != "sqlite":
        return
    driver: Any = connection.connection.driver_connection
    begins_by_itself = getattr(driver, "isolation_level", None) is not None
    autocommits = getattr(driver, "autocommit", False) is True
    if begins_by_itself and not autocommits and not driver.in_transaction:
        connection.exec_driver_sql("BEGIN")
