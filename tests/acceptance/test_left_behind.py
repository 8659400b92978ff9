from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from dunahub_qbo_plugin.model import Kind, RecordState
from tests.support.office import ACME, DANA, Office, invoice, lead, payment

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    """An office that is connected."""
    bench = Office(tmp_path)
    bench.connect()
    yield bench
    bench.close()


def leave_and_return(office: Office) -> None:
    """Disconnect and connect again, so that what is unsent is left behind."""
    office.runtime.panel.connection_service.disconnect(ACME, DANA)
    office.connect()


def test_payment_goes_although_a_change_of_its_invoice_was_left_behind(office: Office) -> None:
    """An invoice that is in QuickBooks takes payments, though its last change was not sent."""
    office.save(invoice())
    office.drain()
    office.save(invoice(message="Thank you"))
    leave_and_return(office)
    office.save(payment())
    assert office.drain() == 1
    assert office.view(Kind.PAYMENT, "pay-1").state is RecordState.SYNCED
    assert office.view(Kind.INVOICE, "inv-1").state is RecordState.NOT_SENT


def test_child_of_what_was_left_behind_waits_and_says_so(office: Office) -> None:
    """A payment whose invoice was left behind waits and names it (rules 8 and 18)."""
    office.save(invoice())
    leave_and_return(office)
    office.save(payment())
    assert office.drain() == 0
    waiting = office.view(Kind.PAYMENT, "pay-1")
    assert (waiting.state, waiting.next_attempt_at) == (RecordState.WAITING, None)
    assert waiting.waiting_for == office.view(Kind.INVOICE, "inv-1").key
    office.save(lead(), invoice(message="sent after all"))
    assert office.drain() == 3
    assert office.view(Kind.PAYMENT, "pay-1").state is RecordState.SYNCED
