"""Checks of single fields: lengths, characters, e-mail addresses, ranges of numbers."""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Literal

from dunahub_qbo_plugin.emulator.books import request_faults

if TYPE_CHECKING:
    from dunahub_qbo_plugin.emulator.books.entities import Entity
    from dunahub_qbo_plugin.emulator.books.request_faults import FaultError

Json = dict[str, Any]
EmptyText = Literal["clears", "keeps", "refuses"]

_EMAIL = re.compile(r"[^@\s,;<>]+@[^@\s,;<>]+\.[^@\s,;<>.]+")
_NAME_FORBIDDEN = re.compile("[:\t\n\r]")
# The service names these fields by what the user sees (recorded for Customer Memo).
_LABELS = {"CustomerMemo.value": "Customer Memo"}
MAX_AMOUNT = Decimal("99999999999.99")
_SINGLE_EMAIL = ("PrimaryEmailAddr",)
_MANY_EMAIL = ("BillEmail", "BillEmailCc", "BillEmailBcc")


def check_fields(entity: Entity, body: Json) -> None:
    """Check every limited field of a request.

    Raises:
        QboFaultError: 2040, 2050 and 2210, all that apply.
    """
    errors: list[FaultError] = []
    for path, limit in entity.limits.items():
        outer, _, inner = path.partition(".")
        value = body.get(outer)
        if inner and isinstance(value, dict):
            value = value.get(inner)
        if isinstance(value, str) and len(value) > limit:
            label = _LABELS.get(path, outer if inner in {"value", "Address"} else path)
            errors.append(request_faults.bad_length(len(value), limit, label))
    for name in ("DisplayName", "Name"):
        value = body.get(name)
        if entity.kind != "transaction" and isinstance(value, str):
            errors += _bad_name(value, name)
    errors += _bad_emails(body)
    if errors:
        raise request_faults.QboFaultError(*errors)


def _bad_name(value: str, element: str) -> list[FaultError]:
    if _NAME_FORBIDDEN.search(value):
        return [request_faults.bad_string(value, element)]
    return []


def _bad_emails(body: Json) -> list[FaultError]:
    errors = []
    for name in _SINGLE_EMAIL:
        address = body.get(name, {}).get("Address", "")
        if address and not _EMAIL.fullmatch(address.strip()):
            errors.append(request_faults.bad_email(address, name))
    for name in _MANY_EMAIL:
        addresses = body.get(name, {}).get("Address", "")
        if addresses and not all(_EMAIL.fullmatch(one.strip()) for one in addresses.split(",")):
            errors.append(request_faults.bad_email(addresses, name))
    return errors


def check_amount(value: Decimal | int, element: str) -> list[FaultError]:
    """Return fault 2140 for an amount beyond what the service holds."""
    if -MAX_AMOUNT <= value <= MAX_AMOUNT:
        return []
    return [request_faults.bad_amount(f"{value:,}", element)]


def merge(
    old: Json | None,
    body: Json,
    *,
    sparse: bool,
    readonly: frozenset[str],
    keep: frozenset[str],
    empty_text: EmptyText = "clears",
) -> Json:
    """Return what an object becomes by a request, before defaults.

    A full update keeps of the old object only what cannot be written; a sparse one keeps all.
    An empty value removes the property, unless `empty_text` says otherwise.

    Args:
        old: The object before, None for a create.
        body: The request, as read against the schema.
        sparse: Whether absent properties stay as they are.
        readonly: Properties of the request to ignore.
        keep: Properties of the old object a full update keeps.
        empty_text: What an empty text does to a property that has a value.

    Raises:
        QboFaultError: 2050 where an empty text is refused.
    """
    if old is None:
        data: Json = {}
    elif sparse:
        data = dict(old)
    else:
        data = {key: old[key] for key in keep if key in old}
    for key, value in body.items():
        if key in readonly:
            continue
        if empty_text != "clears" and old is not None:
            value = _kept(old.get(key), value, key, refuse=empty_text == "refuses")  # noqa: PLW2901  as the switch says
        if _empty(value):
            data.pop(key, None)
        else:
            data[key] = without_blanks(value) if isinstance(value, dict) else value
    return data


def _kept(old: object, value: object, element: str, *, refuse: bool) -> Any:  # noqa: ANN401  any JSON value
    """Return a value with the old texts in the place of empty ones, at any depth."""
    if isinstance(value, Mapping):
        inner = old if isinstance(old, Mapping) else {}
        return {
            key: _kept(inner.get(key), one, f"{element}.{key}", refuse=refuse)
            for key, one in value.items()
        }
    if value != "" or not isinstance(old, str) or not old:
        return value
    if refuse:
        raise request_faults.QboFaultError(request_faults.empty_string(element))
    return old


def _empty(value: object) -> bool:
    if isinstance(value, Mapping):
        return all(_empty(inner) for inner in value.values())
    return value == "" or (isinstance(value, list) and not value)


def without_blanks(value: Json) -> Json:
    """Return an object without its empty texts, lists and objects."""
    return {key: inner for key, inner in value.items() if not _empty(inner)}
