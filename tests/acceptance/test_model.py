from __future__ import annotations

import json
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Literal

import hypothesis
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    precondition,
    rule,
    run_state_machine_as_test,
)

from dunahub_hookspecs import (
    Invoice,
    InvoiceStatus,
    Lead,
    LineItem,
    Organization,
    Payment,
    PaymentMethod,
    Region,
)
from dunahub_qbo_plugin.connect import region
from dunahub_qbo_plugin.emulator.world.trouble import TroubleRule
from dunahub_qbo_plugin.model import Kind, RecordKey
from dunahub_qbo_plugin.store.queries import records as views
from dunahub_qbo_plugin.store.records import commands
from dunahub_qbo_plugin.testing import PERSON
from tests.acceptance.model import CUSTOMERS, INVOICES, VOID, Key, Org, Record, parent_of
from tests.acceptance.mortal_host import MortalHost, fresh_folder
from tests.support.postgres import empty

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import pytest

    from dunahub_qbo_plugin.emulator.api.company_api import Company
    from dunahub_qbo_plugin.store.companies.connection import Connection

ORGS = ("acme", "zeta")
REALMS = {"acme": ("9341454838118711", "9341454838118712"), "zeta": ("9341454838118713",)}
EXAMPLES = 90
"""Runs on SQLite, unless ``--thorough`` asks for more."""
THOROUGH = 5
"""Times as many with ``--thorough``."""
STEPS = 40
PAYMENTS = 6
DAY = date(2026, 3, 2)

orgs = st.sampled_from((*ORGS, "acme"))
versions = st.integers(0, 3)
faults = st.sampled_from(
    (
        {"kind": "lose"},
        {"kind": "lose", "manner": "close"},
        {"kind": "lose", "times": 3},
        {"kind": "cut"},
        {"kind": "late", "seconds": 90},
        {"kind": "refuse", "times": 2},
        {"kind": "fail", "status": 503, "times": 2},
        {"kind": "fail", "status": 500},
        {"kind": "fail", "status": 429, "retry_after": 7},
        {"kind": "fail", "status": 401},
        {"kind": "fail", "status": 503, "target": "oauth"},
    )
)


