"""`dunahub-qbo review` and `export` on a real database and an emulator on a port."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING

from dunahub_qbo_plugin.emulator.server.serve import serve
from dunahub_qbo_plugin.testing import ORG, PERSON, make_invoice, make_lead, make_payment
from tests.support.cli import run, variables
from tests.support.host import live_qbo, make_host

if TYPE_CHECKING:
    from pathlib import Path


def test_export_writes_what_was_not_sent_and_the_months(tmp_path: Path) -> None:
    """The files hold what a disconnect left behind, and what was sent by month (rule 18)."""
    host = make_host(tmp_path)
    host.connect()
    host.save(make_invoice("inv-1"), make_payment())
    host.send()
    host.runtime.panel.connection_service.disconnect(ORG, PERSON)
    host.save(make_lead("lead-9"), make_invoice("inv-9", number="1009", lead=make_lead("lead-9")))
    folder = tmp_path / "files"
    ran = run(
        *("export", "--org", "acme", "--folder", str(folder), "--json"),
        folder=tmp_path,
        env=variables(host.config),
    )
    assert ran.code == 0, ran
    assert "1 invoice read." in ran.err
    assert sorted(path.name for path in folder.iterdir()) == sorted(ran.json)
    with (folder / "not-sent-invoices.csv").open(encoding="utf-8-sig", newline="") as file:
        assert [row["*InvoiceNo"] for row in csv.DictReader(file)] == ["1009"]
    unknown = run("export", "--org", "nobody", folder=tmp_path, env=variables(host.config))
    assert unknown.code == 1
    host.close()


def test_review_tells_what_differs_and_what_it_cost(tmp_path: Path) -> None:
    """An accountant's edit is found, with the metered reads; nothing is changed (rule 29)."""
    host = make_host(tmp_path, qbo=live_qbo())
    host.connect()
    host.save(make_invoice("inv-1"))
    host.send()
    with serve(host.qbo.emulator.world) as running:
        there = variables(host.config, running.url)
        same = run("review", "--org", "acme", folder=tmp_path, env=there)
        assert same.code == 0, same
        assert "0 differences" in same.err
        known = host.look("customer:lead-1").qbo_id
        assert known is not None
        accountant = host.qbo.company().books
        accountant.edit("Customer", known, {"DisplayName": "S. Mitchell"})
        found = run("review", "--org", "acme", "--json", folder=tmp_path, env=there)
        assert found.code == 1, found
        (one,) = found.json["differences"]
        assert (one["finding"], one["key"]) == ("edited", "customer:lead-1")
        assert found.json["reads"] == 2
        assert "2 of 2 compared." in found.err
    host.runtime.panel.connection_service.disconnect(ORG, PERSON)
    away = run("review", "--org", "acme", folder=tmp_path, env=variables(host.config))
    assert away.code == 1
    assert away.err.count("\n") == 1
    host.close()
