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
from dunahub_qbo_plugin.testing import ORG, PERSON, FakeHost, make_invoice, make_lead, make_payment
from tests.support.host import connection_of, make_host

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def host(tmp_path: Path) -> Iterator[FakeHost]:
    """Return a host whose lead, invoice and payment have arrived."""
    made = make_host(tmp_path)
    made.connect()
    made.save(make_lead(), make_invoice(), make_payment())
    made.send()
    yield made
    made.close()


def compare(host: FakeHost) -> dict[str, Any]:
    """Ask for a comparison and run it as a worker does."""
    company = connection_of(host).id
    with host.runtime.database.write.begin() as db:
        tasks.ask(db, company, COMPARE, arguments={"days": 30}, by="dana", now=host.clock.now())
    assert host.runtime.tasks.run_waiting() == 1
    with host.runtime.database.read.connect() as db:
        task = tasks.latest(db, company, COMPARE)
    assert task is not None
    assert task.problem is None
    assert task.result is not None
    assert (task.done, task.total) == (3, 3)
    return task.result


def books(host: FakeHost) -> Any:  # noqa: ANN401  the emulator's company
    """Return the accountant's hands on the books."""
    return host.qbo.company().books


def test_nothing_differs_after_a_clean_sync(host: FakeHost) -> None:
    """What was just sent is found as it was sent, in two metered reads."""
    result = compare(host)
    assert result["differences"] == []
    assert result["compared"] == {"customer": 1, "invoice": 1, "payment": 1}
    assert result["reads"] == 2


def test_what_an_accountant_did_is_found(host: FakeHost) -> None:
    """Edited, deleted, unattached and voided records are told apart, and nothing is changed."""
    host.save(make_invoice("inv-2"), make_invoice("inv-3"))
    host.send()
    accountant = books(host)
    second, third = (host.look(f"invoice:{one}").qbo_id for one in ("inv-2", "inv-3"))
    paid = host.look("payment:pay-1").qbo_id
    customer = host.look("customer:lead-1").qbo_id
    accountant.edit("Customer", customer, {"DisplayName": "Sarah Miller"})
    accountant.void("Invoice", second)
    accountant.delete("Invoice", third)
    accountant.edit("Payment", paid, {"Line": []})
    writes = host.runtime.client.metrics.writes
    with host.runtime.database.write.begin() as db:
        tasks.ask(
            db, connection_of(host).id, COMPARE, arguments={}, by="dana", now=host.clock.now()
        )
    host.runtime.tasks.run_waiting()
    with host.runtime.database.read.connect() as db:
        task = tasks.latest(db, connection_of(host).id, COMPARE)
    assert task is not None
    assert task.result is not None
    found = {(one["finding"], one["key"]) for one in task.result["differences"]}
    assert found == {
        ("edited", "customer:lead-1"),
        ("voided", "invoice:inv-2"),
        ("deleted", "invoice:inv-3"),
        ("unlinked", "payment:pay-1"),
    }
    assert host.runtime.client.metrics.writes == writes


def test_money_that_pays_no_invoice_is_found(host: FakeHost) -> None:
    """A payment of more than its invoice has open is told with what is left of it (rule 29)."""
    bill = make_invoice("inv-2", number="1099")
    host.save(bill, make_payment(id="pay-2", invoice_id=bill.id, amount=bill.total + 30))
    host.send()
    with host.runtime.database.write.begin() as db:
        tasks.ask(
            db, connection_of(host).id, COMPARE, arguments={}, by="dana", now=host.clock.now()
        )
    host.runtime.tasks.run_waiting()
    with host.runtime.database.read.connect() as db:
        task = tasks.latest(db, connection_of(host).id, COMPARE)
    assert task is not None
    assert task.result is not None
    (told,) = task.result["differences"]
    assert (told["finding"], told["key"]) == ("unapplied", "payment:pay-2")
    said = difference_text(Difference.from_json(told))
    assert said == "$30.00 of it is not applied to an invoice in QuickBooks."


def test_likely_duplicates_are_named(host: FakeHost) -> None:
    """A customer that the bookkeeper made by hand with the same e-mail is pointed out."""
    host.save(make_lead("lead-2", name="S. Mitchell", email="lead-1@example.com", phone=""))
    host.send()
    company = connection_of(host).id
    with host.runtime.database.write.begin() as db:
        tasks.ask(db, company, COMPARE, arguments={}, by="dana", now=host.clock.now())
    host.runtime.tasks.run_waiting()
    with host.runtime.database.read.connect() as db:
        task = tasks.latest(db, company, COMPARE)
    assert task is not None
    assert task.result is not None
    (double,) = task.result["differences"]
    assert double["finding"] == "duplicate"
    assert "same e-mail" in difference_text(Difference.from_json(double))


