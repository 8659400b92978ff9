"""Compare what was sent with what QuickBooks has now. Nothing is changed on either side.

Changes of up to 30 days come in one metered read (change data capture); what that cannot tell is
fetched by Id, a few hundred objects to a read.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final, Literal

import attrs

from dunahub_qbo_plugin.model import Kind, ReadReason
from dunahub_qbo_plugin.review.findings import Difference, Finding, differences, likely_duplicates
from dunahub_qbo_plugin.store.queries import sent as ledger

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from dunahub_qbo_plugin.qbo.auth import Grant
    from dunahub_qbo_plugin.qbo.client import QboClient
    from dunahub_qbo_plugin.store.companies.connection import Connection
    from dunahub_qbo_plugin.store.db.database import Database
    from dunahub_qbo_plugin.store.queries.sent import Sent

ENTITIES: Final = {Kind.CUSTOMER: "Customer", Kind.INVOICE: "Invoice", Kind.PAYMENT: "Payment"}
CDC_DAYS: Final = 30
"""How far change data capture looks back (Intuit's page on it)."""
CDC_MAX_OBJECTS: Final = 1000
"""Objects in one answer of it; what is beyond is left out without a word."""
IDS_PER_READ: Final = 200
"""Objects asked for by Id in one read."""
MAX_DIFFERENCES: Final = 500


@attrs.frozen(kw_only=True)
class Comparison:
    """The result of a comparison.

    Attributes:
        compared: how many records were compared, by kind.
        differences: what differs, at most 500 of them.
        reads: metered reads that it cost.
    """

    since: datetime
    compared: dict[str, int]
    differences: tuple[Difference, ...]
    reads: int

    def to_json(self) -> dict[str, Any]:
        """Return JSON values, for the result of the task."""
        return {
            "since": self.since.isoformat(),
            "compared": self.compared,
            "differences": [attrs.asdict(one) for one in self.differences],
            "reads": self.reads,
        }


class Comparer:
    """Runs comparisons.

    Args:
        database: where what was sent stands.
        client: reads QuickBooks.
    """

    def __init__(self, *, database: Database, client: QboClient) -> None:
        self._database = database
        self._client = client

    def compare(
        self,
        connection: Connection,
        grant: Grant,
        *,
        days: int,
        now: datetime,
        progress: Callable[[int, int], None],
    ) -> Comparison:
        """Compare the records that were sent in the last days, and those changed there since.

        Args:
            connection: the company.
            grant: to read it.
            days: how far to look back, at most 30.
            now: the end of the period.
            progress: told how many records are done, and of how many.

        Raises:
            QboError: QuickBooks could not be asked.
        """
        since = now - timedelta(days=min(days, CDC_DAYS))
        before = self._client.metrics.of(grant.company).reads
        sent = self._sent(connection, since)
        total = sum(len(of_kind) for of_kind in sent.values())
        progress(0, total)
        changed, whole = self._changed(grant, since)
        found: list[Difference] = []
        done = 0
        for kind, records in sent.items():
            known = {record.qbo_id: record for record in records}
            known |= self._changed_earlier(connection, kind, changed[kind].keys() - known.keys())
            remotes = self._remotes(grant, kind, known, changed[kind], complete=whole)
            for qbo_id, record in known.items():
                found += differences(record, remotes.get(qbo_id))
            done += len(records)
            progress(done, total)
        found += self._duplicates(connection, grant, since)
        order = list(Finding)
        found.sort(key=lambda one: (order.index(one.finding), one.key))
        return Comparison(
            since=since,
            compared={kind.value: len(records) for kind, records in sent.items()},
            differences=tuple(found[:MAX_DIFFERENCES]),
            reads=self._client.metrics.of(grant.company).reads - before,
        )

    def _sent(self, connection: Connection, since: datetime) -> dict[Kind, list[Sent]]:
        with self._database.read.connect() as db:
            return {kind: ledger.sent_since(db, connection, kind, since) for kind in Kind}

    def _changed(
        self, grant: Grant, since: datetime
    ) -> tuple[dict[Kind, dict[str, Mapping[str, Any]]], bool]:
        """Return what changed in QuickBooks, and whether that is all of it."""
        answer = self._client.cdc(grant, list(ENTITIES.values()), since, reason=ReadReason.COMPARE)
        changed: dict[Kind, dict[str, Mapping[str, Any]]] = {
            kind: {str(one["Id"]): one for one in answer.get(entity, ())}
            for kind, entity in ENTITIES.items()
        }
        return changed, sum(map(len, changed.values())) < CDC_MAX_OBJECTS

    def _changed_earlier(
        self, connection: Connection, kind: Kind, qbo_ids: set[str]
    ) -> dict[str, Sent]:
        """Return records that were sent before the period and changed in QuickBooks within it."""
        with self._database.read.connect() as db:
            return {
                record.qbo_id: record
                for part in _parts(sorted(qbo_ids), 500)
                for record in ledger.sent_as(db, connection, kind, part)
            }

    def _remotes(
        self,
        grant: Grant,
        kind: Kind,
        known: Mapping[str, Sent],
        changed: Mapping[str, Mapping[str, Any]],
        *,
        complete: bool,
    ) -> dict[str, Mapping[str, Any]]:
        """Return QuickBooks' objects by Id; those that the capture left out are queried."""
        remotes = {qbo_id: changed[qbo_id] for qbo_id in known if qbo_id in changed}
        missing = sorted(known.keys() - remotes.keys())
        if complete and not missing:
            return remotes
        for part in _parts(missing, IDS_PER_READ):
            active: Literal["any"] | None = "any" if kind is Kind.CUSTOMER else None
            rows = self._client.query_all(
                grant,
                ENTITIES[kind],
                [("Id", "IN", list(part))],
                active=active,
                reason=ReadReason.COMPARE,
            )
            remotes |= {str(row["Id"]): row for row in rows}
        return remotes

    def _duplicates(
        self, connection: Connection, grant: Grant, since: datetime
    ) -> list[Difference]:
        """Return likely duplicates among the active customers; one read for each thousand."""
        with self._database.read.connect() as db:
            ours = {
                one.qbo_id: one for one in ledger.sent_since(db, connection, Kind.CUSTOMER, since)
            }
        if not ours:
            return []
        customers: list[Mapping[str, Any]] = list(
            self._client.query_all(grant, "Customer", [], reason=ReadReason.COMPARE)
        )
        return likely_duplicates(customers, ours)


def _parts(whole: list[str], size: int) -> list[list[str]]:
    return [whole[start : start + size] for start in range(0, len(whole), size)]
