"""Writes whose answer never came: found out, never doubled (rule 10)."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from datetime import timedelta
from operator import itemgetter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from dunahub_qbo_plugin.emulator.world.trouble import TroubleRule
from dunahub_qbo_plugin.model import Kind, Note, Operation, RecordKey, RecordState
from dunahub_qbo_plugin.store.companies import pauses
from dunahub_qbo_plugin.store.records import history
from tests.support.faulty import Bench, Work, prepare
from tests.support.office import CONTRACTOR, invoice, lead, payment

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
def office(tmp_path: Path, store_url: str | None) -> Iterator[Bench]:
    """A connected office, on SQLite and on PostgreSQL."""
    bench = Bench(tmp_path, database_url=store_url)
    yield bench
    bench.close()


def lose(work: Work, **more: object) -> None:
    """Have the work's next request be carried out and its answer be lost."""
    rule = {"kind": "lose", "entity": work.entity, "method": "POST", **more}
    work.office.trouble(TroubleRule.from_mapping(rule))
    assert work.office.drain() == 0


def books_of(office: Bench) -> tuple[Any, Any, Any]:
    """The customers, invoices and payments."""
    books = office.books(CONTRACTOR)
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
    return work.office.view(work.key.kind, work.key.local_id).state


@pytest.mark.parametrize(("kind", "operation"), WRITES)
def test_resend_is_the_same_to_the_letter(office: Bench, kind: Kind, operation: Operation) -> None:
    """Within minutes the very same request goes out again, and QuickBooks answers as before."""
    office.emulator.world.journal.keep_bodies = True
    office.emulator.world.companies[CONTRACTOR].books.settings.request_id_mismatch = "fault_600"
    work = prepare(office, "r1", kind, operation)
    before = office.mark()
    lose(work)
    books = books_of(office)
    office.time.advance(10)
    assert office.drain() == 1
    sent = [one for one in office.requests(before) if one.requestid]
    assert len(sent) == 2
    assert sent[0].requestid == sent[1].requestid
    assert sent[0].body == sent[1].body
    assert sent[0].body
    assert books_of(office) == books


@pytest.mark.parametrize(("kind", "operation"), WRITES)
def test_change_meanwhile_comes_after_the_lost_one(
    office: Bench, kind: Kind, operation: Operation
) -> None:
    """A change that comes while an answer is missing goes out after the resend, as an update."""
    work = prepare(office, "r1", kind, operation)
    lose(work)
    changes: dict[Kind, Lead | Invoice | Payment] = {
        Kind.CUSTOMER: lead("r1", phone="(512) 555-0199"),
        Kind.INVOICE: invoice("r1", lead=lead("r1"), message="Thank you"),
        Kind.PAYMENT: payment(
            "r1", invoice_id="r1", invoice_number="D-r1", amount=invoice().total / 4
        ),
    }
    office.save(changes[kind])
    office.time.advance(10)
    assert office.drain() == 2
    assert shown(work) is RecordState.SYNCED
    assert len(work.there()) == 1
    assert office.books()["doubles"] == []


@pytest.mark.parametrize("kind", KINDS)
def test_older_than_minutes_is_looked_for_and_adopted(office: Bench, kind: Kind) -> None:
    """After minutes one look comes first; what agrees in everything is adopted, nothing written."""
    office.emulator.world.companies[CONTRACTOR].books.settings.requestid_retention = 200
    work = prepare(office, "r1", kind, Operation.CREATE)
    lose(work)
    before = office.mark()
    office.time.advance(FOUR_MINUTES)
    assert office.drain() == 1
    asked = office.requests(before)
    assert len(asked) == 1
    assert not asked[0].write
    assert shown(work) is RecordState.SYNCED
    (there,) = work.there()
    assert office.view(kind, "r1").qbo_id == there["id"]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("seconds", "same_key"), [(60, True), (240, False), (90_000, False)])
