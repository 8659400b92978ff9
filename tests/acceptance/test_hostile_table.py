"""One table of what people may type, and one of addresses, each against the same bounds.

Time is counted in lines of Python that the calling thread runs, memory in bytes, and what leaves in
what the emulator was sent: nobody else's data, no half characters, not more than so much.
"""

from __future__ import annotations

import json
import sys
import tracemalloc
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import attrs
import pytest

from dunahub_hookspecs import Address, LineItem
from dunahub_qbo_plugin.testing import (
    ORG,
    FakeHost,
    make_invoice,
    make_lead,
    make_org,
    make_payment,
)
from tests.support.host import make_host, rows_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import FrameType

    from dunahub_hookspecs import Invoice, Lead, Payment

    Value = Lead | Invoice | Payment

HOOK_LINES = 60_000
"""Lines of Python that a hook runs at most; one of every day runs some hundreds."""
PAGE_LINES = 400_000
HOOK_MEMORY = 16_000_000
"""Bytes that a hook has at most at a time, beside what the host itself passes it."""
ROW = 1_500_000
PAGE = 200_000
BODY = 1_500_000
SECRET_OF_OTHERS = "Neighbor Nobody Shall See"
NEIGHBOR = make_org("neighbor")

TEXTS = {
    "commas": "a@" + "," * 100_000,
    "signs": "@" * 100_000,
    "domains": "a@" + "b." * 50_000,
    "spaces": "\N{NO-BREAK SPACE}" * 100_000 + "x",
    "line breaks": "a\r\n\v\f\u2028\u2029\x85" * 10_000,
    "controls": "".join(map(chr, range(32))) * 1000 + "Al",
    "halves": "\ud800" * 50_000 + "Al" + "\udfff" * 50_000,
    "accents": "a" + "\N{COMBINING ACUTE ACCENT}" * 100_000,
    "overrides": "\N{RIGHT-TO-LEFT OVERRIDE}" * 1000 + "txt.exe",
    "nothing seen": "\u200b\u200d\ufeff" * 1000,
    "emoji": "\U0001f468\u200d\U0001f469\u200d\U0001f467" * 10_000,
    "words": "ab " * 40_000,
    "digits": "9" * 100_000,
    "markup": "<script>alert(1)</script>{{7*7}}{% raw %}" * 1000,
    "quotes": "\\'\"`;--/*" * 10_000,
    "braces": "{" * 50_000 + "[" * 50_000,
    "formats": "%s%n{0}{x!r}$(id)" * 5000,
    "marker": "[DunaHub invoice " * 5000 + "]",
    "colons": ":" * 100_000,
    "tokens": "eyJ" + "a.b-" * 25_000,
}
"""What may stand in any field."""


def _everywhere(text: str) -> list[Value]:
    where = Address(line1=text, line2=text, city=text, state=text, postal_code=text, country=text)
    lead = make_lead("odd", name=text, company=text, email=text, phone=text, address=where)
    lead = attrs.evolve(lead, first_name=text, last_name=text)
    line = LineItem(description=text, service_name=text, unit_price=Decimal(1))
    invoice = make_invoice("odd", lead=lead, number=text, message=text, lines=[line] * 5)
    payment = make_payment(id="odd", invoice_id="odd", reference=text, invoice_number=text)
    return [lead, invoice, payment]


def _amounts(amount: Decimal) -> list[Value]:
    line = LineItem(unit_price=amount, quantity=Decimal(1), amount=amount)
    total = make_invoice("odd", lines=[line], total=amount, tax=amount, discount=amount)
    return [total, make_payment(id="odd", invoice_id="odd", amount=amount)]


AMOUNTS = ("1E+999999", "1E-999999", "-0", "-1E+40", "0." + "3" * 50_000, "9" * 50_000)
VALUES: dict[str, list[Value]] = {
    **{name: _everywhere(text) for name, text in TEXTS.items()},
    **{f"an amount of {text[:12]}": _amounts(Decimal(text)) for text in AMOUNTS},
    "the first day": [make_invoice("odd", issued_on=date.min, due_on=date.min)],
    "the last day": [make_invoice("odd", issued_on=date.max, due_on=date.max)],
    "ids": [make_lead("../../odd?x=1&y=<b>#\n"), make_invoice("odd\0", lead=make_lead("\udcff"))],
}
QUERIES: list[dict[str, Any]] = [
    *({"q": text[:20_000]} for text in TEXTS.values()),
    {"kind": "x" * 10_000, "result": "\ud800", "before": "9" * 10_000 + "-" + "9" * 10_000},
    {"causes": "-1", "left": "-1", "open": "<script>"},
    {"causes": "9" * 5000, "left": "9" * 5000, "qbo": "failed." + "x" * 10_000},
    {"before": "1" + "0" * 14 + "-1" + "0" * 17},
    {"confirm": "disconnect" * 1000},
]


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FakeHost]:
    """Return a host with an organization that is attacked and another one."""
    made = make_host(tmp_path_factory.mktemp("table"))
    made.connect()
    made.connect("automated_tax", org=NEIGHBOR)
    made.save(make_lead("theirs", name=SECRET_OF_OTHERS), org=NEIGHBOR)
    made.settle()
    yield made
    made.close()


def _lines_run(call: Callable[[], Any]) -> int:
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


@pytest.mark.parametrize("name", VALUES)
def test_what_people_type(host: FakeHost, name: str) -> None:
    """A hook's steps, memory and row are bounded; pages are; what leaves is whole and ours."""
    values = VALUES[name]
    assert _lines_run(lambda: host.save(*values)) < HOOK_LINES * len(values)
    tracemalloc.start()
    host.save(*values)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < HOOK_MEMORY
    host.plugin.flush()
    assert max(len(row.snapshot) for row in rows_of(host)) < ROW
    assert max(len(row.label) for row in rows_of(host)) <= 200
    mark = len(host.qbo.emulator.world.journal.entries())
    host.send()
    for sent in host.qbo.emulator.world.journal.entries()[mark:]:
        body = sent.body or ""
        assert len(body) < BODY
        assert SECRET_OF_OTHERS not in body
        json.dumps(json.loads(body or "null"), ensure_ascii=False).encode()
    shown = host.page()
    assert len(shown.encode()) < PAGE
    assert SECRET_OF_OTHERS not in shown
    assert len(host.card(values[0]).encode()) < PAGE


@pytest.mark.parametrize("number", range(len(QUERIES)))
def test_what_stands_in_an_address(host: FakeHost, number: int) -> None:
    """A page that is asked for oddly is a page, in so many steps, and shows nobody else's."""
    shown: list[str] = []
    assert _lines_run(lambda: shown.append(host.page(**QUERIES[number]))) < PAGE_LINES
    assert "QuickBooks" in shown[0]
    assert "cannot be used" not in shown[0]
    assert SECRET_OF_OTHERS not in shown[0]
    assert len(shown[0].encode()) < PAGE


def test_the_other_organization_noticed_nothing(host: FakeHost) -> None:
    """After all of that its records go out as before."""
    host.save(make_lead("later", name="Later On"), org=NEIGHBOR)
    host.settle()
    assert host.state("customer:later", org=NEIGHBOR) == "Synced"
    assert host.state("customer:theirs", org=NEIGHBOR) == "Synced"
    assert host.runtime.intake.dropped == 0
    assert ORG.id != NEIGHBOR.id
