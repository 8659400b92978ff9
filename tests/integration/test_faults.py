"""Every fault that can reach us, in each kind of write: what follows, what is shown, the books."""

from __future__ import annotations

import itertools
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Literal

import attrs
import httpx
import pytest

from dunahub_qbo_plugin.advice import Who, advise
from dunahub_qbo_plugin.emulator.world.trouble import TroubleRule
from dunahub_qbo_plugin.model import Kind, Operation, RecordState
from tests.support.faulty import FaultyHost, Work, prepare
from tests.support.host import connection_of, rows_of

if TYPE_CHECKING:
    from collections.abc import Iterator

Write = tuple[Kind, Operation]

CREATES: tuple[Write, ...] = tuple((kind, Operation.CREATE) for kind in Kind)
UPDATES: tuple[Write, ...] = tuple((kind, Operation.UPDATE) for kind in Kind)
VOID: tuple[Write, ...] = ((Kind.INVOICE, Operation.VOID),)
ALL = (*CREATES, *UPDATES, *VOID)
PEOPLE = tuple(write for write in ALL if write[0] is Kind.CUSTOMER)
BILLS = tuple(write for write in ALL if write[0] is Kind.INVOICE and write not in VOID)
PAID = tuple(write for write in ALL if write[0] is Kind.PAYMENT)

Becomes = Literal["again", "rests", "healed", "attention"]


@attrs.frozen(kw_only=True)
class Case:
    """One fault and what must come of it.

    Attributes:
        rule: what the emulator does.
        line: what happens on the way instead: the error, and whether the request arrives.
        becomes: of the record: tried again by itself after a wait; the company rests; it heals
            within the same drain; it needs attention.
        wait: seconds until the next attempt, at least and at most.
        done: True when QuickBooks carried it out although we were not told so.
        keeps_key: True when the next attempt must have the same key and body.
        looks: True when QuickBooks must be asked what became of the first attempt.
        title: what the office reads first.
        who: who must act.
        code: how the error is stored.
    """

    name: str
    rule: dict[str, Any] | None = None
    line: tuple[type[httpx.TransportError], str, bool] | None = None
    writes: tuple[Write, ...] = ALL
    becomes: Becomes
    wait: tuple[float, float] = (1.6, 2.0)
    done: bool = False
    keeps_key: bool = False
    looks: bool = False
    title: str = ""
    who: Who = Who.NOBODY
    code: str = ""


def fail(status: int, code: str | None = None, shape: str | None = None, **more: Any) -> Any:  # noqa: ANN401  a rule's own
    """Write a refusal as a rule."""
    return {"kind": "fail", "status": status, "code": code, "shape": shape, **more}


LOST = "QuickBooks' answer got lost"
BUSY = "QuickBooks had a problem of its own"
PAUSE = "QuickBooks asked for a short pause"
AWAY = "QuickBooks could not be reached"
NOT_ACCEPTED = "QuickBooks did not accept this {kind}"
NOT_UNDERSTOOD = "QuickBooks did not understand what DunaHub sent"
NO_ACCESS = "QuickBooks no longer accepts our access"
NO_RIGHTS = "QuickBooks does not let DunaHub into this company"
UNPAID = "Your QuickBooks subscription has ended or was not paid"
WORK = "QuickBooks is working on your company's books"
CLOSED = "The books are closed for the date of this {kind}"
SOMETHING_GONE = "Something that this {kind} uses is gone from QuickBooks"
BV = "Business Validation Error: "
NEVER_SENT: dict[str, Any] = {"becomes": "again", "title": AWAY, "code": "unreachable"}
MAYBE: dict[str, Any] = {"becomes": "again", "keeps_key": True}
MINUTE: dict[str, Any] = {"becomes": "rests", "wait": (59.0, 61.0)}
ASK: dict[str, Any] = {"becomes": "attention", "who": Who.OFFICE}
BOOKS: dict[str, Any] = {"becomes": "attention", "who": Who.BOOKKEEPER}
OURS: dict[str, Any] = {"becomes": "attention", "who": Who.OPERATOR, "title": NOT_UNDERSTOOD}

