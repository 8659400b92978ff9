"""A worker on PostgreSQL, to which procrastinate says which company to drain, and no more."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Final, TypeVar

import procrastinate
from procrastinate.jobs import Status

from dunahub_qbo_plugin.engine.log_once import LogOnce
from dunahub_qbo_plugin.engine.meter import METER_INTERVAL
from dunahub_qbo_plugin.engine.queue import DRAIN_JOB, TASKS_JOB, QueueBell

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

    from dunahub_qbo_plugin.engine.queue import Queue
    from dunahub_qbo_plugin.engine.worker_tasks import WorkerTasks

log = logging.getLogger(__name__)

Result = TypeVar("Result")

HOUSEKEEPING_JOB: Final = "qbo.housekeeping"
UPKEEP_JOB: Final = "qbo.upkeep"
CONCURRENCY: Final = 10
"""Companies that a worker drains at the same time."""
SWEEP_CRON: Final = "* * * * * */5"
"""Schedule of the sweep: every five seconds (procrastinate's sixth field is the seconds)."""
UPKEEP_CRON: Final = "*/10 * * * *"
POLL: Final = 1.0
"""Seconds between polls of the queue. No notification tells of a lock that becomes free, so this is
how long a company waits whose job was queued while its previous one ended."""
HEARTBEAT: Final = 3.0
"""Seconds between a worker's heartbeats."""
STALLED: Final = 10.0
"""Seconds without a heartbeat after which a worker's jobs go to others. If it is alive after all,
the company's lease keeps the others out, and later the fence keeps it out."""
FORGET_WORKER_AFTER: Final = 200.0
"""Seconds without a heartbeat after which a worker is removed from the queue's list."""
RECONNECT_DELAY: Final = 1.0
"""Seconds until a worker that lost the database reconnects."""
HOUSEKEEPING_PRIORITY: Final = 10
"""Priority of sweep and upkeep: higher than that of waiting drains."""


class ProcrastinateWorker:
    """Drains companies that the queue names, until it is stopped.

    Args:
        queue: where the jobs are.
        worker_tasks: does the work.
        concurrency: companies at the same time.
    """

    def __init__(
        self, queue: Queue, worker_tasks: WorkerTasks, *, concurrency: int = CONCURRENCY
    ) -> None:
        self._queue = queue
        self._worker_tasks = worker_tasks
        self._concurrency = concurrency
        self._bell = QueueBell(queue)
        self._stopping = threading.Event()
        self._ended = threading.Event()
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._work_task: asyncio.Task[None] | None = None
        self.rounds = 0
        """How often it has started to work: more than once if the database was lost."""

    def run(self) -> None:
        """Work in the calling thread until `stop`; reconnect whenever the database was lost."""
        outage = LogOnce(log, "the queue cannot be reached", over="the queue can be reached again")
        try:
            while not self._stopping.is_set():
                # procrastinate's own loop ends without an error when it loses the database.
                try:
                    self.rounds += 1
                    self._worker_tasks.database.prepare()
                    self._queue.prepare()
                    outage.clear()
                    asyncio.run(self._work())
                except asyncio.CancelledError:
                    pass
                except Exception as error:  # noqa: BLE001  nothing may end a worker but `stop`
                    outage.note(error)
                self._stopping.wait(RECONNECT_DELAY)
        finally:
            self._bell.close()
            self._ended.set()

    def stop(self, timeout: float = 10.0) -> bool:
        """Take no more jobs, finish the requests in flight, and end.

        Args:
            timeout: seconds to wait; unfinished work is taken over by other workers.

        Returns:
            False when something is under way still.
        """
        self._worker_tasks.drainer.wind_down()
        self._stopping.set()
        with self._lock:
            if self._loop is not None and self._work_task is not None:
                self._loop.call_soon_threadsafe(self._work_task.cancel)
        return self._ended.wait(timeout) and not self._worker_tasks.turns.under_way

    async def _work(self) -> None:
        with self._lock:
            if self._stopping.is_set():
                return
            self._loop, self._work_task = asyncio.get_running_loop(), asyncio.current_task()
        # asyncio's default pool would have six threads on two cores, however many jobs there are.
        pool = ThreadPoolExecutor(self._concurrency + 4, thread_name_prefix="dunahub-qbo")
        try:
            connector = procrastinate.PsycopgConnector(
                conninfo=self._queue.conninfo, min_size=2, max_size=8, timeout=RECONNECT_DELAY * 5
            )
            app = procrastinate.App(connector=connector)
            self._register(app, pool)
            async with app.open_async(), self._noted(pool):
                await app.run_worker_async(
                    queues=[self._queue.name],
                    name="dunahub-qbo",
                    concurrency=self._concurrency,
                    fetch_job_polling_interval=POLL,
                    update_heartbeat_interval=HEARTBEAT,
                    stalled_worker_timeout=FORGET_WORKER_AFTER,
                    delete_jobs="always",
                    install_signal_handlers=False,
                )
        finally:
            with self._lock:
                self._loop = self._work_task = None
            pool.shutdown(wait=not self._stopping.is_set())

    @contextlib.asynccontextmanager
    async def _noted(self, pool: ThreadPoolExecutor) -> AsyncIterator[None]:
        """Write this process' counters periodically, also after its last drain."""

        async def note() -> None:
            while True:
                await asyncio.sleep(METER_INTERVAL)
                await asyncio.get_running_loop().run_in_executor(
                    pool, self._worker_tasks.meter.note
                )

        noting = asyncio.create_task(note())
        try:
            yield
        finally:
            noting.cancel()

    def _register(self, app: procrastinate.App, pool: ThreadPoolExecutor) -> None:
        """Register the jobs. None of them raises, so the queue never retries one."""
        queue, worker_tasks, bell = self._queue.name, self._worker_tasks, self._bell

        async def run(work: Callable[[], Result]) -> Result:
            return await asyncio.get_running_loop().run_in_executor(pool, work)

        @app.task(name=DRAIN_JOB, queue=queue)
        async def _drain(company: str) -> None:
            def work() -> None:
                if worker_tasks.drain(company):
                    bell.ring([company])

            with _told("a company could not be queued anew; the sweep will"):
                await run(work)

        @app.task(name=TASKS_JOB, queue=queue)
        async def _tasks() -> None:
            with _told("the long tasks stumbled"):
                await run(worker_tasks.tasks.run_waiting)

        # No lock: the job of a worker that died would keep its successors out.
        @app.periodic(cron=SWEEP_CRON)
        @app.task(
            name=HOUSEKEEPING_JOB,
            queue=queue,
            queueing_lock=HOUSEKEEPING_JOB,
            priority=HOUSEKEEPING_PRIORITY,
        )
        async def _housekeeping(timestamp: int) -> None:
            del timestamp

            def work() -> None:
                found = worker_tasks.sweep()
                bell.ring(found.companies, tasks=found.tasks)
                if worker_tasks.teller.is_due:
                    worker_tasks.carriers.carry(worker_tasks.tell)

            with _told("the sweep stumbled"):
                await self._take_over(app)
                await run(work)

        @app.periodic(cron=UPKEEP_CRON)
        @app.task(
            name=UPKEEP_JOB, queue=queue, queueing_lock=UPKEEP_JOB, priority=HOUSEKEEPING_PRIORITY
        )
        async def _upkeep(timestamp: int) -> None:
            del timestamp
            with _told("the upkeep stumbled"):
                await run(worker_tasks.upkeep.run)

    async def _take_over(self, app: procrastinate.App) -> None:
        """Delete the jobs of workers that died; the sweep then rings for their companies.

        Retrying them, as procrastinate's documentation does, fails where a newer job of the same
        company waits, and then both stay where they are for ever (its issues 1446 and 1543).
        """
        jobs = app.job_manager
        for job in await jobs.get_stalled_jobs(
            queue=self._queue.name, seconds_since_heartbeat=STALLED
        ):
            log.warning("job %s of a worker that fell silent is given to others", job.id)
            await jobs.finish_job(job, status=Status.FAILED, delete_job=True)
        await jobs.prune_stalled_workers(FORGET_WORKER_AFTER)


@contextlib.contextmanager
def _told(trouble: str) -> Iterator[None]:
    """Log any exception and let the job succeed: the rows say what is still to be done."""
    try:
        yield
    except Exception as error:  # noqa: BLE001  see above
        log.warning("%s: %s", trouble, type(error).__name__)
