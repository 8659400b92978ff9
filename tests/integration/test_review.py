"""Looking at what arrived: the comparison, the month, the silence; read-only (rules 28 and 29)."""

from __future__ import annotations

import csv
import io
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pytest

from dunahub_hookspecs import LineItem
from dunahub_qbo_plugin.model import Kind
from dunahub_qbo_plugin.review.difference_text import difference_text
from dunahub_qbo_plugin.review.export import (
    INVOICE_COLUMNS,
    can_be_imported,
    customers_csv,
    import_batches,
    invoices_csv,
    months_csv,
)
from dunahub_qbo_plugin.review.findings import Difference
from dunahub_qbo_plugin.review.monthly import (
    MonthlyReport,
    MonthOfKind,
    monthly_report,
    silence,
)
from dunahub_qbo_plugin.review.task import COMPARE
from dunahub_qbo_plugin.store import tasks
from dunahub_qbo_plugin.store.companies.disconnections import Disconnection
from dunahub_qbo_plugin.store.queries import sent
from tests.support.office import ACME, CONTRACTOR, DANA, Office, invoice, lead, payment

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    """An office whose lead, invoice and payment have arrived."""
    bench = Office(tmp_path)
    bench.connect()
    bench.save(lead(), invoice(), payment())
    bench.drain()
    yield bench
    bench.close()


def compare(office: Office) -> dict[str, Any]:
    """Ask for a comparison and run it as a worker does."""
    company = office.connection().id
    with office.runtime.database.write.begin() as db:
        tasks.ask(db, company, COMPARE, arguments={"days": 30}, by="dana", now=office.clock.now())
    assert office.runtime.tasks.run_waiting() == 1
    with office.runtime.database.read.connect() as db:
        task = tasks.latest(db, company, COMPARE)
    assert task is not None
    assert task.problem is None
    assert task.result is not None
    assert (task.done, task.total) == (3, 3)
    return task.result


def books(office: Office) -> Any:  # noqa: ANN401  the emulator's company
    """Return the accountant's hands on the books."""
    return office.emulator.world.companies[CONTRACTOR].books


def test_nothing_differs_after_a_clean_sync(office: Office) -> None:
    """What was just sent is found as it was sent, in two metered reads."""
    result = compare(office)
    assert result["differences"] == []
    assert result["compared"] == {"customer": 1, "invoice": 1, "payment": 1}
    assert result["reads"] == 2


def test_what_an_accountant_did_is_found(office: Office) -> None:
    """Edited, deleted, unattached and voided records are told apart, and nothing is changed."""
    office.save(invoice("inv-2"), invoice("inv-3"))
    office.drain()
    accountant = books(office)
    second, third = (office.view(Kind.INVOICE, one).qbo_id for one in ("inv-2", "inv-3"))
    paid = office.view(Kind.PAYMENT, "pay-1").qbo_id
    customer = office.view(Kind.CUSTOMER, "lead-1").qbo_id
    accountant.edit("Customer", customer, {"DisplayName": "Sarah Miller"})
    accountant.void("Invoice", second)
    accountant.delete("Invoice", third)
    accountant.edit("Payment", paid, {"Line": []})
    writes = office.runtime.client.metrics.writes
    with office.runtime.database.write.begin() as db:
        tasks.ask(
            db, office.connection().id, COMPARE, arguments={}, by="dana", now=office.clock.now()
        )
    office.runtime.tasks.run_waiting()
    with office.runtime.database.read.connect() as db:
        task = tasks.latest(db, office.connection().id, COMPARE)
    assert task is not None
    assert task.result is not None
    found = {(one["finding"], one["key"]) for one in task.result["differences"]}
    assert found == {
        ("edited", "customer:lead-1"),
        ("voided", "invoice:inv-2"),
        ("deleted", "invoice:inv-3"),
        ("unlinked", "payment:pay-1"),
    }
    assert office.runtime.client.metrics.writes == writes


