"""JSON in and out with money intact: numbers arrive and leave with their own scale."""

from __future__ import annotations

import json
import re
from decimal import Decimal, InvalidOperation
from typing import Any, NoReturn

from dunahub_qbo_plugin.emulator.books import request_faults

Json = dict[str, Any]
Raw = Any  # any JSON value

# The C encoder cannot write a Decimal, and writing JSON in Python costs three times as much as
# everything else a create does. A Decimal therefore leaves the encoder as a string behind a
# control character, which no text in the books can contain, and loses its quotes afterwards.
_MARK = "\x01"
_MARKED = re.compile(r'"\\u0001([-0-9.]+)"')
_CENT = Decimal("0.01")


def _refuse(_: str) -> NoReturn:
    raise request_faults.unreadable()


_DECODER = json.JSONDecoder(parse_float=Decimal, parse_constant=_refuse)


def _leave(value: object) -> str:
    if isinstance(value, Decimal):
        return f"{_MARK}{value:f}"
    raise TypeError(type(value).__name__)


_ENCODER = json.JSONEncoder(
    ensure_ascii=False, check_circular=False, separators=(",", ":"), default=_leave
)


def encode(value: object) -> str:
    """Return compact JSON text; Decimals keep their digits."""
    return _MARKED.sub(r"\1", _ENCODER.encode(value))


def decode(text: str) -> Raw:
    """Return what `encode` wrote; fractional numbers become Decimals."""
    return _DECODER.decode(text)


def read_json(body: bytes) -> Json:
    """Return a request's JSON object.

    Raises:
        QboFaultError: 2010, for bytes that are not UTF-8, text that is not JSON, or JSON that
            is not an object.
    """
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError as error:
        where = "middle" if error.reason == "invalid continuation byte" else "start"
        at = error.start + 1 if where == "middle" and error.start + 1 < len(body) else error.start
        raise request_faults.bad_property(f"Invalid UTF-8 {where} byte {body[at]:#04x}") from error
    try:
        value = _DECODER.decode(text)
    except (ValueError, RecursionError, InvalidOperation) as error:
        raise request_faults.unreadable() from error
    if not isinstance(value, dict):
        raise request_faults.unreadable()
    return value


def cents(value: Decimal | int) -> Decimal | int:
    """Return an amount as the service writes it: two decimals, and a bare `0` for nothing."""
    rounded = Decimal(value).quantize(_CENT, rounding="ROUND_HALF_UP")
    return rounded or 0


def plain(value: Decimal | int) -> Decimal | int:
    """Return a price or quantity as the service writes it: without trailing zeros."""
    if isinstance(value, int):
        return value
    whole = value.to_integral_value()
    return int(whole) if whole == value else value.normalize()
