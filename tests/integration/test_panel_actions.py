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
from dunahub_hookspecs.host import dispatch
from dunahub_qbo_plugin.model import ErrorInfo, Kind, RecordState, SkipReason, Status
from dunahub_qbo_plugin.panel.actions import panel_actions
from dunahub_qbo_plugin.panel.form_input import MAX_REASON_LENGTH
from dunahub_qbo_plugin.panel.record_actions import SEND
from dunahub_qbo_plugin.store import tasks
from dunahub_qbo_plugin.store.companies import pauses
from dunahub_qbo_plugin.store.convert import to_ms
from dunahub_qbo_plugin.store.db.cipher import Cipher
from dunahub_qbo_plugin.store.db.database import Database
from dunahub_qbo_plugin.store.records import history
from dunahub_qbo_plugin.store.tables import records
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
from tests.support.clock import FakeClock
from tests.support.office import ACME, CONTRACTOR, DANA, EMPTY, TAXED, Office, invoice, lead

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

RIVAL = Organization(id="rival", name="Rival Roofing", region=Region.US)
LEE = Person(id="lee", name="Lee", email="lee@rival.example")


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    """An office that is connected."""
    made = Office(tmp_path, clock=FakeClock(BEGIN))
    made.connect()
    yield made
    made.close()


def press(
    office: Office,
    action: str,
    *,
    method: str = "POST",
    org: Organization = ACME,
    person: Person = DANA,
    query: dict[str, str] | None = None,
    **form: Any,  # noqa: ANN401  values of form fields
) -> str:
    """Press a button as the host does; gives the code that the page is shown with."""
    request = ActionRequest(
        org=org,
        person=person,
        page_url=PAGE_URL,
        action_url=PAGE_URL,
        query=query or {},
        form=form,
    )
    answer = dispatch(office.manager, "quickbooks", action, method, request)
    assert isinstance(answer, Redirect)
    if not answer.url.startswith(PAGE_URL):
        return answer.url
    assert urlsplit(answer.url)._replace(query="", fragment="").geturl() == PAGE_URL
    return parse_qs(urlsplit(answer.url).query)["qbo"][0]


def reject(office: Office, local_id: str = "lead-1", *, org: Organization = ACME) -> None:
    """Save a lead and let QuickBooks have refused it."""
    office.save(lead(local_id), org=org)
    put(office, Kind.CUSTOMER, local_id, **failed("6240", subject="customer 58"))
    assert office.view(Kind.CUSTOMER, local_id, org=org).state is RecordState.ATTENTION


def test_connect_leads_to_intuit_and_back_with_a_confirmation(tmp_path: Path) -> None:
    """Connect, approve, and the page says so (rule 15)."""
    office = Office(tmp_path, clock=FakeClock(BEGIN))
    consent = press(office, "connect")
    assert consent.startswith(office.emulator.base_url)
    back = office.consent(consent, CONTRACTOR)
    assert press(office, "callback", method="GET", query=back) == "connected"
    assert office.connection().status is Status.CONNECTED
    office.close()


def test_declining_at_intuit_comes_back_with_a_plain_message(tmp_path: Path) -> None:
    """Declining changes nothing (rule 15)."""
    office = Office(tmp_path, clock=FakeClock(BEGIN))
    state = parse_qs(urlsplit(press(office, "connect")).query)["state"][0]
    query = {"error": "access_denied", "state": state}
    assert press(office, "callback", method="GET", query=query) == "declined"
    with office.runtime.database.read.connect() as db:
        assert office.runtime.connections.current(db, ACME.id) is None
    office.close()


@pytest.mark.parametrize(
    "query", [{}, {"state": "made-up", "code": "x", "realmId": "1"}, {"error": "<script>"}]
)
def test_a_callback_that_nobody_asked_for_changes_nothing(
    tmp_path: Path, query: dict[str, str]
) -> None:
    """The callback is guarded by its state, and answers with a redirect (rule 15)."""
    office = Office(tmp_path, clock=FakeClock(BEGIN))
    assert press(office, "callback", method="GET", query=query) == "failed.late"
    office.close()


def test_a_callback_of_another_person_is_refused(tmp_path: Path) -> None:
    """A consent counts for the person who asked for it only (rule 15)."""
    office = Office(tmp_path, clock=FakeClock(BEGIN))
    back = office.consent(press(office, "connect"), CONTRACTOR)
    colleague = Person(id="kim", name="Kim")
    assert press(office, "callback", method="GET", person=colleague, query=back) == "failed.late"
    office.close()


def test_check_connection_asks_quickbooks_and_makes_no_record(office: Office) -> None:
    """The office can check the connection without touching the books (rule 31)."""
    before = office.books()
    assert press(office, "check") == "checked"
    assert office.books() == before