class World(RuleBasedStateMachine):
    """The plugin with two organizations and three companies, beside the plain model."""

    folder: Path
    database_url: str | None

    def __init__(self) -> None:
        super().__init__()
        realms = tuple(realm for owned in REALMS.values() for realm in owned)
        if self.database_url is not None:
            empty(self.database_url)
        self.host = MortalHost(
            fresh_folder(self.folder), realms=realms, database_url=self.database_url
        )
        self.orgs = {name: Org() for name in ORGS}
        self.drained = False

    def any(self, holds: Callable[[Org], bool]) -> bool:
        """Whether it makes sense to let something happen now."""
        return any(map(holds, self.orgs.values()))

    def teardown(self) -> None:
        """End the run with everything settled."""
        try:
            self.settle()
        finally:
            self.host.close()

    @initialize(
        numbers=st.booleans(),
        mismatch=st.sampled_from(("replay", "fault_600")),
        replays=st.booleans(),
        no_change=st.booleans(),
    )
    def quickbooks_is(
        self,
        *,
        numbers: bool,
        mismatch: Literal["replay", "fault_600"],
        replays: bool,
        no_change: bool,
    ) -> None:
        """Choose what is disputed of QuickBooks, and connect."""
        for hosted in self.host.qbo.emulator.world.companies.values():
            hosted.books.settings.custom_txn_numbers = numbers
            hosted.books.settings.request_id_mismatch = mismatch
            hosted.books.settings.requestid_replays_faults = replays
            hosted.books.settings.no_change_bumps_token = no_change
        self.connect("acme", 0)

    # The CRM.

    @rule(name=orgs, number=st.integers(0, CUSTOMERS - 1), version=versions)
    def save_lead(self, name: str, number: int, version: int) -> None:
        """Save a lead, changed or not."""
        self._save(name, ("customer", number), version)

    @rule(name=orgs, number=st.integers(0, INVOICES - 1), version=versions)
    def save_invoice(self, name: str, number: int, version: int) -> None:
        """Save an invoice unless the CRM has voided it."""
        if self._content(name, ("invoice", number)) != VOID:
            self._save(name, ("invoice", number), (number + 1) * 1_000_00 + version * 1_01)

    @rule(name=orgs, number=st.integers(0, INVOICES - 1))
    def void_invoice(self, name: str, number: int) -> None:
        """Void an invoice that nobody has paid on."""
        company = self.orgs[name].company
        paid = company and any(parent_of(key) == ("invoice", number) for key in company.records)
        if not paid and self._content(name, ("invoice", number)) is not None:
            self._save(name, ("invoice", number), VOID)

    @rule(
        name=orgs,
        number=st.integers(0, PAYMENTS - 1),
        version=versions,
        sendable=st.sampled_from((True, True, True, False)),
    )
    def save_payment(self, name: str, number: int, version: int, *, sendable: bool) -> None:
        """Record a payment, or correct its amount; some were not collected through DunaHub."""
        if self._content(name, ("invoice", number % INVOICES)) != VOID:
            content = (number + 1) * 10_00 + version + (0 if sendable else 50)
            self._save(name, ("payment", number), content, sendable=sendable)

    @rule(name=orgs, number=st.integers(0, INVOICES - 1), version=versions)
    def save_family(self, name: str, number: int, version: int) -> None:
        """Save an invoice and a payment on it at once."""
        self.save_invoice(name, number, version)
        self.save_payment(name, number, version, sendable=True)

    @rule(name=orgs)
    def leave_the_us(self, name: str) -> None:
        """Change the organization's region."""
        org = self.orgs[name]
        self._observe()
        if org.us:
            org.leave_us()
            self._save(name, ("customer", 0), 0)

    @precondition(lambda self: self.any(lambda org: not org.us))
    @rule(name=orgs)
    def come_back(self, name: str) -> None:
        """Change it back, and open the settings."""
        org = self.orgs[name]
        if not org.us:
            org.us, org.stopped = True, False
            region.enter(self.host.runtime.database, name)

    # The office.

    @rule(name=orgs, choice=st.integers(0, 1))
    def connect(self, name: str, choice: int) -> None:
        """Go through Intuit's consent page."""
        org, realm = self.orgs[name], REALMS[name][choice % len(REALMS[name])]
        self._observe()
        if org.us:
            self.host.qbo.emulator.world.trouble.clear()
            finished = self.host.connect(realm, org=self._org(name))
            org.connect(realm)
            assert (finished == "confirm") == (org.pending is not None), finished
            self._step()

    @precondition(lambda self: self.any(lambda org: org.pending is not None))
    @rule(name=orgs, yes=st.sampled_from((True, True, False)))
    def answer(self, name: str, *, yes: bool) -> None:
        """Say whether the other company shall be the one."""
        linking, org = self.host.runtime.panel.connection_service, self.orgs[name]
        self._observe()
        if yes:
            with self.host.runtime.database.read.connect() as db:
                pending = self.host.runtime.connections.pending(db, name)
            linking.confirm(self._org(name), PERSON, pending.id if pending else "")
            org.confirm()
        else:
            linking.cancel(self._org(name), PERSON)
            org.decline()
        self._step()

    @precondition(
        lambda self: self.any(lambda org: org.company is not None and org.company.connected)
    )
    @rule(name=orgs)
    def disconnect(self, name: str) -> None:
        """Press Disconnect."""
        self._observe()
        self.host.runtime.panel.connection_service.disconnect(self._org(name), PERSON)
        self.orgs[name].disconnect()
        self._step()

    @precondition(lambda self: self.any(lambda org: org.has(lambda record: record.deleted)))
    @rule(name=orgs)
    def retry_all(self, name: str) -> None:
        """Press Retry all, twice."""
        self.settle()
        if (connection := self._connection(name)) is not None:
            for _ in range(2):
                with self.host.runtime.database.write.begin() as db:
                    commands.retry(db, connection, None, by="Dana", now=self.host.clock.now())
            self.orgs[name].retry()
        self._step()

    @precondition(lambda self: self.any(lambda org: org.live and org.company.connection_period > 1))
    @rule(name=orgs)
    def send_left_behind(self, name: str) -> None:
        """Press Send all on what was not sent."""
        self._observe()
        connection = self._connection(name)
        if connection is not None and self.orgs[name].companies[self._realm(name)].connected:
            with self.host.runtime.database.write.begin() as db:
                commands.send(db, connection, None, by="Dana", now=self.host.clock.now())
            self.orgs[name].send_left_behind()
        self._step()

    # The bookkeeper, in QuickBooks.

    @precondition(lambda self: self.any(lambda org: org.has(lambda record: record.there)))
    @rule(name=orgs, number=st.integers(0, INVOICES - 1), what=st.integers(0, 3))
    def bookkeeper_changes_an_invoice(self, name: str, number: int, what: int) -> None:
        """Edit, raise, void or delete an invoice there; paid ones are only edited."""
        self.settle()
        key: Key = ("invoice", number)
        record, entry = self._standing(name, key)
        if record is None or entry is None:
            return
        books = self._books(name)
        paid = any(
            parent_of(other) == key and found.there
            for other, found in self.orgs[name].companies[self._realm(name)].records.items()
        )
        if what == 0 or paid:
            books.edit("Invoice", entry["id"], {"CustomerMemo": {"value": "Thank you"}})
        elif what == 1 and record.content != VOID:
            raised = record.content + 5_00
            line = {
                "DetailType": "SalesItemLineDetail",
                "Amount": Decimal(raised) / 100,
                "SalesItemLineDetail": {"ItemRef": {"value": "1"}},
            }
            books.edit("Invoice", entry["id"], {"Line": [line]})
            record.total_there = raised
        elif what == 2:
            books.void("Invoice", entry["id"])
            record.total_there = VOID
        else:
            books.delete("Invoice", entry["id"])
            record.deleted = True
        self._step()

    @precondition(lambda self: self.any(lambda org: org.has(lambda record: record.there)))
    @rule(name=orgs, number=st.integers(0, PAYMENTS - 1))
    def bookkeeper_deletes_a_payment(self, name: str, number: int) -> None:
        """Delete a payment there."""
        self.settle()
        record, entry = self._standing(name, ("payment", number))
        if record is not None and entry is not None:
            self._books(name).delete("Payment", entry["id"])
            record.deleted = True
        self._step()

    @precondition(lambda self: self.any(lambda org: org.has(lambda record: record.there)))
    @rule(name=orgs, number=st.integers(0, CUSTOMERS - 1))
    def bookkeeper_edits_a_customer(self, name: str, number: int) -> None:
        """Write a note on a customer there."""
        self.settle()
        _, entry = self._standing(name, ("customer", number))
        if entry is not None:
            self._books(name).edit("Customer", entry["id"], {"Notes": "Pays late"})
        self._step()

    # Trouble.

    @rule(fault=faults, skip=st.integers(0, 2))
    def trouble(self, fault: dict[str, Any], skip: int) -> None:
        """Let one of the next requests go wrong."""
        self.host.qbo.trouble(TroubleRule(**fault, skip=skip))

    @precondition(lambda self: self.any(lambda org: org.live))
    @rule(name=orgs, which=st.sampled_from(("access", "refresh")))
    def tokens_end(self, name: str, which: str) -> None:
        """Let the access token end early, or Intuit withdraw the grant."""
        self._observe()
        org = self.orgs[name]
        if org.current is None or org.company is None or not org.company.connected:
            return
        tokens = self.host.qbo.emulator.world.tokens
        if which == "access":
            tokens.expire(realm=org.current, access=True, refresh=False)
        else:
            tokens.end_grants(realm=org.current)
            org.company.revoked = True

    @precondition(lambda self: self.any(lambda org: org.live))
    @rule(name=orgs, request=st.integers(0, 5), after=st.booleans())
    def crash(self, name: str, request: int, *, after: bool) -> None:
        """Kill the worker right before or right after a request."""
        if (connection := self._connection(name)) is not None:
            self.drained = True
            self.host.crash(connection.id, request=request, after=after)
            entries, company = (
                self.host.qbo.emulator.world.journal.entries(),
                self.orgs[name].company,
            )
            if after and company is not None and entries and entries[-1].kind == "oauth":
                company.renewal_lost = True
        self._step()

    @rule(seconds=st.sampled_from((20.0, 200.0, 3000.0, 100_000.0)))
    def time_passes(self, seconds: float) -> None:
        """Wait."""
        self.host.clock.advance(seconds)

    @precondition(lambda self: self.any(lambda org: org.live))
    @rule(name=orgs)
    def drain_once(self, name: str) -> None:
        """Send what can be sent at once."""
        if (connection := self._connection(name)) is not None:
            self.drained = True
            self.host.runtime.drainer.drain(connection.id)
        self._step()

    @rule()
    def settle(self) -> None:
        """Wait until nothing is due any more; then books and model agree."""
        self._observe()
        self.host.come_to_rest()
        for name, org in self.orgs.items():
            self._check_expiry(name, org)
            self._learn_of_voids(name, org)
            org.settle()
            for realm in org.companies:
                self._check_books(name, realm)
            self._check_shown(name, org)
        self.host.wire.lost.clear()

    # What must hold.

    def _learn_of_voids(self, name: str, org: Org) -> None:
        """Whether a void found anything to void is open where a create had been begun."""
        if org.current is None or org.company is None:
            return
        standing = self._standing_in(name, self.host.qbo.books_of(org.current).read())
        for key, record in org.company.records.items():
            if record.content == VOID and record.tried and standing.get(key) == VOID:
                record.there, record.held = True, False

    def _check_expiry(self, name: str, org: Org) -> None:
        """A connection has expired when somebody withdrew it and a worker found out."""
        if (connection := self._connection(name)) is None:
            assert org.current is None
            return
        company = org.company
        assert company is not None
        expired = connection.expired_at is not None
        company.revoked = company.revoked or (expired and company.renewal_lost)
        if company.revoked and org.live and any(map(org.would_try, company.records)):
            assert expired, f"{name} is {connection.status}"
        assert company.revoked or not expired, f"{name} is {connection.status}"
        company.expired = expired

    def _check_books(self, name: str, realm: str) -> None:
        books = self.host.qbo.books_of(realm).read()
        assert books["doubles"] == [], books["doubles"]
        records = self.orgs[name].companies[realm].records
        standing = self._standing_in(name, books)
        for entry in books["payments"]:
            key = self._key(name, "payment", entry)
            parent = None if key is None else parent_of(key)
            assert parent is not None
            there = records[parent]
            if not entry["links"] and VOID in {there.total_there, there.synced, there.content}:
                continue  # money for what was voided stays with the customer
            (link,) = entry["links"]
            invoice = next(one for one in books["invoices"] if f"Invoice {one['id']}" == link)
            assert self._key(name, "invoice", invoice) == parent
            assert entry["unapplied"] == "0.00", f"{key} on {there}: {entry}"
        for key in standing.keys() | records.keys():
            assert key in records, f"{key} of {name} was never saved for this company"
            self._check_content(f"{key} of {name}", records[key], standing.get(key))

    def _standing_in(self, name: str, books: dict[str, Any]) -> dict[Key, int]:
        """Return what stands in a company's books, as contents; each record once at most."""
        standing: dict[Key, int] = {}
        for kind in ("customer", "invoice", "payment"):
            for entry in books[f"{kind}s"]:
                key = self._key(name, kind, entry)
                assert key is not None, f"this is not of {name}: {entry}"
                assert key not in standing, f"{key} of {name} stands there twice"
                standing[key] = _content_of(kind, entry)
        return standing

    @staticmethod
    def _check_content(what: str, record: Record, standing: int | None) -> None:
        if record.unsure:
            return
        if record.deleted or not record.there:
            assert standing is None, f"{what} stands there: {record}"
            return
        last = record.synced if record.total_there is None else record.total_there
        assert standing == last, f"{what} stands there as {standing}: {record}"

    def _observe(self) -> None:
        """Learn from the books how far drains came that did not run to their end."""
        if not self.drained:
            return
        self.drained = False
        for name, org in self.orgs.items():
            if org.current is None or org.company is None:
                continue
            books = self.host.qbo.books_of(org.current).read()
            lost = self._lost(name, org.current, books)
            standing = self._standing_in(name, books)
            for key, record in org.company.records.items():
                record.tried = record.tried or not record.there
                found = standing.get(key)
                last = record.synced if record.total_there is None else record.total_there
                if found is None or found == last or record.deleted:
                    continue
                record.synced, record.there, record.total_there = found, True, None
                record.unsure = key in lost

    def _lost(self, name: str, realm: str, books: dict[str, Any]) -> set[Key]:
        """Tell of which records an answer was lost."""
        by_id = {
            (kind, entry["id"]): self._key(name, kind, entry)
            for kind in ("customer", "invoice", "payment")
            for entry in books[f"{kind}s"]
        }
        lost = set()
        for path, body in self.host.wire.lost:
            kind = path.rpartition("/")[2]
            if f"/{realm}/" in path and body.startswith("{"):
                lost.add(by_id.get((kind, json.loads(body).get("Id", ""))))
                lost |= {key for key in by_id.values() if key and _mark(name, *key) in body}
        return {key for key in lost if key is not None}

    def _check_shown(self, name: str, org: Org) -> None:
        if (connection := self._connection(name)) is None or org.company is None:
            return
        with self.host.runtime.database.read.connect() as db:
            for key, record in org.company.records.items():
                kind, number = key
                local = RecordKey(kind=Kind(kind), local_id=_id(name, kind, number))
                found = views.one(db, connection, local)
                assert found is not None, f"{key} was forgotten"
                frozen = (
                    record.connection_period != org.company.connection_period
                    or not org.live
                    or org.company.revoked
                )
                if not (record.unsure or ((record.deleted or org.is_alone(key)) and frozen)):
                    what = f"{key} of {name}: {found} / {record}"
                    assert found.state == org.seen(key).value, what

    # Odds and ends.

    def _save(self, name: str, key: Key, content: int, *, sendable: bool = True) -> None:
        self._observe()
        org = self.orgs[name]
        kind, number = key
        customer = key if kind == "customer" else parent_of(key)
        version = content if kind == "customer" else self._content(name, customer) or 0
        value: Lead | Invoice | Payment
        if kind == "customer":
            value = _lead(name, number, version)
        elif kind == "invoice":
            value = _invoice(name, number, content, version)
        else:
            value = _payment(name, number, content, sendable=sendable)
        self.host.save(value, org=self._org(name))
        if org.us:
            org.save(key, content, sendable=sendable)
        self._step()

    def _content(self, name: str, key: Key | None) -> int | None:
        company = self.orgs[name].company
        record = company.records.get(key) if company is not None and key is not None else None
        return None if record is None else record.content

    def _standing(self, name: str, key: Key) -> tuple[Any, dict[str, Any] | None]:
        """Return a record that stands in the books, and its entry there."""
        if self.orgs[name].current is None:
            return None, None
        record = self.orgs[name].companies[self._realm(name)].records.get(key)
        if record is None or not record.there or record.deleted or record.unsure:
            return None, None
        for entry in self.host.qbo.books_of(self._realm(name)).read()[f"{key[0]}s"]:
            if self._key(name, key[0], entry) == key:
                return record, entry
        return None, None

    @staticmethod
    def _key(name: str, kind: str, entry: dict[str, Any]) -> Key | None:
        """Tell which record an entry of the books is."""
        known_by = entry["name"] if kind == "customer" else entry["note"]
        for number in range(max(CUSTOMERS, INVOICES, PAYMENTS)):
            if _mark(name, kind, number) in known_by:
                return (kind, number)
        return None

    def _books(self, name: str) -> Company:
        return self.host.qbo.emulator.world.companies[self._realm(name)].books

    def _realm(self, name: str) -> str:
        current = self.orgs[name].current
        assert current is not None
        return current

    def _connection(self, name: str) -> Connection | None:
        with self.host.runtime.database.read.connect() as db:
            return self.host.runtime.connections.current(db, name)

    def _org(self, name: str) -> Organization:
        return Organization(id=name, region=Region.US if self.orgs[name].us else Region.BR)

    def _step(self) -> None:
        self.host.clock.advance(1)


