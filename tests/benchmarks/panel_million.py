"""How long the settings page takes for an organization with a million records.

``uv run python tests/benchmarks/panel_million.py`` builds such a database (10,000 records need
attention, some wait, some were left behind) in a temporary folder, or keeps it in the folder that
``--keep`` names and takes it from there the next time. It prints the lowest and the median time of
each page, the time of each statement, and the plans.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs
import sqlalchemy as sa

from dunahub_hookspecs import RecordKind, SettingsRequest
from dunahub_qbo_plugin.model import Kind
from dunahub_qbo_plugin.model.snapshot import dump, fingerprint
from dunahub_qbo_plugin.panel.card import record_card
from dunahub_qbo_plugin.panel.page import settings_panel
from dunahub_qbo_plugin.store.convert import to_ms
from dunahub_qbo_plugin.store.db.cipher import generate_key
from dunahub_qbo_plugin.store.queries.search import beginnings
from dunahub_qbo_plugin.store.tables import connections, disconnections_table, records, words
from dunahub_qbo_plugin.testing import (
    ORG,
    PERSON,
    FakeHost,
    make_invoice,
    make_lead,
    make_payment,
)
from tests.support.host import SQLITE, connection_of, make_host

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

NOW = datetime(2026, 11, 5, 19, 5, tzinfo=UTC)
CUSTOMERS, INVOICES = 250_000, 450_000
PROBLEMS = 10_000
WAITING = 500
LEFT = 2_000
INELIGIBLE = 50_000
"""Of the payments: cash, which is kept and never sent."""
PAGE_URL = "https://crm.example/settings/quickbooks"
FIRST = ("Sarah", "Tom", "Maria", "Ben", "Grace", "Walter", "Ana", "John", "Lee", "Kim")
LAST = (
    "Jones",
    "Becker",
    "Alvarez",
    "Okafor",
    "Mitchell",
    "Boone",
    "Ruiz",
    "Smith",
    "Park",
    "Cole",
)
PAGES: dict[str, dict[str, str]] = {
    "the page": {},
    "second page of causes": {"causes": "2"},
    "invoices": {"kind": "invoice"},
    "invoices that need attention": {"kind": "invoice", "result": "needs-attention"},
    "not sent": {"result": "not-sent"},
    "synced payments": {"kind": "payment", "result": "synced"},
    "a name": {"q": "sarah jones 1234"},
    "a name that 100,000 have": {"q": "s"},
    "a last name": {"q": "jones 1230"},
    "a last name that 25,000 have": {"q": "jones"},
    "a number": {"q": "10444"},
    "a page in the middle": {"before": f"{to_ms(NOW) - 500_000_000}-400000"},
    "products and services": {"open": "products"},
    "the months": {"open": "review"},
}


def rows(company: str) -> Iterator[dict[str, Any]]:
    """Make a million rows, as they stand after years."""
    customer, bill, paid = make_lead(), make_invoice(), make_payment()
    snapshots = {
        Kind.CUSTOMER: dump(customer),
        Kind.INVOICE: dump(bill),
        Kind.PAYMENT: dump(paid),
    }
    prints = {kind: fingerprint(snapshot) for kind, snapshot in snapshots.items()}
    begin = NOW - timedelta(days=1460)
    for number in range(1_000_000):
        if number < CUSTOMERS:
            kind, parent = Kind.CUSTOMER, None
            label = f"{FIRST[number % 10]} {LAST[number // 10 % 10]} {number}"
        elif number < CUSTOMERS + INVOICES:
            kind = Kind.INVOICE
            parent = str((number - CUSTOMERS) % CUSTOMERS)
            label = str(100_000 + number - CUSTOMERS)
        else:
            kind = Kind.PAYMENT
            parent = str(CUSTOMERS + (number - CUSTOMERS - INVOICES))
            label = str(100_000 + number - CUSTOMERS - INVOICES)
        # Records of all kinds are spread over the years.
        moment = begin + timedelta(days=1460 * (number * 7919 % 1_000_000) / 1_000_000)
        row: dict[str, Any] = {
            "id": number + 1,
            "org_id": ORG.id,
            "company_id": company,
            "kind": kind.value,
            "local_id": str(number),
            "label": label,
            "amount": None if kind is Kind.CUSTOMER else 10_000,
            "document_date": None if kind is Kind.CUSTOMER else moment.date().isoformat(),
            "parent": parent,
            "snapshot": snapshots[kind],
            "fingerprint": prints[kind],
            "synced_fingerprint": prints[kind],
            "version": 1,
            "connection_period": 3,
            "saved_at": to_ms(moment),
            "created_at": to_ms(moment),
            "updated_at": to_ms(moment),
            "blocked": False,
            "attempts": 0,
            "request_seq": 1,
            "qbo_id": str(number + 1),
            "sync_token": "0",
            "qbo_total": None if kind is Kind.CUSTOMER else 10_000,
            "synced_total": None if kind is Kind.CUSTOMER else 10_000,
            "qbo_number": label if kind is Kind.INVOICE else None,
            "synced_at": to_ms(moment),
            "next_attempt_at": None,
            "skip_reason": None,
            "error_code": None,
            "error_subject": None,
            "error_at": None,
            "first_failed_at": None,
        }
        yield row | _state(number, kind)


def _state(number: int, kind: Kind) -> dict[str, Any]:
    """Return what differs in a record that is not simply there."""
    absent = {
        "synced_fingerprint": None,
        "qbo_id": None,
        "qbo_total": None,
        "synced_total": None,
        "qbo_number": None,
        "synced_at": None,
    }
    if kind is Kind.PAYMENT and number % 6 == 0:
        return absent | {"skip_reason": "ineligible"}
    if number % 100 == 1:
        code, subject = ("6000", "")
        if kind is Kind.INVOICE:
            code, subject = ("item-gone", f"Product {number // 100 % 8}")
        elif kind is Kind.CUSTOMER:
            code, subject = ("6240", f"customer Holder {number // 100}")
        failed = {"error_code": code, "error_subject": subject, "updated_at": to_ms(NOW) - number}
        at = {"error_at": to_ms(NOW), "first_failed_at": to_ms(NOW) - 86_400_000}
        return absent | failed | at
    if number % 2000 == 2:
        return absent | {"next_attempt_at": to_ms(NOW) - 1000}
    if number % 500 == 3:
        return absent | {"connection_period": 2}
    return {}


def build(host: FakeHost) -> None:
    """Fill the database."""
    company = connection_of(host).id
    with host.runtime.database.write.begin() as db:
        db.execute(sa.update(connections).values(connection_period=3))
        gap = {"started_at": to_ms(NOW) - 90_000_000, "ended_at": to_ms(NOW) - 80_000_000}
        db.execute(
            sa.insert(disconnections_table).values(company_id=company, connection_period=2, **gap)
        )
    part: list[dict[str, Any]] = []
    for row in rows(company):
        part.append(row)
        if len(part) == 20_000:
            with host.runtime.database.write.begin() as db:
                db.execute(sa.insert(records), part)
                further = [
                    {"record_id": row["id"], "word": word, "company_id": company}
                    for row in part
                    for word in beginnings(row["label"])
                ]
                if further:
                    db.execute(sa.insert(words), further)
            part.clear()


def tell(text: str = "") -> None:
    """Print a line."""
    sys.stdout.write(f"{text}\n")


def ask(query: dict[str, str]) -> SettingsRequest:
    """Make the request of a person who looks at the page."""
    return SettingsRequest(
        person=PERSON, page_url=PAGE_URL, action_url=PAGE_URL, query=query, hidden_fields={"t": "x"}
    )


def timed(times: int, run: Callable[[], object]) -> str:
    """Tell the lowest and the median time, and the lowest time of the processor.

    The first run is not counted. On a machine that others use, the processor's time is what a
    quiet one would take, but for what it waits for the disk.
    """
    run()
    took, worked = [], []
    for _ in range(times):
        begin, busy = time.perf_counter(), time.process_time()
        run()
        took.append((time.perf_counter() - begin) * 1000)
        worked.append((time.process_time() - busy) * 1000)
    return (
        f"{min(took):7.1f} ms lowest {statistics.median(took):7.1f} ms median "
        f"{min(worked):7.1f} ms of the processor"
    )


def statements(host: FakeHost) -> list[tuple[float, str, Any]]:
    """Return each statement of the page with its time and parameters."""
    found: list[tuple[float, str, Any]] = []
    engine = host.runtime.database.write
    begun: list[float] = []

    def before(*_: Any) -> None:  # noqa: ANN401  SQLAlchemy's own
        begun.append(time.perf_counter())

    def after(_c: Any, _k: Any, text: str, given: Any, *_: Any) -> None:  # noqa: ANN401  as above
        found.append(((time.perf_counter() - begun.pop()) * 1000, text, given))

    sa.event.listen(engine, "before_cursor_execute", before)
    sa.event.listen(engine, "after_cursor_execute", after)
    settings_panel(host.runtime.panel, ORG, ask({}))
    sa.event.remove(engine, "before_cursor_execute", before)
    sa.event.remove(engine, "after_cursor_execute", after)
    return found


def plans(host: FakeHost) -> None:
    """Print how SQLite goes about each kind of statement."""
    seen: set[str] = set()
    with host.runtime.database.read.connect() as db:
        for took, text, given in statements(host):
            plan = db.exec_driver_sql(f"EXPLAIN QUERY PLAN {text}", given).fetchall()
            steps = "; ".join(row[3] for row in plan)
            if steps not in seen:
                seen.add(steps)
                tell(f"{took:7.1f} ms  {steps}")


def main() -> int:
    """Build, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--keep", type=Path)
    parser.add_argument("--times", type=int, default=15)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as made:
        folder = options.keep or Path(made)
        folder.mkdir(parents=True, exist_ok=True)
        there = (folder / SQLITE).exists() and (folder / "key").exists()
        key = (folder / "key").read_text() if there else generate_key()
        host = make_host(folder, start=NOW, fernet_keys=(key,))
        if not there:
            begin = time.perf_counter()
            host.connect()
            build(host)
            (folder / "key").write_text(host.config.fernet_keys[0])
            tell(f"built in {time.perf_counter() - begin:.0f} s")
        panel = host.runtime.panel
        told = timed(options.times, lambda: settings_panel(attrs.evolve(panel), ORG, ask({})))
        tell(f"{told}         first page of a process")
        for name, query in PAGES.items():
            told = timed(options.times, partial(settings_panel, panel, ORG, ask(query)))
            size = len(settings_panel(panel, ORG, ask(query)).html)
            tell(f"{told} {size // 1024:4} KB {name}")
        card = (panel, ORG, ask({}), RecordKind.INVOICE, "300001")
        told = timed(options.times, lambda: record_card(*card))
        tell(f"{told}         a record's card")
        tell("\nStatements of the page, and how SQLite goes about them:")
        plans(host)
        host.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
