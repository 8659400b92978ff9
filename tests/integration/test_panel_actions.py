"""What the buttons do: in the database, for the own organization only, and safe to press twice."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import attrs
import pytest
import sqlalchemy as sa

from dunahub_hookspecs import ActionRequest, Organization, Person, RecordKind, Redirect, Region
from dunahub_qbo_plugin.model import ErrorInfo, Kind, RecordState, SkipReason, Status
from dunahub_qbo_plugin.panel.actions import panel_actions
from dunahub_qbo_plugin.panel.form_input import MAX_KEYS, MAX_REASON_LENGTH
from dunahub_qbo_plugin.panel.panel_action import PIECE
from dunahub_qbo_plugin.panel.record_actions import SEND
from dunahub_qbo_plugin.store import tasks
from dunahub_qbo_plugin.store.companies import pauses
from dunahub_qbo_plugin.store.convert import to_ms
from dunahub_qbo_plugin.store.db.cipher import Cipher
from dunahub_qbo_plugin.store.db.database import Database
from dunahub_qbo_plugin.store.records import history
from dunahub_qbo_plugin.store.tables import records
from dunahub_qbo_plugin.testing import ORG, PERSON, FakeHost, make_invoice, make_lead, said
from tests.integration.test_panel_states import (
    BEGIN,
    PAGE_URL,
    card,
    failed,
    job,
    panel,
    pay,
    read,
    set_company,
)
from tests.integration.test_panel_states import set_record as put
from tests.support.host import EMPTY, TAXED, connection_of, make_host, rows_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

RIVAL = Organization(id="rival", name="Rival Roofing", region=Region.US)
LEE = Person(id="lee", name="Lee", email="lee@rival.example")


@pytest.fixture
def host(tmp_path: Path) -> Iterator[FakeHost]:
    """Return a connected host."""
    made = make_host(tmp_path, start=BEGIN)
    made.connect()
    yield made
    made.close()


def press(host: FakeHost, action: str, **options: Any) -> str:  # noqa: ANN401  as FakeHost.press
    """Press a button; gives the code that the page is shown with, or the address elsewhere."""
    answer = host.press(action, **options)
    assert isinstance(answer, Redirect)
    if not answer.url.startswith(PAGE_URL):
        return answer.url
    assert urlsplit(answer.url)._replace(query="", fragment="").geturl() == PAGE_URL
    return said(answer)


def came_back(address: str) -> dict[str, str]:
    """Return the query with which Intuit's page sends a person back."""
    return {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}


def reject(host: FakeHost, local_id: str = "lead-1", *, org: Organization = ORG) -> None:
    """Save a lead and let QuickBooks have refused it."""
    host.save(make_lead(local_id), org=org)
    put(host, Kind.CUSTOMER, local_id, **failed("6240", subject="customer 58"))
    assert host.look(f"customer:{local_id}", org=org).state is RecordState.ATTENTION


def test_connect_leads_to_intuit_and_back_with_a_confirmation(tmp_path: Path) -> None:
    """Connect, approve, and the page says so (rule 15)."""
    host = make_host(tmp_path, start=BEGIN)
    consent = press(host, "connect")
    assert consent.startswith(host.qbo.emulator.base_url)
    back = came_back(host.qbo.approve(consent))
    assert press(host, "callback", method="GET", query=back) == "connected"
    assert connection_of(host).status is Status.CONNECTED
    host.close()


def test_declining_at_intuit_comes_back_with_a_plain_message(tmp_path: Path) -> None:
    """Declining changes nothing (rule 15)."""
    host = make_host(tmp_path, start=BEGIN)
    state = parse_qs(urlsplit(press(host, "connect")).query)["state"][0]
    query = {"error": "access_denied", "state": state}
    assert press(host, "callback", method="GET", query=query) == "declined"
    with host.runtime.database.read.connect() as db:
        assert host.runtime.connections.current(db, ORG.id) is None
    host.close()


@pytest.mark.parametrize(
    "query", [{}, {"state": "made-up", "code": "x", "realmId": "1"}, {"error": "<script>"}]
)
def test_a_callback_that_nobody_asked_for_changes_nothing(
    tmp_path: Path, query: dict[str, str]
) -> None:
    """The callback is guarded by its state, and answers with a redirect (rule 15)."""
    host = make_host(tmp_path, start=BEGIN)
    assert press(host, "callback", method="GET", query=query) == "failed.late"
    host.close()


