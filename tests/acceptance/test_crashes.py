from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

import attrs
import pytest

from dunahub_hookspecs import InvoiceStatus
from dunahub_qbo_plugin.model import Kind, RecordState
from tests.acceptance.bench import Bench
from tests.support.office import invoice, lead, payment

if TYPE_CHECKING:
    from pathlib import Path

REALM = "9341454838118731"
LONG = 600.0


def bench_in(folder: Path, store_url: str | None) -> Bench:
    """Make a connected bench."""
    bench = Bench(folder, realms=(REALM,), database_url=store_url)
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
        bench.save(lead(), invoice(), payment())
        bench.crash(bench.connection().id, request=request_number, after=after)
        bench.time.advance(wait)
        bench.settle()
        books = bench.books(REALM)
        assert [len(books[kind]) for kind in ("customers", "invoices", "payments")] == [1, 1, 1]
        assert (books["totals"]["open"], books["totals"]["unapplied"]) == ("0.00", "0.00")
        assert bench.view(Kind.PAYMENT, "pay-1").state is RecordState.SYNCED
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
        bench.save(lead())
        bench.settle()
        bench.save(invoice())
        bench.crash(bench.connection().id, request=0, after=after)
        line = attrs.evolve(invoice().lines[0], quantity=Decimal(3), amount=Decimal("150.00"))
        bench.time.advance(wait)
        bench.save(invoice(lines=[line], number="D-new"))
        bench.settle()
        billed = [(one["total"], one["number"]) for one in bench.books(REALM)["invoices"]]
        assert billed == [("150.00", "D-new")]
    finally:
        bench.close()


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_void_after_a_crash(tmp_path: Path, store_url: str | None, *, after: bool) -> None:
    """An invoice that is voided after its worker died is void, or was never there (rule 4)."""
    bench = bench_in(tmp_path, store_url)
    try:
        bench.save(lead())
        bench.settle()
        bench.save(invoice())
        bench.crash(bench.connection().id, request=0, after=after)
        bench.save(invoice(status=InvoiceStatus.VOID))
        bench.settle()
        books = bench.books(REALM)
        assert [entry["voided"] for entry in books["invoices"]] == [True]
        assert books["totals"]["invoiced"] == "0.00"
    finally:
        bench.close()
