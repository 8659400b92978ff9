"""Workers on a PostgreSQL queue, in threads and in processes of their own, and a look inside."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Self

import httpx
import sqlalchemy as sa

from dunahub_qbo_plugin.config import Worker
from dunahub_qbo_plugin.engine.procrastinate import ProcrastinateWorker
from dunahub_qbo_plugin.testing import FakeHost, QboEmulator, SteeredClock
from tests.support.host import make_host

if TYPE_CHECKING:
    import signal
    from collections.abc import Callable, Iterator
    from pathlib import Path
    from types import TracebackType

    from dunahub_qbo_plugin.emulator.world.world import World
    from dunahub_qbo_plugin.runtime import Runtime

SCHEMA = "qbo_engine"


def until(condition: Callable[[], Any], *, seconds: float = 10.0, what: str = "it") -> float:
    """Wait for a condition; gives how long it took, and fails when it does not come."""
    started = time.monotonic()
    turn = threading.Event()
    while not condition():
        assert time.monotonic() - started < seconds, f"{what} did not come in {seconds:g} s"
        turn.wait(0.01)
    return time.monotonic() - started


def queue_host(folder: Path, url: str, *, world: World | None = None) -> FakeHost:
    """Make a host on the machine's clock whose hooks ring at the queue."""
    qbo = QboEmulator(SteeredClock(sleeps=True), world=world)
    return make_host(folder, qbo=qbo, database_url=url, worker=Worker.PROCRASTINATE)


class Gate(httpx.BaseTransport):
    """The way to QuickBooks, on which each new customer waits to be let through.

    Args:
        host: whose requests it holds.

    Attributes:
        held: how many have come here.
    """

    def __init__(self, host: FakeHost) -> None:
        self._inner = host.runtime.http.client()._transport
        self._passes = threading.Semaphore(0)
        self._lock = threading.Lock()
        self.held = 0
        host.runtime.http.client()._transport = self

    def let_through(self, number: int = 1000) -> None:
        """Let so many pass, those that wait first."""
        self._passes.release(number)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Hold it, then pass it on."""
        if request.method == "POST" and request.url.path.endswith("/customer"):
            with self._lock:
                self.held += 1
            assert self._passes.acquire(timeout=30), "nobody let it through"
        return self._inner.handle_request(request)


@contextmanager
def working(runtime: Runtime, *, concurrency: int = 10) -> Iterator[ProcrastinateWorker]:
    """Run a worker in a thread of this process."""
    worker = runtime.worker(concurrency=concurrency)
    assert isinstance(worker, ProcrastinateWorker)
    thread = threading.Thread(target=worker.run, name="worker")
    thread.start()
    try:
        yield worker
    finally:
        worker.stop(20)
        thread.join(20)
        assert not thread.is_alive(), "the worker did not end"


class Look:
    """Looks into the queue, apart from what works there."""

    def __init__(self, url: str, schema: str = SCHEMA) -> None:
        self._engine = sa.create_engine(
            url,
            isolation_level="AUTOCOMMIT",
            poolclass=sa.NullPool,
            connect_args={"options": f"-csearch_path={schema}"},
        )

    def rows(self, statement: str, **values: Any) -> list[Any]:  # noqa: ANN401  columns
        """Return what a statement gives."""
        with self._engine.connect() as db:
            result = db.execute(sa.text(statement), values)
            return list(result) if result.returns_rows else []

    def ready(self) -> bool:
        """Return whether a worker has registered."""
        try:
            return bool(self.rows("SELECT 1 FROM procrastinate_workers"))
        except sa.exc.ProgrammingError:
            return False

    def jobs(self, task: str = "qbo.drain") -> list[Any]:
        """Return a task's jobs, the oldest first."""
        return self.rows(
            "SELECT id, status::text, lock, queueing_lock, scheduled_at, args, worker_id"
            " FROM procrastinate_jobs WHERE task_name = :task ORDER BY id",
            task=task,
        )


class WorkerProcess:
    """``dunahub-qbo worker`` in a process of its own.

    Args:
        environ: the plugin's settings.
        options: of the command.
        log: where its log goes.
    """

    def __init__(self, environ: dict[str, str], log: Path, *options: str) -> None:
        self.log = log
        with log.open("wb") as out:
            self.process = subprocess.Popen(  # noqa: S603  our own command
                [sys.executable, "-m", "dunahub_qbo_plugin.cli", "worker", *options],
                env={**os.environ, **environ},
                stdout=out,
                stderr=out,
            )

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Kill it if it still runs."""
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(10)

    def signal(self, number: signal.Signals) -> None:
        """Send it a signal."""
        self.process.send_signal(number)

    def ended(self, *, seconds: float = 20.0) -> int:
        """Wait for its end; gives its exit status."""
        return self.process.wait(seconds)
