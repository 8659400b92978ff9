"""What is not to be sent any more does not leave, whatever was under way (rules 5 and 18)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx
import pytest

from dunahub_hookspecs import PaymentMethod, RecordKind, SettingsRequest
from dunahub_qbo_plugin.emulator.world.trouble import TroubleRule
from dunahub_qbo_plugin.model import Kind, RecordKey, RecordState, SkipReason
from dunahub_qbo_plugin.store.records import commands
from dunahub_qbo_plugin.testing import ORG, PERSON, make_invoice, make_lead, make_payment
from tests.support.faulty import FaultyHost
from tests.support.host import connection_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

BILL = RecordKey(kind=Kind.INVOICE, local_id="inv-1")
CASH = make_payment(method=PaymentMethod.CASH, collected_by_dunahub=False)


@pytest.fixture
def host(tmp_path: Path, store_url: str | None) -> Iterator[FaultyHost]:
    """Return a connected host on either database."""
    made = FaultyHost(tmp_path, database_url=store_url)
    yield made
    made.close()


class During(httpx.BaseTransport):
    """Does something once while a write to an entity is on its way."""

    def __init__(self, host: FaultyHost, entity: str, action: Callable[[], object]) -> None:
        line = host.line
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


def dismiss(host: FaultyHost, key: RecordKey) -> None:
    """Decide not to send a record."""
    now = host.clock.now()
    with host.runtime.database.write.begin() as db:
        assert (
            commands.dismiss(db, connection_of(host), [key], reason="no", by="Dana", now=now) == 1
        )


def card(host: FaultyHost) -> str:
    """Return the payment's card as its page shows it."""
    (shown,) = host.manager.hook.on_record_render(
        org=ORG,
        request=SettingsRequest(person=PERSON, page_url="/p", action_url="/a/"),
        kind=RecordKind.PAYMENT,
        record_id="pay-1",
    )
    return " ".join(shown.html.split())


@pytest.mark.parametrize("refused", [429, 400])
def test_payment_that_became_cash_is_not_sent(host: FaultyHost, refused: int) -> None:
    """A card payment is corrected to cash while a try of it fails (rule 5)."""
    host.save(make_invoice())
    host.send()
    host.save(make_payment())
    During(host, "payment", lambda: host.save(CASH))
    host.qbo.trouble(TroubleRule(kind="fail", status=refused, code="6000", entity="payment"))
    host.send()
    host.pass_time(2)
    assert host.books.payments == []
    assert host.look("payment:pay-1").skip_reason is SkipReason.INELIGIBLE


def test_dismissed_record_is_not_sent_after_its_parent(host: FaultyHost) -> None:
    """What was dismissed while it waited stays behind when its customer arrives."""
    bad = make_lead(name="Sarah: Mitchell")
    host.save(bad, make_invoice(lead=bad))
    host.send()
    assert host.look("invoice:inv-1").state is RecordState.WAITING
    dismiss(host, BILL)
    host.save(make_lead())
    host.pass_time(2)
    assert host.look("customer:lead-1").state is RecordState.SYNCED
    assert host.books.invoices == []


def test_record_dismissed_under_way_is_not_tried_again(host: FaultyHost) -> None:
    """A try that fails after the decision was the last."""
    host.save(make_lead())
    host.send()
    host.save(make_invoice())
    During(host, "invoice", lambda: dismiss(host, BILL))
    host.qbo.trouble(TroubleRule(kind="fail", status=429, entity="invoice"))
    host.send()
    host.pass_time(2)
    assert host.books.invoices == []


@pytest.mark.parametrize("arrived", [True, False])
def test_lost_answer_is_still_found_out(host: FaultyHost, *, arrived: bool) -> None:
    """A payment's answer is lost, then it becomes cash: we look whether it is there (rule 8)."""
    host.save(make_invoice())
    host.send()
    host.qbo.trouble(TroubleRule(kind="lose", entity="payment"))
    host.save(make_payment())
    host.send()
    if not arrived:
        (there,) = host.books.payments
        host.qbo.company().books.delete("Payment", there["id"])
    host.save(CASH)
    assert "DunaHub is looking for it in QuickBooks" in card(host)
    host.pass_time(2)
    view = host.look("payment:pay-1")
    assert len(host.books.payments) == arrived
    assert ("Do not enter it again" in card(host)) is arrived
    assert ("Enter this one in QuickBooks by hand" in card(host)) is not arrived
    assert (view.qbo_id is not None) is arrived
    assert (view.next_attempt_at, view.skip_reason) == (None, SkipReason.INELIGIBLE)


def test_link_does_not_take_a_record_out_of_flight(host: FaultyHost) -> None:
    """Retry makes an invoice; Link, pressed on an old page meanwhile, does not lose it (rule 8)."""
    host.save(make_lead())
    host.send()
    host.qbo.trouble(TroubleRule(kind="lose", entity="invoice"))
    host.save(make_invoice())
    host.send()
    (there,) = host.books.invoices
    books = host.qbo.company().books
    books.edit("Invoice", there["id"], {"TxnDate": "2026-01-01", "PrivateNote": "by hand"})
    host.clock.advance(600)
    host.send()
    assert host.look("invoice:inv-1").candidate_id == there["id"]
    host.clock.advance(3 * 86_400)  # QuickBooks has forgotten the request's key
    host.retry(BILL)
    linked: list[int] = []
    During(host, "invoice", lambda: linked.append(host.link(BILL)))
    host.pass_time(2)
    assert linked == [0]
    (mine,) = [one["id"] for one in host.books.invoices if one["id"] != there["id"]]
    assert host.look("invoice:inv-1").qbo_id == mine
