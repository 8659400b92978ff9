"""Every state of the page and the card says what it must; the browser tests look at the same."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from decimal import Decimal
from html import unescape
from typing import TYPE_CHECKING, Any

import attrs
import pytest
import sqlalchemy as sa

from dunahub_hookspecs import LineItem, PaymentMethod, RecordKind, SettingsRequest
from dunahub_qbo_plugin.config import Environment
from dunahub_qbo_plugin.model import ErrorInfo, HolderKind, Kind, NameHolder, RecordKey
from dunahub_qbo_plugin.panel.card import record_card
from dunahub_qbo_plugin.panel.page import settings_panel
from dunahub_qbo_plugin.store import tasks
from dunahub_qbo_plugin.store.companies import pauses, profiles
from dunahub_qbo_plugin.store.companies.connections import Connections
from dunahub_qbo_plugin.store.convert import to_ms
from dunahub_qbo_plugin.store.db.cipher import Cipher, generate_key
from dunahub_qbo_plugin.store.db.database import Database
from dunahub_qbo_plugin.store.records import commands
from dunahub_qbo_plugin.store.tables import connections, records
from dunahub_qbo_plugin.testing import (
    ORG,
    PERSON,
    FakeHost,
    SteeredClock,
    make_invoice,
    make_lead,
    make_payment,
)
from tests.support.host import connection_of, make_host

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

PAGE_URL = "https://crm.example/settings/quickbooks"
BEGIN = datetime(2026, 11, 5, 18, 32, tzinfo=UTC)
NOW = datetime(2026, 11, 5, 19, 5, tzinfo=UTC)
"""2:05 PM in New York."""
LONG = "W" * 90 + ' <b>O\'Neil & "Sons"</b> ' + "words " * 60
MAIL = "lead-1039@example.com"
TID = "1-6729f0aa-5b1c9d3e2f4a6b7c8d9e0f1a"


def asked(**query: str) -> SettingsRequest:
    """Make the request of a person who looks at the page."""
    return SettingsRequest(
        person=PERSON,
        page_url=PAGE_URL,
        action_url=PAGE_URL,
        query=query,
        hidden_fields={"csrf_token": "made-up"},
        record_url=lambda kind, local_id: f"https://crm.example/{kind}s/{local_id}",
    )


def panel(host: FakeHost, **query: str) -> str:
    """Return the page."""
    return settings_panel(host.runtime.panel, ORG, asked(**query)).html


def card(host: FakeHost, kind: RecordKind, local_id: str) -> str:
    """Return a record's card."""
    made = record_card(host.runtime.panel, ORG, asked(), kind, local_id)
    assert made is not None
    return made.html


def set_record(host: FakeHost, kind: Kind, local_id: str, **values: Any) -> None:  # noqa: ANN401  columns
    """Put a record into a state that takes the worker hours to come to."""
    with host.runtime.database.write.begin() as db:
        where = (records.c.kind == kind.value, records.c.local_id == local_id)
        db.execute(sa.update(records).where(*where).values(**values))


def set_company(host: FakeHost, **values: Any) -> None:  # noqa: ANN401  columns
    """Put the connection into a state."""
    with host.runtime.database.write.begin() as db:
        db.execute(sa.update(connections).where(connections.c.current).values(**values))


def failed(code: str, text: str = "", subject: str = "", **more: Any) -> dict[str, Any]:  # noqa: ANN401  columns
    """Return the columns of a record whose last try failed for good."""
    return {
        "error_code": code,
        "error_text": text,
        "error_status": 400,
        "error_tid": TID,
        "error_subject": subject,
        "error_at": to_ms(NOW) - 240_000,
        "first_failed_at": to_ms(NOW) - 2 * 86_400_000,
        "attempts": 2,
        "next_attempt_at": None,
        "blocked": False,
    } | more


def name_taken(holder: NameHolder, subject: str, **more: Any) -> dict[str, Any]:  # noqa: ANN401  columns
    """Return the columns of a customer whose name somebody else has."""
    text = "Duplicate Name Exists Error: The name supplied already exists. : null"
    facts = {"error_facts": json.dumps(holder.to_facts())}
    return failed("6240", text, subject, **facts, **more)