ENDS: list[tuple[str, dict[str, Any]]] = [
    ("reset after acceptance", {"kind": "lose", "manner": "reset"}),
    ("closed after acceptance", {"kind": "lose", "manner": "close"}),
    ("silence after acceptance", {"kind": "lose", "manner": "silence"}),
    ("time-out after acceptance", {"kind": "late", "seconds": 100}),
    ("cut in the middle", {"kind": "cut", "keep": 0.5}),
    ("cut before the body", {"kind": "cut", "keep": 0.0}),
]
TRANSPORT = [
    Case(name="connection refused", rule={"kind": "refuse"}, **NEVER_SENT),
    Case(
        name="no such host",
        line=(httpx.ConnectError, "[Errno -2] Name or service not known", False),
        **NEVER_SENT,
    ),
    Case(
        name="certificate not trusted",
        line=(httpx.ConnectError, "[SSL: CERTIFICATE_VERIFY_FAILED] unable to get issuer", False),
        **NEVER_SENT,
    ),
    Case(
        name="time-out while connecting",
        line=(httpx.ConnectTimeout, "timed out", False),
        **NEVER_SENT,
    ),
    Case(name="no connection free", line=(httpx.PoolTimeout, "timed out", False), **NEVER_SENT),
    Case(
        name="time-out while sending",
        line=(httpx.WriteTimeout, "timed out", False),
        title=LOST,
        code="no-answer",
        **MAYBE,
    ),
    Case(
        name="time-out before it was accepted",
        line=(httpx.ReadTimeout, "timed out", False),
        title=LOST,
        code="no-answer",
        **MAYBE,
    ),
    *(
        Case(name=name, rule=rule, title=LOST, code="no-answer", done=True, **MAYBE)
        for name, rule in ENDS
    ),
]


SHAPES = [
    *(
        Case(name=f"{status} as {shape}", rule=fail(status, shape=shape), title=BUSY, **MAYBE)
        for status, shape in [
            (500, "fault"),
            (500, "text"),
            (502, "html"),
            (503, "html"),
            (503, "xml"),
            (503, "empty"),
            (504, "text"),
            (408, "empty"),
        ]
    ),
    Case(name="10000 with 200", rule=fail(200, "10000", "fault"), title=BUSY, **MAYBE),
    Case(name="page with 200", rule=fail(200, shape="html"), title=LOST, **MAYBE),
    Case(name="nothing with 200", rule=fail(200, shape="empty"), title=LOST, **MAYBE),
    Case(name="text with 200", rule=fail(200, shape="text"), title=LOST, **MAYBE),
    Case(name="redirected", rule=fail(302, shape="html"), title=LOST, **MAYBE),
    Case(
        name="503 with Retry-After",
        rule=fail(503, shape="html", retry_after=45),
        becomes="again",
        wait=(44.0, 46.0),
        keeps_key=True,
        title=BUSY,
    ),
    Case(
        name="503 with Retry-After 0",
        rule=fail(503, shape="html", retry_after=0),
        title=BUSY,
        **MAYBE,
    ),
    *(
        Case(name=f"429 as {shape}", rule=fail(429, shape=shape), title=PAUSE, **MINUTE)
        for shape in ("xml", "gateway", "fault")
    ),
    *(
        Case(
            name=f"429 as {shape}",
            rule=fail(429, shape=shape),
            title=PAUSE,
            keeps_key=True,  # nothing says that it was QuickBooks who refused it
            **MINUTE,
        )
        for shape in ("html", "text", "empty")
    ),
    Case(
        name="429 with Retry-After",
        rule=fail(429, shape="xml", retry_after=7),
        becomes="rests",
        wait=(6.0, 8.0),
        title=PAUSE,
    ),
    Case(name="3001 with 403", rule=fail(403, "3001", "xml"), title=PAUSE, **MINUTE),
    Case(name="page with 400", rule=fail(400, shape="html"), title=LOST, **MAYBE),
    Case(name="404", rule=fail(404, shape="html"), title=LOST, **MAYBE),
    Case(name="unknown code", rule=fail(400, "9999"), title=NOT_ACCEPTED, code="9999", **ASK),
]

