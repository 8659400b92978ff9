"""Finding out, at the cost of a look, who stands in a record's way: for the words on the page."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attrs

from dunahub_qbo_plugin.model import (
    ErrorInfo,
    Kind,
    Operation,
    ParentGone,
    Rejected,
    RemoteRef,
)
from dunahub_qbo_plugin.qbo.query import select
from dunahub_qbo_plugin.qbo.wire import decode
from dunahub_qbo_plugin.store.asks import GONE

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from dunahub_qbo_plugin.errors import BadReference, DuplicateName
    from dunahub_qbo_plugin.model import Claim, Intent, Outcome
    from dunahub_qbo_plugin.qbo.auth import Grant
    from dunahub_qbo_plugin.qbo.client import QboClient

HOLDERS = ("Customer", "Vendor", "Employee")


def explain_name(
    client: QboClient,
    grant: Grant,
    intent: Intent,
    error: DuplicateName,
    *,
    check: Callable[[], None],
) -> Outcome:
    """Say who holds a name; a customer that does can be linked by a person.

    QuickBooks' own answer does not tell (recorded: "The name supplied already exists. : null").

    Raises:
        QboError: QuickBooks could not be asked.
    """
    name = decode(intent.body.encode())["DisplayName"]
    for entity in HOLDERS:
        statement = select(entity, [("DisplayName", "=", name)], active="any", max=5)
        for holder in client.query(grant, statement, check=check):
            info = attrs.evolve(error.info, subject=_holder(entity, holder))
            if entity != "Customer" or not holder.get("Active", True):
                return Rejected(info=info)
            remote = RemoteRef(id=str(holder["Id"]), sync_token=str(holder["SyncToken"]))
            return Rejected(info=info, candidate=remote, candidate_name=str(holder["DisplayName"]))
    return Rejected(info=error.info)


def _holder(entity: str, holder: Mapping[str, Any]) -> str:
    email = (holder.get("PrimaryEmailAddr") or {}).get("Address")
    word = entity.lower() if holder.get("Active", True) else f"inactive {entity.lower()}"
    return f"{word} {holder['DisplayName']}" + (f" ({email})" if email else "")


def explain_reference(
    client: QboClient,
    grant: Grant,
    claim: Claim,
    intent: Intent,
    error: BadReference,
    *,
    check: Callable[[], None],
) -> Outcome:
    """Say which object that the record refers to is gone.

    Raises:
        QboError: QuickBooks could not be asked.
    """
    if intent.operation is not Operation.CREATE and claim.remote is not None:
        own = client.read(grant, intent.entity, claim.remote.id, check=check)
        if own is None or own.get("Active") is False:
            return Rejected(info=_info(error, GONE, claim.label))
    sent = decode(intent.body.encode())
    gone = _gone_item(client, grant, sent, check) if intent.entity == Kind.INVOICE else None
    if gone:
        return Rejected(info=_info(error, "item-gone", gone))
    customer_id = (sent.get("CustomerRef") or {}).get("value")
    if customer_id:
        customer = client.read(grant, "customer", customer_id, check=check)
        if customer is None or customer.get("Active") is False:
            name = str((customer or {}).get("DisplayName", "")).removesuffix(" (deleted)")
            if claim.parent is not None and intent.entity == Kind.INVOICE:
                return ParentGone(
                    parent=claim.parent.key, info=_info(error, GONE, claim.parent.label)
                )
            return Rejected(info=_info(error, "customer-gone", name or f"no. {customer_id}"))
    parent = claim.parent
    invoice_id = parent.remote_id if parent and intent.entity == Kind.PAYMENT else None
    if parent and invoice_id and client.read(grant, "invoice", invoice_id, check=check) is None:
        return ParentGone(parent=parent.key, info=_info(error, GONE, parent.label))
    return Rejected(info=error.info)


def _gone_item(
    client: QboClient, grant: Grant, sent: Mapping[str, Any], check: Callable[[], None]
) -> str | None:
    """Name the first item of the lines that is deleted or inactive."""
    wanted: list[str] = []
    for line in sent.get("Line", ()):
        ref = (line.get("SalesItemLineDetail") or {}).get("ItemRef") or {}
        if ref.get("value") and ref["value"] not in wanted:
            wanted.append(ref["value"])
    if not wanted:
        return None
    statement = select("Item", [("Id", "IN", wanted)], active="any")
    found = {str(item["Id"]): item for item in client.query(grant, statement, check=check)}
    for item_id in wanted:
        item = found.get(item_id)
        if item is None:
            return f"no. {item_id}"
        if item.get("Active") is False:
            return str(item.get("Name", "")).removesuffix(" (deleted)")
    return None


def _info(error: BadReference, code: str, subject: str) -> ErrorInfo:
    return attrs.evolve(error.info, code=code, subject=subject)