def test_money_that_pays_no_invoice_is_found(office: Office) -> None:
    """A payment of more than its invoice has open is told with what is left of it (rule 29)."""
    bill = invoice("inv-2", number="1099")
    office.save(bill, payment("pay-2", invoice_id=bill.id, amount=bill.total + 30))
    office.drain()
    with office.runtime.database.write.begin() as db:
        tasks.ask(
            db, office.connection().id, COMPARE, arguments={}, by="dana", now=office.clock.now()
        )
    office.runtime.tasks.run_waiting()
    with office.runtime.database.read.connect() as db:
        task = tasks.latest(db, office.connection().id, COMPARE)
    assert task is not None
    assert task.result is not None
    (told,) = task.result["differences"]
    assert (told["finding"], told["key"]) == ("unapplied", "payment:pay-2")
    said = difference_text(Difference.from_json(told))
    assert said == "$30.00 of it is not applied to an invoice in QuickBooks."


def test_likely_duplicates_are_named(office: Office) -> None:
    """A customer that the bookkeeper made by hand with the same e-mail is pointed out."""
    office.save(lead("lead-2", name="S. Jones", email="lead-1@example.com", phone=""))
    office.drain()
    company = office.connection().id
    with office.runtime.database.write.begin() as db:
        tasks.ask(db, company, COMPARE, arguments={}, by="dana", now=office.clock.now())
    office.runtime.tasks.run_waiting()
    with office.runtime.database.read.connect() as db:
        task = tasks.latest(db, company, COMPARE)
    assert task is not None
    assert task.result is not None
    (double,) = task.result["differences"]
    assert double["finding"] == "duplicate"
    assert "same e-mail" in difference_text(Difference.from_json(double))


def test_asking_twice_runs_once(office: Office) -> None:
    """A second press while the comparison runs asks for nothing more."""
    company = office.connection().id
    with office.runtime.database.write.begin() as db:
        first = tasks.ask(db, company, COMPARE, arguments={}, by="a", now=office.clock.now())
        second = tasks.ask(db, company, COMPARE, arguments={}, by="b", now=office.clock.now())
    assert first == second


def test_a_silent_worker_is_replaced(office: Office) -> None:
    """A task whose worker died is taken over after two minutes."""
    company = office.connection().id
    with office.runtime.database.write.begin() as db:
        tasks.ask(db, company, COMPARE, arguments={}, by="a", now=office.clock.now())
        assert tasks.take(db, owner="dead", now=office.clock.now()) is not None
    assert office.runtime.tasks.run_waiting() == 0
    office.clock.sleep(121)
    assert office.runtime.tasks.run_waiting() == 1


def test_month_adds_up_to_the_cent(office: Office) -> None:
    """Sent, waiting, failed and left-behind documents add up by month, on both sides."""
    lines = [LineItem(description="Repair", unit_price=Decimal("33.35"), quantity=Decimal(3))]
    office.save(invoice("inv-2", lines=lines))
    office.drain()
    office.save(invoice("inv-3", number="x" * 22))
    office.drain()
    office.runtime.panel.connection_service.disconnect(ACME, DANA)
    office.save(invoice("inv-4"))
    office.clock.sleep(3600)
    office.connect()
    with office.runtime.database.read.connect() as db:
        report = monthly_report(db, office.connection(), today=date(2026, 3, 31))
    (invoices, payments) = report.months
    assert (invoices.month, invoices.kind) == ("2026-03", Kind.INVOICE)
    assert (invoices.synced.count, invoices.synced.amount) == (2, Decimal("200.05"))
    assert (invoices.there, invoices.variance) == (Decimal("200.05"), Decimal(0))
    assert (invoices.not_sent.count, invoices.not_sent.amount) == (2, Decimal("200.00"))
    assert (payments.synced.count, payments.synced.amount) == (1, Decimal("100.00"))
    assert len(report.disconnections) == 1
    table = list(csv.DictReader(io.StringIO(months_csv(report).decode("utf-8-sig"))))
    assert sum(Decimal(row["Sent amount"]) for row in table) == Decimal("300.05")


