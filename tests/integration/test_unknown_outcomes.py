"""Writes whose answer never came: found out, never doubled (rule 10)."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from datetime import datetime, timedelta
from operator import itemgetter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from dunahub_hookspecs import InvoiceStatus
from dunahub_qbo_plugin.emulator.world.trouble import TroubleRule
from dunahub_qbo_plugin.model import Kind, Note, Operation, RecordKey, RecordState
from dunahub_qbo_plugin.qbo.client import QboClient
from dunahub_qbo_plugin.store.companies import pauses
from dunahub_qbo_plugin.store.records import history
from dunahub_qbo_plugin.testing import make_invoice, make_lead, make_payment
from tests.support.faulty import FaultyHost, Work, prepare
from tests.support.host import connection_of, rows_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dunahub_hookspecs import Invoice, Lead, Payment

FOUR_MINUTES = 240
KINDS = list(Kind)
WRITES = [
    (kind, operation)
    for kind in Kind
    for operation in Operation
    if operation is not Operation.VOID or kind is Kind.INVOICE
]


@pytest.fixture
def host(tmp_path: Path, store_url: str | None) -> Iterator[FaultyHost]:
    """Return a connected host, on SQLite and on PostgreSQL."""
    made = FaultyHost(tmp_path, database_url=store_url)
    yield made
    made.close()


def lose(work: Work, **more: object) -> None:
    """Have the work's next request be carried out and its answer be lost."""
    rule = {"kind": "lose", "entity": work.entity, "method": "POST", **more}
    work.host.qbo.trouble(TroubleRule.from_mapping(rule))
    assert work.host.send() == 0


def books_of(host: FaultyHost) -> tuple[Any, Any, Any]:
    """The customers, invoices and payments."""
    books = host.books.read()
    return books["customers"], books["invoices"], books["payments"]


def contents(*lists: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Leave out what each write changes, their order among it."""
    written = {"sync_token", "updated"}
    return [
        {name: one[name] for name in one.keys() - written}
        for of in lists
        for one in sorted(of, key=itemgetter("id"))
    ]


def shown(work: Work) -> RecordState:
    """The state of the work's record."""
    return work.host.look(f"{work.key.kind}:{work.key.local_id}").state


@pytest.mark.parametrize(("kind", "operation"), WRITES)
def test_resend_is_the_same_to_the_letter(
    host: FaultyHost, kind: Kind, operation: Operation
) -> None:
    """Within minutes the very same request goes out again, and QuickBooks answers as before."""
    host.qbo.emulator.world.journal.keep_bodies = True
    host.qbo.company().books.settings.request_id_mismatch = "fault_600"
    work = prepare(host, "r1", kind, operation)
    before = host.mark()
    lose(work)
    books = books_of(host)
    host.clock.advance(10)
    assert host.send() == 1
    sent = [one for one in host.requests(before) if one.requestid]
    assert len(sent) == 2
    assert sent[0].requestid == sent[1].requestid
    assert sent[0].body == sent[1].body
    assert sent[0].body
    assert books_of(host) == books


def _changed(kind: Kind) -> Lead | Invoice | Payment:
    """Return another state of the record that `prepare` made."""
    changes: dict[Kind, Lead | Invoice | Payment] = {
        Kind.CUSTOMER: make_lead("r1", phone="(512) 555-0199"),
        Kind.INVOICE: make_invoice("r1", lead=make_lead("r1"), message="Thank you"),
        Kind.PAYMENT: make_payment(
            id="r1", invoice_id="r1", invoice_number="D-r1", amount=make_invoice().total / 4
        ),
    }
    return changes[kind]


@pytest.mark.parametrize(("kind", "operation"), WRITES)
def test_change_meanwhile_comes_after_the_lost_one(
    host: FaultyHost, kind: Kind, operation: Operation
) -> None:
    """A change that comes while an answer is missing goes out after the resend, as an update."""
    work = prepare(host, "r1", kind, operation)
    lose(work)
    host.save(_changed(kind))
    host.clock.advance(10)
    assert host.send() == 2
    assert shown(work) is RecordState.SYNCED
    assert len(work.there()) == 1
    assert host.books.doubles == []


@pytest.mark.parametrize("kind", KINDS)
def test_older_than_minutes_is_looked_for_and_adopted(host: FaultyHost, kind: Kind) -> None:
    """After minutes one look comes first; what agrees in everything is adopted, nothing written."""
    host.qbo.company().books.settings.requestid_retention = 200
    work = prepare(host, "r1", kind, Operation.CREATE)
    lose(work)
    before = host.mark()
    host.clock.advance(FOUR_MINUTES)
    assert host.send() == 1
    asked = host.requests(before)
    assert len(asked) == 1
    assert not asked[0].write
    assert shown(work) is RecordState.SYNCED
    (there,) = work.there()
    assert host.look(f"{kind}:r1").qbo_id == there["id"]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("seconds", "same_key"), [(60, True), (240, False), (90_000, False)])
