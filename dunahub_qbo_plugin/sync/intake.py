"""From hook to row: one local write, no waiting, no network, no exception.

When the database is busy or not there, the row goes through memory: a bounded spill, in order,
which the worker writes as soon as it can. While the spill holds anything, every later row of this
process goes through it too, or an older state would overwrite a newer one.
"""

from __future__ import annotations

import logging
import threading
from collections import Counter, OrderedDict
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from sqlalchemy.exc import DataError

from dunahub_hookspecs import InvoiceStatus
from dunahub_qbo_plugin.errors import cause_of
from dunahub_qbo_plugin.mapping.payment import is_eligible
from dunahub_qbo_plugin.mapping.text import one_line
from dunahub_qbo_plugin.model import Kind, RecordKey, SkipReason, bounds, snapshot, storable_id
from dunahub_qbo_plugin.store.db.errors import DatabaseError, is_lost
from dunahub_qbo_plugin.store.records.host_session import write_in_host_transaction
from dunahub_qbo_plugin.store.records.upsert import CLOCK_STEP, Desired, upsert, upsert_spilled

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sqlalchemy.orm import Session

    from dunahub_hookspecs import Invoice, Lead, Payment
    from dunahub_qbo_plugin.clock import Clock
    from dunahub_qbo_plugin.store.db.database import Database

log = logging.getLogger(__name__)

SPILL_LIMIT: Final = 50_000
"""Records that memory holds at most while the database cannot be written."""
WRITERS: Final = 16
"""Hooks of one process that write, or wait for it, at once. A write takes a millisecond or two:
whoever comes after so many has hardly a turn in time, and only keeps others from theirs."""
PIECE: Final = 500
"""Rows that one transaction writes of those in memory, so that no other writer waits for long."""
LABEL_LIMIT: Final = 200
MAX_LOST_NAMED: Final = 1000
"""Records that are named in the log when they are lost."""

SpillKey = tuple[str, RecordKey]


