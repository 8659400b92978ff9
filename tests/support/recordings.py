"""Recorded exchanges as they are stored, and the objects they hold."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

import attrs

from dunahub_qbo_plugin.emulator.api.xml_codec import XmlCodec
from dunahub_qbo_plugin.emulator.books.entities import BY_PATH, ENTITIES
from dunahub_qbo_plugin.emulator.books.schema import load_schema

if TYPE_CHECKING:
    from pathlib import Path

Json = dict[str, Any]
Raw = Any  # any JSON value

SCHEMA = load_schema()
NAMESPACE = "{http://schema.intuit.com/finance/v3}"
_OTHER_KINDS = {
    "attachable": "attachments are not part of these books",
    "upload": "attachments are not part of these books",
    "report": "reports are not part of these books",
    "fault.3200": "refused by the gateway, not by the books",
    "fault.3001": "refused by the gateway, not by the books",
    "fault.6000.taxservice": "the tax service is not part of these books",
    "cdc.xml": "bills and their payments are not part of these books",
}
_MISNAMED = {
    "DisplayName": "Name",
    "TaxTrackedOnPurchases": "Description",
    "TaxTrackedOnSales": "Active",
}


@attrs.frozen(kw_only=True)
class Recording:
    """One recorded exchange."""

    name: str
    kind: str
    request: Json
    status: int
    body: Raw
    year: int
    is_xml: bool
    content_type: str

    @property
    def entity(self) -> str:
        """The entity it is about, empty for a batch or a change query."""
        for word in self.kind.split("."):
            if word in BY_PATH:
                return BY_PATH[word].name
        return _named_in(self.text)

    @property
    def text(self) -> str:
        """The reply as text."""
        return self.body if isinstance(self.body, str) else json.dumps(self.body, default=float)

    @property
    def moment(self) -> datetime:
        """When the request started."""
        found = re.search(r'time"?[:=]\s*"([^"]+)"', self.text)
        if found is None:
            return datetime(self.year, 6, 1, tzinfo=UTC)
        return datetime.fromisoformat(found[1])


def read_recordings(folder: Path) -> list[Recording]:
    """Every recording of a folder, by name."""
    return [_read(path) for path in sorted(folder.glob("*/*.json"))]


def out_of_scope(recording: Recording) -> str:
    """Why a recording is about something these books do not hold, empty if they do."""
    for prefix, why in _OTHER_KINDS.items():
        if recording.kind.startswith(prefix):
            return why
    return ""


def _read(path: Path) -> Recording:
    raw = json.loads(path.read_text(encoding="utf-8"), parse_float=Decimal)
    body = raw["body"]
    text = body if isinstance(body, str) else json.dumps(body, default=str)
    years = [int(found) for found in re.findall(r"\b(20[12]\d)-\d\d-\d\dT", text)]
    return Recording(
        name=path.stem,
        kind=raw["kind"],
        request=raw.get("request") or {},
        status=raw["status"],
        body=body,
        year=max(years, default=2020),
        is_xml=raw.get("body_format") == "xml",
        content_type=(raw.get("headers") or {}).get("Content-Type", ""),
    )


def _named_in(text: str) -> str:
    for name in ENTITIES:
        if re.search(rf'<{name}[ >]|"{name}":', text):
            return name
    return ""


def objects_in(recording: Recording, entity: str) -> list[Json]:
    """Every object of an entity in a reply, as JSON."""
    if not recording.is_xml:
        return list(_find(recording.body, entity))
    root = parse_xml(recording.text)
    found = [root] if root.tag.removeprefix(NAMESPACE) == entity else []
    found += list(root.iter(NAMESPACE + entity)) if not found else []
    found += list(root.iter(entity)) if not found else []
    codec = XmlCodec(SCHEMA)
    out = []
    for element in found:
        extras = _line_extras(element)
        raw = codec.read(ET.tostring(element), entity)
        out.append(SCHEMA.read(entity, raw))
        for line, extra in zip(out[-1].get("Line", []), extras, strict=False):
            if extra:
                line["LineEx"] = extra
    return out


def _line_extras(element: ET.Element) -> list[Any]:
    extras = []
    for line in [child for child in element if _tag(child) == "Line"]:
        inner = []
        for extra in [child for child in line if _tag(child) == "LineEx"]:
            line.remove(extra)
            inner += [{"value": {_tag(one): one.text for one in pair}} for pair in extra]
        extras.append({"any": inner} if inner else None)
    return extras


def _tag(element: ET.Element) -> str:
    return element.tag.removeprefix(NAMESPACE) if isinstance(element.tag, str) else ""


def parse_xml(text: str) -> ET.Element:
    """The root element of a recorded reply or of one of our own."""
    return ET.fromstring(well_formed(text))  # noqa: S314  neither comes from outside


def well_formed(text: str) -> str:
    """The text with the elements closed that were edited by hand."""
    # One fixture was edited by hand and closes elements under other names.
    for name, wrong in _MISNAMED.items():
        text = re.sub(rf"(<{name}>[^<]*)</{wrong}>", rf"\1</{name}>", text)
    return text


def _find(value: Raw, entity: str) -> Raw:
    if isinstance(value, dict):
        for key, inner in value.items():
            if key == entity:
                yield from inner if isinstance(inner, list) else [inner]
            elif key not in ENTITIES:
                yield from _find(inner, entity)
    elif isinstance(value, list):
        for inner in value:
            yield from _find(inner, entity)


def unchanged(recording: Recording, one: Json) -> bool:
    """Whether the reply shows an object whose last change is older than the request."""
    changed = one.get("MetaData", {}).get("LastUpdatedTime")
    if not changed or "update" not in recording.kind:
        return False
    return (recording.moment - datetime.fromisoformat(changed)).total_seconds() > 1
