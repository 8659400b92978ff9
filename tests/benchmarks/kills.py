"""A worker killed with -9 in mid-drain: when its companies go on, and what the others notice."""

from __future__ import annotations

import itertools
import tempfile
import threading
import time
from collections import defaultdict
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import attrs
import sqlalchemy as sa

from dunahub_qbo_plugin.config import Worker
from tests.benchmarks.shop import Shop, database, job, org
from tests.benchmarks.workers import HOLD_MS, await_workers, ring, worker_process

if TYPE_CHECKING:
    from tests.benchmarks.far_side import FarSide
    from tests.benchmarks.report import Report

WORKERS = 2
LATENCY = 0.2
"""Seconds that QuickBooks takes, so that the kill comes in mid-drain for certain."""
BEFORE = 3.0
"""Seconds of work before the kill."""
LONGEST = 120.0
TAKEN_OVER_S = 30.0
PAUSE_S = 1.0
"""Seconds between two records of a company that is not delayed, at most."""


@attrs.frozen(kw_only=True)
class Struck:
    """What became of the companies.

    Attributes:
        went_on: seconds until the last of the dead worker's companies had its next record sent.
        pause: longest seconds between two records of any other company, from the kill on.
        lost, twice: records that are not in the books, and those that are there again.
    """

    went_on: float
    pause: float
    lost: int
    twice: int


def measure(report: Report, far: FarSide, server: str, *, companies: int, each: int) -> None:
    """Kill one of two workers, on both engines."""
    report.section("A worker killed with -9 in mid-drain")
    realms = [f"78{number:014}" for number in range(companies)]
    for realm in realms:
        far.company(realm)
    for kind, worker in (("sqlite", Worker.EMBEDDED), ("postgres", Worker.PROCRASTINATE)):
        with database(kind, server) as url:
            found = _run(far, url, worker, realms, each=each)
        name = f"{worker.value} on {kind}"
        report.add(f"{name}, its companies go on after", found.went_on, "s", most=TAKEN_OVER_S)
        report.add(f"{name}, longest pause of another company", found.pause, "s", most=PAUSE_S)
        report.add(f"{name}, records lost", found.lost, "", most=0)
        report.add(f"{name}, records there twice", found.twice, "", most=0)


def _run(far: FarSide, url: str, worker: Worker, realms: list[str], *, each: int) -> Struck:
    shop = Shop(url, far)
    for number, realm in enumerate(realms):
        shop.connect(org(number), realm)
    shop.hold(until=int(time.time() * 1000) + HOLD_MS)
    prefix = f"k{worker.value[0]}"
    for number in range(len(realms)):
        for turn in range(each):
            shop.lead(org(number), job(turn, prefix=f"{prefix}{number}-").lead)
    far.forget()
    far.latency(LATENCY)
    wait = threading.Event().wait
    with ExitStack() as stack, tempfile.TemporaryDirectory(prefix="qbo-bench-") as folder:
        workers = {}
        for number in range(WORKERS):
            log = Path(folder) / f"{number}.log"
            process = stack.enter_context(worker_process(shop.environ(worker), log))
            workers[process.pid] = process
        await_workers(shop, worker, sorted(Path(folder).glob("*.log")))
        shop.hold(until=0)
        ring(shop, url, worker)
        wait(BEFORE)
        # The one with more to lose.
        dies, its = max(_holders(shop).items(), key=lambda one: len(one[1]))
        workers[dies].kill()
        struck = time.time()
        wanted = each * len(realms)
        while shop.due() and time.time() - struck < LONGEST:
            wait(0.2)
    far.latency(0.0)
    shop.close()
    times: defaultdict[str, list[float]] = defaultdict(list)
    for at, realm in _sent(far):
        times[realm].append(at)
    names = {
        realm: [name for name in far.customers(realm) if f" lead-{prefix}" in name]
        for realm in realms
    }
    theirs = {realms[number] for number in its}
    return Struck(
        # What it had under way when it died may arrive for as long as an answer takes.
        went_on=max(
            min((at for at in times[realm] if at > struck + LATENCY), default=struck + LONGEST)
            for realm in theirs
        )
        - struck,
        pause=max(_longest_pause(times[realm], struck) for realm in realms if realm not in theirs),
        lost=wanted - sum(len(set(found)) for found in names.values()),
        twice=sum(len(found) - len(set(found)) for found in names.values()),
    )


def _sent(far: FarSide) -> list[tuple[float, str]]:
    return [(one.at, one.realm) for one in far.requests() if one.write and one.status == 200]


def _longest_pause(times: list[float], since: float) -> float:
    """Return the longest time between two records, of which the later one came after a moment."""
    ordered = sorted(times)
    pairs = itertools.pairwise(ordered)
    return max((later - earlier for earlier, later in pairs if later > since), default=0.0)


def _holders(shop: Shop) -> dict[int, list[int]]:
    """Tell which companies each worker drains: process to numbers."""
    asked = sa.text("SELECT org_id, lease_owner FROM qbo_connection WHERE lease_owner <> ''")
    found: dict[int, list[int]] = {}
    with shop.runtime.database.read.connect() as db:
        for org_id, owner in db.execute(asked):
            found.setdefault(int(owner.split(".")[-3]), []).append(int(org_id.split("-")[1]))
    return found
