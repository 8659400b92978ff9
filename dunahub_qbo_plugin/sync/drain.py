"""The only unit of work: make QuickBooks agree with everything that is due of one company.

HTTP runs in a few threads; every decision and every database write is made by the one thread that
drains. Customers have a thread of their own: QuickBooks wants names written one after the other.
"""

from __future__ import annotations

import logging
import secrets
import threading
from collections import Counter
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from datetime import timedelta
from itertools import islice
from typing import TYPE_CHECKING, Final

import attrs

from dunahub_qbo_plugin.errors import LeaseLost, QboError
from dunahub_qbo_plugin.model import Claim, Intent, Kind, Rejected, Retry, Synced
from dunahub_qbo_plugin.store.companies import leases
from dunahub_qbo_plugin.store.companies.leases import LEASE, Lease
from dunahub_qbo_plugin.store.companies.profiles import note_services
from dunahub_qbo_plugin.store.records.due import commit_intents
from dunahub_qbo_plugin.store.records.settle import Settlement, settle, settle_late
from dunahub_qbo_plugin.sync.access import Access
from dunahub_qbo_plugin.sync.attempt import Attempt
from dunahub_qbo_plugin.sync.backoff import delay
from dunahub_qbo_plugin.sync.outcome_counts import Tally
from dunahub_qbo_plugin.sync.pauses import LEASE_LOST, PauseTracker, pause_after
from dunahub_qbo_plugin.sync.planner import plan, services_of, with_items
from dunahub_qbo_plugin.sync.selection import AT_ONCE, choose

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Executor
    from datetime import datetime

    from sqlalchemy import Connection as Transaction

    from dunahub_qbo_plugin.clock import Clock
    from dunahub_qbo_plugin.connect.tokens import TokenKeeper
    from dunahub_qbo_plugin.model import CompanyProfile, Outcome
    from dunahub_qbo_plugin.qbo.auth import Grant
    from dunahub_qbo_plugin.store.db.database import Database
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
ITEM_GONE: Final = "item-gone"
MOST_LOOKS: Final = 20
"""Looks at one record in one turn without anything to send, after which the turn ends: no mistake
of ours may keep a worker, and a company, busy for ever."""
MARGIN: Final = timedelta(seconds=2)
"""A request leaves only while the lease has at least this much left."""


class Drainer:
    """Drains companies, one call each; several may run in different threads.

    Args:
        read_company: reads and keeps what is to be known of a company before it is sent to.
        owner: a name of this worker, unique among all.

    Attributes:
        tally: how the tries ended.
    """

    def __init__(
        self,
        *,
        database: Database,
        reconciler: Reconciler,
        tokens: TokenKeeper,
        clock: Clock,
        read_company: Callable[[Grant], CompanyProfile],
        owner: str,
    ) -> None:
        self._database = database
        self._reconciler = reconciler
        self._tokens = tokens
        self._clock = clock
        self._read_company = read_company
        self._owner = owner
        self.tally = Tally()
        self._winding_down = threading.Event()

    @property
    def winding_down(self) -> bool:
        """True once `wind_down` was called."""
        return self._winding_down.is_set()

    def wind_down(self) -> None:
        """Have every drain end with what is under way; what is due stays due."""
        self._winding_down.set()

    def drain(self, company_id: str) -> int:
        """Send what is due until nothing is, or the turn is over; gives how many went through.

        It returns at once when the company is taken, paused or not connected. It does not raise
        for anything that QuickBooks, Intuit or a record brings about.
        """
        with self._database.write.begin() as db:
            lease = leases.acquire(
                db, company_id, owner=f"{self._owner}.{secrets.token_hex(4)}", now=self._clock.now()
            )
        if lease is None:
            return 0
        run = _Run(
            database=self._database,
            reconciler=self._reconciler,
            access=Access(
                database=self._database,
                tokens=self._tokens,
                clock=self._clock,
                read_company=self._read_company,
                company_id=lease.company_id,
            ),
            clock=self._clock,
            winding_down=self._winding_down,
            tally=self.tally,
            lease=lease,
        )
        try:
            return run.run()
        except LeaseLost:
            log.info("company %s was taken over or disconnected; this drain ends", company_id)
            return run.sent
        finally:
            with self._database.write.begin() as db:
                leases.release(db, run.lease)


