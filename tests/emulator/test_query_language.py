"""The query language: what parses, what is found, in which order, and what is said otherwise."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.support.books import Books, contractor, line


@pytest.fixture(scope="module")
def books() -> Books:
    """Books with three customers, one of them inactive, and four invoices."""
    books = contractor()
    for name in ("Amy's Bird Sanctuary", "Bob & Sons", "zoe", "Gone"):
        books.post("customer", {"DisplayName": name, "PrimaryEmailAddr": {"Address": "A@b.co"}})
    books.post("customer", {"Id": "7", "SyncToken": "0", "sparse": True, "Active": False})
    for number, (customer, amount) in enumerate([("4", 10), ("4", 300), ("5", 20.5), ("6", 99)]):
        books.clock.now += timedelta(hours=1)
        body = {"CustomerRef": {"value": customer}, "Line": [line(amount)]}
        books.post(
            "invoice", body | {"DocNumber": f"Q-{number}", "TxnDate": f"2026-0{number + 1}-01"}
        )
    return books


def ids(books: Books, text: str) -> list[str]:
    """Return the Ids a query finds, in order."""
    answer = books.query(text)
    found = [value for value in answer.values() if isinstance(value, list)]
    return [one["Id"] for one in found[0]] if found else []


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("select * from Customer", ["4", "5", "6"]),
        ("SELECT * FROM customer WHERE displayname = 'BOB & SONS'", ["5"]),
        (r"select * from Customer where DisplayName = 'Amy\'s Bird Sanctuary'", ["4"]),
        ("select * from Customer where DisplayName like '%b%'", ["4", "5"]),
        ("select * from Customer where DisplayName LIKE 'Z%'", ["6"]),
        ("select * from Customer where Active = false", ["7"]),
        ("select * from Customer where Active in (true, false)", ["4", "5", "7", "6"]),
        ("select * from Customer where Id in ('4', '6', '99')", ["4", "6"]),
        ("select * from Customer where PrimaryEmailAddr = 'a@B.co'", ["4", "5", "6"]),
        ("select * from Customer where Balance > '20' and Balance <= '310.00'", ["4", "5", "6"]),
        ("select * from Customer orderby DisplayName desc", ["6", "5", "4"]),
        ("select * from Customer ORDER BY Balance ASC, Id", ["5", "6", "4"]),
        ("select * from Customer startposition 2 maxresults 1", ["5"]),
        ("select * from Customer maxresults 1 startposition 3", ["6"]),
        ("select * from Customer startposition 4", []),
        ("select Id, DisplayName from Customer maxresults 1", ["4"]),
        ("SELECT *, Notes FROM Customer maxresults 1", ["4"]),
        ("select * from Invoice", ["4", "3", "2", "1"]),
        ("select * from Invoice where CustomerRef = '4'", ["2", "1"]),
        ("select * from Invoice where DocNumber = 'q-2'", ["3"]),
        ("select * from Invoice where DocNumber IN ('Q-0', 'Q-3')", ["4", "1"]),
        ("select * from Invoice where DocNumber = ''", []),
        (
            "select * from Invoice where TxnDate >= '2026-02-01' and TxnDate < '2026-04-01'",
            ["3", "2"],
        ),
        (
            "select * from Invoice where TxnDate < CURRENT_DATE orderby TotalAmt",
            ["1", "3", "4", "2"],
        ),
        ("select * from Invoice where TotalAmt = '20.50'", ["3"]),
        ("select * from Invoice where TotalAmt = 20.5", ["3"]),
        (
            "select * from Invoice where MetaData.LastUpdatedTime > '2026-09-14T19:00:00Z'",
            ["4", "3", "2"],
        ),
        ("select * from Invoice where Metadata.CreateTime <= '2026-09-14T12:00:00-07:00'", ["1"]),
        ("select * from Invoice where PrivateNote = ' '", ["4", "3", "2", "1"]),
        (
            "select * from TaxCode where Taxable = true orderby Id",
            ["CustomSalesTax", "TAX", "2", "3"],
        ),
    ],
)
def test_what_is_found(books: Books, text: str, wanted: list[str]) -> None:
    """Operators, escaping, case, the Active rule, order and paging (Intuit's data queries)."""
    assert ids(books, text) == wanted


def test_numbers_of_an_answer(books: Books) -> None:
    """`maxResults` is what came back; invoices add `totalCount`; nothing found is empty."""
    answer = books.query("select * from Customer maxresults 2")
    assert (answer["startPosition"], answer["maxResults"]) == (1, 2)
    assert "totalCount" not in answer
    answer = books.query("select * from Invoice startposition 2 maxresults 2")
    numbers = [answer[key] for key in ("startPosition", "maxResults", "totalCount")]
    assert numbers == [2, 2, 4]
    assert books.query("select * from Invoice where DocNumber = 'none'") == {}
    assert books.query("select count(*) from Customer") == {"totalCount": 3}
    assert books.query("select COUNT(*) from Customer where Active IN (true,false)") == {
        "totalCount": 4
    }


def test_a_query_by_post(books: Books) -> None:
    """The query may be the body, as `application/text`."""
    reply = books.ask(
        "POST", "query", b"select count(*) from Invoice", content_type="application/text"
    )
    assert b'{"totalCount":4}' in reply.body
    reply = books.ask("POST", "query", b"x=1", content_type="application/x-www-form-urlencoded")
    assert reply.status == 400


EOF = 'Encountered "<EOF>" at line 1, column '


@pytest.mark.parametrize(
    ("text", "code", "detail"),
    [
        (
            "SELECT * FROM NULL",
            "4000",
            (
                'QueryParserError: Encountered " "null" "NULL "" at line 1, column 15.\n'
                "Was expecting:\n    <IDENTIFIER> ...\n    "
            ),
        ),
        (
            "select * from Customer where DisplayName in Ann",
            "4000",
            (
                'QueryParserError: Encountered " <IDENTIFIER> "Ann "" at line 1, column 45.\n'
                'Was expecting:\n    "(" ...\n    '
            ),
        ),
        ("", "4000", f'QueryParserError: {EOF}1.\nWas expecting:\n    "select" ...\n    '),
        (
            "select * from Custmoer",
            "4001",
            "QueryValidationError: invalid context declaration: Custmoer",
        ),
        (
            "select * from Customer where EmailAddress = 'x'",
            "4001",
            "QueryValidationError: Property EmailAddress not found for Entity Customer",
        ),
        (
            "select * from Customer where PrimaryEmailAddr.Address = 'x'",
            "4001",
            "QueryValidationError: Property PrimaryEmailAddr.Address not found for Entity Customer",
        ),
        (
            "select * from Vendor where PrimaryEmailAddr = 'x'",
            "4001",
            "QueryValidationError: property 'PrimaryEmailAddr' is not queryable",
        ),
        (
            "select * from Invoice where DepartmentRef = '1'",
            "4001",
            "QueryValidationError: property 'DepartmentRef' is not queryable",
        ),
        (
            "select * from Payment where DocNumber = '1'",
            "4001",
            "QueryValidationError: property 'DocNumber' is not queryable",
        ),
        (
            "select * from Customer startposition 0",
            "4001",
            "QueryValidationError: value 0 is too small. Min allowed value is 1",
        ),
        (
            "select * from Customer where Id = '1.5'",
            "2030",
            "Id should be a valid number. Supplied value:1.5",
        ),
    ],
)
def test_what_is_said(books: Books, text: str, code: str, detail: str) -> None:
    """A query that is wrong is refused in the service's own words (recorded 2013 to 2020)."""
    assert books.refused_query(text) == (code, detail)


@pytest.mark.parametrize(
    "text",
    [
        "select * from Customer where Id > '1'",
        "select * from Customer where DisplayName = 'O''Hara'",
        "select * from Customer where DisplayName = 'a' or DisplayName = 'b'",
        "select * from Customer where DisplayName != 'a'",
        "select * from Customer where not Active = true",
        "select * from Customer, Invoice",
        "select * from Customer where DisplayName = \u2019a\u2019",
        "select * from Customer where DisplayName = 'open",
        "select * from Customer maxresults 1001",
        "select * from Customer maxresults -1",
        "select * from Customer maxresults 1.5",
        "select * from Customer group by Id",
        "select * from Invoice where TxnDate > 'soon'",
        "select * from Invoice where TotalAmt > 'much'",
        "select * from Customer where Active = 'maybe'",
        "select Nothing from Customer",
        "select * from Customer orderby Nothing",
        "delete from Customer",
    ],
)
def test_what_is_refused(books: Books, text: str) -> None:
    """There is no OR, NOT, !=, join, group or doubled quote, and no more than 1,000 results."""
    assert books.refused_query(text)[0] in {"4000", "4001"}
