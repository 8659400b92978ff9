"""Intuit's webhooks: what changed in the books of companies, signed and delivered on demand.

Events of every write are kept, those of the app itself too, as Intuit's are. `deliver` sends what
is pending; what is not answered with 200 stays pending and comes again.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import threading
import urllib.error
import urllib.request
import uuid
from typing import TYPE_CHECKING, Any, Literal

import attrs

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

OK = 200
_CLASSIC = {"created": "Create", "updated": "Update", "deleted": "Delete", "void": "Void"} | {
    "merged": "Merge"
}


@attrs.define(kw_only=True)
class WebhookSettings:
    """Switches of the deliveries.

    Attributes:
        token: The app's verifier token.
        format: CloudEvents, which took over in 2026, or the classic form.
        void_name: How CloudEvents call a void: disputed.
        span_realms: Whether one delivery holds events of several companies: disputed.
        duplicate: Whether each event is delivered twice.
        reorder: Whether the newest event comes first.
        omit_data: Whether `data` and `datacontenttype` are left out, as some samples have it.
        bad_signature: Whether the signature is wrong.
    """

    token: str = "emulator-verifier-token"  # noqa: S105  a public demo value
    format: Literal["cloudevents", "classic"] = "cloudevents"
    void_name: Literal["void", "voided"] = "void"
    span_realms: bool = True
    duplicate: bool = False
    reorder: bool = False
    omit_data: bool = False
    bad_signature: bool = False


@attrs.frozen(kw_only=True)
class _Change:
    id: str
    realm: str
    entity: str
    object_id: str
    operation: str
    at: datetime
    merged: str = ""


class Webhooks:
    """Events that are to be delivered. Safe to use from several threads.

    Args:
        clock: The emulator's time.
        settings: The switches.
    """

    def __init__(
        self, *, clock: Callable[[], datetime], settings: WebhookSettings | None = None
    ) -> None:
        self.settings = settings or WebhookSettings()
        self._clock = clock
        self._lock = threading.Lock()
        self._pending: list[_Change] = []

    def note(self, realm: str, entity: str, object_id: str, operation: str, merged: str) -> None:
        """Keep an event of a company."""
        change = _Change(
            id=str(uuid.uuid4()),
            realm=realm,
            entity=entity,
            object_id=object_id,
            operation=operation,
            at=self._clock(),
            merged=merged,
        )
        with self._lock:
            self._pending.append(change)

    @property
    def pending(self) -> int:
        """How many events wait to be delivered, or delivered again."""
        return len(self._pending)

    def forget(self) -> None:
        """Drop what is pending."""
        with self._lock:
            self._pending.clear()

    def deliver(self, post: Callable[[bytes, dict[str, str]], int]) -> list[int]:
        """Deliver what is pending; return the statuses.

        Args:
            post: Takes a body and its headers, and returns the status of the answer.
        """
        with self._lock:
            pending, self._pending = self._pending, []
        groups: dict[str, list[_Change]] = {}
        for change in pending:
            groups.setdefault("" if self.settings.span_realms else change.realm, []).append(change)
        statuses = []
        for changes in groups.values():
            body = self._body(changes)
            status = post(body, self._headers(body))
            statuses.append(status)
            if status != OK:
                with self._lock:
                    self._pending += changes
        return statuses

    def deliver_to(self, url: str) -> list[int]:
        """Deliver what is pending to an address; an endpoint that does not answer is status 0."""

        def post(body: bytes, headers: dict[str, str]) -> int:
            request = urllib.request.Request(url, data=body, headers=headers, method="POST")  # noqa: S310  the caller's own
            try:
                with urllib.request.urlopen(request, timeout=3) as answer:  # noqa: S310  as above
                    return int(answer.status)
            except urllib.error.HTTPError as error:
                return int(error.code)
            except OSError:
                return 0

        return self.deliver(post)

    def _body(self, changes: list[_Change]) -> bytes:
        told = [*changes, *changes] if self.settings.duplicate else list(changes)
        if self.settings.reorder:
            told.reverse()
        if self.settings.format == "cloudevents":
            return json.dumps([self._cloud_event(one) for one in told]).encode()
        realms = list(dict.fromkeys(one.realm for one in told))
        notifications = [
            {
                "realmId": realm,
                "dataChangeEvent": {
                    "entities": [_classic(one) for one in told if one.realm == realm]
                },
            }
            for realm in realms
        ]
        return json.dumps({"eventNotifications": notifications}).encode()

    def _cloud_event(self, change: _Change) -> dict[str, Any]:
        operation = self.settings.void_name if change.operation == "void" else change.operation
        event: dict[str, Any] = {
            "specversion": "1.0",
            "id": change.id,
            "source": "intuit.emulator",
            "type": f"qbo.{change.entity.lower()}.{operation}.v1",
            "time": f"{change.at:%Y-%m-%dT%H:%M:%S.%f}000Z",
            "intuitentityid": change.object_id,
            "intuitaccountid": change.realm,
        }
        if change.merged or not self.settings.omit_data:
            event["datacontenttype"] = "application/json"
            event["data"] = {"deletedid": change.merged} if change.merged else {}
        return event

    def _headers(self, body: bytes) -> dict[str, str]:
        token = "wrong" if self.settings.bad_signature else self.settings.token
        digest = hmac.new(token.encode(), body, hashlib.sha256).digest()
        return {
            "content-type": "application/json; charset=utf-8",
            "user-agent": "intuit_notification_server/0.1",
            "intuit-signature": base64.b64encode(digest).decode(),
        }


def _classic(change: _Change) -> dict[str, str]:
    told = {
        "name": change.entity,
        "id": change.object_id,
        "operation": _CLASSIC[change.operation],
        "lastUpdated": f"{change.at:%Y-%m-%dT%H:%M:%S}.000Z",
    }
    return told | ({"deletedId": change.merged} if change.merged else {})
