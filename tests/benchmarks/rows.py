"""What a record costs when the table is large: processor time of hook and drain, by rows."""

from __future__ import annotations

import time
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import attrs
import sqlalchemy as sa

from tests.benchmarks.report import median
from tests.benchmarks.shop import Shop, database, job, org

if TYPE_CHECKING:
    from tests.benchmarks.far_side import FarSide
    from tests.benchmarks.report import Report

AT_MOST = 1.1
ROUNDS = 9
NUMBERS = {
    "sqlite": ("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < :rows) "),
    "postgresql": "WITH n(i) AS (SELECT generate_series(1, CAST(:rows AS integer))) ",
}


@attrs.frozen(kw_only=True)
class Cost:
    """Milliseconds of processor time for a record.

    Attributes:
        hook, drain: of the plugin's process.
        server: of PostgreSQL's processes that work for it; 0 for SQLite, which has none.
    """

    hook: float
    drain: float
    server: float

    @property
    def all(self) -> float:
        """All of it."""
        return self.hook + self.drain + self.server


def measure(
    report: Report, far: FarSide, server: str, *, sizes: tuple[int, ...], kinds: tuple[str, ...]
) -> None:
    """Fill databases, then work in them in turns, so that all see the same machine."""
    for kind in kinds:
        report.section(f"Cost of a record by rows, {kind}")
        with ExitStack() as stack:
            shops = {}
            for size in sizes:
                report.progress(f"  filling {size:,} rows")
                url = stack.enter_context(database(kind, server))
                shop = Shop(url, far)
                stack.callback(shop.close)
                company = shop.connect(org())
                _fill(shop, company, size)
                _cost(shop, company, f"f{kind[0]}{size}", jobs=20)
                shops[size] = (shop, company)
            costs: dict[int, list[Cost]] = {size: [] for size in sizes}
            for turn in range(ROUNDS):
                for size, (shop, company) in shops.items():
                    costs[size].append(_cost(shop, company, f"{kind[0]}{size}x{turn}", jobs=40))
        for size in sizes:
            taken = costs[size]
            report.add(f"{size:,} rows, hook CPU", median([one.hook for one in taken]), "ms")
            report.add(f"{size:,} rows, drain CPU", median([one.drain for one in taken]), "ms")
            if kind == "postgres":
                served = median([one.server for one in taken])
                report.add(f"{size:,} rows, PostgreSQL's CPU", served, "ms")
        low, high = min(sizes), max(sizes)
        pairs = zip(costs[high], costs[low], strict=True)
        ratio = median([large.all / small.all for large, small in pairs])
        report.add(f"{high:,} rows / {low:,} rows, all of it", ratio, "times", most=AT_MOST)


def _cost(shop: Shop, company: str, prefix: str, *, jobs: int) -> Cost:
    """Save so many leads, invoices and payments, and send them."""
    before = backends(shop)
    done = [job(number, prefix=prefix) for number in range(jobs)]
    cpu = time.process_time()
    for one in done:
        shop.lead(org(), one.lead)
        shop.invoice(org(), one.invoice)
        shop.payment(org(), one.payment)
    hooked = time.process_time() - cpu
    cpu = time.process_time()
    while shop.due():
        shop.runtime.drainer.drain(company)
    drained = time.process_time() - cpu
    server = sum(taken - before.get(pid, 0.0) for pid, taken in backends(shop).items())
    shop.runtime.database.checkpoint()
    each = 1000 / (3 * jobs)
    return Cost(hook=hooked * each, drain=drained * each, server=server * each)


def backends(shop: Shop) -> dict[int, float]:
    """Return the processor seconds of PostgreSQL's processes that work for us, where they are ours.

    Linux tells nanoseconds of a process' time on a processor.
    """
    if shop.runtime.database.is_sqlite:
        return {}
    asked = sa.text("SELECT pid FROM pg_stat_activity WHERE datname = current_database()")
    with shop.runtime.database.read.connect() as db:
        pids = [int(pid) for pid in db.execute(asked).scalars()]
    files = {pid: Path(f"/proc/{pid}/schedstat") for pid in pids}
    return {
        pid: int(file.read_text("utf-8").split()[0]) / 1e9
        for pid, file in files.items()
        if file.exists()
    }


def _fill(shop: Shop, company: str, rows: int) -> None:
    """Put sent invoices there, each with its history, as the drain leaves them."""
    with shop.runtime.database.write.begin() as db:
        numbers = NUMBERS[db.dialect.name]
        db.execute(
            sa.text(
                # Constants of this module; what is given are parameters.
                "INSERT INTO qbo_record (org_id, company_id, kind, local_id, label, amount,"  # noqa: S608
                " document_date, parent, snapshot, fingerprint, version, connection_period,"
                " saved_at, created_at, updated_at, blocked, attempts, request_seq, qbo_id,"
                " sync_token, qbo_total, qbo_number, synced_fingerprint, synced_total,"
                " synced_at, sent_fields) "
                + numbers
                + "SELECT 'org-0', :company, 'invoice', 'old-' || i, 'D' || i, 10000,"
                " '2026-02-0' || (1 + i % 9), 'oldlead-' || (i / 3), :snapshot, 'f' || i, 1, 1,"
                " 1700000000000 + i, 1700000000000 + i, 1700000000000 + i, :no, 0, 1,"
                " 'Q' || i, '0', 10000, 'D' || i, 'f' || i, 10000, 1700000000000 + i,"
                " 'DocNumber Line TxnDate' FROM n"
            ),
            {"company": company, "rows": rows, "snapshot": "x" * 400, "no": False},
        )
        db.execute(
            sa.text(
                "INSERT INTO qbo_history (company_id, record_id, at, event, operation, qbo_id) "
                "SELECT company_id, id, synced_at, 'sent', 'create', qbo_id FROM qbo_record"
            )
        )
    with shop.runtime.database.write.connect().execution_options(
        isolation_level="AUTOCOMMIT"
    ) as db:
        db.exec_driver_sql("ANALYZE")
    shop.runtime.database.checkpoint()
