"""Bugs, planted on purpose: each takes one safeguard away, and the simulation must find it.

Promises that each names the functions that it replaces, and that it fails loudly once one of them
is gone. Promises that nothing stays planted.
"""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from datetime import timedelta
from decimal import Decimal
from itertools import count
from typing import TYPE_CHECKING, Any, Final
from unittest import mock

import attrs
import sqlalchemy as sa

from dunahub_hookspecs import InvoiceStatus
from dunahub_qbo_plugin.connect.tokens import TokenKeeper
from dunahub_qbo_plugin.errors import LeaseLost, QboError, Unreachable
from dunahub_qbo_plugin.model import (
    ErrorInfo,
    Operation,
    Paused,
    Retry,
    Synced,
    Unchanged,
)
from dunahub_qbo_plugin.qbo.client import QboClient
from dunahub_qbo_plugin.store.companies import connections as companies
from dunahub_qbo_plugin.store.companies import leases, refresh_lock, region
from dunahub_qbo_plugin.store.companies.connections import Connections
from dunahub_qbo_plugin.store.convert import to_ms
from dunahub_qbo_plugin.store.db.compiled import compile_for
from dunahub_qbo_plugin.store.db.fence_check import FenceCheck
from dunahub_qbo_plugin.store.records import (
    commands,
    dependents,
    due,
    row_events,
    settle,
    transitions,
    upsert,
)
from dunahub_qbo_plugin.store.records.upsert import Desired
from dunahub_qbo_plugin.store.tables import connections, records
from dunahub_qbo_plugin.sync import (
    attempt,
    conflicts,
    intake,
    lookup,
    planner,
    reconciler,
    settling,
    turn,
)
from dunahub_qbo_plugin.sync.intake import Intake
from dunahub_qbo_plugin.sync.lookup import Agreement
from dunahub_qbo_plugin.sync.reconciler import Reconciler

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Made = Callable[[Any], Any]

YEARS: Final = timedelta(days=3650)


@attrs.frozen
class Place:
    """Where something is replaced: whose it is, its name, and what makes the replacement of it."""

    owner: Any
    name: str
    made: Made


@attrs.frozen
class Bug:
    """One bug: what it is about, what goes wrong with it, and what it replaces."""

    area: str
    does: str
    places: tuple[Place, ...]


@contextmanager
def planted(name: str) -> Iterator[None]:
    """Work with a bug, or with none where no name is given.

    Raises:
        KeyError: there is no such bug.
        AttributeError: what it replaces is not there any more: give it another place.
    """
    with ExitStack() as stack:
        for place in BUGS[name].places if name else ():
            before = getattr(place.owner, place.name)
            stack.enter_context(mock.patch.object(place.owner, place.name, place.made(before)))
        _forget_statements()
        stack.callback(_forget_statements)
        yield


def _forget_statements() -> None:
    """Have statements put together anew that a bug has a part in."""
    compile_for.cache_clear()
    due._due.cache_clear()


def _gives(value: Any = None) -> Made:
    """Give the same, whatever is asked."""
    return lambda _: lambda *_args, **_options: value


def _is(value: Any) -> Made:
    """Stand there instead."""
    return lambda _: value


def _leaves_out(*names: str) -> Made:
    """Leave out some of the keywords, or of the values of a dictionary that it gives."""

    def made(function: Any) -> Any:
        def without(*args: Any, **options: Any) -> Any:
            kept = {name: value for name, value in options.items() if name not in names}
            came = function(*args, **kept)
            if isinstance(came, dict):
                return {name: value for name, value in came.items() if name not in names}
            return came

        return without

    return made


# Keys.


def _without_key(call: Any) -> Any:
    def send(self: Any, grant: Any, method: Any, path: Any, parameters: Any, **options: Any) -> Any:
        kept = {name: value for name, value in parameters.items() if name != "requestid"}
        return call(self, grant, method, path, kept, **options)

    return send


def _another_key_each_time(write: Any) -> Any:
    tries = count()

    def send(self: Any, grant: Any, intent: Any, **options: Any) -> Any:
        key = f"{intent.request_key[:24]}{next(tries)}"
        return write(self, grant, attrs.evolve(intent, request_key=key), **options)

    return send


