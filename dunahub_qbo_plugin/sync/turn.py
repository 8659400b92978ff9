"""One turn of one company: what is due goes out, what comes back is written, until all is done.

HTTP runs in a few threads; every decision and every database write is made by the one thread that
drains. Customers have a lane of their own: QuickBooks wants names written one after the other.
"""

from __future__ import annotations

import logging
import threading
from collections import Counter
from concurrent.futures import FIRST_COMPLETED, Future, wait
from datetime import timedelta
from itertools import islice
from typing import TYPE_CHECKING, Final

import attrs

from dunahub_qbo_plugin.errors import LeaseLost, QboError
from dunahub_qbo_plugin.model import (
    Claim,
    ErrorInfo,
    Intent,
    Kind,
    Paused,
    Rejected,
    Retry,
    Synced,
    Waiting,
)
from dunahub_qbo_plugin.store.companies import leases
from dunahub_qbo_plugin.store.companies.leases import LEASE, Lease
from dunahub_qbo_plugin.store.companies.profiles import note_services
from dunahub_qbo_plugin.store.db.errors import DatabaseError, is_lost
from dunahub_qbo_plugin.store.records import dependents
from dunahub_qbo_plugin.store.records.due import commit_intents
from dunahub_qbo_plugin.store.records.settle import Settlement, settle, settle_late
from dunahub_qbo_plugin.sync.attempt import LOOK_FIRST_AFTER, REQUEST_ENDS, Attempt, looks_only
from dunahub_qbo_plugin.sync.backoff import delay
from dunahub_qbo_plugin.sync.pauses import LEASE_LOST, PauseTracker, pause_after
from dunahub_qbo_plugin.sync.planner import plan, services_of, with_items
from dunahub_qbo_plugin.sync.selection import AT_ONCE, choose

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sqlalchemy import Connection as Transaction

    from dunahub_qbo_plugin.clock import Clock
    from dunahub_qbo_plugin.model import CompanyProfile, Outcome
    from dunahub_qbo_plugin.qbo.auth import Grant
    from dunahub_qbo_plugin.store.db.database import Database
    from dunahub_qbo_plugin.sync.access import Access
    from dunahub_qbo_plugin.sync.carriers import Carriers, Lane
    from dunahub_qbo_plugin.sync.outcome_counts import OutcomeCounts
    from dunahub_qbo_plugin.sync.reconciler import Reconciler

log = logging.getLogger(__name__)

TURN: Final = 30.0
"""Seconds after which a drain ends although more is due, so that others have their turn."""
RENEW_AFTER: Final = LEASE / 3
"""Age at which the lease is prolonged."""
LOOK_AGAIN: Final = 0.5
"""Seconds after which newly due records are looked for although nothing has come back yet."""
LINGER: Final = 0.02
"""Seconds to wait for a few more to come back, as long as others are ready to go meanwhile: then
they are written down together."""
IN_USE: Final = 0.05
"""Seconds to wait for records that a host is writing to, when nothing else is due."""
UNANSWERED: Final = 2
"""Requests of a company under way at the same time before the first answer of a turn: one that does
not answer shall not keep more threads and connections."""
ITEM_GONE: Final = "item-gone"
MOST_LOOKS: Final = 20
"""Looks at one record in one turn without anything to send, after which the turn ends: no mistake
of ours may keep a worker, and a company, busy for ever."""
MARGIN: Final = timedelta(seconds=2)
"""A request leaves only while the lease has at least this much left."""
UNWRITABLE: Final = Rejected(info=ErrorInfo(code="unwritable"))


@attrs.define(kw_only=True, eq=False)
class Stopping:
    """When the worker is to stop, and how long what is under way is waited for.

    Attributes:
        at: seconds of the clock's `monotonic` from which on nobody waits; None while it works.
    """

    at: float | None = None

    def is_over(self, now: float) -> bool:
        """Whether nobody waits any more for what is under way."""
        return self.at is not None and now >= self.at


