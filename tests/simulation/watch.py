"""Looks at the database after each commit: which company is whose, and since when.

Promises to see each change of a connection at the step that made it. Promises to read the tables
themselves, without the plugin's code.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attrs
import sqlalchemy as sa

from dunahub_qbo_plugin.store.convert import to_ms
from dunahub_qbo_plugin.store.tables import connections
from tests.simulation.scheduler import SimClock

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.simulation.network import Network
    from tests.simulation.scheduler import Scheduler

_COLUMNS = (
    *("id", "org_id", "current", "connection_period", "realm_enc", "expired_at", "lease_owner"),
    *("disconnected_at", "pending_at", "region_closed_at", "fence", "refresh_enc"),
    *("refresh_owner", "refresh_until"),
)


@attrs.define(eq=False)
class Company:
    """One company as it is stored, and since which step.

    Attributes:
        realm: which it is.
        closed: the step at which sending to it was last ended; None while it may be sent to.
        region_closed: the step at which its region last ended it.
        taken_since: the step at which a worker last took it.
        renewal_lapsed: a worker took so long to renew tokens that another one took over.
        current_since: the step since which records of its organization go there.
        period_since: the step since which its present connected period lasts.
    """

    row: Any
    realm: str
    closed: int | None = None
    region_closed: int | None = None
    taken_since: int = 0
    renewal_lapsed: bool = False
    current_since: int = 0
    period_since: int = 0


class Watch:
    """What the connections look like, kept up to date by `look`.

    Args:
        engine: of the database.
        scheduler: tells the step.
        net: tells what is under way.
        decrypt: opens what is stored encrypted.

    Attributes:
        companies: by our id.
        expired: called with a company's realm when access to it was found to have ended.
    """

    def __init__(
        self,
        engine: sa.Engine,
        scheduler: Scheduler,
        net: Network,
        decrypt: Callable[[str], str],
    ) -> None:
        self._engine = engine
        self._net = net
        self._scheduler = scheduler
        self._decrypt = decrypt
        self._asked = sa.select(*(connections.c[name] for name in _COLUMNS))
        self._text = str(self._asked.compile(engine))
        self._raw: sa.PoolProxiedConnection | None = None
        self.companies: dict[str, Company] = {}
        self.expired: list[Callable[[str], None]] = []

    def look(self) -> None:
        """See what a commit changed."""
        if self._raw is None:
            self._raw = self._engine.raw_connection()
            driver: Any = self._raw.driver_connection
            if self._engine.dialect.name != "sqlite":
                driver.autocommit = True
        cursor = self._raw.cursor()
        cursor.execute(self._text)
        rows = cursor.fetchall()
        cursor.close()
        seen = set()
        for values in rows:
            row: Any = _Row(dict(zip(_COLUMNS, values, strict=True)))
            seen.add(row.id)
            self._see(row)
        for gone in [one for one in self.companies if one not in seen]:
            del self.companies[gone]

    def _see(self, row: Any) -> None:  # noqa: ANN401  a row
        step = self._scheduler.steps
        known = self.companies.get(row.id)
        if known is None:
            realm = self._decrypt(row.realm_enc)
            known = self.companies[row.id] = Company(
                row, realm, current_since=step, period_since=step
            )
        before, known.row = known.row, row
        if row.current and not before.current:
            known.current_since = step
        if row.connection_period != before.connection_period:
            known.period_since = step
        if row.region_closed_at is not None and before.region_closed_at is None:
            known.region_closed = step
        if row.fence != before.fence:
            known.taken_since = step
        others = {row.refresh_owner, before.refresh_owner}
        if None not in others and len(others) > 1 and before.refresh_until <= self._now():
            known.renewal_lapsed = True
        if may_be_sent_to(row):
            known.closed = None
        elif known.closed is None:
            known.closed = step
        self._scheduler.reached |= set(self._states(known.realm, before, row))

    def _states(self, realm: str, before: Any, row: Any) -> Iterator[str]:  # noqa: ANN401  rows
        """Name what a change of a company amounts to."""
        if row.fence != before.fence and row.lease_owner and before.lease_owner:
            yield "a company was taken over"
        if row.disconnected_at is not None and before.disconnected_at is None:
            yield "a company was disconnected"
            if any(one.realm == realm for one in self._net.under_way):
                yield "a company was disconnected while a request was under way"
        if row.connection_period > before.connection_period and row.disconnected_at is None:
            yield "a company was connected again"
        if row.current and not before.current:
            yield "an organization went over to another company"
        if row.expired_at is not None and before.expired_at is None:
            yield "access expired"
            for tell in self.expired:
                tell(realm)
        if row.refresh_enc != before.refresh_enc and None not in {
            row.refresh_enc,
            before.refresh_enc,
        }:
            yield "tokens were renewed"
        if row.region_closed_at is not None and before.region_closed_at is None:
            yield "a region was closed"

    def _now(self) -> int:
        """Return what the machines' clock says, in milliseconds."""
        return to_ms(SimClock(self._scheduler).now())

    def current(self, org_id: str) -> Company | None:
        """Return the company that an organization's records go to."""
        return next(
            (
                one
                for one in self.companies.values()
                if one.row.current and one.row.org_id == org_id
            ),
            None,
        )

    def close(self) -> None:
        """Let go of the connection."""
        if self._raw is not None:
            self._raw.close()
            self._raw = None


class _Row:
    """A row by its columns' names."""

    def __init__(self, values: dict[str, Any]) -> None:
        self.__dict__.update(values)


def may_be_sent_to(row: Any) -> bool:  # noqa: ANN401  a row
    """Return whether somebody has decided that records go to a company."""
    ended = (row.disconnected_at, row.pending_at, row.region_closed_at)
    return bool(row.current) and all(moment is None for moment in ended)
