"""What must hold: while a run goes on, and at its end in the books, the database and on the page.

Promises to find whatever is there twice, missing, wrong to the cent or silently waiting. Promises
to excuse only what the bookkeeper, a person's decision or a disconnect explains, and to say which.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

import attrs

from dunahub_hookspecs import Invoice, InvoiceStatus, Lead, Payment
from dunahub_qbo_plugin.model import (
    BOTH_CHANGED,
    GONE,
    VOIDED,
    Kind,
    RecordKey,
    RecordState,
    SkipReason,
    snapshot,
)
from dunahub_qbo_plugin.store.queries import records as views
from tests.simulation import office
from tests.simulation.bookkeeper import BACKDATED, REPRICED
from tests.simulation.network import ANSWERED

if TYPE_CHECKING:
    from collections.abc import Iterable

    from dunahub_qbo_plugin.store.companies.connection import Connection
    from dunahub_qbo_plugin.store.queries.records import RecordView
    from tests.simulation.books import Json, Place
    from tests.simulation.crm import Org, Record
    from tests.simulation.network import Request
    from tests.simulation.watch import Company
    from tests.simulation.world import World

HARMLESS: Final = frozenset({"note", "service date", "memo"})
"""What a bookkeeper does that changes nothing of ours."""
TOLD: Final = frozenset({BOTH_CHANGED, VOIDED, GONE})
"""Codes by which a person was asked before something of the bookkeeper's was undone."""
_THEIRS: Final = {
    "its day": ("date", BACKDATED),
    "its total": ("total", REPRICED),
    "its message": ("note", "Thank you"),
}
"""What the bookkeeper may have made of it instead, and how that act is called."""


@attrs.frozen(kw_only=True)
class Finding:
    """Something that must not be.

    Attributes:
        kind: what sort of thing it is.
        what: the record or company, and what is wrong with it.
        marks: what may have led to it, for telling known findings from new ones.
    """

    kind: str
    what: str
    marks: frozenset[str] = frozenset()

    def __str__(self) -> str:
        marks = f" [{', '.join(sorted(self.marks))}]" if self.marks else ""
        return f"{self.kind}: {self.what}{marks}"