@attrs.define(kw_only=True, eq=False)
class Turn:
    """One drain of one company, from taking the lease to giving it back."""

    database: Database
    reconciler: Reconciler
    access: Access
    clock: Clock
    carriers: Carriers
    stopping: Stopping
    outcomes: OutcomeCounts
    lease: Lease
    sent: int = 0
    profile: CompanyProfile | None = None
    items_read: bool = False
    """True once the item list was read again because an item was gone."""
    pauses: PauseTracker = attrs.field(factory=PauseTracker)
    unsent: Counter[int] = attrs.field(factory=Counter)
    """How often each record was looked at without anything being sent for it."""
    noted: dict[str, str] = attrs.field(factory=dict)
    """Services that this drain has remembered already."""
    later: list[Settlement] = attrs.field(factory=list)
    """What has come back of records that a host's open transaction has locked."""
    locked_by_host: bool = False
    """True while a record that is due is being saved or is in a host's open transaction."""
    lost: threading.Event = attrs.field(factory=threading.Event)
    """Set once the company is somebody else's, or nobody's."""
    in_flight: dict[Future[Outcome], tuple[Claim, Intent]] = attrs.field(factory=dict)
    asked: bool = False
    """True once something was to leave."""
    answered: bool = False
    """True once QuickBooks answered something."""
    _documents: Lane = attrs.field(init=False)
    _customers: Lane = attrs.field(init=False)
    _preparing_since: float | None = attrs.field(default=None, init=False)

    def __attrs_post_init__(self) -> None:
        self._documents = self.carriers.lane(UNANSWERED)
        self._customers = self.carriers.lane(1)

    def silence(self) -> float:
        """Return the seconds for which nobody has answered what was asked."""
        since = self._preparing_since
        if since is not None:
            return self.clock.monotonic() - since
        return self.reconciler.silence(self.lease.company_id)

    def run(self) -> int:
        """Send what is due; gives how many records went through."""
        self._preparing_since = self.clock.monotonic()
        grant = self.access.grant()
        self.profile = None if grant is None else self.access.profile(grant)
        self._preparing_since = None
        if self.profile is None:
            return 0
        with self.database.write.begin() as db:
            dependents.release_ready(db, self.lease.company_id, self.clock.now())
        try:
            self._take_turn(grant)
        except BaseException:
            # Whatever ends it, what QuickBooks accepted meanwhile is not to be forgotten.
            self.lost.set()
            self._settle_in_flight()
            raise
        return self.sent

    def _take_turn(self, first: Grant | None) -> None:
        grant = first
        turn_ends = self.clock.monotonic() + TURN
        while grant is not None:
            completed = self._completed(grant, self._finished())
            over = self._is_stopping() or self.clock.monotonic() >= turn_ends
            over = over or self._makes_no_progress()
            going_on = self.pauses.paused is None and not over
            if completed or self.later or going_on:
                self._write_and_launch(grant, completed, going_on=going_on)
            if self.pauses.paused is not None and not self.in_flight:
                grant = self._recover(grant)
                continue
            if self.in_flight:
                if self.stopping.is_over(self.clock.monotonic()):
                    break
                self._await_some()
                self._renew_if_aging()
            elif over or (not self.later and self._nothing_due()):
                break
            elif self.locked_by_host or self.later:
                self.clock.sleep(IN_USE)
        if self.later:
            log.warning(
                "%d answers could not be written: a transaction of the host's has their records",
                len(self.later),
            )

    def _is_stopping(self) -> bool:
        return self.stopping.at is not None

    def _await_some(self) -> None:
        """Wait until something has come back; a little longer where the threads have work left."""
        wait(self.in_flight, timeout=LOOK_AGAIN, return_when=FIRST_COMPLETED)
        if len(self.in_flight) > AT_ONCE:
            wait(list(islice(self.in_flight, AT_ONCE)), timeout=LINGER)

    def _settle_in_flight(self) -> None:
        """Wait for what has left, and save what QuickBooks accepted: nobody else hears of it."""
        while self.in_flight and not self.stopping.is_over(self.clock.monotonic()):
            wait(self.in_flight, timeout=LOOK_AGAIN)
            if all(future.done() for future in self.in_flight):
                break
        settlements = [
            Settlement(claim=claim, intent=intent, outcome=outcome)
            for claim, intent, outcome in self._finished()
        ]
        with self.database.write.begin() as db:
            settle_late(db, self.lease, [*self.later, *settlements], now=self.clock.now())

    def _write_and_launch(
        self, grant: Grant, completed: list[Settlement], *, going_on: bool
    ) -> None:
        """Write down what has ended and, in the same transaction, what is to be sent next."""
        now = self.clock.now()
        ended = [*self.later, *completed]
        claims: list[Claim] = []
        if not ended:
            with self.database.read.connect() as db:
                claims = self._choose(db, now)
            if not claims:
                self.locked_by_host = False
                return
        try:
            with self.database.write.begin() as db:
                left: list[Settlement] = []
                if ended:
                    self.lease, left = settle(db, self.lease, ended, now=now)
                    claims = self._choose(db, now) if going_on else []
                intents = self._commit(db, claims, now) if claims else []
        except LeaseLost:
            with self.database.write.begin() as db:
                settle_late(db, self.lease, ended, now=now)
            self.later = []
            raise
        except DatabaseError as error:
            if is_lost(error):
                raise
            log.warning("records are written one by one: %s", type(error).__name__)
            left = self._settle_singly(ended, now)
            intents = self._commit_singly(claims, now)
        self.later = left
        for claim, intent in intents:
            lane = self._customers if claim.key.kind is Kind.CUSTOMER else self._documents
            future = lane.submit(self._send, grant, claim, intent, committed_at=now)
            self.in_flight[future] = (claim, intent)
            self.asked = True

    def _settle_singly(self, ended: Sequence[Settlement], now: datetime) -> list[Settlement]:
        """Write each outcome by itself: one that the database refuses holds up no other."""
        left: list[Settlement] = []
        for one in ended:
            try:
                with self.database.write.begin() as db:
                    self.lease, locked = settle(db, self.lease, [one], now=now)
                left += locked
            except DatabaseError as error:
                if is_lost(error):
                    raise
                self._give_up(one.claim, one.intent, now, error)
        return left

    def _commit_singly(self, claims: Sequence[Claim], now: datetime) -> list[tuple[Claim, Intent]]:
        intents: list[tuple[Claim, Intent]] = []
        for claim in claims:
            try:
                with self.database.write.begin() as db:
                    intents += self._commit(db, [claim], now)
            except DatabaseError as error:
                if is_lost(error):
                    raise
                self._give_up(claim, None, now, error)
        return intents

    def _give_up(
        self, claim: Claim, intent: Intent | None, now: datetime, error: DatabaseError
    ) -> None:
        """Have a record need attention of which the database takes nothing else."""
        log.error("record %s cannot be written: %s", claim.record_id, type(error).__name__)
        refused = Settlement(claim=claim, intent=intent, outcome=UNWRITABLE)
        try:
            with self.database.write.begin() as db:
                self.lease, _ = settle(db, self.lease, [refused], now=now)
        except DatabaseError as again:
            if is_lost(again):
                raise
            log.error("nor can it be said: %s", type(again).__name__)  # noqa: TRY400  one line will do

    def _send(
        self, grant: Grant, claim: Claim, intent: Intent, *, committed_at: datetime
    ) -> Outcome:
        """Send in a thread of its own; what stops the company stops those that wait to leave."""
        outcome = self.reconciler.reconcile(
            Attempt(
                grant=grant,
                claim=claim,
                intent=intent,
                committed_at=committed_at,
                clock=self.clock,
                check=self._check,
            )
        )
        self.pauses.note(outcome)
        return outcome

    def _makes_no_progress(self) -> bool:
        """Return whether records come back as due again and again with nothing to send."""
        return bool(self.unsent) and max(self.unsent.values()) > MOST_LOOKS

    def _commit(
        self, db: Transaction, claims: Sequence[Claim], now: datetime
    ) -> list[tuple[Claim, Intent]]:
        """Decide what is to be sent of claims, and commit it."""
        assert self.profile is not None  # noqa: S101  nothing is sent before it is known
        intents: list[tuple[Claim, Intent]] = []
        settled: list[Settlement] = []
        for claim in claims:
            decided = plan(claim, self.profile, company_id=self.lease.company_id, now=now)
            if isinstance(decided, Intent):
                intents.append((claim, decided))
            else:
                self.outcomes.count(decided)
                self.unsent[claim.record_id] += 1
                settled.append(
                    Settlement(
                        claim=claim, outcome=decided, retry_at=_retry_at(claim, decided, now)
                    )
                )
        looking = {claim.record_id for claim, _ in intents if looks_only(claim, now)}
        self.lease, free = commit_intents(db, self.lease, intents, now=now, looking=looking)
        self.locked_by_host = len(free) < len(intents)
        for claim, _ in intents if self.locked_by_host else ():
            self.unsent[claim.record_id] += 1
        if settled:
            self.lease, locked = settle(db, self.lease, settled, now=now)
            self.locked_by_host = self.locked_by_host or bool(locked)
        services = services_of(free)
        if not services.items() <= self.noted.items():
            note_services(db, self.lease.company_id, services, now=now)
            self.noted |= services
        return free

    def _choose(self, db: Transaction, now: datetime) -> list[Claim]:
        in_hand = [claim for claim, _ in self.in_flight.values()]
        in_hand += [one.claim for one in self.later]
        return choose(db, self.lease, in_hand, now=now)

    def _check(self) -> None:
        """Let nothing leave when the lease may be somebody else's, or the company is to pause."""
        if self.lost.is_set():
            raise LeaseLost("the company was taken over or disconnected")
        if self.pauses.paused is not None:
            raise LeaseLost("the company pauses; the request did not leave")
        if self._is_stopping():
            raise LeaseLost("the worker stops; the request did not leave")
        if self.clock.now() >= self.lease.until - MARGIN:
            raise LeaseLost("the lease ran out before the request could leave")
        try:
            ours = self.database.fence_check.holds(self.lease)
        except Exception as error:
            raise LeaseLost("the database does not tell whose the company is") from error
        if not ours:
            self.lost.set()
            raise LeaseLost("the company was taken over or disconnected meanwhile")

    def _finished(self) -> list[tuple[Claim, Intent, Outcome]]:
        done = [future for future in self.in_flight if future.done()]
        return [(*self.in_flight.pop(future), future.result()) for future in done]

    def _completed(
        self, grant: Grant, finished: list[tuple[Claim, Intent, Outcome]]
    ) -> list[Settlement]:
        """Return what is to be written of what has come back."""
        now = self.clock.now()
        settlements = []
        for claim, intent, told in finished:
            outcome = self._with_fresh_items(grant, claim, intent, told, now)
            self.outcomes.count(outcome)
            self.sent += isinstance(outcome, Synced)
            if _is_answer(outcome):
                self.answered = True
                self._documents.widen(AT_ONCE)
            settlements.append(
                Settlement(
                    claim=claim,
                    intent=intent,
                    outcome=outcome,
                    retry_at=_retry_at(claim, outcome, now),
                )
            )
        return settlements

    def _with_fresh_items(
        self, grant: Grant, claim: Claim, intent: Intent, outcome: Outcome, now: datetime
    ) -> Outcome:
        """Read the item list anew, once, when an item is gone: another may be in its place."""
        if not isinstance(outcome, Rejected) or outcome.info.code != ITEM_GONE:
            return outcome
        if not self.items_read:
            self.items_read = True
            try:
                self.profile = self.access.reader.items(grant)
            except QboError as error:
                log.warning("the item list could not be read again: %s", error.info.code)
        assert self.profile is not None  # noqa: S101  nothing is sent before it is known
        company_id = self.lease.company_id
        return with_items(self.profile, claim, intent, outcome, company_id=company_id, now=now)

    def _recover(self, grant: Grant) -> Grant | None:
        """Do what a pause asks for: a new access token once, nothing for a while otherwise."""
        paused = self.pauses.take()
        if self.pauses.wants_renewal(paused, grant):
            renewed = self.access.grant(refused=grant)
            self.pauses.renewed(renewed)
            return renewed
        if paused.info.code == LEASE_LOST:
            raise LeaseLost("the lease ran out")
        self.access.pause(pause_after(paused), paused.info)
        return None

    def _nothing_due(self) -> bool:
        """Look once more, since a hook may have come in between."""
        with self.database.read.connect() as db:
            return not self._choose(db, self.clock.now())

    def _renew_if_aging(self) -> None:
        now = self.clock.now()
        if self.lease.until - now < LEASE - RENEW_AFTER:
            with self.database.write.begin() as db:
                self.lease = leases.renew(db, self.lease, now=now)


def _is_answer(outcome: Outcome) -> bool:
    """Return whether QuickBooks said something: not where nothing came, or nothing left."""
    match outcome:
        case Retry(info=info) | Paused(info=info):
            return bool(info.status or info.intuit_tid)
        case _:
            return True


def _retry_at(claim: Claim, outcome: Outcome, now: datetime) -> datetime | None:
    """Return when a record is tried again, where its outcome says that it is.

    A create that may have been carried out is not sent again once QuickBooks may have forgotten its
    key: then it is looked for, and not before every try must have ended.
    """
    match outcome:
        case Waiting(look_after=float() as after):
            return now + timedelta(seconds=after)
        case Retry(after=after, keeps_key=keeps_key):
            pause = delay(claim.attempts, claim.record_id)
            at = now + (pause if after is None else timedelta(seconds=after))
            if keeps_key and at - (claim.intent_at or now) >= LOOK_FIRST_AFTER:
                return max(at, now + REQUEST_ENDS)
            return at
        case _:
            return None
