"""A record's row as a value: read under a lock, changed by a rule, written where it differs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import attrs
import sqlalchemy as sa

from dunahub_qbo_plugin.store.db.compiled import compiled
from dunahub_qbo_plugin.store.tables import records

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

_BATCH: Final = 500
"""Ids in one statement."""


@attrs.frozen(kw_only=True)
class Row:
    """What the rules of `store.records.transitions` read and change; columns of `RecordRow`.

    Times are milliseconds since 1970, money is cents.
    """

    id: int
    kind: str
    local_id: str
    parent: str | None = None
    fingerprint: str
    version: int = 1
    connection_period: int
    skip_reason: str | None = None
    skip_note: str | None = None
    updated_at: int

    next_attempt_at: int | None = None
    blocked: bool = False
    attempts: int = 0

    request_seq: int = 0
    request_key: str | None = None
    request_body: str | None = None
    request_base: str | None = None
    request_operation: str | None = None
    request_fingerprint: str | None = None
    request_total: int | None = None
    request_at: int | None = None
    request_sent_at: int | None = None

    qbo_id: str | None = None
    sync_token: str | None = None
    qbo_object: str | None = None
    qbo_customer_id: str | None = None
    qbo_total: int | None = None
    qbo_number: str | None = None
    synced_fingerprint: str | None = None
    synced_total: int | None = None
    synced_at: int | None = None
    sent_body: str | None = None
    doubtful_fields: str | None = None
    unapplied: int | None = None

    error_code: str | None = None
    error_cause: str | None = None
    error_text: str | None = None
    error_status: int | None = None
    error_element: str | None = None
    error_tid: str | None = None
    error_subject: str | None = None
    error_facts: str | None = None
    error_at: int | None = None
    first_failed_at: int | None = None
    candidate_id: str | None = None
    candidate_token: str | None = None
    candidate_name: str | None = None
    consent: str | None = None

    batch: int | None = None

    @property
    def is_open(self) -> bool:
        """As the database computes it: QuickBooks has not, or may not have, what is wanted."""
        return self.request_key is not None or self.synced_fingerprint != self.fingerprint


_NAMES: Final = tuple(attrs.fields_dict(Row))
_BIG: Final = frozenset(name for name in _NAMES if isinstance(records.c[name].type, sa.BigInteger))


def lock(db: sa.Connection, ids: Collection[int]) -> dict[int, Row]:
    """Read rows and keep others from changing them until the commit.

    A row that somebody else has locked (a host, in a transaction of its own that may be long) is
    left out: nobody waits for it. On SQLite the transaction has the database for itself already.
    """
    found: dict[int, Row] = {}
    wanted = sorted(ids)
    for start in range(0, len(wanted), _BATCH):
        statement = sa.select(*(records.c[name] for name in _NAMES)).where(
            records.c.id.in_(wanted[start : start + _BATCH])
        )
        # In one order for all: two who lock the same rows must not wait for each other.
        locked = statement.order_by(records.c.id).with_for_update(skip_locked=True)
        found |= {row.id: Row(**row._mapping) for row in db.execute(locked)}  # noqa: SLF001  public
    return found


def lock_where(
    db: sa.Connection, where: Iterable[sa.ColumnElement[bool]], *, limit: int | None = None
) -> list[Row]:
    """Read the rows that fit, as `lock` does, in the order in which they were first saved."""
    asked = sa.select(records.c.id).where(*where).order_by(records.c.id)
    ids = db.execute(asked if limit is None else asked.limit(limit)).scalars().all()
    rows = lock(db, ids)
    return [rows[id_] for id_ in ids if id_ in rows]


def save(db: sa.Connection, changes: Iterable[tuple[Row, Row]]) -> None:
    """Write what differs between each row as it was read and as it is to be."""
    groups: dict[tuple[str, ...], list[dict[str, Any]]] = {}
    for before, after in changes:
        names = tuple(name for name in _NAMES if getattr(before, name) != getattr(after, name))
        if names:
            values = {f"p_{name}": getattr(after, name) for name in names}
            groups.setdefault(names, []).append(values | {"p_id": after.id})
    for names, rows in groups.items():
        compiled(db, _update, names).run_many(db, rows)


def _update(names: tuple[str, ...]) -> sa.Update:
    """Make the statement, for `compiled`."""
    return (
        sa.update(records)
        .where(records.c.id == sa.bindparam("p_id"))
        .values({name: sa.bindparam(f"p_{name}", type_=records.c[name].type) for name in names})
    )