@attrs.frozen
class Senders:
    """The threads that carry requests.

    Attributes:
        documents: several, for invoices and payments.
        customers: one alone, since QuickBooks wants names written one after the other.
    """

    documents: Executor
    customers: Executor

    def of(self, claim: Claim) -> Executor:
        """Return those that a record goes with."""
        return self.customers if claim.key.kind is Kind.CUSTOMER else self.documents


@attrs.define(kw_only=True, eq=False)
class _Run:
    """One drain, from taking the lease to giving it back."""

    database: Database
    reconciler: Reconciler
    access: Access
    clock: Clock
    winding_down: threading.Event
    tally: Tally
    lease: Lease
    sent: int = 0
    profile: CompanyProfile | None = None
    items_read: bool = False
    """True once the item list was read again because an item was gone."""
    pauses_seen: PauseTracker = attrs.field(factory=PauseTracker)
    unsent: Counter[int] = attrs.field(factory=Counter)
    """How often each record was looked at without anything being sent for it."""
    noted: dict[str, str] = attrs.field(factory=dict)
    """Services that this drain has remembered already."""
    locked_by_host: bool = False
    """True while a record that is due is being saved or is in a host's open transaction."""
    lost: threading.Event = attrs.field(factory=threading.Event)
    """Set once the company is somebody else's, or nobody's."""
    in_flight: dict[Future[Outcome], tuple[Claim, Intent]] = attrs.field(factory=dict)

    def run(self) -> int:
        grant = self.access.grant()
        self.profile = None if grant is None else self.access.profile(grant)
        if self.profile is None:
            return 0
        with (
            ThreadPoolExecutor(AT_ONCE, thread_name_prefix="dunahub-qbo-http") as pool,
            ThreadPoolExecutor(1, thread_name_prefix="dunahub-qbo-names") as names,
        ):
            try:
                self._take_turn(Senders(pool, names), grant)
            except Exception:
                # Whatever ends it, what QuickBooks accepted meanwhile is not to be forgotten.
                self.lost.set()
                self._settle_in_flight()
                raise
        return self.sent

    def _take_turn(self, senders: Senders, first: Grant | None) -> None:
        grant = first
        turn_ends = self.clock.monotonic() + TURN
        while grant is not None:
            completed = self._completed(grant, self._finished())
            over = self.winding_down.is_set() or self.clock.monotonic() >= turn_ends
            over = over or self._makes_no_progress()
            going_on = self.pauses_seen.paused is None and not over
            if completed or going_on:
                self._write_and_launch(senders, grant, completed, going_on=going_on)
            if self.pauses_seen.paused is not None and not self.in_flight:
                grant = self._recover(grant)
                continue
            if self.in_flight:
                self._await_some()
                self._renew_if_aging()
            elif over or self._nothing_due():
                break
            elif self.locked_by_host:
                self.clock.sleep(IN_USE)

    def _await_some(self) -> None:
        """Wait until something has come back; a little longer where the threads have work left."""
        wait(self.in_flight, timeout=LOOK_AGAIN, return_when=FIRST_COMPLETED)
        if len(self.in_flight) > AT_ONCE:
            wait(list(islice(self.in_flight, AT_ONCE)), timeout=LINGER)

    def _settle_in_flight(self) -> None:
        """Wait for what has left, and save what QuickBooks accepted: nobody else hears of it."""
        wait(self.in_flight)
        settlements = [
            Settlement(claim=claim, intent=intent, outcome=outcome)
            for claim, intent, outcome in self._finished()
        ]
        with self.database.write.begin() as db:
            settle_late(db, self.lease, settlements, now=self.clock.now())

    def _write_and_launch(
        self,
        senders: Senders,
        grant: Grant,
        completed: list[Settlement],
        *,
        going_on: bool,
    ) -> None:
        """Write down what has ended and, in the same transaction, what is to be sent next."""
        now = self.clock.now()
        if not completed:
            with self.database.read.connect() as db:
                claims = self._choose(db, now)
            if not claims:
                return
        intents: list[tuple[Claim, Intent]] = []
        try:
            with self.database.write.begin() as db:
                if completed:
                    self.lease = settle(db, self.lease, completed, now=now)
                    claims = self._choose(db, now) if going_on else []
                if claims:
                    intents = self._commit(db, claims, now)
        except LeaseLost:
            with self.database.write.begin() as db:
                settle_late(db, self.lease, completed, now=now)
            raise
        except Exception:
            # Whatever is wrong with what comes next, what has come back is written.
            with self.database.write.begin() as db:
                self.lease = settle(db, self.lease, completed, now=now)
            raise
        for claim, intent in intents:
            future = senders.of(claim).submit(self._send, grant, claim, intent, now=now)
            self.in_flight[future] = (claim, intent)

    def _send(self, grant: Grant, claim: Claim, intent: Intent, *, now: datetime) -> Outcome:
        """Send in a thread of its own; what stops the company stops those that wait to leave."""
        outcome = self.reconciler.reconcile(
            Attempt(grant=grant, claim=claim, intent=intent, now=now, check=self._check)
        )
        self.pauses_seen.note(outcome)
        return outcome

    def _makes_no_progress(self) -> bool:
        """Tell when records come back as due again and again with nothing to send for them."""
        return bool(self.unsent) and max(self.unsent.values()) > MOST_LOOKS

    def _commit(
        self, db: Transaction, claims: list[Claim], now: datetime
    ) -> list[tuple[Claim, Intent]]:
        """Decide what is to be sent of claims, and commit it."""
        assert self.profile is not None  # noqa: S101  nothing is sent before it is known
        intents: list[tuple[Claim, Intent]] = []
        settled: list[Settlement] = []
        for claim in claims:
            decided = plan(claim, self.profile, company_id=self.lease.company_id)
            if isinstance(decided, Intent):
                intents.append((claim, decided))
            else:
                self.tally.count(decided)
                self.unsent[claim.record_id] += 1
                settled.append(Settlement(claim=claim, outcome=decided))
        self.lease, free = commit_intents(db, self.lease, intents, now=now)
        self.locked_by_host = len(free) < len(intents)
        for claim, _ in intents if self.locked_by_host else ():
            self.unsent[claim.record_id] += 1
        intents = free
        if settled:
            self.lease = settle(db, self.lease, settled, now=now)
        services = services_of(intents)
        if not services.items() <= self.noted.items():
            note_services(db, self.lease.company_id, services, now=now)
            self.noted |= services
        return intents

    def _choose(self, db: Transaction, now: datetime) -> list[Claim]:
        return choose(db, self.lease, [claim for claim, _ in self.in_flight.values()], now=now)

    def _check(self) -> None:
        """Let nothing leave when the lease may be somebody else's, or the company is to rest."""
        if self.lost.is_set():
            raise LeaseLost("the company was taken over or disconnected")
        if self.pauses_seen.paused is not None:
            raise LeaseLost("the company rests; the request did not leave")
        if self.winding_down.is_set():
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
        """Tell what is to be written of what has come back."""
        now = self.clock.now()
        settlements = []
        for claim, intent, told in finished:
            outcome = self._with_fresh_items(grant, claim, intent, told)
            self.tally.count(outcome)
            self.sent += isinstance(outcome, Synced)
            retry_at = None
            if isinstance(outcome, Retry):
                after = outcome.after
                pause = delay(claim.attempts, claim.record_id)
                retry_at = now + (pause if after is None else timedelta(seconds=after))
            settlements.append(
                Settlement(claim=claim, intent=intent, outcome=outcome, retry_at=retry_at)
            )
        return settlements

    def _with_fresh_items(
        self, grant: Grant, claim: Claim, intent: Intent, outcome: Outcome
    ) -> Outcome:
        """Read the item list anew, once, when an item is gone: another may be in its place."""
        if not isinstance(outcome, Rejected) or outcome.info.code != ITEM_GONE:
            return outcome
        if not self.items_read:
            self.items_read = True
            try:
                self.profile = self.access.read_company(grant)
            except QboError as error:
                log.warning("the item list could not be read again: %s", error.info.code)
        assert self.profile is not None  # noqa: S101  nothing is sent before it is known
        return with_items(self.profile, claim, intent, outcome, company_id=self.lease.company_id)

    def _recover(self, grant: Grant) -> Grant | None:
        """Do what a halt asks for: a new access token once, a rest otherwise."""
        paused = self.pauses_seen.take()
        if self.pauses_seen.wants_renewal(paused, grant):
            renewed = self.access.grant(refused=grant)
            self.pauses_seen.renewed(renewed)
            return renewed
        if paused.info.code == LEASE_LOST:
            raise LeaseLost("the lease ran out")
        self.access.pause(pause_after(paused), paused.info.code, paused.info.text)
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
