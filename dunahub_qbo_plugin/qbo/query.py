"""Statements in QuickBooks' query language, as far as the plugin uses it.

Source: Intuit's page "Query operations and syntax", and recorded queries.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Literal

Scalar = str | int | Decimal | bool | date
Condition = tuple[str, str, Scalar | Sequence[Scalar]]

MAX_ROWS = 1000
"""Rows that QuickBooks returns at most in one answer."""

_OPERATORS = frozenset({"=", "<", ">", "<=", ">=", "IN"})
_NAME = re.compile(r"[A-Za-z]+(\.[A-Za-z]+)*")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]+")


def literal(value: Scalar) -> str:
    r"""Return a value as a literal of a statement.

    Numbers and dates are quoted too; an apostrophe becomes ``\'`` (recorded). A control character
    becomes a space: no name in QuickBooks has one, and the statement must stay one line.
    """
    match value:
        case bool():
            return "true" if value else "false"
        case datetime():
            if value.tzinfo is None:
                raise ValueError("a moment in a query needs its time zone")
            text = value.isoformat(timespec="seconds")
        case date():
            text = value.isoformat()
        case Decimal():
            text = format(value, "f")
        case _:
            text = _CONTROL.sub(" ", str(value))
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def select(
    entity: str,
    where: Sequence[Condition] = (),
    *,
    active: Literal["any"] | None = None,
    order_by: str | None = None,
    start: int = 1,
    max: int = MAX_ROWS,  # noqa: A002  the clause's own name
) -> str:
    """Build a statement.

    Args:
        entity: in QuickBooks' spelling, such as ``Customer``.
        where: field, operator (``=``, ``<``, ``>``, ``<=``, ``>=``, ``IN``) and value; all hold.
        active: "any" to include inactive list objects, which QuickBooks leaves out otherwise.
        order_by: a field; without it QuickBooks' own order, which changes as objects change.
        start: position of the first row, from 1.
        max: most rows, up to 1000.

    Raises:
        ValueError: a name, operator or number cannot be in a statement.
        TypeError: a list where one value belongs.
    """
    conditions = [_condition(*parts) for parts in where]
    if active == "any":
        conditions.append("Active IN (true, false)")
    if start < 1 or not 1 <= max <= MAX_ROWS:
        raise ValueError("a query starts at 1 or later and asks for 1 to 1000 rows")
    clauses = [f"SELECT * FROM {_name(entity)}"]  # noqa: S608  checked names, escaped literals
    if conditions:
        clauses.append("WHERE " + " AND ".join(conditions))
    if order_by:
        clauses.append(f"ORDERBY {_name(order_by)}")
    clauses.append(f"STARTPOSITION {start} MAXRESULTS {max}")
    return " ".join(clauses)


def _condition(field: str, operator: str, value: Scalar | Sequence[Scalar]) -> str:
    if operator not in _OPERATORS:
        raise ValueError(f"{operator!r} is no operator of the query language")
    if operator == "IN":
        if isinstance(value, str) or not isinstance(value, Sequence) or not value:
            raise ValueError("IN needs at least one value, in a list")
        listed = ", ".join(literal(item) for item in value)
        return f"{_name(field)} IN ({listed})"
    if not isinstance(value, str) and isinstance(value, Sequence):
        raise TypeError(f"{operator} takes one value")
    return f"{_name(field)} {operator} {literal(value)}"


def _name(text: str) -> str:
    if not _NAME.fullmatch(text):
        raise ValueError(f"{text!r} is no name of the query language")
    return text
