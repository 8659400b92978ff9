"""Finding out what stands in the way of a record that QuickBooks refused; a look each time."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

import attrs

from dunahub_qbo_plugin.model import (
    GONE,
    ErrorInfo,
    HolderKind,
    Kind,
    NameHolder,
    Note,
    Operation,
    ParentGone,
    ReadReason,
    Rejected,
    Synced,
)
from dunahub_qbo_plugin.qbo.exact_json import decode
from dunahub_qbo_plugin.qbo.payloads import remote_ref
from dunahub_qbo_plugin.qbo.profile import DELETED
from dunahub_qbo_plugin.qbo.query import select
from dunahub_qbo_plugin.sync.lookup import NOTHING, compare, look_for

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dunahub_qbo_plugin.errors import BadReference, DuplicateName, DuplicateNumber
    from dunahub_qbo_plugin.model import Claim, Fact, Intent, Outcome
    from dunahub_qbo_plugin.qbo.client import QboClient
    from dunahub_qbo_plugin.sync.attempt import Attempt

    Entity = Mapping[str, Any]

HOLDERS: Final = {
    "Customer": HolderKind.CUSTOMER,
    "Vendor": HolderKind.VENDOR,
    "Employee": HolderKind.EMPLOYEE,
}


def explain_name(client: QboClient, attempt: Attempt, error: DuplicateName) -> Outcome:
    """Find out who has a name, in one request; a person can link a customer that does.

    QuickBooks' own answer does not tell (recorded: "The name supplied already exists. : null").

    Raises:
        QboError: QuickBooks could not be asked.
    """
    sent = decode(attempt.intent.body.encode())
    name = sent.get("DisplayName")
    if not name:
        return Rejected(info=error.info)
    statements = [
        select(entity, [("DisplayName", "IN", [name, name + DELETED])], active="any", max=5)
        for entity in HOLDERS
    ]
    answers = client.batch_query(
        attempt.grant, statements, reason=ReadReason.REFUSAL, check=attempt.check
    )
    holders = [
        (entity, holder)
        for entity, found in zip(HOLDERS, answers, strict=True)
        for holder in found
        if (entity, str(holder.get("Id"))) != ("Customer", sent.get("Id"))
    ]
    if not holders:
        return Rejected(info=error.info)
    # Active ones first: the name of an inactive one is usually free again.
    entity, holder = min(holders, key=lambda pair: pair[1].get("Active") is False)
    info = attrs.evolve(
        error.info,
        subject=f"{HOLDERS[entity]} {holder['Id']}",
        facts=_holder(HOLDERS[entity], holder).to_facts(),
    )
    if entity != "Customer" or holder.get("Active") is False:
        return Rejected(info=info)
    remote = remote_ref(holder)
    return Rejected(info=info, candidate=remote, candidate_name=str(holder["DisplayName"]))


def _holder(kind: HolderKind, holder: Entity) -> NameHolder:
    balance = holder.get("Balance")
    owes = balance if kind is HolderKind.CUSTOMER and isinstance(balance, int | Decimal) else 0
    return NameHolder(
        kind=kind,
        name=_name(holder, "DisplayName"),
        active=holder.get("Active") is not False,
        email=str((holder.get("PrimaryEmailAddr") or {}).get("Address") or ""),
        balance=Decimal(owes),
    )


def explain_number(client: QboClient, attempt: Attempt, error: DuplicateNumber) -> Outcome:
    """Look whose number it is: of our own invoice, of one that may be it, or of another one.

    This was surely not carried out, so what bears our marker was made before a backup was taken or
    by an earlier installation. What a person entered by hand is linked by a person only.

    Raises:
        QboError: QuickBooks could not be asked.
    """
    if not attempt.creates:
        return Rejected(info=error.info)
    if error.info.subject:
        entity = client.read(
            attempt.grant,
            attempt.intent.entity,
            error.info.subject,
            reason=ReadReason.REFUSAL,
            check=attempt.check,
        )
        found = NOTHING if entity is None else compare(attempt.intent, entity)
    else:
        found = look_for(client, attempt)
    if found.written is None:
        return Rejected(info=error.info)
    if found.marked and found.is_ours:
        return Synced(written=found.written, adopted=True, again=True, note=Note.SENT_BEFORE)
    return Rejected(info=error.info, candidate=found.written.remote, candidate_name=found.name)


def _name(entity: Entity, field: str) -> str:
    """Return a name without what QuickBooks adds to that of an inactive object."""
    return str(entity.get(field) or "").removesuffix(DELETED)


def explain_reference(client: QboClient, attempt: Attempt, error: BadReference) -> Outcome:
    """Find out which object that the record refers to is gone, in one request.

    Raises:
        QboError: QuickBooks could not be asked.
    """
    claim, intent = attempt.claim, attempt.intent
    sent = decode((intent.base or "{}").encode()) | decode(intent.body.encode())
    wanted = _wanted(claim, intent, sent)
    if not wanted:
        return Rejected(info=error.info)
    answers = client.batch_query(
        attempt.grant,
        [_by_id(entity, ids) for entity, ids in wanted.values()],
        reason=ReadReason.REFUSAL,
        check=attempt.check,
    )
    found = {
        role: {str(entity["Id"]): entity for entity in rows}
        for role, rows in zip(wanted, answers, strict=True)
    }
    if "own" in wanted and _is_gone(found["own"], wanted["own"][1][0]):
        return Rejected(info=_named(error, GONE, claim.label))
    for item_id in wanted["items"][1] if "items" in wanted else ():
        if _is_gone(found["items"], item_id):
            return Rejected(info=_gone_item(error, sent, item_id, found["items"].get(item_id)))
    parent = claim.parent
    if "customer" in wanted and _is_gone(found["customer"], wanted["customer"][1][0]):
        if parent is not None and intent.entity == Kind.INVOICE:
            gone = _named(error, GONE, parent.label)
            return ParentGone(parent=parent.key, info=gone)
        (customer_id,) = wanted["customer"][1]
        customer = found["customer"].get(customer_id, {})
        name = _name(customer, "DisplayName")
        return Rejected(info=_gone(error, "customer-gone", name, customer_id))
    if parent and "invoice" in wanted and _is_gone(found["invoice"], wanted["invoice"][1][0]):
        gone = _named(error, GONE, parent.label)
        return ParentGone(parent=parent.key, info=gone)
    return Rejected(info=error.info)


def _wanted(claim: Claim, intent: Intent, sent: Entity) -> dict[str, tuple[str, list[str]]]:
    """Name what a record refers to: by its role, QuickBooks' entity and the Ids."""
    wanted: dict[str, tuple[str, list[str]]] = {}
    if intent.operation is not Operation.CREATE and claim.remote is not None:
        wanted["own"] = (intent.entity.capitalize(), [claim.remote.id])
    if items := list(dict.fromkeys(filter(None, map(_item_id, sent.get("Line", ()))))):
        wanted["items"] = ("Item", items)
    if customer_id := (sent.get("CustomerRef") or {}).get("value"):
        wanted["customer"] = ("Customer", [customer_id])
    if intent.entity == Kind.PAYMENT and claim.parent and claim.parent.remote_id:
        wanted["invoice"] = ("Invoice", [claim.parent.remote_id])
    return wanted


