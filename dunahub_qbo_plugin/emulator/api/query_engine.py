"""Queries: checked against the entity, answered from the indexes where one fits."""

from __future__ import annotations

import re
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from operator import attrgetter
from typing import TYPE_CHECKING, Any

import attrs

from dunahub_qbo_plugin.emulator.api.query_syntax import Condition, Order, Query, parse
from dunahub_qbo_plugin.emulator.books import request_faults
from dunahub_qbo_plugin.emulator.books.absent_entities import ABSENT
from dunahub_qbo_plugin.emulator.books.entities import BY_PATH, Entity

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from dunahub_qbo_plugin.emulator.books.ledger import Ledger
    from dunahub_qbo_plugin.emulator.books.object_tables import Row, Table

    Lazy = Callable[[], dict[str, Any]]
    Test = Callable[[Row, Lazy], bool]

Json = dict[str, Any]
Raw = Any  # any JSON value

DEFAULT_LIMIT = 100
MAX_LIMIT = 1000
# "Filterable" in Intuit's reference of the entity; other references are not queryable.
_REFS = frozenset({"CustomerRef", "ParentRef", "VendorRef"})
_OWN_REFS = {
    "Invoice": frozenset({"SalesTermRef", "ProjectRef"}),
    "CreditMemo": frozenset({"SalesTermRef"}),
    "Payment": frozenset({"PaymentMethodRef"}),
    "TaxRate": frozenset({"AgencyRef"}),
}
_FLAT_OBJECTS = {"Customer": frozenset({"PrimaryEmailAddr", "PrimaryPhone", "Mobile"})}
_INNER = {"PrimaryEmailAddr": "Address", "PrimaryPhone": "FreeFormNumber"}
_NOT_QUERYABLE = {
    "Payment": frozenset({"DocNumber"}),
    # Observed 2020 (.NET SDK #163) and 2017 (quickbooks-ruby #403).
    "Account": frozenset({"AcctNum"}),
    "Customer": frozenset({"AcctNum"}),
    "Vendor": frozenset({"AcctNum", "Balance", "TaxIdentifier", "Title", "Vendor1099"}),
}
_TIMES = {"metadata.createtime": "CreateTime", "metadata.lastupdatedtime": "LastUpdatedTime"}
_NULL = " "


# Properties whose name occurs once in an object's text, wherever it stands: a scan for one of
# them need not decode a hundred thousand invoices.
_AT_ONCE = {
    name: re.compile(rf'"{name}":("[^"\\]*"|[-0-9.]+)')
    for name in ("Balance", "TotalAmt", "UnappliedAmt", "TxnDate", "DueDate")
}


@attrs.frozen(kw_only=True)
class Field:
    """A property a query may name: where it lies in the object, and its kind."""

    path: tuple[str, ...]
    kind: str

    def of(self, row: Row, data: Lazy) -> Raw:
        """Return the property's value in a row, read from its text alone where it can be."""
        pattern = _AT_ONCE.get(self.path[0])
        if pattern is None:
            return _value(data(), self.path)
        match = pattern.search(row.text)
        return None if match is None else match[1].strip('"')


@attrs.frozen(kw_only=True)
class Answer:
    """What a query found.

    Attributes:
        entity: The entity asked for.
        rows: The rows of the page, in order; empty for a count.
        start: The first row's position.
        total: How many rows match in all.
        count: Whether only the number was asked for.
    """

    entity: Entity
    rows: list[Row]
    start: int
    total: int
    count: bool


def run_query(ledger: Ledger, text: str) -> Answer:
    """Return answer a query.

    Raises:
        QboFaultError: 2030, 4000 or 4001.
    """
    query = parse(text)
    entity = BY_PATH.get(query.entity.lower())
    if entity is None:
        other = ABSENT.get(query.entity.lower())
        if other is None:
            raise request_faults.query_invalid(f"invalid context declaration: {query.entity}")
        _paging(ledger, query)
        return Answer(entity=other, rows=[], start=0, total=0, count=query.count)
    for column in query.columns:
        if column != "*" and not column.endswith(".*"):
            find_field(ledger, entity, column)
    start, limit = _paging(ledger, query)
    orders = [(find_field(ledger, entity, order.path), order) for order in query.order]
    tests = [_test(ledger, entity, condition) for condition in query.where]
    rows = _candidates(ledger, entity, query)
    if entity.name == "Customer":
        rows = (row for row in rows if not ledger.hidden(row))
    if entity.kind != "transaction" and not _names_active(query):
        rows = (row for row in rows if row.active)
    if tests:
        rows = (row for row in rows if _passes(row, tests))
    if query.count:
        return Answer(entity=entity, rows=[], start=0, total=sum(1 for _ in rows), count=True)
    found = _sorted(list(rows), entity, orders)
    # Sales tax codes that are not numbered come with the first page, and no limit counts them
    # (known of the service, from its clients' own tests).
    extra = [row for row in found if not row.id.isdigit()] if entity.name == "TaxCode" else []
    counted = [row for row in found if row.id.isdigit()] if extra else found
    page = (extra if start == 1 else []) + counted[start - 1 : start - 1 + limit]
    return Answer(entity=entity, rows=page, start=start, total=len(found), count=False)