def job(number: str, name: str, **changes: Any) -> Any:  # noqa: ANN401  Invoice's own
    """Make an invoice of one lead."""
    return make_invoice(
        f"inv-{number}", number=number, lead=make_lead(f"lead-{number}", name=name), **changes
    )


def pay(number: str, **changes: Any) -> Any:  # noqa: ANN401  Payment's own
    """Make a payment of an invoice."""
    return make_payment(
        id=f"pay-{number}", invoice_id=f"inv-{number}", invoice_number=number, **changes
    )


def _later(host: FakeHost, seconds: float) -> None:
    assert isinstance(host.clock, SteeredClock)
    host.clock.advance(seconds)


def connected(host: FakeHost) -> FakeHost:
    """Connect, with some records in the books already."""
    host.connect()
    for number, name in (
        ("1038", "Maria Alvarez"),
        ("1039", "Tom Becker"),
        ("1040", "Lakeview HOA"),
    ):
        host.save(job(number, name), pay(number))
        host.send()
        _later(host, 540)
    return host


def never(host: FakeHost) -> str:
    """An organization that never connected."""
    return panel(host)


def nothing_yet(host: FakeHost) -> str:
    """Just connected, nothing sent."""
    host.connect()
    return panel(host, qbo="connected")


def calm(host: FakeHost) -> str:
    """All is well."""
    connected(host)
    return panel(host, qbo="checked")


def troubled(host: FakeHost) -> str:
    """Some records need attention."""
    busy(host)
    return panel(host)


def busy(host: FakeHost) -> FakeHost:
    """Bring about what needs attention, what waits, and what is not sent."""
    connected(host)
    host.save(make_lead("lead-js", name="John Smith"))
    for number in ("1041", "1042"):
        host.save(
            make_invoice(
                f"inv-{number}", number=number, lead=make_lead("lead-js", name="John Smith")
            ),
        )
    host.save(pay("1041"), *(job(str(n), f"Customer {n}") for n in range(1050, 1057)))
    host.save(
        job("1060", "Ben Okafor"),
        pay("1060", method=PaymentMethod.CASH, collected_by_dunahub=False),
    )
    host.save(make_lead("lead-d", name="Test Lead"))
    set_record(
        host,
        Kind.CUSTOMER,
        "lead-js",
        **name_taken(
            NameHolder(
                kind=HolderKind.CUSTOMER,
                name="John Smith",
                email="john@smith.example",
                balance=Decimal(1250),
            ),
            "customer 58",
            candidate_id="58",
            candidate_token="0",
            candidate_name="John Smith",
        ),
    )
    for number in ("1041", "1042"):
        set_record(host, Kind.INVOICE, f"inv-{number}", blocked=True, next_attempt_at=None)
    set_record(host, Kind.PAYMENT, "pay-1041", blocked=True, next_attempt_at=None)
    for number in map(str, range(1050, 1057)):
        set_record(
            host,
            Kind.CUSTOMER,
            f"lead-{number}",
            next_attempt_at=None,
            synced_fingerprint=records.c.fingerprint,
            qbo_id=number,
            synced_at=to_ms(NOW),
        )
        set_record(
            host,
            Kind.INVOICE,
            f"inv-{number}",
            **failed(
                "item-gone", "Invalid Reference Id : Line.SalesItemLineDetail.ItemRef", "AC tune-up"
            ),
        )
    set_record(
        host,
        Kind.INVOICE,
        "inv-1060",
        error_code="unreachable",
        next_attempt_at=to_ms(host.clock.now()) + 300_000,
    )
    set_record(host, Kind.INVOICE, "inv-1039", qbo_total=10800, synced_total=10000)
    set_record(
        host,
        Kind.CUSTOMER,
        "lead-d",
        **failed(
            "6000",
            "Business Validation Error: The account period has closed. <b>Ask</b>",
        ),
    )
    with host.runtime.database.write.begin() as db:
        key = RecordKey(kind=Kind.CUSTOMER, local_id="lead-d")
        commands.dismiss(
            db,
            connection_of(host),
            [key],
            reason="A test, not a customer",
            by="dana@acme.example",
            now=host.clock.now(),
        )
    return host


