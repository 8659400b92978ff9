"""The engine of processes that do not send themselves: they ring at a queue or at workers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dunahub_qbo_plugin.engine.waker import Waker

if TYPE_CHECKING:
    from collections.abc import Callable

    from dunahub_qbo_plugin.engine.worker_tasks import Found, WorkerTasks


class Doorbell:
    """Writes spilled rows to the database, and rings at a queue.

    Args:
        worker_tasks: finds what is due.
        bell: rings at the queue, in a thread of its own; an exception is logged, and the call is
            repeated a second later. None without a queue.
        close: closes the bell.
    """

    def __init__(
        self,
        worker_tasks: WorkerTasks,
        *,
        bell: Callable[[Found], object] | None = None,
        close: Callable[[], None] | None = None,
    ) -> None:
        self._worker_tasks = worker_tasks
        self._bell = bell
        self._close = close
        self._waker = Waker(self._deliver)

    def ring(self, org_id: str | None = None) -> None:
        """Say that something may be due; returns at once."""
        if self._bell is not None or self._worker_tasks.intake.waiting:
            self._waker.ring(org_id)

    def start(self) -> None:
        """Do nothing: the first ring starts the thread."""

    def stop(self, timeout: float = 4.0) -> None:
        """Deliver the rings that are left, and stop."""
        self._waker.stop(timeout)
        if self._close is not None:
            self._close()

    def _deliver(self, rung: set[str | None]) -> None:
        found = self._worker_tasks.collect_due(rung)
        if self._bell is not None and (found.companies or found.tasks):
            self._bell(found)