ACCESS = [
    *(
        Case(name=f"401 {code} {shape} once", rule=fail(401, code, shape), becomes="healed")
        for code, shape in [
            ("3200", "gateway"),
            ("100", "xml"),
            ("110", "xml"),
            (None, "html"),
            (None, "empty"),
        ]
    ),
    *(
        Case(
            name=f"401 {code} {shape} for good",
            rule=fail(401, code, shape, times=2),
            becomes="rests",
            wait=(598.0, 602.0),
            title=NO_ACCESS,
            who=Who.OFFICE,
            looks=code is None,
        )
        for code, shape in [("3200", "gateway"), ("100", "xml"), (None, "empty")]
    ),
    *(
        Case(
            name=f"{status} {code} {shape}",
            rule=fail(status, code, shape),
            becomes="rests",
            wait=(598.0, 602.0),
            title=NO_RIGHTS,
            who=Who.OFFICE,
            looks=code is None,
        )
        for status, code, shape in [
            (401, "120", "xml"),
            (403, "3100", "gateway"),
            (403, None, "html"),
        ]
    ),
    Case(name="130", rule=fail(401, "130", "xml"), title=BUSY, **MINUTE),
    Case(name="140", rule=fail(401, "140", "xml"), title=WORK, **MINUTE),
    Case(name="150", rule=fail(401, "150", "xml"), title=WORK, **MINUTE),
    *(
        Case(
            name=f"6190 with {status}",
            rule=fail(status, "6190", "fault"),
            becomes="rests",
            wait=(3598.0, 3602.0),
            title=UNPAID,
            who=Who.OFFICE,
            code="6190",
        )
        for status in (400, 200)
    ),
]

RULES_OF_BUSINESS = [
    *(
        Case(
            name=f"6000 {name}",
            rule=fail(400, "6000", "fault", detail=BV + text),
            becomes="again",
            title=BUSY,
            code="6000",
            keeps_key=name != "one name",
        )
        for name, text in [
            ("wait", "An unexpected error occurred. Please wait a few minutes and try again."),
            ("internal", "Unexpected Internal Error. (-30000)"),
            ("one name", "You can only add or edit one name at a time."),
        ]
    ),
    Case(
        name="6000 for a person",
        rule=fail(400, "6000", "fault", detail=BV + "You must select a customer"),
        title=NOT_ACCEPTED,
        code="6000",
        **ASK,
    ),
    Case(
        name="6000 closed books",
        rule=fail(400, "6000", "fault", detail=BV + "The date is prior to the closing date."),
        title=CLOSED,
        code="6000",
        **BOOKS,
    ),
    Case(name="600", rule=fail(400, "600", "fault"), writes=CREATES, title=LOST, **MAYBE),
    Case(name="600", rule=fail(400, "600", "fault"), writes=UPDATES + VOID, becomes="healed"),
    Case(
        name="5010",
        rule=fail(400, "5010", "fault"),
        writes=CREATES,
        becomes="again",
        title="This {kind} was being changed in QuickBooks at the same time",
    ),
    Case(name="5010", rule=fail(400, "5010", "fault"), writes=UPDATES + VOID, becomes="healed"),
    *(
        Case(name=code, rule=fail(400, code, "fault"), title=SOMETHING_GONE, code=code, **BOOKS)
        for code in ("610", "2500")
    ),
    *(
        Case(name=code, rule=fail(400, code, "fault"), code=code, **OURS)
        for code in ("500", "2010", "2030", "2130")
    ),
    Case(
        name="2020",
        rule=fail(400, "2020", "fault"),
        writes=tuple(write for write in ALL if write != (Kind.INVOICE, Operation.UPDATE)),
        code="2020",
        **OURS,
    ),
    # QuickBooks may take lines with the whole invoice only.
    Case(
        name="2020 for lines",
        rule=fail(400, "2020", "fault"),
        writes=((Kind.INVOICE, Operation.UPDATE),),
        becomes="healed",
    ),
    *(
        Case(
            name=code,
            rule=fail(400, code, "fault"),
            title="Something in QuickBooks blocks this {kind}",
            code=code,
            **BOOKS,
        )
        for code in ("630", "5020", "5030", "10200")
    ),
]