def expired(host: FakeHost) -> str:
    """QuickBooks stopped accepting the access."""
    connected(host)
    host.save(job("1041", "John Smith"), pay("1041"))
    set_company(host, expired_at=to_ms(NOW) - 2 * 86_400_000)
    return panel(host)


def disconnected(host: FakeHost) -> str:
    """Disconnected, with records made since."""
    connected(host)
    host.save(job("1041", "John Smith"))
    host.runtime.panel.connection_service.disconnect(ORG, PERSON)
    _later(host, 3600)
    host.save(job("1042", "Ana Ruiz"))
    return panel(host, qbo="disconnected")


def reconnected(host: FakeHost) -> str:
    """Connected again, with records left behind."""
    disconnected(host)
    host.connect()
    return panel(host, qbo="reconnected")


def other_company(host: FakeHost) -> str:
    """Another company was chosen at Reconnect."""
    connected(host)
    host.save(job("1041", "John Smith"))
    set_company(host, expired_at=to_ms(NOW))
    host.connect("empty")
    return panel(host, qbo="confirm")


def asks_first(host: FakeHost) -> str:
    """Disconnect was pressed once."""
    connected(host)
    host.save(job("1041", "John Smith"))
    return panel(host, confirm="disconnect")


def subscription(host: FakeHost) -> str:
    """The company rests until somebody pays."""
    connected(host)
    host.save(job("1041", "John Smith"))
    with host.runtime.database.write.begin() as db:
        pauses.pause(
            db,
            connection_of(host).id,
            ErrorInfo(
                code="6190",
                text="Invalid Company Status : Subscription period has ended or canceled",
                cause="subscription ended",
            ),
            until=datetime(2026, 11, 5, 20, 12, tzinfo=UTC),
            now=host.clock.now(),
        )
    return panel(host)


def forbidden(host: FakeHost) -> str:
    """The person who connected lost the right to."""
    connected(host)
    with host.runtime.database.write.begin() as db:
        until = datetime(2026, 11, 5, 19, 40, tzinfo=UTC)
        info = ErrorInfo(code="3100", text="Forbidden")
        pauses.pause(db, connection_of(host).id, info, until=until, now=host.clock.now())
    return panel(host)


def long_texts(host: FakeHost) -> str:
    """Names and texts that are longer than any column."""
    host.connect()
    host.save(make_lead("lead-1", name=LONG), job("1041" * 10, LONG), pay("1041" * 10))
    set_record(
        host,
        Kind.CUSTOMER,
        "lead-1",
        **failed("6000", LONG, LONG, candidate_id="5", candidate_name=LONG, error_element=LONG),
    )
    set_company(host, company_name=LONG, connected_by=LONG)
    return panel(host, q=LONG[:80]) + card(host, RecordKind.LEAD, "lead-1")


def throttled(host: FakeHost) -> str:
    """The company rests for a while."""
    connected(host)
    host.save(job("1041", "John Smith"))
    with host.runtime.database.write.begin() as db:
        until = datetime(2026, 11, 5, 19, 40, tzinfo=UTC)
        info = ErrorInfo(code="throttled")
        pauses.pause(db, connection_of(host).id, info, until=until, now=host.clock.now())
    return panel(host)


def no_key(host: FakeHost) -> str:
    """The operator set no key."""
    config = attrs.evolve(host.config, fernet_keys=())
    return settings_panel(attrs.evolve(host.runtime.panel, config=config), ORG, asked()).html


def other_key(host: FakeHost) -> str:
    """The operator set a wrong key."""
    connected(host)
    keys = (generate_key(),)
    context = attrs.evolve(
        host.runtime.panel,
        config=attrs.evolve(host.config, fernet_keys=keys),
        connections=Connections(Cipher(keys)),
    )
    return settings_panel(context, ORG, asked()).html