def test_a_check_does_not_sit_out_a_pause(office: Office) -> None:
    """While QuickBooks wants a pause, the button answers at once, and truly (rules 9 and 31)."""
    before = office.clock.monotonic()
    office.runtime.client._throttles.pause(office.connection().id, 60)
    for button in ("check", "refresh-items"):
        assert press(office, button) == "check-failed.busy"
    assert office.clock.monotonic() - before < 1
    assert "QuickBooks asked for a pause" in panel(office, qbo="check-failed.busy")


def test_a_check_does_not_hide_that_the_subscription_ended(office: Office) -> None:
    """Reading works without one, so a check that went well proves nothing of it."""
    until = to_ms(office.clock.now() + timedelta(minutes=9))
    set_company(office, paused_until=until, pause_code="6190")
    assert "It is sent automatically when the pause below is over" in panel(office, qbo="sending")
    assert press(office, "check") == "checked"
    assert office.connection().paused_until is not None
    set_company(office, paused_until=until, pause_code="3100")
    assert press(office, "check") == "checked"
    assert office.connection().paused_until is None


def test_sending_twice_keeps_the_first_in_sight(office: Office) -> None:
    """A double click on Send all leaves what is under way to be seen (rule 18)."""
    office.save(lead("lead-1"), lead("lead-2"))
    press(office, "disconnect")
    office.connect()
    assert press(office, "send-all") == "sending"
    assert press(office, "send-all") == "nothing-to-send"
    with office.runtime.database.read.connect() as db:
        last = tasks.latest(db, office.connection().id, SEND)
    assert last is not None
    assert last.total == 2


def test_disconnect_stops_and_deletes_the_tokens(office: Office) -> None:
    """Yes, disconnect: it is not connected any more, twice changes nothing (rule 17)."""
    assert press(office, "disconnect") == "disconnected"
    assert press(office, "disconnect") == "disconnected"
    connection = office.connection()
    assert connection.status is Status.NOT_CONNECTED
    with office.runtime.database.read.connect() as db:
        assert office.runtime.connections.tokens(db, connection.id) is None
    assert press(office, "check") == "check-failed.not-connected"


def test_another_company_is_used_only_after_a_yes(office: Office) -> None:
    """The company changes with confirm-company, and stays with cancel-company (rule 19)."""
    before = office.connection()
    office.connect(EMPTY)
    assert press(office, "cancel-company") == "canceled"
    assert office.connection().id == before.id
    office.connect(EMPTY)
    assert office.connection().id == before.id
    assert press(office, "confirm-company", company=asked_about(office)) == "confirmed"
    assert office.connection().id != before.id
    assert office.connection().status is Status.CONNECTED


def test_a_yes_is_to_the_company_that_was_asked_about(office: Office) -> None:
    """A third company, chosen meanwhile by others, is not what was confirmed (rules 14 and 19)."""
    before = office.connection()
    office.connect(EMPTY)
    seen = asked_about(office)
    office.connect(TAXED, person=attrs.evolve(DANA, id="eve"))
    assert press(office, "confirm-company", company=seen) == "not-confirmed"
    assert press(office, "confirm-company") == "not-confirmed"
    assert office.connection().id == before.id
    assert press(office, "confirm-company", company=asked_about(office)) == "confirmed"
    assert press(office, "confirm-company", company=asked_about(office)) == "not-confirmed"
    office.save(invoice())
    office.drain()
    assert [len(office.books(one)["invoices"]) for one in (EMPTY, TAXED)] == [0, 1]


def asked_about(office: Office) -> str:
    """Read from the page which company its button says yes to; empty when there is none."""
    found = re.search(r'name="company" value="(\w+)"', panel(office))
    return found[1] if found else ""


def test_retry_makes_a_record_due_and_is_safe_to_press_twice(office: Office) -> None:
    """Retry is one click, and pressed twice it makes one customer (rule 25)."""
    reject(office)
    assert press(office, "retry", key="customer:lead-1") == "retried"
    assert press(office, "retry", key="customer:lead-1") == "retried"
    assert office.view(Kind.CUSTOMER, "lead-1").state is RecordState.WAITING
    office.drain()
    assert office.view(Kind.CUSTOMER, "lead-1").state is RecordState.SYNCED
    assert press(office, "retry", key="customer:lead-1") == "nothing-to-retry"


def test_retry_all_takes_whatever_needs_attention(office: Office) -> None:
    """One click for all that failed (rule 25)."""
    for number in range(3):
        reject(office, f"lead-{number}")
    assert press(office, "retry-all") == "retried"
    for number in range(3):
        assert office.view(Kind.CUSTOMER, f"lead-{number}").state is RecordState.WAITING
    office.drain()
    assert press(office, "retry-all") == "nothing-to-retry"