def _of(codes: str, writes: tuple[Write, ...], title: str, who: Who) -> list[Case]:
    return [
        Case(
            name=code,
            rule=fail(400, code, "fault"),
            writes=writes,
            becomes="attention",
            title=title,
            who=who,
            code=code,
        )
        for code in codes.split()
    ]


OF_THE_RECORD = [
    *_of(
        "6240",
        PEOPLE,
        "QuickBooks already has a customer, vendor or employee with this name",
        Who.OFFICE,
    ),
    *_of("6140", BILLS, "This invoice number is already used in QuickBooks", Who.OFFICE),
    *_of("2050", ALL[:6], "A text on this {kind} is longer than QuickBooks takes", Who.OFFICE),
    *_of(
        "2040", PEOPLE, "A text on this {kind} has a character that QuickBooks does not take",
        Who.OFFICE,
    ),
    *_of("2210", PEOPLE, "QuickBooks did not accept the e-mail address", Who.OFFICE),
    *_of("6080", PEOPLE, "This {kind} is not complete", Who.OFFICE),
    *_of("2250", BILLS, "This {kind} is not complete", Who.OFFICE),
    *_of(
        "2140 2150 2160 2290 6090", BILLS, "QuickBooks did not accept an amount on this {kind}",
        Who.OFFICE,
    ),
    *_of("2140", PAID, "QuickBooks did not accept an amount on this {kind}", Who.OFFICE),
    *_of(
        "6070", BILLS, "The amount of a line on this {kind} does not add up for QuickBooks",
        Who.OFFICE,
    ),
    *_of("2060 2070", BILLS + PAID, "QuickBooks did not accept a date on this {kind}", Who.OFFICE),
    *_of("6200 6210", BILLS + VOID + PAID, CLOSED, Who.BOOKKEEPER),
    *_of(
        "6450 6540", VOID + PAID[1:], "This {kind} is part of a bank deposit in QuickBooks",
        Who.BOOKKEEPER,
    ),
    *_of(
        "6100 6160 6170", BILLS, "QuickBooks did not accept the sales tax of this {kind}",
        Who.BOOKKEEPER,
    ),
    *_of(
        "2220 6130 6270 6440", BILLS,
        "Something in QuickBooks blocks this {kind}", Who.BOOKKEEPER,
    ),
    *_of("620", PAID, "This payment could not be applied to its invoice", Who.BOOKKEEPER),
    *_of(
        "6250 6310", BILLS, "The customer of this {kind} is gone from QuickBooks", Who.BOOKKEEPER
    ),
]  # fmt: skip

CASES = [
    pytest.param(case, write, id=f"{case.name}-{write[0]}-{write[1]}")
    for case in (*TRANSPORT, *SHAPES, *ACCESS, *RULES_OF_BUSINESS, *OF_THE_RECORD)
    for write in case.writes
]


class Shelf:
    """Keeps one host for many cases, until one leaves it in disorder."""

    LONGEST = 25
    """Cases for one host: each reads all its books, and leaves something in them."""

    def __init__(self, factory: pytest.TempPathFactory) -> None:
        self._factory = factory
        self._host: FaultyHost | None = None
        self._served = 0

    def take(self) -> FaultyHost:
        """Return a host in which nothing is due."""
        if self._host is None:
            self._host = FaultyHost(self._factory.mktemp("host"))
            self._served = 0
        self._served += 1
        return self._host

    def put_back(self) -> None:
        """Take it back; what is not as new is thrown away."""
        assert self._host is not None
        self._host.qbo.emulator.world.trouble.clear()
        self._host.resume()
        open_rows = [row for row in rows_of(self._host) if row.next_attempt_at or row.error_code]
        in_disorder = open_rows or self._host.line.error is not None
        if in_disorder or self._served >= self.LONGEST:
            self.clear()

    def clear(self) -> None:
        """Close it."""
        if self._host is not None:
            self._host.close()
            self._host = None


