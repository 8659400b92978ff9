"""`after-restore`, as an operator runs it when a backup was put back."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from dunahub_qbo_plugin.model import Kind, RecordState
from tests.support.cli import run, variables
from tests.support.office import CONTRACTOR, Office, invoice, lead, payment

if TYPE_CHECKING:
    from pathlib import Path


def test_nothing_is_doubled_after_a_restore(tmp_path: Path) -> None:
    """What was sent after the backup is found and linked, though keys are forgotten (rule 10)."""
    office = Office(tmp_path)
    office.connect()
    office.emulator.world.companies[CONTRACTOR].books.settings.requestid_retention = 1
    office.runtime.database.close()
    shutil.copy(tmp_path / "qbo.sqlite3", tmp_path / "backup.sqlite3")
    office.save(lead(), invoice(), payment())
    office.drain()
    office.close()
    for left in tmp_path.glob("qbo.sqlite3*"):
        left.unlink()
    shutil.copy(tmp_path / "backup.sqlite3", tmp_path / "qbo.sqlite3")
    assert (
        run("after-restore", "--days", "3650", folder=tmp_path, env=variables(office.config)).code
        != 0
    )
    told = run("after-restore", "--json", folder=tmp_path, env=variables(office.config))
    assert (told.code, told.json["companies"]) == (0, 1)
    again = Office(tmp_path, clock=office.clock, emulator=office.emulator, key=office.key)
    again.save(lead(), invoice(), payment())
    again.drain()
    again.drain_until_quiet()
    for kind, local_id in zip(Kind, ("lead-1", "inv-1", "pay-1"), strict=True):
        assert again.view(kind, local_id).state is RecordState.SYNCED
    assert again.books()["totals"]["invoices"] == 1
    assert again.books()["totals"]["payments"] == 1
    assert again.books()["doubles"] == []
    again.close()
