"""The hook's write: what a record shall look like, in one statement.

``INSERT … SELECT`` from the organization's current connection, so that an organization that never
connected costs one look-up and stores nothing (rule 18).
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

import attrs
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from dunahub_qbo_plugin.store.convert import to_cents, to_ms
from dunahub_qbo_plugin.store.db.compiled import compiled
from dunahub_qbo_plugin.store.tables import connections, records

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date, datetime
    from decimal import Decimal

    from dunahub_qbo_plugin.model import RecordKey, SkipReason


CLOCK_STEP: Final = timedelta(seconds=2)
"""How far ahead of ours the clock of another process may have been when it saved a record, or how
long it may have waited since: what was saved later than that from now was saved before a clock was
set back."""


@attrs.frozen(kw_only=True)
class Desired:
    """The desired state of one record, as a hook hands it over.

    Attributes:
        org_id: whose record it is.
        key: which record.
        label: how people call it ("1042", "Sarah Jones").
        amount: dollars, for lists; None for customers.
        document_date: the document's day, for the month's report; None for customers.
        parent: local id of the record that must be in QuickBooks before it.
        snapshot: canonical JSON of the value.
        fingerprint: of the snapshot.
        skip_reason: why it is not to be sent, None to send it.
        as_parent: True for a lead that came along with its invoice: if it was left behind by a
            disconnect it is sent after all, since the invoice needs it.
        at: when the hook fired, aware UTC.
    """

    org_id: str
    key: RecordKey
    label: str
    amount: Decimal | None = None
    document_date: date | None = None
    parent: str | None = None
    snapshot: str = attrs.field(repr=False)
    fingerprint: str
    skip_reason: SkipReason | None = None
    as_parent: bool = False
    at: datetime

    def is_older_than(self, other: Desired, *, now: datetime) -> bool:
        """Return whether another state of the record was saved later; as `_is_newest` in SQL."""
        return self.at < other.at <= now + CLOCK_STEP

    def parameters(self) -> dict[str, Any]:
        """Return the statement's parameters."""
        return {
            "p_org": self.org_id,
            "p_kind": self.key.kind.value,
            "p_local_id": self.key.local_id,
            "p_label": self.label,
            "p_amount": to_cents(self.amount),
            "p_document_date": None
            if self.document_date is None
            else self.document_date.isoformat(),
            "p_parent": self.parent,
            "p_snapshot": self.snapshot,
            "p_fingerprint": self.fingerprint,
            "p_skip_reason": None if self.skip_reason is None else self.skip_reason.value,
            "p_due": to_ms(self.at) if self.skip_reason is None else None,
            "p_at": to_ms(self.at),
            "p_as_parent": 1 if self.as_parent else 0,
        }


def upsert(connection: sa.Connection, desired: Sequence[Desired], *, now: datetime) -> None:
    """Store desired states, parents first, in the connection's transaction.

    A state that was saved later, by another process, is never replaced by an older one.

    Args:
        connection: a transaction.
        desired: the states.
        now: when this is called.
    """
    _run(connection, desired, now, spilled=False)


def upsert_spilled(connection: sa.Connection, desired: Sequence[Desired], *, now: datetime) -> None:
    """Store desired states that went through memory: the company may be another one by now."""
    _run(connection, desired, now, spilled=True)


def _run(
    connection: sa.Connection, desired: Sequence[Desired], now: datetime, *, spilled: bool
) -> None:
    statement = compiled(connection, _upsert, connection.dialect.name, spilled)
    at = {"p_now": to_ms(now), "p_latest": to_ms(now + CLOCK_STEP)}
    for one in desired:
        statement.run(connection, one.parameters() | at)


def _upsert(dialect: str, late: bool) -> sa.Executable:  # noqa: FBT001  `compiled` names nothing
    text, whole, big = sa.String(), sa.Integer(), sa.BigInteger()
    at = sa.bindparam("p_at", type_=big)
    given: dict[str, sa.ColumnElement[Any]] = {
        "org_id": connections.c.org_id,
        "company_id": connections.c.id,
        "kind": sa.bindparam("p_kind", type_=text),
        "local_id": sa.bindparam("p_local_id", type_=text),
        "label": sa.bindparam("p_label", type_=text),
        "amount": sa.bindparam("p_amount", type_=big),
        "document_date": sa.bindparam("p_document_date", type_=text),
        "parent": sa.bindparam("p_parent", type_=text),
        "snapshot": sa.bindparam("p_snapshot", type_=text),
        "fingerprint": sa.bindparam("p_fingerprint", type_=text),
        "version": sa.literal(1, whole),
        "connection_period": _period_then() if late else connections.c.connection_period,
        "skip_reason": sa.bindparam("p_skip_reason", type_=text),
        "saved_at": at,
        "created_at": at,
        "updated_at": at,
        "next_attempt_at": sa.bindparam("p_due", type_=big),
        "blocked": sa.false(),
        "attempts": sa.literal(0, whole),
        "request_seq": sa.literal(0, whole),
    }
    source = sa.select(*given.values()).where(
        connections.c.org_id == sa.bindparam("p_org", type_=text), connections.c.current
    )
    if not late:
        source = source.where(sa.not_(_is_known_parent()))
    insert = postgresql.insert if dialect == "postgresql" else sqlite.insert
    statement = insert(records).from_select(list(given), source, include_defaults=False)
    return statement.on_conflict_do_update(
        index_elements=["company_id", "kind", "local_id"],
        set_=_changes(statement.excluded),
        where=_is_newest(),
    )


