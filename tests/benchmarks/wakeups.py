"""How long after a hook QuickBooks is asked: with the worker in this process, and in another."""

from __future__ import annotations

import threading
import time
from contextlib import nullcontext
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any
from unittest import mock

from dunahub_qbo_plugin.config import Worker
from dunahub_qbo_plugin.store.companies import leases
from tests.benchmarks.report import median, quantile
from tests.benchmarks.shop import Shop, database, job, org
from tests.benchmarks.workers import READY, await_workers, worker_process

if TYPE_CHECKING:
    from tests.benchmarks.far_side import FarSide
    from tests.benchmarks.report import Report

P50_MS = 30.0
REST = 0.15
"""Seconds of quiet before each hook."""
LONGEST = 20.0


def measure(report: Report, far: FarSide, server: str, *, hooks: int) -> None:
    """Call hooks one by one on a quiet system."""
    report.section("Wake-up, from the hook's return")
    with database("sqlite", server) as url:
        drains, sends = _series(far, url, Worker.EMBEDDED, hooks)
    _tell(report, "embedded on sqlite, drain starts", drains, judged=True)
    _tell(report, "embedded on sqlite, request arrives", sends, judged=False)
    with database("postgres", server) as url, TemporaryDirectory(prefix="qbo-bench-") as folder:
        drains, sends = _series(far, url, Worker.PROCRASTINATE, hooks, folder=Path(folder))
    _tell(report, "procrastinate on postgres, drain starts", drains, judged=True)
    _tell(report, "procrastinate on postgres, request arrives", sends, judged=False)


def _tell(report: Report, name: str, times: list[float], *, judged: bool) -> None:
    report.add(f"{name}, p50", median(times), "ms", most=P50_MS if judged else None)
    report.add(f"{name}, p99", quantile(times, 0.99), "ms")


def _series(
    far: FarSide, url: str, worker: Worker, hooks: int, *, folder: Path | None = None
) -> tuple[list[float], list[float]]:
    """Return milliseconds until the drain starts, and until the request arrives.

    Args:
        far: where requests arrive.
        url: of the database.
        worker: which engine.
        hooks: how many.
        folder: where a worker in another process says when it starts; None for this process.
    """
    shop = Shop(url, far, worker=worker)
    mine = org()
    shop.connect(mine)
    begun: list[float] = []
    turn = threading.Event()
    acquire = leases.acquire
    started = None if folder is None else folder / "started"

    def noted(*args: Any, **values: Any) -> Any:  # noqa: ANN401  the lease's own
        begun.append(time.time())
        return acquire(*args, **values)

    def starts() -> list[float]:
        if started is None:
            return list(begun)
        return [float(line) for line in started.read_text("utf-8").split()]

    elsewhere = (
        nullcontext()
        if folder is None
        else worker_process(shop.environ(worker), folder / "log", started=started)
    )
    with elsewhere, mock.patch.object(leases, "acquire", noted):
        if folder is not None:
            await_workers(shop, worker, [folder / "log"])
        turn.wait(READY)
        drains, sends = [], []
        for number in range(-3, hooks):
            one = job(number, prefix=f"wake{worker.value[0]}").lead
            turn.wait(REST)
            far.forget()
            shop.lead(mine, one)
            hooked = time.time()
            while far.writes() < 1:
                if time.time() - hooked > LONGEST:
                    raise RuntimeError("a hook woke nobody")
                turn.wait(0.005)
            if number >= 0:
                drains.append((min(at for at in starts() if at >= hooked) - hooked) * 1000)
                sends.append((far.requests()[0].at - hooked) * 1000)
    shop.close()
    return drains, sends
