from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.acceptance.chaos import Chaos
from tests.support.postgres import fresh_database

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ROUNDS = {"sqlite": 40, "postgres": 8}
"""How many there are, unless ``--rounds`` says more."""
THOROUGH = 5
"""Times as many with ``--thorough``."""


@pytest.fixture(params=ROUNDS)
def kind(request: pytest.FixtureRequest) -> str:
    """Return the database to run on."""
    name: str = request.param
    return name


@pytest.fixture
def postgres(kind: str, request: pytest.FixtureRequest) -> Iterator[str | None]:
    """Return the address of an empty database of PostgreSQL's; None for SQLite."""
    if kind == "sqlite":
        yield None
        return
    with fresh_database(request.getfixturevalue("server_url")) as url:
        yield url


def test_books_equal_the_crm(
    tmp_path: Path, request: pytest.FixtureRequest, kind: str, postgres: str | None
) -> None:
    """Whatever dies and whatever fails, each record stands in the books once (rules 8, 10 and 26).

    Each round, two host processes save leads, invoices, payments and voids of three companies,
    a fifth of all requests goes wrong, and hosts and workers die by ``kill -9``: two workers on
    one SQLite file, four of procrastinate's on PostgreSQL.
    """
    times = THOROUGH if request.config.getoption("--thorough") else 1
    rounds = request.config.getoption("--rounds") or ROUNDS[kind] * times
    seed = request.config.getoption("--seed")
    print(f"replay with: --rounds {rounds} --seed {seed}")  # noqa: T201  shown when it fails
    with Chaos(tmp_path, seed=seed, postgres=postgres) as chaos:
        for _ in range(rounds):
            chaos.round()
        chaos.settle()
        chaos.check()
        print(f"{chaos.kills} kills, {chaos.planner.changes} changes, {chaos.totals()}")  # noqa: T201
        assert chaos.totals()["invoices"] > rounds / 4
