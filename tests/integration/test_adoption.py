"""What is found in QuickBooks is never taken for two records of ours (rule 10)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dunahub_qbo_plugin.emulator.trouble import TroubleRule
from dunahub_qbo_plugin.model import Kind, Shown
from tests.support.office import CONTRACTOR, Office, invoice, lead

if TYPE_CHECKING:
    from pathlib import Path


def test_twins_each_get_their_own_invoice(tmp_path: Path) -> None:
    """A lost answer for the second of two like invoices does not adopt the first one's."""
    office = Office(tmp_path)
    office.connect()
    books = office.emulator.world.companies[CONTRACTOR].books
    books.settings.requestid_retention = 60
    office.save(lead(), invoice("one", number="77"))
    office.drain()
    office.trouble(TroubleRule(kind="refuse", path="/invoice", times=1))
    office.trouble(TroubleRule(kind="fail", path="/invoice", status=503, times=4))
    office.save(invoice("two", number="77"))
    office.drain()
    office.clock.sleep(600)
    office.drain_until_quiet()
    first, second = (office.view(Kind.INVOICE, one) for one in ("one", "two"))
    assert (first.shown, second.shown) == (Shown.SYNCED, Shown.SYNCED)
    assert first.qbo_id != second.qbo_id
    assert len(office.books()["invoices"]) == 2
    office.close()