def _by_id(entity: str, ids: list[str]) -> str:
    listed = entity in {"Customer", "Item"}
    return select(entity, [("Id", "IN", ids)], active="any" if listed else None)


def _is_gone(found: Mapping[str, Entity], object_id: str) -> bool:
    return object_id not in found or found[object_id].get("Active") is False


def _item_id(line: Entity) -> str | None:
    ref = (line.get("SalesItemLineDetail") or {}).get("ItemRef") or {}
    return ref.get("value")


def _gone_item(error: BadReference, sent: Entity, item_id: str, item: Entity | None) -> ErrorInfo:
    """Name a line and its item that is deleted or inactive (rule 24)."""
    places = [
        str(place)
        for place, line in enumerate(sent.get("Line", ()), start=1)
        if _item_id(line) == item_id
    ]
    name = _name(item or {}, "Name")
    return _gone(error, "item-gone", name, item_id, lines=", ".join(places))


def _gone(error: BadReference, code: str, name: str, object_id: str, **facts: Fact) -> ErrorInfo:
    """Name what is gone; where QuickBooks has no name of it any more, by its Id."""
    if not name:
        facts["unnamed"] = 1
    return attrs.evolve(_named(error, code, name or object_id), facts=facts)


def _named(error: BadReference, code: str, subject: str) -> ErrorInfo:
    """Give a refusal a name of ours, which says more than QuickBooks' code."""
    return attrs.evolve(error.info, code=code, cause="", subject=subject)
