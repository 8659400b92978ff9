from __future__ import annotations

from typing import TYPE_CHECKING

from tests.acceptance.chaos import Chaos

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def test_books_equal_the_crm(tmp_path: Path, request: pytest.FixtureRequest) -> None:
    """Whatever dies and whatever fails, each record stands in the books once (rules 8, 10, 26).

    Each round, two host processes save leads, invoices, payments and voids of three companies,
    a fifth of all requests goes wrong, and hosts and workers die by ``kill -9``.
    """
    rounds, seed = request.config.getoption("--rounds"), request.config.getoption("--seed")
    print(f"replay with: --rounds {rounds} --seed {seed}")  # noqa: T201  shown when it fails
    with Chaos(tmp_path, seed=seed) as chaos:
        for _ in range(rounds):
            chaos.round()
        chaos.settle()
        chaos.check()
        print(f"{chaos.kills} kills, {chaos.changes} changes, {chaos.totals()}")  # noqa: T201
        assert chaos.totals()["invoices"] > rounds / 4
