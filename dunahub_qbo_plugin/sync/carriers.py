"""Threads that carry requests: used again, and never in the way of a process that ends.

`concurrent.futures` waits for its threads when the interpreter ends, however long QuickBooks takes
to answer. Everything about a request is committed before it leaves, so a process may end under it:
these threads are daemons, and nobody waits for them but whoever asks for their answer.
"""

from __future__ import annotations

import threading
from collections import deque
from concurrent.futures import Future
from functools import partial
from typing import TYPE_CHECKING, Any, Final, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

Result = TypeVar("Result")

IDLE: Final = 10.0
"""Seconds after which a thread that has nothing to carry ends."""


class Carriers:
    """As many threads as are needed at the same time; safe to use from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._idle: deque[_Carrier] = deque()
        self._closed = False

    def lane(self, at_once: int) -> Lane:
        """Return a lane on these threads that uses so many of them at most."""
        return Lane(self, at_once)

    def carry(self, job: Callable[[], None]) -> None:
        """Run a job in a thread that is idle, or in a new one."""
        with self._lock:
            carrier = self._idle.pop() if self._idle else None
        if carrier is None:
            carrier = _Carrier(self)
            carrier.start()
        carrier.give(job)

    def close(self) -> None:
        """Have the threads end: those that are idle now, the others when they have carried."""
        with self._lock:
            self._closed = True
            idle, self._idle = list(self._idle), deque()
        for carrier in idle:
            carrier.give(None)
        for carrier in idle:
            carrier.join(1.0)

    def _rest(self, carrier: _Carrier) -> bool:
        """Take a thread for idle; False where it is to end."""
        with self._lock:
            if not self._closed:
                self._idle.append(carrier)
            return not self._closed

    def _retire(self, carrier: _Carrier) -> bool:
        """Take a thread out that waited in vain; False when it was just given something."""
        with self._lock:
            if carrier not in self._idle:
                return False
            self._idle.remove(carrier)
            return True


class _Carrier:
    def __init__(self, carriers: Carriers) -> None:
        self._carriers = carriers
        self._given = threading.Event()
        self._job: Callable[[], None] | None = None
        self._thread = threading.Thread(target=self._run, name="dunahub-qbo-http", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def join(self, timeout: float) -> None:
        self._thread.join(timeout)

    def give(self, job: Callable[[], None] | None) -> None:
        self._job = job
        self._given.set()

    def _run(self) -> None:
        while True:
            if not self._given.wait(IDLE):
                if self._carriers._retire(self):  # noqa: SLF001  its own
                    return
                self._given.wait()  # somebody has just taken it, and is about to give
            self._given.clear()
            job, self._job = self._job, None
            if job is None:
                return
            job()
            if not self._carriers._rest(self):  # noqa: SLF001  its own
                return


class Lane:
    """What one drain has carried: in the order in which it was given, some at a time.

    Args:
        carriers: whose threads it uses.
        at_once: how many jobs are under way at the same time at most; may be raised later.
    """

    def __init__(self, carriers: Carriers, at_once: int) -> None:
        self._carriers = carriers
        self._at_once = at_once
        self._lock = threading.Lock()
        self._waiting: deque[Callable[[], None]] = deque()
        self._running = 0

    def submit(self, call: Callable[..., Result], *args: Any, **values: Any) -> Future[Result]:  # noqa: ANN401  the call's own
        """Have a call carried; its future gives what it returns or raises."""
        future: Future[Result] = Future()

        def job() -> None:
            if not future.set_running_or_notify_cancel():
                return
            try:
                future.set_result(call(*args, **values))
            except BaseException as error:  # noqa: BLE001  it is raised where the answer is taken
                future.set_exception(error)

        with self._lock:
            self._waiting.append(job)
        self._fill()
        return future

    def widen(self, at_once: int) -> None:
        """Let more jobs be under way at the same time."""
        self._at_once = max(self._at_once, at_once)
        self._fill()

    def _fill(self) -> None:
        while (job := self._take()) is not None:
            self._carriers.carry(partial(self._run, job))

    def _take(self) -> Callable[[], None] | None:
        with self._lock:
            if not self._waiting or self._running >= self._at_once:
                return None
            self._running += 1
            return self._waiting.popleft()

    def _run(self, job: Callable[[], None]) -> None:
        following: Callable[[], None] | None = job
        while following is not None:
            following()
            with self._lock:
                following = self._waiting.popleft() if self._waiting else None
                if following is None:
                    self._running -= 1
