"""What a hook promises the CRM: one local write, no network, no exception, no waiting (rule 9)."""

from __future__ import annotations

import json
import socket
import sqlite3
import threading
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from unittest import mock

import attrs
import pytest
import sqlalchemy as sa
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from dunahub_hookspecs import Address, LineItem, PaymentMethod, Region
from dunahub_hookspecs.host import create_plugin_manager, notify
from dunahub_qbo_plugin.advice import advise
from dunahub_qbo_plugin.config import Config
from dunahub_qbo_plugin.model import Kind, RecordState
from dunahub_qbo_plugin.plugin import QuickBooksPlugin
from dunahub_qbo_plugin.store.db.sqlite import Turn
from dunahub_qbo_plugin.sync import intake
from dunahub_qbo_plugin.testing import ORG, PERSON, FakeHost, make_invoice, make_lead, make_payment
from tests.support.host import connection_of, make_host, rows_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from dunahub_hookspecs import Invoice, Lead, Payment
    from dunahub_qbo_plugin.store.records.upsert import Desired


CROWD = 100


@pytest.fixture
def host(tmp_path: Path) -> Iterator[FakeHost]:
    """Return a connected host."""
    made = make_host(tmp_path)
    made.connect()
    yield made
    made.close()


def test_no_socket_is_touched_on_the_callers_thread(
    host: FakeHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While the hooks run, the caller's thread neither connects nor sends nor looks up a name."""
    caller = threading.get_ident()
    touched: list[str] = []

    def watched(name: str) -> Any:  # noqa: ANN401  whatever the original is
        original = getattr(socket.socket, name)

        def method(self: socket.socket, *args: Any) -> Any:  # noqa: ANN401  passed on
            if threading.get_ident() == caller:
                touched.append(name)
            return original(self, *args)

        return method

    for name in ("connect", "connect_ex", "send", "sendall", "sendto", "recv"):
        monkeypatch.setattr(socket.socket, name, watched(name))
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_a, **_k: touched.append("getaddrinfo"))
    host.save(make_lead(), make_invoice(), make_payment())
    assert touched == []
    assert len(rows_of(host)) == 3


def test_one_transaction_for_each_hook(host: FakeHost) -> None:
    """An invoice and its lead are written in one local transaction."""
    begun: list[str] = []

    def note(_connection: sa.Connection) -> None:
        begun.append("transaction")

    sa.event.listen(host.runtime.database.hook, "begin", note)
    host.save(make_invoice())
    assert begun == ["transaction"]


