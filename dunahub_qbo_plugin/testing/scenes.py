"""Does what an exchange's ``given`` says, with the plugin's own planner and client."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, cast

import attrs

from dunahub_qbo_plugin.model import (
    Claim,
    CompanyProfile,
    Intent,
    Kind,
    Operation,
    Parent,
    ReadReason,
    RecordKey,
    RemoteRef,
    snapshot,
)
from dunahub_qbo_plugin.qbo.exact_json import encode
from dunahub_qbo_plugin.qbo.payloads import said_again
from dunahub_qbo_plugin.sync.planner import plan

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dunahub_qbo_plugin.emulator import Emulator
    from dunahub_qbo_plugin.emulator.world.directory import Offline
    from dunahub_qbo_plugin.model import Value
    from dunahub_qbo_plugin.qbo.auth import Grant
    from dunahub_qbo_plugin.qbo.client import QboClient
    from dunahub_qbo_plugin.testing.exchanges import Exchange

    Results = Mapping[str, Mapping[str, Any]]

COMPANY = "fixtures"
_PARENT = {Kind.INVOICE: Kind.CUSTOMER, Kind.PAYMENT: Kind.INVOICE}
_ENTITY = {Kind.CUSTOMER: "Customer", Kind.INVOICE: "Invoice", Kind.PAYMENT: "Payment"}


@attrs.frozen(kw_only=True)
class Stage:
    """What an exchange is carried out with.

    Attributes:
        exchanges: all there are, since one can build on another.
        results: the answers so far, body by name of the exchange.
        profile: of the company.
    """

    exchanges: Mapping[str, Exchange]
    results: Results
    profile: CompanyProfile = attrs.field(factory=CompanyProfile)


def perform(exchange: Exchange, stage: Stage, client: QboClient, grant: Grant) -> Any:  # noqa: ANN401  a write's or a read's
    """Let the client do it; gives what it answers.

    Raises:
        QboError: what the client makes of the answer.
        ValueError: the file does not say what to do.
    """
    given = exchange.given
    if "record" in given:
        return client.write(grant, intent_of(exchange, stage))
    call = dict(given.get("call") or {})
    does = call.pop("do", None)
    match does:
        case "company_info" | "preferences":
            return getattr(client, does)(grant, reason=ReadReason.LOOK)
        case "read":
            found = remote_of(str(call["of"]), stage)
            return client.read(grant, str(call["entity"]), found.id, reason=ReadReason.LOOK)
        case "query":
            return client.query(grant, str(call["statement"]), reason=ReadReason.LOOK)
        case "batch_query":
            return client.batch_query(grant, list(call["statements"]), reason=ReadReason.LOOK)
        case "cdc":
            since = datetime.fromisoformat(call["changed_since"])
            return client.cdc(grant, list(call["entities"]), since, reason=ReadReason.LOOK)
        case _:
            raise ValueError(f"{exchange.name} does not say what to do: {does!r}")


def record_of(exchange: Exchange) -> tuple[Kind, Value]:
    """Return the lead, invoice or payment that an exchange is about.

    Raises:
        KeyError: it is about none.
    """
    given = exchange.given["record"]
    kind = Kind(given["kind"])
    return kind, snapshot.load(kind, json.dumps(given["value"], default=str))


def intent_of(exchange: Exchange, stage: Stage) -> Intent:
    """Plan the write of an exchange, as the worker does.

    Raises:
        ValueError: there is nothing to send.
    """
    given = exchange.given
    kind, value = record_of(exchange)
    operation = Operation(given.get("operation", "create"))
    changed = given.get("changes")
    parent = None
    if kind in _PARENT:
        of = given.get("parent")
        remote_id = remote_of(of, stage).id if of else None
        parent = Parent(key=RecordKey(kind=_PARENT[kind], local_id="parent"), remote_id=remote_id)
    claim = Claim(
        record_id=1,
        key=RecordKey(kind=kind, local_id=value.id),
        label="",
        version=1,
        fingerprint="fixture",
        value=value,
        remote=remote_of(changed, stage) if changed else None,
        sent=intent_of(stage.exchanges[changed], stage).body if changed else "",
        current=_current_of(changed, stage) if changed else "",
        parent=parent,
        customer_id=remote_of(given["customer"], stage).id if "customer" in given else None,
    )
    planned = plan(claim, stage.profile, company_id=COMPANY, now=datetime.now(UTC))
    if not isinstance(planned, Intent) or planned.operation is not operation:
        raise ValueError(f"{exchange.name} is to {operation}, but the plan is {planned}")
    return planned


def remote_of(name: str, stage: Stage) -> RemoteRef:
    """Return the object that an earlier exchange was answered with."""
    kind = Kind(stage.exchanges[name].given["record"]["kind"])
    entity = stage.results[name][_ENTITY[kind]]
    return RemoteRef(id=str(entity["Id"]), sync_token=str(entity["SyncToken"]))


def _current_of(name: str, stage: Stage) -> str:
    kind = Kind(stage.exchanges[name].given["record"]["kind"])
    entity = stage.results[name][_ENTITY[kind]]
    return encode(said_again(entity, kind.value))


def prepare(exchange: Exchange, emulator: Emulator, realm: str, stage: Stage) -> None:
    """Bring an emulator to where the exchange can happen: what others did, and trouble."""
    from dunahub_qbo_plugin.emulator import TroubleRule  # noqa: PLC0415  needs the extra
    from dunahub_qbo_plugin.emulator.admin.json_input import apply_settings  # noqa: PLC0415  as above

    hosted = emulator.world.companies[realm]
    apply_settings(hosted.books.settings, dict(exchange.given.get("settings") or {}))
    for step in exchange.given.get("prepare") or ():
        does, *arguments = step
        found = [
            remote_of(one[1:], stage).id if isinstance(one, str) and one.startswith("$") else one
            for one in arguments
        ]
        if does == "offline":
            hosted.offline = cast("Offline", found[0])
        elif does == "expire-tokens":
            emulator.world.tokens.expire(realm=realm)
        else:
            getattr(hosted.books, does)(*found)
    if rule := exchange.given.get("trouble"):
        emulator.trouble(TroubleRule.from_mapping(rule))