def test_a_callback_of_another_person_is_refused(tmp_path: Path) -> None:
    """A consent counts for the person who asked for it only (rule 15)."""
    host = make_host(tmp_path, start=BEGIN)
    back = came_back(host.qbo.approve(press(host, "connect")))
    colleague = Person(id="kim", name="Kim")
    assert press(host, "callback", method="GET", person=colleague, query=back) == "failed.late"
    host.close()


def test_check_connection_asks_quickbooks_and_makes_no_record(host: FakeHost) -> None:
    """The office can check the connection without touching the books (rule 31)."""
    before = host.books.read()
    assert press(host, "check") == "checked"
    assert host.books.read() == before


def test_a_check_does_not_sit_out_a_pause(host: FakeHost) -> None:
    """While QuickBooks wants a pause, the button answers at once, and truly (rules 9 and 31)."""
    before = host.clock.monotonic()
    host.runtime.client._throttles.pause(connection_of(host).id, 60)
    for button in ("check", "refresh-items"):
        assert press(host, button) == "check-failed.busy"
    assert host.clock.monotonic() - before < 1
    assert "QuickBooks asked for a pause" in panel(host, qbo="check-failed.busy")


def test_a_check_does_not_hide_that_the_subscription_ended(host: FakeHost) -> None:
    """Reading works without one, so a check that went well proves nothing of it."""
    until = to_ms(host.clock.now() + timedelta(minutes=9))
    set_company(host, paused_until=until, pause_code="6190")
    assert "It is sent automatically when the pause below is over" in panel(host, qbo="sending")
    assert press(host, "check") == "checked"
    assert connection_of(host).paused_until is not None
    set_company(host, paused_until=until, pause_code="3100")
    assert press(host, "check") == "checked"
    assert connection_of(host).paused_until is None


def test_sending_twice_keeps_the_first_in_sight(host: FakeHost) -> None:
    """A double click on Send all leaves what is under way to be seen (rule 18)."""
    host.save(make_lead("lead-1"), make_lead("lead-2"))
    press(host, "disconnect")
    host.connect()
    assert press(host, "send-all") == "sending"
    assert press(host, "send-all") == "nothing-to-send"
    with host.runtime.database.read.connect() as db:
        last = tasks.latest(db, connection_of(host).id, SEND)
    assert last is not None
    assert last.total == 2


def test_disconnect_stops_and_deletes_the_tokens(host: FakeHost) -> None:
    """Yes, disconnect: it is not connected any more, twice changes nothing (rule 17)."""
    assert press(host, "disconnect") == "disconnected"
    assert press(host, "disconnect") == "disconnected"
    connection = connection_of(host)
    assert connection.status is Status.NOT_CONNECTED
    with host.runtime.database.read.connect() as db:
        assert host.runtime.connections.tokens(db, connection.id) is None
    assert press(host, "check") == "check-failed.not-connected"


def test_another_company_is_used_only_after_a_yes(host: FakeHost) -> None:
    """The company changes with confirm-company, and stays with cancel-company (rule 19)."""
    before = connection_of(host)
    host.connect("empty")
    assert press(host, "cancel-company") == "canceled"
    assert connection_of(host).id == before.id
    host.connect("empty")
    assert connection_of(host).id == before.id
    assert press(host, "confirm-company", company=asked_about(host)) == "confirmed"
    assert connection_of(host).id != before.id
    assert connection_of(host).status is Status.CONNECTED


def test_a_yes_is_to_the_company_that_was_asked_about(host: FakeHost) -> None:
    """A third company, chosen meanwhile by others, is not what was confirmed (rules 14 and 19)."""
    before = connection_of(host)
    host.connect("empty")
    seen = asked_about(host)
    host.connect("automated_tax", person=attrs.evolve(PERSON, id="eve"))
    assert press(host, "confirm-company", company=seen) == "not-confirmed"
    assert press(host, "confirm-company") == "not-confirmed"
    assert connection_of(host).id == before.id
    assert press(host, "confirm-company", company=asked_about(host)) == "confirmed"
    assert press(host, "confirm-company", company=asked_about(host)) == "not-confirmed"
    host.save(make_invoice())
    host.send()
    assert [len(host.qbo.books_of(one).invoices) for one in (EMPTY, TAXED)] == [0, 1]


