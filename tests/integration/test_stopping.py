"""What waits for QuickBooks' limit does not leave any more once it is not to."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

import attrs
import pytest

from dunahub_qbo_plugin.clock import SystemClock
from dunahub_qbo_plugin.emulator.emulator import Emulator
from dunahub_qbo_plugin.emulator.world.trouble import TroubleRule
from dunahub_qbo_plugin.emulator.world.world import World
from dunahub_qbo_plugin.qbo.throttle import Throttles
from dunahub_qbo_plugin.runtime import Runtime, build
from tests.support.office import REDIRECT, Office, invoice, lead

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PROMPT = 5.0
"""Seconds; the limit would keep a request for up to sixty."""


@attrs.frozen(kw_only=True)
class Slow:
    """An office with real time, and a plugin that sends two requests a minute."""

    office: Office
    runtime: Runtime

    def drain(self) -> int:
        """Send what may be sent."""
        return self.runtime.drainer.drain(self.office.connection().id)


@pytest.fixture
def slow(tmp_path: Path) -> Iterator[Slow]:
    """An office whose requests wait for one another."""
    clock = SystemClock()
    emulator = Emulator(World.default(redirect_uris=(REDIRECT,)))
    office = Office(tmp_path, clock=clock, emulator=emulator)
    office.connect()
    limited = build(
        office.config,
        clock=clock,
        transport=emulator.transport(),
        throttles=Throttles(clock, per_minute=2),
    )
    yield Slow(office=office, runtime=limited)
    limited.close()
    office.close()


def test_stop_does_not_wait_for_the_limit(slow: Slow) -> None:
    """A worker that is stopped leaves due what has not left, and nothing is sent twice."""
    for number in range(5):
        slow.office.save(lead(f"lead-{number}"))
    sent: list[int] = []
    thread = threading.Thread(target=lambda: sent.append(slow.drain()))
    thread.start()
    turn = threading.Event()
    while slow.runtime.client.metrics.writes < 2:
        turn.wait(0.01)
    turn.wait(0.2)
    began = time.monotonic()
    slow.runtime.drainer.wind_down()
    thread.join(10)
    assert time.monotonic() - began < PROMPT
    assert sent == [2]
    slow.office.drain()
    books = slow.office.books()
    assert books["totals"]["customers"] == 5
    assert not books.get("doubles")


def test_a_company_that_rests_sends_nothing_that_was_waiting(slow: Slow) -> None:
    """A refusal of the whole company ends the drain at once; the rest goes out another time."""
    slow.office.save(lead())
    slow.office.drain()
    for number in range(6):
        slow.office.save(invoice(f"inv-{number}"))
    slow.office.trouble(TroubleRule(kind="fail", status=403, entity="invoice", times=None))
    journal = slow.office.emulator.world.journal
    before = len(journal.entries())
    began = time.monotonic()
    assert slow.drain() == 0
    assert time.monotonic() - began < PROMPT
    assert 1 <= len(journal.entries()) - before <= 2