def test_what_is_not_to_be_found_is_sent_again(
    host: FaultyHost,
    kind: Kind,
    seconds: int,
    same_key: bool,  # noqa: FBT001  a parameter of the test
) -> None:
    """Resent under the same key for minutes; then looked for, and sent under a new one."""
    work = prepare(host, "r1", kind, Operation.CREATE)
    before = host.mark()
    host.qbo.trouble(TroubleRule(kind="fail", status=503, entity=work.entity, method="POST"))
    host.send()
    assert work.there() == []
    host.clock.advance(seconds)
    assert host.send() == 1
    first, second = (one.requestid for one in host.requests(before) if one.requestid)
    assert (first == second) is same_key
    assert len(work.there()) == 1


EDITS: dict[Kind, dict[str, Any]] = {
    Kind.CUSTOMER: {"PrimaryEmailAddr": {"Address": "other@example.com"}},
    Kind.INVOICE: {"TxnDate": "2026-03-05", "PrivateNote": "by hand"},
    Kind.PAYMENT: {"TotalAmt": 140, "PrivateNote": "by hand"},
}


def _ambiguous(host: FaultyHost, kind: Kind) -> Work:
    host.qbo.company().books.settings.requestid_retention = 200
    work = prepare(host, "r1", kind, Operation.CREATE)
    lose(work)
    (there,) = work.there()
    books = host.qbo.company().books
    books.edit(kind.value.capitalize(), there["id"], EDITS[kind])
    host.clock.advance(FOUR_MINUTES)
    host.send()
    view = host.look(f"{kind}:r1")
    assert view.state is RecordState.ATTENTION
    assert view.error is not None
    assert view.error.code == "ambiguous"
    assert view.candidate_id == there["id"]
    return work


@pytest.mark.parametrize("kind", KINDS)
def test_when_only_some_agrees_a_person_is_asked_and_links(host: FaultyHost, kind: Kind) -> None:
    """What agrees in part only is offered; linked, it is written as DunaHub has it, not doubled."""
    work = _ambiguous(host, kind)
    (there,) = work.there()
    assert host.link(work.key) == 1
    assert host.link(work.key) == 0
    assert host.send() == 1
    view = host.look(f"{kind}:r1")
    assert (view.state, view.qbo_id) == (RecordState.SYNCED, there["id"])
    assert len(work.there()) == 1
    assert host.books.doubles == []


@pytest.mark.parametrize("kind", [Kind.INVOICE, Kind.PAYMENT])
def test_retry_says_that_it_is_another_one(host: FaultyHost, kind: Kind) -> None:
    """Retry instead of the link makes a new one: the person has seen that it is not the same."""
    work = _ambiguous(host, kind)
    (other,) = work.there()
    assert host.retry(work.key) == 1
    assert host.send() == 1
    view = host.look(f"{kind}:r1")
    assert view.state is RecordState.SYNCED
    assert view.qbo_id != other["id"]
    assert len(work.there()) == 2


def test_saving_does_not_answer_the_question(host: FaultyHost) -> None:
    """A change in DunaHub does not make a second invoice of one that may be there."""
    work = _ambiguous(host, Kind.INVOICE)
    host.save(make_invoice("r1", lead=make_lead("r1"), message="Thank you"))
    host.send()
    assert len(work.there()) == 1
    assert shown(work) is RecordState.ATTENTION


@pytest.mark.parametrize("kind", [Kind.INVOICE, Kind.PAYMENT])
def test_replay_of_a_deleted_object_is_not_believed(host: FaultyHost, kind: Kind) -> None:
    """QuickBooks replays its answer although the object was deleted since: a person is asked."""
    work = prepare(host, "r1", kind, Operation.CREATE)
    lose(work)
    (gone,) = work.there()
    host.qbo.company().books.delete(kind.value.capitalize(), gone["id"])
    host.clock.advance(10)
    assert host.send() == 0  # a read may not find yet what was written a moment ago
    host.clock.advance(FOUR_MINUTES)
    host.send()
    assert work.there() == []
    host.save(_changed(kind))
    host.send()
    assert work.there() == []
    assert host.retry(None) == 0
    if kind is Kind.INVOICE:  # saving is no answer
        host.save(make_invoice("r1", lead=make_lead("r1"), message="Thank you"))
        host.send()
        assert work.there() == []
    assert host.retry(work.key) == 1
    assert host.send() == 1
    (there,) = work.there()
    assert there["id"] != gone["id"]
    assert host.look(f"{kind}:r1").qbo_id == there["id"]