def asked_about(host: FakeHost) -> str:
    """Read from the page which company its button says yes to; empty when there is none."""
    found = re.search(r'name="company" value="(\w+)"', panel(host))
    return found[1] if found else ""


def test_retry_makes_a_record_due_and_is_safe_to_press_twice(host: FakeHost) -> None:
    """Retry is one click, and pressed twice it makes one customer (rule 25)."""
    reject(host)
    assert press(host, "retry", key="customer:lead-1") == "retried"
    assert press(host, "retry", key="customer:lead-1") == "retried"
    assert host.look("customer:lead-1").state is RecordState.WAITING
    host.send()
    assert host.look("customer:lead-1").state is RecordState.SYNCED
    assert press(host, "retry", key="customer:lead-1") == "nothing-to-retry"


def test_retry_all_takes_whatever_needs_attention(host: FakeHost) -> None:
    """One click for all that failed (rule 25)."""
    for number in range(3):
        reject(host, f"lead-{number}")
    assert press(host, "retry-all") == "retried"
    for number in range(3):
        assert host.look(f"customer:lead-{number}").state is RecordState.WAITING
    host.send()
    assert press(host, "retry-all") == "nothing-to-retry"


def test_retry_all_says_that_it_leaves_questions_out(host: FakeHost) -> None:
    """What was deleted there on purpose is not made again by the way; that is said (rule 42)."""
    host.save(make_lead("gone"))
    host.send()
    (there,) = host.books.customers
    host.qbo.company().books.deactivate("Customer", there["id"])
    host.save(make_lead("gone", phone="(512) 555-0199"))
    reject(host)
    host.settle()
    assert press(host, "retry-all") == "retried-others"
    host.settle()
    assert press(host, "retry-all") == "only-questions"
    assert len(host.books.customers) == 2
    assert press(host, "retry", key="customer:gone") == "retried"
    host.settle()
    assert press(host, "retry-all") == "nothing-to-retry"


def test_a_group_of_thousands_is_retried_at_once(host: FakeHost) -> None:
    """The number of records in a group does not break its buttons (rule 34).

    Each transaction has a piece of them. A form that names more than any page lists is refused.
    """
    host.save(*(make_lead(f"lead-{number}") for number in range(2 * PIECE + 1)))
    with host.runtime.database.write.begin() as db:
        values = {"error_code": "2050", "next_attempt_at": None}
        db.execute(sa.update(records).values(**values))
    assert press(host, "retry", cause="customer:2050:") == "retried"
    with host.runtime.database.read.connect() as db:
        left = sa.select(sa.func.count()).where(records.c.next_attempt_at.is_(None))
        assert db.execute(left).scalar() == 0
    keys = [f"customer:lead-{number}" for number in range(MAX_KEYS + 1)]
    assert press(host, "retry", key=tuple(keys)) == "too-many"
    assert press(host, "dismiss", key=tuple(keys), reason="Gone") == "too-many"
    assert press(host, "dismiss", key=tuple(keys[:-1]), reason="Gone") == "dismissed"


def test_a_record_of_another_organization_is_out_of_reach(host: FakeHost) -> None:
    """No action touches another organization's record, whatever key is sent (rule 12)."""
    host.connect("automated_tax", org=RIVAL, person=LEE)
    reject(host, "theirs", org=RIVAL)
    put(host, Kind.CUSTOMER, "theirs", candidate_id="7", candidate_token="0")
    before = rows_of(host)
    assert press(host, "retry", key="customer:theirs") == "nothing-to-retry"
    assert press(host, "retry-all") == "nothing-to-retry"
    assert press(host, "link", key="customer:theirs") == "not-linked"
    assert press(host, "send", key="customer:theirs") == "nothing-to-send"
    assert press(host, "dismiss", key="customer:theirs", reason="mine") == "not-dismissed"
    assert press(host, "undo", key="customer:theirs") == "not-undone"
    assert press(host, "disconnect") == "disconnected"
    assert rows_of(host) == before
    assert connection_of(host, org=RIVAL).status is Status.CONNECTED


