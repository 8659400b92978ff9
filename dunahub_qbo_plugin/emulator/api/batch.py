"""Batches: several operations in one call, each with its own answer or fault."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from dunahub_qbo_plugin.emulator.api.cdc import run_cdc
from dunahub_qbo_plugin.emulator.api.reply_envelope import QueryResult, fault_json, query_json
from dunahub_qbo_plugin.emulator.api.request_ids import MAX_LENGTH, RequestIds
from dunahub_qbo_plugin.emulator.books import business_faults, json_codec, request_faults
from dunahub_qbo_plugin.emulator.books.absent_entities import ABSENT_NAMES
from dunahub_qbo_plugin.emulator.books.entities import ENTITIES, Entity
from dunahub_qbo_plugin.emulator.books.schema import unknown_field

if TYPE_CHECKING:
    from dunahub_qbo_plugin.emulator.api.operations import Operations
    from dunahub_qbo_plugin.emulator.books.ledger import Ledger

Json = dict[str, Any]
Asker = Callable[[str], QueryResult]

_OWN = ("bId", "operation", "optionsData", "Query", "CDCQuery")
_OPERATIONS = ("create", "update", "delete", "void")


def run_batch(
    body: Json,
    *,
    ledger: Ledger,
    operations: Operations,
    answer_query: Asker,
    request_ids: RequestIds,
    request_id: str,
    user: str,
) -> list[tuple[str, str]]:
    """Run a batch in order; return pairs of bId and the item's answer as JSON text.

    Recorded 2020: HTTP 200 with a fault per refused item, the others done. With a request id
    each item is kept under it and its bId together (recorded 2022: 50 characters at most).

    Raises:
        QboFaultError: 1040 for too many items, 2010 or 2020 for a body that is no batch.
    """
    for key in body:
        if key != "BatchItemRequest":
            raise unknown_field(key, "IntuitBatchRequest", ("BatchItemRequest",))
    items = body.get("BatchItemRequest")
    if items is None:
        raise request_faults.missing("BatchItemRequest")
    if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
        raise request_faults.unreadable()
    if len(items) > ledger.settings.batch_limit:
        raise request_faults.batch_too_big(ledger.settings.batch_limit)
    for item in items:
        _check_keys(item)
    batch = _Batch(ledger, operations, answer_query, user)
    out = []
    for item in items:
        bid = _text(item.get("bId"))
        if not request_id:
            out.append((bid, batch.run(item, bid)))
            continue
        out.append((bid, _once(batch, item, bid, request_ids, request_id)))
    return out


def _once(batch: _Batch, item: Json, bid: str, request_ids: RequestIds, request_id: str) -> str:
    whole = request_id + bid
    if len(whole) > MAX_LENGTH:
        return batch.refused(business_faults.request_id_too_long(whole), bid)
    if "Query" in item or "CDCQuery" in item:
        return batch.run(item, bid)
    asked = hash(json_codec.encode(item))
    now = batch.ledger.now
    try:
        kept = request_ids.find(whole, asked, now)
    except request_faults.QboFaultError as fault:
        return batch.refused(fault, bid)
    if isinstance(kept, str):
        return kept
    text = batch.run(item, bid)
    request_ids.keep(whole, asked, text, now)
    return text


class _Batch:
    def __init__(
        self, ledger: Ledger, operations: Operations, answer_query: Asker, user: str
    ) -> None:
        self.ledger = ledger
        self._operations = operations
        self._answer_query = answer_query
        self._user = user

    def run(self, item: Json, bid: str) -> str:
        """Return one item's answer."""
        try:
            inner = self._answer(item)
        except request_faults.QboFaultError as fault:
            return self.refused(fault, bid)
        return f'{{{inner},"bId":{json_codec.encode(bid)}}}'

    @staticmethod
    def refused(fault: request_faults.QboFaultError, bid: str) -> str:
        """Return one item's fault; every error of a batch item carries an element.

        Recorded 2020.
        """
        body = fault_json(fault)
        for error in body["Error"]:
            error.setdefault("element", "")
        return json_codec.encode({"Fault": body, "bId": bid})

    def _answer(self, item: Json) -> str:
        if "Query" in item:
            return f'"QueryResponse":{query_json(self._answer_query(_text(item["Query"])))}'
        if "CDCQuery" in item:
            return self._changes(item["CDCQuery"])
        entity = _entity(item)
        operation = _text(item.get("operation")).lower()
        if not operation:
            if self.ledger.settings.batch_default_operation == "refuse":
                raise request_faults.missing("operation")
            operation = "create"
        if operation not in _OPERATIONS:
            raise request_faults.bad_enumeration(operation, "operation")
        options = frozenset(
            part.strip().lower() for part in _text(item.get("optionsData")).split(",")
        )
        raw = item[entity.name]
        if operation == "create" and isinstance(raw, dict):
            raw = {key: value for key, value in raw.items() if key not in ("Id", "SyncToken")}
        text = self._operations.write(
            entity, raw, operation=operation, include=options, user=self._user
        )
        return f'"{entity.name}":{text}'

    def _changes(self, query: object) -> str:
        if not isinstance(query, dict):
            raise request_faults.unreadable()
        asked: Mapping[str, str] = {
            "entities": _text(query.get("Entities")),
            "changedSince": _text(query.get("ChangedSince")),
        }
        blocks = run_cdc(self.ledger, self._operations, asked)
        inner = ",".join(query_json(block) for block in blocks)
        return f'"CDCResponse":[{{"QueryResponse":[{inner}]}}]'


def _check_keys(item: Json) -> None:
    for key in item:
        if key not in _OWN and key not in ENTITIES and key not in ABSENT_NAMES:
            raise unknown_field(key, "BatchItemRequest", (*_OWN, *ENTITIES))
    for key in ("bId", "operation", "optionsData", "Query"):
        value = item.get(key)
        if value is not None and not isinstance(value, str | int):
            raise request_faults.unreadable()


def _entity(item: Json) -> Entity:
    for key in item:
        if key in ENTITIES:
            return ENTITIES[key]
        if key in ABSENT_NAMES:
            raise request_faults.feature_not_supported(key)
    raise request_faults.missing("IntuitObject")


def _text(value: object) -> str:
    if value is None:
        return ""
    text = str(value)
    return "".join(character for character in text if character.isprintable())