def _planned_anew(plan: Any) -> Any:
    return lambda claim, profile, **options: plan(
        attrs.evolve(claim, intent=None), profile, **options
    )


def _key_of_the_body_alone(request_key: Any) -> Any:
    return lambda claim, body, **options: request_key(
        attrs.evolve(claim, request_seq=0), body, **options
    )


def _commits_nothing(_: Any) -> Any:
    return lambda db, lease, intents, *, now, **_others: (
        leases.renew(db, lease, now=now),
        list(intents),
    )


def _commits_and_settles(settle_: Any) -> Any:
    def write(db: Any, lease: Any, settlements: Any, *, now: Any) -> Any:
        pairs = [(one.claim, one.intent) for one in settlements if one.intent is not None]
        lease, _ = due.commit_intents(db, lease, pairs, now=now)
        return settle_(db, lease, settlements, now=now)

    return write


def _ends_with_a_refused_resend(_: Any) -> Any:
    def keeps_key(self: Any, error: Any) -> bool:
        del self
        return error.sent if isinstance(error, Unreachable) else not error.refuses

    return keeps_key


def _takes_a_page_for_a_refusal(_: Any) -> Any:
    def keeps_key(self: Any, error: Any) -> bool:
        if self.is_resend or not isinstance(error, Unreachable):
            return bool(self.is_resend or not error.refuses)
        return error.sent and error.info.status is None

    return keeps_key


def _leaves_whenever(_: Any) -> Any:
    return lambda self: self.check()


def _takes_a_replay_at_its_word(_: Any) -> Any:
    def send(self: Any, attempt: Any) -> Any:
        try:
            written = self._client.write(attempt.grant, attempt.intent, check=attempt.may_leave)
        except LeaseLost:
            return Paused(info=ErrorInfo(code="lease-lost"), keeps_key=attempt.is_resend)
        except QboError as error:
            return self._after_error(attempt, error)
        return Synced(written=written)

    return send


# Looks.


def _half_is_enough(agreement: Any) -> Any:
    def agree(*args: Any, **options: Any) -> Any:
        found = agreement(*args, **options)
        return found if found is Agreement.NONE else Agreement.ALL

    return agree


# Leases, fences, tokens.


def _takes_whoever_holds(acquire: Any) -> Any:
    def take(db: Any, company_id: str, **options: Any) -> Any:
        company = sa.update(connections).where(connections.c.id == company_id)
        db.execute(company.values(lease_owner=None, lease_until=0))
        return acquire(db, company_id, **options)

    return take


def _renews_without_fence(_: Any) -> Any:
    def renew(db: Any, lease: Any, *, now: Any) -> Any:
        until = now + leases.LEASE
        company = sa.update(connections).where(connections.c.id == lease.company_id)
        db.execute(company.values(lease_until=to_ms(until)))
        return attrs.evolve(lease, until=until)

    return renew


def _keeps_the_fence(close: Any) -> Any:
    def write(db: Any, org_id: str, **options: Any) -> Any:
        closed = close(db, org_id, **options)
        companies_ = sa.update(connections).where(connections.c.org_id == org_id)
        db.execute(companies_.values(fence=connections.c.fence - 1))
        return closed

    return write


def _all_renew_at_once(_: Any) -> Any:
    def claim(db: Any, company_id: str, *, owner: str, now: Any) -> bool:
        company = sa.update(connections).where(connections.c.id == company_id)
        until = to_ms(now + refresh_lock.REFRESH_CLAIM)
        db.execute(company.values(refresh_owner=owner, refresh_until=until))
        return True

    return claim


def _expires_what_is_stored(expire: Any) -> Any:
    def note(self: Any, db: Any, company_id: str, *, refused: Any, now: Any) -> Any:
        stored = self.tokens(db, company_id) or refused
        return expire(self, db, company_id, refused=stored, now=now)

    return note


# Settling.