def test_a_group_of_thousands_is_retried_at_once(office: Office) -> None:
    """The number of records in a group does not break its buttons (rule 34)."""
    keys = [f"customer:nobody-{number}" for number in range(2000)]
    reject(office)
    assert press(office, "retry", key=(*keys, "customer:lead-1")) == "retried"
    assert press(office, "dismiss", key=tuple(keys), reason="Gone") == "not-dismissed"


def test_a_record_of_another_organization_is_out_of_reach(office: Office) -> None:
    """No action touches another organization's record, whatever key is sent (rule 12)."""
    office.connect(TAXED, org=RIVAL, person=LEE)
    reject(office, "theirs", org=RIVAL)
    put(office, Kind.CUSTOMER, "theirs", candidate_id="7", candidate_token="0")
    before = office.rows()
    assert press(office, "retry", key="customer:theirs") == "nothing-to-retry"
    assert press(office, "retry-all") == "nothing-to-retry"
    assert press(office, "link", key="customer:theirs") == "not-linked"
    assert press(office, "send", key="customer:theirs") == "nothing-to-send"
    assert press(office, "dismiss", key="customer:theirs", reason="mine") == "not-dismissed"
    assert press(office, "undo", key="customer:theirs") == "not-undone"
    assert press(office, "disconnect") == "disconnected"
    assert office.rows() == before
    assert office.connection(org=RIVAL).status is Status.CONNECTED


@pytest.mark.parametrize("action", ["retry", "link", "send", "dismiss", "undo"])
@pytest.mark.parametrize("key", ["", "x", "vendor:1", "customer", "'; drop table qbo_record; --"])
def test_a_form_that_names_no_record_is_answered_in_words(
    office: Office, action: str, key: str
) -> None:
    """Whatever a form sends, the answer is a sentence and nothing changes."""
    reject(office)
    before = office.rows()
    nothing = {
        "retry": "nothing-to-retry",
        "link": "not-linked",
        "send": "nothing-to-send",
        "dismiss": "not-dismissed",
        "undo": "not-undone",
    }
    said = press(office, action, key=key, reason="because")
    assert said in {"unknown-record", nothing[action]}
    assert office.rows() == before


def test_use_this_customer_links_and_releases_what_waited(office: Office) -> None:
    """One click links the lead, and its invoice goes out by itself (rules 23 and 27)."""
    office.save(lead("first", name="John Smith"))
    office.drain()
    office.save(invoice("inv-9", number="1009", lead=lead("second", name="John Smith")))
    office.drain()
    assert office.view(Kind.CUSTOMER, "second").state is RecordState.ATTENTION
    assert office.view(Kind.INVOICE, "inv-9").state is RecordState.WAITING
    assert press(office, "link", key="customer:second") == "linked"
    office.drain()
    assert office.view(Kind.CUSTOMER, "second").qbo_id == office.view(Kind.CUSTOMER, "first").qbo_id
    assert office.view(Kind.INVOICE, "inv-9").state is RecordState.SYNCED
    assert press(office, "link", key="customer:second") == "not-linked"


def test_dismiss_needs_a_reason_and_can_be_undone(office: Office) -> None:
    """A dismissed record is Not sent with its reason, until that is undone."""
    reject(office)
    assert press(office, "dismiss", key="customer:lead-1", reason=" \n ") == "no-reason"
    assert press(office, "dismiss", key="customer:lead-1") == "no-reason"
    assert office.view(Kind.CUSTOMER, "lead-1").state is RecordState.ATTENTION
    long_reason = "A test,\nnot a customer" + "!" * 500
    assert press(office, "dismiss", key="customer:lead-1", reason=long_reason) == "dismissed"
    view = office.view(Kind.CUSTOMER, "lead-1")
    assert (view.state, view.skip_reason) == (RecordState.NOT_SENT, SkipReason.DISMISSED)
    assert view.skip_note.startswith("A test, not a customer")
    assert len(view.skip_note) == MAX_REASON_LENGTH
    assert press(office, "undo", key="customer:lead-1") == "undone"
    assert office.view(Kind.CUSTOMER, "lead-1").state is RecordState.WAITING
    assert press(office, "undo", key="customer:lead-1") == "not-undone"


def test_what_was_left_behind_is_sent_only_when_asked(office: Office) -> None:
    """Records made while disconnected go out with Send now, not by themselves (rule 18)."""
    press(office, "disconnect")
    office.save(job("1050", "Ana Ruiz"), pay("1050"))
    assert press(office, "send", key="customer:lead-1050") == "not-connected"
    office.connect()
    office.drain()
    assert office.view(Kind.INVOICE, "inv-1050").state is RecordState.NOT_SENT
    asked = ("customer:lead-1050", "invoice:inv-1050")
    assert press(office, "send", key=asked) == "sending"
    office.drain()
    assert office.view(Kind.INVOICE, "inv-1050").state is RecordState.SYNCED
    assert office.view(Kind.PAYMENT, "pay-1050").state is RecordState.NOT_SENT


