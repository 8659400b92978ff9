"""What anybody may type into a web form, or a host may pass on, is bounded where it comes in."""

from __future__ import annotations

import sys
import threading
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import attrs
import pytest

from dunahub_hookspecs import Download, LineItem
from dunahub_qbo_plugin.advice import advise
from dunahub_qbo_plugin.model import Kind, RecordState
from dunahub_qbo_plugin.model.bounds import MAX_LINES, MAX_TEXT
from dunahub_qbo_plugin.testing import FakeHost, make_invoice, make_lead, make_payment
from tests.support.host import make_host, rows_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path
    from types import FrameType

    from dunahub_hookspecs import Invoice, Lead, Payment

    Value = Lead | Invoice | Payment

ROW = 20 * MAX_TEXT
"""Characters of a row at most, but for an invoice's lines."""


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FakeHost]:
    """Return a connected host."""
    made = make_host(tmp_path_factory.mktemp("hostile"))
    made.connect()
    yield made
    made.close()


def _lines_run(call: Callable[[], Any]) -> int:
    """Count the lines of Python that a call runs in this thread."""
    count = 0

    def trace(_frame: FrameType, _event: str, _arg: object) -> Any:  # noqa: ANN401  another such
        nonlocal count
        count += 1
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        call()
    finally:
        sys.settrace(before)
    return count


def _lead(size: int) -> Lead:
    half = "\ud800" + "x" * size
    return make_lead("big", name=half, company=half, email="a@" + "," * size, phone="5" * size)


def _invoice(size: int) -> Invoice:
    line = LineItem(description="d" * 50, unit_price=Decimal(1), service_name="s")
    return make_invoice("big", number="9" * size, message="m" * size, lines=[line] * size)


def _payment(size: int) -> Payment:
    return make_payment(id="big", reference="r" * size, invoice_number="n" * size)


@pytest.mark.parametrize("make", [_lead, _invoice, _payment])
def test_a_hook_takes_as_many_steps_for_the_absurd_as_for_the_long(
    host: FakeHost, make: Callable[[int], Value]
) -> None:
    """Ten times as much of what is cut costs the calling thread nothing, nor the row a byte."""
    host.save(make(2 * MAX_TEXT))
    steps, rows = [], []
    for size in (20_000, 200_000):
        value = make(size)
        steps.append(_lines_run(lambda value=value: host.save(value)))  # type: ignore[misc]
        rows.append(max(len(row.snapshot) for row in rows_of(host)))
    assert steps[1] < steps[0] * 1.1
    assert abs(rows[1] - rows[0]) < 10
    assert rows[1] < ROW + MAX_LINES * 200


def test_an_absurd_invoice_is_refused_in_words(host: FakeHost) -> None:
    """It needs attention, its words say how many lines there may be, and nothing was sent."""
    host.save(_invoice(40_000))
    host.settle()
    view = host.look("invoice:big")
    assert view.state is RecordState.ATTENTION
    assert view.error is not None
    assert "more than 1,000 lines" in advise(view.key.kind, view.error).why
    assert not [row for row in rows_of(host) if row.local_id == "big" and row.request_key]


def test_too_much_text_in_lines_is_refused_in_words(host: FakeHost) -> None:
    """A thousand lines that are each within bounds are a small row all the same."""
    line = LineItem(description="\N{GRINNING FACE}" * 4000, unit_price=Decimal(1))
    host.save(make_invoice("text", lines=[line] * 900))
    row = next(row for row in rows_of(host) if row.local_id == "text")
    assert len(row.snapshot) < ROW
    host.settle()
    error = host.look("invoice:text").error
    assert error is not None
    assert "500,000 characters" in advise(Kind.INVOICE, error).why


def test_as_many_lines_as_are_taken_go_out(tmp_path: Path) -> None:
    """An invoice of 1,000 services goes out, and each of its services can be chosen for."""
    host = make_host(tmp_path)
    host.connect()
    lines = [
        LineItem(service_id=f"s{n}", service_name=f"Service {n}", unit_price=Decimal(1))
        for n in range(MAX_LINES)
    ]
    host.save(make_invoice("long", lines=lines))
    host.settle()
    assert host.look("invoice:long").state is RecordState.SYNCED
    host.close()


def test_half_a_character_spoils_no_file_and_no_page(host: FakeHost) -> None:
    """A name that is no text in UTF-8 is stored without what cannot be written anywhere."""
    host.save(make_lead("half", name="Da\ud83dna\0 Smith", email="d\udc00@example.com"))
    host.settle()
    assert host.look("customer:half").label == "Dana Smith"
    host.page().encode()
    host.card("customer:half").encode()
    host.press("disconnect")
    host.save(make_lead("half-2", name="\ud83dAnn"))
    file = host.press("export-customers", method="GET")
    assert host.connect() == "reconnected"
    assert isinstance(file, Download)
    assert isinstance(file.body, bytes)
    assert "Ann" in file.body.decode()


def test_an_address_of_commas_holds_nobody_up(host: FakeHost) -> None:
    """The address that stopped a whole host is told as what it is, and the others go out."""
    host.save(make_lead("commas", email="a@" + "," * 100_000), make_lead("after"))
    host.settle()
    assert host.state("customer:after") == "Synced"
    view = host.look("customer:commas")
    stored = next(row for row in rows_of(host) if row.local_id == "commas").snapshot
    assert len(stored) < ROW
    assert view.state in {RecordState.SYNCED, RecordState.ATTENTION}


def test_numbers_of_a_million_digits_are_small_in_the_row(host: FakeHost) -> None:
    """A quantity with endless digits is kept to more than books hold, and no more."""
    endless = Decimal("1." + "3" * 1_000_000)
    line = LineItem(unit_price=Decimal(3), quantity=endless, amount=Decimal("4.00"))
    host.save(make_invoice("digits", lines=[line]))
    row = next(row for row in rows_of(host) if row.local_id == "digits")
    assert len(row.snapshot) < 1000
    host.settle()
    assert host.state("invoice:digits") == "Synced"


def test_another_tenants_hook_is_not_held_up(host: FakeHost) -> None:
    """While one thread takes in what is absurd, each hook of another one is stored at once."""
    started = threading.Event()

    def attack() -> None:
        started.set()
        for _ in range(3):
            host.save(attrs.evolve(_lead(100_000), id="attacker"))

    thread = threading.Thread(target=attack)
    thread.start()
    started.wait()
    host.save(*(make_lead(f"calm-{n}") for n in range(20)))
    thread.join()
    host.plugin.flush()
    stored = {row.local_id for row in rows_of(host)}
    assert {f"calm-{n}" for n in range(20)} | {"attacker"} <= stored
    assert host.runtime.intake.dropped == 0
