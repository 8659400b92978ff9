"""Locks, threads and pools that a scheduler runs, and chance by number, in place of the machine's.

Promises that the plugin's own threads are tasks of the scheduler, wherever its modules start or
await them. Promises that nothing stays replaced when a run is over.
"""

from __future__ import annotations

import concurrent.futures
import random
import secrets
import sys
import threading
import time
from collections import deque
from concurrent.futures import Executor, Future
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

from tests.simulation.scheduler import Killed, Life, Scheduler, Stuck

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from types import ModuleType

PLUGIN = "dunahub_qbo_plugin."
APART = (
    *("cli", "demo", "emulator", "testing", "clock"),
    *("store.db.fence_check", "store.db.fork_guard", "store.db.hook_connections"),
    *("store.db.postgres", "store.db.sqlite"),
)
"""Parts whose locks are never held while somebody else is chosen, or that no process runs."""


class Lock:
    """As `threading.Lock`."""

    def __init__(self, scheduler: Scheduler) -> None:
        self._scheduler = scheduler
        self._held = False

    def acquire(self, blocking: bool = True, timeout: float = -1) -> bool:  # noqa: FBT001, FBT002  as it is
        """Take it."""
        if self._held and blocking:
            patience = None if timeout < 0 else timeout
            self._scheduler.wait("lock", lambda: not self._held, patience)
        if self._held:
            return False
        self._held = True
        return True

    def release(self) -> None:
        """Give it back."""
        self._held = False

    def locked(self) -> bool:
        """Tell whether somebody has it."""
        return self._held

    def __enter__(self) -> bool:
        return self.acquire()

    def __exit__(self, *_: object) -> None:
        self.release()


class RLock(Lock):
    """As `threading.RLock`."""

    def __init__(self, scheduler: Scheduler) -> None:
        super().__init__(scheduler)
        self._owner: object = None
        self._depth = 0

    def acquire(self, blocking: bool = True, timeout: float = -1) -> bool:  # noqa: FBT001, FBT002  as it is
        """Take it, once more if this task has it."""
        me = self._scheduler.current
        if self._held and self._owner is me:
            self._depth += 1
            return True
        if not super().acquire(blocking, timeout):
            return False
        self._owner, self._depth = me, 1
        return True

    def release(self) -> None:
        """Give it back once."""
        self._depth -= 1
        if not self._depth:
            self._owner = None
            super().release()


class Condition:
    """As `threading.Condition`."""

    def __init__(self, scheduler: Scheduler, lock: Lock | None = None) -> None:
        self._scheduler = scheduler
        self._lock = lock or RLock(scheduler)
        self._waiters: deque[list[bool]] = deque()
        self.acquire, self.release = self._lock.acquire, self._lock.release

    def __enter__(self) -> bool:
        return self._lock.acquire()

    def __exit__(self, *_: object) -> None:
        self._lock.release()

    def wait(self, timeout: float | None = None) -> bool:
        """Wait to be notified."""
        called = [False]
        self._waiters.append(called)
        self._lock.release()
        try:
            self._scheduler.wait("condition", lambda: called[0], timeout)
        finally:
            if called in self._waiters:
                self._waiters.remove(called)
            self._lock.acquire()
        return called[0]

    def wait_for(self, predicate: Callable[[], Any], timeout: float | None = None) -> bool:
        """Wait until something holds."""
        until = None if timeout is None else self._scheduler.monotonic + timeout
        while not predicate():
            left = None if until is None else until - self._scheduler.monotonic
            if left is not None and left <= 0:
                break
            self.wait(left)
        return bool(predicate())

    def notify(self, n: int = 1) -> None:
        """Call some who wait."""
        for _ in range(min(n, len(self._waiters))):
            self._waiters.popleft()[0] = True

    def notify_all(self) -> None:
        """Call all who wait."""
        self.notify(len(self._waiters))


