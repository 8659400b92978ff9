"""The differences between a recorded reply and one that was given."""

from __future__ import annotations

import json
import re
from decimal import Decimal
from http import HTTPStatus
from typing import TYPE_CHECKING

from dunahub_qbo_plugin.emulator.books.entities import ENTITIES
from tests.support.recordings import NAMESPACE, Json, Raw, Recording, parse_xml

if TYPE_CHECKING:
    from xml.etree import ElementTree as ET

    from dunahub_qbo_plugin.emulator.api.api_messages import ApiReply

# What differs from run to run: given by counters and clocks.
_VOLATILE = frozenset({"Id", "time", "CreateTime", "LastUpdatedTime", "DocNumber", "DeliveryTime"})


def differences(recording: Recording, reply: ApiReply) -> list[str]:
    """Every difference of status, media type, keys, kinds of values, and fixed values."""
    out = []
    if reply.status != recording.status:
        out.append(f"status {reply.status}, recorded {recording.status}: {reply.body[:300]!r}")
    if recording.content_type and reply.content_type != recording.content_type:
        out.append(f"content type {reply.content_type}, recorded {recording.content_type}")
    if recording.kind.endswith(".pdf"):
        return out + ([] if reply.body.startswith(b"%PDF-1.4") else ["not a PDF"])
    if out:
        return out
    if recording.is_xml:
        answered = parse_xml(reply.body.decode())
        wanted = parse_xml(recording.text)
        if "IntuitResponse" not in wanted.tag:
            (answered,) = answered
            wanted.attrib.pop("time", None)
        found = _compare(_tree(wanted), _tree(answered), wanted.tag.removeprefix(NAMESPACE))
        return _only_keys(recording, found)
    text = reply.body.replace(b"9130350000000000", b"{realmId}")
    answered_json = json.loads(text, parse_float=Decimal)
    if "time" not in recording.body and "envelope added" not in recording.text:
        answered_json.pop("time", None)
    return _only_keys(recording, _compare(recording.body, answered_json, ""))


def _only_keys(recording: Recording, found: list[str]) -> list[str]:
    """Of a company's own information and preferences only the keys can be the same."""
    entity = recording.entity
    if recording.status != HTTPStatus.OK or not entity or ENTITIES[entity].kind != "single":
        return found
    return [one for one in found if one.endswith((" missing", " extra"))]


def _tree(element: ET.Element) -> Json:
    out: Json = {f"@{key}": value for key, value in element.attrib.items()}
    for child in element:
        tag = child.tag.removeprefix(NAMESPACE) if isinstance(child.tag, str) else "!"
        out.setdefault(tag, []).append(_tree(child))
    if not len(element):
        out["#"] = element.text or ""
    return out


def _compare(wanted: Raw, answered: Raw, at: str) -> list[str]:
    if isinstance(wanted, dict) and isinstance(answered, dict):
        out = [f"{at}.{key} missing" for key in wanted if key not in answered]
        out += [f"{at}.{key} extra" for key in answered if key not in wanted]
        for key in wanted.keys() & answered.keys():
            out += _compare(wanted[key], answered[key], f"{at}.{key}")
        return sorted(out)
    if isinstance(wanted, list) and isinstance(answered, list):
        if len(wanted) != len(answered):
            return [f"{at} has {len(answered)} entries, recorded {len(wanted)}"]
        out = []
        for index, (one, other) in enumerate(zip(wanted, answered, strict=True)):
            out += _compare(one, other, f"{at}[{index}]")
        return out
    if _kind(wanted) != _kind(answered):
        return [f"{at} is {answered!r}, recorded {wanted!r}"]
    name = re.sub(r"\[\d+\]|\.#$", "", at).rpartition(".")[2]
    if wanted != answered and name.lstrip("@") not in _VOLATILE:
        return [f"{at} is {answered!r}, recorded {wanted!r}"]
    return []


def _kind(value: Raw) -> str:
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int | Decimal | float):
        return "number"
    return type(value).__name__
