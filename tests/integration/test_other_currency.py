"""Books that are not kept in US dollars are never written to, and that is said (rule 41)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dunahub_qbo_plugin.model import RecordState
from dunahub_qbo_plugin.testing import ORG, make_invoice, make_payment
from tests.support.faulty import FaultyHost
from tests.support.host import connection_of, make_host

if TYPE_CHECKING:
    from pathlib import Path


def test_a_company_with_other_books_is_not_connected(tmp_path: Path) -> None:
    """The page says why, nothing is stored, and the access is given back."""
    host = make_host(tmp_path)
    settings = host.qbo.company().books.settings
    settings.home_currency = "CAD"
    came_to = host.connect()
    with host.runtime.database.read.connect() as db:
        assert host.runtime.connections.current(db, ORG.id) is None
    assert "does not keep its books in US dollars" in host.page(qbo=came_to)
    asked = [one.path for one in host.qbo.emulator.world.journal.entries()]
    assert asked[-1].endswith("/revoke")
    settings.home_currency = "USD"
    assert host.connect() == "connected"
    host.close()


def test_where_it_is_found_later_everything_rests(tmp_path: Path) -> None:
    """Settings that could not be read at connect: nothing is written, and the page says why."""
    host = FaultyHost(tmp_path)
    host.qbo.company().books.settings.home_currency = "CAD"
    with host.runtime.database.write.begin() as db:
        db.exec_driver_sql("UPDATE qbo_connection SET profile = NULL, profile_at = NULL")
    before = host.mark()
    host.save(make_invoice(), make_payment())
    host.pass_time(3)
    assert not [one for one in host.requests(before) if one.write]
    assert host.look("invoice:inv-1").state is RecordState.WAITING
    assert connection_of(host).paused_by.code == "home-currency"
    assert "These QuickBooks books are not kept in US dollars" in host.page()
    host.close()