class Event:
    """As `threading.Event`."""

    def __init__(self, scheduler: Scheduler) -> None:
        self._scheduler = scheduler
        self._set = False

    def is_set(self) -> bool:
        """Tell whether it is set."""
        return self._set

    def set(self) -> None:
        """Set it."""
        self._set = True

    def clear(self) -> None:
        """Take it back."""
        self._set = False

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until it is set."""
        return self._scheduler.wait("event", self.is_set, timeout)


class Thread:
    """As `threading.Thread`, in the process that starts it."""

    def __init__(
        self,
        scheduler: Scheduler,
        group: None = None,
        target: Callable[..., Any] | None = None,
        name: str | None = None,
        args: Iterable[Any] = (),
        kwargs: dict[str, Any] | None = None,
        *,
        daemon: bool | None = None,
    ) -> None:
        del group
        self._scheduler = scheduler
        self._run = (target, tuple(args), kwargs or {})
        self.name, self.daemon = name or "thread", bool(daemon)
        self._ended = self._started = False

    def start(self) -> None:
        """Begin."""
        life = life_of_current(self._scheduler)
        self._started = True
        self._scheduler.spawn(f"{life.name}.{self.name}", life, self._body)

    def _body(self) -> None:
        target, args, kwargs = self._run
        try:
            if target is not None:
                target(*args, **kwargs)
        finally:
            self._ended = True

    def join(self, timeout: float | None = None) -> None:
        """Wait until it has ended."""
        self._scheduler.wait("join", lambda: self._ended, timeout)

    def is_alive(self) -> bool:
        """Tell whether it runs."""
        return self._started and not self._ended


class _Current:
    """As the `threading.Thread` that a task is."""

    def __init__(self, scheduler: Scheduler) -> None:
        self._scheduler = scheduler
        self._task = scheduler.current
        self.name = self._task.name if self._task else "outside"

    def join(self, timeout: float | None = None) -> None:
        """Wait until it has ended."""
        task = self._task
        self._scheduler.wait("join", lambda: task is None or task.done, timeout)


class _Future(Future[Any]):
    """A future that is awaited by letting others go on."""

    scheduler: Scheduler

    def result(self, timeout: float | None = None) -> Any:  # noqa: ANN401  as in the base class
        """Return what came of it."""
        self.scheduler.wait("result", self.done, timeout)
        return super().result(0)

    def exception(self, timeout: float | None = None) -> BaseException | None:
        """Return what it raised."""
        self.scheduler.wait("result", self.done, timeout)
        return super().exception(0)


class Pool(Executor):
    """As `concurrent.futures.ThreadPoolExecutor`."""

    def __init__(
        self,
        scheduler: Scheduler,
        max_workers: int | None = None,
        thread_name_prefix: str = "pool",
        **_: object,
    ) -> None:
        self._scheduler = scheduler
        self._most = max_workers or 8
        self._name = thread_name_prefix or "pool"
        self._waiting: deque[tuple[_Future, Callable[[], Any]]] = deque()
        self._running = self._count = 0
        self._closed = False

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:  # noqa: ANN401  as in the base class
        """Have it carried out by one of its threads."""
        if self._closed:
            raise RuntimeError("cannot schedule new futures after shutdown")
        future = _Future()
        future.scheduler = self._scheduler
        self._waiting.append((future, lambda: fn(*args, **kwargs)))
        if self._running < self._most:
            self._running += 1
            self._count += 1
            life = life_of_current(self._scheduler)
            self._scheduler.spawn(f"{life.name}.{self._name}-{self._count}", life, self._work)
        return future

    def _work(self) -> None:
        try:
            while self._waiting:
                future, run = self._waiting.popleft()
                if not future.set_running_or_notify_cancel():
                    continue
                try:
                    came = run()
                except Killed:
                    raise
                except BaseException as error:  # noqa: BLE001  the executor's own way
                    future.set_exception(error)
                else:
                    future.set_result(came)
        finally:
            self._running -= 1

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:  # noqa: FBT001, FBT002  as in the base class
        """Take nothing more, and wait for what was taken."""
        self._closed = True
        while cancel_futures and self._waiting:
            self._waiting.popleft()[0].cancel()
        if wait:
            self._scheduler.wait("shutdown", lambda: not self._running)


class DoneAndNotDone(NamedTuple):
    """What `concurrent.futures.wait` gives."""

    done: set[Future[Any]]
    not_done: set[Future[Any]]


def life_of_current(scheduler: Scheduler) -> Life:
    """Return the process that is running.

    Raises:
        Stuck: none is; a thread that belongs to no process could never be stopped.
    """
    task = scheduler.current
    if task is None:
        raise Stuck("a thread was started outside of every process")
    return task.life


class _Names:
    """A module's stand-in: some of its names, and the module itself for all others."""

    def __init__(self, module: ModuleType, names: dict[str, Any]) -> None:
        self.__dict__.update(names)
        self._module = module

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401  whatever the module has
        return getattr(self._module, name)


