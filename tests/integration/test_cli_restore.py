"""`after-restore`, as an operator runs it when a backup was put back."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from dunahub_qbo_plugin.model import Kind, RecordState
from dunahub_qbo_plugin.testing import make_invoice, make_lead, make_payment
from tests.support.cli import run, variables
from tests.support.host import make_host

if TYPE_CHECKING:
    from pathlib import Path


def test_nothing_is_doubled_after_a_restore(tmp_path: Path) -> None:
    """What was sent after the backup is found and linked, though keys are forgotten (rule 10)."""
    host = make_host(tmp_path)
    host.connect()
    host.qbo.company().books.settings.requestid_retention = 1
    host.runtime.database.close()
    shutil.copy(tmp_path / "dunahub_qbo.sqlite3", tmp_path / "backup.sqlite3")
    host.save(make_lead(), make_invoice(), make_payment())
    host.send()
    host.close()
    for left in tmp_path.glob("dunahub_qbo.sqlite3*"):
        left.unlink()
    shutil.copy(tmp_path / "backup.sqlite3", tmp_path / "dunahub_qbo.sqlite3")
    assert (
        run("after-restore", "--days", "3650", folder=tmp_path, env=variables(host.config)).code
        != 0
    )
    told = run("after-restore", "--json", folder=tmp_path, env=variables(host.config))
    assert (told.code, told.json["companies"]) == (0, 1)
    again = make_host(tmp_path, qbo=host.qbo, fernet_keys=host.config.fernet_keys)
    again.save(make_lead(), make_invoice(), make_payment())
    again.send()
    again.settle()
    for kind, local_id in zip(Kind, ("lead-1", "inv-1", "pay-1"), strict=True):
        assert again.look(f"{kind}:{local_id}").state is RecordState.SYNCED
    assert again.books.totals["invoices"] == 1
    assert again.books.totals["payments"] == 1
    assert again.books.doubles == []
    again.close()
