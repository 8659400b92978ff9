"""Change data capture: what changed or was deleted since a moment."""

from __future__ import annotations

from datetime import datetime, timedelta
from operator import attrgetter
from typing import TYPE_CHECKING

from dunahub_qbo_plugin.emulator.books import business_faults, json_codec, request_faults
from dunahub_qbo_plugin.emulator.books.absent_entities import ABSENT
from dunahub_qbo_plugin.emulator.books.entities import BY_PATH, Entity

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dunahub_qbo_plugin.emulator.api.operations import Operations
    from dunahub_qbo_plugin.emulator.api.reply_envelope import QueryResult
    from dunahub_qbo_plugin.emulator.books.ledger import Ledger

_WINDOW = timedelta(days=30)
_MAX_OBJECTS = 1000
# Intuit's API reference: not available for these.
_EXCLUDED = frozenset(
    {
        "TaxAgency",
        "TaxCode",
        "TaxRate",
        "CompanyInfo",
        "Preferences",
        "JournalCode",
        "TimeActivity",
    }
)


def run_cdc(ledger: Ledger, operations: Operations, query: Mapping[str, str]) -> list[QueryResult]:
    """Return the changed objects by entity, oldest change first, deleted ones last; at most 1,000.

    Raises:
        QboFaultError: 2020 for a missing parameter, 2060 for a time that is none, 4001 for an
            entity that does not exist, 6000 for too long ago where `cdc_window` refuses.
    """
    for parameter in ("entities", "changedSince"):
        if not query.get(parameter):
            raise request_faults.missing(parameter)
    since = _since(ledger, query["changedSince"])
    if ledger.settings.cdc_window == "refuse" and ledger.now - since > _WINDOW:
        raise business_faults.business("changedSince must not be more than 30 days ago.")
    left = _MAX_OBJECTS
    blocks: list[QueryResult] = []
    for entity in _entities(query["entities"]):
        block = _block(ledger, operations, entity, since, left)
        left -= len(block[1])
        blocks.append(block)
    return blocks


def _entities(text: str) -> list[Entity]:
    out: list[Entity] = []
    for name in text.split(","):
        path = name.strip().lower()
        entity = BY_PATH.get(path) or ABSENT.get(path)
        if entity is None or entity.name in _EXCLUDED:
            raise request_faults.query_invalid(f"invalid context declaration: {name.strip()}")
        if entity not in out:
            out.append(entity)
    return out


def _since(ledger: Ledger, text: str) -> datetime:
    # A plus sign that was not percent-encoded arrives as a blank.
    try:
        moment = datetime.fromisoformat(text.strip().replace(" ", "+"))
    except ValueError as error:
        raise request_faults.bad_date(text, "changedSince", format_=True) from error
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=ledger.now.tzinfo)


def _block(
    ledger: Ledger, operations: Operations, entity: Entity, since: datetime, left: int
) -> QueryResult:
    table = ledger.tables.get(entity.name)
    if table is None:
        return entity.name, [], {}
    rows = [row for row in table.rows.values() if row.updated >= since]
    rows.sort(key=attrgetter("updated"))
    gone = dict(table.gone)
    if ledger.settings.merged_cdc == "deleted":
        gone |= {row.id: row.updated for row in rows if ledger.is_merged(row)}
        rows = [row for row in rows if not ledger.is_merged(row)]
    texts = [operations.queried(row) for row in rows]
    stubs = [_stub(id_, when) for id_, when in gone.items() if when >= since]
    texts = (texts + stubs)[: max(left, 0)]
    if not texts:
        return entity.name, [], {}
    numbers = {"startPosition": 1} if rows else {}
    numbers["maxResults"] = len(texts)
    if entity.counted or stubs:
        numbers["totalCount"] = len(texts)
    return entity.name, texts, numbers


def _stub(id_: str, when: datetime) -> str:
    return json_codec.encode(
        {
            "domain": "QBO",
            "status": "Deleted",
            "Id": id_,
            "MetaData": {"LastUpdatedTime": when.isoformat(timespec="seconds")},
        }
    )