def _done_whatever_was_saved(settle_: Any) -> Any:
    def write(db: Any, lease: Any, settlements: Any, *, now: Any) -> Any:
        lease, left = settle_(db, lease, settlements, now=now)
        done = {"synced_fingerprint": records.c.fingerprint, "next_attempt_at": None}
        for one in settlements:
            if isinstance(one.outcome, Synced):
                record = sa.update(records).where(records.c.id == one.claim.record_id)
                db.execute(record.values(done))
        return lease, left

    return write


def _ends_without_a_doubt(key_ended: Any) -> Any:
    return lambda row, **_options: key_ended(row)


def _takes_stale_for_done(_: Any) -> Any:
    return lambda *_args, **_options: Retry(info=ErrorInfo(code="stale"), after=0)


def _voids_nothing(decide: Any) -> Any:
    def plan(claim: Any, invoice: Any, *args: Any) -> Any:
        voided = invoice.status is InvoiceStatus.VOID and claim.remote is not None
        return Unchanged() if voided else decide(claim, invoice, *args)

    return plan


def _creates_what_is_there(intent: Any) -> Any:
    def made(claim: Any, payload: Any, company_id: str, **options: Any) -> Any:
        if claim.key.kind == "payment" and claim.remote is not None:
            payload = {name: payload[name] for name in payload if name not in {"Id", "SyncToken"}}
            options["operation"] = Operation.CREATE
        return intent(claim, payload, company_id, **options)

    return made


# Payments.


def _pays_nothing(payload: Any) -> Any:
    def write(*args: Any, **options: Any) -> Any:
        body = payload(*args, **options)
        return {**body, "Line": []} if "Id" in body else body

    return write


def _whole_dollars(payload: Any) -> Any:
    def write(*args: Any, **options: Any) -> Any:
        body = payload(*args, **options)
        total = body["TotalAmt"].quantize(Decimal(1))
        return {**body, "TotalAmt": total, "Line": [{**body["Line"][0], "Amount": total}]}

    return write


def _does_not_wait(decide: Any) -> Any:
    def plan(claim: Any, *args: Any) -> Any:
        return decide(attrs.evolve(claim, parent=attrs.evolve(claim.parent, pending=False)), *args)

    return plan


# Commands.


def _ends_the_key(retried: Any) -> Any:
    return lambda *args, **options: retried(*args, **options) | transitions.NO_REQUEST


def _asks_for_nothing_due(now: Any) -> Any:
    return lambda *args: now(*args) | {"next_attempt_at": None}


def _forgets_the_decision(next_row: Any) -> Any:
    def write(row: Any, event: Any, **options: Any) -> Any:
        dismissed = isinstance(event, row_events.Dismissed)
        return row if dismissed else next_row(row, event, **options)

    return write


# Intake.


def _apart_from_the_host(_: Any) -> Any:
    def write(session: Any, desired: Any, *, commit: Any, **_options: Any) -> None:
        del session
        commit(desired)

    return write


def _as_the_other_organization(parameters: Any) -> Any:
    def given(self: Any) -> Any:
        return {**parameters(self), "p_org": "acme"}

    return given


