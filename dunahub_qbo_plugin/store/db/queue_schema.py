"""The queue's own schema in PostgreSQL, kept at the version of the installed procrastinate.

procrastinate ships its schema as one file and, for later versions, as migrations to be run in the
order of their names (its documentation, "Migrate the Procrastinate schema"). It does not record
which one was the last, so that is recorded here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import sqlalchemy as sa

from dunahub_qbo_plugin.store.db import postgres

if TYPE_CHECKING:
    from collections.abc import Sequence

ADVISORY_LOCK: Final = 0x71626F32  # "qbo2"
VERSION_TABLE: Final = "qbo_queue_version"


def prepare(url: str, schema: str, *, whole: str, migrations: Sequence[tuple[str, str]]) -> bool:
    """Create the schema, or bring it up to date; several processes may do so at once.

    Args:
        url: the queue's database.
        schema: the schema's name, a plain identifier.
        whole: the statements of the newest version.
        migrations: name and statements of each migration, in order.

    Returns:
        False when there was nothing to do.

    Raises:
        sqlalchemy.exc.SQLAlchemyError: the database cannot be reached, or forbids it.
    """
    engine = postgres.work_engine(postgres.address(url))
    try:
        if _noted(engine, schema) == migrations[-1][0]:
            return False
        with engine.begin() as db:
            db.execute(sa.select(sa.func.pg_advisory_xact_lock(ADVISORY_LOCK)))
            _bring_up(db, schema, whole, migrations)
        return True
    finally:
        engine.dispose()


def forget(url: str, schema: str, companies: Sequence[str]) -> int:
    """Delete the jobs of companies, except those that a worker has taken, which end soon.

    Args:
        url: the queue's database.
        schema: the schema's name.
        companies: our ids.

    Returns:
        how many were deleted; 0 also if there is no queue.
    """
    engine = postgres.work_engine(postgres.address(url))
    try:
        with engine.begin() as db:
            jobs = f"{schema}.procrastinate_jobs"
            if db.execute(sa.select(sa.func.to_regclass(jobs))).scalar() is None:
                return 0
            db.exec_driver_sql(f"SET LOCAL search_path = {schema}")
            mine = "status <> 'doing' AND args ->> 'company' = ANY(:companies)"
            statement = sa.text(f"DELETE FROM procrastinate_jobs WHERE {mine}")  # noqa: S608  constants
            return db.execute(statement, {"companies": list(companies)}).rowcount
    finally:
        engine.dispose()


def _bring_up(
    db: sa.Connection, schema: str, whole: str, migrations: Sequence[tuple[str, str]]
) -> None:
    db.exec_driver_sql(f"CREATE SCHEMA IF NOT EXISTS {schema}")
    db.exec_driver_sql(f"SET LOCAL search_path = {schema}")
    newest = migrations[-1][0]
    if db.execute(sa.select(sa.func.to_regclass(f"{schema}.procrastinate_jobs"))).scalar() is None:
        _run(db, whole)
        db.exec_driver_sql(f"CREATE TABLE {VERSION_TABLE} (name text NOT NULL)")
        db.execute(sa.text(f"INSERT INTO {VERSION_TABLE} VALUES (:name)"), {"name": newest})  # noqa: S608  a constant
        return
    last = db.execute(sa.text(f"SELECT name FROM {VERSION_TABLE}")).scalar_one()  # noqa: S608  a constant
    for name, statements in migrations:
        if name > last:
            _run(db, statements)
            db.execute(sa.text(f"UPDATE {VERSION_TABLE} SET name = :name"), {"name": name})  # noqa: S608  a constant


def _noted(engine: sa.Engine, schema: str) -> str | None:
    statement = sa.text(f"SELECT name FROM {schema}.{VERSION_TABLE}")  # noqa: S608  a plain name
    try:
        with engine.connect() as db:
            return db.execute(statement).scalar_one_or_none()
    except sa.exc.ProgrammingError:
        return None


def _run(db: sa.Connection, statements: str) -> None:
    """Execute several statements without parameters at once."""
    cursor = db.connection.cursor()
    cursor.execute(statements)
    cursor.close()