@pytest.mark.parametrize("kind", KINDS)
def test_read_that_lags_behind_doubles_nothing(host: FaultyHost, kind: Kind) -> None:
    """QuickBooks replays its answer, but does not find the object yet: it is not made again."""
    work = prepare(host, "r1", kind, Operation.CREATE)
    lose(work)
    host.qbo.trouble(
        TroubleRule(kind="fail", status=400, code="610", entity=work.entity, method="GET")
    )
    for _ in range(4):
        host.clock.advance(10)
        host.send()
    (there,) = work.there()
    assert host.look(f"{kind}:r1").qbo_id == there["id"]


@pytest.mark.parametrize("kind", KINDS)
def test_a_write_that_is_carried_out_late_is_found(host: FaultyHost, kind: Kind) -> None:
    """Nobody hears of a write that QuickBooks carries out minutes later: it is not made again."""
    work = prepare(host, "r1", kind, Operation.CREATE)
    host.qbo.company().books.settings.requestid_retention = 1
    held: list[httpx.Request] = []

    def hold(request: httpx.Request) -> None:
        if request.method == "POST" and request.url.path.endswith(f"/{work.entity}"):
            held.append(request)
            host.line.error = httpx.ReadTimeout

    host.line.watched = hold
    for _ in range(10):
        host.send()
        host.clock.advance(17)
    assert work.there() == []
    host.line.watched = None
    host.line.deliver(held[0])
    host.pass_time(1)
    (there,) = work.there()
    assert host.look(f"{kind}:r1").qbo_id == there["id"]


@pytest.mark.parametrize("kind", KINDS)
def test_a_query_that_lags_for_minutes_doubles_nothing(
    host: FaultyHost, monkeypatch: pytest.MonkeyPatch, kind: Kind
) -> None:
    """What a query finds only minutes after it was written is not made again."""
    query = QboClient.query

    def lag(self: QboClient, *asked: Any, **how: Any) -> list[dict[str, Any]]:  # noqa: ANN401  as it
        before = host.clock.now() - timedelta(seconds=170)
        return [
            one
            for one in query(self, *asked, **how)
            if datetime.fromisoformat(one["MetaData"]["CreateTime"]) <= before
        ]

    work = prepare(host, "r1", kind, Operation.CREATE)
    host.qbo.company().books.settings.requestid_retention = 60
    monkeypatch.setattr(QboClient, "query", lag)
    lose(work)
    host.clock.advance(190)
    host.pass_time(1)
    (there,) = work.there()
    assert host.look(f"{kind}:r1").qbo_id == there["id"]


@pytest.mark.parametrize("kind", KINDS)
def test_key_that_was_used_before_is_an_unknown_outcome(host: FaultyHost, kind: Kind) -> None:
    """Code 600 after a lost answer: it is looked for, and adopted (never created again)."""
    work = prepare(host, "r1", kind, Operation.CREATE)
    lose(work)
    host.qbo.trouble(
        TroubleRule(kind="fail", status=400, code="600", shape="fault", entity=work.entity)
    )
    host.clock.advance(10)
    assert host.send() == 1
    assert len(work.there()) == 1
    assert shown(work) is RecordState.SYNCED


def test_look_that_fails_leaves_the_question_open(host: FaultyHost) -> None:
    """A look that QuickBooks refuses does not lead to a second invoice, now or after Retry."""
    work = prepare(host, "r1", Kind.INVOICE, Operation.CREATE)
    lose(work)
    host.clock.advance(FOUR_MINUTES)
    host.qbo.trouble(TroubleRule(kind="fail", status=400, code="4000", path="/query"))
    host.send()
    assert shown(work) is RecordState.ATTENTION
    host.retry(work.key)
    host.send()
    assert shown(work) is RecordState.SYNCED
    assert len(work.there()) == 1