def test_the_months_file_tells_when_it_was_disconnected() -> None:
    """Each month names the disconnected periods that it has a part in (rule 28)."""
    away = [
        Disconnection(
            connection_period=2,
            started_at=datetime(2026, 2, 1, 2, tzinfo=UTC),
            started_by="",
            ended_at=datetime(2026, 3, 1, 2, tzinfo=UTC),
        ),
        Disconnection(
            connection_period=4,
            started_at=datetime(2026, 3, 20, 12, tzinfo=UTC),
            started_by="",
            ended_at=None,
        ),
    ]
    months = [MonthOfKind(month=f"2026-0{one}", kind=Kind.INVOICE) for one in (4, 3, 2, 1)]
    report = MonthlyReport(months=tuple(months), disconnections=tuple(reversed(away)))

    def told(zone: str) -> list[str]:
        text = months_csv(report, zone=ZoneInfo(zone)).decode("utf-8-sig")
        return [row["Disconnected"] for row in csv.DictReader(io.StringIO(text))]

    still, first, there = (
        "03/20/2026 to now",
        "02/01/2026 to 03/01/2026",
        "01/31/2026 to 02/28/2026",
    )
    assert told("UTC") == [still, f"{first}; {still}", first, ""]
    assert told("America/New_York") == [still, still, there, there]


def test_left_behind_is_counted_by_period(office: Office) -> None:
    """What was unsent at the disconnect and what was made meanwhile belong to one period."""
    office.save(invoice("inv-2"))
    office.runtime.panel.connection_service.disconnect(ACME, DANA)
    office.save(invoice("inv-3"))
    with office.runtime.database.read.connect() as db:
        behind = sent.left_behind(db, office.connection())
    one = {Kind.INVOICE: (1, Decimal("100.00"))}
    assert behind == {1: one, 2: one}


def test_silence_is_told(office: Office) -> None:
    """Three days without anything going through, although something was made, are pointed out."""
    office.clock.sleep(4 * 24 * 3600)
    with office.runtime.database.read.connect() as db:
        assert silence(db, office.connection(), now=office.clock.now()) is None
    office.save(lead("lead-9"))
    with office.runtime.database.read.connect() as db:
        told = silence(db, office.connection(), now=office.clock.now())
    assert told is not None
    assert told.records == 1


def test_csv_is_what_quickbooks_imports_and_no_formula() -> None:
    """The invoices' columns are those of QuickBooks' import page; no cell can run."""
    text = invoices_csv([invoice(lead=lead(name="=cmd()"))]).decode("utf-8-sig")
    (row,) = csv.DictReader(io.StringIO(text))
    assert tuple(row) == INVOICE_COLUMNS
    assert row["*Customer"] == "'=cmd()"
    assert (row["*InvoiceDate"], row["*ItemAmount"]) == ("03/02/2026", "100.00")
    people = customers_csv([lead(phone="+1 512 555 0142", name="@x")]).decode("utf-8-sig")
    (person,) = csv.DictReader(io.StringIO(people))
    assert (person["Phone"], person["Name"]) == ("+1 512 555 0142", "'@x")


def test_invoices_are_divided_as_quickbooks_imports_them() -> None:
    """Not more than 100 invoices and 1,000 rows in a file, and no invoice in two of them."""
    assert [len(part) for part in import_batches(invoice(f"inv-{one}") for one in range(205))] == [
        100,
        100,
        5,
    ]
    line = LineItem(description="Work", unit_price=Decimal(1))
    long = [invoice(f"inv-{one}", lines=[line] * 300) for one in range(4)]
    assert [len(part) for part in import_batches(long)] == [3, 1]
    assert list(import_batches([])) == []
    (whole,) = import_batches([invoice(lines=[line] * 1200)])
    assert len(whole) == 1


@pytest.mark.parametrize(
    ("changes", "imported"),
    [
        ({}, True),
        ({"discount": Decimal(5)}, False),
        ({"tax": Decimal("0.01")}, False),
        ({"lines": [LineItem(description="Credit", unit_price=Decimal(-1))]}, False),
    ],
)
def test_what_the_import_cannot_take_is_for_entering_by_hand(
    changes: dict[str, Any], *, imported: bool
) -> None:
    """QuickBooks' import has no column for a discount or tax, and takes no amount below zero."""
    assert can_be_imported(invoice(**changes)) is imported
