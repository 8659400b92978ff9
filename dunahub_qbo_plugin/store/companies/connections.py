"""Connections to QuickBooks companies: connect, confirm, expire, disconnect.

Tokens are returned by `Connections.tokens`, and by the methods whose tokens are to be revoked.
"""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from dunahub_qbo_plugin.errors import ConfigurationError
from dunahub_qbo_plugin.store.companies import disconnections
from dunahub_qbo_plugin.store.companies.connection import Arrival, Connection, Tokens, connection_of
from dunahub_qbo_plugin.store.convert import from_ms, to_ms
from dunahub_qbo_plugin.store.state import live
from dunahub_qbo_plugin.store.tables import connections

if TYPE_CHECKING:
    from datetime import datetime

    from dunahub_qbo_plugin.store.db.cipher import Cipher


class Connections:
    """Reads and writes connections; each method works in the transaction that it is passed."""

    def __init__(self, cipher: Cipher) -> None:
        self._cipher = cipher

    def current(self, db: sa.Connection, org_id: str) -> Connection | None:
        """Return the company that the organization's records go to, None if it never connected."""
        return _one(db, connections.c.org_id == org_id, connections.c.current)

    def pending(self, db: sa.Connection, org_id: str) -> Connection | None:
        """Return the company that was chosen and awaits confirmation."""
        return _one(db, connections.c.org_id == org_id, connections.c.pending_at.is_not(None))

    def get(self, db: sa.Connection, company_id: str) -> Connection | None:
        """Return a company by our id."""
        return _one(db, connections.c.id == company_id)

    def all(self, db: sa.Connection) -> list[Connection]:
        """Return every company of every organization, for the operator."""
        rows = db.execute(sa.select(connections).order_by(connections.c.org_id, connections.c.id))
        return [connection_of(row) for row in rows]

    def arrive(
        self,
        db: sa.Connection,
        *,
        org_id: str,
        tokens: Tokens,
        environment: str,
        by: str,
        now: datetime,
    ) -> Arrival:
        """Store the company and tokens of a consent.

        The same company as before continues where it was. Another one is kept apart until a person
        confirms it, so that nothing is sent to the wrong books (rule 19). A company that was
        awaiting confirmation is discarded: the last choice counts.

        Raises:
            ConfigurationError: there is no usable encryption key.
        """
        known = _hold(db, org_id)
        same = next(
            (row for row in known if self._cipher.decrypt(row.realm_enc) == tokens.realm_id), None
        )
        current = next((row for row in known if row.current), None)
        other = self.pending(db, org_id)
        let_go = None
        if other is not None and (same is None or same.id != other.id):
            let_go = self._let_go(db, other)
        pending = current is not None and (same is None or same.id != current.id)
        values = self._sealed(tokens) | {
            "realm_key": self._cipher.lookup_keys(tokens.realm_id)[0],
            "refresh_owner": None,
            "refresh_until": 0,
            "environment": environment,
            "expired_at": None,
            "paused_until": 0,
            "paused_at": 0,
            "pause_code": None,
            "pause_cause": None,
            "pending_at": to_ms(now) if pending else None,
        }
        if same is None:
            company_id = secrets.token_hex(8)
            values |= {
                "id": company_id,
                "org_id": org_id,
                "current": not pending,
                "realm_enc": self._cipher.encrypt(tokens.realm_id),
                "connected_at": to_ms(now),
                "connected_by": by,
                "company_name": "",
            }
            db.execute(sa.insert(connections).values(values))
        else:
            company_id = same.id
            _change(db, company_id, **values)
            if not pending:
                self._resume(db, same, by=by, now=now)
        arrived = self.get(db, company_id)
        assert arrived is not None  # noqa: S101  it was written just now
        return Arrival(
            connection=arrived, pending=pending, reconnected=same is not None, let_go=let_go
        )

    def confirm(
        self, db: sa.Connection, org_id: str, company_id: str, *, by: str, now: datetime
    ) -> Tokens | None:
        """Switch to a company, if it still is the one that awaits confirmation.

        Returns:
            the tokens of the former company, to be revoked; None if it has none.
        """
        _hold(db, org_id)
        new, old = self.pending(db, org_id), self.current(db, org_id)
        if new is None or new.id != company_id:
            return None
        left = None
        if old is not None:
            left = self._leave(db, old, by=by, now=now)
            _change(db, old.id, current=False)
        _change(db, new.id, current=True, pending_at=None)
        row = db.execute(sa.select(connections).where(connections.c.id == new.id)).one()
        self._resume(db, row, by=by, now=now)
        return left

    def decline(self, db: sa.Connection, org_id: str) -> Tokens | None:
        """Discard the company that awaits confirmation; return its tokens, to be revoked."""
        _hold(db, org_id)
        new = self.pending(db, org_id)
        return None if new is None else self._let_go(db, new)

    def _let_go(self, db: sa.Connection, pending: Connection) -> Tokens | None:
        tokens = self._readable_tokens(db, pending.id)
        _change(db, pending.id, pending_at=None, access_enc=None, refresh_enc=None)
        if pending.disconnected_at is None:
            db.execute(sa.delete(connections).where(connections.c.id == pending.id))
        return tokens

    def disconnect(
        self, db: sa.Connection, org_id: str, *, by: str, now: datetime
    ) -> Tokens | None:
        """Disconnect: delete the tokens, fence drains off, leave unsent records behind.

        Returns:
            the tokens, to be revoked at Intuit; None if there are none that can be decrypted.
        """
        _hold(db, org_id)
        current = self.current(db, org_id)
        if current is None or current.disconnected_at is not None:
            return None
        return self._leave(db, current, by=by, now=now)

    def expire(self, db: sa.Connection, company_id: str, *, refused: Tokens, now: datetime) -> bool:
        """Mark a company as expired, unless the refused refresh token was replaced meanwhile."""
        db.execute(sa.select(connections.c.id).where(_is(company_id)).with_for_update())
        stored = self.tokens(db, company_id)
        if stored is None or stored.refresh != refused.refresh:
            return False
        _change(db, company_id, expired_at=to_ms(now), access_enc=None)
        return True

    def tokens(self, db: sa.Connection, company_id: str) -> Tokens | None:
        """Return a company's tokens, None if it has none.

        Raises:
            ConfigurationError: no key decrypts them.
        """
        row = db.execute(sa.select(connections).where(connections.c.id == company_id)).one_or_none()
        if row is None or row.refresh_enc is None:
            return None
        return Tokens(
            realm_id=self._cipher.decrypt(row.realm_enc),
            access=self._cipher.decrypt(row.access_enc) if row.access_enc else "",
            refresh=self._cipher.decrypt(row.refresh_enc),
            access_expires_at=from_ms(row.access_expires_at or 0),
            refresh_expires_at=from_ms(row.refresh_expires_at),
        )

    def of_realm(self, db: sa.Connection, realm_id: str) -> list[str]:
        """Return our ids of a QuickBooks company that is connected, of every organization's.

        Raises:
            ConfigurationError: there is no usable encryption key.
        """
        keys = self._cipher.lookup_keys(realm_id)
        statement = sa.select(connections.c.id).where(
            connections.c.realm_key.in_(keys), connections.c.disconnected_at.is_(None)
        )
        return list(db.execute(statement).scalars())

    def check_key(self, db: sa.Connection) -> None:
        """Decrypt one company's tokens, to see whether the keys fit.

        Raises:
            ConfigurationError: none of them does, or none is set.
        """
        stored = sa.select(connections.c.id).where(connections.c.refresh_enc.is_not(None)).limit(1)
        if (company_id := db.execute(stored).scalar_one_or_none()) is not None:
            self.tokens(db, company_id)

    def save_tokens(
        self, db: sa.Connection, company_id: str, tokens: Tokens, *, replaced: Tokens
    ) -> bool:
        """Store renewed tokens in the place of those that they were exchanged for.

        However long that took: what decides is whether the old ones are still those stored. After
        a disconnect, or once a person has reconnected, they are not.

        Returns:
            False where they are not, and nothing was stored.
        """
        db.execute(sa.select(connections.c.id).where(_is(company_id)).with_for_update())
        stored = self.tokens(db, company_id)
        if stored is None or stored.refresh != replaced.refresh:
            return False
        _change(db, company_id, expired_at=None, **self._sealed(tokens, renewed=True))
        return True

    def _sealed(self, tokens: Tokens, *, renewed: bool = False) -> dict[str, Any]:
        # A renewal that does not say when the grant ends does not move it; a new consent does.
        ends = tokens.grant_expires_at
        grant_ends = {"grant_expires_at": to_ms(ends)} if renewed is False or ends else {}
        return {
            **grant_ends,
            "access_enc": self._cipher.encrypt(tokens.access),
            "refresh_enc": self._cipher.encrypt(tokens.refresh),
            "access_expires_at": to_ms(tokens.access_expires_at),
            "refresh_expires_at": to_ms(tokens.refresh_expires_at),
        }

    def _leave(
        self, db: sa.Connection, connection: Connection, *, by: str, now: datetime
    ) -> Tokens | None:
        tokens = self._readable_tokens(db, connection.id)
        if connection.disconnected_at is None:
            connection_period = connection.connection_period + 1
            _change(
                db,
                connection.id,
                access_enc=None,
                refresh_enc=None,
                expired_at=None,
                refresh_owner=None,
                refresh_until=0,
                disconnected_at=to_ms(now),
                connection_period=connection_period,
                fence=connections.c.fence + 1,
                lease_owner=None,
                lease_until=0,
            )
            disconnections.begin(
                db, connection.id, connection_period=connection_period, by=by, now=now
            )
        return tokens

    def _readable_tokens(self, db: sa.Connection, company_id: str) -> Tokens | None:
        try:
            return self.tokens(db, company_id)
        except ConfigurationError:
            return None  # a lost key must not prevent a disconnect

    @staticmethod
    def _resume(db: sa.Connection, row: Any, *, by: str, now: datetime) -> None:  # noqa: ANN401  a Row
        """Begin a new connection period if the company was disconnected; an expiry begins none."""
        if row.disconnected_at is not None:
            _change(
                db,
                row.id,
                disconnected_at=None,
                connection_period=row.connection_period + 1,
                connected_at=to_ms(now),
                connected_by=by,
            )
            disconnections.end(db, row.id, now=now)