def find_field(ledger: Ledger, entity: Entity, path: str) -> Field:
    """Return the property a query names, case aside.

    Raises:
        QboFaultError: 4001 for one that does not exist or cannot be queried.
    """
    lowered = path.lower()
    if lowered in _TIMES:
        return Field(path=("MetaData", _TIMES[lowered]), kind="t")
    properties = ledger.schema.types[entity.name].properties
    prop = next((p for p in properties.values() if p.name.lower() == lowered), None)
    if prop is None:
        raise request_faults.query_invalid(f"Property {path} not found for Entity {entity.name}")
    if prop.name in _FLAT_OBJECTS.get(entity.name, ()):
        return Field(path=(prop.name, _INNER.get(prop.name, "FreeFormNumber")), kind="s")
    if prop.kind == "r" and prop.name in _REFS | _OWN_REFS.get(entity.name, frozenset()):
        return Field(path=(prop.name, "value"), kind="s")
    simple = prop.kind in {"s", "n", "i", "b", "d"} or prop.kind.startswith("e:")
    hidden = prop.name in _NOT_QUERYABLE.get(entity.name, ()) or (
        prop.name == "PrivateNote" and not ledger.settings.private_note_queryable
    )
    if prop.many or not simple or hidden:
        raise request_faults.query_invalid(f"property '{path}' is not queryable")
    return Field(path=(prop.name,), kind=prop.kind)


def _paging(ledger: Ledger, query: Query) -> tuple[int, int]:
    start = 1 if query.start is None else query.start
    if start == 0 and ledger.settings.start_position_zero == "answer":
        start = 1
    limit = DEFAULT_LIMIT if query.limit is None else query.limit
    for value in (start, limit):
        if value < 1:
            raise request_faults.query_invalid(
                f"value {value} is too small. Min allowed value is 1"
            )
    if limit > MAX_LIMIT:
        raise request_faults.query_invalid(
            f"value {limit} is too large. Max allowed value is {MAX_LIMIT}"
        )
    return start, limit


def _names_active(query: Query) -> bool:
    return any(condition.path.lower() == "active" for condition in query.where)


def _candidates(ledger: Ledger, entity: Entity, query: Query) -> Iterable[Row]:
    """Return the rows worth testing: those of an index if a condition names one, else all."""
    table = ledger.tables[entity.name]
    for condition in query.where:
        rows = _indexed(table, condition)
        if rows is not None:
            return rows
    for condition in query.where:
        if condition.path.lower() == "metadata.lastupdatedtime" and condition.operator in (
            ">",
            ">=",
        ):
            since = _moment(ledger, condition.values[0])
            return (row for row in table.rows.values() if row.updated >= since)
    return table.rows.values()


def _indexed(table: Table, condition: Condition) -> list[Row] | None:
    name = condition.path.lower()
    if condition.operator not in ("=", "IN"):
        return None
    values = list(dict.fromkeys(value.lower() for value in condition.values))
    if name == "id":
        return [table.rows[value] for value in values if value in table.rows]
    if name == "docnumber":
        return [row for value in values for row in table.numbered(value)]
    if name == "customerref":
        return [row for value in values for row in table.owned_by(value)]
    if name in ("displayname", "name"):
        return [row for value in values for row in table.labelled(value)]
    return None


def _passes(row: Row, tests: list[Test]) -> bool:
    loaded: list[Json] = []

    def data() -> Json:
        if not loaded:
            loaded.append(row.load())
        return loaded[0]

    return all(test(row, data) for test in tests)


def _value(data: Json, path: tuple[str, ...]) -> Raw:
    value: Any = data
    for name in path:
        if not isinstance(value, dict):
            return None
        value = value.get(name)
    return value


