"""Parsing of what the administration is sent, once and strictly."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date
from types import NoneType, UnionType
from typing import TYPE_CHECKING, Any, Literal, Union, get_args, get_origin, get_type_hints

import attrs
from flask import request

if TYPE_CHECKING:
    from collections.abc import Sequence


class BadInput(ValueError):
    """What was sent does not fit; the text says why."""


def body() -> dict[str, Any]:
    """Return the request's JSON object; an empty body is an empty object.

    Raises:
        BadInput: The body is not a JSON object.
    """
    if not request.get_data():
        return {}
    try:
        content = json.loads(request.get_data())
    except (ValueError, RecursionError):
        content = None
    if not isinstance(content, dict):
        raise BadInput("The body must be a JSON object.")
    return content


def optional_text(values: dict[str, Any], name: str) -> str | None:
    """Return a text, or None if it was not sent.

    Raises:
        BadInput: It is no text, or an empty one.
    """
    value = values.get(name)
    if value is None:
        return None
    if not isinstance(value, str) or not value:
        raise BadInput(f"{name} must be a text that is not empty.")
    return value


def text(values: dict[str, Any], name: str) -> str:
    """Return a text.

    Raises:
        BadInput: It is missing, no text, or empty.
    """
    value = optional_text(values, name)
    if value is None:
        raise BadInput(f"{name} is missing.")
    return value


def texts(values: dict[str, Any], name: str, default: list[str]) -> list[str]:
    """Return a list of texts.

    Raises:
        BadInput: It is no such list.
    """
    value = values.get(name, default)
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise BadInput(f"{name} must be a list of texts.")
    return value


def number(values: dict[str, Any], name: str) -> float:
    """Return a number.

    Raises:
        BadInput: It is missing or no number.
    """
    value = values.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise BadInput(f"{name} must be a number.")
    return value


def choice(values: dict[str, Any], name: str, options: Sequence[str], default: str) -> str:
    """Return one of several texts.

    Raises:
        BadInput: It is none of them.
    """
    value = values.get(name, default)
    if value not in options:
        raise BadInput(f"{name} must be one of {', '.join(options)}.")
    return str(value)


def apply_settings(settings: Any, values: dict[str, Any]) -> dict[str, Any]:  # noqa: ANN401  any attrs class
    """Change settings, all of what was sent or nothing; return them as they are now.

    Raises:
        BadInput: A name is unknown or a value is not of its type.
    """
    hints = get_type_hints(type(settings), localns={"date": date, "Mapping": Mapping})
    known = attrs.fields_dict(type(settings))
    changes: dict[str, Any] = {}
    for name, value in values.items():
        if name not in known:
            raise BadInput(f"{name!r} is not one of {', '.join(known)}.")
        changes[name] = _fitted(name, value, hints[name])
    try:
        attrs.evolve(settings, **changes)
    except ValueError as error:
        raise BadInput(f"{next(iter(changes), 'value')}: {error.args[0]}") from error
    for name, value in changes.items():
        setattr(settings, name, value)
    return {
        name: value.isoformat() if isinstance(value, date) else value
        for name, value in attrs.asdict(settings).items()
    }


def _fitted(name: str, value: Any, hint: Any) -> Any:  # noqa: ANN401  a JSON value, and what it becomes
    options = get_args(hint) if get_origin(hint) in {Union, UnionType} else (hint,)
    for option in options:
        origin = get_origin(option) or option
        if origin is Literal and value in get_args(option):
            return value
        if origin is NoneType and value is None:
            return None
        if origin is date and isinstance(value, str):
            try:
                return date.fromisoformat(value)
            except ValueError:
                raise BadInput(f"{name} must be a date such as 2026-01-31.") from None
        if origin is float and isinstance(value, int | float) and not isinstance(value, bool):
            return value
        if origin in {int, str, bool} and type(value) is origin:
            return value
        if origin is tuple and isinstance(value, list):
            return tuple(value)
        if origin is Mapping and isinstance(value, dict):
            return value
    raise BadInput(f"{name} cannot be {value!r}.")
