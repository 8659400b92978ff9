"""An office on a test's bench: plugin, database and a QuickBooks company, on one clock.

Everything is real but time and, unless a test wants sockets, the network.
"""

from __future__ import annotations

import tempfile
from datetime import date
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import httpx
import sqlalchemy as sa

from dunahub_hookspecs import (
    Address,
    Invoice,
    Lead,
    LineItem,
    Organization,
    Payment,
    PaymentMethod,
    Person,
    Region,
)
from dunahub_hookspecs.host import create_plugin_manager, notify
from dunahub_qbo_plugin.config import Config, Worker
from dunahub_qbo_plugin.emulator.emulator import Emulator
from dunahub_qbo_plugin.emulator.world.directory import DEFAULT_CLIENT_ID, DEFAULT_CLIENT_SECRET
from dunahub_qbo_plugin.emulator.world.world import SEEDS, World
from dunahub_qbo_plugin.model import Kind, RecordKey, RecordState
from dunahub_qbo_plugin.plugin import QuickBooksPlugin
from dunahub_qbo_plugin.runtime import build
from dunahub_qbo_plugin.store.db.cipher import generate_key
from dunahub_qbo_plugin.store.db.database import Database
from dunahub_qbo_plugin.store.queries import records as views
from dunahub_qbo_plugin.store.tables import records
from tests.support.clock import FakeClock

if TYPE_CHECKING:
    from dunahub_qbo_plugin.clock import Clock
    from dunahub_qbo_plugin.connect.results import CallbackResult
    from dunahub_qbo_plugin.emulator.world.trouble import TroubleRule
    from dunahub_qbo_plugin.store.companies.connection import Connection
    from dunahub_qbo_plugin.store.queries.records import RecordView

ACME = Organization(id="acme", name="ACME Gutters", region=Region.US)
DANA = Person(id="dana", name="Dana", email="dana@acme.example")
REDIRECT = "https://crm.example/settings/quickbooks/callback"
CONTRACTOR = SEEDS["contractor"][0]
EMPTY = SEEDS["empty"][0]
TAXED = SEEDS["automated_tax"][0]


class Office:
    """One plugin with one emulator.

    Args:
        folder: where the database goes.
        clock: shared by both sides.
        emulator: another one than a fresh default.
        database_url: another database than SQLite in the folder.
        key: another Fernet key than a fresh one.
        worker: who sends; by default nobody but `drain`.
    """

    def __init__(
        self,
        folder: Path,
        *,
        clock: Clock | None = None,
        emulator: Emulator | None = None,
        database_url: str | None = None,
        key: str | None = None,
        worker: Worker = Worker.OFF,
    ) -> None:
        self.clock = clock or FakeClock()
        self.emulator = emulator or Emulator(
            World.default(clock=self.clock.now, redirect_uris=(REDIRECT,))
        )
        self.key = key or generate_key()
        self.config = Config(
            client_id=DEFAULT_CLIENT_ID,
            client_secret=DEFAULT_CLIENT_SECRET,
            fernet_keys=(self.key,),
            database_url=database_url or f"sqlite:///{folder / 'qbo.sqlite3'}",
            redirect_uri=REDIRECT,
            api_url=self.emulator.base_url,
            discovery_url=f"{self.emulator.base_url}/.well-known/openid_configuration",
            app_url=self.emulator.base_url,
            worker=worker,
        )
        if database_url is None:
            copy_schema(folder / "qbo.sqlite3")
        self.runtime = build(self.config, clock=self.clock, transport=self.emulator.transport())
        self.runtime.database.prepare()
        self.plugin = QuickBooksPlugin(config=self.config)
        self.plugin._runtime = self.runtime
        self.manager = create_plugin_manager([self.plugin], load_entry_points=False)

    def close(self) -> None:
        """Close files and connections."""
        self.runtime.close()

    @property
    def time(self) -> FakeClock:
        """The clock, where the test rules time."""
        assert isinstance(self.clock, FakeClock)
        return self.clock

    # What the office does.

    def connect(
        self, realm: str = CONTRACTOR, *, org: Organization = ACME, person: Person = DANA
    ) -> CallbackResult:
        """Go through Intuit's consent page, choosing a company."""
        linking = self.runtime.panel.connection_service
        address = linking.begin(org, person, REDIRECT)
        return linking.finish(org, person, self.consent(address, realm))

    def consent(self, address: str, realm: str) -> dict[str, str]:
        """Press Connect on the consent page; gives the callback's parameters."""
        asked = {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}
        with self.emulator.client() as http:
            answer = http.post(
                "/connect/oauth2",
                data=asked
                | {
                    "user": next(iter(self.emulator.world.users)),
                    "realm": realm,
                    "decision": "connect",
                },
            )
        assert answer.status_code == httpx.codes.FOUND, answer.text
        query = parse_qs(urlsplit(answer.headers["location"]).query)
        return {name: values[0] for name, values in query.items()}

    def notify(self, hook: str, **values: Any) -> None:  # noqa: ANN401  a hook's own
        """Call a hook as a host does, after its own commit."""
        arguments = {"org": ACME, "session": None} | values
        notify(self.manager, hook, **arguments)

    def save(self, *values: Lead | Invoice | Payment, org: Organization = ACME) -> None:
        """Tell the plugin of records, each through its hook."""
        for value in values:
            if isinstance(value, Lead):
                self.notify("on_lead_saved", org=org, lead=value)
            elif isinstance(value, Invoice):
                self.notify("on_invoice_updated", org=org, invoice=value)
            else:
                self.notify("on_payment_recorded", org=org, payment=value)

    def drain(self, *, org: Organization = ACME) -> int:
        """Send what is due now."""
        self.runtime.intake.flush()
        return self.runtime.drainer.drain(self.connection(org=org).id)

    def drain_until_quiet(self, *, org: Organization = ACME, hours: float = 6.0) -> None:
        """Let time pass and send, until nothing is due any more."""
        for _ in range(int(hours * 60)):
            self.drain(org=org)
            with self.runtime.database.read.connect() as db:
                if db.execute(
                    sa.select(records.c.id).where(records.c.next_attempt_at.is_not(None))
                ).first():
                    self.clock.sleep(60)
                    continue
            return
        raise AssertionError("records are still due after hours")

    def say_yes(self, *, org: Organization = ACME) -> bool:
        """Go over to the other company that was chosen, as a person who was asked about it."""
        with self.runtime.database.read.connect() as db:
            pending = self.runtime.connections.pending(db, org.id)
        return self.runtime.panel.connection_service.confirm(
            org, DANA, pending.id if pending else ""
        )

    # What can be seen.

    def connection(self, *, org: Organization = ACME) -> Connection:
        """Return the organization's company."""
        with self.runtime.database.read.connect() as db:
            found = self.runtime.connections.current(db, org.id)
        assert found is not None, "the organization never connected"
        return found

    def view(self, kind: Kind, local_id: str, *, org: Organization = ACME) -> RecordView:
        """Return a record as people see it."""
        found = self.look(kind, local_id, org=org)
        assert found is not None, f"there is no {kind} {local_id}"
        return found

    def look(self, kind: Kind, local_id: str, *, org: Organization = ACME) -> RecordView | None:
        """Return a record, or None: a busy database lets a hook's row go through memory first."""
        with self.runtime.database.read.connect() as db:
            return views.one(db, self.connection(org=org), RecordKey(kind=kind, local_id=local_id))

    def shows(self, kind: Kind, local_id: str, shown: RecordState) -> bool:
        """Return whether a record is there and shown so."""
        found = self.look(kind, local_id)
        return found is not None and found.state is shown

    def has_failed(self, kind: Kind, local_id: str) -> bool:
        """Return whether a record is there and has an error."""
        found = self.look(kind, local_id)
        return found is not None and found.error is not None

    def rows(self) -> list[Any]:
        """Return every record's row, raw."""
        with self.runtime.database.read.connect() as db:
            return list(db.execute(sa.select(records).order_by(records.c.id)))

    def books(self, realm: str = CONTRACTOR) -> dict[str, Any]:
        """Return everything in a QuickBooks company."""
        return self.emulator.books(realm)

    def trouble(self, rule: TroubleRule) -> int:
        """Let the next matching requests go wrong."""
        return self.emulator.trouble(rule)