def test_what_is_not_to_be_found_is_sent_again(
    office: Bench,
    kind: Kind,
    seconds: int,
    same_key: bool,  # noqa: FBT001  a parameter of the test
) -> None:
    """Resent under the same key for minutes; then looked for, and sent under a new one."""
    work = prepare(office, "r1", kind, Operation.CREATE)
    before = office.mark()
    office.trouble(TroubleRule(kind="fail", status=503, entity=work.entity, method="POST"))
    office.drain()
    assert work.there() == []
    office.time.advance(seconds)
    assert office.drain() == 1
    first, second = (one.requestid for one in office.requests(before) if one.requestid)
    assert (first == second) is same_key
    assert len(work.there()) == 1


EDITS: dict[Kind, dict[str, Any]] = {
    Kind.CUSTOMER: {"PrimaryEmailAddr": {"Address": "other@example.com"}},
    Kind.INVOICE: {"TxnDate": "2026-03-05", "PrivateNote": "by hand"},
    Kind.PAYMENT: {"TotalAmt": 140, "PrivateNote": "by hand"},
}


def _ambiguous(office: Bench, kind: Kind) -> Work:
    office.emulator.world.companies[CONTRACTOR].books.settings.requestid_retention = 200
    work = prepare(office, "r1", kind, Operation.CREATE)
    lose(work)
    (there,) = work.there()
    books = office.emulator.world.companies[CONTRACTOR].books
    books.edit(kind.value.capitalize(), there["id"], EDITS[kind])
    office.time.advance(FOUR_MINUTES)
    office.drain()
    view = office.view(kind, "r1")
    assert view.state is RecordState.ATTENTION
    assert view.error is not None
    assert view.error.code == "ambiguous"
    assert view.candidate_id == there["id"]
    return work


@pytest.mark.parametrize("kind", KINDS)
def test_when_only_some_agrees_a_person_is_asked_and_links(office: Bench, kind: Kind) -> None:
    """What agrees in part only is offered; linked, it is written as DunaHub has it, not doubled."""
    work = _ambiguous(office, kind)
    (there,) = work.there()
    assert office.link(work.key) == 1
    assert office.link(work.key) == 0
    assert office.drain() == 1
    view = office.view(kind, "r1")
    assert (view.state, view.qbo_id) == (RecordState.SYNCED, there["id"])
    assert len(work.there()) == 1
    assert office.books()["doubles"] == []


@pytest.mark.parametrize("kind", [Kind.INVOICE, Kind.PAYMENT])
def test_retry_says_that_it_is_another_one(office: Bench, kind: Kind) -> None:
    """Retry instead of the link makes a new one: the person has seen that it is not the same."""
    work = _ambiguous(office, kind)
    (other,) = work.there()
    assert office.retry(work.key) == 1
    assert office.drain() == 1
    view = office.view(kind, "r1")
    assert view.state is RecordState.SYNCED
    assert view.qbo_id != other["id"]
    assert len(work.there()) == 2


def test_saving_does_not_answer_the_question(office: Bench) -> None:
    """A change in DunaHub does not make a second invoice of one that may be there."""
    work = _ambiguous(office, Kind.INVOICE)
    office.save(invoice("r1", lead=lead("r1"), message="Thank you"))
    office.drain()
    assert len(work.there()) == 1
    assert shown(work) is RecordState.ATTENTION


@pytest.mark.parametrize("kind", [Kind.INVOICE, Kind.PAYMENT])
def test_replay_of_a_deleted_object_is_not_believed(office: Bench, kind: Kind) -> None:
    """QuickBooks replays its answer although the object was deleted since: a person is asked."""
    work = prepare(office, "r1", kind, Operation.CREATE)
    lose(work)
    (gone,) = work.there()
    office.emulator.world.companies[CONTRACTOR].books.delete(kind.value.capitalize(), gone["id"])
    office.time.advance(10)
    assert office.drain() == 0  # a read may not find yet what was written a moment ago
    office.time.advance(FOUR_MINUTES)
    office.drain()
    assert work.there() == []
    assert office.retry(None) == 0
    assert office.retry(work.key) == 1
    assert office.drain() == 1
    (there,) = work.there()
    assert there["id"] != gone["id"]
    assert office.view(kind, "r1").qbo_id == there["id"]


