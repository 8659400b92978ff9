from __future__ import annotations

import json
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dunahub_qbo_plugin.qbo import exact_json

money = st.decimals(
    min_value=Decimal(-(10**9)), max_value=Decimal(10**9), allow_nan=False, places=2
)
values = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**12), 10**12) | money | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (Decimal("100.00"), "100.00"),
        (Decimal("0.1"), "0.1"),
        (Decimal("1E+2"), "100"),
        (Decimal("33.333333"), "33.333333"),
        (Decimal("-0.05"), "-0.05"),
        (Decimal(0), "0"),
        (True, "true"),
        (None, "null"),
        (7, "7"),
        ('Zoë \U0001f642 "quoted" </script>', r'"Zo\u00eb \ud83d\ude42 \"quoted\" </script>"'),
        ([Decimal("1.10"), {"a": ()}], '[1.10,{"a":[]}]'),
    ],
)
def test_writes_values_exactly(value: object, text: str) -> None:
    """A value is written compactly, in ASCII, a decimal with its scale."""
    assert exact_json.encode({"v": value}) == '{"v":' + text + "}"


@given(payload=st.dictionaries(st.text(), values, max_size=5))
def test_what_is_written_reads_back_equal(payload: dict[str, object]) -> None:
    """Any payload without floats reads back as it was, its decimals exact."""
    assert exact_json.decode(exact_json.encode(payload).encode()) == payload


@pytest.mark.parametrize(
    ("value", "error"),
    [
        (1.5, TypeError),
        (b"bytes", TypeError),
        ({1: "x"}, TypeError),
        (object(), TypeError),
        (Decimal("NaN"), ValueError),
        (Decimal("Infinity"), ValueError),
        (Decimal("1E+1000000"), ValueError),
        (Decimal("1E-1000000"), ValueError),
    ],
)
def test_refuses_what_has_no_exact_form(value: object, error: type[Exception]) -> None:
    """A float, a foreign type or a number out of proportion is an error of the program."""
    with pytest.raises(error):
        exact_json.encode({"v": value})


def test_fractions_are_read_as_decimals_with_their_scale() -> None:
    """`100.00` on the wire is `Decimal("100.00")`, `0` stays an integer."""
    read = exact_json.decode(b'{"a":100.00,"b":0}')
    assert str(read["a"]) == "100.00"
    assert type(read["b"]) is int


def test_reads_both_encodings_that_intuit_documents() -> None:
    """UTF-8, with or without a mark, and ISO-8859-1 are read."""
    text = json.dumps({"name": "Zoë"}, ensure_ascii=False)
    for body in (text.encode(), text.encode("utf-8-sig"), text.encode("latin-1")):
        assert exact_json.decode(body) == {"name": "Zoë"}


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b'{"a":',
        b"<html>",
        b'{"a":NaN}',
        b'{"a":-Infinity}',
        b'{"a":1e999999999}',
        b'{"a":' + b"9" * 5000 + b"}",
        b"[" * 200_000,
        b'{"a":' * 200_000,
        b'"' + b"x" * exact_json.MAX_BODY + b'"',
    ],
    ids=["empty", "cut", "page", "nan", "infinity", "exponent", "digits", "lists", "maps", "long"],
)
def test_refuses_what_is_not_json_within_bounds(body: bytes) -> None:
    """A body that is cut, foreign, too long or too deep is `Unreadable` and nothing else."""
    with pytest.raises(exact_json.Unreadable) as caught:
        exact_json.decode(body)
    assert caught.value.__cause__ is None
    assert len(str(caught.value)) < 100
