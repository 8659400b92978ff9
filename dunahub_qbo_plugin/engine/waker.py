"""A thread that delivers rings, so that no hook waits for it."""

from __future__ import annotations

import logging
import threading
import time
from typing import TYPE_CHECKING, Final

from dunahub_qbo_plugin.engine.log_once import LogOnce

if TYPE_CHECKING:
    from collections.abc import Callable

log = logging.getLogger(__name__)

BURST_DELAY: Final = 0.02
"""Seconds between a ring and its delivery within a burst, so that a burst makes one delivery."""
BURST_GAP: Final = 0.1
"""Seconds since the last delivery after which a ring does not belong to a burst."""
FIRST_RING_DELAY: Final = 0.005
"""Seconds between such a ring and its delivery: an invoice and its payment still share one."""
REDELIVERY_DELAY: Final = 1.0
"""Seconds after which a delivery that failed is tried again."""


class Waker:
    """Collects rings and delivers them together; started by the first ring.

    Args:
        deliver: called with the organizations for which something may be due; None stands for any.
            An exception is logged, and the call is repeated with these and later ones.
    """

    def __init__(self, deliver: Callable[[set[str | None]], None]) -> None:
        self._deliver = deliver
        self._lock = threading.Lock()
        self._rung: set[str | None] = set()
        self._bell = threading.Event()
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        self._outage = LogOnce(log, "nobody can be told of what is due")

    def ring(self, org_id: str | None = None) -> None:
        """Say that something may be due, for an organization or for any; returns at once."""
        with self._lock:
            self._rung.add(org_id)
        self._bell.set()
        if self._thread is None:
            self._start()

    def _start(self) -> None:
        with self._lock:
            if self._thread is None and not self._stopping.is_set():
                thread = threading.Thread(target=self._run, name="dunahub-qbo-waker", daemon=True)
                thread.start()
                self._thread = thread  # only now: one that could not be started is tried again

    def stop(self, timeout: float = 4.0) -> None:
        """Deliver the remaining rings once, and end the thread."""
        self._stopping.set()
        self._bell.set()
        thread = self._thread
        if thread is not None:
            thread.join(timeout)

    def _run(self) -> None:
        delivered = 0.0
        while not self._stopping.is_set():
            self._bell.wait()
            in_a_burst = time.monotonic() - delivered < BURST_GAP
            self._stopping.wait(BURST_DELAY if in_a_burst else FIRST_RING_DELAY)
            self._bell.clear()
            delivered = time.monotonic()
            if not self._deliver_rung():
                self._stopping.wait(REDELIVERY_DELAY)
                self._bell.set()
        self._deliver_rung()

    def _deliver_rung(self) -> bool:
        with self._lock:
            rung, self._rung = self._rung, set()
        if not rung:
            return True
        try:
            self._deliver(rung)
        except Exception as error:  # noqa: BLE001  whatever it is, the rows are there and are swept
            self._outage.note(error)
            with self._lock:
                self._rung |= rung
            return False
        self._outage.clear()
        return True
