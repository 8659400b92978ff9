"""Measures everything in one run, and writes README.md: ``uv run python -m tests.benchmarks``."""

from __future__ import annotations

import argparse
import logging
import sys
import time
import traceback
from pathlib import Path

from tests.benchmarks import drains, footprint, hooks, kills, limits, month, rows, wakeups, workers
from tests.benchmarks.far_side import FarSide, far_side
from tests.benchmarks.report import Report
from tests.support.postgres import postgres_server

SECTIONS = (
    "footprint",
    "hooks",
    "wakeups",
    "drains",
    "limits",
    "month",
    "kills",
    "workers",
    "rows",
)


def main() -> None:
    """Read the command line, measure, and print."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer calls, smaller tables")
    parser.add_argument("--json", type=Path, help="write the JSON there instead of printing it")
    parser.add_argument("--only", nargs="+", choices=SECTIONS, default=SECTIONS)
    options = parser.parse_args()
    # Refusals that a busy database gives are part of what is measured.
    logging.getLogger("dunahub_qbo_plugin").setLevel(logging.ERROR)
    report = Report()
    with postgres_server(durable=True) as server, far_side() as far:
        for section in options.only:
            began = time.monotonic()
            try:
                _measure(section, report, far, server, quick=options.quick)
            except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001  the other parts count
                traceback.print_exc()
                report.notes.append(f"The part “{section}” broke off: {error or 'interrupted'}")
            report.seconds[section] = time.monotonic() - began
    report.notes += [
        "PostgreSQL runs on the same machine with fsync on; SQLite with synchronous=FULL.",
        "But for “One company at the limit” the plugin's own limits of requests are lifted.",
    ]
    sys.stdout.write(report.table() + "\n\n")
    if options.json is not None:
        options.json.write_text(report.as_json() + "\n", encoding="utf-8")
    else:
        sys.stdout.write(report.as_json() + "\n")
    if not options.quick and options.only == SECTIONS:
        report.progress(f"written: {report.write('uv run python -m tests.benchmarks')}")


def _measure(section: str, report: Report, far: FarSide, server: str, *, quick: bool) -> None:
    match section:
        case "footprint":
            footprint.measure(report)
        case "hooks":
            hooks.measure(report, far, server, calls=300 if quick else 2000)
        case "drains":
            drains.measure(report, far, server, jobs=60 if quick else 300)
        case "limits":
            limits.measure(report, minutes=3 if quick else 5)
        case "month":
            month.measure(report, companies=50 if quick else 1_000)
        case "wakeups":
            wakeups.measure(report, far, server, hooks=30 if quick else 200)
        case "kills":
            kills.measure(report, far, server, companies=14, each=20 if quick else 60)
        case "rows":
            sizes = (1_000, 100_000) if quick else (1_000, 100_000, 1_000_000, 5_000_000)
            rows.measure(report, far, server, sizes=sizes, kinds=("sqlite", "postgres"))
        case "workers":
            companies, each = (40, 5) if quick else (200, 10)
            workers.measure(report, far, server, companies=companies, each=each)


if __name__ == "__main__":
    main()