def test_the_history_names_who_pressed_the_button(office: Office) -> None:
    """Each request of a person is kept with that person (rule 30)."""
    reject(office)
    press(office, "retry", key="customer:lead-1", person=Person(id="9", name="Bo (Jr.)"))
    with office.runtime.database.read.connect() as db:
        newest = history.of_record(db, office.view(Kind.CUSTOMER, "lead-1").id)[0]
    assert (newest.code, newest.actor) == ("retry", "Bo (Jr.)")
    assert "Retried by Bo (Jr.)." in read(card(office, RecordKind.LEAD, "lead-1"))
    reason = "Paid (twice): see mail"
    press(office, "dismiss", key="customer:lead-1", reason=reason)
    assert f"by {DANA.email}: {reason}." in read(card(office, RecordKind.LEAD, "lead-1"))


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
    office: Office, code: str, cause: str, *, lifted: bool
) -> None:
    """After the subscription was renewed nobody waits for the hour to pass; a 429 is obeyed."""
    until = datetime(2026, 11, 5, 20, 0, tzinfo=UTC)
    for action in ("resume", "retry-all", "retry"):
        with office.runtime.database.write.begin() as db:
            info = ErrorInfo(code=code, cause=cause)
            pauses.pause(db, office.connection().id, info, until=until, now=office.clock.now())
        press(office, action, key="customer:lead-1")
        assert (office.connection().paused_until is None) is lifted


def test_actions_ring_the_worker(office: Office) -> None:
    """What was asked for goes out at once, not at the worker's next look (rule 6)."""
    rung: list[str] = []
    context = attrs.evolve(office.runtime.panel, wake=lambda: rung.append("ring"))
    actions = {action.name: action for action in panel_actions(context)}
    reject(office)
    request = ActionRequest(
        org=ACME,
        person=DANA,
        page_url=PAGE_URL,
        action_url=PAGE_URL,
        form={"key": "customer:lead-1"},
    )
    actions["retry"].handle(request)
    assert rung == ["ring"]


def test_only_the_callback_and_downloads_answer_to_get(office: Office) -> None:
    """Whatever changes something is POST, which the host guards."""
    methods = {action.name: action.method for action in panel_actions(office.runtime.panel)}
    assert {name for name, method in methods.items() if method == "GET"} == {
        "callback",
        "export-customers",
        "export-invoices",
        "export-payments",
        "export-months",
    }


def test_trouble_in_an_action_is_a_sentence(office: Office) -> None:
    """A database out of reach, a missing key: the person reads a sentence, nothing is raised."""
    request = ActionRequest(
        org=ACME,
        person=DANA,
        page_url=f"{PAGE_URL}?tab=books&qbo=old",
        action_url=PAGE_URL,
        form={"key": "customer:lead-1"},
    )
    broken = attrs.evolve(office.runtime.panel, database=Database("sqlite:////proc/no/qbo.sqlite3"))
    for action in panel_actions(broken):
        if action.name in {"retry", "retry-all", "dismiss", "send", "undo", "link", "resume"}:
            answer = action.handle(attrs.evolve(request, form={"key": "customer:1", "reason": "x"}))
            assert isinstance(answer, Redirect)
            assert answer.url == f"{PAGE_URL}?tab=books&qbo=trouble"

    linking = attrs.evolve(office.runtime.panel.connection_service, cipher=Cipher(()))
    keyless = attrs.evolve(office.runtime.panel, connection_service=linking)
    connect = next(action for action in panel_actions(keyless) if action.name == "connect")
    answer = connect.handle(request)
    assert isinstance(answer, Redirect)
    assert answer.url == f"{PAGE_URL}?tab=books&qbo=setup"


def test_nothing_is_retried_while_disconnected(office: Office) -> None:
    """Disconnected, the buttons say so; dismissing still works (rules 17 and 18)."""
    reject(office)
    press(office, "disconnect")
    for action in ("retry", "retry-all", "resume", "link"):
        assert press(office, action, key="customer:lead-1") == "not-connected"
    assert press(office, "dismiss", key="customer:lead-1", reason="Old") == "dismissed"


def test_an_expired_token_keeps_what_was_asked(office: Office) -> None:
    """Retry while the token is expired makes the record wait for Reconnect (rule 16)."""
    reject(office)
    set_company(office, expired_at=1)
    assert press(office, "retry", key="customer:lead-1") == "retried"
    assert "It is sent automatically once you reconnect" in panel(office, qbo="retried")
    assert office.view(Kind.CUSTOMER, "lead-1").state is RecordState.WAITING
    with office.runtime.database.read.connect() as db:
        due = db.execute(sa.select(records.c.next_attempt_at)).scalar_one()
    assert due is not None
