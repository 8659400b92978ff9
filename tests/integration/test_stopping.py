"""A worker that is stopped waits for what is under way, not for what has not left."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

from dunahub_qbo_plugin.clock import SystemClock
from dunahub_qbo_plugin.emulator.emulator import Emulator
from dunahub_qbo_plugin.emulator.world import World
from dunahub_qbo_plugin.qbo.throttle import Throttles
from dunahub_qbo_plugin.runtime import build
from tests.support.office import REDIRECT, Office, lead

if TYPE_CHECKING:
    from pathlib import Path


def test_stop_does_not_wait_for_the_limit(tmp_path: Path) -> None:
    """Requests that wait for QuickBooks' limit of a minute stay due, and nothing is sent twice."""
    clock = SystemClock()
    emulator = Emulator(World.default(redirect_uris=(REDIRECT,)))
    office = Office(tmp_path, clock=clock, emulator=emulator)
    office.connect()
    for number in range(5):
        office.save(lead(f"lead-{number}"))
    slow = build(
        office.config,
        clock=clock,
        transport=emulator.transport(),
        throttles=Throttles(clock, per_minute=2),
    )
    sent: list[int] = []
    company = office.connection().id
    thread = threading.Thread(target=lambda: sent.append(slow.drainer.drain(company)))
    thread.start()
    turn = threading.Event()
    while slow.client.metrics.writes < 2:
        turn.wait(0.01)
    turn.wait(0.2)
    began = time.monotonic()
    slow.drainer.wind_down()
    thread.join(10)
    assert time.monotonic() - began < 5.0
    assert sent == [2]
    slow.close()
    office.drain()
    books = office.books()
    assert books["totals"]["customers"] == 5
    assert not books.get("doubles")
    office.close()