def no_app(host: FakeHost) -> str:
    """The operator set no Intuit app."""
    connected(host)
    config = attrs.evolve(host.config, client_id="", client_secret="")
    return settings_panel(attrs.evolve(host.runtime.panel, config=config), ORG, asked()).html


def no_database(host: FakeHost) -> str:
    """The database is out of reach."""
    database = Database("sqlite:////proc/nowhere/qbo.sqlite3")
    context = attrs.evolve(host.runtime.panel, database=database)
    return settings_panel(context, ORG, asked()).html


def sandbox(host: FakeHost) -> str:
    """A company for trying things out, and a check that failed."""
    connected(host)
    set_company(host, environment=Environment.SANDBOX.value)
    return panel(host, qbo="check-failed")


def filtered(host: FakeHost) -> str:
    """A search that finds something."""
    busy(host)
    return panel(host, kind="invoice", result="synced", q="10")


def nothing_fits(host: FakeHost) -> str:
    """A search that finds nothing."""
    connected(host)
    return panel(host, q="no such name")


def look_at(host: FakeHost) -> str:
    """Something in the company's settings needs eyes."""
    connected(host)
    with host.runtime.database.write.begin() as db:
        company = connection_of(host).id
        profile = profiles.load_profile(db, company)
        odd = attrs.evolve(
            profile, custom_txn_numbers=False, allow_discount=False, book_close_date="2026-09-30"
        )
        profiles.save_profile(db, company, odd)
    return panel(host)


def sending(host: FakeHost) -> str:
    """What was left behind is being sent, and one of it was refused."""
    disconnected(host)
    host.connect()
    with host.runtime.database.write.begin() as db:
        connection, now = connection_of(host), host.clock.now()
        batch = tasks.begin_batch(db, connection.id, "send", by="dana", now=now)
        keys = [
            RecordKey(kind=kind, local_id=f"{word}-{number}")
            for kind, word in ((Kind.CUSTOMER, "lead"), (Kind.INVOICE, "inv"))
            for number in ("1041", "1042")
        ]
        found = commands.send(db, connection, keys, by="dana", now=now, batch=batch)
        tasks.end_batch(db, batch, asked=found, now=now)
    for number in ("1041", "1042"):
        there = {
            "next_attempt_at": None,
            "synced_fingerprint": records.c.fingerprint,
            "qbo_id": number,
        }
        set_record(host, Kind.CUSTOMER, f"lead-{number}", **there)
    set_record(host, Kind.INVOICE, "inv-1042", **failed("6140", "Duplicate", "invoice 1042"))
    return panel(host, qbo="sending")


def mapping(host: FakeHost) -> str:
    """Products and services, opened; one service leads nowhere."""
    connected(host)
    with host.runtime.database.write.begin() as db:
        company = connection_of(host).id
        profile = profiles.load_profile(db, company)
        gone = next(item for item in profile.items.values() if item.active)
        items = {**profile.items, gone.id: attrs.evolve(gone, active=False)}
        profiles.save_profile(db, company, attrs.evolve(profile, items=items))
        services = {"tune-up": "AC tune-up", "guard": gone.name, "repair": "Fascia repair"}
        profiles.note_services(db, company, services, now=NOW)
    return panel(host, open="products")


def tax_codes(host: FakeHost) -> str:
    """Invoices with tax wait for a tax code, and the default's income account is inactive."""
    connected(host)
    with host.runtime.database.write.begin() as db:
        company = connection_of(host).id
        profile = profiles.load_profile(db, company)
        accounts = {
            key: attrs.evolve(account, active=False) for key, account in profile.accounts.items()
        }
        profiles.save_profile(db, company, attrs.evolve(profile, accounts=accounts))
    for number in ("1041", "1042"):
        line = LineItem(description="Gutter guard", unit_price=Decimal(100), taxable=True)
        host.save(job(number, f"Customer {number}", lines=[line], tax=Decimal("8.25")))
    host.send()
    return panel(host, open="products") + card(host, RecordKind.INVOICE, "inv-1041")


