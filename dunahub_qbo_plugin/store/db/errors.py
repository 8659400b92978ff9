"""Database errors in one line, for layers without SQL of their own."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from sqlalchemy.exc import DBAPIError, SQLAlchemyError

if TYPE_CHECKING:
    from dunahub_qbo_plugin.store.db.database import Database

DatabaseError = SQLAlchemyError
"""The base of all errors that the database raises."""

MAX_ERROR_LENGTH: Final = 200
"""Characters that are kept of an error's first line."""


def is_lost(error: BaseException) -> bool:
    """Return whether the connection was lost, as opposed to a refused statement."""
    return isinstance(error, DBAPIError) and error.connection_invalidated


def trouble_of(error: BaseException, database: Database) -> str | None:
    """Return a database error in one line; None if it is an error of another kind.

    It is the first line of the driver's message, with the password removed.
    """
    from_alembic = type(error).__module__.startswith("alembic.")
    if not isinstance(error, DatabaseError) and not from_alembic:
        return None
    said = str(getattr(error, "orig", None) or error).strip() or type(error).__name__
    line = said.splitlines()[0]
    password = str(database.url.password or "")
    if password:
        line = line.replace(password, "***")
    return line if len(line) <= MAX_ERROR_LENGTH else f"{line[:MAX_ERROR_LENGTH]}…"


def where(database: Database) -> str:
    """Describe a database without user, password and parameters."""
    url = database.url
    if database.is_sqlite:
        return f"SQLite file {Path(url.database).resolve() if url.database else '(in memory)'}"
    return f"{database.dialect} database {url.database or ''} on {url.host or 'this machine'}"
