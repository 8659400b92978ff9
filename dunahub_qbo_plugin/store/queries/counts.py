"""How many records a company has, without counting a million of them for each page.

They are counted once; later only those that came since are counted and added. The number is exact
but for a record that reached the database more than `SLACK` after it was saved, and that for
`FRESH` at most.
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

FRESH: Final = timedelta(minutes=10)
"""How long a count is built on."""
SLACK: Final = timedelta(minutes=2)
"""A record may be in the database this much later than it was saved."""
WORTH_IT: Final = 20_000
"""Records from which on counting takes long enough to keep the number."""
MOST: Final = 1000
"""Companies whose numbers are kept."""


@attrs.frozen(kw_only=True)
class _Base:
    counted_at: datetime
    until: int
    """Milliseconds since 1970; records saved from then on are not in it."""
    of_kind: Mapping[Kind, int]


class Totals:
    """Numbers of records by company, kept in this process."""

    def __init__(self) -> None:
        self._bases: dict[str, _Base] = {}

    def of(self, db: sa.Connection, connection: Connection, *, now: datetime) -> dict[Kind, int]:
        """Count a company's records by kind."""
        base = self._bases.get(connection.id)
        if base is not None and timedelta(0) <= now - base.counted_at < FRESH:
            since = _saved_since(db, connection, base.until)
            return {kind: base.of_kind[kind] + since[kind] for kind in Kind}
        whole = count(db, connection)
        if sum(whole.values()) >= WORTH_IT:
            until = to_ms(now - SLACK)
            since = _saved_since(db, connection, until)
            of_kind = {kind: whole[kind] - since[kind] for kind in Kind}
            if len(self._bases) >= MOST:
                self._bases.clear()
            self._bases[connection.id] = _Base(counted_at=now, until=until, of_kind=of_kind)
        return whole


def count(db: sa.Connection, connection: Connection) -> dict[Kind, int]:
    """Count a company's records by kind; it reads as much of an index as there are records."""
    return {
        kind: db.execute(
            sa.select(sa.func.count()).where(
                records.c.company_id == connection.id, records.c.kind == kind.value
            )
        ).scalar_one()
        for kind in Kind
    }


def _saved_since(db: sa.Connection, connection: Connection, moment: int) -> dict[Kind, int]:
    """Count what was first saved since a moment; it was touched since then, too."""
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