class Intake:
    """Takes in what the hooks say.

    Args:
        database: where rows go.
        clock: tells when.
        wake: rings the worker for an organization; must return at once.
    """

    def __init__(self, *, database: Database, clock: Clock, wake: Callable[[str], None]) -> None:
        self._database = database
        self._clock = clock
        self._wake = wake
        self._lock = threading.Lock()
        self._writers = threading.BoundedSemaphore(WRITERS)
        self._last = datetime.min.replace(tzinfo=UTC)
        self._spill: OrderedDict[SpillKey, Desired] = OrderedDict()
        self._heaps: Counter[str] = Counter()  # how many of them each organization has
        self._closed = False
        self.spilled = 0
        """Rows that went through memory since the start."""
        self.dropped = 0
        """Rows that were lost because memory was full: each one was logged."""

    def lead(self, org_id: str, lead: Lead, session: Session | None) -> None:
        """Take in a lead."""
        self._take([_lead(org_id, lead, self._moment())], session)

    def invoice(self, org_id: str, invoice: Invoice, session: Session | None) -> None:
        """Take in an invoice, and its lead with it."""
        now = self._moment()
        self._take(
            [_lead(org_id, invoice.lead, now, as_parent=True), _invoice(org_id, invoice, now)],
            session,
        )

    def payment(self, org_id: str, payment: Payment, session: Session | None) -> None:
        """Take in a payment, and with it the invoice that it carries."""
        now = self._moment()
        desired = [_payment(org_id, payment, now)]
        invoice = payment.invoice
        if invoice is not None and desired[0].skip_reason is None:
            lead = _lead(org_id, invoice.lead, now, as_parent=True)
            desired = [lead, _invoice(org_id, invoice, now, as_parent=True), *desired]
        self._take(desired, session)

    def _moment(self) -> datetime:
        """Return the time of a save: never before that of the save before it.

        A clock that is set back by a moment must not make a newer save look older.
        """
        now = self._clock.now()
        with self._lock:
            if timedelta(0) < self._last - now <= CLOCK_STEP:
                return self._last
            self._last = now
            return now

    @property
    def waiting(self) -> int:
        """How many rows are in memory only."""
        return len(self._spill)

    def flush(self) -> int:
        """Write what is in memory to the database; gives how many rows there were.

        Raises:
            sqlalchemy.exc.SQLAlchemyError: the database still cannot be written.
        """
        with self._lock:
            rows = list(self._spill.items())
        if not rows:
            return 0
        # Those who have few go first: nobody waits for what another organization has heaped up.
        heaps = Counter(org_id for (org_id, _), _ in rows)
        rows.sort(key=lambda row: heaps[row[0][0]])
        for start in range(0, len(rows), PIECE):
            piece = rows[start : start + PIECE]
            # Not under the lock: a hook that keeps a row meanwhile must not wait for the database.
            self._write_kept([desired for _, desired in piece])
            with self._lock:
                for key, desired in piece:
                    if self._spill.get(key) is desired:
                        self._forget(key)
        log.info("%d records were written after the database had been busy", len(rows))
        return len(rows)

    def _forget(self, key: SpillKey) -> None:
        del self._spill[key]
        self._heaps[key[0]] -= 1
        if not self._heaps[key[0]]:
            del self._heaps[key[0]]

    def close(self) -> None:
        """Write what is in memory, and keep nothing there from now on: the process ends.

        A hook that comes later, or was under way, still writes its row itself.
        """
        try:
            if self._spill:
                self._database.prepare()
            while not self._close_when_empty():
                self.flush()
        except Exception as error:  # noqa: BLE001  the process ends whatever it is
            log.warning("what was kept in memory could not be written (%s)", cause_of(error))
            with self._lock:
                self._closed = True
                lost, self._spill = list(self._spill), OrderedDict()
                self._heaps.clear()
            self._lose(lost)

    def _close_when_empty(self) -> bool:
        with self._lock:
            self._closed = not self._spill
            return self._closed

    def _lose(self, lost: Sequence[SpillKey]) -> None:
        """Say which records are lost, where the process ends and the database takes none."""
        self.dropped += len(lost)
        for org_id, key in lost[:MAX_LOST_NAMED]:
            log.error(
                "%s of organization %s was not stored and is lost: save it again", key, org_id
            )
        if len(lost) > MAX_LOST_NAMED:
            log.error("and %d more records", len(lost) - MAX_LOST_NAMED)

    def _write_kept(self, rows: list[Desired]) -> None:
        """Write rows together; one that the database will never take must not hold up the rest."""
        try:
            with self._database.write.begin() as db:
                upsert_spilled(db, rows, now=self._clock.now())
        except (DataError, ValueError, OverflowError):
            if len(rows) == 1:
                self.dropped += 1
                log.exception("the database refuses %s; it was left out", rows[0].key)
                return
            for row in rows:
                self._write_kept([row])

    def _take(self, desired: Sequence[Desired], session: Session | None) -> None:
        try:
            if session is not None:
                write_in_host_transaction(
                    session,
                    desired,
                    database=self._database,
                    commit=self._commit,
                    wake=self._ring,
                    now=self._clock.now(),
                )
                return
            self._commit(desired)
        except Exception:
            log.exception("a record could not be taken in")

    def _commit(self, desired: Sequence[Desired]) -> None:
        """Write in a transaction of our own, or keep it in memory; then ring."""
        stored = not self._spill and self._write(desired)
        # Nothing is kept any more where the process ends: then the last chance is to write it.
        if not stored and not self._keep(desired) and not self._write_last(desired):
            self._lose([(one.org_id, one.key) for one in desired])
        for org_id in dict.fromkeys(one.org_id for one in desired):
            self._ring(org_id)

    def _ring(self, org_id: str) -> None:
        """Wake the worker; where that cannot be, the row is there and is found all the same."""
        try:
            self._wake(org_id)
        except Exception as error:  # noqa: BLE001  no thread can be started, the interpreter ends
            log.warning("the worker could not be woken: %s", error)

    def _write(self, desired: Sequence[Desired]) -> bool:
        if not self._writers.acquire(blocking=False):
            log.warning("too many hooks write at once; kept in memory: %s", _names(desired))
            return False
        try:
            if not self._database.is_ready():
                return False
            try:
                self._write_once(desired)
            except DatabaseError as error:
                if not is_lost(error):
                    raise
                # The server was restarted since: another connection may do.
                self._write_once(desired)
        except Exception as error:  # noqa: BLE001  whatever keeps the row out of the database
            log.warning(
                "the database cannot be written (%s); kept in memory: %s",
                type(error).__name__,
                _names(desired),
            )
            return False
        finally:
            self._writers.release()
        return True

    def _write_once(self, desired: Sequence[Desired]) -> None:
        with self._database.hook.begin() as db:
            upsert(db, desired, now=self._clock.now())

    def _write_last(self, desired: Sequence[Desired]) -> bool:
        """Write in a process that ends, where waiting for the database beats losing a record."""
        try:
            self._write_kept(list(desired))
        except Exception as error:  # noqa: BLE001  the process ends whatever it is
            log.warning("the database cannot be written at the end (%s)", cause_of(error))
            return False
        return True

    def _keep(self, desired: Sequence[Desired]) -> bool:
        """Keep rows in memory; give whether they are, which they are not in a process that ends."""
        with self._lock:
            if self._closed:
                return False
            for one in desired:
                key = (one.org_id, one.key)
                kept = self._spill.get(key)
                if kept is not None and one.is_older_than(kept, now=self._clock.now()):
                    continue  # its hook waited for the database longer than that of the newer one
                if kept is not None:
                    self._forget(key)
                self._spill[key] = one
                self._heaps[one.org_id] += 1
                self.spilled += 1
            while len(self._spill) > SPILL_LIMIT:
                # Of who has most: one that floods its hooks costs no other one a record.
                most = max(self._heaps, key=self._heaps.__getitem__)
                oldest = next(key for key in self._spill if key[0] == most)
                self._forget(oldest)
                org_id, lost = oldest
                self.dropped += 1
                log.error("memory is full: %s of organization %s was lost", lost, org_id)
            return True