def test_asking_twice_runs_once(host: FakeHost) -> None:
    """A second press while the comparison runs asks for nothing more."""
    company = connection_of(host).id
    with host.runtime.database.write.begin() as db:
        first = tasks.ask(db, company, COMPARE, arguments={}, by="a", now=host.clock.now())
        second = tasks.ask(db, company, COMPARE, arguments={}, by="b", now=host.clock.now())
    assert first == second


def test_a_silent_worker_is_replaced(host: FakeHost) -> None:
    """A task whose worker died is taken over after two minutes."""
    company = connection_of(host).id
    with host.runtime.database.write.begin() as db:
        tasks.ask(db, company, COMPARE, arguments={}, by="a", now=host.clock.now())
        assert tasks.take(db, owner="dead", now=host.clock.now()) is not None
    assert host.runtime.tasks.run_waiting() == 0
    host.clock.sleep(121)
    assert host.runtime.tasks.run_waiting() == 1


def test_month_adds_up_to_the_cent(host: FakeHost) -> None:
    """Sent, waiting, failed and left-behind documents add up by month, on both sides."""
    lines = [LineItem(description="Repair", unit_price=Decimal("33.35"), quantity=Decimal(3))]
    host.save(make_invoice("inv-2", lines=lines))
    host.send()
    host.save(make_invoice("inv-3", number="x" * 22))
    host.send()
    host.runtime.panel.connection_service.disconnect(ORG, PERSON)
    host.save(make_invoice("inv-4"))
    host.clock.sleep(3600)
    host.connect()
    with host.runtime.database.read.connect() as db:
        report = monthly_report(db, connection_of(host), today=date(2026, 3, 31))
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


def test_left_behind_is_counted_by_period(host: FakeHost) -> None:
    """What was unsent at the disconnect and what was made meanwhile belong to one period."""
    host.save(make_invoice("inv-2"))
    host.runtime.panel.connection_service.disconnect(ORG, PERSON)
    host.save(make_invoice("inv-3"))
    with host.runtime.database.read.connect() as db:
        behind = sent.left_behind(db, connection_of(host))
    one = {Kind.INVOICE: (1, Decimal("100.00"))}
    assert behind == {1: one, 2: one}


def test_silence_is_told(host: FakeHost) -> None:
    """Three days without anything going through, although something was made, are pointed out."""
    host.clock.sleep(4 * 24 * 3600)
    with host.runtime.database.read.connect() as db:
        assert silence(db, connection_of(host), now=host.clock.now()) is None
    host.save(make_lead("lead-9"))
    with host.runtime.database.read.connect() as db:
        told = silence(db, connection_of(host), now=host.clock.now())
    assert told is not None
    assert told.records == 1


def test_csv_is_what_quickbooks_imports_and_no_formula() -> None:
    """The invoices' columns are those of QuickBooks' import page; no cell can run."""
    text = invoices_csv([make_invoice(lead=make_lead(name="=cmd()"))]).decode("utf-8-sig")
    (row,) = csv.DictReader(io.StringIO(text))
    assert tuple(row) == INVOICE_COLUMNS
    assert row["*Customer"] == "'=cmd()"
    assert (row["*InvoiceDate"], row["*ItemAmount"]) == ("03/02/2026", "100.00")
    people = customers_csv([make_lead(phone="+1 512 555 0142", name="@x")]).decode("utf-8-sig")
    (person,) = csv.DictReader(io.StringIO(people))
    assert (person["Phone"], person["Name"]) == ("+1 512 555 0142", "'@x")


def test_invoices_are_divided_as_quickbooks_imports_them() -> None:
    """Not more than 100 invoices and 1,000 rows in a file, and no invoice in two of them."""
    assert [
        len(part) for part in import_batches(make_invoice(f"inv-{one}") for one in range(205))
    ] == [
        100,
        100,
        5,
    ]
    line = LineItem(description="Work", unit_price=Decimal(1))
    long = [make_invoice(f"inv-{one}", lines=[line] * 300) for one in range(4)]
    assert [len(part) for part in import_batches(long)] == [3, 1]
    assert list(import_batches([])) == []
    (whole,) = import_batches([make_invoice(lines=[line] * 1200)])
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
    assert can_be_imported(make_invoice(**changes)) is imported
