"""Every property of every type the books know, and the reading of a request against them.

The list in `data/schema.txt` is derived from Intuit's published XSD (Finance.xsd and the
types it uses, Apache-2.0). A property that is not in it is refused the way the service does.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import date
from decimal import Decimal, InvalidOperation
from functools import cache
from importlib import resources
from typing import Any

import attrs

from dunahub_qbo_plugin.emulator.books import request_faults

Json = dict[str, Any]
Raw = Any  # any JSON value
Reader = Callable[[Any, str], Any]

_PACKAGE = "com.intuit.schema.finance.v3"
# Jackson stops listing known properties once its text is longer than this.
_KNOWN_LIMIT = 1000
_DATE = re.compile(r"(\d{4}-\d{2}-\d{2})(?:[T ].*)?")
_FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_ATTRIBUTES = ("domain", "status", "sparse")
_MAX_NUMBER = Decimal(10) ** 20
_MIN_EXPONENT = -20


@attrs.frozen(kw_only=True)
class Property:
    """One property of a type: its name, its kind as in the data file, and whether it repeats."""

    name: str
    kind: str
    many: bool


@attrs.frozen(kw_only=True)
class TypeInfo:
    """One complex type.

    Attributes:
        name: Intuit's name of the type.
        properties: Every property, inherited ones first, as XML orders them.
        json_order: The same names as JSON orders them: the type's own first.
        xml_order: The same names as XML orders them.
    """

    name: str
    properties: Mapping[str, Property]
    json_order: tuple[str, ...]
    xml_order: tuple[str, ...]


def _text(raw: Raw, key: str) -> str:
    if isinstance(raw, str):
        if not raw.isprintable() and _FORBIDDEN.search(raw):
            shown = _FORBIDDEN.sub("?", raw)
            raise request_faults.QboFaultError(request_faults.bad_string(shown, key))
        return raw
    if isinstance(raw, bool):
        return "true" if raw else "false"
    if isinstance(raw, int | Decimal):
        return str(raw)
    raise request_faults.unreadable()


def _number(raw: Raw, key: str) -> Decimal | int | None:
    if isinstance(raw, str):
        # The service's JSON reader takes an empty text for an absent number, date or boolean.
        if not raw.strip():
            return None
        try:
            raw = Decimal(raw.strip())
        except InvalidOperation as error:
            raise request_faults.unreadable() from error
        if not raw.is_finite():
            raise request_faults.unreadable()
    if isinstance(raw, bool) or not isinstance(raw, int | Decimal):
        raise request_faults.unreadable()
    if not -_MAX_NUMBER < raw < _MAX_NUMBER:
        raise request_faults.QboFaultError(request_faults.bad_amount(str(raw)[:40], key))
    if isinstance(raw, Decimal) and raw and raw.adjusted() < _MIN_EXPONENT:
        return 0
    return raw


def _integer(raw: Raw, key: str) -> int | None:
    number = _number(raw, key)
    if number is None:
        return None
    if number != int(number):
        raise request_faults.unreadable()
    return int(number)


def _boolean(raw: Raw, _key: str) -> bool | None:
    if isinstance(raw, bool):
        return raw
    if isinstance(raw, str) and not raw.strip():
        return None
    if isinstance(raw, str) and raw.strip().lower() in {"true", "false"}:
        return raw.strip().lower() == "true"
    raise request_faults.unreadable()


def _date(raw: Raw, key: str) -> str:
    text = _text(raw, key)
    if not text:
        return text
    match = _DATE.fullmatch(text)
    if match is None:
        raise request_faults.bad_date(text, key, format_=True)
    try:
        date.fromisoformat(match[1])
    except ValueError as error:
        raise request_faults.bad_date(text, key, format_=False) from error
    return match[1]


def _opaque(_raw: Raw, key: str) -> Raw:
    # The blobs a reply carries (LineEx, InvoiceEx) cannot be read back by the service.
    raise request_faults.bad_property(
        f'Unrecognized field "name" (class {_PACKAGE}.IntuitAnyType), not marked as ignorable '
        f'(one known property: "any"])\n (through reference chain: "{key}")'
    )


_SIMPLE: Mapping[str, Reader] = {
    "s": _text,
    "n": _number,
    "i": _integer,
    "b": _boolean,
    "d": _date,
    "t": _text,
    "x": _opaque,
}


class Schema:
    """The types, read once from the data file and handed to those who need them."""

    def __init__(self, text: str) -> None:
        """Read the data file's text."""
        self.enums: dict[str, frozenset[str]] = {}
        self.types: dict[str, TypeInfo] = {}
        own: dict[str, tuple[str, list[Property]]] = {}
        for line in text.splitlines():
            head, _, rest = line.partition(":")
            word, _, name = head.partition(" ")
            if word == "enum":
                self.enums[name] = frozenset(value.strip() for value in rest.split("|"))
            elif word == "type":
                name, _, base = name.partition(" < ")
                own[name] = (base, [_property(item) for item in rest.split(",") if item.strip()])
        for name in own:
            self.types[name] = _assemble(name, own)
        self._readers: dict[str, dict[str, Reader]] = {}
        for name in self.types:
            self._readers[name] = {}
        for name, info in self.types.items():
            self._readers[name].update(
                {prop.name: self._reader(prop) for prop in info.properties.values()}
            )

    def read(self, type_name: str, value: Raw) -> Json:
        """Return a request's object of this type, with every value in its own form.

        Nulls are dropped: the service cannot tell them from absent properties.

        Raises:
            QboFaultError: 2010 for an unknown property or a value of another kind, 2040, 2060,
                2070, 2140 or 2170 for a value the kind does not take.
        """
        if not isinstance(value, dict):
            raise request_faults.unreadable()
        readers = self._readers[type_name]
        out: Json = {}
        for key, raw in value.items():
            reader = readers.get(key)
            if reader is None:
                raise self.unknown(key, type_name)
            if raw is not None:
                one = reader(raw, key)
                if one is not None:
                    out[key] = one
        return out

    def without_extras(self, type_name: str, value: Raw) -> Raw:
        """Return a request's object of this type without the extras (`LineEx`) a reply carries."""
        info = self.types.get(type_name)
        if info is None or not isinstance(value, dict):
            return value
        out: Json = {}
        for key, raw in value.items():
            kind = info.properties[key].kind if key in info.properties else ""
            if kind == "x":
                continue
            if isinstance(raw, list):
                out[key] = [self.without_extras(kind, one) for one in raw]
            else:
                out[key] = self.without_extras(kind, raw)
        return out

    def unknown(self, key: str, type_name: str) -> request_faults.QboFaultError:
        """Return fault 2010 naming the known properties, as the service's JSON reader words it."""
        names = self.types[type_name].json_order
        return unknown_field(key, type_name, names)

    def _reader(self, prop: Property) -> Reader:
        single = self._single(prop.kind)
        if not prop.many:
            return single

        def many(raw: Raw, key: str) -> list[Any]:
            if not isinstance(raw, list):
                raise request_faults.unreadable()
            return [single(item, key) for item in raw if item is not None]

        return many

    def _single(self, kind: str) -> Reader:
        if kind in _SIMPLE:
            return _SIMPLE[kind]
        if kind == "r":
            return self._reference(("value", "name", "type"), "ReferenceType")
        if kind == "m":
            return self._reference(("value", "id"), "MemoRef")
        if kind.startswith("e:"):
            return self._enumeration(self.enums[kind[2:]])

        def nested(raw: Raw, _key: str) -> Json:
            return self.read(kind, raw)

        return nested

    @staticmethod
    def _enumeration(values: frozenset[str]) -> Reader:
        def enumeration(raw: Raw, key: str) -> str:
            text = _text(raw, key)
            if text and text not in values:
                raise request_faults.bad_enumeration(text, key)
            return text

        return enumeration

    @staticmethod
    def _reference(names: tuple[str, ...], type_name: str) -> Reader:
        def reference(raw: Raw, key: str) -> Json:
            if not isinstance(raw, dict):
                raise request_faults.unreadable()
            out: Json = {}
            for name, value in raw.items():
                if name not in names:
                    raise unknown_field(name, type_name, names)
                if value is not None:
                    out[name] = _text(value, key)
            return out

        return reference