@cache
def _template() -> bytes:
    """Make a migrated database once per run: a migration takes longer than most tests."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "template.sqlite3"
        database = Database(f"sqlite:///{path}")
        database.prepare()
        with database.write.connect() as connection:
            connection.exec_driver_sql("COMMIT")
            connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
        database.close()
        return path.read_bytes()


def copy_schema(path: Path) -> None:
    """Put a migrated, empty database there unless there is one."""
    if not path.exists():
        path.write_bytes(_template())


def lead(local_id: str = "lead-1", **changes: Any) -> Lead:  # noqa: ANN401  Lead's own
    """Make a lead."""
    values: dict[str, Any] = {
        "id": local_id,
        "name": f"Sarah Jones {local_id}",
        "email": f"{local_id}@example.com",
        "phone": "(512) 555-0142",
        "address": Address(
            line1="12 Oak St", city="Austin", state="TX", postal_code="78701", country="USA"
        ),
    }
    return Lead(**values | changes)


def invoice(local_id: str = "inv-1", **changes: Any) -> Invoice:  # noqa: ANN401  Invoice's own
    """Make an invoice with one line of 2 x $50.00."""
    values: dict[str, Any] = {
        "id": local_id,
        "number": f"D-{local_id}",
        "lead": lead(),
        "lines": [
            LineItem(
                description="Gutter cleaning",
                quantity=Decimal(2),
                unit_price=Decimal("50.00"),
                service_id="svc-1",
                service_name="Gutter Cleaning",
            )
        ],
        "issued_on": date(2026, 3, 2),
        "due_on": date(2026, 4, 1),
    }
    return Invoice(**values | changes)


def payment(local_id: str = "pay-1", **changes: Any) -> Payment:  # noqa: ANN401  Payment's own
    """Make a card payment of $100.00 collected through DunaHub."""
    values: dict[str, Any] = {
        "id": local_id,
        "invoice_id": "inv-1",
        "invoice_number": "D-inv-1",
        "amount": Decimal("100.00"),
        "method": PaymentMethod.CARD,
        "collected_by_dunahub": True,
        "paid_on": date(2026, 3, 3),
        "reference": f"pi_{local_id}",
    }
    return Payment(**values | changes)