def _is_known_parent() -> sa.ColumnElement[bool]:
    """Return whether it is a lead that came along with its invoice, as it is stored already.

    Nothing is written for it then, so that two requests that bill the same customer do not wait
    for each other's transaction.
    """
    known = records.alias("known")
    return sa.and_(
        sa.bindparam("p_as_parent", type_=sa.Integer()) == 1,
        sa.exists(
            sa.select(known.c.id).where(
                known.c.company_id == connections.c.id,
                known.c.kind == sa.bindparam("p_kind", type_=sa.String()),
                known.c.local_id == sa.bindparam("p_local_id", type_=sa.String()),
                known.c.fingerprint == sa.bindparam("p_fingerprint", type_=sa.String()),
                known.c.connection_period == connections.c.connection_period,
            )
        ),
    )


def _period_then() -> sa.ColumnElement[int]:
    """Return the period of a row that had to wait: what came before the connection is not sent.

    Rule 18. A connection that seems to be of the future is as old as any.
    """
    made_since = sa.and_(
        connections.c.connected_at > sa.bindparam("p_at", type_=sa.BigInteger()),
        connections.c.connected_at <= sa.bindparam("p_now", type_=sa.BigInteger()),
    )
    return sa.case(
        (made_since, connections.c.connection_period - 1), else_=connections.c.connection_period
    )


def _is_newest() -> sa.ColumnElement[bool]:
    """Tell that nobody saved the record later; as `Desired.is_older_than` in memory.

    A record that seems to have been saved in the future was saved before the clock was set back.
    """
    saved_since = sa.and_(
        records.c.saved_at > sa.bindparam("p_at", type_=sa.BigInteger()),
        records.c.saved_at <= sa.bindparam("p_latest", type_=sa.BigInteger()),
    )
    return sa.not_(saved_since)


def _changes(new: Any) -> dict[str, Any]:  # noqa: ANN401  SQLAlchemy's `excluded` has no public type
    old = records.c
    changed = new.fingerprint != old.fingerprint
    as_parent = sa.bindparam("p_as_parent", type_=sa.Integer()) == 1
    left_behind = sa.and_(
        as_parent,
        old.connection_period < new.connection_period,
        sa.or_(old.synced_fingerprint.is_(None), old.synced_fingerprint != new.fingerprint),
        old.skip_reason.is_(None),
    )
    # What became of an earlier write is found out even where nothing more is to be sent.
    under_way = old.request_key.is_not(None)

    def if_changed(then: Any, otherwise: Any) -> sa.Case[Any]:  # noqa: ANN401  any column
        return sa.case((changed, then), else_=otherwise)

    return {
        "label": new.label,
        "amount": new.amount,
        "document_date": new.document_date,
        "parent": new.parent,
        "snapshot": new.snapshot,
        "fingerprint": new.fingerprint,
        "saved_at": new.saved_at,
        "updated_at": if_changed(new.updated_at, old.updated_at),
        "version": if_changed(old.version + 1, old.version),
        "connection_period": sa.case(
            (sa.or_(changed, left_behind), new.connection_period), else_=old.connection_period
        ),
        "skip_reason": if_changed(new.skip_reason, old.skip_reason),
        "skip_note": if_changed(None, old.skip_note),
        "attempts": if_changed(0, old.attempts),
        "blocked": if_changed(sa.false(), old.blocked),
        "error_code": if_changed(None, old.error_code),
        "candidate_id": if_changed(None, old.candidate_id),
        "first_failed_at": if_changed(None, old.first_failed_at),
        "next_attempt_at": sa.case(
            (sa.and_(changed, under_way), new.saved_at),
            (changed, new.next_attempt_at),
            (left_behind, new.next_attempt_at),
            else_=old.next_attempt_at,
        ),
    }
