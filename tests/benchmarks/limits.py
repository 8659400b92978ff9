"""One company at QuickBooks' limit, on a clock of its own: minutes of it pass in seconds."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from dunahub_qbo_plugin.testing import make_invoice, make_lead, make_payment
from tests.support.host import CONTRACTOR, make_host

if TYPE_CHECKING:
    from tests.benchmarks.report import Report

SHARE = 0.95
PER_MINUTE = 500
TOO_MANY = 429


def measure(report: Report, *, minutes: int) -> None:
    """Send more than fits into so many minutes, and count what QuickBooks saw of each."""
    report.section("One company at the limit")
    with tempfile.TemporaryDirectory(prefix="qbo-bench-") as folder:
        host = make_host(Path(folder))
        host.connect()
        client = make_lead()
        host.save(client)
        host.send()
        wanted = PER_MINUTE * minutes + 200
        for number in range(wanted // 2):
            bill = make_invoice(f"i{number}", number=f"L{number}", lead=client)
            host.save(
                bill, make_payment(id=f"p{number}", invoice_id=bill.id, invoice_number=bill.number)
            )
        host.clock.sleep(120)
        host.qbo.emulator.world.journal.clear()
        began = host.clock.now()
        while (host.clock.now() - began).total_seconds() < minutes * 60:
            if not host.send():
                host.clock.sleep(1)
        entries = [
            entry
            for entry in host.qbo.emulator.world.journal.entries()
            if entry.kind == "api"
            and entry.realm == CONTRACTOR
            and (entry.at - began).total_seconds() < minutes * 60
        ]
        host.close()
    refused = sum(entry.status == TOO_MANY for entry in entries)
    most = max(entry.under_way for entry in entries)
    simulated = "simulated time, both sides in one process"
    report.add(
        f"share of 500 requests a minute, over {minutes} minutes",
        len(entries) / minutes / PER_MINUTE,
        "",
        least=SHARE,
        note=simulated,
    )
    report.add("answers 429", refused, "", most=0, note=simulated)
    report.add("most requests at once", most, "", most=10)
