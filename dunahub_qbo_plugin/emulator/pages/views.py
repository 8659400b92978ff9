"""What the pages show of a company, read through its own API."""

from __future__ import annotations

import json
import re
from decimal import Decimal
from typing import TYPE_CHECKING

import attrs

from dunahub_qbo_plugin.emulator.api.api_messages import ApiRequest
from dunahub_qbo_plugin.emulator.pages.table_rows import TITLES, Cell, Json, row

if TYPE_CHECKING:
    from dunahub_qbo_plugin.emulator.api.company_api import Company

_OK = 200
_MARK = "\x01"  # cannot be part of a text in the books
_MARKED = re.compile(r'"\\u0001([-0-9.E+]+)"')


@attrs.frozen(kw_only=True)
class Section:
    """Objects of one kind.

    Attributes:
        entity: QuickBooks' name of the kind.
        title: Heading in the plural.
        total: How many there are, inactive ones included.
        rows: The objects on this page.
        start: Position of the first of them, from 1.
    """

    entity: str
    title: str
    total: int
    rows: list[list[Cell]]
    start: int = 1


LISTS = frozenset(
    {"Customer", "Item", "Account", "Vendor", "Employee", "PaymentMethod", "Term", "TaxCode"}
)


def read(company: Company, entity: str, identifier: str) -> Json | None:
    """Return one object, or None if there is none."""
    answer = _ask(company, (entity.lower(), identifier), {})
    return None if answer is None else answer.get(entity)


def section(company: Company, entity: str, *, start: int, limit: int) -> Section:
    """Return a page of the objects of one kind, in QuickBooks' own order.

    Documents come last changed first.
    """
    found = _query(
        company,
        f"SELECT * FROM {entity}{_where(entity)} STARTPOSITION {start} MAXRESULTS {limit}",  # noqa: S608  QuickBooks' own language
    )
    rows = [row(entity, item) for item in found.get(entity, [])]
    return Section(
        entity=entity,
        title=TITLES[entity],
        total=count(company, entity),
        rows=rows,
        start=start,
    )


def count(company: Company, entity: str) -> int:
    """Return how many objects of one kind there are, inactive ones included."""
    counted = _query(company, f"SELECT count(*) FROM {entity}{_where(entity)}")  # noqa: S608  as above
    return int(counted.get("totalCount", 0))


def pretty(item: Json) -> str:
    """Return the object as indented JSON, numbers with the scale they have."""
    text = json.dumps(item, indent=2, ensure_ascii=False, default=lambda number: f"{_MARK}{number}")
    return _MARKED.sub(r"\1", text)


def _where(entity: str) -> str:
    return " WHERE Active IN (true, false)" if entity in LISTS else ""


def _query(company: Company, text: str) -> Json:
    answer = _ask(company, ("query",), {"query": text})
    found: Json = (answer or {}).get("QueryResponse", {})
    return found


def _ask(company: Company, path: tuple[str, ...], query: dict[str, str]) -> Json | None:
    answer = company.handle(
        ApiRequest(method="GET", path=path, query=query, accept="application/json")
    )
    if answer.status != _OK:
        return None
    content: Json = json.loads(answer.body, parse_float=Decimal)
    return content