class OnTheWay:
    """Looks at each write that QuickBooks carries out."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._found: list[tuple[str, str, str]] = []
        world.net.watchers.append(self._see)
        world.watch.expired.append(self._see_expired)

    def _see(self, request: Request) -> None:
        assert request.record is not None
        if not request.record.startswith(self._owner_of(request.realm)):
            self._find("another organization's", request)
        if request.made:
            self._see_made(request)
            self._see_decided(request)
        if not request.fate.endswith("later"):
            self._see_closed(request)

    def _see_made(self, request: Request) -> None:
        world, record = self._world, request.record
        assert record is not None
        before = [one for one in world.books.made(request.realm, record) if one != request.place]
        if any(world.books.is_alive(place) for place in before):
            self._find("twice", request)
        elif self._is_known(request, before) and not self._was_asked_for(request, before):
            self._find("made again unasked", request)

    def _see_decided(self, request: Request) -> None:
        """What a person, or a disconnect, kept back is not sent unless somebody asks for it."""
        world = self._world
        org = world.orgs[self._owner_of(request.realm)]
        record = next(one for key, one in org.records.items() if key.local_id == request.record)
        looked = request.looked or 0
        saved = max(
            (save.request.told or world.scheduler.steps for save in record.saves), default=0
        )
        company = world.watch.current(org.id)
        if company is None:
            return
        kept_back = world.kept_back.get((org.id, record.key))
        # A worker ends what it has in hand.
        if kept_back is not None and saved < kept_back < company.taken_since:
            self._find("sent although dismissed", request)
        asked = [*world.asked.get((org.id, record.key), ()), *world.asked_for_all.get(org.id, ())]
        if (
            record.key.kind is not Kind.CUSTOMER  # it goes with its invoice
            and world.backup.restored_at is None
            and saved < company.period_since < looked
            and max(asked, default=0) < company.period_since
        ):
            self._find("left behind, and sent unasked", request)

    def _see_expired(self, realm: str) -> None:
        """Access ends only where somebody ended it, or where new tokens were lost on the way."""
        world = self._world
        lost = any(
            one.is_renewal and one.reached and not one.was_heard for one in world.net.requests
        )
        if realm not in world.ended and not lost and world.backup.restored_at is None:
            lapsed = any(
                one.renewal_lapsed for one in world.watch.companies.values() if one.realm == realm
            )
            why = "a renewal lapsed" if lapsed else "nobody ended it"
            self._found.append(("access lost", f"{realm}: {why}", ""))

    def _is_known(self, request: Request, before: list[Place]) -> bool:
        """Return whether the plugin knew that what it makes again had been there."""
        if not before or request.record is None:
            return False
        codes, ids = self._world.told_of(request.record)
        # Of one that was made again, the code speaks of an earlier one.
        return bool((codes & KNOWN and len(before) == 1) or before[-1][2] in ids)

    def _was_asked_for(self, request: Request, before: list[Place]) -> bool:
        since = max(
            touch.step for place in before for touch in self._world.books.touches.get(place, ())
        )
        return any(
            key.local_id == request.record and steps[-1] > since
            for (_, key), steps in self._world.asked.items()
        )

    def _see_closed(self, request: Request) -> None:
        """A write leaves only after a look that said that it may."""
        if request.looked is None:
            self._find("sent without a look", request)
            return
        org = self._world.orgs[self._owner_of(request.realm)]
        for company in self._world.watch.companies.values():
            if company.realm != request.realm:
                continue
            if company.closed is not None and request.looked > company.closed:
                self._find("sent after the end", request)
            ended = company.region_closed
            if not org.us and ended is not None and org.moved <= ended < request.looked:
                self._find("sent outside the US", request)

    def _owner_of(self, realm: str) -> str:
        return next(org.id for org in self._world.orgs.values() if realm in org.realms)

    def _find(self, kind: str, request: Request) -> None:
        what = f"{request.operation} {request.record} as {request.entity} {request.id}"
        self._world.scheduler.note(f"FOUND {kind}: {what}")
        self._found.append((kind, what, request.record or ""))

    @property
    def findings(self) -> list[Finding]:
        """What was wrong, with what is known of it by now."""
        return [
            Finding(kind=kind, what=what, marks=marks_of(self._world, record))
            for kind, what, record in self._found
        ]


KNOWN: Final = frozenset({GONE, "replay-of-deleted"})
"""Codes that say that an object was there and is not any more."""


def marks_of(world: World, record: str) -> frozenset[str]:
    """Return what happened to the requests about a record, and to its objects."""
    about = [one for one in world.net.requests if one.record == record]
    marks = {f"fate {one.fate}" for one in about if one.fate not in ANSWERED}
    realms = {one.realm for one in about}
    for realm in realms:
        marks |= {f"touch {what}" for what in world.books.ever(world.books.made(realm, record))}
        marks |= {"rival"} if (realm, record) in world.books.rivals else set()
    if world.backup.restored_at is not None:
        marks.add("restored")
    over = {key.local_id for _, key in world.dismissed}
    if over & {*ancestors(world, record)}:
        marks.add("parent dismissed")
    if any(
        len(world.books.made(realm, one)) > 1
        for realm in realms
        for one in ancestors(world, record)
    ):
        marks.add("parent made again")
    creates = [one.left for one in about if one.operation == "create"]
    if creates and any(creates[0] < moment < creates[-1] for moment in world.scheduler.set_back):
        marks.add("clock set back meanwhile")
    return frozenset(marks | {f"told {code}" for code in world.told_of(record)[0]})


def _is_for_quickbooks(value: Lead | Invoice | Payment) -> bool:
    """Return whether a value is one that is sent at all (rule 5)."""
    return not isinstance(value, Payment) or value.collected_by_dunahub


def records_of(world: World, local_id: str) -> list[Record]:
    """Return the CRM's record of an id."""
    return [
        one
        for org in world.orgs.values()
        for key, one in org.records.items()
        if key.local_id == local_id
    ]


def ancestors(world: World, record: str) -> list[str]:
    """Return what a record ever stood on: an invoice's leads, a payment's invoice and leads."""
    found: list[str] = []
    for one in records_of(world, record):
        for save in one.saves:
            if isinstance(save.value, Invoice):
                found.append(save.value.lead.id)
            if isinstance(save.value, Payment):
                found += [save.value.invoice_id, *ancestors(world, save.value.invoice_id)]
    return list(dict.fromkeys(found))


