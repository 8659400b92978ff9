"""Stop what serves: on Ctrl-C, or on a service manager's SIGTERM."""

from __future__ import annotations

import os
import signal
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType


@contextmanager
def until_stopped() -> Iterator[threading.Event]:
    """Return an event that the first signal sets; a second one ends the process at once.

    In another thread than the main one, which gets no signals, nothing sets it.
    """
    stopped = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield stopped
        return
    asked: list[int] = []

    def stop(number: int, _frame: FrameType | None) -> None:
        if asked:
            # An exception would break off what stops the threads, and they would keep the process.
            signal.signal(number, signal.SIG_DFL)
            os.kill(os.getpid(), number)
        asked.append(number)
        # The signal may have come while this thread held the event's lock, on its way into
        # wait(): set() would wait here for ever for what it interrupted.
        threading.Thread(target=stopped.set, daemon=True).start()

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stopped
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
