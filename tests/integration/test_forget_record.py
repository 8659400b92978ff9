"""One person who asks to be forgotten is, and nothing gets into the books a second time by it."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from dunahub_hookspecs import LineItem, RecordKind
from dunahub_qbo_plugin.store.tables import history, records
from dunahub_qbo_plugin.testing import (
    ORG,
    FakeHost,
    make_invoice,
    make_lead,
    make_org,
    make_payment,
)
from tests.support.cli import run, variables
from tests.support.host import make_host, rows_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PERSON = make_lead("gone", name="Quentin Zybar", email="zybar@example.com", phone="512-555-0142")
LINE = LineItem(description="Zybar porch", unit_price=Decimal(250))
INVOICE = make_invoice("gone-1", lead=PERSON, number="Z-7731", lines=[LINE], message="Dear Zybar")
PAYMENT = make_payment(id="gone-p", invoice_id="gone-1", amount=Decimal(100), reference="zyb4r")
OTHER = make_lead("stays", name="Someone Else", email="else@example.com", phone="512-555-0199")
LATER = make_invoice("gone-2", lead=PERSON, number="Z-7732", lines=[LINE])
TRACES = (b"zybar", b"Zybar", b"512-555-0142", b"Z-7731")
THEIRS = make_org("theirs")


@pytest.fixture
def host(tmp_path: Path) -> Iterator[FakeHost]:
    """Return a host with a person's records that were sent, and another organization's."""
    made = make_host(tmp_path)
    made.connect()
    made.connect("automated_tax", org=THEIRS)
    made.save(PERSON, INVOICE, PAYMENT, OTHER)
    made.save(make_lead("gone", name="Namesake"), org=THEIRS)
    made.settle()
    yield made
    made.close()


def _files(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in folder.glob("*.sqlite3*"))


def test_nothing_of_a_person_is_left(host: FakeHost, tmp_path: Path) -> None:
    """Neither rows, nor words to search by, nor the database's own files have them."""
    host.qbo.company().books.delete("Payment", host.books.payments[0]["id"])
    host.press("compare")
    host.runtime.worker_tasks.tasks.run_waiting()
    assert "Z-7731" in host.page(open="review")
    host.save(LATER)  # is still to be sent
    assert all(trace in _files(tmp_path) for trace in TRACES)
    ran = run(
        *("forget-record", "--org", ORG.id, "--record", "lead:gone", "--yes"),
        folder=tmp_path,
        env=variables(host.config),
    )
    assert ran.code == 0, ran
    assert "4 records forgotten" in ran.out
    host.runtime.database.empty_log()
    left = _files(tmp_path)
    assert [trace for trace in TRACES if trace in left and trace != b"Z-7731"] == []
    host.settle()
    assert len(host.books.invoices) == 1
    assert host.state("invoice:gone-2") == "Not sent"
    assert host.state("invoice:gone-1") == "Synced"
    assert host.look("customer:gone", org=THEIRS).label == "Namesake"
    assert host.look("customer:stays").label == "Someone Else"
    assert "Zybar" not in host.page() + host.page(q="zybar")
    assert host.card("invoice:gone-1")


def test_what_is_saved_again_is_not_made_twice(host: FakeHost) -> None:
    """A host that tells of the person again has the same objects in the books."""
    before = (len(host.books.customers), len(host.books.invoices), len(host.books.payments))
    assert host.plugin.forget_record(ORG.id, RecordKind.LEAD, "gone") == 3
    host.save(PERSON, INVOICE, PAYMENT)
    host.settle()
    after = (len(host.books.customers), len(host.books.invoices), len(host.books.payments))
    assert after == before
    assert host.state(PAYMENT) == "Synced"


def test_a_comparison_says_nothing_of_who_is_forgotten(host: FakeHost) -> None:
    """There is nothing to compare with, and no difference is made up."""
    host.plugin.forget_record(ORG.id, RecordKind.LEAD, "gone")
    host.press("compare")
    host.runtime.worker_tasks.tasks.run_waiting()
    assert "nothing differs" in host.page(open="review")


def test_what_is_being_sent_is_not_forgotten(host: FakeHost, tmp_path: Path) -> None:
    """Its body may have to be sent again: the command says so and changes nothing."""
    with host.runtime.database.write.begin() as db:
        mine = records.c.local_id == "gone-1"
        db.execute(sa.update(records).where(mine).values(request_key="k", request_body="{}"))
    before = rows_of(host)
    with pytest.raises(RuntimeError):
        host.plugin.forget_record(ORG.id, RecordKind.LEAD, "gone")
    ran = run(
        *("forget-record", "--org", ORG.id, "--record", "lead:gone", "--yes"),
        folder=tmp_path,
        env=variables(host.config),
    )
    assert ran.code == 1
    assert "being sent" in ran.err
    assert rows_of(host) == before


def test_a_record_that_is_not_there_is_said(host: FakeHost, tmp_path: Path) -> None:
    """The command says that there is none, and no history is touched."""
    ran = run(
        *("forget-record", "--org", ORG.id, "--record", "lead:nobody", "--yes"),
        folder=tmp_path,
        env=variables(host.config),
    )
    assert ran.code == 1
    assert "has no" in ran.err
    with host.runtime.database.read.connect() as db:
        assert db.execute(sa.select(sa.func.count()).select_from(history)).scalar_one() > 0
