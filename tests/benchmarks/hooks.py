"""How long a hook keeps its host waiting, against the floor and against an inline push."""

from __future__ import annotations

import contextlib
import secrets
import threading
import time
from functools import partial
from typing import TYPE_CHECKING

import attrs
import sqlalchemy as sa
from sqlalchemy.exc import OperationalError

from dunahub_qbo_plugin.config import Worker
from dunahub_qbo_plugin.model import snapshot
from tests.benchmarks.judge import Judge
from tests.benchmarks.profiles import Shares
from tests.benchmarks.report import median, quantile
from tests.benchmarks.shop import Shop, database, job, org

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tests.benchmarks.far_side import FarSide
    from tests.benchmarks.report import Report

PACE = 0.004
"""Seconds between calls, as in a host that does other things too."""
WARM_UP = 50
WATCHED = 300
"""Calls under the profiler."""
REALISTIC = 0.3
"""Seconds that QuickBooks takes to answer."""
TIMES_FLOOR_P50 = 1.5
TIMES_FLOOR_P99 = 3.0
BUSY_P99_MS = 10.0
TIMES_FASTER = 100.0

floor_table = sa.Table(
    "bench_floor",
    sa.MetaData(),
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("org_id", sa.String),
    sa.Column("snapshot", sa.String),
    sa.Column("at", sa.BigInteger),
)


@attrs.frozen
class Times:
    """Milliseconds of wall clock for each call, and of this thread's processor."""

    wall: list[float] = attrs.field(factory=list)
    cpu: list[float] = attrs.field(factory=list)

    def take(self, call: Callable[[], object]) -> None:
        """Time one call."""
        cpu, began = time.thread_time(), time.perf_counter()
        call()
        self.wall.append((time.perf_counter() - began) * 1000)
        self.cpu.append((time.thread_time() - cpu) * 1000)


@attrs.frozen(kw_only=True)
class Hooks:
    """The series of one run, call by call in turns."""

    floor: Times = attrs.field(factory=Times)
    lead: Times = attrs.field(factory=Times)
    invoice: Times = attrs.field(factory=Times)
    rate: float = 0.0
    """Records a second that were sent meanwhile."""
    spilled: int = 0
    """Rows that went through memory."""
    profiles: dict[str, dict[str, float]] = attrs.field(factory=dict)
    """Where the processor time of the floor and of a lead's hook goes."""


def measure(report: Report, far: FarSide, server: str, *, calls: int) -> None:
    """Measure all of it on both databases."""
    pushed = _inline(report, far, calls=min(calls, 200))
    for kind, name in (("sqlite", "SQLite"), ("postgres", "PostgreSQL")):
        report.section(f"Hook, {name}")
        with database(kind, server) as url:
            idle = _series(url, far, calls=calls, busy=False)
        with database(kind, server) as url:
            busy = _series(url, far, calls=calls, busy=True)
        _tell(report, idle, busy, pushed)
        told = report.profiles.setdefault("Hook", {})
        told |= {f"{what}, {name}": shares for what, shares in idle.profiles.items()}


def _tell(report: Report, idle: Hooks, busy: Hooks, pushed: float) -> None:
    for what, times in (
        ("floor: INSERT and commit", idle.floor),
        ("a lead (1 row)", idle.lead),
        ("an invoice (2 rows)", idle.invoice),
    ):
        report.add(f"idle, {what}, p50", median(times.wall), "ms")
        report.add(f"idle, {what}, p99", quantile(times.wall, 0.99), "ms")
        report.add(f"idle, {what}, CPU", median(times.cpu), "ms")
    lead, floor = idle.lead, idle.floor
    report.add(
        "idle, lead p50 / floor p50",
        median(lead.wall) / median(floor.wall),
        "times",
        most=TIMES_FLOOR_P50,
    )
    report.add(
        "idle, lead p99 / floor p99",
        quantile(lead.wall, 0.99) / quantile(floor.wall, 0.99),
        "times",
        most=TIMES_FLOOR_P99,
    )
    report.add("idle, lead CPU / floor CPU", median(lead.cpu) / median(floor.cpu), "times")
    report.add("during a drain, records sent meanwhile", busy.rate, "1/s")
    report.add("during a drain, rows through memory", busy.spilled, f"of {3 * len(lead.wall)}")
    report.add("during a drain, floor p99", quantile(busy.floor.wall, 0.99), "ms")
    report.add("during a drain, lead p50", median(busy.lead.wall), "ms")
    report.add("during a drain, lead p99", quantile(busy.lead.wall, 0.99), "ms", most=BUSY_P99_MS)
    report.add(
        "during a drain, invoice p99", quantile(busy.invoice.wall, 0.99), "ms", most=BUSY_P99_MS
    )
    report.add(
        "inline push at 300 ms / lead",
        pushed / median(lead.wall),
        "times faster",
        least=TIMES_FASTER,
    )


