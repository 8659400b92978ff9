"""JSON with exact decimals in both directions: amounts are never floats."""

from __future__ import annotations

import json
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any, NoReturn

MAX_BODY = 8_000_000
"""Bytes of an answer at most: a full page of 1,000 invoices is about 3 MB."""
MAX_DIGITS = 40
"""Digits of a number at most, on either side of its point."""


class Unreadable(ValueError):
    """A body that is not JSON within these limits; the text says why and quotes nothing of it."""


def encode(payload: Mapping[str, Any]) -> str:
    """Write a payload as compact JSON, in ASCII.

    A `Decimal` becomes a number with its scale (``Decimal("100.00")`` is ``100.00``), as QuickBooks
    writes them itself. Other alphabets are escaped: Intuit's documentation names two encodings
    for bodies, and both have ASCII in common.

    Raises:
        TypeError: the payload holds a float, or something that JSON does not have.
        ValueError: a number is not finite or has more than 40 places.
    """
    return _text(payload)


def decode(body: bytes) -> Any:  # noqa: ANN401  whatever JSON holds
    """Parse JSON; fractions become `Decimal`.

    A body that is not UTF-8 is read as ISO-8859-1, which Intuit's documentation names for
    companies in the United States.

    Raises:
        Unreadable: it is too long, nested too deeply, cut, or not JSON.
    """
    if len(body) > MAX_BODY:
        raise Unreadable(f"the answer has more than {MAX_BODY} bytes")
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = body.decode("latin-1")
    try:
        return json.loads(text, parse_float=_decimal, parse_int=_int, parse_constant=_refuse)
    except Unreadable:
        raise
    except RecursionError:
        raise Unreadable("the answer is nested too deeply") from None
    except ValueError:
        # The decoder's own error would carry the whole body along.
        raise Unreadable("the answer is not JSON") from None


def _text(value: object) -> str:
    match value:
        case None | bool() | int() | str():
            return json.dumps(value)
        case Decimal():
            return _number(value)
        case Mapping():
            return "{" + ",".join(f"{_key(key)}:{_text(item)}" for key, item in value.items()) + "}"
        case list() | tuple():
            return "[" + ",".join(_text(item) for item in value) + "]"
        case _:
            raise TypeError(f"{type(value).__name__} has no exact form in JSON")


def _key(key: object) -> str:
    if not isinstance(key, str):
        raise TypeError("a JSON object's keys are text")
    return json.dumps(key)


def _number(value: Decimal) -> str:
    if not value.is_finite():
        raise ValueError("JSON has no number that is not finite")
    exponent = value.as_tuple().exponent
    if abs(value.adjusted()) > MAX_DIGITS or abs(int(exponent)) > MAX_DIGITS:
        raise ValueError(f"a number has more than {MAX_DIGITS} places")
    return format(value, "f")


def _decimal(text: str) -> Decimal:
    try:
        number = Decimal(text)
    except InvalidOperation:  # an exponent that Decimal does not have
        number = Decimal("Infinity")
    places = number.as_tuple().exponent
    if not isinstance(places, int) or max(abs(number.adjusted()), abs(places)) > MAX_DIGITS:
        raise Unreadable("the answer holds a number out of all proportion")
    return number


def _int(text: str) -> int:
    if len(text) > MAX_DIGITS:
        raise Unreadable("the answer holds a number out of all proportion")
    return int(text)


def _refuse(name: str) -> NoReturn:
    raise Unreadable(f"the answer holds {name}, which JSON does not have")
