from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

import attrs
import pytest

from dunahub_hookspecs import InvoiceStatus
from dunahub_qbo_plugin.model import RecordState
from dunahub_qbo_plugin.testing import make_invoice, make_lead, make_payment
from tests.acceptance.mortal_host import MortalHost
from tests.support.host import connection_of

if TYPE_CHECKING:
    from pathlib import Path

REALM = "9341454838118731"
LONG = 600.0


def bench_in(folder: Path, store_url: str | None) -> MortalHost:
    """Make a connected bench."""
    bench = MortalHost(folder, realms=(REALM,), database_url=store_url)
    bench.connect(REALM)
    return bench


@pytest.mark.parametrize("wait", [0.0, LONG], ids=["soon", "later"])
@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("request_number", [0, 1, 2])
def test_crash_at_every_request(
    tmp_path: Path, store_url: str | None, request_number: int, *, after: bool, wait: float
) -> None:
    """A worker that dies before or after any request leaves each record there once (rule 10)."""
    bench = bench_in(tmp_path, store_url)
    try:
        bench.save(make_lead(), make_invoice(), make_payment())
        bench.crash(connection_of(bench).id, request=request_number, after=after)
        bench.clock.advance(wait)
        bench.come_to_rest()
        books = bench.qbo.books_of(REALM).read()
        assert [len(books[kind]) for kind in ("customers", "invoices", "payments")] == [1, 1, 1]
        assert (books["totals"]["open"], books["totals"]["unapplied"]) == ("0.00", "0.00")
        assert bench.look("payment:pay-1").state is RecordState.SYNCED
    finally:
        bench.close()


@pytest.mark.parametrize("wait", [0.0, LONG], ids=["soon", "later"])
@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_change_after_a_crash(
    tmp_path: Path, store_url: str | None, *, after: bool, wait: float
) -> None:
    """A record changed after its worker died is there once, as it is now (rules 4 and 10)."""
    bench = bench_in(tmp_path, store_url)
    try:
        bench.save(make_lead())
        bench.come_to_rest()
        bench.save(make_invoice())
        bench.crash(connection_of(bench).id, request=0, after=after)
        line = attrs.evolve(make_invoice().lines[0], quantity=Decimal(3), amount=Decimal("150.00"))
        bench.clock.advance(wait)
        bench.save(make_invoice(lines=[line], number="D-new"))
        bench.come_to_rest()
        billed = [(one["total"], one["number"]) for one in bench.qbo.books_of(REALM).invoices]
        assert billed == [("150.00", "D-new")]
    finally:
        bench.close()


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_void_after_a_crash(tmp_path: Path, store_url: str | None, *, after: bool) -> None:
    """An invoice that is voided after its worker died is void, or was never there (rule 4)."""
    bench = bench_in(tmp_path, store_url)
    try:
        bench.save(make_lead())
        bench.come_to_rest()
        bench.save(make_invoice())
        bench.crash(connection_of(bench).id, request=0, after=after)
        bench.save(make_invoice(status=InvoiceStatus.VOID))
        bench.come_to_rest()
        books = bench.qbo.books_of(REALM).read()
        assert [entry["voided"] for entry in books["invoices"]] == [True]
        assert books["totals"]["invoiced"] == "0.00"
    finally:
        bench.close()