BUGS: Final[dict[str, Bug]] = {
    # Keys.
    "no-request-key": Bug(
        "keys", "writes leave without a key", (Place(QboClient, "_call", _without_key),)
    ),
    "new-key-each-time": Bug(
        "keys", "a resend has another key", (Place(QboClient, "write", _another_key_each_time),)
    ),
    "key-committed-late": Bug(
        "keys",
        "an intent is written down only with what came of it",
        (
            Place(turn, "commit_intents", _commits_nothing),
            Place(turn, "settle", _commits_and_settles),
        ),
    ),
    "planned-anew": Bug(
        "keys", "what was committed is planned anew", (Place(turn, "plan", _planned_anew),)
    ),
    "key-of-the-body-alone": Bug(
        "keys",
        "the next intent has the key of the last one",
        (Place(planner, "request_key", _key_of_the_body_alone),),
    ),
    "key-forgotten-unanswered": Bug(
        "keys",
        "the key ends although no answer came",
        (Place(attempt.Attempt, "keeps_key", _gives(value=False)),),
    ),
    "replay-believed": Bug(
        "keys",
        "a replayed answer is taken at its word",
        (Place(Reconciler, "_send", _takes_a_replay_at_its_word),),
    ),
    "key-ends-with-a-refused-resend": Bug(
        "keys",
        "a refusal of a resend counts for the first try, too",
        (Place(attempt.Attempt, "keeps_key", _ends_with_a_refused_resend),),
    ),
    "key-ends-with-a-page": Bug(
        "keys",
        "a page of something on the way counts as QuickBooks' refusal",
        (Place(attempt.Attempt, "keeps_key", _takes_a_page_for_a_refusal),),
    ),
    "leaves-whenever": Bug(
        "keys",
        "a write that waited for long leaves all the same",
        (Place(attempt.Attempt, "may_leave", _leaves_whenever),),
    ),
    # Looks.
    "never-looks": Bug(
        "looks",
        "an old resend goes out without a look",
        (
            Place(attempt, "LOOK_FIRST_AFTER", _is(YEARS)),
            Place(turn, "LOOK_FIRST_AFTER", _is(YEARS)),
        ),
    ),
    "looks-too-early": Bug(
        "looks",
        "a key is forgotten while the request may still run",
        (
            Place(attempt, "LOOK_FIRST_AFTER", _is(timedelta(seconds=5))),
            Place(attempt.Attempt, "still_running", _is(property(lambda _self: 0.0))),
        ),
    ),
    "finds-nothing": Bug(
        "looks",
        "a look finds nothing",
        (
            Place(settling, "look_for", _gives(lookup.NOTHING)),
            Place(conflicts, "look_for", _gives(lookup.NOTHING)),
        ),
    ),
    "half-is-enough": Bug(
        "looks",
        "what agrees in part is taken for ours",
        (Place(lookup, "_transactions", _half_is_enough),),
    ),
    "adopted-by-two": Bug(
        "looks",
        "an object that is another record's is adopted all the same",
        (
            Place(settle, "_anothers", _gives(None)),
            Place(lookup, "_transactions", _gives(Agreement.ALL)),
        ),
    ),
    # Claims.
    "parent-overtaken": Bug(
        "claims",
        "a payment does not wait for a change of its invoice",
        (
            Place(due, "_parent_goes_first", _gives(sa.false())),
            Place(planner, "_payment", _does_not_wait),
        ),
    ),
    "left-behind-leaves": Bug(
        "claims",
        "connecting again sends what a disconnect left behind",
        (Place(companies, "_change", _leaves_out("connection_period")),),
    ),
    # Leases and fences.
    "no-lease": Bug(
        "leases",
        "a company is taken from whoever has it",
        (Place(leases, "acquire", _takes_whoever_holds),),
    ),
    "no-fence": Bug(
        "leases",
        "a worker that was paused goes on",
        (
            Place(leases, "renew", _renews_without_fence),
            Place(due, "renew", _renews_without_fence),
            Place(settle, "renew", _renews_without_fence),
            Place(FenceCheck, "holds", _gives(value=True)),
        ),
    ),
    "no-look-before-leaving": Bug(
        "leases",
        "nobody asks whose the company is",
        (Place(FenceCheck, "holds", _gives(value=True)),),
    ),
    "lease-for-ever": Bug(
        "leases",
        "a dead worker keeps its company",
        (Place(leases, "_is_held", _gives(connections.c.lease_owner.is_not(None))),),
    ),
    "disconnect-keeps-the-fence": Bug(
        "leases",
        "a drain goes on after a disconnect",
        (Place(companies, "_change", _leaves_out("fence")),),
    ),
    "region-keeps-the-fence": Bug(
        "leases",
        "a drain goes on after a region was closed",
        (Place(region, "close_region", _keeps_the_fence),),
    ),
    # Tokens.
    "renewed-by-all": Bug(
        "tokens",
        "two renew the tokens at once",
        (Place(refresh_lock, "claim_refresh", _all_renew_at_once),),
    ),
    "renewed-unsaved": Bug(
        "tokens", "renewed tokens are not stored", (Place(TokenKeeper, "_save", _gives(None)),)
    ),
    "expired-by-the-late": Bug(
        "tokens",
        "a refusal of old tokens ends the new ones",
        (
            Place(Connections, "expire", _expires_what_is_stored),
            Place(refresh_lock, "claim_refresh", _all_renew_at_once),
        ),
    ),
    # Settling.
    "newer-save-forgotten": Bug(
        "settling",
        "a record is done whatever was saved meanwhile",
        (Place(turn, "settle", _done_whatever_was_saved),),
    ),
    "taken-back-is-unchanged": Bug(
        "settling",
        "a change that was taken back counts as never sent",
        (Place(transitions, "_key_ended", _ends_without_a_doubt),),
    ),
    "stale-again-and-again": Bug(
        "settling",
        "a stale update is sent again as it is",
        (Place(reconciler, "reread", _takes_stale_for_done),),
    ),
    "void-unsent": Bug(
        "settling",
        "a voided invoice stays as it was",
        (Place(planner, "_invoice", _voids_nothing),),
    ),
    "children-forgotten": Bug(
        "settling",
        "what waited for a record is not released",
        (Place(dependents, "_release", _gives(0)),),
    ),
    "tried-next-year": Bug(
        "settling",
        "a passing trouble is tried again next year",
        (Place(turn, "delay", _gives(timedelta(days=365))),),
    ),
    # Payments.
    "corrected-payment-loose": Bug(
        "payments",
        "a corrected payment pays nothing",
        (Place(planner, "payment_payload", _pays_nothing),),
    ),
    "whole-dollars": Bug(
        "payments", "cents are lost", (Place(planner, "payment_payload", _whole_dollars),)
    ),
    "raised-invoice-unpaid": Bug(
        "payments",
        "loose money is not put on an invoice that was raised",
        (Place(dependents, "_send_loose", _gives(None)),),
    ),
    "corrected-payment-twice": Bug(
        "payments",
        "a corrected payment is made anew",
        (Place(planner, "_intent", _creates_what_is_there),),
    ),
    "cash-too": Bug(
        "payments", "cash is sent as well", (Place(intake, "is_eligible", _gives(value=True)),)
    ),
    # Commands.
    "retry-ends-the-key": Bug(
        "commands",
        "a person's Retry forgets the key",
        (Place(transitions, "_retried", _ends_the_key),),
    ),
    "question-answered-by-all": Bug(
        "commands",
        "a retry of all answers what was asked about one record",
        (Place(commands, "QUESTIONS", _is(("no such",))), Place(transitions, "QUESTIONS", _is(()))),
    ),
    "voided-there-revived": Bug(
        "commands",
        "what the bookkeeper voided is made valid by a save",
        (Place(settling, "is_voided", _gives(value=False)),),
    ),
    "asked-for-nothing": Bug(
        "commands",
        "what a person asks for is not made due",
        (Place(transitions, "_now", _asks_for_nothing_due),),
    ),
    "dismissed-all-the-same": Bug(
        "commands",
        "a decision not to send is forgotten",
        (Place(commands, "next_row", _forgets_the_decision),),
    ),
    # Intake.
    "late-rows-win": Bug(
        "intake",
        "a row from memory is written over newer ones",
        (Place(upsert, "_is_newest", _gives(sa.true())),),
    ),
    "apart-from-the-host": Bug(
        "intake",
        "a row stays although the host's transaction was taken back",
        (Place(intake, "write_in_host_transaction", _apart_from_the_host),),
    ),
    "another-organization": Bug(
        "intake",
        "records go to the first organization",
        (Place(Desired, "parameters", _as_the_other_organization),),
    ),
    "memory-lost": Bug(
        "intake",
        "what the database does not take at once is lost",
        (Place(Intake, "_keep", _gives(None)),),
    ),
    "memory-kept": Bug(
        "intake", "what is in memory is never written", (Place(Intake, "flush", _gives(0)),)
    ),
    "changed-but-not-due": Bug(
        "intake",
        "a changed record is not made due",
        (Place(upsert, "_changes", _leaves_out("next_attempt_at")),),
    ),
    "changed-but-left-behind": Bug(
        "intake",
        "a changed record stays in the period before",
        (Place(upsert, "_changes", _leaves_out("connection_period")),),
    ),
}
"""All of them, by name."""