def _inline(report: Report, far: FarSide, *, calls: int) -> float:
    """Push leads inline; gives the median milliseconds at a realistic latency."""
    report.section("Inline push with python-quickbooks")
    judge = Judge(far)
    found = 0.0
    for latency, how_many in ((0.0, calls), (REALISTIC, max(10, calls // 10))):
        far.latency(latency)
        times = Times()
        for number in range(how_many):
            lead = job(number, prefix=f"inline{latency:g}-").lead
            times.take(partial(judge.customer, lead))
        found = median(times.wall)
        report.add(f"a lead, QuickBooks at {latency * 1000:g} ms, p50", found, "ms")
        report.add(
            f"a lead, QuickBooks at {latency * 1000:g} ms, p99", quantile(times.wall, 0.99), "ms"
        )
    far.latency(0.0)
    return found


def _series(url: str, far: FarSide, *, calls: int, busy: bool) -> Hooks:
    """Call the floor, a lead's hook and an invoice's hook in turns.

    Args:
        url: of a fresh database.
        far: where it is sent to.
        calls: of each.
        busy: True to have the worker of this process drain meanwhile, at full speed.
    """
    shop = Shop(url, far, worker=Worker.EMBEDDED if busy else Worker.OFF)
    mine = org()
    shop.connect(mine)
    hook = shop.runtime.database.hook
    floor_table.create(hook)
    insert = floor_table.insert()
    found, began, spilled, sent = Hooks(), 0.0, 0, 0
    turn = threading.Event()
    prefix = secrets.token_hex(3)  # a name that QuickBooks has already would stop the drain
    if busy:
        for number in range(2 * calls):
            shop.lead(mine, job(number, prefix=f"{prefix}load").lead)
    for number in range(-WARM_UP, calls):
        if number == 0:
            found, began = Hooks(), time.monotonic()
            spilled, sent = shop.runtime.intake.spilled, shop.runtime.client.metrics.writes
        done = job(number, prefix=prefix)
        more = job(number, prefix=f"{prefix}i")
        text = snapshot.dump(done.lead)

        def bare(text: str = text) -> None:
            # During a drain it may find SQLite locked; what it took until then counts.
            with contextlib.suppress(OperationalError), hook.begin() as db:
                db.execute(insert, {"org_id": mine.id, "snapshot": text, "at": 1})

        turn.wait(PACE)
        found.floor.take(bare)
        turn.wait(PACE)
        found.lead.take(partial(shop.lead, mine, done.lead))
        turn.wait(PACE)
        found.invoice.take(partial(shop.invoice, mine, more.invoice))
    seconds = time.monotonic() - began
    sent = shop.runtime.client.metrics.writes - sent
    spilled = shop.runtime.intake.spilled - spilled
    if not busy:
        watched = [job(number, prefix=f"{prefix}w").lead for number in range(WATCHED)]
        floor = [partial(bare, snapshot.dump(one)) for one in watched]
        leads = [partial(shop.lead, mine, one) for one in watched]
        found = attrs.evolve(found, profiles={"floor": _watch(floor), "a lead": _watch(leads)})
    shop.close()
    if busy and sent < calls // 4:
        raise RuntimeError(f"only {sent} records were sent meanwhile: it was no drain")
    if not busy and spilled:
        raise RuntimeError(f"{spilled} rows went through memory on an idle machine")
    return attrs.evolve(found, rate=sent / seconds, spilled=spilled)


def _watch(calls: Sequence[Callable[[], None]]) -> dict[str, float]:
    """Make calls, and tell where their processor time goes."""
    shares = Shares()
    with shares.watching():
        for call in calls:
            call()
    return shares.by_library()