def test_twin_of_another_record_is_not_adopted(host: FaultyHost) -> None:
    """Two records alike in number, customer, total and date stay two: each carries its mark."""
    host.save(make_invoice(number="D-7"))
    host.send()
    host.qbo.trouble(TroubleRule(kind="fail", status=503, entity="invoice"))
    host.save(make_invoice("inv-2", number="D-7"))
    host.send()
    host.clock.advance(FOUR_MINUTES)
    assert host.send() == 1
    first, second = (host.look(f"invoice:{name}").qbo_id for name in ("inv-1", "inv-2"))
    assert first != second
    assert len(host.books.invoices) == 2


def test_void_that_was_carried_out_is_found_voided(host: FaultyHost) -> None:
    """A void whose answer was lost is not made a second time."""
    work = prepare(host, "r1", Kind.INVOICE, Operation.VOID)
    lose(work)
    (voided,) = work.there()
    host.clock.advance(FOUR_MINUTES)
    assert host.send() == 1
    (there,) = work.there()
    assert there["sync_token"] == voided["sync_token"]
    assert shown(work) is RecordState.SYNCED


def test_invoice_that_quickbooks_numbers_is_known_by_our_mark(host: FaultyHost) -> None:
    """Without a number of ours, customer, total, date and our mark together tell it."""
    host.qbo.company().books.settings.requestid_retention = 200
    host.save(make_lead())
    host.send()
    host.qbo.trouble(TroubleRule(kind="lose", entity="invoice"))
    host.save(make_invoice(number=""))
    host.send()
    host.clock.advance(FOUR_MINUTES)
    assert host.send() == 1
    assert len(host.books.invoices) == 1


def test_number_that_quickbooks_replaced_is_found(host: FaultyHost) -> None:
    """Where QuickBooks numbers by itself our marker, customer and total tell the lost invoice."""
    settings = host.qbo.company().books.settings
    settings.requestid_retention = 200
    settings.doc_number_when_off = "ignore"
    host.save(make_lead())
    host.send()
    host.qbo.trouble(TroubleRule(kind="lose", entity="invoice"))
    host.save(make_invoice())
    host.send()
    host.clock.advance(FOUR_MINUTES)
    assert host.send() == 1
    (there,) = host.books.invoices
    assert host.look("invoice:inv-1").qbo_id == there["id"]


def _backup(host: FaultyHost, folder: Path) -> Path:
    """Copy the database as a backup does."""
    copy = folder / "backup.sqlite3"
    path = host.runtime.database.url.database
    assert path
    source, target = sqlite3.connect(path), sqlite3.connect(copy)
    source.backup(target)
    source.close()
    target.close()
    return copy


@pytest.fixture
def restore() -> Iterator[Callable[[FaultyHost, Path], FaultyHost]]:
    """Start the plugin on a copy, as an operator does who puts a backup in place."""
    started: list[FaultyHost] = []

    def on(host: FaultyHost, copy: Path) -> FaultyHost:
        started.append(host.on(copy))
        return started[-1]

    yield on
    for made in started:
        made.close()


Restore = Callable[[FaultyHost, Path], FaultyHost]


def _records(host: FaultyHost) -> None:
    for number in range(4):
        tag = f"b{number}"
        person = make_lead(tag)
        host.save(make_invoice(tag, lead=person))
        host.save(make_payment(id=tag, invoice_id=tag, invoice_number=f"D-{tag}"))


@pytest.mark.parametrize("store_url", [None], ids=["sqlite"])  # a backup is a copied file
def test_restored_backup_is_answered_from_the_keys(
    host: FaultyHost, tmp_path: Path, restore: Restore
) -> None:
    """Mapping lost, books full: the same intents have the same keys, and nothing is doubled."""
    _records(host)
    copy = _backup(host, tmp_path)
    assert host.send() == 12
    books = books_of(host)
    host = restore(host, copy)
    assert host.send() == 12
    assert books_of(host) == books
    assert {row.synced_fingerprint == row.fingerprint for row in rows_of(host)} == {True}


