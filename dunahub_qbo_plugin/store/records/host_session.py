"""Writing inside the host's own transaction.

Where the host passes its open session and keeps our tables in the same database, a record and its
row commit or roll back together. Where its session is of another database, the row is written
right after the host's commit, and never after a rollback.
"""

from __future__ import annotations

import logging
from functools import wraps
from typing import TYPE_CHECKING, Any, Final

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.orm import Session

from dunahub_qbo_plugin.store.records.host_savepoint import savepoint
from dunahub_qbo_plugin.store.records.upsert import Desired, upsert

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from sqlalchemy.orm import SessionTransaction

    from dunahub_qbo_plugin.store.db.database import Database

log = logging.getLogger(__name__)

KEY: Final = "dunahub_qbo"


class _Pending:
    """What is to happen after the commit of one session; kept in ``session.info``.

    Each row is kept with the savepoints of the session that it was noted in.
    """

    def __init__(self) -> None:
        self.later: list[tuple[Desired, tuple[SessionTransaction, ...]]] = []
        self.ring: set[str] = set()
        self.commit: Callable[[Sequence[Desired]], None] | None = None
        self.wake: Callable[[str], None] | None = None


def write_in_host_transaction(
    session: Session,
    desired: Sequence[Desired],
    *,
    database: Database,
    commit: Callable[[Sequence[Desired]], None],
    wake: Callable[[str], None],
    now: datetime,
) -> None:
    """Write rows with the host's session, or note them for after its commit.

    Args:
        session: the host's, in its transaction; a `scoped_session` (Flask-SQLAlchemy's
            ``db.session``) and an `AsyncSession` will do as well.
        desired: the rows.
        database: ours; compared with the session's.
        commit: writes rows in a transaction of our own; used after the host's commit.
        wake: rings the worker for an organization; called after the host's commit.
        now: when this is called.
    """
    session, usable = _plain(session)
    pending = _pending(session)
    pending.commit, pending.wake = commit, wake
    # Once a row waits for the commit the later ones wait behind it, or it would undo them.
    if usable and not pending.later and _write(session, desired, database, now):
        pending.ring.update(one.org_id for one in desired)
        return
    if session.autobegin and not session.in_transaction():
        session.begin()  # the rows go with a transaction, or a rollback would leave them
    savepoints = _savepoints(session)
    pending.later.extend((one, savepoints) for one in desired)


def _write(session: Session, desired: Sequence[Desired], database: Database, now: datetime) -> bool:
    """Write in the host's transaction; False when that cannot be, whatever the reason.

    The host's database is another one, or none that is known (a session with ``binds`` only);
    a row is locked by others; our tables are not seen from there.
    """
    try:
        connection = session.connection()
        if not _same_database(connection.engine.url, database.url):
            return False
        with savepoint(connection):
            upsert(connection, desired, now=now)
    except Exception as error:  # noqa: BLE001  if the host cannot commit either, the row is dropped
        reason = getattr(error, "orig", None) or error
        log.warning("kept until after the host's commit: %s", type(reason).__name__)
        return False
    return True


def _savepoints(session: Session) -> tuple[SessionTransaction, ...]:
    """Return the savepoints that the host has open, the innermost first."""
    found = []
    transaction = session.get_nested_transaction()
    while transaction is not None:
        if transaction.nested:
            found.append(transaction)
        transaction = transaction.parent
    return tuple(found)


def _plain(session: Any) -> tuple[Session, bool]:  # noqa: ANN401  what hosts hand over for one
    """Return the session behind a registry or an async one, and whether it can write here.

    A listener on a `scoped_session` would be one on every session of the host's. An `AsyncSession`
    is written with by its own coroutines only.
    """
    if isinstance(session, Session):
        return session, True
    one = session() if hasattr(session, "registry") else session
    behind: Session | None = getattr(one, "sync_session", None)
    return (one, True) if behind is None else (behind, False)


def _pending(session: Session) -> _Pending:
    """Register the listeners once for each session; they are never removed.

    Removing one inside an ``after_commit`` makes the host's commit raise.
    """
    pending = session.info.get(KEY)
    if not isinstance(pending, _Pending):
        pending = session.info[KEY] = _Pending()
        event.listen(session, "after_commit", _after_commit)
        event.listen(session, "after_soft_rollback", _after_rollback)
        event.listen(session, "after_transaction_end", _after_end)
    return pending


def _safely(listener: Callable[..., None]) -> Callable[..., None]:
    """Keep what a listener raises from the host's commit, which it would come out of."""

    @wraps(listener)
    def heard(session: Session, *args: SessionTransaction) -> None:
        try:
            pending = session.info.get(KEY)
            if isinstance(pending, _Pending):
                listener(session, pending, *args)
        except Exception:
            log.exception("what was to happen at the end of the host's transaction did not")

    return heard


@_safely
def _after_commit(session: Session, pending: _Pending) -> None:
    if session.in_nested_transaction():
        return  # a savepoint was released: the host may still roll back
    later, pending.later = pending.later, []
    ring, pending.ring = pending.ring, set()
    if later and pending.commit is not None:
        pending.commit([desired for desired, _ in later])
    if pending.wake is not None:
        for org_id in ring:
            pending.wake(org_id)


@_safely
def _after_rollback(_: Session, pending: _Pending, transaction: SessionTransaction) -> None:
    """Forget what was noted within a savepoint that the host took back."""
    pending.later = [noted for noted in pending.later if transaction not in noted[1]]


@_safely
def _after_end(_: Session, pending: _Pending, transaction: SessionTransaction) -> None:
    """Forget what a transaction leaves that was rolled back, or closed without a commit."""
    if transaction.parent is None:
        pending.later, pending.ring = [], set()


def _same_database(theirs: sa.URL, ours: sa.URL) -> bool:
    def place(url: sa.URL) -> tuple[Any, ...]:
        asked = (url.query.get("host"), url.query.get("port"))  # libpq's other way to say it
        return (url.get_backend_name(), url.host, url.port, url.database, *asked)

    return place(theirs) == place(ours)