def comparing(host: FakeHost) -> str:
    """The comparison is under way."""
    connected(host)
    with host.runtime.database.write.begin() as db:
        company, now = connection_of(host).id, host.clock.now()
        tasks.ask(db, company, "compare", arguments={"days": 30}, by="dana", now=now)
        task = tasks.take(db, owner="worker", now=now)
        assert task is not None
        tasks.progress(db, task.id, done=420, total=1260, now=now)
    return panel(host, qbo="comparing")


def reviewed(host: FakeHost) -> str:
    """An accountant was at work, and the months are open."""
    connected(host)
    there = host.qbo.company().books

    def known(kind: Kind, local_id: str) -> str:
        return host.look(f"{kind}:{local_id}").qbo_id or ""

    there.edit("Customer", known(Kind.CUSTOMER, "lead-1038"), {"DisplayName": "Maria Alvarez-Ruiz"})
    there.delete("Payment", known(Kind.PAYMENT, "pay-1040"))
    there.void("Invoice", known(Kind.INVOICE, "inv-1039"))
    there.create("Customer", {"DisplayName": "T. Becker", "PrimaryEmailAddr": {"Address": MAIL}})
    with host.runtime.database.write.begin() as db:
        company, now = connection_of(host).id, host.clock.now()
        tasks.ask(db, company, "compare", arguments={"days": 30}, by="dana", now=now)
        month = {"document_date": "2026-11-02"}
        db.execute(sa.update(records).where(records.c.document_date.is_not(None)).values(month))
    host.runtime.tasks.run_waiting()
    return panel(host, open="review")


def silent(host: FakeHost) -> str:
    """Nothing went through for days, although there was something."""
    connected(host)
    host.save(job("1041", "John Smith"))
    _later(host, 4 * 86_400)
    return panel(host)


def very_many(host: FakeHost) -> str:
    """More causes than one page shows, and one of them with hundreds of records."""
    host.connect()
    host.save(*(make_lead(f"lead-{number}", name=f"Lead {number}") for number in range(140)))
    host.runtime.intake.flush()
    with host.runtime.database.write.begin() as db:
        db.execute(sa.update(records).values(**failed("6000", "Not like that", "")))
    for number in range(25):
        holder = NameHolder(kind=HolderKind.VENDOR, name=f"Supply House {number}")
        taken = name_taken(holder, f"vendor {number}")
        set_record(host, Kind.CUSTOMER, f"lead-{number}", **taken)
    return panel(host)


def cards(host: FakeHost) -> str:
    """Return several cards one below the other; each comes alone in a host."""
    busy(host)
    shown = [
        (RecordKind.INVOICE, "inv-1038"),
        (RecordKind.INVOICE, "inv-1039"),
        (RecordKind.LEAD, "lead-1038"),
        (RecordKind.INVOICE, "inv-1042"),
        (RecordKind.INVOICE, "inv-1060"),
        (RecordKind.LEAD, "lead-js"),
        (RecordKind.INVOICE, "inv-1050"),
        (RecordKind.PAYMENT, "pay-1060"),
        (RecordKind.LEAD, "lead-d"),
        (RecordKind.LEAD, "lead-of-last-year"),
    ]
    return "<hr>".join(card(host, kind, local_id) for kind, local_id in shown)


STATES: dict[str, Callable[[FakeHost], str]] = {
    function.__name__: function
    for function in (
        never,
        nothing_yet,
        calm,
        troubled,
        expired,
        disconnected,
        reconnected,
        other_company,
        asks_first,
        subscription,
        forbidden,
        throttled,
        no_key,
        other_key,
        no_app,
        no_database,
        sandbox,
        filtered,
        nothing_fits,
        look_at,
        sending,
        mapping,
        tax_codes,
        comparing,
        reviewed,
        silent,
        very_many,
        long_texts,
        cards,
    )
}


@pytest.fixture
def host(tmp_path: Path) -> Iterator[FakeHost]:
    """Return a host, at 1:32 PM in New York."""
    made = make_host(tmp_path, start=BEGIN)
    yield made
    made.close()


