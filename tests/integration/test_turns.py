"""A company with much to send does not keep others waiting, and a worker that stops is quick."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from dunahub_qbo_plugin.sync.turn import TURN
from dunahub_qbo_plugin.testing import FakeHost, make_lead
from tests.support.host import connection_of, make_host

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

LEADS = 400


@pytest.fixture
def host(tmp_path: Path, store_url: str | None) -> Iterator[FakeHost]:
    """Return a connected host with much to send, on SQLite and on PostgreSQL."""
    made = make_host(tmp_path, database_url=store_url)
    made.connect()
    made.save(*[make_lead(f"lead-{number}") for number in range(LEADS)])
    yield made
    made.close()


def test_a_drain_ends_with_its_turn(host: FakeHost) -> None:
    """A drain ends after its turn although more is due, says so, and the next one goes on."""
    company, begun = connection_of(host).id, host.clock.monotonic()
    assert host.runtime.worker_tasks.drain(company) is True
    sent = host.books.totals["customers"]
    assert 0 < sent < LEADS
    assert TURN <= host.clock.monotonic() - begun < TURN + 10
    assert host.runtime.worker_tasks.drain(company) is False
    books = host.books.read()
    assert books["totals"]["customers"] == LEADS
    assert books["doubles"] == []


def test_winding_down_leaves_the_rest_due(host: FakeHost) -> None:
    """A drain of a worker that is to stop sends nothing more, and the company is handed on."""
    host.runtime.drainer.wind_down()
    assert host.runtime.worker_tasks.drain(connection_of(host).id) is True
    assert host.books.totals["customers"] == 0
    assert host.runtime.worker_tasks.sweep().companies == [connection_of(host).id]
