"""The number of records of a company, without counting a million of them for each page.

They are counted once; later only new ones are counted and added. The number is exact, except for
records that reach the database more than `MAX_SAVE_DELAY` after they were saved, which are missing
for `COUNT_LIFETIME` at most.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

import attrs
import sqlalchemy as sa

from dunahub_qbo_plugin.model import Kind
from dunahub_qbo_plugin.store.convert import to_ms
from dunahub_qbo_plugin.store.tables import records

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from dunahub_qbo_plugin.store.companies.connection import Connection

COUNT_LIFETIME: Final = timedelta(minutes=10)
"""How long a full count is used as a base."""
MAX_SAVE_DELAY: Final = timedelta(minutes=2)
"""How much later than its time of save a record may reach the database."""
MIN_COUNT_TO_CACHE: Final = 20_000
"""Records from which on a count is slow enough to be cached."""
MAX_CACHED_COMPANIES: Final = 1000
"""Companies whose counts are cached."""


@attrs.frozen(kw_only=True)
class _Base:
    counted_at: datetime
    until: int
    """Milliseconds since 1970; records saved from then on are not counted."""
    of_kind: Mapping[Kind, int]


class Totals:
    """Caches the number of records by company in this process."""

    def __init__(self) -> None:
        self._bases: dict[str, _Base] = {}

    def of(self, db: sa.Connection, connection: Connection, *, now: datetime) -> dict[Kind, int]:
        """Count a company's records by kind."""
        base = self._bases.get(connection.id)
        if base is not None and timedelta(0) <= now - base.counted_at < COUNT_LIFETIME:
            since = _saved_since(db, connection, base.until)
            return {kind: base.of_kind[kind] + since[kind] for kind in Kind}
        whole = count(db, connection)
        if sum(whole.values()) >= MIN_COUNT_TO_CACHE:
            until = to_ms(now - MAX_SAVE_DELAY)
            since = _saved_since(db, connection, until)
            of_kind = {kind: whole[kind] - since[kind] for kind in Kind}
            if len(self._bases) >= MAX_CACHED_COMPANIES:
                self._bases.clear()
            self._bases[connection.id] = _Base(counted_at=now, until=until, of_kind=of_kind)
        return whole


def count(db: sa.Connection, connection: Connection) -> dict[Kind, int]:
    """Count a company's records by kind; this reads the index of all of them."""
    return {
        kind: db.execute(
            sa.select(sa.func.count()).where(
                records.c.company_id == connection.id, records.c.kind == kind.value
            )
        ).scalar_one()
        for kind in Kind
    }


def _saved_since(db: sa.Connection, connection: Connection, moment: int) -> dict[Kind, int]:
    """Count records first saved since a time, through the index on ``updated_at``."""
    return {
        kind: db.execute(
            sa.select(sa.func.count()).where(
                records.c.company_id == connection.id,
                records.c.kind == kind.value,
                records.c.updated_at >= moment,
                records.c.created_at >= moment,
            )
        ).scalar_one()
        for kind in Kind
    }
