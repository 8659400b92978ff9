"""What a record costs to send, against a python-quickbooks loop that does the same work."""

from __future__ import annotations

import time
from contextlib import nullcontext
from typing import TYPE_CHECKING

import attrs

from tests.benchmarks.judge import Judge
from tests.benchmarks.profiles import Shares
from tests.benchmarks.rows import backends
from tests.benchmarks.shop import Shop, database, job, org
from tests.benchmarks.workers import cores

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    from tests.benchmarks.far_side import FarSide, Request
    from tests.benchmarks.report import Report

REALISTIC = 0.3
TIMES_RATE = 2.0
SHARE_OF_CPU = 0.5
ROUNDS = 3


@attrs.frozen(kw_only=True)
class Cost:
    """What so many records took.

    Attributes:
        cpu: processor seconds of the client.
        own: of them, those of the thread that looks, decides and writes down.
        far, server: processor seconds of QuickBooks' side, and of PostgreSQL.
        busy: share of all cores' time that was used, by whomever.
    """

    records: int
    seconds: float
    cpu: float
    own: float
    far: float
    server: float
    busy: float
    requests: list[Request]

    @property
    def rate(self) -> float:
        """Records a second."""
        return self.records / self.seconds

    @property
    def cpu_ms(self) -> float:
        """Milliseconds of the client's processor time for each record."""
        return self.cpu / self.records * 1000

    @property
    def own_ms(self) -> float:
        """Those of the thread that drains."""
        return self.own / self.records * 1000

    def per_record(self, what: Callable[[Request], bool]) -> float:
        """Count requests of a sort, for each record."""
        return sum(map(what, self.requests)) / self.records


