"""Two hundred companies at once, on one, two and four worker processes."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import attrs
import sqlalchemy as sa

from dunahub_qbo_plugin.config import Worker
from dunahub_qbo_plugin.engine.queue import Queue, QueueBell
from tests.benchmarks.shop import Shop, database, job, org

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.benchmarks.far_side import FarSide
    from tests.benchmarks.report import Report

COUNTS = (1, 2, 4)
LATENCY = 0.1
"""Seconds that QuickBooks takes; the sum of all is what one request at a time would take."""
STARTING = 60.0
"""Seconds that workers may take to start."""
READY = 1.0
"""Seconds of quiet once they have."""
LONGEST = 300.0
USED_UP = 0.85
"""Share of all cores' time from which on another worker cannot make it quicker."""
HOLD_MS = 600_000
"""How long companies rest at most until the workers are ready."""


def measure(report: Report, far: FarSide, server: str, *, companies: int, each: int) -> None:
    """Measure both engines: embedded on SQLite, procrastinate on PostgreSQL."""
    report.section(f"{companies} companies of {each} records at once")
    realms = [f"77{number:014}" for number in range(companies)]
    for realm in realms:
        far.company(realm)
    for kind, worker in (("sqlite", Worker.EMBEDDED), ("postgres", Worker.PROCRASTINATE)):
        runs = []
        for count in COUNTS:
            with database(kind, server) as url:
                run = _run(far, url, worker, count, realms, each=each)
            runs.append(run)
            name = f"{worker.value} on {kind}, {count} worker{'s' if count > 1 else ''}"
            report.add(name, run.rate, "records/s")
            report.add(f"{name}, workers' CPU for each record", run.cpu_ms, "ms")
            report.add(f"{name}, share of all cores in use", run.busy, "")
        for fewer, more, number in zip(runs, runs[1:], COUNTS, strict=False):
            grown = more.rate / fewer.rate
            full = grown < 1 and more.busy >= USED_UP
            report.add(
                f"{worker.value}, {2 * number} workers / {number}",
                grown,
                "times",
                least=None if full else 1.0,
                note=f"{2 * number} use the cores up" if full else "",
            )


@attrs.frozen(kw_only=True)
class Run:
    """How some workers did.

    Attributes:
        rate: records a second, from the first write to the last.
        cpu_ms: milliseconds of the workers' processor time for each record.
        busy: share of all cores' time that was used, by whomever.
    """

    rate: float
    cpu_ms: float
    busy: float


def _run(
    far: FarSide, url: str, worker: Worker, count: int, realms: list[str], *, each: int
) -> Run:
    shop = Shop(url, far)
    for number, realm in enumerate(realms):
        shop.connect(org(number), realm)
    shop.hold(until=int(time.time() * 1000) + HOLD_MS)
    # Names that QuickBooks has from an earlier run would each cost a refusal and a look.
    prefix = f"{worker.value[0]}{count}w"
    for number in range(len(realms)):
        for turn in range(each):
            shop.lead(org(number), job(turn, prefix=f"{prefix}{number}-").lead)
    far.forget()
    far.latency(LATENCY)
    wanted = each * len(realms)
    with ExitStack() as stack, tempfile.TemporaryDirectory(prefix="qbo-bench-") as folder:
        workers = [
            stack.enter_context(
                worker_process(shop.environ(worker), Path(folder) / f"{number}.log")
            )
            for number in range(count)
        ]
        await_workers(shop, worker, sorted(Path(folder).glob("*.log")))
        before, used_before, all_before = sum(map(_cpu, workers)), *cores()
        shop.hold(until=0)
        ring(shop, url, worker)
        began = time.monotonic()
        while far.writes() < wanted:
            if time.monotonic() - began > LONGEST:
                raise RuntimeError(f"{far.writes()} of {wanted} records in {LONGEST:g} s")
            threading.Event().wait(0.2)
        cpu = sum(map(_cpu, workers)) - before
        used, whole = cores()
    far.latency(0.0)
    shop.close()
    requests = far.requests()
    if (reads := sum(not one.write for one in requests)) > len(realms):
        raise RuntimeError(f"{reads} reads: the names were there already")
    times = sorted(one.at for one in requests if one.write)
    return Run(
        rate=(len(times) - 1) / (times[-1] - times[0]),
        cpu_ms=cpu / wanted * 1000,
        busy=(used - used_before) / (whole - all_before),
    )


def ring(shop: Shop, url: str, worker: Worker) -> None:
    """Let the workers know, as hooks do: by a job for each company, or by a write to the file."""
    if worker is not Worker.PROCRASTINATE:
        with shop.runtime.database.write.begin() as db:
            db.execute(sa.text("UPDATE qbo_record SET updated_at = updated_at"))
        return
    bell = QueueBell(Queue(url=url, schema=shop.config.queue_schema, name=shop.config.queue))
    bell.ring(shop.runtime.worker_tasks.sweep().companies)
    bell.close()


def await_workers(shop: Shop, worker: Worker, logs: list[Path]) -> None:
    """Wait until workers have said that they work, and are known to the queue where there is one.

    Args:
        shop: whose.
        worker: which engine.
        logs: of each.
    """
    wait, began = threading.Event().wait, time.monotonic()
    while not (
        all("Working on" in log.read_text("utf-8") for log in logs)
        and (worker is not Worker.PROCRASTINATE or _registered(shop) >= len(logs))
    ):
        if time.monotonic() - began > STARTING:
            raise RuntimeError("the workers do not start: " + logs[0].read_text("utf-8")[-500:])
        wait(0.1)
    wait(READY)


def _registered(shop: Shop) -> int:
    """Count the queue's workers; none where its tables are not made yet."""
    table = f"{shop.config.queue_schema}.procrastinate_workers"
    with shop.runtime.database.read.connect() as db:
        if db.execute(sa.select(sa.func.to_regclass(table))).scalar() is None:
            return 0
        return int(db.execute(sa.text(f"SELECT count(*) FROM {table}")).scalar_one())  # noqa: S608  a constant


def _cpu(process: subprocess.Popen[bytes]) -> float:
    """Return the processor seconds of a process so far."""
    fields = Path(f"/proc/{process.pid}/stat").read_text("utf-8").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def cores() -> tuple[int, int]:
    """Return the ticks that all cores were in use so far, and all that there were."""
    line = Path("/proc/stat").read_text("utf-8").partition("\n")[0].split()[1:9]
    ticks = [int(one) for one in line]
    whole = sum(ticks)
    return whole - ticks[3] - ticks[4], whole


@contextmanager
def worker_process(
    environ: dict[str, str], log: Path, *, started: Path | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    """Run ``dunahub-qbo worker`` in a process of its own.

    Args:
        environ: the plugin's settings.
        log: where its log goes.
        started: where it notes when drains start.
    """
    plain = ["-m", "dunahub_qbo_plugin.cli", "worker"]
    telling = ["-m", "tests.benchmarks.told_worker", str(started)]
    with (
        log.open("wb") as out,
        subprocess.Popen(  # noqa: S603  our own command
            [sys.executable, *(plain if started is None else telling)],
            env={**os.environ, **environ},
            stdout=out,
            stderr=out,
        ) as process,
    ):
        try:
            yield process
        finally:
            process.kill()
