"""What a host that already has sqlmodel takes on with the plugin: time and memory."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from typing import TYPE_CHECKING

from tests.benchmarks.report import median

if TYPE_CHECKING:
    from tests.benchmarks.report import Report

RUNS = 5
IMPORT_MS = 150.0

PROBE = """
import json, os, sys, threading, time
import sqlmodel, pluggy

def state():
    pages = int(open("/proc/self/statm").read().split()[1])
    files = {os.readlink(f"/proc/self/fd/{fd}") for fd in os.listdir("/proc/self/fd")
             if os.path.exists(f"/proc/self/fd/{fd}")}
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20, threading.active_count(), files

before, cpu, began = state(), time.process_time(), time.perf_counter()
from dunahub_hookspecs.host import create_plugin_manager
manager = create_plugin_manager()
wall, cpu = time.perf_counter() - began, time.process_time() - cpu
loaded = state()
assert manager.list_name_plugin(), "the plugin is not installed"
from pathlib import Path
from dunahub_hookspecs import Host, Lead, Organization, Region
from dunahub_hookspecs.host import notify
cpu2 = time.process_time()
notify(manager, "on_startup", host=Host(name="bench", data_dir=Path(sys.argv[1])))
notify(manager, "on_lead_saved", org=Organization(id="a", name="A", region=Region.US),
       lead=Lead(id="1", name="Sarah"), session=None)
first = time.process_time() - cpu2
time.sleep(0.5)
used = state()
notify(manager, "on_shutdown")
print(json.dumps({
    "wall": wall * 1000, "cpu": cpu * 1000, "first": first * 1000, "memory": loaded[0] - before[0],
    "used": used[0] - before[0], "threads": loaded[1] - before[1],
    "files": len(loaded[2] - before[2]),
}))
"""


def measure(report: Report) -> None:
    """Start a host a few times; the middle of the runs is told."""
    report.section("Added to a host that has sqlmodel")
    runs = [_probe() for _ in range(RUNS + 1)][1:]

    def middle(name: str) -> float:
        return median([run[name] for run in runs])

    report.add("time to load the plugin", middle("wall"), "ms", most=IMPORT_MS)
    report.add("CPU to load the plugin", middle("cpu"), "ms")
    report.add("CPU of the first use", middle("first"), "ms", note="start-up and a hook")
    report.add("memory once loaded", middle("memory"), "MB")
    report.add("memory once used", middle("used"), "MB", note="start-up, migration and a hook")
    report.add("threads before the first use", middle("threads"), "", most=0)
    report.add("files and connections before the first use", middle("files"), "", most=0)


def _probe() -> dict[str, float]:
    with tempfile.TemporaryDirectory(prefix="qbo-bench-") as folder:
        environ = {name: value for name, value in os.environ.items() if "DUNAHUB" not in name}
        done = subprocess.run(  # noqa: S603  our own text
            [sys.executable, "-c", PROBE, folder],
            capture_output=True,
            check=True,
            env=environ,
            text=True,
        )
    told: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return told
