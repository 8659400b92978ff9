from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from dunahub_qbo_plugin.qbo.query import Condition, literal, select


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("Amy's Bird Sanctuary", r"'Amy\'s Bird Sanctuary'"),
        ("back\\slash", r"'back\\slash'"),
        ("\\' OR Id = '1", r"'\\\' OR Id = \'1'"),
        ("two\nlines\tand\x00more", "'two lines and more'"),
        ("Zoë & Söhne + 100 % \U0001f642", "'Zoë & Söhne + 100 % \U0001f642'"),
        (Decimal("300.00"), "'300.00'"),
        (Decimal("1E+2"), "'100'"),
        (7, "'7'"),
        (True, "true"),
        (False, "false"),
        (date(2026, 3, 2), "'2026-03-02'"),
        (datetime(2026, 3, 2, 9, 30, tzinfo=UTC), "'2026-03-02T09:30:00+00:00'"),
    ],
)
def test_writes_literals(value: str | Decimal | int | date, text: str) -> None:
    r"""A value stands in single quotes, apostrophe and backslash escaped with a backslash."""
    assert literal(value) == text


@pytest.mark.parametrize(
    ("statement", "text"),
    [
        (select("Item"), "SELECT * FROM Item STARTPOSITION 1 MAXRESULTS 1000"),
        (
            select("Customer", [("DisplayName", "=", "O'Neil")], active="any", max=2),
            (
                r"SELECT * FROM Customer WHERE DisplayName = 'O\'Neil' AND Active IN (true, false) "
                "STARTPOSITION 1 MAXRESULTS 2"
            ),
        ),
        (
            select(
                "Invoice",
                [("TxnDate", ">=", date(2026, 1, 1)), ("Id", "IN", ["1", "2"])],
                order_by="MetaData.LastUpdatedTime",
                start=1001,
            ),
            (
                "SELECT * FROM Invoice WHERE TxnDate >= '2026-01-01' AND Id IN ('1', '2') "
                "ORDERBY MetaData.LastUpdatedTime STARTPOSITION 1001 MAXRESULTS 1000"
            ),
        ),
    ],
)
def test_builds_statements(statement: str, text: str) -> None:
    """Conditions, order and page stand in the order that Intuit documents."""
    assert statement == text


@pytest.mark.parametrize(
    "condition",
    [
        ("DisplayName; DROP", "=", "x"),
        ("DisplayName", "LIKE", "x%"),
        ("DisplayName", "!=", "x"),
        ("Id", "IN", "12"),
        ("Id", "IN", []),
        ("Id", "=", ["1"]),
        ("Time", "=", datetime(2026, 1, 1)),  # noqa: DTZ001  the lack of a zone is the case
    ],
)
def test_refuses_what_cannot_be_in_a_statement(condition: Condition) -> None:
    """A name, operator or value that the language does not have is an error of the program."""
    with pytest.raises((ValueError, TypeError)):
        select("Customer", [condition])


@pytest.mark.parametrize(("start", "most"), [(0, 10), (1, 0), (1, 1001)])
def test_refuses_impossible_pages(start: int, most: int) -> None:
    """Positions start at 1 and a page has at most 1,000 rows."""
    with pytest.raises(ValueError, match="starts at 1"):
        select("Customer", start=start, max=most)
