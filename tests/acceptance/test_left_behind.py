from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from dunahub_qbo_plugin.model import RecordState
from dunahub_qbo_plugin.testing import ORG, PERSON, FakeHost, make_invoice, make_lead, make_payment
from tests.support.host import make_host

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def host(tmp_path: Path) -> Iterator[FakeHost]:
    """Return a connected host."""
    bench = make_host(tmp_path)
    bench.connect()
    yield bench
    bench.close()


def leave_and_return(host: FakeHost) -> None:
    """Disconnect and connect again, so that what is unsent is left behind."""
    host.runtime.panel.connection_service.disconnect(ORG, PERSON)
    host.connect()


def test_payment_goes_although_a_change_of_its_invoice_was_left_behind(host: FakeHost) -> None:
    """An invoice that is in QuickBooks takes payments, though its last change was not sent."""
    host.save(make_invoice())
    host.send()
    host.save(make_invoice(message="Thank you"))
    leave_and_return(host)
    host.save(make_payment())
    assert host.send() == 1
    assert host.look("payment:pay-1").state is RecordState.SYNCED
    assert host.look("invoice:inv-1").state is RecordState.NOT_SENT


def test_child_of_what_was_left_behind_waits_and_says_so(host: FakeHost) -> None:
    """A payment whose invoice was left behind waits and names it (rules 8 and 18)."""
    host.save(make_invoice())
    leave_and_return(host)
    host.save(make_payment())
    assert host.send() == 0
    waiting = host.look("payment:pay-1")
    assert (waiting.state, waiting.next_attempt_at) == (RecordState.WAITING, None)
    assert waiting.waiting_for == host.look("invoice:inv-1").key
    host.save(make_lead(), make_invoice(message="sent after all"))
    assert host.send() == 3
    assert host.look("payment:pay-1").state is RecordState.SYNCED
