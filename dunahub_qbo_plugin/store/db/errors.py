"""What is wrong with the database, in one line, for layers that do not speak SQL themselves."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from sqlalchemy.exc import DBAPIError, SQLAlchemyError

if TYPE_CHECKING:
    from dunahub_qbo_plugin.store.db.database import Database

DatabaseError = SQLAlchemyError
"""The base of everything that the database raises."""

LONGEST: Final = 200


def is_lost(error: BaseException) -> bool:
    """Return whether the connection was lost, rather than what was asked of it refused."""
    return isinstance(error, DBAPIError) and error.connection_invalidated


def trouble_of(error: BaseException, database: Database) -> str | None:
    """Say what the database's trouble is; None when the error is about something else.

    The driver's first line is told, without the password should it be in there.
    """
    from_alembic = type(error).__module__.startswith("alembic.")
    if not isinstance(error, DatabaseError) and not from_alembic:
        return None
    said = str(getattr(error, "orig", None) or error).strip() or type(error).__name__
    line = said.splitlines()[0]
    password = str(database.url.password or "")
    if password:
        line = line.replace(password, "***")
    return line if len(line) <= LONGEST else f"{line[:LONGEST]}…"


def where(database: Database) -> str:
    """Name a database without its user, password and parameters."""
    url = database.url
    if database.is_sqlite:
        return f"SQLite file {Path(url.database).resolve() if url.database else '(in memory)'}"
    return f"{database.dialect} database {url.database or ''} on {url.host or 'this machine'}"
