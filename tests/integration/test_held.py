"""What is not to be sent any more does not leave, whatever was under way (rules 5 and 18)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx
import pytest

from dunahub_hookspecs import PaymentMethod, RecordKind, SettingsRequest
from dunahub_qbo_plugin.emulator.world.trouble import TroubleRule
from dunahub_qbo_plugin.model import Kind, RecordKey, RecordState, SkipReason
from dunahub_qbo_plugin.store.records import commands
from tests.support.faulty import Bench
from tests.support.office import ACME, CONTRACTOR, DANA, invoice, lead, payment

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

BILL = RecordKey(kind=Kind.INVOICE, local_id="inv-1")
CASH = payment(method=PaymentMethod.CASH, collected_by_dunahub=False)


@pytest.fixture
def office(tmp_path: Path, store_url: str | None) -> Iterator[Bench]:
    """A connected office on either database."""
    bench = Bench(tmp_path, database_url=store_url)
    yield bench
    bench.close()


class During(httpx.BaseTransport):
    """Does something once while a write to an entity is on its way."""

    def __init__(self, office: Bench, entity: str, action: Callable[[], object]) -> None:
        line = office.faulty.line
        self._inner = line._inner
        self._entity = entity
        self._action: Callable[[], object] | None = action
        line._inner = self

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Pass a request on."""
        if request.method == "POST" and request.url.path.endswith(f"/{self._entity}"):
            action, self._action = self._action, None
            if action is not None:
                action()
        return self._inner.handle_request(request)


def dismiss(office: Bench, key: RecordKey) -> None:
    """Decide not to send a record."""
    now = office.time.now()
    with office.runtime.database.write.begin() as db:
        assert (
            commands.dismiss(db, office.connection(), [key], reason="no", by="Dana", now=now) == 1
        )


def card(office: Bench) -> str:
    """Return the payment's card as its page shows it."""
    (shown,) = office.manager.hook.on_record_render(
        org=ACME,
        request=SettingsRequest(person=DANA, page_url="/p", action_url="/a/"),
        kind=RecordKind.PAYMENT,
        record_id="pay-1",
    )
    return " ".join(shown.html.split())


def let_time_pass(office: Bench) -> None:
    """Drain for two hours."""
    for _ in range(12):
        office.time.advance(600)
        office.drain()


@pytest.mark.parametrize("refused", [429, 400])
def test_payment_that_became_cash_is_not_sent(office: Bench, refused: int) -> None:
    """A card payment is corrected to cash while a try of it fails (rule 5)."""
    office.save(invoice())
    office.drain()
    office.save(payment())
    During(office, "payment", lambda: office.save(CASH))
    office.trouble(TroubleRule(kind="fail", status=refused, code="6000", entity="payment"))
    office.drain()
    let_time_pass(office)
    assert office.books()["payments"] == []
    assert office.view(Kind.PAYMENT, "pay-1").skip_reason is SkipReason.INELIGIBLE


def test_dismissed_record_is_not_sent_after_its_parent(office: Bench) -> None:
    """What was dismissed while it waited stays behind when its customer arrives."""
    bad = lead(email="bad")
    office.save(bad, invoice(lead=bad))
    office.drain()
    assert office.view(Kind.INVOICE, "inv-1").state is RecordState.WAITING
    dismiss(office, BILL)
    office.save(lead())
    let_time_pass(office)
    assert office.view(Kind.CUSTOMER, "lead-1").state is RecordState.SYNCED
    assert office.books()["invoices"] == []


def test_record_dismissed_under_way_is_not_tried_again(office: Bench) -> None:
    """A try that fails after the decision was the last."""
    office.save(lead())
    office.drain()
    office.save(invoice())
    During(office, "invoice", lambda: dismiss(office, BILL))
    office.trouble(TroubleRule(kind="fail", status=429, entity="invoice"))
    office.drain()
    let_time_pass(office)
    assert office.books()["invoices"] == []


@pytest.mark.parametrize("arrived", [True, False])
def test_lost_answer_is_still_found_out(office: Bench, *, arrived: bool) -> None:
    """A payment's answer is lost, then it becomes cash: we look whether it is there (rule 8)."""
    office.save(invoice())
    office.drain()
    office.trouble(TroubleRule(kind="lose", entity="payment"))
    office.save(payment())
    office.drain()
    if not arrived:
        (there,) = office.books()["payments"]
        office.emulator.world.companies[CONTRACTOR].books.delete("Payment", there["id"])
    office.save(CASH)
    assert "DunaHub is looking for it in QuickBooks" in card(office)
    let_time_pass(office)
    view = office.view(Kind.PAYMENT, "pay-1")
    assert len(office.books()["payments"]) == arrived
    assert ("Do not enter it again" in card(office)) is arrived
    assert ("Enter this one in QuickBooks by hand" in card(office)) is not arrived
    assert (view.qbo_id is not None) is arrived
    assert (view.next_attempt_at, view.skip_reason) == (None, SkipReason.INELIGIBLE)


def test_link_does_not_take_a_record_out_of_flight(office: Bench) -> None:
    """Retry makes an invoice; Link, pressed on an old page meanwhile, does not lose it (rule 8)."""
    office.save(lead())
    office.drain()
    office.trouble(TroubleRule(kind="lose", entity="invoice"))
    office.save(invoice())
    office.drain()
    (there,) = office.books()["invoices"]
    books = office.emulator.world.companies[CONTRACTOR].books
    books.edit("Invoice", there["id"], {"TxnDate": "2026-01-01", "PrivateNote": "by hand"})
    office.time.advance(600)
    office.drain()
    assert office.view(Kind.INVOICE, "inv-1").candidate_id == there["id"]
    office.time.advance(3 * 86_400)  # QuickBooks has forgotten the request's key
    office.retry(BILL)
    linked: list[int] = []
    During(office, "invoice", lambda: linked.append(office.link(BILL)))
    let_time_pass(office)
    assert linked == [0]
    (mine,) = [one["id"] for one in office.books()["invoices"] if one["id"] != there["id"]]
    assert office.view(Kind.INVOICE, "inv-1").qbo_id == mine