def _stand_ins(scheduler: Scheduler) -> dict[object, Any]:
    """Return what stands in for each module, class and function, by what it replaces."""

    def made(kind: Callable[..., Any]) -> Callable[..., Any]:
        return lambda *args, **options: kind(scheduler, *args, **options)

    def wait(
        fs: Iterable[Future[Any]],
        timeout: float | None = None,
        return_when: str = concurrent.futures.ALL_COMPLETED,
    ) -> DoneAndNotDone:
        futures = list(fs)
        enough = all if return_when == concurrent.futures.ALL_COMPLETED else any
        scheduler.wait("futures", lambda: enough(one.done() for one in futures), timeout)
        done = {one for one in futures if one.done()}
        return DoneAndNotDone(done, set(futures) - done)

    names: dict[str, Any] = {
        "Lock": made(Lock),
        "RLock": made(RLock),
        "Condition": made(Condition),
        "Event": made(Event),
        "Thread": made(Thread),
        "current_thread": lambda: _Current(scheduler),
        "get_ident": lambda: id(scheduler.current),
    }
    pool = made(Pool)
    dice = random.Random(scheduler.dice.random())  # noqa: S311  replayable, not secret
    stands: dict[object, Any] = {
        threading: _Names(threading, names),
        time: _Names(
            time,
            {
                "monotonic": lambda: scheduler.monotonic,
                "sleep": lambda seconds: scheduler.wait("sleep", lambda: False, seconds),
            },
        ),
        concurrent.futures: _Names(concurrent.futures, {"ThreadPoolExecutor": pool, "wait": wait}),
        secrets: _Names(
            secrets,
            {
                "token_hex": lambda size=32: dice.randbytes(size).hex(),
                "token_urlsafe": lambda size=32: dice.randbytes(size).hex(),
            },
        ),
        concurrent.futures.ThreadPoolExecutor: pool,
        concurrent.futures.wait: wait,
    }
    return stands | {getattr(threading, name): names[name] for name in names}


@contextmanager
def cooperative(scheduler: Scheduler) -> Iterator[None]:
    """Have the plugin's modules use tasks of a scheduler where they use threads."""
    stands = _stand_ins(scheduler)
    replaced: list[tuple[ModuleType, str, Any]] = []
    for name, module in sorted(sys.modules.items()):
        part = name.removeprefix(PLUGIN)
        if part == name or part.startswith(APART):
            continue
        for attribute, value in list(vars(module).items()):
            try:
                stand_in = stands.get(value)
            except TypeError:
                continue  # what cannot be hashed is none of these
            if stand_in is not None:
                replaced.append((module, attribute, value))
                setattr(module, attribute, stand_in)
    try:
        yield
    finally:
        for module, attribute, value in replaced:
            setattr(module, attribute, value)