@attrs.frozen(kw_only=True, eq=False)
class Seen:
    """A record at the end of a run: as the CRM, the database and the books have it."""

    record: Record
    view: RecordView | None
    company: Company
    places: list[Place]
    """Objects that were made for it and are still there."""

    @property
    def key(self) -> RecordKey:
        """Which record it is."""
        return self.record.key


class AtTheEnd:
    """Looks at everything once nothing is due any more."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._snapshots: dict[int, str] = {}
        self.findings: list[Finding] = []

    def look(self) -> list[Finding]:
        """Return what is wrong."""
        world = self._world
        self._snapshots = world.snapshots
        for crash in world.scheduler.crashes:
            self._find("a thread ended", crash.task, repr(crash.error))
        for org in world.orgs.values():
            for company in world.watch.companies.values():
                if company.row.org_id == org.id:
                    self._look_at_books(org, company)
            current = world.watch.current(org.id)
            if current is not None:
                self._look_at_current(org, current)
        return self.findings

    def _look_at_books(self, org: Org, company: Company) -> None:
        """In every company each record is there once at most."""
        for record in org.records.values():
            places = self._world.books.alive(company.realm, record.key.local_id)
            if len(places) > 1:
                self._find("twice in the end", record.key, f"{places}")

    def _look_at_current(self, org: Org, company: Company) -> None:
        world = self._world
        runtime = world.web[0].runtime
        with runtime.database.read.connect() as db:
            connection = runtime.connections.current(db, org.id)
            assert connection is not None
            seen = {
                key: Seen(
                    record=record,
                    view=views.one(db, connection, key),
                    company=company,
                    places=world.books.alive(company.realm, key.local_id),
                )
                for key, record in sorted(org.records.items(), key=lambda pair: str(pair[0]))
            }
        for one in seen.values():
            self._look_at_row(one, connection)
            if one.view is not None:
                self._look_at_state(org, one, one.view, seen, connection)
        for one in seen.values():
            self._look_at_their_work(one)
            if one.key.kind is Kind.INVOICE:
                self._look_at_money(one, seen)
        self._look_at_page(org, connection, seen)

    # The row.

    def _look_at_row(self, one: Seen, connection: Connection) -> None:
        """What was saved is stored, and the newest of it."""
        newest = [save for save in one.record.newest() if save.request.us]
        last = one.record.last
        if last is None or not last.request.us or last.request.step <= one.company.current_since:
            return
        if one.view is None:
            self._find("lost", one.key, "the plugin has no row of it")
            return
        stored = self._snapshot(one.view)
        if stored not in {snapshot.dump(save.value) for save in newest}:
            older = [save for save in one.record.saves if snapshot.dump(save.value) == stored]
            if older and all(save.request.undone for save in older):
                self._find("taken back", one.key, "it is stored all the same")
            elif older and all(save.kept_in_memory for save in older):
                self._find("from memory", one.key, "an older state overwrote a newer one")
            else:
                what = "an older state is stored" if older else "nobody saved what is stored"
                self._find("not the newest", one.key, what)
        # What is saved without a change stays where a disconnect left it (rule 18).
        synced = one.view.state is RecordState.SYNCED
        if (
            not synced
            and one.record.changed_at > one.company.period_since
            and one.view.connection_period != connection.connection_period
        ):
            self._find("left behind", one.key, "it was saved since the last disconnect")

    def _snapshot(self, view: RecordView) -> str:
        return self._snapshots[view.id]

    # The state that people see.

    def _look_at_state(
        self,
        org: Org,
        one: Seen,
        view: RecordView,
        seen: dict[RecordKey, Seen],
        connection: Connection,
    ) -> None:
        match view.state:
            case RecordState.SYNCED:
                self._look_at_synced(one, view)
            case RecordState.WAITING:
                stopped = not org.us or connection.expired_at is not None
                if not stopped and not self._waits_for_a_person(view, seen):
                    parent = seen.get(view.waiting_for) if view.waiting_for else None
                    unknown = view.waiting_for and (parent is None or parent.view is None)
                    kind = "waits for the unknown" if unknown else "waits"
                    code = view.error.code if view.error else None
                    self._find(kind, one.key, f"for nobody: {view.waiting_for}, {code}")
            case RecordState.ATTENTION:
                # Where the organization is not served any more, nobody can answer.
                if org.us and not self._has_a_reason(one, seen):
                    code = view.error.code if view.error else None
                    self._find("asks", one.key, f"without a reason: {code}")
            case RecordState.NOT_SENT:
                self._look_at_not_sent(org, one, view, connection)
        values = [save.value for save in one.record.standing]
        if one.places and not any(map(_is_for_quickbooks, values)):
            self._find("must not be there", one.key, f"{one.places}")

    @staticmethod
    def _waits_for_a_person(view: RecordView, seen: dict[RecordKey, Seen]) -> bool:
        parent = seen.get(view.waiting_for) if view.waiting_for else None
        if parent is None or parent.view is None:
            return False
        asking = (RecordState.ATTENTION, RecordState.NOT_SENT, RecordState.WAITING)
        return parent.view.state in asking

    def _has_a_reason(self, one: Seen, seen: dict[RecordKey, Seen]) -> bool:
        world = self._world
        if world.backup.restored_at is not None or self._is_of_an_unknown_invoice(one, seen):
            return True
        for relative in self._family(one, seen):
            realm, local_id = one.company.realm, relative.key.local_id
            if world.books.ever(world.books.made(realm, local_id)) - HARMLESS:
                return True
            if (realm, local_id) in world.books.rivals:
                return True
            if relative.view is not None and relative.view.skip_reason is not None:
                return True
        return False

    @staticmethod
    def _is_of_an_unknown_invoice(one: Seen, seen: dict[RecordKey, Seen]) -> bool:
        parent = seen.get(one.view.parent) if one.view and one.view.parent else None
        return one.key.kind is Kind.PAYMENT and (parent is None or parent.view is None)

    def _look_at_not_sent(
        self, org: Org, one: Seen, view: RecordView, connection: Connection
    ) -> None:
        match view.skip_reason:
            case SkipReason.DISMISSED:
                right = (org.id, one.key) in self._world.dismissed
            case SkipReason.INELIGIBLE:
                value = one.record.last.value if one.record.last else None
                right = isinstance(value, Payment) and not value.collected_by_dunahub
            case SkipReason.VOIDED_UNSENT:
                value = one.record.last.value if one.record.last else None
                voided = isinstance(value, Invoice) and value.status is InvoiceStatus.VOID
                right = voided and not one.places
            case None:
                period = connection.connection_period
                right = connection.disconnected_at is not None or view.connection_period != period
        if not right:
            self._find("not sent", one.key, f"without a reason: {view.skip_reason}")

    # What is in the books.

    def _look_at_synced(self, one: Seen, view: RecordView) -> None:
        """What is said to be in QuickBooks is there, as the CRM has it."""
        assert view.qbo_id is not None
        place = (one.company.realm, one.key.kind.value, view.qbo_id)
        owner = self._world.net.owners.get(place)
        if owner != one.key.local_id and (place[0], one.key.local_id) not in (
            self._world.books.rivals
        ):
            self._find("another's", one.key, f"{place} is {owner}'s")
        words = self._world.books.last_words(place)
        found = self._world.books.load(place)
        if found is None:
            if "delete" not in words:
                self._find("missing", one.key, f"{place} is not in the books")
            return
        if words - HARMLESS - {"date", "total"} or place not in self._world.net.owners:
            return
        value = self._stored_value(one, view)
        for what, ours, theirs in self._differences(one, value, found):
            self._find("wrong", one.key, f"{what} is {theirs}, not {ours}")

    def _stored_value(self, one: Seen, view: RecordView) -> Lead | Invoice | Payment:
        return snapshot.load(one.key.kind, self._snapshot(view))

    def _differences(
        self, one: Seen, value: Lead | Invoice | Payment, found: Json
    ) -> Iterable[tuple[str, object, object]]:
        pairs: list[tuple[str, object, object]] = []
        match value:
            case Lead():
                email = (found.get("PrimaryEmailAddr") or {}).get("Address")
                pairs = [("its e-mail", value.email, email)]
            case Invoice() if value.status is InvoiceStatus.VOID:
                pairs = [("its total", Decimal(0), Decimal(found["TotalAmt"]))]
            case Invoice():
                memo = (found.get("CustomerMemo") or {}).get("value", "")
                pairs = [
                    ("its total", value.total, Decimal(found["TotalAmt"])),
                    ("its day", value.issued_on.isoformat(), found["TxnDate"]),
                ]
                pairs.append(("its message", value.message, memo))
            case Payment():
                pairs = [("its amount", value.amount, Decimal(found["TotalAmt"]))]
        place = (one.company.realm, one.key.kind.value, found["Id"])
        ever = self._world.books.ever([place])
        theirs = {what: to for what, (act, to) in _THEIRS.items() if act in ever}
        return [pair for pair in pairs if pair[2] not in {pair[1], theirs.get(pair[0])}]

    def _look_at_their_work(self, one: Seen) -> None:
        """Nothing that the bookkeeper did is undone without a word (rule 36)."""
        told, _ = self._world.told_of(one.key.local_id)
        if told & TOLD or self._world.backup.restored_at is not None:
            return
        for place in self._world.books.made(one.company.realm, one.key.local_id):
            for what in self._world.books.undone(place):
                self._find("undone", one.key, f"the bookkeeper's {what}, and nobody was told")

    def _look_at_money(self, one: Seen, seen: dict[RecordKey, Seen]) -> None:
        """Whatever was paid on an invoice pays it, as far as it has room."""
        family = [one, *(child for child in seen.values() if self._parent(child) == one.key)]
        places = [place for member in family for place in member.places]
        if len(one.places) != 1 or self._is_touched(family, one.company.realm):
            return
        bill, *paid = (found for place in places if (found := self._world.books.load(place)))
        others = {one["TxnId"] for one in bill.get("LinkedTxn", [])} - {one["Id"] for one in paid}
        if others:  # money that the bookkeeper put there
            return
        total, balance = Decimal(bill["TotalAmt"]), Decimal(bill["Balance"])
        received = sum((Decimal(money["TotalAmt"]) for money in paid), Decimal(0))
        if balance != total - min(total, received):
            loose = [str(money["UnappliedAmt"]) for money in paid]
            what = f"{balance} of {total} is open, {received} was paid, loose: {loose}"
            payments = [member.record for member in family if member is not one]
            edited = any(len(record.contents) > 1 for record in payments)
            # Which of the two rules about loose money it is.
            self._find("money" if edited else "money of a changed invoice", one.key, what)

    def _is_touched(self, family: list[Seen], realm: str) -> bool:
        books = self._world.books
        return any(
            books.ever(books.made(realm, member.key.local_id)) - HARMLESS
            or (realm, member.key.local_id) in books.rivals
            for member in family
        )

    def _family(self, one: Seen, seen: dict[RecordKey, Seen]) -> list[Seen]:
        """Return a record, what it stands on, and what else stands on that."""
        found = [one]
        parent = self._parent(one)
        while parent is not None and parent in seen:
            found.append(seen[parent])
            parent = self._parent(seen[parent])
        return found + [
            child for child in seen.values() if self._parent(child) in {m.key for m in found}
        ]

    @staticmethod
    def _parent(one: Seen) -> RecordKey | None:
        value = one.record.last.value if one.record.last else None
        match value:
            case Invoice():
                return RecordKey(kind=Kind.CUSTOMER, local_id=value.lead.id)
            case Payment():
                return RecordKey(kind=Kind.INVOICE, local_id=value.invoice_id)
            case _:
                return None

    # What people see.

    def _look_at_page(self, org: Org, connection: Connection, seen: dict[RecordKey, Seen]) -> None:
        """Page and cards are made, and a card says the state."""
        world = self._world
        if not org.us:
            return
        html = office.show(world, world.web[0], org)
        if connection.status.value not in html:
            self._find("page", org.id, f"it does not say {connection.status.value}")
        shown = [one for one in seen.values() if one.view is not None]
        for one in shown[:: max(len(shown) // 3, 1)]:
            assert one.view is not None
            text = office.card(world, world.web[0], org, one.key)
            if one.view.state.value not in text:
                self._find("card", one.key, f"it does not say {one.view.state.value}")

    def _find(self, kind: str, what: Any, why: str) -> None:  # noqa: ANN401  anything with a name
        marks = marks_of(self._world, what.local_id) if isinstance(what, RecordKey) else frozenset()
        self.findings.append(Finding(kind=kind, what=f"{what}: {why}", marks=marks))