def idle_companies(db: sa.Connection, *, before: datetime, limit: int) -> list[str]:
    """Return live companies whose access token ended before a moment, longest idle first."""
    statement = (
        sa.select(connections.c.id)
        .where(
            live,
            connections.c.refresh_enc.is_not(None),
            connections.c.access_expires_at < to_ms(before),
        )
        .order_by(connections.c.access_expires_at)
        .limit(limit)
    )
    return list(db.execute(statement).scalars())


def _change(db: sa.Connection, company_id: str, **values: Any) -> None:  # noqa: ANN401  columns
    db.execute(sa.update(connections).where(connections.c.id == company_id).values(**values))


def _is(company_id: str) -> sa.ColumnElement[bool]:
    return connections.c.id == company_id


def _hold(db: sa.Connection, org_id: str) -> list[Any]:
    """Read and lock an organization's companies until the commit.

    On SQLite the transaction has the database's write lock already.
    """
    statement = (
        sa.select(connections)
        .where(connections.c.org_id == org_id)
        .order_by(connections.c.id)  # the same order for all, against deadlocks
        .with_for_update()
    )
    return list(db.execute(statement))


def _one(db: sa.Connection, *where: sa.ColumnElement[bool]) -> Connection | None:
    row = db.execute(sa.select(connections).where(*where)).one_or_none()
    return None if row is None else connection_of(row)