def _names(desired: Sequence[Desired]) -> str:
    return ", ".join(f"{one.key} of organization {one.org_id}" for one in desired)


def _label(text: str) -> str:
    """Make a text within bounds fit for lists: on one line, not too long."""
    return one_line(text)[:LABEL_LIMIT]


def _lead(org_id: str, lead: Lead, now: datetime, *, as_parent: bool = False) -> Desired:
    key = RecordKey(kind=Kind.CUSTOMER, local_id=lead.id)
    lead = bounds.lead(lead)
    text = snapshot.dump(lead)
    return Desired(
        org_id=org_id,
        key=key,
        label=_label(snapshot.display_name(lead)),
        snapshot=text,
        fingerprint=snapshot.fingerprint(text),
        as_parent=as_parent,
        at=now,
    )


def _invoice(org_id: str, invoice: Invoice, now: datetime, *, as_parent: bool = False) -> Desired:
    key = RecordKey(kind=Kind.INVOICE, local_id=invoice.id)
    parent = storable_id(invoice.lead.id)
    invoice = bounds.invoice(invoice)
    text = snapshot.dump(invoice)
    return Desired(
        org_id=org_id,
        key=key,
        label=_label(invoice.number),
        amount=invoice.total,
        document_date=invoice.issued_on,
        parent=parent,
        snapshot=text,
        fingerprint=_invoice_fingerprint(invoice, text),
        as_parent=as_parent,
        at=now,
    )


def _invoice_fingerprint(invoice: Invoice, text: str) -> str:
    """A voided invoice is a voided invoice, whatever its lines say: it is not voided twice."""
    if invoice.status is InvoiceStatus.VOID:
        return snapshot.fingerprint(f"void {invoice.id}")
    return snapshot.fingerprint(text)


def _payment(org_id: str, payment: Payment, now: datetime) -> Desired:
    key = RecordKey(kind=Kind.PAYMENT, local_id=payment.id)
    parent = storable_id(payment.invoice_id)
    payment = bounds.payment(payment)
    text = snapshot.dump(payment)
    return Desired(
        org_id=org_id,
        key=key,
        label=_label(payment.invoice_number),
        amount=payment.amount,
        document_date=payment.paid_on,
        parent=parent,
        snapshot=text,
        fingerprint=snapshot.fingerprint(text),
        skip_reason=None if is_eligible(payment) else SkipReason.INELIGIBLE,
        at=now,
    )
