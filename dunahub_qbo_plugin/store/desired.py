"""The hook's write: what a record shall look like, in one statement.

``INSERT … SELECT`` from the organization's current connection, so that an organization that never
connected costs one look-up and stores nothing (product rule 18).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attrs
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from dunahub_qbo_plugin.store.edge import to_cents, to_ms
from dunahub_qbo_plugin.store.prepared import prepared
from dunahub_qbo_plugin.store.tables import connections, records

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date, datetime
    from decimal import Decimal

    from dunahub_qbo_plugin.model import Hold, RecordKey


@attrs.frozen(kw_only=True)
class Desired:
    """The desired state of one record, as a hook hands it over.

    Attributes:
        org_id: whose record it is.
        key: which record.
        label: how people call it ("1042", "Sarah Jones").
        amount: dollars, for lists; None for customers.
        dated: the document's day, for the month's report; None for customers.
        parent: local id of the record that must be in QuickBooks before it.
        snapshot: canonical JSON of the value.
        fingerprint: of the snapshot.
        hold: why it is not to be sent, None to send it.
        as_parent: True for a lead that came along with its invoice: if it was left behind by a
            disconnect it is sent after all, since the invoice needs it.
        at: when the hook fired, aware UTC.
    """

    org_id: str
    key: RecordKey
    label: str
    amount: Decimal | None = None
    dated: date | None = None
    parent: str | None = None
    snapshot: str = attrs.field(repr=False)
    fingerprint: str
    hold: Hold | None = None
    as_parent: bool = False
    at: datetime

    def parameters(self) -> dict[str, Any]:
        """Give the statement's parameters."""
        return {
            "p_org": self.org_id,
            "p_kind": self.key.kind.value,
            "p_local_id": self.key.local_id,
            "p_label": self.label,
            "p_amount": to_cents(self.amount),
            "p_dated": None if self.dated is None else self.dated.isoformat(),
            "p_parent": self.parent,
            "p_snapshot": self.snapshot,
            "p_fingerprint": self.fingerprint,
            "p_hold": None if self.hold is None else self.hold.value,
            "p_due": to_ms(self.at) if self.hold is None else None,
            "p_at": to_ms(self.at),
            "p_as_parent": 1 if self.as_parent else 0,
        }


def write_desired(connection: sa.Connection, desired: Sequence[Desired]) -> None:
    """Store desired states, parents first, in the connection's transaction."""
    statement = prepared(connection, _upsert, connection.dialect.name, False)  # noqa: FBT003  not late
    for one in desired:
        statement.run(connection, one.parameters())


def write_late(connection: sa.Connection, desired: Sequence[Desired], *, now: datetime) -> None:
    """Store desired states that had to wait, each unless another process saved the record since.

    A record that seems to have been saved in the future was saved before the clock was set back.
    """
    statement = prepared(connection, _upsert, connection.dialect.name, True)  # noqa: FBT003  late
    for one in desired:
        statement.run(connection, one.parameters() | {"p_now": to_ms(now)})


def _upsert(dialect: str, late: bool) -> sa.Executable:  # noqa: FBT001  `prepared` names nothing
    text, whole, big = sa.String(), sa.Integer(), sa.BigInteger()
    at = sa.bindparam("p_at", type_=big)
    given: dict[str, sa.ColumnElement[Any]] = {
        "org_id": connections.c.org_id,
        "company_id": connections.c.id,
        "kind": sa.bindparam("p_kind", type_=text),
        "local_id": sa.bindparam("p_local_id", type_=text),
        "label": sa.bindparam("p_label", type_=text),
        "amount": sa.bindparam("p_amount", type_=big),
        "dated": sa.bindparam("p_dated", type_=text),
        "parent": sa.bindparam("p_parent", type_=text),
        "snapshot": sa.bindparam("p_snapshot", type_=text),
        "fingerprint": sa.bindparam("p_fingerprint", type_=text),
        "generation": sa.literal(1, whole),
        "epoch": _epoch_then() if late else connections.c.epoch,
        "hold": sa.bindparam("p_hold", type_=text),
        "saved_at": at,
        "created_at": at,
        "touched_at": at,
        "due_at": sa.bindparam("p_due", type_=big),
        "waiting": sa.false(),
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
        where=_is_newest() if late else None,
    )


def _is_known_parent() -> sa.ColumnElement[bool]:
    """Tell whether it is a lead that came along with its invoice, as it is stored already.

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
                known.c.epoch == connections.c.epoch,
            )
        ),
    )


def _epoch_then() -> sa.ColumnElement[int]:
    """Give the epoch of a row that had to wait: what came before the connection is not sent.

    Product rule 18. A connection that seems to be of the future is as old as any.
    """
    made_since = sa.and_(
        connections.c.connected_at > sa.bindparam("p_at", type_=sa.BigInteger()),
        connections.c.connected_at <= sa.bindparam("p_now", type_=sa.BigInteger()),
    )
    return sa.case((made_since, connections.c.epoch - 1), else_=connections.c.epoch)


def _is_newest() -> sa.ColumnElement[bool]:
    saved_since = sa.and_(
        records.c.saved_at > sa.bindparam("p_at", type_=sa.BigInteger()),
        records.c.saved_at <= sa.bindparam("p_now", type_=sa.BigInteger()),
    )
    return sa.not_(saved_since)


def _changes(new: Any) -> dict[str, Any]:  # noqa: ANN401  SQLAlchemy's `excluded` has no public type
    old = records.c
    changed = new.fingerprint != old.fingerprint
    as_parent = sa.bindparam("p_as_parent", type_=sa.Integer()) == 1
    left_behind = sa.and_(
        as_parent,
        old.epoch < new.epoch,
        sa.or_(old.synced_fingerprint.is_(None), old.synced_fingerprint != new.fingerprint),
        old.hold.is_(None),
    )
    # What became of an earlier write is found out even where nothing more is to be sent.
    under_way = old.request_key.is_not(None)

    def if_changed(then: Any, otherwise: Any) -> sa.Case[Any]:  # noqa: ANN401  any column
        return sa.case((changed, then), else_=otherwise)

    return {
        "label": new.label,
        "amount": new.amount,
        "dated": new.dated,
        "parent": new.parent,
        "snapshot": new.snapshot,
        "fingerprint": new.fingerprint,
        "saved_at": new.saved_at,
        "touched_at": if_changed(new.touched_at, old.touched_at),
        "generation": if_changed(old.generation + 1, old.generation),
        "epoch": sa.case((sa.or_(changed, left_behind), new.epoch), else_=old.epoch),
        "hold": if_changed(new.hold, old.hold),
        "hold_note": if_changed(None, old.hold_note),
        "attempts": if_changed(0, old.attempts),
        "waiting": if_changed(sa.false(), old.waiting),
        "error_code": if_changed(None, old.error_code),
        "candidate_id": if_changed(None, old.candidate_id),
        "first_failed_at": if_changed(None, old.first_failed_at),
        "due_at": sa.case(
            (sa.and_(changed, under_way), new.saved_at),
            (changed, new.due_at),
            (left_behind, new.due_at),
            else_=old.due_at,
        ),
    }