@pytest.mark.parametrize("store_url", [None], ids=["sqlite"])  # a backup is a copied file
def test_old_backup_is_looked_up_and_not_doubled(
    host: FaultyHost, tmp_path: Path, restore: Restore
) -> None:
    """Beyond QuickBooks' memory of keys, looking first finds everything that is there."""
    host.qbo.company().books.settings.requestid_retention = 60
    _records(host)
    copy = _backup(host, tmp_path)
    assert host.send() == 12
    books = books_of(host)
    host = restore(host, copy)
    host.clock.advance(3600)
    with host.runtime.database.write.begin() as db:
        until = host.clock.now() + timedelta(days=1)
        pauses.look_first(db, connection_of(host).id, until=until)
    host.save(make_lead("new"))
    # Each was found or made, and is then brought to the newest state: the copy may be old.
    assert host.send() == 2 * (12 + 1)
    customers, invoices, payments = books_of(host)
    known = [one for one in customers if "new" not in one["name"]]
    assert contents(known, invoices, payments) == contents(*books)
    assert len(customers) == len(books[0]) + 1
    assert host.books.doubles == []
    assert {row.synced_fingerprint == row.fingerprint for row in rows_of(host)} == {True}


@pytest.mark.parametrize("store_url", [None], ids=["sqlite"])  # a backup is a copied file
def test_old_backup_finds_what_is_another_customers_now(
    host: FaultyHost, tmp_path: Path, restore: Restore
) -> None:
    """A payment that a merge of customers moved since the backup is found by its day."""
    settings = host.qbo.company().books.settings
    settings.requestid_retention = 60
    host.save(make_lead("into"), make_invoice(), make_payment())
    copy = _backup(host, tmp_path)
    host.send()
    ids = {one["name"]: one["id"] for one in host.books.customers}
    into = next(found for name, found in ids.items() if name.endswith("into"))
    (merged,) = set(ids.values()) - {into}
    books = host.qbo.company().books
    books.void("Invoice", host.books.invoices[0]["id"])
    books.delete("Invoice", host.books.invoices[0]["id"])
    books.merge_customers(merged, into)
    host = restore(host, copy)
    host.clock.advance(3600)
    with host.runtime.database.write.begin() as db:
        until = host.clock.now() + timedelta(days=1)
        pauses.look_first(db, connection_of(host).id, until=until)
    host.pass_time(1)
    assert len(host.books.payments) == 1
    assert host.books.doubles == []


@pytest.mark.parametrize("sent", [True, False])
@pytest.mark.parametrize("store_url", [None], ids=["sqlite"])  # a backup is a copied file
def test_what_a_backup_does_not_know_to_be_sent_is_voided(
    host: FaultyHost, tmp_path: Path, restore: Restore, *, sent: bool
) -> None:
    """An invoice that was sent since the backup is looked for and voided; none is made for it."""
    host.qbo.company().books.settings.requestid_retention = 60
    host.save(make_invoice())
    copy = _backup(host, tmp_path)
    if sent:
        host.send()
    host = restore(host, copy)
    host.clock.advance(3600)
    with host.runtime.database.write.begin() as db:
        until = host.clock.now() + timedelta(days=1)
        pauses.look_first(db, connection_of(host).id, until=until)
    host.save(make_invoice(status=InvoiceStatus.VOID))
    host.pass_time(1)
    assert [one["total"] for one in host.books.invoices] == ["0.00"] * sent
    expected = RecordState.SYNCED if sent else RecordState.NOT_SENT
    assert host.look("invoice:inv-1").state is expected


@pytest.mark.parametrize("store_url", [None], ids=["sqlite"])  # a backup is a copied file
def test_look_first_does_not_believe_a_replay(
    host: FaultyHost, tmp_path: Path, restore: Restore
) -> None:
    """After a restore, an invoice that was deleted since is not taken for there: it asks."""
    host.save(make_invoice())
    copy = _backup(host, tmp_path)
    host.send()
    (gone,) = host.books.invoices
    host.qbo.company().books.delete("Invoice", gone["id"])
    host = restore(host, copy)
    with host.runtime.database.write.begin() as db:
        until = host.clock.now() + timedelta(days=1)
        pauses.look_first(db, connection_of(host).id, until=until)
    host.send()
    assert host.books.invoices == []
    host.retry(RecordKey(kind=Kind.INVOICE, local_id="inv-1"))
    host.send()
    (there,) = host.books.invoices
    assert host.look("invoice:inv-1").qbo_id == there["id"] != gone["id"]


def test_adoption_is_told_in_the_history(host: FaultyHost) -> None:
    """The history says that a record was found in QuickBooks (rule 30)."""
    work = prepare(host, "r1", Kind.INVOICE, Operation.CREATE)
    lose(work)
    host.clock.advance(FOUR_MINUTES)
    host.send()
    with host.runtime.database.read.connect() as db:
        entries = history.of_record(db, host.look("invoice:r1").id)
    assert entries[0].code == Note.FOUND_AGAIN
