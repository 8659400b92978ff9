"""Generated requests: whatever is sent, the books answer, and their sums stay right."""

from __future__ import annotations

import json
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from dunahub_qbo_plugin.emulator.books.entities import ENTITIES
from dunahub_qbo_plugin.emulator.books.schema import load_schema
from tests.support.books import Books, contractor, line

if TYPE_CHECKING:
    from dunahub_qbo_plugin.emulator.api.api_messages import ApiReply

Json = dict[str, Any]

SCHEMA = load_schema()
_PATHS = [entity.path for entity in ENTITIES.values()]
_LENIENT = settings(
    max_examples=800,
    deadline=None,
    derandomize=True,
    phases=(Phase.generate,),
    suppress_health_check=list(HealthCheck),
)
_FEWER = settings(_LENIENT, max_examples=250)


def mostly(good: st.SearchStrategy[Any], bad: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Return the good one, but for one time in thirty."""
    return st.integers(0, 29).flatmap(lambda number: good if number else bad)


ids = mostly(
    st.sampled_from(["1", "2", "3", "4", "5", "6"]),
    st.sampled_from(["12", "99", "0", "x", "", "1.5", "-1"]),
)
amounts = mostly(
    st.one_of(
        st.sampled_from([0, 1, 100, 33.33, "12.50"]), st.decimals(0, 1000, places=2).map(float)
    ),
    st.one_of(
        st.sampled_from([-5, 99999999999.99, 1e15, "abc", "", "NaN", "1e9", 0.005]),
        st.integers(-(10**25), 10**25),
        st.decimals(-1000, 1000, allow_nan=False).map(float),
    ),
)
words = mostly(
    st.text(st.characters(codec="utf-8", categories=["L", "N", "Zs", "P"]), max_size=30),
    st.one_of(
        st.text(max_size=30),
        st.sampled_from(["Amy", "amy", "a:b", "tab\there", "x" * 600, "a@b.co", "a@b.co,c@d.ee"]),
    ),
)
days = mostly(
    st.dates(date(1990, 1, 1), date(2100, 1, 1)).map(date.isoformat),
    st.sampled_from(["2026-02-30", "yesterday", "", "2026-09-14T10:00:00-07:00", "9999-12-31"]),
)
anything = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), words, st.floats(allow_nan=False)),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(words, inner, max_size=3)),
    max_leaves=6,
)


def _value(kind: str, depth: int) -> st.SearchStrategy[Any]:  # noqa: PLR0911  one per kind
    if kind == "n":
        return amounts
    if kind == "i":
        return mostly(st.integers(0, 40), amounts)
    if kind == "b":
        return mostly(st.booleans(), st.sampled_from(["true", "maybe", 1]))
    if kind in {"d", "t"}:
        return days
    if kind in {"r", "m"}:
        return mostly(st.fixed_dictionaries({"value": ids}), anything)
    if kind.startswith("e:"):
        return mostly(st.sampled_from(sorted(SCHEMA.enums[kind[2:]])), words)
    if kind in SCHEMA.types:
        return mostly(_object(kind, depth - 1) if depth else st.just({}), anything)
    if kind == "x":
        return anything
    return words


def _object(kind: str, depth: int) -> st.SearchStrategy[Json]:
    """Return an object with a few of the type's properties, now and then one it does not have."""
    info = SCHEMA.types[kind]
    properties = sorted(n for n, prop in info.properties.items() if prop.kind != "x")
    odd = sorted(info.properties)
    properties = properties or odd

    @st.composite
    def build(draw: st.DrawFn) -> Json:
        out: Json = {}
        for name in draw(
            st.lists(mostly(st.sampled_from(properties), st.sampled_from(odd)), max_size=5)
        ):
            prop = info.properties[name]
            one = draw(_value(prop.kind, depth))
            out[name] = [one] if prop.many and draw(st.integers(0, 29)) else one
        if draw(st.integers(0, 30)) == 0:
            out[draw(words)] = draw(anything)
        return out

    return build()


sales_lines = st.lists(
    st.one_of(
        st.builds(line, amounts),
        st.builds(
            lambda amount, item, extra: line(amount, item=item) | extra,
            amounts,
            ids,
            st.dictionaries(st.sampled_from(["Id", "Description", "LineNum"]), ids, max_size=2),
        ),
        st.fixed_dictionaries(
            {"DetailType": st.just("DiscountLineDetail")},
            optional={
                "Amount": amounts,
                "DiscountLineDetail": _object("DiscountLineDetail", 0),
            },
        ),
        mostly(st.builds(line, amounts), _object("Line", 2)),
    ),
    min_size=1,
    max_size=3,
)
links = st.lists(
    st.fixed_dictionaries(
        {"Amount": amounts},
        optional={
            "LinkedTxn": st.lists(
                st.fixed_dictionaries(
                    {"TxnId": ids, "TxnType": st.sampled_from(["Invoice", "CreditMemo", "Bill"])}
                ),
                max_size=2,
            )
        },
    ),
    max_size=3,
)


@st.composite
def bodies(draw: st.DrawFn, path: str) -> Json:
    """Return a body for an entity: mostly plausible, with the odd thing in it."""
    entity = next(e for e in ENTITIES.values() if e.path == path)
    body = draw(_object(entity.name, 1))
    if entity.sales_form and draw(st.integers(0, 4)):
        body |= {"CustomerRef": {"value": draw(ids)}, "Line": draw(sales_lines)}
    if entity.name == "Payment" and draw(st.integers(0, 4)):
        body |= {"CustomerRef": {"value": draw(ids)}, "TotalAmt": draw(amounts)}
        body["Line"] = draw(links)
    if entity.kind == "name" and draw(st.booleans()):
        body["DisplayName"] = draw(words)
    if entity.name == "Item":
        body |= {"Name": draw(words), "IncomeAccountRef": {"value": "1"}}
    body.pop("BillEmail", None)
    for key in ("Id", "SyncToken", "sparse"):
        body.pop(key, None)
    if draw(st.integers(0, 2)) == 0:
        body |= {"Id": draw(ids), "SyncToken": "now", "sparse": draw(st.booleans())}
    return body


@st.composite
def queries(draw: st.DrawFn) -> str:
    """Return a query: mostly in the grammar, with the odd word in it."""
    entity = draw(st.sampled_from([*ENTITIES, "Nothing"]))
    names = ["Id", "DocNumber", "TotalAmt", "Active", "DisplayName", "MetaData.LastUpdatedTime"]
    if entity in SCHEMA.types:
        names += sorted(SCHEMA.types[entity].properties)
    conditions = draw(
        st.lists(
            st.tuples(
                st.sampled_from(names),
                mostly(
                    st.sampled_from(["=", "<", ">", "<=", ">=", "LIKE", "IN"]),
                    st.sampled_from(["!=", "or", "contains"]),
                ),
                st.one_of(words, ids, days).map(lambda text: text.replace("'", "\\'")),
            ),
            max_size=2,
        )
    )
    start = mostly(st.sampled_from(["select * from ", "SELECT COUNT(*) FROM "]), st.just("select "))
    text = draw(start) + entity
    for number, (name, operator, value) in enumerate(conditions):
        literal = f"('{value}')" if operator == "IN" else f"'{value}'"
        text += f" {'and' if number else 'where'} {name} {operator} {literal}"
    if draw(st.integers(0, 3)) == 0:
        text += f" ORDERBY {draw(st.sampled_from(names))} DESC"
    text += draw(
        mostly(
            st.sampled_from(["", " STARTPOSITION 1 MAXRESULTS 5", " STARTPOSITION 3"]),
            st.sampled_from([" MAXRESULTS 0", " '", ";", " nonsense"]),
        )
    )
    return str(text)


def _operations(body: Json) -> st.SearchStrategy[str]:
    if "Id" in body:
        return st.sampled_from(["", "", "update", "delete", "void", "x"])
    return mostly(st.sampled_from(["", "create"]), st.just("update"))


@pytest.fixture(scope="module")
def books() -> Books:
    """One company for all generated requests, with something in it."""
    books = contractor()
    for name in ("Amy", "Bob", "Cleo"):
        books.post("customer", {"DisplayName": name})
    for customer in ("4", "5"):
        books.post("invoice", {"CustomerRef": {"value": customer}, "Line": [line(100)]})
    return books


def _check(reply: ApiReply) -> None:
    assert reply.status in {200, 400}, reply.body
    answer = json.loads(reply.body)
    if reply.status != 200:
        for error in answer["Fault"]["Error"]:
            assert error["code"].isdigit()
            assert error["Message"]
            assert error["Detail"]


@_LENIENT
@given(data=st.data())
def test_any_write_is_answered(books: Books, data: st.DataObject) -> None:
    """A write of any shape is done or refused with a fault, never with a server error."""
    path = data.draw(st.sampled_from(_PATHS))
    body = data.draw(bodies(path))
    operation = data.draw(_operations(body))
    include = data.draw(st.sampled_from(["", "", "void", "allowduplicatedocnum"]))
    row = books.company._ledger.row(
        next(n for n in ENTITIES if n.lower() == path), body.get("Id", "")
    )
    if body.get("SyncToken") == "now":
        body["SyncToken"] = row.load().get("SyncToken", "0") if row is not None else "0"
    query = {"operation": operation, "include": include}
    _check(books.ask("POST", path, json.dumps(body, default=str).encode(), **query))
    _check_sums(books)


@_LENIENT
@given(text=queries())
def test_any_query_is_answered(books: Books, text: str) -> None:
    """A query of any shape is answered or refused with a fault."""
    _check(books.ask("GET", "query", query=text))


@_FEWER
@given(data=st.data())
def test_any_batch_is_answered(books: Books, data: st.DataObject) -> None:
    """A batch of any shape is answered item by item or refused whole."""
    items: list[Any] = []
    for number in range(data.draw(st.integers(0, 4))):
        entity = data.draw(st.sampled_from(sorted(ENTITIES)))
        item: Json = {"bId": str(number)}
        item["operation"] = data.draw(st.sampled_from(["create", "update", "delete", "", "y"]))
        item[entity] = data.draw(bodies(entity.lower()))
        if data.draw(st.integers(0, 5)) == 0:
            item = {"bId": data.draw(words), "Query": data.draw(queries())}
        items.append(item)
    body = {"BatchItemRequest": items} if data.draw(st.integers(0, 9)) else data.draw(anything)
    _check(books.ask("POST", "batch", json.dumps(body, default=str).encode()))


@settings(_LENIENT, max_examples=400)
@given(
    body=st.binary(max_size=200),
    path=st.sampled_from([*_PATHS, "batch", "query", "cdc", "nowhere", "invoice/1/send"]),
    content_type=st.sampled_from(["application/json", "application/xml", "text/plain", ""]),
    accept=st.sampled_from(["application/json", "application/xml", "*/*"]),
    method=st.sampled_from(["GET", "POST", "PUT", "DELETE"]),
)
def test_any_bytes_are_answered(
    books: Books, body: bytes, path: str, content_type: str, accept: str, method: str
) -> None:
    """Bytes that are no request at all are answered too."""
    reply = books.ask(method, path, body, content_type=content_type, accept=accept)
    assert reply.status in {200, 400}


def _check_sums(books: Books) -> None:
    """Balances are what the documents say, after every single write."""
    ledger = books.company._ledger
    owed: dict[str, Decimal] = {}
    for entity, sign in (("Invoice", 1), ("CreditMemo", -1), ("Payment", -1)):
        for row in ledger.tables[entity].rows.values():
            data = row.load()
            customer = data["CustomerRef"]["value"]
            owed[customer] = owed.get(customer, Decimal(0)) + sign * Decimal(data["TotalAmt"])
            assert Decimal(data.get("Balance", 0)) >= 0
            assert Decimal(data.get("UnappliedAmt", 0)) >= 0
    for row in ledger.tables["Customer"].rows.values():
        assert Decimal(row.load()["Balance"]) == owed.get(row.id, Decimal(0))
