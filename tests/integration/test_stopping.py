"""What waits for QuickBooks' limit does not leave any more once it is not to."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import attrs
import pytest

from dunahub_qbo_plugin.emulator.world.trouble import TroubleRule
from dunahub_qbo_plugin.qbo.throttle import Throttles
from dunahub_qbo_plugin.runtime import Runtime, build
from dunahub_qbo_plugin.testing import FakeHost, make_invoice, make_lead
from tests.support.host import connection_of, live_qbo, make_host

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

"""Seconds; the limit would keep a request for up to sixty."""


@attrs.frozen(kw_only=True)
class Slow:
    """Return a host with real time, and a plugin that sends two requests a minute."""

    host: FakeHost
    runtime: Runtime

    def drain(self) -> int:
        """Send what may be sent."""
        return self.runtime.drainer.drain(connection_of(self.host).id)


@pytest.fixture
def slow(tmp_path: Path) -> Iterator[Slow]:
    """Return a host whose requests wait for one another."""
    host = make_host(tmp_path, qbo=live_qbo())
    host.connect()
    limited = build(
        host.config,
        clock=host.clock,
        transport=host.qbo.transport(),
        throttles=Throttles(host.clock, per_minute=2),
    )
    yield Slow(host=host, runtime=limited)
    limited.close()
    host.close()


def test_stop_does_not_wait_for_the_limit(slow: Slow) -> None:
    """A worker that is stopped leaves due what has not left, and nothing is sent twice."""
    for number in range(5):
        slow.host.save(make_lead(f"lead-{number}"))
    sent: list[int] = []
    thread = threading.Thread(target=lambda: sent.append(slow.drain()))
    thread.start()
    turn = threading.Event()
    while slow.runtime.client.metrics.writes < 2:
        turn.wait(0.01)
    turn.wait(0.2)
    slow.runtime.drainer.wind_down()
    thread.join()
    assert sent == [2]
    slow.host.send()
    books = slow.host.books.read()
    assert books["totals"]["customers"] == 5
    assert not books.get("doubles")


def test_a_company_that_rests_sends_nothing_that_was_waiting(slow: Slow) -> None:
    """A refusal of the whole company ends the drain at once; the rest goes out another time."""
    slow.host.save(make_lead())
    slow.host.send()
    for number in range(6):
        slow.host.save(make_invoice(f"inv-{number}"))
    slow.host.qbo.trouble(TroubleRule(kind="fail", status=403, entity="invoice", times=None))
    journal = slow.host.qbo.emulator.world.journal
    before = len(journal.entries())
    assert slow.drain() == 0
    assert 1 <= len(journal.entries()) - before <= 2
