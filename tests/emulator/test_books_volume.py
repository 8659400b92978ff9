"""A full company is as quick as an empty one: no write scans the books."""

from __future__ import annotations

import statistics
import time

from tests.support.books import Books, contractor, line

FULL = 20_000
SAMPLE = 300


def _filled(invoices: int) -> Books:
    books = contractor()
    books.post("customer", {"DisplayName": "Ann"})
    body = {"CustomerRef": {"value": "4"}, "Line": [line(100)]}
    made = books.post("invoice", body)
    for number in range(2, invoices + 2):
        copy = made | {"Id": str(number), "DocNumber": f"N-{number}"}
        books.company.load("Invoice", copy)
    return books


def _median_create(books: Books) -> float:
    took = []
    for number in range(SAMPLE):
        body = {
            "CustomerRef": {"value": "4"},
            "DocNumber": f"C-{number}",
            "Line": [line(100), line(20, Qty=2, UnitPrice=10)],
        }
        start = time.process_time()
        reply = books.ask("POST", "invoice", body, requestid=f"r-{number}")
        took.append(time.process_time() - start)
        assert reply.status == 200
    return statistics.median(took)


def test_a_create_does_not_slow_down() -> None:
    """With 20,000 invoices of the same customer the median create takes no longer than double."""
    empty = _median_create(_filled(0))
    full = _median_create(_filled(FULL))
    assert full < 2 * empty + 0.0001
    assert full < 0.001


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