@pytest.fixture(scope="module")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shelf]:
    """One host for the module."""
    kept = Shelf(tmp_path_factory)
    yield kept
    kept.clear()


_numbers = itertools.count(1)


@pytest.fixture
def host(shelf: Shelf) -> Iterator[FaultyHost]:
    """Return a host in which nothing is due."""
    bench = shelf.take()
    yield bench
    shelf.put_back()


def test_there_are_enough_cases() -> None:
    """Every fault is tried with every write in which it can happen."""
    assert len(CASES) >= 120


@pytest.mark.parametrize(("case", "write"), CASES)
def test_fault(host: FaultyHost, case: Case, write: Write) -> None:
    """A fault has its one consequence, and once it is over the record is there exactly once.

    Rules 10, 16, 21, 22, 25 and 26.
    """
    work = prepare(host, f"f{next(_numbers)}", *write)
    before = host.mark()
    _break(host, case, work)
    host.send()
    first = [one.requestid for one in host.requests(before) if one.requestid]
    if case.becomes == "healed":
        assert work.is_done()
    else:
        assert work.is_done() is case.done
        _assert_shown(host, case, work)
        _mend(host, case, work)
        before = host.mark()
        host.settled(work.key.kind, work.key.local_id)
        second = [one.requestid for one in host.requests(before) if one.requestid]
        if case.line is None and case.rule and case.rule["kind"] != "refuse":
            assert (second[0] == first[-1]) is case.keeps_key
        assert not case.looks or any(one.method == "GET" for one in host.requests(before))
        assert len(second) == 1
    assert host.look(f"{work.key.kind}:{work.key.local_id}").state is RecordState.SYNCED
    assert work.is_done()
    assert host.books.doubles == []


def _break(host: FaultyHost, case: Case, work: Work) -> None:
    if case.line is not None:
        line = host.line
        line.error, line.text, line.delivers = case.line
    elif case.rule is not None:
        host.qbo.trouble(TroubleRule(entity=work.entity, method="POST", **case.rule))


def _assert_shown(host: FaultyHost, case: Case, work: Work) -> None:
    """Hold state, next attempt and sentence against the case."""
    view = host.look(f"{work.key.kind}:{work.key.local_id}")
    connection = connection_of(host)
    now = host.clock.now()
    resting = connection.paused_until is not None and connection.paused_until > now
    assert resting is (case.becomes == "rests")
    if case.becomes == "attention":
        assert (view.state, view.next_attempt_at) == (RecordState.ATTENTION, None)
        info = view.error
    else:
        assert view.state is RecordState.WAITING
        next_try = connection.paused_until if resting else view.next_attempt_at
        assert next_try is not None
        low, high = (timedelta(seconds=seconds) for seconds in case.wait)
        assert low <= next_try - now <= high
        info = view.error
        if resting:
            info = connection.paused_by
    assert info is not None
    assert case.code in {"", info.code}
    told = advise(work.key.kind, info)
    assert told.title == case.title.format(kind=work.key.kind.word)
    assert told.who is case.who
    assert told.retried is (case.becomes != "attention")
    assert told.action.startswith("Nothing to do") is (case.who is Who.NOBODY)


def _mend(host: FaultyHost, case: Case, work: Work) -> None:
    """End the fault; what is for a person to do, a person does."""
    host.qbo.emulator.world.trouble.clear()
    if case.becomes == "attention":
        assert host.send() == 0  # a person's fault is never retried in a loop (rule 26)
        host.clock.advance(24 * 3600)
        assert host.send() == 0
        assert host.retry(work.key) == 1
