"""Read Intuit's webhooks: check the signature, then turn either form into values. Pure functions.

Sources: Intuit's page on webhooks and its announcement of CloudEvents (2025-11); both forms are
still delivered (seen 2026-09). Nothing but the event's id, kind, object and company is used.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

import attrs

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

SIGNATURE: Final = "intuit-signature"
MAX_ID: Final = 200
"""Characters of an id that is kept; a longer one is none of Intuit's."""
_VERBS: Final = {"void": "void", "voided": "void", "update": "updated", "create": "created"} | {
    "delete": "deleted",
    "merge": "merged",
}


@attrs.frozen(kw_only=True)
class Event:
    """One change in QuickBooks, as Intuit tells of it.

    Attributes:
        id: Intuit's id of the event, by which a repeat is known.
        realm_id: the company.
        entity: of the object, in small letters.
        operation: ``created``, ``updated``, ``deleted``, ``void``, ``merged`` or another.
        object_id: QuickBooks' Id of it.
        merged_id: Id of the object that was merged into it; empty for anything else.
        at: when it was changed; None where that cannot be read.
    """

    id: str
    realm_id: str = attrs.field(repr=False)
    entity: str
    operation: str
    object_id: str
    merged_id: str = ""
    at: datetime | None = None


def is_signed(body: bytes, headers: Mapping[str, str], tokens: Iterable[str]) -> bool:
    """Return whether one of the verifier tokens signed a body: HMAC-SHA256 over the raw bytes."""
    given = next((text for name, text in headers.items() if name.lower() == SIGNATURE), "")
    good = False
    for token in tokens:
        digest = hmac.digest(token.encode(), body, hashlib.sha256)
        good |= hmac.compare_digest(base64.b64encode(digest), given.strip().encode())
    return good


def read_events(body: bytes) -> list[Event]:
    """Return the events of a body in either form; what cannot be read is left out."""
    try:
        payload = json.loads(body)
    except ValueError:  # also text that is no Unicode, and nesting without end
        return []
    except RecursionError:
        return []
    if isinstance(payload, dict):
        return [one for one in _classic(payload) if one is not None]
    return [one for one in map(_cloud_event, _dicts(payload)) if one is not None]


def _cloud_event(event: Mapping[str, Any]) -> Event | None:
    parts = _text(event.get("type")).lower().split(".")
    if len(parts) < 3 or parts[0] != "qbo":  # noqa: PLR2004  qbo.<entity>.<operation>[.v1]
        return None
    data = event.get("data")
    merged = data.get("deletedid") if isinstance(data, dict) else None
    return _event(
        id_=_text(event.get("id")),
        realm=_text(event.get("intuitaccountid")),
        entity=parts[1],
        operation=parts[2],
        object_id=_text(event.get("intuitentityid")),
        merged=_text(merged),
        at=_text(event.get("time")),
    )


def _classic(payload: Mapping[str, Any]) -> Iterator[Event | None]:
    for notification in _dicts(payload.get("eventNotifications")):
        realm = _text(notification.get("realmId"))
        changes = notification.get("dataChangeEvent")
        for one in _dicts(changes.get("entities") if isinstance(changes, dict) else None):
            entity, object_id = _text(one.get("name")).lower(), _text(one.get("id"))
            operation = _text(one.get("operation")).lower()
            at = _text(one.get("lastUpdated"))
            yield _event(
                # It has no id of its own: the same change has the same one.
                id_=f"{realm[-6:]}-{entity}-{object_id}-{operation}-{at}",
                realm=realm,
                entity=entity,
                operation=operation,
                object_id=object_id,
                merged=_text(one.get("deletedId") or one.get("deletedID")),
                at=at,
            )


def _event(
    *, id_: str, realm: str, entity: str, operation: str, object_id: str, merged: str, at: str
) -> Event | None:
    if not (0 < len(id_) <= MAX_ID and 0 < len(object_id) <= MAX_ID and realm):
        return None
    return Event(
        id=id_,
        realm_id=realm,
        entity=entity,
        operation=_VERBS.get(operation, operation),
        object_id=object_id,
        merged_id=merged[:MAX_ID],
        at=_moment(at),
    )


def _moment(text: str) -> datetime | None:
    """Read a time with any number of decimals."""
    whole, dot, rest = text.partition(".")
    if dot:
        digits = rest[: len(rest) - len(rest.lstrip("0123456789"))]
        text = f"{whole}.{digits[:6]:0<6}{rest[len(digits) :]}"
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment.astimezone(UTC) if moment.tzinfo is not None else moment.replace(tzinfo=UTC)


def _dicts(value: object) -> list[dict[str, Any]]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def _text(value: object) -> str:
    return value if isinstance(value, str) else str(value) if isinstance(value, int) else ""
