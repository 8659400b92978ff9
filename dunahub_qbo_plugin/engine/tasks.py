"""Run the long tasks that people ask for, one at a time in a process."""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING, Any

from dunahub_qbo_plugin.errors import QuickBooksPluginError
from dunahub_qbo_plugin.store import tasks
from dunahub_qbo_plugin.store.tasks import TaskProblem

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from dunahub_qbo_plugin.clock import Clock
    from dunahub_qbo_plugin.store.db.database import Database
    from dunahub_qbo_plugin.store.tasks import Task

    Progress = Callable[[int, int], None]
    Handler = Callable[[Task, Progress], Mapping[str, Any]]

log = logging.getLogger(__name__)


class TaskRunner:
    """Takes tasks from the database and runs their handlers.

    Args:
        handlers: the function for each task name; it returns the result as JSON values.
        owner: a name of this worker.
    """

    def __init__(
        self,
        *,
        database: Database,
        clock: Clock,
        handlers: Mapping[str, Handler],
        owner: str,
    ) -> None:
        self._database = database
        self._clock = clock
        self._handlers = handlers
        self._owner = owner
        self._busy = threading.Lock()

    def run_waiting(self) -> int:
        """Run tasks until none is left; return how many, 0 while another thread runs them."""
        if not self._busy.acquire(blocking=False):
            return 0
        try:
            count = 0
            while (task := self._take()) is not None:
                self._run(task)
                count += 1
            return count
        finally:
            self._busy.release()

    def _take(self) -> Task | None:
        with self._database.read.connect() as db:
            if not tasks.waiting(db, now=self._clock.now()):
                return None
        with self._database.write.begin() as db:
            return tasks.take(db, owner=self._owner, now=self._clock.now())

    def _run(self, task: Task) -> None:
        def progress(done: int, total: int) -> None:
            with self._database.write.begin() as db:
                tasks.progress(db, task.id, done=done, total=total, now=self._clock.now())

        result: Mapping[str, Any] | None = None
        problem: TaskProblem | None = None
        try:
            result = self._handlers[task.name](task, progress)
        except QuickBooksPluginError as error:
            log.warning("the task %s failed: %s", task.name, type(error).__name__)
            problem = TaskProblem.QUICKBOOKS
        except Exception:
            log.exception("the task %s failed", task.name)
            problem = TaskProblem.OTHER
        with self._database.write.begin() as db:
            tasks.finish(db, task.id, result=result, problem=problem, now=self._clock.now())
