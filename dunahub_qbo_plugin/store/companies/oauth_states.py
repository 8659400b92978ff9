"""OAuth ``state``: random, single-use, short-lived, bound to organization and person."""

from __future__ import annotations

import hashlib
import secrets
from datetime import timedelta
from typing import TYPE_CHECKING, Final

import sqlalchemy as sa

from dunahub_qbo_plugin.store.convert import to_ms
from dunahub_qbo_plugin.store.tables import oauth_states

if TYPE_CHECKING:
    from datetime import datetime

STATE_LIFETIME: Final = timedelta(minutes=15)
"""Time that a person has on Intuit's pages."""

MAX_STATES: Final = 20
"""Attempts to connect of one organization that are under way at the same time."""


def issue(
    db: sa.Connection, *, org_id: str, person_id: str, redirect_uri: str, now: datetime
) -> str:
    """Create a state; only its hash is stored. Of an organization's, the last few count."""
    state = secrets.token_urlsafe(32)
    db.execute(sa.delete(oauth_states).where(oauth_states.c.expires_at <= to_ms(now)))
    newest = (
        sa.select(oauth_states.c.state_hash)
        .where(oauth_states.c.org_id == org_id)
        .order_by(oauth_states.c.expires_at.desc(), oauth_states.c.state_hash)
        .limit(MAX_STATES - 1)
    )
    kept = db.execute(newest).scalars().all()
    db.execute(
        sa.delete(oauth_states).where(
            oauth_states.c.org_id == org_id, oauth_states.c.state_hash.not_in(kept)
        )
    )
    db.execute(
        sa.insert(oauth_states).values(
            state_hash=_hash(state),
            org_id=org_id,
            person_id=person_id,
            redirect_uri=redirect_uri,
            expires_at=to_ms(now + STATE_LIFETIME),
        )
    )
    return state


def use(db: sa.Connection, state: str, *, org_id: str, person_id: str, now: datetime) -> str | None:
    """Redeem a state, which works once.

    Returns:
        the redirect URI it was issued with; None if it is unknown, used, expired, or was issued to
        another organization or person.
    """
    statement = (
        sa.delete(oauth_states)
        .where(oauth_states.c.state_hash == _hash(state))
        .returning(
            oauth_states.c.org_id,
            oauth_states.c.person_id,
            oauth_states.c.redirect_uri,
            oauth_states.c.expires_at,
        )
    )
    row = db.execute(statement).one_or_none()
    if row is None or row.expires_at <= to_ms(now):
        return None
    if (row.org_id, row.person_id) != (org_id, person_id):
        return None
    redirect_uri: str = row.redirect_uri
    return redirect_uri


def _hash(state: str) -> str:
    return hashlib.sha256(state.encode("utf-8", "surrogatepass")).hexdigest()
