"""Has a fork wait until no thread is inside SQLite.

SQLite's library keeps locks of its own. A child that is forked while another thread holds one finds
it locked for ever: the first hook in that child would never come back, and its host with it. Python
takes care of its own locks in a fork; of those of a library it knows nothing.
"""

from __future__ import annotations

import contextlib
import os
import threading
import time
import weakref
from functools import cache
from typing import TYPE_CHECKING, Any, Final

import sqlalchemy as sa

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy.pool import ConnectionPoolEntry

MAX_FORK_WAIT: Final = 0.25
"""Seconds that a fork waits for threads, and a thread for a fork; either may be in a hook."""


class ForkGuard:
    """Keeps track of which threads are inside SQLite's library; one for each database."""

    def __init__(self) -> None:
        self._begin_anew()
        _watched().add(self)

    @contextlib.contextmanager
    def inside(self) -> Iterator[None]:
        """Count the calling thread as inside, for a connection outside of the pools."""
        token = object()
        self.enter(token)
        try:
            yield
        finally:
            self.leave(token)

    def enter(self, key: object) -> None:
        """Count the calling thread as inside; wait first if a fork is about to happen."""
        me = threading.get_ident()
        with self._changed:
            if self._forking and me not in self._inside.values():
                self._changed.wait_for(lambda: not self._forking, timeout=MAX_FORK_WAIT)
            self._inside[key] = me

    def leave(self, key: object) -> None:
        """Count the key's thread as outside again; any thread may call this."""
        with self._changed:
            if self._inside.pop(key, None) is not None and self._forking:
                self._changed.notify_all()

    def before_fork(self) -> None:
        """Hold back new threads, and wait until all but the caller are outside."""
        me = threading.get_ident()
        until = time.monotonic() + MAX_FORK_WAIT
        with self._changed:
            self._forking = True
            while any(thread != me for thread in self._inside.values()):
                left = until - time.monotonic()
                if left <= 0 or not self._changed.wait(left):
                    break

    def after_fork(self, *, in_child: bool) -> None:
        """Let threads in again; in the child there are no others."""
        if in_child:
            self._begin_anew()
            return
        with self._changed:
            self._forking = False
            self._changed.notify_all()

    def _begin_anew(self) -> None:
        # Reentrant, since the garbage collector may return a connection while it is held.
        self._changed = threading.Condition(threading.RLock())
        self._inside: dict[object, int] = {}
        self._forking = False


class ForkSafePool(sa.QueuePool):
    """A pool whose connections count as inside from checkout, or opening, to check-in."""

    fork_guard: ForkGuard
    _sqla_logger_namespace = "sqlalchemy.pool.impl.QueuePool"  # SQLAlchemy's messages

    def recreate(self) -> ForkSafePool:
        """Return a new pool of this class, as SQLAlchemy does when it disposes of one."""
        made = super().recreate()
        assert isinstance(made, ForkSafePool)  # noqa: S101  it makes its own class
        made.fork_guard = self.fork_guard
        return made

    def _do_get(self) -> ConnectionPoolEntry:
        with self.fork_guard.inside():
            entry: Any = super()._do_get()
            self.fork_guard.enter(entry)
        return entry  # type: ignore[no-any-return]  # SQLAlchemy's own record

    def _do_return_conn(self, record: ConnectionPoolEntry) -> None:
        try:
            super()._do_return_conn(record)
        finally:
            self.fork_guard.leave(record)


@cache  # a fork handler cannot be unregistered: one for the process, for all databases
def _watched() -> weakref.WeakSet[ForkGuard]:
    alive: weakref.WeakSet[ForkGuard] = weakref.WeakSet()

    def before() -> None:
        for one in list(alive):
            one.before_fork()

    def after(*, in_child: bool) -> None:
        for one in list(alive):
            one.after_fork(in_child=in_child)

    if hasattr(os, "register_at_fork"):  # elsewhere nothing forks
        os.register_at_fork(
            before=before,
            after_in_parent=lambda: after(in_child=False),
            after_in_child=lambda: after(in_child=True),
        )
    return alive
