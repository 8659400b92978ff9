"""For all tests: marked secrets and who looks for them; databases, SQLite and PostgreSQL.

"Rule 18" in a test is the rule of that number in ``dunahub_qbo_plugin/README.md``.
"""

from __future__ import annotations

import logging
import os
from typing import TYPE_CHECKING

import pytest

from dunahub_qbo_plugin.store.db.database import Database
from tests.support.canaries import Net, spread
from tests.support.postgres import empty, fresh_database, postgres_server

if TYPE_CHECKING:
    from collections.abc import Iterator

OUTPUT = ("stdout", "stderr")
FEW = 3
"""Test files that need no processes of their own."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let proofs run longer, and be replayed."""
    parser.addoption(
        "--thorough", action="store_true", help="run the long proofs, too, and all of the others"
    )
    parser.addoption("--rounds", type=int, help="rounds of the crash proof")
    parser.addoption("--seed", type=int, default=20260302, help="seed of the crash proof")


def pytest_configure(config: pytest.Config) -> None:
    """Show warnings only where a test fails: the plugin logs at its finest level meanwhile."""
    config.option.log_level = config.option.log_level or "WARNING"
    config.addinivalue_line("markers", "thorough: takes long; runs with --thorough")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave the long proofs out, unless they are asked for."""
    if config.option.thorough:
        return
    long = [item for item in items if item.get_closest_marker("thorough")]
    config.hook.pytest_deselected(items=long)
    items[:] = [item for item in items if item not in long]


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """Run a few files in this process: to start others takes longer than most of them.

    Otherwise one more than there are cores, since many tests wait for processes that they start.
    """
    files = [argument.partition("::")[0] for argument in config.args]
    if len(files) <= FEW and all(name.endswith(".py") for name in files):
        return 0
    return (os.cpu_count() or 1) + 1


@pytest.fixture(scope="session")
def secret_net() -> Iterator[Net]:
    """Run with marked secrets, and give the net that looks for them."""
    with spread(Net()) as made:
        yield made


@pytest.fixture(autouse=True)
def no_secret_gets_out(request: pytest.FixtureRequest, secret_net: Net) -> Iterator[None]:
    """Hold for every test that no secret is in a log, page, error, address, file or output.

    Rule 11. The plugin's own log is looked at down to its finest level.
    """
    folder = request.getfixturevalue("tmp_path") if "tmp_path" in request.fixturenames else None
    secret_net.take()  # what a thread of the test before said too late is not of this one
    ours = logging.getLogger("dunahub_qbo_plugin")
    level = ours.level
    ours.setLevel(logging.DEBUG)
    yield
    ours.setLevel(level)
    if folder is not None:
        secret_net.look_through(folder)
    for _, stream, text in request.node._report_sections:
        if stream in OUTPUT:
            secret_net.look(stream, text)
    if leaks := secret_net.take():
        pytest.fail("a secret got out:\n" + "\n".join(leaks), pytrace=False)


@pytest.fixture(scope="session")
def server_url() -> Iterator[str]:
    """Return the address of a PostgreSQL server of this run."""
    with postgres_server() as server:
        yield server


@pytest.fixture(scope="session")
def migrated_url(server_url: str) -> Iterator[str]:
    """Return the address of a PostgreSQL database that has our schema."""
    with fresh_database(server_url) as address:
        database = Database(address)
        database.prepare()
        database.close()
        yield address


@pytest.fixture
def postgres_url(migrated_url: str, secret_net: Net) -> Iterator[str]:
    """Return the address of a PostgreSQL database with our schema and nothing in it."""
    yield migrated_url
    secret_net.look_at_database(migrated_url)
    empty(migrated_url)


@pytest.fixture(params=["sqlite", "postgres"])
def store_url(request: pytest.FixtureRequest) -> str | None:
    """Return the database to run on: None for SQLite in the test's folder, then PostgreSQL."""
    if request.param == "sqlite":
        return None
    address: str = request.getfixturevalue("postgres_url")
    return address
