"""Sequences of plausible work on invoices, credits and payments: the sums stay right."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.books import Books, contractor, line

Json = dict[str, Any]

amounts = st.decimals("0.01", "500", places=2)
picks = st.integers(0, 20)
customers = st.sampled_from(["4", "5", "6"])
commands = st.one_of(
    st.tuples(st.just("invoice"), customers, st.lists(amounts, min_size=1, max_size=3)),
    st.tuples(st.just("credit"), customers, amounts),
    st.tuples(st.just("change"), picks, st.lists(amounts, min_size=1, max_size=2)),
    st.tuples(st.just("discount"), picks, st.integers(0, 100)),
    st.tuples(st.just("pay"), customers, amounts, st.lists(st.tuples(picks, amounts), max_size=3)),
    st.tuples(st.just("repay"), picks, amounts, st.lists(st.tuples(picks, amounts), max_size=2)),
    st.tuples(st.just("apply credit"), picks, picks, amounts),
    st.tuples(st.just("void"), st.sampled_from(["invoice", "payment", "creditmemo"]), picks),
    st.tuples(st.just("delete"), st.sampled_from(["invoice", "payment", "creditmemo"]), picks),
    st.tuples(st.just("move"), picks, customers),
    st.tuples(st.just("deposit"), picks),
)
_NAMES = {"invoice": "Invoice", "payment": "Payment", "creditmemo": "CreditMemo"}


@pytest.mark.parametrize(
    "switches",
    [
        {},
        {
            "auto_apply_credit": "on_create",
            "auto_apply_payments": True,
            "deposited_payment_reapply": "allow",
        },
    ],
    ids=["plain", "automatic"],
)
@settings(
    max_examples=100, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck)
)
@given(work=st.lists(commands, min_size=15, max_size=30))
def test_sums_stay_right(switches: Json, work: list[tuple[Any, ...]]) -> None:
    """After every step open balances, unapplied amounts, links and customer balances agree."""
    books = contractor(delete_paid_invoice="unlink", **switches)
    for name in ("Amy", "Bob"):
        books.post("customer", {"DisplayName": name})
    books.post("customer", {"DisplayName": "Job", "Job": True, "ParentRef": {"value": "4"}})
    start = [
        ("invoice", "4", [Decimal(100), Decimal(50)]),
        ("invoice", "6", [Decimal("80.25")]),
        ("pay", "4", Decimal(120), [(0, Decimal(70)), (1, Decimal(30))]),
    ]
    for step in [*start, *work]:
        before = _tokens(books)
        _do(books, step)
        after = _tokens(books)
        assert all(after[key] >= before[key] for key in before.keys() & after.keys())
        _check(books)


def _sell(books: Books, path: str, customer: str, sums: list[Decimal]) -> None:
    lines = [line(one) for one in sums]
    _try(books, path, {"CustomerRef": {"value": customer}, "Line": lines})


def _do(books: Books, step: tuple[Any, ...]) -> None:  # noqa: C901  one case for each kind of work
    what, *rest = step
    match what:
        case "invoice":
            _sell(books, "invoice", rest[0], rest[1])
        case "credit":
            _sell(books, "creditmemo", rest[0], [rest[1]])
        case "change":
            _update(books, "invoice", rest[0], {"Line": [line(one) for one in rest[1]]})
        case "discount":
            detail = {"PercentBased": True, "DiscountPercent": rest[1]}
            extra = {"DetailType": "DiscountLineDetail", "DiscountLineDetail": detail}
            _update(books, "invoice", rest[0], {"Line": [line(80), extra]})
        case "pay":
            body = {"CustomerRef": {"value": rest[0]}, "TotalAmt": rest[1]}
            _try(books, "payment", body | {"Line": _links(books, rest[2])})
        case "repay":
            changes = {"TotalAmt": rest[1], "Line": _links(books, rest[2])}
            _update(books, "payment", rest[0], changes)
        case "apply credit":
            _apply_credit(books, *rest)
        case "void" | "delete":
            if (what, rest[0]) == ("void", "creditmemo"):
                _void_credit(books, rest[1])
                return
            options = {"operation": what}
            if (what, rest[0]) == ("void", "payment"):
                options = {"operation": "update", "include": "void"}
            _update(books, rest[0], rest[1], {}, **options)
        case "move":
            _update(books, "payment", rest[0], {"CustomerRef": {"value": rest[1]}})
        case _:
            _deposit(books, rest[0])


def _void_credit(books: Books, number: int) -> None:
    """Void a credit memo in QuickBooks itself: the API cannot."""
    credit = _pick(books, "creditmemo", number)
    if credit is not None:
        books.company.void("CreditMemo", credit["Id"])


def _deposit(books: Books, number: int) -> None:
    payment = _pick(books, "payment", number)
    if payment and not payment.get("LinkedTxn"):
        books.company.deposit(payment["Id"])


def _all(books: Books, entity: str) -> list[Json]:
    return [row.load() for row in books.company._ledger.tables[entity].rows.values()]


def _pick(books: Books, path: str, number: int) -> Json | None:
    found = _all(books, _NAMES[path])
    return found[number % len(found)] if found else None


def _links(books: Books, wanted: list[tuple[int, Decimal]]) -> list[Json]:
    out = []
    for number, amount in wanted:
        invoice = _pick(books, "invoice", number)
        if invoice:
            linked = [{"TxnId": invoice["Id"], "TxnType": "Invoice"}]
            out.append({"Amount": amount, "LinkedTxn": linked})
    return out


def _apply_credit(books: Books, number: int, other: int, amount: Decimal) -> None:
    invoice, credit = _pick(books, "invoice", number), _pick(books, "creditmemo", other)
    if invoice is None or credit is None:
        return
    lines = [
        {"Amount": amount, "LinkedTxn": [{"TxnId": one["Id"], "TxnType": kind}]}
        for one, kind in ((invoice, "Invoice"), (credit, "CreditMemo"))
    ]
    body = {"CustomerRef": invoice["CustomerRef"], "TotalAmt": 0, "Line": lines}
    _try(books, "payment", body)


def _update(books: Books, path: str, number: int, changes: Json, **options: str) -> None:
    one = _pick(books, path, number)
    if one is None:
        return
    body = {"Id": one["Id"], "SyncToken": one["SyncToken"], "sparse": True}
    kept = {key: one[key] for key in ("CustomerRef", "TotalAmt") if path == "payment"}
    _try(books, path, body | kept | changes, **options)


def _try(books: Books, path: str, body: Json, **options: str) -> None:
    assert books.ask("POST", path, body, **options).status in {200, 400}


def _tokens(books: Books) -> dict[tuple[str, str], int]:
    return {
        (entity, one["Id"]): int(one["SyncToken"])
        for entity in _NAMES.values()
        for one in _all(books, entity)
    }


def _check(books: Books) -> None:
    owed = dict.fromkeys(("4", "5", "6"), Decimal(0))
    applied: dict[tuple[str, str], Decimal] = {}
    linked: set[tuple[str, str, str]] = set()
    for payment in _all(books, "Payment"):
        owed[payment["CustomerRef"]["value"]] -= Decimal(payment["TotalAmt"])
        net = Decimal(0)
        for one in payment["Line"]:
            ((kind, id_),) = [(t["TxnType"], t["TxnId"]) for t in one["LinkedTxn"]]
            amount = Decimal(one["Amount"])
            applied[kind, id_] = applied.get((kind, id_), Decimal(0)) + amount
            linked.add((kind, id_, payment["Id"]))
            net += amount if kind == "Invoice" else -amount
        assert Decimal(payment["UnappliedAmt"]) == Decimal(payment["TotalAmt"]) - net >= 0
    for kind, sign in (("Invoice", 1), ("CreditMemo", -1)):
        for one in _all(books, kind):
            owed[one["CustomerRef"]["value"]] += sign * Decimal(one["TotalAmt"])
            open_ = Decimal(one["TotalAmt"]) - applied.pop((kind, one["Id"]), Decimal(0))
            assert Decimal(one["Balance"]) == open_ >= 0
            pairs = {(kind, one["Id"], t["TxnId"]) for t in one.get("LinkedTxn", [])}
            assert pairs == {pair for pair in linked if pair[:2] == (kind, one["Id"])}
            lines = [Decimal(part["Amount"]) for part in one["Line"] if "Id" in part]
            assert sum(lines) >= Decimal(one["TotalAmt"])
    assert applied == {}
    people = {one["Id"]: one for one in _all(books, "Customer")}
    assert {id_: Decimal(one["Balance"]) for id_, one in people.items()} == owed
    assert Decimal(people["4"]["BalanceWithJobs"]) == owed["4"] + owed["6"]
