"""A full company is as quick as an empty one: no write scans the books."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NoReturn

from dunahub_qbo_plugin.emulator.books import json_codec
from dunahub_qbo_plugin.emulator.books.object_tables import Row
from tests.support.books import Books, contractor, line

if TYPE_CHECKING:
    import pytest

Json = dict[str, Any]


def _filled(invoices: int) -> Books:
    books = contractor()
    books.post("customer", {"DisplayName": "Ann"})
    body = {"CustomerRef": {"value": "4"}, "Line": [line(100)]}
    made = books.post("invoice", body)
    for number in range(2, invoices + 2):
        copy = made | {"Id": str(number), "DocNumber": f"N-{number}"}
        books.company.load("Invoice", copy)
    return books


class NoScan(dict[str, Row]):
    """A table's rows that may be looked up, but not gone through."""

    def values(self) -> NoReturn:
        """Fail."""
        raise AssertionError("a write went through all rows")

    items = keys = __iter__ = values


def _decoded(books: Books, monkeypatch: pytest.MonkeyPatch) -> int:
    """Return how many stored objects one create reads."""
    read: list[str] = []

    def counted(row: Row) -> Json:
        read.append(row.id)
        loaded: Json = json_codec.decode(row.text)
        return loaded

    body = {
        "CustomerRef": {"value": "4"},
        "DocNumber": "C-1",
        "Line": [line(100), line(20, Qty=2, UnitPrice=10)],
    }
    with monkeypatch.context() as patch:
        patch.setattr(Row, "load", counted)
        assert books.ask("POST", "invoice", body, requestid="r-1").status == 200
    return len(read)


def test_a_create_does_not_slow_down(monkeypatch: pytest.MonkeyPatch) -> None:
    """With 2,000 invoices of the same customer a create reads no more objects than with one."""
    full = _filled(2_000)
    for table in full.company._ledger.tables.values():
        table.rows = NoScan(table.rows)
    assert _decoded(full, monkeypatch) == _decoded(_filled(0), monkeypatch)


def test_indexed_queries_read_few_rows() -> None:
    """A query by number, Id or name decodes only what it may find."""
    books = _filled(2_000)
    table = books.company._ledger.tables["Invoice"]
    for row in table.rows.values():
        if row.doc_key != "n-77":
            row.text = "not JSON: must not be read"
    assert books.query("select * from Invoice where DocNumber = 'N-77'")["maxResults"] == 1
    assert books.query("select * from Invoice where Id = '77'")["maxResults"] == 1
    assert books.query("select count(*) from Invoice")["totalCount"] == 2_001
