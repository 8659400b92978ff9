"""Databases to test on: SQLite in a folder, and a real PostgreSQL that the run starts itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from dunahub_qbo_plugin.store.database import Database
from tests.support.postgres import empty, fresh_database, postgres_server

if TYPE_CHECKING:
    from collections.abc import Iterator


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let the crash proof run longer, and be replayed."""
    parser.addoption("--rounds", type=int, default=200, help="rounds of the crash proof")
    parser.addoption("--seed", type=int, default=20260302, help="seed of the crash proof")


@pytest.fixture(scope="session")
def server_url() -> Iterator[str]:
    """Give the address of a PostgreSQL server of this run."""
    with postgres_server() as server:
        yield server


@pytest.fixture(scope="session")
def migrated_url(server_url: str) -> Iterator[str]:
    """Give the address of a PostgreSQL database that has our schema."""
    with fresh_database(server_url) as address:
        database = Database(address)
        database.prepare()
        database.close()
        yield address


@pytest.fixture
def postgres_url(migrated_url: str) -> Iterator[str]:
    """Give the address of a PostgreSQL database with our schema and nothing in it."""
    yield migrated_url
    empty(migrated_url)


@pytest.fixture(params=["sqlite", "postgres"])
def store_url(request: pytest.FixtureRequest) -> str | None:
    """Give the database to run on: None for SQLite in the test's folder, then PostgreSQL."""
    if request.param == "sqlite":
        return None
    address: str = request.getfixturevalue("postgres_url")
    return address
