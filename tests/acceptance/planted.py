"""Bugs, planted on purpose: each takes one safeguard away, for as long as its context lasts."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any
from unittest import mock

import attrs
import sqlalchemy as sa

from dunahub_qbo_plugin.model import Synced
from dunahub_qbo_plugin.qbo.client import QboClient
from dunahub_qbo_plugin.store.companies import leases, refresh_lock
from dunahub_qbo_plugin.store.convert import to_ms
from dunahub_qbo_plugin.store.db.fence_check import FenceCheck
from dunahub_qbo_plugin.store.records import due, host_savepoint, settle
from dunahub_qbo_plugin.store.records.upsert import upsert
from dunahub_qbo_plugin.store.tables import connections, records
from dunahub_qbo_plugin.sync import intake, turn

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from contextlib import AbstractContextManager
    from datetime import datetime

    from dunahub_qbo_plugin.model import Claim, Intent
    from dunahub_qbo_plugin.store.companies.leases import Lease
    from dunahub_qbo_plugin.store.records.settle import Settlement


@contextlib.contextmanager
def no_request_key() -> Iterator[None]:
    """Send writes without ``requestid``."""
    call = QboClient._call

    def without_key(self: QboClient, *args: Any, **options: Any) -> Any:  # noqa: ANN401  as it is
        grant, method, path, parameters = args
        kept = {name: value for name, value in parameters.items() if name != "requestid"}
        return call(self, grant, method, path, kept, **options)

    with mock.patch.object(QboClient, "_call", without_key):
        yield


@contextlib.contextmanager
def key_committed_after_sending() -> Iterator[None]:
    """Write an intent down only together with what came of it."""
    commit, settle_in_time = due.commit_intents, settle.settle

    def commit_nothing(
        db: sa.Connection,
        lease: Lease,
        intents: Sequence[tuple[Claim, Intent]],
        *,
        now: datetime,
        looking: object,
    ) -> tuple[Lease, list[tuple[Claim, Intent]]]:
        del looking
        return leases.renew(db, lease, now=now), list(intents)

    def commit_and_settle(
        db: sa.Connection, lease: Lease, settlements: Sequence[Settlement], *, now: datetime
    ) -> tuple[Lease, list[Settlement]]:
        pairs = [(one.claim, one.intent) for one in settlements if one.intent is not None]
        lease, _ = commit(db, lease, pairs, now=now)
        return settle_in_time(db, lease, settlements, now=now)

    with (
        mock.patch.object(turn, "commit_intents", commit_nothing),
        mock.patch.object(turn, "settle", commit_and_settle),
    ):
        yield


@contextlib.contextmanager
def no_lease() -> Iterator[None]:
    """Take a company whoever holds it."""
    acquire = leases.acquire

    def take(db: sa.Connection, company_id: str, *, owner: str, now: datetime) -> Lease | None:
        db.execute(
            sa.update(connections)
            .where(connections.c.id == company_id)
            .values(lease_owner=None, lease_until=0)
        )
        return acquire(db, company_id, owner=owner, now=now)

    with mock.patch.object(leases, "acquire", take):
        yield


@contextlib.contextmanager
def settle_ignores_newer_changes() -> Iterator[None]:
    """Call a record done whatever was saved since it was read."""
    settle_rightly = settle.settle

    def done(
        db: sa.Connection, lease: Lease, settlements: Sequence[Settlement], *, now: datetime
    ) -> tuple[Lease, list[Settlement]]:
        lease, left = settle_rightly(db, lease, settlements, now=now)
        for one in settlements:
            if isinstance(one.outcome, Synced):
                db.execute(
                    sa.update(records)
                    .where(records.c.id == one.claim.record_id)
                    .values(synced_fingerprint=records.c.fingerprint, next_attempt_at=None)
                )
        return lease, left

    with mock.patch.object(turn, "settle", done):
        yield


@contextlib.contextmanager
def renewal_without_lock() -> Iterator[None]:
    """Let everybody renew a token at the same time."""

    def claim(db: sa.Connection, company_id: str, *, owner: str, now: datetime) -> bool:
        db.execute(
            sa.update(connections)
            .where(connections.c.id == company_id)
            .values(refresh_owner=owner, refresh_until=to_ms(now))
        )
        return True

    with mock.patch.object(refresh_lock, "claim_refresh", claim):
        yield


@contextlib.contextmanager
def fence_not_checked() -> Iterator[None]:
    """Renew a lease without a look at whose it is."""

    def renew(db: sa.Connection, lease: Lease, *, now: datetime) -> Lease:
        until = now + leases.LEASE
        db.execute(
            sa.update(connections)
            .where(connections.c.id == lease.company_id)
            .values(lease_until=to_ms(until))
        )
        return attrs.evolve(lease, until=until)

    with contextlib.ExitStack() as stack:
        for module in (leases, due, settle):
            stack.enter_context(mock.patch.object(module, "renew", renew))
        stack.enter_context(no_look_before_leaving())
        yield


@contextlib.contextmanager
def no_look_before_leaving() -> Iterator[None]:
    """Send what is in hand without asking whose the company is by now."""
    with mock.patch.object(FenceCheck, "holds", return_value=True):
        yield


@contextlib.contextmanager
def late_rows_win() -> Iterator[None]:
    """Write a row from memory over whatever was saved since."""

    def write(db: sa.Connection, desired: Sequence[Any], *, now: datetime) -> None:
        for one in desired:
            db.execute(
                sa.update(records).where(records.c.local_id == one.key.local_id).values(saved_at=0)
            )
        upsert(db, desired, now=now)

    with mock.patch.object(intake, "upsert_spilled", write):
        yield


@contextlib.contextmanager
def savepoint_without_transaction() -> Iterator[None]:
    """Leave it to SQLite's driver to begin the host's transaction."""
    with mock.patch.object(host_savepoint, "_begin"):
        yield


BUGS: Mapping[str, Callable[[], AbstractContextManager[None]]] = {
    bug.__name__: bug
    for bug in (
        no_request_key,
        key_committed_after_sending,
        no_lease,
        settle_ignores_newer_changes,
        renewal_without_lock,
        fence_not_checked,
        no_look_before_leaving,
        late_rows_win,
        savepoint_without_transaction,
    )
}