@pytest.mark.parametrize("action", ["retry", "link", "send", "dismiss", "undo"])
@pytest.mark.parametrize("key", ["", "x", "vendor:1", "customer", "'; drop table qbo_record; --"])
def test_a_form_that_names_no_record_is_answered_in_words(
    host: FakeHost, action: str, key: str
) -> None:
    """Whatever a form sends, the answer is a sentence and nothing changes."""
    reject(host)
    before = rows_of(host)
    nothing = {
        "retry": "nothing-to-retry",
        "link": "not-linked",
        "send": "nothing-to-send",
        "dismiss": "not-dismissed",
        "undo": "not-undone",
    }
    said = press(host, action, key=key, reason="because")
    assert said in {"unknown-record", nothing[action]}
    assert rows_of(host) == before


def test_use_this_customer_links_and_releases_what_waited(host: FakeHost) -> None:
    """One click links the lead, and its invoice goes out by itself (rules 23 and 27)."""
    host.save(make_lead("first", name="John Smith"))
    host.send()
    host.save(make_invoice("inv-9", number="1009", lead=make_lead("second", name="John Smith")))
    host.send()
    assert host.look("customer:second").state is RecordState.ATTENTION
    assert host.look("invoice:inv-9").state is RecordState.WAITING
    assert press(host, "link", key="customer:second") == "linked"
    host.send()
    assert host.look("customer:second").qbo_id == host.look("customer:first").qbo_id
    assert host.look("invoice:inv-9").state is RecordState.SYNCED
    assert press(host, "link", key="customer:second") == "not-linked"


def test_dismiss_needs_a_reason_and_can_be_undone(host: FakeHost) -> None:
    """A dismissed record is Not sent with its reason, until that is undone."""
    reject(host)
    assert press(host, "dismiss", key="customer:lead-1", reason=" \n ") == "no-reason"
    assert press(host, "dismiss", key="customer:lead-1") == "no-reason"
    assert host.look("customer:lead-1").state is RecordState.ATTENTION
    long_reason = "A test,\nnot a customer" + "!" * 500
    assert press(host, "dismiss", key="customer:lead-1", reason=long_reason) == "dismissed"
    view = host.look("customer:lead-1")
    assert (view.state, view.skip_reason) == (RecordState.NOT_SENT, SkipReason.DISMISSED)
    assert view.skip_note.startswith("A test, not a customer")
    assert len(view.skip_note) == MAX_REASON_LENGTH
    assert press(host, "undo", key="customer:lead-1") == "undone"
    assert host.look("customer:lead-1").state is RecordState.WAITING
    assert press(host, "undo", key="customer:lead-1") == "not-undone"


def test_what_was_left_behind_is_sent_only_when_asked(host: FakeHost) -> None:
    """Records made while disconnected go out with Send now, not by themselves (rule 18)."""
    press(host, "disconnect")
    host.save(job("1050", "Ana Ruiz"), pay("1050"))
    assert press(host, "send", key="customer:lead-1050") == "not-connected"
    host.connect()
    host.send()
    assert host.look("invoice:inv-1050").state is RecordState.NOT_SENT
    asked = ("customer:lead-1050", "invoice:inv-1050")
    assert press(host, "send", key=asked) == "sending"
    host.send()
    assert host.look("invoice:inv-1050").state is RecordState.SYNCED
    assert host.look("payment:pay-1050").state is RecordState.NOT_SENT


def test_the_history_names_who_pressed_the_button(host: FakeHost) -> None:
    """Each request of a person is kept with that person (rule 30)."""
    reject(host)
    press(host, "retry", key="customer:lead-1", person=Person(id="9", name="Bo (Jr.)"))
    with host.runtime.database.read.connect() as db:
        newest = history.of_record(db, host.look("customer:lead-1").id)[0]
    assert (newest.code, newest.actor) == ("retry", "Bo (Jr.)")
    assert "Retried by Bo (Jr.)." in read(card(host, RecordKind.LEAD, "lead-1"))
    reason = "Paid (twice): see mail"
    press(host, "dismiss", key="customer:lead-1", reason=reason)
    assert f"by {PERSON.email}: {reason}." in read(card(host, RecordKind.LEAD, "lead-1"))