def test_an_error_in_the_store_reaches_only_the_log(
    host: FakeHost, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Whatever breaks inside is logged; the CRM gets its normal answer."""

    def broken(*_args: object) -> None:
        raise RuntimeError("the store is broken")

    monkeypatch.setattr(host.runtime.intake, "_commit", broken)
    host.save(make_lead(), make_invoice(), make_payment())
    assert "could not be taken in" in caplog.text


def test_an_unreachable_database_harms_nobody(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Hooks return, the page says what is wrong, nothing is raised."""
    blocked = tmp_path / "file"
    blocked.write_text("not a folder")
    plugin = QuickBooksPlugin(
        config=Config.from_environ(
            {
                "DUNAHUB_QBO_DATABASE_URL": f"sqlite:///{blocked}/qbo.sqlite3",
                "DUNAHUB_QBO_WORKER": "off",
            }
        )
    )
    manager = create_plugin_manager([plugin], load_entry_points=False)
    answers = notify(manager, "on_lead_saved", org=ORG, lead=make_lead(), session=None)
    assert answers == []
    assert plugin.runtime().intake.waiting == 1
    plugin.on_shutdown()
    assert "customer:lead-1 of organization acme was not stored and is lost" in caplog.text
    assert "Traceback" not in caplog.text


def test_a_locked_database_is_not_waited_for(
    host: FakeHost, caplog: pytest.LogCaptureFixture
) -> None:
    """A hook returns while another holds the lock; how soon is measured by the benchmarks.

    The log names what is in memory only, and a host may have it written at once.
    """
    with host.runtime.database.write.begin(), ThreadPoolExecutor(1) as apart:
        apart.submit(host.save, make_lead()).result()
    assert host.runtime.intake.spilled == 1
    assert "kept in memory: customer:lead-1 of organization acme" in caplog.text
    assert rows_of(host) == []
    assert host.plugin.flush() == 1
    assert [row.local_id for row in rows_of(host)] == ["lead-1"]


def test_memory_keeps_the_newer_of_two_hooks(
    host: FakeHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A hook that waited longer for the database than a later one does not replace its state."""
    intake = host.runtime.intake

    def wait(_desired: object) -> bool:
        monkeypatch.setattr(intake, "_write", lambda _desired: False)
        host.clock.advance(1)
        host.save(make_lead(email="new@example.com"))
        return False

    monkeypatch.setattr(intake, "_write", wait)
    host.save(make_lead(email="old@example.com"))
    assert host.plugin.flush() == 1
    (row,) = rows_of(host)
    assert json.loads(row.snapshot)["email"] == "new@example.com"


def test_what_comes_while_a_process_ends_is_stored_too(
    host: FakeHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A hook that is under way while memory is written for the last time loses nothing."""
    intake = host.runtime.intake
    write_kept = intake._write_kept

    def write_and_save(rows: list[Desired]) -> None:
        monkeypatch.setattr(intake, "_write_kept", write_kept)
        write_kept(rows)
        host.save(make_lead(id="lead-2"))
        assert intake.waiting == 2  # the one that was written is not forgotten yet

    with host.runtime.database.write.begin(), ThreadPoolExecutor(1) as apart:
        apart.submit(host.save, make_lead()).result()
    monkeypatch.setattr(intake, "_write_kept", write_and_save)
    intake.close()
    host.save(make_lead(id="lead-3"))
    assert sorted(row.local_id for row in rows_of(host)) == ["lead-1", "lead-2", "lead-3"]
    assert (intake.waiting, intake.dropped) == (0, 0)


def test_a_record_that_a_process_can_no_longer_keep_is_named(
    host: FakeHost, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """After the end, what the database does not take is told and not kept where nobody looks."""
    intake = host.runtime.intake
    intake.close()

    def away(_rows: object) -> None:
        raise OperationalError("", None, sqlite3.OperationalError("disk I/O error"))

    monkeypatch.setattr(intake, "_write", lambda _desired: False)
    monkeypatch.setattr(intake, "_write_kept", away)
    host.save(make_lead())
    assert "customer:lead-1 of organization acme was not stored and is lost" in caplog.text
    assert intake.waiting == 0


def test_a_process_that_ends_waits_for_the_database(
    host: FakeHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a hook can write neither at once nor into memory is written with more patience."""
    host.runtime.intake.close()
    monkeypatch.setattr(host.runtime.intake, "_write", lambda _desired: False)
    host.save(make_lead())
    assert [row.local_id for row in rows_of(host)] == ["lead-1"]


def test_a_locked_database_is_not_waited_for_in_the_hosts_session(host: FakeHost) -> None:
    """However long the host itself would wait for a lock of the same file, a hook does not."""
    patient = sa.create_engine(host.config.database_url, connect_args={"timeout": 3600})
    with host.runtime.database.write.begin(), Session(patient) as session:
        session.execute(sa.text("SELECT 1"))
        host.save(make_lead(), session=session)
        assert session.execute(sa.text("PRAGMA busy_timeout")).scalar() == 3_600_000
        session.rollback()
    with Session(patient) as session:
        host.save(make_lead("after"), session=session)
        session.commit()
    host.plugin.flush()
    assert [row.local_id for row in rows_of(host)] == ["after"]
    patient.dispose()


def test_a_crowd_does_not_wait_for_the_database(host: FakeHost) -> None:
    """Of very many hooks at once only some wait for a lock, and all rows are there in the end."""
    waiting = 0
    take = Turn.take

    def counted(turn: Turn, held: dict[Any, Any], *, wait: float) -> bool:
        nonlocal waiting
        waiting += 1
        return take(turn, held, wait=wait)

    with (
        mock.patch.object(Turn, "take", counted),
        host.runtime.database.write.begin(),
        ThreadPoolExecutor(CROWD) as crowd,
    ):
        saves = [crowd.submit(host.save, make_lead(f"lead-{one}")) for one in range(CROWD)]
        for save in saves:
            save.result()
        # As soon as one has waited in vain the others go to memory, however many have begun.
        assert 1 <= waiting < 2 * intake.WRITERS
    assert host.runtime.intake.waiting == CROWD
    assert host.plugin.flush() == CROWD
    assert len(rows_of(host)) == CROWD


def test_a_locked_database_is_not_waited_for_where_nothing_is_sent(host: FakeHost) -> None:
    """An organization that left the US is stopped at its next hook, without a wait (rule 13)."""
    moved = attrs.evolve(ORG, region=Region.BR)
    with host.runtime.database.write.begin(), ThreadPoolExecutor(1) as apart:
        apart.submit(host.save, make_lead(), org=moved).result()
    assert connection_of(host).region_closed_at is None
    host.save(make_lead(), org=moved)
    assert connection_of(host).region_closed_at is not None
    assert rows_of(host) == []


@pytest.mark.parametrize("behind", [0.004, 0.5])
def test_an_older_state_never_replaces_a_newer_one(
    tmp_path: Path, store_url: str | None, behind: float
) -> None:
    """Of what two processes save, the later counts, in whichever order it is written (rule 4)."""
    host = make_host(tmp_path, database_url=store_url)
    host.connect()
    keys, url = host.config.fernet_keys, host.config.database_url
    other = FakeHost(tmp_path, qbo=host.qbo, database_url=url, fernet_keys=keys)
    host.save(make_lead(email="newer@example.com"))
    host.clock.jump(-behind)
    other.save(make_lead(email="older@example.com"))
    host.clock.jump(behind)
    host.settle()
    assert [one["email"] for one in host.books.customers] == ["newer@example.com"]
    other.close()
    host.close()


def test_what_was_saved_while_disconnected_is_not_sent(
    host: FakeHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It went through memory and is written after the reconnect: still Not sent (rule 18)."""
    monkeypatch.setattr(host.runtime.intake, "_wake", lambda _: None)  # nobody writes it early

    def save_while_locked(*values: Lead | Invoice) -> None:
        with host.runtime.database.write.begin():
            thread = threading.Thread(target=host.save, args=values)
            thread.start()
            thread.join()

    host.runtime.panel.connection_service.disconnect(ORG, PERSON)
    save_while_locked(make_lead("then"))
    host.clock.advance(5)
    host.connect()
    save_while_locked(make_invoice("now", lead=make_lead("since")))
    assert host.runtime.intake.waiting == 3
    assert host.send() == 2
    assert host.look("customer:then").state is RecordState.NOT_SENT
    assert host.look("invoice:now").state is RecordState.SYNCED
    host.save(make_invoice(lead=make_lead("then")))
    assert host.send() == 2
    assert host.look("customer:then").state is RecordState.SYNCED


MESSY = (
    'O\'Brien & "Sons" \\ 100%',
    "🏠 Zoë Ünïcödé 株式会社",
    "<script>alert(1)</script>",
    "x" * 5000,
    "Robert'); DROP TABLE qbo_record;--",
    "tab\there\nand a new line",
    "\x00nul and \ud800 half a pair",
    "   ",
    "",
)


def messy_values(text: str) -> tuple[Lead, Invoice, Payment]:
    """Return a lead, an invoice and a payment with a text everywhere that a text can be."""
    who = make_lead(
        "m", name=text, company=text, email=text, phone=text, address=Address(line1=text, city=text)
    )
    line = LineItem(description=text, service_name=text, unit_price=Decimal(1))
    return (
        who,
        make_invoice("m", number=text, lead=who, lines=[line], message=text),
        make_payment(id="m", invoice_id="m", invoice_number=text, reference=text),
    )


@pytest.mark.parametrize("text", MESSY, ids=range(len(MESSY)))
def test_messy_text_is_taken_and_shown(host: FakeHost, text: str) -> None:
    """Any text gives the CRM its normal answer and a clear state on the record; nothing is lost."""
    host.save(*messy_values(text))
    host.send()
    assert len(rows_of(host)) == 3
    for kind in Kind:
        view = host.look(f"{kind}:m")
        assert view.state in {RecordState.SYNCED, RecordState.ATTENTION, RecordState.WAITING}
        if view.state is RecordState.ATTENTION:
            assert view.error is not None
            told = advise(view.key.kind, view.error)
            assert told.why not in {"", f"{told.title}."}, "its facts are kept"
        if view.state is RecordState.WAITING:
            assert view.waiting_for is not None
    assert host.books.doubles == []


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        (attrs.evolve(make_invoice(), total=Decimal("99.00")), "total-mismatch"),
        (make_invoice(number="N" * 22), "number-too-long"),
        (make_invoice(lines=[]), "no-lines"),
        (make_invoice(discount=Decimal("150.00")), "discount-too-large"),
        (make_invoice(discount=Decimal("105.00"), tax=Decimal(10)), "discount-too-large"),
    ],
)
def test_a_wrong_invoice_says_what_is_wrong(host: FakeHost, wrong: Invoice, code: str) -> None:
    """What QuickBooks would refuse or compute otherwise is not sent, and says why (rule 22)."""
    host.save(wrong)
    host.send()
    view = host.look("invoice:inv-1")
    assert view.state is RecordState.ATTENTION
    assert view.error is not None
    assert view.error.code == code
    assert host.books.invoices == []
    host.save(make_invoice())
    host.send()
    assert host.look("invoice:inv-1").state is RecordState.SYNCED


@pytest.mark.parametrize("amount", [Decimal(0), Decimal("-5.00")])
def test_a_payment_that_is_none_says_so(host: FakeHost, amount: Decimal) -> None:
    """A zero or negative payment is not sent, and says why (rule 22)."""
    host.save(make_invoice(), make_payment(amount=amount, method=PaymentMethod.ACH))
    host.send()
    view = host.look("payment:pay-1")
    assert view.state is RecordState.ATTENTION
    assert view.error is not None
    assert view.error.code == "payment-not-positive"
    assert host.books.payments == []


def test_a_total_that_was_not_given_is_never_wrong(host: FakeHost) -> None:
    """Parts with fractions of a cent make a total that goes through as it is (rule 4)."""
    half = LineItem(unit_price=Decimal("10.005"), amount=Decimal("10.005"))
    host.save(
        make_invoice("lines", lines=[half, half]),
        make_invoice("discount", discount=Decimal("33.335")),
        make_invoice("both", lines=[half] * 3, discount=Decimal("0.005"), tax=Decimal("0.00")),
    )
    host.send()
    totals = {one["number"]: one["total"] for one in host.books.invoices}
    assert totals == {"D-lines": "20.02", "D-discount": "66.66", "D-both": "30.02"}


def test_values_beyond_all_books_are_taken_too(host: FakeHost) -> None:
    """An absurd amount neither crashes nor blocks what comes after it."""
    line = LineItem(unit_price=Decimal(10) ** 40)
    host.save(make_invoice("huge", lines=[line]), make_invoice("inv-2"))
    host.send()
    assert host.look("invoice:huge").state is RecordState.ATTENTION
    assert host.look("invoice:inv-2").state is RecordState.SYNCED


def test_a_contact_detail_holds_up_no_money(host: FakeHost) -> None:
    """A remark in the phone field is left out and named; invoice and payment arrive (rule 40)."""
    lead = make_lead(phone="(512) 555-0142 - ask for Ann, after 5pm", email="ann@example.com;")
    host.save(make_invoice(lead=lead), make_payment())
    host.send()
    keys = ("customer:lead-1", "invoice:inv-1", "payment:pay-1")
    assert {host.look(key).state for key in keys} == {RecordState.SYNCED}
    card = host.card("customer:lead-1")
    assert "Sent without the phone number: QuickBooks does not take what is entered there" in card
    host.save(make_lead(phone="(512) 555-0142", email="ann@example.com"))
    host.send()
    assert "Sent without" not in host.card("customer:lead-1")


def test_the_lead_without_a_name(host: FakeHost) -> None:
    """A lead without a name needs attention; its invoice waits and names it (rules 8 and 22)."""
    nameless = make_lead(name="", company="")
    host.save(make_invoice(lead=nameless))
    host.send()
    assert host.look("customer:lead-1").state is RecordState.ATTENTION
    waiting = host.look("invoice:inv-1")
    assert waiting.state is RecordState.WAITING
    assert waiting.waiting_for is not None
    host.save(attrs.evolve(nameless, name="Sarah Jones"))
    assert host.send() == 2
