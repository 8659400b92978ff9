"""Take Intuit's webhooks as a doorbell: note what changed, and read nothing."""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import TYPE_CHECKING, Final

import attrs

from dunahub_qbo_plugin.connect.events import is_signed, read_events
from dunahub_qbo_plugin.store import changed_there

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dunahub_qbo_plugin.clock import Clock
    from dunahub_qbo_plugin.connect.events import Event
    from dunahub_qbo_plugin.store.companies.connections import Connections
    from dunahub_qbo_plugin.store.db.database import Database

log = logging.getLogger(__name__)

OK: Final = 200
NOT_SIGNED: Final = 401
TOO_LARGE: Final = 413
MAX_BODY: Final = 4 * 1024 * 1024
"""Bytes of a delivery; Intuit's are far smaller."""
SAME_MOMENT: Final = timedelta(minutes=1)
"""How near a customer's change must be to a document's to be taken for its balance's."""
RECORDS: Final = frozenset({"customer", "invoice", "payment"})
LISTS: Final = frozenset({"item", "account", "paymentmethod"})


@attrs.frozen(kw_only=True, eq=False)
class Webhooks:
    """Takes deliveries, in one local write each; safe to use from several threads.

    Attributes:
        tokens: the verifier tokens of the app; two while one takes the other's place.
    """

    database: Database
    connections: Connections
    clock: Clock
    tokens: tuple[str, ...] = attrs.field(repr=False)

    def receive(self, body: bytes, headers: Mapping[str, str]) -> int:
        """Take one delivery and return the HTTP status for it.

        Whatever is signed is answered with 200, read or not: a refused one comes again, and holds
        up those behind it.

        Args:
            body: the raw bytes, as they came.
            headers: of the request, names in any case.

        Raises:
            sqlalchemy.exc.SQLAlchemyError: nothing was noted; Intuit shall deliver it again.
        """
        if len(body) > MAX_BODY:
            return TOO_LARGE
        if not is_signed(body, headers, self.tokens):
            log.warning("a webhook was not signed with the verifier token and is refused")
            return NOT_SIGNED
        if events := read_events(body):
            self._note(events)
        return OK

    def _note(self, events: list[Event]) -> None:
        by_realm: dict[str, list[Event]] = {}
        for event in events:
            by_realm.setdefault(event.realm_id, []).append(event)
        now = self.clock.now()
        with self.database.write.begin() as db:
            fresh = changed_there.fresh(db, [event.id for event in events], now=now)
            for realm_id, of_realm in by_realm.items():
                companies = self.connections.of_realm(db, realm_id)
                for event in of_realm:
                    if event.id in fresh and not _in_passing(event, of_realm):
                        for company_id in companies:
                            self._note_one(db, company_id, event)

    def _note_one(self, db: changed_there.Transaction, company_id: str, event: Event) -> None:
        now = self.clock.now()
        at = min(event.at or now, now)
        if event.entity in LISTS:
            changed_there.hasten_lists(db, company_id, now=now)
        elif event.entity == "preferences":
            changed_there.hasten_settings(db, company_id, now=now)
        elif event.entity in RECORDS:
            changed = {event.object_id: event.operation}
            if event.merged_id:
                changed = {event.merged_id: "merged"}
            for object_id, operation in changed.items():
                changed_there.note(
                    db, company_id, event.entity, object_id, operation=operation, at=at, now=now
                )


def _in_passing(event: Event, others: list[Event]) -> bool:
    """Return whether a customer's change is that of its balance, by a document of that moment."""
    if (event.entity, event.operation) != ("customer", "updated") or event.at is None:
        return False
    return any(
        other.entity not in {"customer", *LISTS}
        and other.at is not None
        and abs(other.at - event.at) <= SAME_MOMENT
        for other in others
    )