@pytest.mark.parametrize(
    ("code", "cause", "lifted"),
    [
        ("6190", "subscription ended", True),
        ("3100", "not allowed in words", True),
        ("3001", "throttled in words", False),
        ("http-429", "too many requests", False),
        ("throttled", "", False),
        ("http-503", "server error", True),
    ],
)
def test_retry_ends_a_pause_unless_quickbooks_asked_for_it(
    host: FakeHost, code: str, cause: str, *, lifted: bool
) -> None:
    """After the subscription was renewed nobody waits for the hour to pass; a 429 is obeyed."""
    until = datetime(2026, 11, 5, 20, 0, tzinfo=UTC)
    for action in ("resume", "retry-all", "retry"):
        with host.runtime.database.write.begin() as db:
            info = ErrorInfo(code=code, cause=cause)
            pauses.pause(db, connection_of(host).id, info, until=until, now=host.clock.now())
        press(host, action, key="customer:lead-1")
        assert (connection_of(host).paused_until is None) is lifted


def test_actions_ring_the_worker(host: FakeHost) -> None:
    """What was asked for goes out at once, not at the worker's next look (rule 6)."""
    rung: list[str] = []
    context = attrs.evolve(host.runtime.panel, wake=lambda: rung.append("ring"))
    actions = {action.name: action for action in panel_actions(context)}
    reject(host)
    request = ActionRequest(
        org=ORG,
        person=PERSON,
        page_url=PAGE_URL,
        action_url=PAGE_URL,
        form={"key": "customer:lead-1"},
    )
    actions["retry"].handle(request)
    assert rung == ["ring"]


def test_only_the_callback_and_downloads_answer_to_get(host: FakeHost) -> None:
    """Whatever changes something is POST, which the host guards."""
    methods = {action.name: action.method for action in panel_actions(host.runtime.panel)}
    assert {name for name, method in methods.items() if method == "GET"} == {
        "callback",
        "export-customers",
        "export-invoices",
        "export-payments",
        "export-months",
    }


def test_trouble_in_an_action_is_a_sentence(host: FakeHost) -> None:
    """A database out of reach, a missing key: the person reads a sentence, nothing is raised."""
    request = ActionRequest(
        org=ORG,
        person=PERSON,
        page_url=f"{PAGE_URL}?tab=books&qbo=old",
        action_url=PAGE_URL,
        form={"key": "customer:lead-1"},
    )
    broken = attrs.evolve(host.runtime.panel, database=Database("sqlite:////proc/no/qbo.sqlite3"))
    for action in panel_actions(broken):
        if action.name in {"retry", "retry-all", "dismiss", "send", "undo", "link", "resume"}:
            answer = action.handle(attrs.evolve(request, form={"key": "customer:1", "reason": "x"}))
            assert isinstance(answer, Redirect)
            assert answer.url == f"{PAGE_URL}?tab=books&qbo=trouble"

    linking = attrs.evolve(host.runtime.panel.connection_service, cipher=Cipher(()))
    keyless = attrs.evolve(host.runtime.panel, connection_service=linking)
    connect = next(action for action in panel_actions(keyless) if action.name == "connect")
    answer = connect.handle(request)
    assert isinstance(answer, Redirect)
    assert answer.url == f"{PAGE_URL}?tab=books&qbo=setup"


def test_nothing_is_retried_while_disconnected(host: FakeHost) -> None:
    """Disconnected, the buttons say so; dismissing still works (rules 17 and 18)."""
    reject(host)
    press(host, "disconnect")
    for action in ("retry", "retry-all", "resume", "link"):
        assert press(host, action, key="customer:lead-1") == "not-connected"
    assert press(host, "dismiss", key="customer:lead-1", reason="Old") == "dismissed"


def test_an_expired_token_keeps_what_was_asked(host: FakeHost) -> None:
    """Retry while the token is expired makes the record wait for Reconnect (rule 16)."""
    reject(host)
    set_company(host, expired_at=1)
    assert press(host, "retry", key="customer:lead-1") == "retried"
    assert "It is sent automatically once you reconnect" in panel(host, qbo="retried")
    assert host.look("customer:lead-1").state is RecordState.WAITING
    with host.runtime.database.read.connect() as db:
        due = db.execute(sa.select(records.c.next_attempt_at)).scalar_one()
    assert due is not None
