"""The four shapes in which QuickBooks answers: ``Fault``, ``fault``, XML, and none of them.

Which one it is depends on the part of Intuit's service that answers, not on the ``Accept`` header
(recorded: the 429 and some 401 are XML although JSON was asked for; a 503 is an HTML page). So the
body's first character decides, not its content type.
"""

from __future__ import annotations

import contextlib
import re
from typing import TYPE_CHECKING, Any

import attrs

from dunahub_qbo_plugin.qbo import exact_json

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_TITLE = re.compile(r"(?is)<title[^>]*>(.*?)</title>")
_HIDDEN_PARTS = re.compile(r"(?is)<(script|style)\b.*?</\1>")
_TAG = re.compile(r"<[^>]*>")
_PAGE_START = 8_000
_NO_TEXT = re.compile(rb"\\u(?:0000|[dD][89a-fA-F])")
_HALVES = re.compile(r"[\ud800-\udfff]")
_ERROR_CODE = re.compile(r"errorCode=0*(\d+)")
MAX_CODE_LENGTH = 40
MAX_ERRORS = 100
"""Errors of one fault that are read at most; QuickBooks sends one, seldom two."""
_ITEM_LISTS = ("CDCResponse", "QueryResponse", "AttachableResponse")


@attrs.frozen(kw_only=True)
class FaultError:
    """One ``Error`` of a fault, as received (not redacted)."""

    code: str = ""
    message: str = ""
    detail: str = ""
    element: str = ""

    @property
    def number(self) -> str:
        """QuickBooks' code without leading zeros (the gateway writes 3200 and 003200)."""
        code = self.code.strip().lstrip("0")
        if not code and (match := _ERROR_CODE.search(self.message)):
            code = match[1]
        return code if code.isascii() and code.isalnum() and len(code) <= MAX_CODE_LENGTH else ""


@attrs.frozen(kw_only=True)
class Reading:
    """A parsed body.

    Attributes:
        payload: the JSON object, if it is one.
        errors: of its fault; empty where there is no fault.
        text: of a page or plain text, where the body is neither JSON nor a fault.
        problem: why the body could not be parsed; empty if it could.
    """

    payload: Mapping[str, Any] | None = None
    errors: tuple[FaultError, ...] = ()
    text: str = ""
    problem: str = ""


def read(body: bytes) -> Reading:
    """Parse a body of any of the shapes; never raise."""
    start = body.lstrip(b"\xef\xbb\xbf \t\r\n")[:1]
    if start in (b"{", b"["):
        return _read_json(body)
    if start == b"<":
        errors = _xml_errors(body)
        if errors:
            return Reading(errors=errors)
        return Reading(text=_page_text(body), problem="the answer is a page, not JSON")
    if not start:
        return Reading(problem="the answer is empty")
    return Reading(text=_page_text(body), problem="the answer is plain text, not JSON")


def _read_json(body: bytes) -> Reading:
    try:
        payload = exact_json.decode(body)
        if _NO_TEXT.search(body):
            payload = _storable(payload)
    except exact_json.Unreadable as error:
        return Reading(problem=str(error))
    except RecursionError:
        return Reading(problem="the answer is nested too deeply")
    if not isinstance(payload, dict):
        return Reading(problem="the answer is JSON, but not an object")
    errors = tuple(errors_in(payload))
    return Reading(payload=payload, errors=errors)


def _storable(value: Any) -> Any:  # noqa: ANN401  whatever JSON holds
    """Remove what JSON can encode and no database stores: NUL and lone surrogates."""
    match value:
        case str():
            return _HALVES.sub("\ufffd", value.replace("\0", ""))
        case dict():
            return {_storable(key): _storable(item) for key, item in value.items()}
        case list():
            return [_storable(item) for item in value]
        case _:
            return value


def errors_in(payload: Mapping[str, Any]) -> Iterator[FaultError]:
    """Yield the errors of an object, or of the items of an answer that is a list.

    Items of a batch are left out: each of them has an outcome of its own.
    """
    fault = payload.get("Fault") or payload.get("fault")
    if isinstance(fault, dict):
        items = fault.get("Error") or fault.get("error")
        found = _objects(items)
        for item in found[:MAX_ERRORS]:
            yield FaultError(
                code=_word(item, "code"),
                message=_word(item, "Message", "message"),
                detail=_word(item, "Detail", "detail"),
                element=_word(item, "element"),
            )
        if not found:
            yield FaultError(message=_word(fault, "type"))
    for name in _ITEM_LISTS:
        for item in _objects(payload.get(name)):
            yield from errors_in(item)


def _objects(value: object) -> list[dict[str, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _word(item: Mapping[str, Any], *names: str) -> str:
    for name in names:
        value = item.get(name)
        if isinstance(value, str | int):
            return str(value)
    return ""


class _Refused(Exception):
    """The XML has a document type or an entity."""


class _FaultHandler:
    """Collects ``Error`` elements from expat's events; builds no tree, so depth costs nothing."""

    def __init__(self) -> None:
        self.errors: list[FaultError] = []
        self._path: list[str] = []
        self._attributes: dict[str, str] = {}
        self._texts: dict[str, str] = {}

    def start(self, name: str, attributes: dict[str, str]) -> None:
        self._path.append(name.rpartition(":")[2].lower())
        if self._path[-2:] == ["fault", "error"]:
            self._attributes, self._texts = attributes, {}

    def data(self, text: str) -> None:
        if self._path[-3:-1] == ["fault", "error"]:
            field = self._path[-1]
            self._texts[field] = self._texts.get(field, "") + text

    def end(self, _name: str) -> None:
        if self._path[-2:] == ["fault", "error"] and len(self.errors) < MAX_ERRORS:
            self.errors.append(
                FaultError(
                    code=self._attributes.get("code", ""),
                    message=self._texts.get("message", ""),
                    detail=self._texts.get("detail", ""),
                    element=self._attributes.get("element", ""),
                )
            )
        self._path.pop()


def _refuse(*_: object) -> None:
    raise _Refused


def _xml_errors(body: bytes) -> tuple[FaultError, ...]:
    """Parse a fault in XML; entities are never expanded, since a document type is refused."""
    from xml.parsers import expat  # noqa: PLC0415  rarely needed

    handler = _FaultHandler()
    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.StartDoctypeDeclHandler = _refuse
    parser.EntityDeclHandler = _refuse
    parser.StartElementHandler = handler.start
    parser.CharacterDataHandler = handler.data
    parser.EndElementHandler = handler.end
    # A fault that is complete counts, even where the page breaks off after it.
    with contextlib.suppress(expat.ExpatError, _Refused, ValueError, LookupError):
        parser.Parse(body, True)  # noqa: FBT003  expat takes no keyword here
    return tuple(handler.errors)


def _page_text(body: bytes) -> str:
    """Return the title of a page, or its first words."""
    text = body[:_PAGE_START].decode("utf-8", "replace")
    title = _TITLE.search(text)
    if title and title[1].strip():
        return _TAG.sub(" ", title[1])
    return _TAG.sub(" ", _HIDDEN_PARTS.sub(" ", text))