def _test(ledger: Ledger, entity: Entity, condition: Condition) -> Test:
    field = find_field(ledger, entity, condition.path)
    operator = condition.operator
    if field.path == ("Id",):
        if operator not in ("=", "IN"):
            raise request_faults.query_invalid(
                f"Operator {operator} is not supported for property Id"
            )
        for value in condition.values:
            if not value.isascii() or not value.isdigit():
                raise request_faults.invalid_id(value)
    if operator == "LIKE":
        return _like(field, condition.values[0])
    wanted = [
        None if value == _NULL else _parsed(ledger, field, value) for value in condition.values
    ]
    if operator == "IN":
        return lambda row, data: _comparable(field, field.of(row, data)) in wanted
    if operator == "=":
        first = wanted[0]
        return lambda row, data: _comparable(field, field.of(row, data)) == first
    return _ordered(field, operator, wanted[0])


def _ordered(field: Field, operator: str, limit: Raw) -> Test:
    def test(row: Row, data: Lazy) -> bool:
        value = _comparable(field, field.of(row, data))
        if value is None or limit is None:
            return False
        match operator:
            case "<":
                return bool(value < limit)
            case ">":
                return bool(value > limit)
            case "<=":
                return bool(value <= limit)
            case _:
                return bool(value >= limit)

    return test


def _like(field: Field, pattern: str) -> Test:
    expression = ".*".join(re.escape(part) for part in pattern.split("%"))
    compiled = re.compile(expression, re.IGNORECASE | re.DOTALL)

    def test(row: Row, data: Lazy) -> bool:
        value = field.of(row, data)
        return value is not None and compiled.fullmatch(str(value)) is not None

    return test


def _comparable(field: Field, value: Raw) -> Raw:
    if value is None:
        return False if field.kind == "b" else None
    if field.kind == "t":
        return datetime.fromisoformat(value)
    if field.kind in ("n", "i"):
        return Decimal(value)
    return value.lower() if isinstance(value, str) else value


def _parsed(ledger: Ledger, field: Field, text: str) -> Raw:
    if text.lower() == "current_date":
        text = ledger.today().isoformat()
    if field.kind in ("n", "i"):
        try:
            number = Decimal(text.strip())
        except InvalidOperation as error:
            raise request_faults.query_invalid(f"value {text} is not a valid number") from error
        if not number.is_finite():
            raise request_faults.query_invalid(f"value {text} is not a valid number")
        return number
    if field.kind == "b":
        if text.lower() not in ("true", "false"):
            raise request_faults.query_invalid(f"value {text} is not a valid boolean")
        return text.lower() == "true"
    if field.kind == "t":
        return _moment(ledger, text)
    if field.kind == "d":
        try:
            return date.fromisoformat(text[:10]).isoformat()
        except ValueError as error:
            raise request_faults.query_invalid(f"value {text} is not a valid date") from error
    return text.lower()


def _moment(ledger: Ledger, text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError as error:
        raise request_faults.query_invalid(f"value {text} is not a valid date time") from error
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=ledger.now.tzinfo)


def _sorted(rows: list[Row], entity: Entity, orders: list[tuple[Field, Order]]) -> list[Row]:
    """Sort in the order asked for, or the service's own.

    Recorded 2018 to 2026: people by full name in code point order, accounts by own name and other
    lists by full name whatever its case, transactions by last change, newest first.
    """
    if not orders:
        if entity.kind == "transaction":
            rows.reverse()
            rows.sort(key=attrgetter("updated"), reverse=True)
        elif entity.kind == "name":
            rows.sort(key=attrgetter("sort_key"))
        else:
            # Accounts stand by their own name, which a parent does not move; sales tax codes
            # that are not numbered stand before the others (recorded 2013).
            own = entity.name == "Account"
            rows.sort(
                key=lambda row: (row.label_key if own else row.name_key) if row.id.isdigit() else ""
            )
        return rows
    loaded = [(row, row.load()) for row in rows]
    for field, order in reversed(orders):

        def key(pair: tuple[Row, Json], field: Field = field) -> tuple[bool, Any]:
            value = _comparable(field, _value(pair[1], field.path))
            if field.path == ("Id",):
                return (value.isdigit(), int(value) if value.isdigit() else value)
            return (value is not None, value if value is not None else 0)

        loaded.sort(key=key, reverse=order.descending)
    return [row for row, _ in loaded]
