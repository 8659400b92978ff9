"""A company with much to send does not keep others waiting, and a worker that stops is quick."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from dunahub_qbo_plugin.sync.turn import TURN
from tests.support.office import Office, lead

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

LEADS = 400


@pytest.fixture
def office(tmp_path: Path, store_url: str | None) -> Iterator[Office]:
    """A connected office with much to send, on SQLite and on PostgreSQL."""
    bench = Office(tmp_path, database_url=store_url)
    bench.connect()
    bench.save(*[lead(f"lead-{number}") for number in range(LEADS)])
    yield bench
    bench.close()


def test_a_drain_ends_with_its_turn(office: Office) -> None:
    """A drain ends after its turn although more is due, says so, and the next one goes on."""
    company, begun = office.connection().id, office.clock.monotonic()
    assert office.runtime.worker_tasks.drain(company) is True
    sent = office.books()["totals"]["customers"]
    assert 0 < sent < LEADS
    assert TURN <= office.clock.monotonic() - begun < TURN + 10
    assert office.runtime.worker_tasks.drain(company) is False
    books = office.books()
    assert books["totals"]["customers"] == LEADS
    assert books["doubles"] == []


def test_winding_down_leaves_the_rest_due(office: Office) -> None:
    """A drain of a worker that is to stop sends nothing more, and the company is handed on."""
    office.runtime.drainer.wind_down()
    assert office.runtime.worker_tasks.drain(office.connection().id) is True
    assert office.books()["totals"]["customers"] == 0
    assert office.runtime.worker_tasks.sweep().companies == [office.connection().id]
