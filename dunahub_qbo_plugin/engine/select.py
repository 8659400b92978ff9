"""Choose the engine by the operator's configuration."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING, Protocol

from dunahub_qbo_plugin.config import Worker
from dunahub_qbo_plugin.engine.doorbell import Doorbell
from dunahub_qbo_plugin.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable

    from dunahub_qbo_plugin.config import Config
    from dunahub_qbo_plugin.engine.embedded import EmbeddedEngine
    from dunahub_qbo_plugin.engine.worker_tasks import Found, WorkerTasks


class Engine(Protocol):
    """Sees to it that companies with something due are drained."""

    def ring(self, org_id: str | None = None) -> None:
        """Say that something may be due, for an organization or for any; returns at once."""
        ...

    def start(self) -> None:
        """Start working."""
        ...

    def stop(self, timeout: float = 10.0) -> object:
        """Stop working; what it returns says nothing to the host."""
        ...


class WorkerEngine(Protocol):
    """The main loop of a worker process."""

    def run(self) -> None:
        """Work in the calling thread until stopped."""
        ...

    def stop(self, timeout: float = 10.0) -> bool:
        """Finish the requests in flight, and let `run` return.

        Returns:
            False when some were not finished in so many seconds; they are taken up again later.
        """
        ...


def engine(
    config: Config,
    worker_tasks: WorkerTasks,
    embedded: EmbeddedEngine,
    host_bell: Callable[[str], None] | None,
) -> Engine:
    """Return the engine of a process that loads the plugin.

    Args:
        config: the operator's settings.
        worker_tasks: does the work.
        embedded: the default engine.
        host_bell: puts a company into the host's own queue; used when no worker is configured.

    Raises:
        ConfigurationError: the database is not PostgreSQL, or the extra is not installed.
    """
    if config.worker is Worker.EMBEDDED:
        return embedded
    if config.worker is Worker.PROCRASTINATE:
        _check(worker_tasks)
        from dunahub_qbo_plugin.engine.queue import Queue, QueueBell  # noqa: PLC0415  needs the extra

        bell = QueueBell(Queue.of(config))
        return Doorbell(
            worker_tasks,
            bell=lambda found: bell.ring(found.companies, tasks=found.tasks),
            close=bell.close,
        )
    if host_bell is None:
        return Doorbell(worker_tasks)

    def ring(found: Found) -> None:
        for company_id in found.companies:
            host_bell(company_id)

    return Doorbell(worker_tasks, bell=ring)


def worker(
    config: Config,
    worker_tasks: WorkerTasks,
    embedded: EmbeddedEngine,
    *,
    concurrency: int | None = None,
) -> WorkerEngine:
    """Return what a worker process runs: the queue's worker, or the embedded engine's loop.

    Raises:
        ConfigurationError: as for `engine`.
    """
    if config.worker is not Worker.PROCRASTINATE:
        return embedded
    _check(worker_tasks)
    from dunahub_qbo_plugin.engine import procrastinate, queue  # noqa: PLC0415  needs the extra

    usual = procrastinate.CONCURRENCY if concurrency is None else concurrency
    return procrastinate.ProcrastinateWorker(
        queue.Queue.of(config), worker_tasks, concurrency=usual
    )


def _check(worker_tasks: WorkerTasks) -> None:
    if worker_tasks.database.is_sqlite:
        raise ConfigurationError(
            "DUNAHUB_QBO_WORKER=procrastinate needs PostgreSQL: set DUNAHUB_QBO_DATABASE_URL"
        )
    if find_spec("procrastinate") is None:
        raise ConfigurationError(
            "DUNAHUB_QBO_WORKER=procrastinate needs more packages: "
            'pip install "dunahub-qbo-plugin[postgres]"'
        )
