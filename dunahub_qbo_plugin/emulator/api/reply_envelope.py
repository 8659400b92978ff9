"""The envelopes of replies, in JSON, or in XML for whoever does not accept JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from xml.sax.saxutils import escape, quoteattr

from dunahub_qbo_plugin.emulator.api.api_messages import ApiReply
from dunahub_qbo_plugin.emulator.api.xml_codec import XmlCodec
from dunahub_qbo_plugin.emulator.books import json_codec

if TYPE_CHECKING:
    from dunahub_qbo_plugin.emulator.books.request_faults import QboFaultError
    from dunahub_qbo_plugin.emulator.books.schema import Schema

Json = dict[str, Any]

_JSON = "application/json;charset=utf-8"
_JSON_FAULT = "application/json"
_XML = "application/xml;charset=UTF-8"
_XML_FAULT = "application/xml"
_HEAD = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>'
_NAMESPACE = "http://schema.intuit.com/finance/v3"

QueryResult = tuple[str, list[str], dict[str, int]]
BatchResult = tuple[str, str]


class Envelope:
    """The envelope that one request asked for, around what was found."""

    def __init__(self, *, time: str, accept: str, schema: Schema) -> None:
        """Set up the envelope of one request.

        Args:
            time: When the request started, as the envelope carries it.
            accept: The Accept header; without `application/json` in it the reply is XML.
            schema: Decides the order of XML elements.
        """
        self._time = time
        self.is_json = "application/json" in accept.lower()
        self.xml = XmlCodec(schema)

    def entity(self, name: str, text: str) -> ApiReply:
        """Wrap a read, a write or a deletion."""
        if self.is_json:
            return self._json(f'"{name}":{text}')
        return self._xml(self.xml.element(name, json_codec.decode(text)))

    def query(self, result: QueryResult) -> ApiReply:
        """Wrap a query's answer."""
        if self.is_json:
            return self._json(f'"QueryResponse":{query_json(result)}')
        return self._xml(self._query_xml(result))

    def cdc(self, blocks: list[QueryResult]) -> ApiReply:
        """Wrap what changed, a block per entity."""
        if self.is_json:
            inner = ",".join(query_json(block) for block in blocks)
            return self._json(f'"CDCResponse":[{{"QueryResponse":[{inner}]}}]')
        inner = "".join(self._query_xml(block) for block in blocks)
        return self._xml(f"<CDCResponse>{inner}</CDCResponse>")

    def batch(self, items: list[tuple[str, Any]]) -> ApiReply:
        """Wrap a batch's answers: pairs of bId and result.

        A result is a kept JSON text, which may hold an entity, a query response or a fault.
        """
        if self.is_json:
            inner = ",".join(text for _, text in items)
            return self._json(f'"BatchItemResponse":[{inner}]')
        inner = "".join(self._batch_item(bid, json_codec.decode(text)) for bid, text in items)
        return self._xml(inner)

    def fault(self, fault: QboFaultError) -> ApiReply:
        """Wrap a refusal."""
        if self.is_json:
            body: Json = {"Fault": fault_json(fault)}
            if fault.timed:
                body["time"] = self._time
            return ApiReply(
                status=fault.status,
                body=json_codec.encode(body).encode(),
                content_type=_JSON_FAULT,
            )
        reply = self._xml(_fault_xml(fault_json(fault)))
        return ApiReply(status=fault.status, body=reply.body, content_type=_XML_FAULT)

    def _json(self, inner: str) -> ApiReply:
        body = f'{{{inner},"time":"{self._time}"}}'
        return ApiReply(status=200, body=body.encode(), content_type=_JSON)

    def _xml(self, inner: str) -> ApiReply:
        body = (
            f'{_HEAD}<IntuitResponse xmlns="{_NAMESPACE}" time="{self._time}">'
            f"{inner}</IntuitResponse>"
        )
        return ApiReply(status=200, body=body.encode(), content_type=_XML)

    def _query_xml(self, result: QueryResult) -> str:
        name, texts, numbers = result
        attributes = "".join(f' {key}="{value}"' for key, value in numbers.items())
        inner = "".join(self.xml.element(name, json_codec.decode(text)) for text in texts)
        if not inner:
            return f"<QueryResponse{attributes}/>"
        return f"<QueryResponse{attributes}>{inner}</QueryResponse>"

    def _batch_item(self, bid: str, result: Json) -> str:
        inner = ""
        for key, value in result.items():
            if key == "Fault":
                inner += _fault_xml(value)
            elif key == "QueryResponse":
                inner += self._query_value(value)
            elif key != "bId":
                inner += self.xml.element(key, value)
        return f"<BatchItemResponse bId={quoteattr(bid)}>{inner}</BatchItemResponse>"

    def _query_value(self, value: Json) -> str:
        numbers = {key: number for key, number in value.items() if isinstance(number, int)}
        for key, rows in value.items():
            if isinstance(rows, list):
                return self._query_xml((key, [json_codec.encode(row) for row in rows], numbers))
        return self._query_xml(("", [], numbers))


def query_json(result: QueryResult) -> str:
    """Return a query response as JSON text; the entity's key is absent where nothing was found."""
    name, texts, numbers = result
    parts = [f'"{name}":[{",".join(texts)}]'] if texts else []
    parts += [f'"{key}":{value}' for key, value in numbers.items()]
    return "{" + ",".join(parts) + "}"


def fault_json(fault: QboFaultError) -> Json:
    """Return the `Fault` object."""
    errors = []
    for error in fault.errors:
        entry = {"Message": error.message, "Detail": error.detail, "code": error.code}
        if error.element is not None:
            entry["element"] = error.element
        errors.append(entry)
    return {"Error": errors, "type": fault.type}


def _fault_xml(fault: Json) -> str:
    errors = ""
    for error in fault["Error"]:
        element = error.get("element")
        attribute = f" element={quoteattr(element)}" if element is not None else ""
        errors += (
            f"<Error code={quoteattr(error['code'])}{attribute}>"
            f"<Message>{escape(error['Message'])}</Message>"
            f"<Detail>{escape(error['Detail'])}</Detail></Error>"
        )
    return f"<Fault type={quoteattr(fault['type'])}>{errors}</Fault>"
