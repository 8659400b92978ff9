"""A request key ends by proof alone, so nothing is created twice (rule 10)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from dunahub_qbo_plugin.emulator.world.trouble import TroubleRule
from dunahub_qbo_plugin.model import Kind, Operation, RecordKey, RecordState
from dunahub_qbo_plugin.testing import make_invoice, make_lead, make_payment
from tests.support.faulty import FaultyHost, Work, prepare

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from dunahub_hookspecs import Invoice, Lead, Payment

BILL = RecordKey(kind=Kind.INVOICE, local_id="r1")
REFUSED_AGAIN = [
    {"code": "5010"},
    {"code": "6240"},
    {"code": "6140"},
    {"code": "2500"},
    {"code": "610"},
    {"code": "6210"},
    {"code": "2050"},
    {"status": 403, "code": "3100"},
    {"recorded": "internal_30003"},
    {"status": 400, "shape": "empty"},
    {"status": 403, "shape": "html"},
    {"status": 404, "shape": "html"},
    {"status": 502, "shape": "html"},
    {"status": 429},
    {"status": 401},
]
AFTER_ALL = [
    {"recorded": "internal_30003"},
    {"recorded": "internal_30000"},
    {"status": 400, "shape": "empty"},
    {"status": 403, "shape": "html"},
    {"status": 500},
    {"status": 503, "shape": "html"},
    {"status": 429, "shape": "html"},
    {"status": 401, "shape": "html"},
]


@pytest.fixture
def host(tmp_path: Path) -> Iterator[FaultyHost]:
    """Return a connected host on SQLite: what an answer means is the same on any database."""
    made = FaultyHost(tmp_path)
    yield made
    made.close()


@pytest.fixture
def either(tmp_path: Path, store_url: str | None) -> Iterator[FaultyHost]:
    """Return a connected host, on SQLite and on PostgreSQL."""
    made = FaultyHost(tmp_path, database_url=store_url)
    yield made
    made.close()


def rule(**values: Any) -> TroubleRule:  # noqa: ANN401  TroubleRule's own
    """Return a rule for writes."""
    given = {"status": 400} | values if "recorded" not in values else values
    return TroubleRule.from_mapping({"method": "POST", **given})


def is_there_once(work: Work) -> None:
    """Hold that QuickBooks has the record once, and that it is Synced as that."""
    (there,) = work.there()
    view = work.host.look(f"{work.key.kind}:{work.key.local_id}")
    assert (view.state, view.qbo_id) == (RecordState.SYNCED, there["id"])
    assert work.host.books.doubles == []


@pytest.mark.parametrize("kind", list(Kind))
@pytest.mark.parametrize("refusal", REFUSED_AGAIN, ids=str)
def test_a_refused_resend_does_not_end_the_key(
    host: FaultyHost, kind: Kind, refusal: dict[str, Any]
) -> None:
    """Created, the answer lost, the resend refused in whatever way: one object, Synced."""
    work = prepare(host, "r1", kind, Operation.CREATE)
    host.qbo.trouble(rule(kind="lose", entity=work.entity))
    host.qbo.trouble(rule(kind="fail", entity=work.entity, resent=True, **refusal))
    host.pass_time(6, resume=True)
    is_there_once(work)


@pytest.mark.parametrize("kind", list(Kind))
@pytest.mark.parametrize("refusal", AFTER_ALL, ids=str)
def test_an_answer_that_is_no_refusal_does_not_end_the_key(
    host: FaultyHost, kind: Kind, refusal: dict[str, Any]
) -> None:
    """Created, and answered as if it had failed: one object, Synced, also after Retry all."""
    work = prepare(host, "r1", kind, Operation.CREATE)
    host.qbo.trouble(rule(kind="fail_after", entity=work.entity, **refusal))
    host.send()
    assert len(work.there()) == 1
    host.retry(None)
    host.pass_time(6, resume=True)
    is_there_once(work)


@pytest.mark.parametrize("kind", list(Kind))
def test_a_failure_that_is_kept_for_a_key_is_left_behind(either: FaultyHost, kind: Kind) -> None:
    """QuickBooks repeats a 5xx for a request id: looked for, then sent under a new key."""
    work = prepare(either, "r1", kind, Operation.CREATE)
    before = either.mark()
    either.qbo.trouble(rule(kind="fail", entity=work.entity, status=500, replayed=True))
    either.pass_time(1, resume=True)
    is_there_once(work)
    assert len([one for one in either.requests(before) if one.write]) < 15


@pytest.mark.parametrize("kind", list(Kind))
def test_an_outage_that_cannot_find_the_address_passes(host: FaultyHost, kind: Kind) -> None:
    """A refusal to find that is right is tried again."""
    work = prepare(host, "r1", kind, Operation.CREATE)
    host.qbo.trouble(rule(kind="fail", entity=work.entity, recorded="no_resource", times=3))
    host.send()
    assert host.look(f"{kind}:r1").state is RecordState.WAITING
    host.pass_time(1, resume=True)
    is_there_once(work)


MOVED: dict[str, dict[str, Any]] = {
    "another day": {},
    "another number": {"DocNumber": "X-1"},
    "another reference": {"PaymentRefNum": "X-1"},
    "another due date": {"DueDate": "2026-06-01"},
}


@pytest.mark.parametrize(
    ("kind", "edit"),
    [
        (Kind.INVOICE, "another day"),
        (Kind.INVOICE, "another number"),
        (Kind.INVOICE, "another due date"),
        (Kind.PAYMENT, "another day"),
        (Kind.PAYMENT, "another reference"),
    ],
)
def test_what_bears_our_marker_is_ours(host: FaultyHost, kind: Kind, edit: str) -> None:
    """The bookkeeper changed it before we learned of it: it is adopted as it is, not doubled."""
    host.qbo.company().books.settings.requestid_retention = 60
    work = prepare(host, "r1", kind, Operation.CREATE)
    host.qbo.trouble(rule(kind="lose", entity=work.entity))
    host.send()
    (there,) = work.there()
    books = host.qbo.company().books
    books.edit(kind.value.capitalize(), there["id"], {"TxnDate": "2026-03-05"} | MOVED[edit])
    for _ in range(4):
        host.clock.advance(300)
        host.send()
        host.retry(None)
    (kept,) = host.books.read()[f"{kind.value}s"]
    assert kept["date"] == "2026-03-05"
    view = host.look(f"{kind}:r1")
    assert (view.state, view.qbo_id) == (RecordState.SYNCED, kept["id"])


def test_a_question_is_not_answered_by_retry_all(host: FaultyHost) -> None:
    """What may be there under another name is created by its own Retry only (rule 42)."""
    host.qbo.company().books.settings.requestid_retention = 60
    work = prepare(host, "r1", Kind.INVOICE, Operation.CREATE)
    host.qbo.trouble(rule(kind="lose", entity=work.entity))
    host.send()
    (there,) = work.there()
    books = host.qbo.company().books
    books.edit("Invoice", there["id"], {"TxnDate": "2026-03-05", "PrivateNote": "by hand"})
    for _ in range(4):
        host.clock.advance(3600)
        host.send()
        assert host.retry(None) == 0
    assert len(work.there()) == 1
    view = host.look("invoice:r1")
    assert view.error is not None
    assert (view.state, view.error.code) == (RecordState.ATTENTION, "ambiguous")


@pytest.mark.parametrize("kind", list(Kind))
def test_what_was_deleted_there_is_created_again_by_its_own_retry_only(
    host: FaultyHost, kind: Kind
) -> None:
    """Deleted on purpose, changed here, Retry all for something else: it stays deleted (42)."""
    work = prepare(host, "r1", kind, Operation.CREATE)
    host.send()
    (there,) = work.there()
    books = host.qbo.company().books
    if kind is Kind.CUSTOMER:
        books.deactivate("Customer", there["id"])
    else:
        books.delete(kind.value.capitalize(), there["id"])
    changes: dict[Kind, Lead | Invoice | Payment] = {
        Kind.CUSTOMER: make_lead("r1", phone="(512) 555-0199"),
        Kind.INVOICE: make_invoice("r1", lead=make_lead("r1"), message="Thank you"),
        Kind.PAYMENT: make_payment(id="r1", invoice_id="r1", reference="another"),
    }
    host.save(changes[kind])
    host.send()
    before = host.mark()
    for _ in range(3):
        assert host.retry(None) == 0
        host.send()
        host.clock.advance(3600)
    assert not [one for one in host.requests(before) if one.write]
    view = host.look(f"{kind}:r1")
    assert view.error is not None
    assert (view.state, view.error.code) == (RecordState.ATTENTION, "gone")


def test_an_invoice_that_was_entered_by_hand_is_not_taken_for_ours(host: FaultyHost) -> None:
    """Same number, customer, day and total, entered by hand before ours left: a person is asked."""
    host.save(make_lead())
    host.send()
    ours = make_invoice()
    company = host.qbo.company().books
    company.settings.custom_txn_numbers = True
    (customer,) = [one for one in host.books.customers if "lead-1" in one["name"]]
    line = {
        "Amount": 100,
        "DetailType": "SalesItemLineDetail",
        "SalesItemLineDetail": {"ItemRef": {"value": "1"}},
    }
    by_hand = {
        "CustomerRef": {"value": customer["id"]},
        "DocNumber": ours.number,
        "TxnDate": ours.issued_on.isoformat(),
        "Line": [line],
    }
    company.create("Invoice", by_hand)
    host.save(ours)
    host.pass_time(1, resume=True)
    view = host.look("invoice:inv-1")
    assert view.state is RecordState.ATTENTION
    assert len(host.books.invoices) == 1
    assert view.candidate_id == host.books.invoices[0]["id"]