@pytest.mark.parametrize("kind", KINDS)
def test_read_that_lags_behind_doubles_nothing(office: Bench, kind: Kind) -> None:
    """QuickBooks replays its answer, but does not find the object yet: it is not made again."""
    work = prepare(office, "r1", kind, Operation.CREATE)
    lose(work)
    office.trouble(
        TroubleRule(kind="fail", status=400, code="610", entity=work.entity, method="GET")
    )
    for _ in range(4):
        office.time.advance(10)
        office.drain()
    (there,) = work.there()
    assert office.view(kind, "r1").qbo_id == there["id"]


@pytest.mark.parametrize("kind", KINDS)
def test_key_that_was_used_before_is_an_unknown_outcome(office: Bench, kind: Kind) -> None:
    """Code 600 after a lost answer: it is looked for, and adopted (never created again)."""
    work = prepare(office, "r1", kind, Operation.CREATE)
    lose(work)
    office.trouble(
        TroubleRule(kind="fail", status=400, code="600", shape="fault", entity=work.entity)
    )
    office.time.advance(10)
    assert office.drain() == 1
    assert len(work.there()) == 1
    assert shown(work) is RecordState.SYNCED


def test_look_that_fails_leaves_the_question_open(office: Bench) -> None:
    """A look that QuickBooks refuses does not lead to a second invoice, now or after Retry."""
    work = prepare(office, "r1", Kind.INVOICE, Operation.CREATE)
    lose(work)
    office.time.advance(FOUR_MINUTES)
    office.trouble(TroubleRule(kind="fail", status=400, code="4000", path="/query"))
    office.drain()
    assert shown(work) is RecordState.ATTENTION
    office.retry(work.key)
    office.drain()
    assert shown(work) is RecordState.SYNCED
    assert len(work.there()) == 1


def test_twin_of_another_record_is_not_adopted(office: Bench) -> None:
    """Two records alike in number, customer, total and date stay two: each carries its mark."""
    office.save(invoice(number="D-7"))
    office.drain()
    office.trouble(TroubleRule(kind="fail", status=503, entity="invoice"))
    office.save(invoice("inv-2", number="D-7"))
    office.drain()
    office.time.advance(FOUR_MINUTES)
    assert office.drain() == 1
    first, second = (office.view(Kind.INVOICE, name).qbo_id for name in ("inv-1", "inv-2"))
    assert first != second
    assert len(office.books()["invoices"]) == 2


def test_void_that_was_carried_out_is_found_voided(office: Bench) -> None:
    """A void whose answer was lost is not made a second time."""
    work = prepare(office, "r1", Kind.INVOICE, Operation.VOID)
    lose(work)
    (voided,) = work.there()
    office.time.advance(FOUR_MINUTES)
    assert office.drain() == 1
    (there,) = work.there()
    assert there["sync_token"] == voided["sync_token"]
    assert shown(work) is RecordState.SYNCED


def test_invoice_that_quickbooks_numbers_is_known_by_our_mark(office: Bench) -> None:
    """Without a number of ours, customer, total, date and our mark together tell it."""
    office.emulator.world.companies[CONTRACTOR].books.settings.requestid_retention = 200
    office.save(lead())
    office.drain()
    office.trouble(TroubleRule(kind="lose", entity="invoice"))
    office.save(invoice(number=""))
    office.drain()
    office.time.advance(FOUR_MINUTES)
    assert office.drain() == 1
    assert len(office.books()["invoices"]) == 1


def test_number_that_quickbooks_replaced_is_found(office: Bench) -> None:
    """Where QuickBooks numbers by itself our marker, customer and total tell the lost invoice."""
    settings = office.emulator.world.companies[CONTRACTOR].books.settings
    settings.requestid_retention = 200
    settings.doc_number_when_off = "ignore"
    office.save(lead())
    office.drain()
    office.trouble(TroubleRule(kind="lose", entity="invoice"))
    office.save(invoice())
    office.drain()
    office.time.advance(FOUR_MINUTES)
    assert office.drain() == 1
    (there,) = office.books()["invoices"]
    assert office.view(Kind.INVOICE, "inv-1").qbo_id == there["id"]


def _backup(office: Bench, folder: Path) -> Path:
    """Copy the database as a backup does."""
    copy = folder / "backup.sqlite3"
    path = office.runtime.database.url.database
    assert path
    source, target = sqlite3.connect(path), sqlite3.connect(copy)
    source.backup(target)
    source.close()
    target.close()
    return copy


