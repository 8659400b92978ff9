"""`dunahub-qbo review` and `export` on a real database and an emulator on a port."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING

from dunahub_qbo_plugin.clock import SystemClock
from dunahub_qbo_plugin.emulator.server.serve import serve
from dunahub_qbo_plugin.model import Kind
from tests.support.cli import run, variables
from tests.support.office import ACME, CONTRACTOR, DANA, Office, invoice, lead, payment

if TYPE_CHECKING:
    from pathlib import Path


def test_export_writes_what_was_not_sent_and_the_months(tmp_path: Path) -> None:
    """The files hold what a disconnect left behind, and what was sent by month (rule 18)."""
    office = Office(tmp_path)
    office.connect()
    office.save(invoice("inv-1"), payment("pay-1"))
    office.drain()
    office.runtime.panel.connection_service.disconnect(ACME, DANA)
    office.save(lead("lead-9"), invoice("inv-9", number="1009", lead=lead("lead-9")))
    folder = tmp_path / "files"
    ran = run(
        *("export", "--org", "acme", "--folder", str(folder), "--json"),
        folder=tmp_path,
        env=variables(office.config),
    )
    assert ran.code == 0, ran
    assert "1 invoice read." in ran.err
    assert sorted(path.name for path in folder.iterdir()) == sorted(ran.json)
    with (folder / "not-sent-invoices.csv").open(encoding="utf-8-sig", newline="") as file:
        assert [row["*InvoiceNo"] for row in csv.DictReader(file)] == ["1009"]
    unknown = run("export", "--org", "nobody", folder=tmp_path, env=variables(office.config))
    assert unknown.code == 1
    office.close()


def test_review_tells_what_differs_and_what_it_cost(tmp_path: Path) -> None:
    """An accountant's edit is found, with the metered reads; nothing is changed (rule 29)."""
    office = Office(tmp_path, clock=SystemClock())
    office.connect()
    office.save(invoice("inv-1"))
    office.drain()
    with serve(office.emulator.world) as running:
        url = running.url
        there = variables(office.config) | {
            "DUNAHUB_QBO_API_URL": url,
            "DUNAHUB_QBO_DISCOVERY_URL": f"{url}/.well-known/openid_configuration",
        }
        same = run("review", "--org", "acme", folder=tmp_path, env=there)
        assert same.code == 0, same
        assert "0 differences" in same.err
        known = office.view(Kind.CUSTOMER, "lead-1").qbo_id
        assert known is not None
        accountant = office.emulator.world.companies[CONTRACTOR].books
        accountant.edit("Customer", known, {"DisplayName": "S. Jones"})
        found = run("review", "--org", "acme", "--json", folder=tmp_path, env=there)
        assert found.code == 1, found
        (one,) = found.json["differences"]
        assert (one["finding"], one["key"]) == ("edited", "customer:lead-1")
        assert found.json["reads"] == 2
        assert "2 of 2 compared." in found.err
    office.runtime.panel.connection_service.disconnect(ACME, DANA)
    away = run("review", "--org", "acme", folder=tmp_path, env=variables(office.config))
    assert away.code == 1
    assert away.err.count("\n") == 1
    office.close()