def _id(name: str, kind: str, number: int) -> str:
    return f"{name}-{kind}-{number}"


def _mark(name: str, kind: str, number: int) -> str:
    """Return the text by which a record is known in the books."""
    if kind == "customer":
        return f"Customer {number} of {name}"
    return f"[DunaHub {kind} {_id(name, kind, number)}]"


def _content_of(kind: str, entry: dict[str, Any]) -> int:
    """Read a record's content back from the books."""
    if kind == "customer":
        return int(entry["email"].partition("@")[0])
    cents = int(Decimal(entry["total"]) * 100)
    return VOID if kind == "invoice" and not cents else cents


def _lead(name: str, number: int, version: int) -> Lead:
    return Lead(
        id=_id(name, "customer", number),
        name=_mark(name, "customer", number),
        email=f"{version}@{name}.example",
    )


def _invoice(name: str, number: int, content: int, version: int) -> Invoice:
    return Invoice(
        id=_id(name, "invoice", number),
        number=f"{name}-{number}",
        lead=_lead(name, number % CUSTOMERS, version),
        lines=[LineItem(unit_price=Decimal(max(content, 0)) / 100)],
        issued_on=DAY,
        status=InvoiceStatus.VOID if content == VOID else InvoiceStatus.OPEN,
    )


def _payment(name: str, number: int, content: int, *, sendable: bool) -> Payment:
    return Payment(
        id=_id(name, "payment", number),
        invoice_id=_id(name, "invoice", number % INVOICES),
        invoice_number=f"{name}-{number % INVOICES}",
        amount=Decimal(content) / 100,
        method=PaymentMethod.CARD if sendable else PaymentMethod.CASH,
        collected_by_dunahub=sendable,
        paid_on=DAY,
        reference=f"pi_{name}_{number}",
    )


def run_model(
    folder: Path, database_url: str | None = None, *, examples: int, shrink: bool = True
) -> None:
    """Run the plugin beside the model.

    Args:
        folder: for databases.
        database_url: another one than SQLite in the folder.
        examples: how many runs of `STEPS` steps.
        shrink: False to end with the first failure as it is.
    """
    here = type("World", (World,), {"folder": folder, "database_url": database_url})
    every = set(hypothesis.Phase) - {hypothesis.Phase.explain}
    run_state_machine_as_test(
        here,
        settings=hypothesis.settings(
            max_examples=examples,
            stateful_step_count=STEPS,
            derandomize=True,
            print_blob=True,
            deadline=None,
            phases=every if shrink else {hypothesis.Phase.generate},
            suppress_health_check=list(hypothesis.HealthCheck),
        ),
    )


def test_plugin_does_what_the_model_says(
    tmp_path: Path, store_url: str | None, request: pytest.FixtureRequest
) -> None:
    """Whatever happens in any order, books, pages and the plain model agree (rules 8 to 27)."""
    examples = EXAMPLES * (THOROUGH if request.config.getoption("--thorough") else 1)
    run_model(tmp_path, store_url, examples=examples if store_url is None else examples // 9)
