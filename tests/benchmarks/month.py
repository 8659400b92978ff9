"""A month of calm companies on a clock of its own: how many metered reads each of them costs."""

from __future__ import annotations

import tempfile
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from dunahub_qbo_plugin.emulator import SEEDS
from dunahub_qbo_plugin.testing import make_lead, make_org
from tests.support.host import make_host

if TYPE_CHECKING:
    from dunahub_qbo_plugin.emulator import World
    from tests.benchmarks.report import Report

DAYS = 31
DAY = 86400
MOST = 10
BEGINS = datetime(2026, 3, 1, 9, tzinfo=UTC)
"""The first day of a long month, so that a whole month is that of connecting."""


def measure(report: Report, *, companies: int) -> None:
    """Connect so many companies, save a lead in each every day, and count what Intuit meters."""
    report.section("A month of calm companies")
    with tempfile.TemporaryDirectory(prefix="qbo-bench-") as folder:
        host = make_host(Path(folder), start=BEGINS)
        world = host.qbo.emulator.world
        _, name, fill = SEEDS["contractor"]
        orgs, metered = [], Counter[str]()
        for number in range(companies):
            realm = str(9_200_000_000_000_000 + number)
            world.add_company(realm_id=realm, name=f"{name} {number}", seed=fill)
            org = make_org(f"org-{number}")
            host.connect(realm, org=org)
            orgs.append(org)
            _count(world, metered)
        sent = 0
        for day in range(DAYS):
            for org in orgs:
                host.save(make_lead(f"lead-{day}", name=f"Ana Ruiz {day}", email=""), org=org)
            sent += host.send()
            _count(world, metered)
            host.clock.advance(DAY)
        host.close()
    simulated = f"{companies:,} companies, simulated time, both sides in one process"
    report.add("records that were sent", sent, "", least=companies * DAYS, note=simulated)
    report.add("most metered reads of a company", max(metered.values()), "", most=MOST)
    report.add("metered reads of a company, mean", sum(metered.values()) / companies, "")


def _count(world: World, metered: Counter[str]) -> None:
    """Add what the emulator's journal has of metered reads, by company, before it is full."""
    for entry in world.journal.entries():
        metered[entry.realm] += entry.metered
    world.journal.clear()
