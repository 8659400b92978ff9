"""Watches a running plugin from outside, and replays what it saw of each record through the model.

How to hook it in (a simulation, or any test), one observer for each database::

    observer = Observer(engine)            # reads the tables themselves, none of the plugin's code
    observer.look(at)                      # after each commit, and before a request leaves
    observer.left(at, key)                 # a write leaves, under this request id
    observer.arrived(at, key, answer, id)  # QuickBooks did, or refused, it; whoever hears of it
    observer.deleted(at, company, kind, id)  # the bookkeeper deleted an object
    observer.check()                       # raises replay.Forbidden; gives how many were followed

`at` is true time in seconds. The bookkeeper's other edits need no word, but `unmarked` where our
marker goes. A record to which something happens that the model does not know (a dismissal, a link
to somebody else's object, a restored backup) is followed until then, and counted in `left_off`.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, Final

import attrs
import sqlalchemy as sa

from tests.simulation.model.replay import Seen, What, replay

if TYPE_CHECKING:
    from collections.abc import Mapping

COMPANIES: Final = "SELECT id, lease_owner, disconnected_at, connection_period FROM qbo_connection"
RECORDS: Final = (
    "SELECT id, company_id, kind, fingerprint, qbo_id, request_key, request_fingerprint, attempts, "
    "error_code, candidate_id, next_attempt_at, skip_reason, connection_period FROM qbo_record"
)
GONE: Final = "gone"

Row = Any


@attrs.define
class Trace:
    """What was seen of one record."""

    company: str
    kind: str
    body: str
    events: list[Seen] = attrs.field(factory=list)
    left_off: str = ""


class Observer:
    """See the module.

    Args:
        engine: of the database that is watched.

    Attributes:
        left_off: why records were not followed to the end, and how many.
    """

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine
        self._companies: dict[str, Row] = {}
        self._rows: dict[int, Row] = {}
        self._traces: dict[int, Trace] = {}
        self._keys: dict[str, int] = {}
        self.left_off: Counter[str] = Counter()

    def look(self, at: float) -> None:
        """See what changed in the tables."""
        with self._engine.connect() as db:
            companies = {row.id: row for row in db.execute(sa.text(COMPANIES))}
            rows = {row.id: row for row in db.execute(sa.text(RECORDS))}
        # In the order of a drain: what came back, whose the company is, what goes out next.
        for number, row in rows.items():
            if number in self._rows:
                self._see_record(at, number, self._rows[number], row)
            elif row.skip_reason is None:
                self._traces[number] = Trace(row.company_id, row.kind, row.fingerprint)
                self._begin(at, number, row)
        for company in companies.values():
            self._see_company(at, self._companies.get(company.id), company, rows)
        before, self._companies, self._rows = self._rows, companies, rows
        for number, row in rows.items():
            known = before[number].request_key if number in before else None
            if row.request_key not in (None, known):
                self._claimed(at, number, row)

    def left(self, at: float, key: str) -> None:
        """See a write leave under a request id."""
        self._note(self._keys.get(key), Seen(at=at, what=What.LEFT, key=key))

    def arrived(self, at: float, key: str, answer: str, on: str = "") -> None:
        """See QuickBooks answer a write, `Seen.answer` says how; on is the Id of its object."""
        event = Seen(at=at, what=What.ARRIVED, key=key, answer=answer, on=on)
        self._note(self._keys.get(key), event)

    def deleted(self, at: float, company: str, kind: str, on: str) -> None:
        """See the bookkeeper delete an object of ours."""
        self._touched(company, kind, Seen(at=at, what=What.DELETED, on=on))

    def unmarked(self, at: float, company: str, kind: str, on: str) -> None:
        """See the bookkeeper take our marker away."""
        self._touched(company, kind, Seen(at=at, what=What.UNMARKED, on=on))

    def check(self) -> int:
        """Replay every record's trace; gives how many were followed to their end.

        Raises:
            Forbidden: the plugin did something that the model does not allow.
        """
        for trace in self._traces.values():
            replay(trace.events, body=trace.body)
        self.left_off = Counter(one.left_off for one in self._traces.values() if one.left_off)
        return len(self._traces) - self.left_off.total()

    def _touched(self, company: str, kind: str, event: Seen) -> None:
        for trace in self._traces.values():
            ours = (trace.company, trace.kind) == (company, kind)
            if ours and any(
                one.what is What.ARRIVED and one.on == event.on for one in trace.events
            ):
                self._add(trace, event)

    def _note(self, number: int | None, event: Seen) -> None:
        if number is not None and (trace := self._traces.get(number)) is not None:
            self._add(trace, event)

    @staticmethod
    def _add(trace: Trace, event: Seen) -> None:
        if not trace.left_off:
            trace.events.append(event)

    def _leave_off(self, number: int, why: str) -> None:
        if (trace := self._traces.get(number)) is not None:
            trace.left_off = trace.left_off or why

    def _begin(self, at: float, number: int, row: Row) -> None:
        """Tell a new record's trace who has its company already."""
        company = self._companies.get(row.company_id)
        if company is not None and company.lease_owner is not None:
            self._note(number, Seen(at=at, what=What.TAKEN, worker=company.lease_owner))
        if company is not None and company.disconnected_at is not None:
            self._leave_off(number, "first saved while disconnected")

    def _see_company(
        self, at: float, before: Row | None, now: Row, rows: Mapping[int, Row]
    ) -> None:
        owner = None if before is None else before.lease_owner
        left = None if before is None else before.disconnected_at
        events = []
        if now.disconnected_at is not None and left is None:
            events.append(Seen(at=at, what=What.DISCONNECTED))
        elif now.lease_owner is None and owner is not None:
            events.append(Seen(at=at, what=What.GIVEN_BACK, worker=owner))
        if now.disconnected_at is None and left is not None:
            events.append(Seen(at=at, what=What.CONNECTED))
        if now.lease_owner not in (None, owner):
            events.append(Seen(at=at, what=What.TAKEN, worker=now.lease_owner))
        for number, row in rows.items():
            if row.company_id == now.id:
                for event in events:
                    self._note(number, event)

    def _see_record(self, at: float, number: int, before: Row, now: Row) -> None:
        if now.skip_reason is not None:
            self._leave_off(number, "not to be sent any more")
        if now.fingerprint != before.fingerprint:
            self._note(number, Seen(at=at, what=What.SAVED, body=now.fingerprint))
        ended = before.request_key is not None and now.request_key != before.request_key
        if ended or now.attempts > before.attempts:
            asks = _asks(now)
            on = now.qbo_id or ""
            event = Seen(at=at, what=What.SETTLED, ended=ended, asks=asks, on=on)
            if before.request_key is None:
                self._leave_off(number, "refused before anything was sent")
            self._note(number, event)
        elif now.fingerprint == before.fingerprint:
            self._see_command(at, number, before, now)

    def _see_command(self, at: float, number: int, before: Row, now: Row) -> None:
        if now.connection_period != before.connection_period:
            self._note(number, Seen(at=at, what=What.SENT_LEFT))
        elif now.qbo_id != before.qbo_id:
            linked = _asks(before) == "doubtful" and now.qbo_id is not None
            what = What.LINKED if linked else What.CREATE_AGAIN
            if now.qbo_id is not None and not linked:
                self._leave_off(number, "linked to another object")
            self._note(number, Seen(at=at, what=what))
        elif _asks(now) == "deleted" != _asks(before):
            self._note(number, Seen(at=at, what=What.NOTICED))
        elif before.next_attempt_at is None and now.next_attempt_at is not None and _asks(before):
            self._note(number, Seen(at=at, what=What.RETRIED))

    def _claimed(self, at: float, number: int, row: Row) -> None:
        company = self._companies.get(row.company_id)
        self._keys[row.request_key] = number
        event = Seen(
            at=at,
            what=What.CLAIMED,
            worker="" if company is None else company.lease_owner or "",
            key=row.request_key,
            body=row.request_fingerprint,
            on=row.qbo_id or "",
        )
        self._note(number, event)


def _asks(row: Row) -> str:
    """Say what a person is asked about a record."""
    if row.error_code is None or row.next_attempt_at is not None:
        return ""
    if row.candidate_id is not None:
        return "doubtful"
    return "deleted" if row.error_code == GONE else "refused"