@pytest.fixture
def restore() -> Iterator[Callable[[Bench, Path], Bench]]:
    """Start the plugin on a copy, as an operator does who puts a backup in place."""
    started: list[Bench] = []

    def on(office: Bench, copy: Path) -> Bench:
        started.append(office.on(copy))
        return started[-1]

    yield on
    for bench in started:
        bench.close()


Restore = Callable[[Bench, Path], Bench]


def _records(office: Bench) -> None:
    for number in range(4):
        tag = f"b{number}"
        person = lead(tag)
        office.save(invoice(tag, lead=person))
        office.save(payment(tag, invoice_id=tag, invoice_number=f"D-{tag}"))


@pytest.mark.parametrize("store_url", [None], ids=["sqlite"])  # a backup is a copied file
def test_restored_backup_is_answered_from_the_keys(
    office: Bench, tmp_path: Path, restore: Restore
) -> None:
    """Mapping lost, books full: the same intents have the same keys, and nothing is doubled."""
    _records(office)
    copy = _backup(office, tmp_path)
    assert office.drain() == 12
    books = books_of(office)
    office = restore(office, copy)
    assert office.drain() == 12
    assert books_of(office) == books
    assert {row.synced_fingerprint == row.fingerprint for row in office.rows()} == {True}


@pytest.mark.parametrize("store_url", [None], ids=["sqlite"])  # a backup is a copied file
def test_old_backup_is_looked_up_and_not_doubled(
    office: Bench, tmp_path: Path, restore: Restore
) -> None:
    """Beyond QuickBooks' memory of keys, looking first finds everything that is there."""
    office.emulator.world.companies[CONTRACTOR].books.settings.requestid_retention = 60
    _records(office)
    copy = _backup(office, tmp_path)
    assert office.drain() == 12
    books = books_of(office)
    office = restore(office, copy)
    office.time.advance(3600)
    with office.runtime.database.write.begin() as db:
        until = office.time.now() + timedelta(days=1)
        pauses.look_first(db, office.connection().id, until=until)
    office.save(lead("new"))
    # Each was found or made, and is then brought to the newest state: the copy may be old.
    assert office.drain() == 2 * (12 + 1)
    customers, invoices, payments = books_of(office)
    known = [one for one in customers if "new" not in one["name"]]
    assert contents(known, invoices, payments) == contents(*books)
    assert len(customers) == len(books[0]) + 1
    assert office.books()["doubles"] == []
    assert {row.synced_fingerprint == row.fingerprint for row in office.rows()} == {True}


@pytest.mark.parametrize("store_url", [None], ids=["sqlite"])  # a backup is a copied file
def test_look_first_does_not_believe_a_replay(
    office: Bench, tmp_path: Path, restore: Restore
) -> None:
    """After a restore, an invoice that was deleted since is not taken for there: it asks."""
    office.save(invoice())
    copy = _backup(office, tmp_path)
    office.drain()
    (gone,) = office.books()["invoices"]
    office.emulator.world.companies[CONTRACTOR].books.delete("Invoice", gone["id"])
    office = restore(office, copy)
    with office.runtime.database.write.begin() as db:
        until = office.time.now() + timedelta(days=1)
        pauses.look_first(db, office.connection().id, until=until)
    office.drain()
    assert office.books()["invoices"] == []
    office.retry(RecordKey(kind=Kind.INVOICE, local_id="inv-1"))
    office.drain()
    (there,) = office.books()["invoices"]
    assert office.view(Kind.INVOICE, "inv-1").qbo_id == there["id"] != gone["id"]


def test_adoption_is_told_in_the_history(office: Bench) -> None:
    """The history says that a record was found in QuickBooks (rule 30)."""
    work = prepare(office, "r1", Kind.INVOICE, Operation.CREATE)
    lose(work)
    office.time.advance(FOUR_MINUTES)
    office.drain()
    with office.runtime.database.read.connect() as db:
        entries = history.of_record(db, office.view(Kind.INVOICE, "r1").id)
    assert entries[0].code == Note.FOUND_AGAIN