def unknown_field(key: str, type_name: str, names: tuple[str, ...]) -> request_faults.QboFaultError:
    """Return the 2010 of Jackson's `UnrecognizedPropertyException` (recorded 2020)."""
    known = f" ({len(names)} known properties: "
    for index, name in enumerate(names):
        known += f'"{name}"'
        if len(known) > _KNOWN_LIMIT:
            known += " [truncated]"
            break
        if index + 1 < len(names):
            known += ", "
    return request_faults.bad_property(
        f'Unrecognized field "{key[:200]}" (class {_PACKAGE}.{type_name}), '
        f"not marked as ignorable{known}])\n"
    )


@cache  # nobody changes it, and each company needs one
def load_schema() -> Schema:
    """Return the schema that comes with the package."""
    data = resources.files("dunahub_qbo_plugin.emulator") / "data" / "schema.txt"
    return Schema(data.read_text(encoding="utf-8"))


def _property(item: str) -> Property:
    name, _, kind = item.strip().partition(" ")
    return Property(name=name, kind=kind.removesuffix("*"), many=kind.endswith("*"))


def _assemble(name: str, own: Mapping[str, tuple[str, list[Property]]]) -> TypeInfo:
    chain: list[list[Property]] = []
    at = name
    is_entity = False
    while at:
        is_entity = is_entity or at == "IntuitEntity"
        at, properties = own[at]
        chain.insert(0, properties)
    leaf = chain[-1]
    flat = {prop.name: prop for properties in chain for prop in properties}
    xml_order = tuple(flat)
    inherited = [prop.name for properties in chain[:-1] for prop in properties]
    own_names = [prop.name for prop in leaf]
    attributes = list(_ATTRIBUTES) if is_entity else []
    if name in _LINE_DETAILS:
        json_order = tuple(dict.fromkeys(inherited + own_names))
    else:
        json_order = tuple(dict.fromkeys(own_names + attributes + inherited))
    for attribute in attributes:
        kind = "b" if attribute == "sparse" else "s"
        flat[attribute] = Property(name=attribute, kind=kind, many=False)
    return TypeInfo(name=name, properties=flat, json_order=json_order, xml_order=xml_order)


# Recorded replies order the details of a line with the inherited properties first.
_LINE_DETAILS = frozenset({"SalesItemLineDetail", "DiscountLineDetail"})