def measure(report: Report, far: FarSide, server: str, *, jobs: int) -> None:
    """Compare, in turns, on both databases."""
    plain: list[Cost] = []
    ours: dict[str, list[Cost]] = {"sqlite": [], "postgres": []}
    for turn in range(ROUNDS):
        plain.append(_loop(far, jobs, f"loop{turn}-"))
        for kind, costs in ours.items():
            costs.append(_drain(far, server, kind, jobs, f"{kind[0]}{turn}-"))
    few = max(5, jobs // 20)
    far.latency(REALISTIC)
    slow_loop = _loop(far, few, "slow-loop-")
    slow = _drain(far, server, "sqlite", few, "slow-")
    far.latency(0.0)
    _profile(report, far, server, jobs)
    best = min(plain, key=lambda cost: cost.cpu_ms)
    quick = max(plain, key=lambda cost: cost.rate)
    report.section("python-quickbooks loop")
    report.add("records a second, QuickBooks at 0 ms", quick.rate, "1/s")
    report.add("records a second, QuickBooks at 300 ms", slow_loop.rate, "1/s")
    report.add("client CPU for each record", best.cpu_ms, "ms")
    _tell_others(report, quick)
    report.add("requests for each record", best.per_record(lambda _: True), "")
    report.add("metered reads for each record", best.per_record(lambda one: one.metered), "")
    for kind, name in (("sqlite", "SQLite"), ("postgres", "PostgreSQL")):
        report.section(f"Drain, {name}")
        costs = ours[kind]
        cheap = min(costs, key=lambda cost: cost.cpu_ms)
        fast = max(costs, key=lambda cost: cost.rate)
        report.add("records a second, QuickBooks at 0 ms", fast.rate, "1/s")
        report.add("rate / the loop's", fast.rate / quick.rate, "times", least=TIMES_RATE)
        report.add("client CPU for each record", cheap.cpu_ms, "ms")
        report.add("of it, HTTP and JSON", cheap.cpu_ms - cheap.own_ms, "ms")
        report.add("of it, decisions and database", cheap.own_ms, "ms")
        report.add("CPU / the loop's", cheap.cpu_ms / best.cpu_ms, "times", most=SHARE_OF_CPU)
        _tell_others(report, fast)
        report.add("writes for each record", cheap.per_record(lambda one: one.write), "", most=1.0)
        reads = cheap.per_record(lambda one: not one.write)
        report.add("reads for each record", reads, "", most=0.0)
        if kind == "sqlite":
            report.add("records a second, QuickBooks at 300 ms", slow.rate, "1/s")
            report.add(
                "rate / the loop's at 300 ms", slow.rate / slow_loop.rate, "times", least=TIMES_RATE
            )


def _tell_others(report: Report, cost: Cost) -> None:
    """Tell what else took the cores meanwhile: all of it is on one machine."""
    each = 1000 / cost.records
    report.add("QuickBooks' side's CPU for each record", cost.far * each, "ms")
    if cost.server:
        report.add("PostgreSQL's CPU for each record", cost.server * each, "ms")
    report.add("share of all cores in use", cost.busy, "")


def _profile(report: Report, far: FarSide, server: str, jobs: int) -> None:
    """Do the same once more, and tell where the processor time goes."""
    watched = {name: Shares() for name in ("loop", "drain, SQLite", "drain, PostgreSQL")}
    loop, *drains = watched.values()
    _loop(far, jobs, "watched-loop-", watched=loop.watching())
    for kind, shares in zip(("sqlite", "postgres"), drains, strict=True):
        _drain(far, server, kind, jobs, f"watched-{kind[0]}-", watched=shares.watching())
    report.profiles["Drain"] = {name: shares.by_library() for name, shares in watched.items()}


def _loop(
    far: FarSide, jobs: int, prefix: str, *, watched: AbstractContextManager[None] | None = None
) -> Cost:
    """Send leads, invoices and payments one after another, looking before each."""
    judge = Judge(far)
    done = [job(number, prefix=prefix) for number in range(jobs)]
    far.forget()
    theirs, used, whole = far.cpu(), *cores()
    cpu, began = time.process_time(), time.perf_counter()
    with watched or nullcontext():
        for one in done:
            customer = judge.customer(one.lead)
            invoice = judge.invoice(one.invoice, customer)
            judge.payment(one.payment, invoice)
    seconds, cpu = time.perf_counter() - began, time.process_time() - cpu
    used, whole = (after - before for after, before in zip(cores(), (used, whole), strict=True))
    return Cost(
        records=3 * jobs,
        seconds=seconds,
        cpu=cpu,
        own=cpu,
        far=far.cpu() - theirs,
        server=0.0,
        busy=used / whole,
        requests=far.requests(),
    )


def _drain(
    far: FarSide,
    server: str,
    kind: str,
    jobs: int,
    prefix: str,
    *,
    watched: AbstractContextManager[None] | None = None,
) -> Cost:
    """Send as many from rows that hooks wrote before."""
    mine = org()
    with database(kind, server) as url:
        shop = Shop(url, far)
        company = shop.connect(mine)
        warm = job(0, prefix=f"{prefix}w")
        shop.invoice(mine, warm.invoice)
        shop.payment(mine, warm.payment)
        shop.runtime.drainer.drain(company)
        for number in range(jobs):
            one = job(number, prefix=prefix)
            shop.lead(mine, one.lead)
            shop.invoice(mine, one.invoice)
            shop.payment(mine, one.payment)
        far.forget()
        theirs, used, whole, served = far.cpu(), *cores(), backends(shop)
        cpu, own, began = time.process_time(), time.thread_time(), time.perf_counter()
        with watched or nullcontext():
            while shop.due():
                shop.runtime.drainer.drain(company)
        seconds, cpu = time.perf_counter() - began, time.process_time() - cpu
        own = time.thread_time() - own
        used, whole = (after - before for after, before in zip(cores(), (used, whole), strict=True))
        theirs = far.cpu() - theirs
        backend = sum(taken - served.get(pid, 0.0) for pid, taken in backends(shop).items())
        requests = far.requests()
        sent = sum(one.write and one.status == 200 for one in requests)
        shop.close()
    if sent != 3 * jobs:
        raise RuntimeError(f"{sent} of {3 * jobs} records were sent")
    return Cost(
        records=3 * jobs,
        seconds=seconds,
        cpu=cpu,
        own=own,
        far=theirs,
        server=backend,
        busy=used / whole,
        requests=requests,
    )
