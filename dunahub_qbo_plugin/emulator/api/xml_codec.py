"""XML in and out: the same objects, in the element order of Intuit's schema."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any
from xml.parsers import expat
from xml.sax.saxutils import escape, quoteattr

from dunahub_qbo_plugin.emulator.books import request_faults

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dunahub_qbo_plugin.emulator.books.schema import Schema

Json = dict[str, Any]
Raw = Any  # any JSON value

_ATTRIBUTES = ("domain", "status", "sparse")
_FRAME = frozenset({"Id", "SyncToken", "MetaData"})
_BATCH_ATTRIBUTES = ("bId", "operation", "optionsData")
_MAX_DEPTH = 60


class XmlCodec:
    """Objects as XML, and XML requests as objects."""

    def __init__(self, schema: Schema) -> None:
        """Use the types of this schema."""
        self._schema = schema

    def element(self, name: str, value: Raw, kind: str = "") -> str:
        """Return one element; for an object, its children in schema order.

        Args:
            name: The element's name.
            value: Its content.
            kind: The type, the element's own name if not given.
        """
        kind = kind or name
        if isinstance(value, bool):
            return f"<{name}>{'true' if value else 'false'}</{name}>"
        if isinstance(value, int):
            return f"<{name}>{value}</{name}>"
        if isinstance(value, Decimal):
            return f"<{name}>{value:f}</{name}>" if value else f"<{name}>0</{name}>"
        if isinstance(value, str):
            return f"<{name}>{escape(value)}</{name}>"
        if kind in {"r", "m"}:
            return _reference(name, value)
        if kind == "x":
            return f"<{name}>{self._opaque(value)}</{name}>"
        return self._object(name, value, kind)

    def read(self, body: bytes, root: str) -> Json:
        """Return a request's root element as the object its JSON would be.

        Raises:
            QboFaultError: 2010 for XML that cannot be read or another root element.
        """
        element = _parse(body)
        if element.name != root:
            raise request_faults.unreadable()
        if root == "IntuitBatchRequest":
            return {"BatchItemRequest": [self._batch_item(one) for one in element.children]}
        return self._read_object(element, root)

    def _object(self, name: str, value: Mapping[str, Any], kind: str) -> str:
        info = self._schema.types.get(kind)
        attributes = "".join(
            f" {key}={quoteattr(_word(value[key]))}" for key in _ATTRIBUTES if key in value
        )
        if info is None:
            return f"<{name}{attributes}/>"
        if kind == "CustomFieldDefinition":
            attributes += _definition_type(value)
        parts = []
        for key in info.xml_order:
            if key not in value:
                continue
            prop = info.properties[key]
            content = value[key]
            items = content if prop.many and isinstance(content, list) else [content]
            parts += [self.element(key, item, prop.kind) for item in items]
        if not parts:
            return f"<{name}{attributes}/>"
        return f"<{name}{attributes}>{''.join(parts)}</{name}>"

    def _opaque(self, value: Mapping[str, Any]) -> str:
        inner = ""
        for one in value.get("any", []):
            pair = one.get("value", {})
            inner += self.element("NameValue", pair, "NameValue")
        return inner

    def _batch_item(self, element: _Element) -> Json:
        out: Json = {
            key: value for key, value in element.attributes.items() if key in _BATCH_ATTRIBUTES
        }
        for child in element.children:
            if child.name in self._schema.types:
                out[child.name] = self._read_object(child, child.name)
            elif child.name == "CDCQuery":
                out[child.name] = {one.name: one.text for one in child.children}
            else:
                out[child.name] = child.text
        return out

    def _read_object(self, element: _Element, kind: str) -> Json:
        # The service's XML reader passes over elements it does not know (quickbooks-ruby #220,
        # 2015), and the extras a reply carries (LineEx) are such to whoever sends them back.
        properties = self._schema.types[kind].properties
        out: Json = {
            key: element.attributes[key] for key in _ATTRIBUTES if key in element.attributes
        }
        for child in element.children:
            prop = properties.get(child.name)
            if prop is None or prop.kind == "x":
                continue
            value = self._read_value(child, prop.kind)
            if prop.many:
                out.setdefault(child.name, []).append(value)
            else:
                out[child.name] = value
        return out

    def _read_value(self, element: _Element, kind: str) -> Raw:
        if kind == "r":
            return {"value": element.text, **_only(element.attributes, ("name", "type"))}
        if kind == "m":
            return {"value": element.text}
        if kind in self._schema.types:
            value = self._read_object(element, kind)
            # Refused where it is empty (quickbooks-ruby #220, 2015; .NET SDK #326, 2024).
            if kind == "SalesItemLineDetail" and not value:
                raise request_faults.missing("Line.SalesItemLineDetail")
            return value
        # XML requests with a time after the date are accepted (recorded 2019).
        return element.text.strip() if kind in {"d", "n", "b", "i"} else element.text


class _Element:
    def __init__(self, name: str, attributes: dict[str, str]) -> None:
        self.name = name
        self.attributes = attributes
        self.children: list[_Element] = []
        self.text = ""


def _parse(body: bytes) -> _Element:
    parser = expat.ParserCreate(namespace_separator="|")
    top = _Element("", {})
    stack = [top]

    def start(name: str, attributes: dict[str, str]) -> None:
        if len(stack) > _MAX_DEPTH:
            raise request_faults.unreadable()
        element = _Element(_local(name), {_local(key): text for key, text in attributes.items()})
        stack[-1].children.append(element)
        stack.append(element)

    def end(_name: str) -> None:
        stack.pop()

    def text(data: str) -> None:
        stack[-1].text += data

    def doctype(*_: object) -> None:
        raise request_faults.unreadable()

    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.CharacterDataHandler = text
    parser.StartDoctypeDeclHandler = doctype
    try:
        parser.Parse(body, True)  # noqa: FBT003  the C function takes no keywords
    except (expat.ExpatError, LookupError, ValueError) as error:
        raise request_faults.unreadable() from error
    return top.children[0]


def _local(name: str) -> str:
    return name.rpartition("|")[2].rpartition(":")[2]


def _word(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def _reference(name: str, value: Mapping[str, Any]) -> str:
    attributes = "".join(
        f" {key}={quoteattr(str(value[key]))}" for key in ("name", "type", "id") if key in value
    )
    return f"<{name}{attributes}>{escape(str(value.get('value', '')))}</{name}>"


def _definition_type(value: Mapping[str, Any]) -> str:
    kinds = [one.get("Type", "StringType") for one in value.get("CustomField", [])]
    kind = kinds[0] if kinds else "StringType"
    instance = "http://www.w3.org/2001/XMLSchema-instance"
    return f' xmlns:xsi="{instance}" xsi:type="{kind}CustomFieldDefinition"'


def _only(attributes: Mapping[str, str], names: tuple[str, ...]) -> dict[str, str]:
    return {name: attributes[name] for name in names if name in attributes}