def read(html: str) -> str:
    """Return what a person reads of a page, on one line."""
    without_style = re.sub(r"<style>.*?</style>", "", html, flags=re.DOTALL)
    text = unescape(re.sub(r"<[^>]+>", " ", without_style))
    return re.sub(r" ([.,;:])", r"\1", " ".join(text.split()))


SAID = {
    "never": [
        "Not connected",
        "Payments collected through DunaHub by card or ACH, applied to their invoice",
        "One way only: DunaHub writes to QuickBooks and imports nothing.",
        "Connect to QuickBooks",
    ],
    "nothing_yet": [
        "Connected to Blue Ridge Gutters. What you save from now on is sent automatically.",
        "nothing sent yet",
        "No record is in QuickBooks yet",
    ],
    "calm": [
        "Connected to Blue Ridge Gutters",
        "Since Nov 5 by dana@acme.example · last record sent 9 minutes ago",
        "3 customers, 3 invoices and 3 payments synced.",
        "Nothing is waiting, nothing needs attention.",
        "QuickBooks answered: the connection to Blue Ridge Gutters works.",
    ],
    "troubled": [
        "A product or service on this invoice is gone from QuickBooks 7 invoices",
        "QuickBooks already has a customer named John Smith",
        "E-mail there john@smith.example Open balance there $1,250.00",
        "1 customer, holding up 2 invoices and 1 payment",
        "First seen Nov 3, 2:05 PM · last tried 2:01 PM · not tried again until it is fixed",
        "Waiting for customer John Smith, which needs attention.",
        "Waiting to be tried again at 2:04 PM. QuickBooks could not be reached.",
        "Not sent: Dismissed by the office: A test, not a customer.",
        TID,
    ],
    "expired": [
        "Token expired · Blue Ridge Gutters",
        "QuickBooks stopped accepting our access on Nov 3. 3 records are waiting and go out",
        "automatically once you reconnect to Blue Ridge Gutters.",
        "Waiting for QuickBooks to be reconnected. It then goes out automatically.",
    ],
    "disconnected": [
        "Not connected",
        "DunaHub was connected to Blue Ridge Gutters until 1:59 PM",
        "when dana@acme.example disconnected it.",
        "is listed as Not sent (4 records so far)",
        "It was still waiting to be sent when QuickBooks was disconnected at 1:59 PM.",
        "It was saved after QuickBooks was disconnected at 1:59 PM.",
        "Disconnected since 1:59 PM: 2 customers and 2 invoices ($200.00).",
    ],
    "reconnected": [
        "Connected to Blue Ridge Gutters again. Nothing was waiting.",
        "It was still waiting to be sent when QuickBooks was disconnected at 1:59 PM.",
        "Send all 4 records",
        "Send selected",
        "Disconnected at 1:59 PM, until 2:59 PM: 2 customers and 2 invoices ($200.00).",
    ],
    "other_company": [
        "This is another QuickBooks company",
        "Until now Blue Ridge Gutters Chosen just now New Company",
        "2 records still to be sent to Blue Ridge Gutters will not be sent",
        "Use New Company from now on",
    ],
    "asks_first": [
        "Disconnect from Blue Ridge Gutters?",
        "access is revoked at Intuit",
        "2 records still waiting will be listed as Not sent.",
        "Nothing is deleted, in DunaHub or in QuickBooks.",
        "Yes, disconnect",
    ],
    "subscription": [
        "Your QuickBooks subscription has ended or was not paid",
        "2 records are waiting. Nothing is lost: sending is tried again automatically at 3:12 PM.",
    ],
    "forbidden": [
        "QuickBooks does not let DunaHub into this company",
        "Nothing is lost: sending is tried again automatically at 2:40 PM.",
        "Reconnect",
        "Support details 3100: Forbidden",
    ],
    "long_texts": ["W" * 79 + "…", "Waiting"],
    "throttled": [
        "QuickBooks asked for a short pause",
        "sending is tried again automatically at 2:40 PM.",
    ],
    "no_key": ["There is no encryption key.", "dunahub-qbo generate-key"],
    "other_key": [
        "None of the keys in DUNAHUB_QBO_FERNET_KEYS opens the stored QuickBooks access."
    ],
    "no_app": ["DUNAHUB_QBO_CLIENT_ID", "Connected to Blue Ridge Gutters"],
    "no_database": ["DUNAHUB_QBO_DATABASE_URL", "dunahub-qbo status"],
    "sandbox": ["SANDBOX", "The check did not go through"],
    "filtered": ["QuickBooks has $108.00, DunaHub sent $100.00.", "Show all"],
    "look_at": [
        "Please look at this in QuickBooks",
        "The books are closed through Sep 30, 2026",
        "Custom transaction numbers are turned off in QuickBooks",
        "Discounts are turned off in QuickBooks",
    ],
    "sending": ["2 of 4 records sent. 1 needs attention, see above."],
    "mapping": ["Needs a product", "Match by name", "For everything else", "Sales tax"],
    "tax_codes": [
        "The income account of “Services” is inactive: “Services”",
        "No sales tax code is chosen for invoices yet 2 invoices",
        "Invoice 1041 has $8.25 of sales tax, and QuickBooks has 2 sales tax codes.",
        "What to do: Ask your bookkeeper which one it goes under, and choose it under Settings",
        "Use it and send all 2 invoices",
        "Needs a code No code is chosen",
        "Fix in the QuickBooks settings",
    ],
    "comparing": ["Comparing with QuickBooks: 420 of 1,260 records."],
    "reviewed": [
        "Deleted in QuickBooks: 1",
        "Voided in QuickBooks: 1",
        "Changed in QuickBooks: 1",
        "Possible duplicate customers: 4",
        "“T. Becker”",
        "November 2026",
        "Download CSV for the bookkeeper",
    ],
    "silent": ["Nothing was sent since", "2 records were made or changed since then"],
    "very_many": ["115 customers", "More causes", "140 records need attention."],
    "nothing_fits": ["Nothing matches. Show all"],
    "cards": [
        "Synced 1:32 PM as invoice 1038 · Open in QuickBooks",
        "QuickBooks has $108.00, DunaHub sent $100.00.",
        "Waiting for customer John Smith, which needs attention.",
        "Needs attention QuickBooks already has a customer named John Smith",
        "E-mail there john@smith.example Open balance there $1,250.00",
        "Use this customer",
        "Not sent: Only payments collected through DunaHub's own card or ACH flow are sent.",
        "Not sent: Dismissed by the office: A test, not a customer.",
        "Not sent: It was last saved before QuickBooks was connected.",
        "Dismissed by dana@acme.example: A test, not a customer.",
    ],
}
UNSAID = {
    "never": ["Records", "Latest activity", "Disconnect "],
    "calm": ["Needs attention First", "Retry all", "Connect to QuickBooks"],
    "asks_first": ["Check connection"],
    "other_company": ["Reconnect ", "Disconnect "],
    "throttled": ["Retry"],
    "no_key": ["Connect to QuickBooks"],
    "no_database": ["nowhere"],
}


@pytest.mark.parametrize("state", STATES)
def test_each_state_says_what_happened_and_what_to_do(host: FakeHost, state: str) -> None:
    """Each state of the page is told in words, not in codes (rules 14, 21, 22 and 26)."""
    text = read(STATES[state](host))
    for sentence in SAID[state]:
        assert sentence in text
    for sentence in UNSAID.get(state, []):
        assert sentence not in text


@pytest.mark.parametrize("state", STATES)
def test_no_state_shows_a_secret(host: FakeHost, state: str) -> None:
    """No key, client secret, token or realm id is on any page (rule 11)."""
    html = STATES[state](host)
    config = host.config
    secrets = {config.client_secret, *config.fernet_keys, config.client_id}
    with host.runtime.database.read.connect() as db:
        for row in db.execute(sa.select(connections)):
            secrets |= {row.realm_enc, row.access_enc, row.refresh_enc} - {None}
            tokens = host.runtime.connections.tokens(db, row.id)
            if tokens is not None:
                secrets |= {tokens.access, tokens.refresh, tokens.realm_id}
    assert secrets
    for secret in secrets - {""}:
        assert secret not in html
