"""Quick time and short patience, so that what takes minutes in production takes seconds here."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

import httpx

SPEED = 20.0
"""How many seconds pass for the plugin and for QuickBooks in one second."""
PATIENCE = 1.0
"""Real seconds after which an answer counts as lost."""


class FastClock:
    """A `dunahub_qbo_plugin.clock.Clock` that runs fast, and alike in all processes.

    Args:
        start: real seconds since 1970 at which it starts from the present moment.
        speed: how fast.
    """

    def __init__(self, start: float, speed: float = SPEED) -> None:
        self._start = start
        self._speed = speed

    def now(self) -> datetime:
        """Return its present moment."""
        passed = (time.time() - self._start) * self._speed
        return datetime.fromtimestamp(self._start, UTC) + timedelta(seconds=passed)

    def monotonic(self) -> float:
        """Return its seconds."""
        return time.monotonic() * self._speed

    def sleep(self, seconds: float) -> None:
        """Let its time pass."""
        time.sleep(seconds / self._speed)


class Impatient(httpx.BaseTransport):
    """The network, with a read time-out that fits the fast clock."""

    def __init__(self) -> None:
        self._inner = httpx.HTTPTransport(
            verify=False,  # it is plain HTTP on this machine
            limits=httpx.Limits(max_connections=32),
        )

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request."""
        timeouts = request.extensions.get("timeout", {})
        request.extensions["timeout"] = timeouts | {"read": PATIENCE, "connect": PATIENCE}
        return self._inner.handle_request(request)

    def close(self) -> None:
        """Close the connections."""
        self._inner.close()
