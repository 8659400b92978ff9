"""Validators of a trouble rule's fields; each complaint names the field."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    import attrs


def one_of(allowed: Collection[str]) -> Callable[..., None]:
    """Return a validator: None, or one of these values."""

    def check(_: object, attribute: attrs.Attribute[Any], value: object) -> None:
        if value is not None and value not in allowed:
            raise ValueError(f"{attribute.name} must be one of {', '.join(allowed)}, not {value!r}")

    return check


def regular_expression(_: object, attribute: attrs.Attribute[Any], value: str | None) -> None:
    """Check that a value is None or a regular expression."""
    if value is not None:
        try:
            re.compile(value)
        except re.error as error:
            raise ValueError(f"{attribute.name} is not a regular expression: {error}") from error


def number(check: Callable[[float], bool], wanted: str) -> Callable[..., None]:
    """Return a validator: None, or a number that passes the check; `wanted` says which."""

    def validate(_: object, attribute: attrs.Attribute[Any], value: float | None) -> None:
        if value is not None and not check(value):
            raise ValueError(f"{attribute.name} must be {wanted}, not {value!r}")

    return validate
