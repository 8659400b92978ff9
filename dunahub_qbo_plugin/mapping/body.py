"""The text of a request body: JSON whose numbers are written exactly."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

Payload = dict[str, Any]


def encode(payload: Mapping[str, Any]) -> str:
    """Write a payload as JSON (ASCII), each Decimal as a JSON number with all its digits.

    The same payload always gives the same text.

    Raises:
        TypeError: the payload holds a float or anything else that JSON has no exact form for.
    """
    return _text(payload)


def _text(value: object) -> str:
    if isinstance(value, str):
        return json.dumps(value)
    if value is None or isinstance(value, bool | int):
        return json.dumps(value)
    if isinstance(value, Decimal):
        return f"{value:f}"
    if isinstance(value, dict):
        pairs = (f"{json.dumps(name)}:{_text(entry)}" for name, entry in value.items())
        return "{" + ",".join(pairs) + "}"
    if isinstance(value, list | tuple):
        return "[" + ",".join(map(_text, value)) + "]"
    raise TypeError(f"a request body cannot hold {type(value).__name__}")
