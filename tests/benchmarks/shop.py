"""The near side: a plugin with its database, connected to companies of the far side."""

from __future__ import annotations

import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

import attrs
import httpx
import sqlalchemy as sa

from dunahub_hookspecs import Organization, Region
from dunahub_hookspecs.host import create_plugin_manager, notify
from dunahub_qbo_plugin.clock import SystemClock
from dunahub_qbo_plugin.config import Config, Worker
from dunahub_qbo_plugin.emulator.world.directory import DEFAULT_CLIENT_ID, DEFAULT_CLIENT_SECRET
from dunahub_qbo_plugin.plugin import QuickBooksPlugin
from dunahub_qbo_plugin.qbo.throttle import Throttles
from dunahub_qbo_plugin.runtime import build
from dunahub_qbo_plugin.store.db.cipher import generate_key
from dunahub_qbo_plugin.store.db.database import Database
from dunahub_qbo_plugin.store.tables import connections, records
from dunahub_qbo_plugin.testing import PERSON, make_invoice, make_lead, make_payment
from dunahub_qbo_plugin.testing.emulator import REDIRECT_URI
from tests.benchmarks.far_side import REALM, FarSide
from tests.support.postgres import fresh_database

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dunahub_hookspecs import Invoice, Lead, Payment

ENDLESS = 10**9


class Shop:
    """A plugin on a database, on the machine's clock, without limits of its own.

    Args:
        url: of the database.
        far: where it sends to.
        worker: who sends.
        limited: True to keep QuickBooks' limits.
    """

    def __init__(
        self, url: str, far: FarSide, *, worker: Worker = Worker.OFF, limited: bool = False
    ) -> None:
        self.far = far
        clock = SystemClock()
        self.config = Config(
            client_id=DEFAULT_CLIENT_ID,
            client_secret=DEFAULT_CLIENT_SECRET,
            fernet_keys=(generate_key(),),
            database_url=url,
            redirect_uri=REDIRECT_URI,
            api_url=far.url,
            discovery_url=f"{far.url}/.well-known/openid_configuration",
            app_url=far.url,
            worker=worker,
        )
        limits = None if limited else Throttles(clock, per_minute=ENDLESS // 10**4, per_second=9999)
        self.runtime = build(self.config, clock=clock, throttles=limits)
        self.runtime.database.prepare()
        self.plugin = QuickBooksPlugin(config=self.config)
        self.plugin._runtime = self.runtime
        self.manager = create_plugin_manager([self.plugin], load_entry_points=False)

    def close(self) -> None:
        """Stop, and close everything."""
        self.runtime.close()

    def environ(self, worker: Worker) -> dict[str, str]:
        """Return the settings as another process' environment."""
        config = self.config
        return {
            "DUNAHUB_QBO_CLIENT_ID": config.client_id,
            "DUNAHUB_QBO_CLIENT_SECRET": config.client_secret,
            "DUNAHUB_QBO_FERNET_KEYS": ",".join(config.fernet_keys),
            "DUNAHUB_QBO_DATABASE_URL": config.database_url,
            "DUNAHUB_QBO_API_URL": config.api_url,
            "DUNAHUB_QBO_DISCOVERY_URL": config.discovery_url,
            "DUNAHUB_QBO_WORKER": worker.value,
        }

    def connect(self, org: Organization, realm: str = REALM) -> str:
        """Go through the consent page; gives our id of the company."""
        linking = self.runtime.panel.connection_service
        address = linking.begin(org, PERSON, REDIRECT_URI)
        asked = {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}
        with httpx.Client(base_url=self.far.url) as http:
            sub = http.get("/_admin/").json()["users"][0]["sub"]
            answer = http.post(
                "/connect/oauth2",
                data=asked | {"user": sub, "realm": realm, "decision": "connect"},
            )
        query = parse_qs(urlsplit(answer.headers["location"]).query)
        linking.finish(org, PERSON, {name: values[0] for name, values in query.items()})
        with self.runtime.database.read.connect() as db:
            found = self.runtime.connections.current(db, org.id)
        if found is None:
            raise RuntimeError("the shop could not connect")
        return found.id

    def lead(self, org: Organization, value: Lead) -> None:
        """Tell of a lead, as a host does."""
        notify(self.manager, "on_lead_saved", org=org, lead=value, session=None)

    def invoice(self, org: Organization, value: Invoice) -> None:
        """Tell of an invoice with its lead."""
        notify(self.manager, "on_invoice_created", org=org, invoice=value, session=None)

    def payment(self, org: Organization, value: Payment) -> None:
        """Tell of a payment."""
        notify(self.manager, "on_payment_recorded", org=org, payment=value, session=None)

    def due(self) -> int:
        """Count records that are due."""
        with self.runtime.database.read.connect() as db:
            asked = sa.select(sa.func.count()).where(records.c.next_attempt_at.is_not(None))
            return int(db.execute(asked).scalar_one())

    def hold(self, *, until: int) -> None:
        """Let every company rest until a moment in milliseconds; 0 lets them go."""
        with self.runtime.database.write.begin() as db:
            db.execute(sa.update(connections).values(paused_until=until))


def org(number: int = 0) -> Organization:
    """Return an organization."""
    return Organization(id=f"org-{number}", name=f"Contractor {number}", region=Region.US)


@attrs.frozen
class Job:
    """A lead, its invoice and the payment, as a contractor makes them."""

    lead: Lead
    invoice: Invoice
    payment: Payment


def job(number: int, *, prefix: str = "") -> Job:
    """Make one, unlike all others."""
    name = f"{prefix}{number}"
    client = make_lead(f"lead-{name}")
    bill = make_invoice(f"inv-{name}", number=f"D{name}", lead=client)
    paid = make_payment(id=f"pay-{name}", invoice_id=bill.id, invoice_number=bill.number)
    return Job(client, bill, paid)


@contextmanager
def database(kind: str, server: str) -> Iterator[str]:
    """Return the address of a fresh database with our schema.

    Args:
        kind: ``sqlite`` or ``postgres``.
        server: of PostgreSQL.
    """
    if kind == "postgres":
        with fresh_database(server) as url:
            _migrate(url)
            yield url
        return
    with tempfile.TemporaryDirectory(prefix="qbo-bench-") as folder:
        url = f"sqlite:///{Path(folder) / 'qbo.sqlite3'}"
        _migrate(url)
        yield url


def _migrate(url: str) -> None:
    opened = Database(url)
    opened.prepare()
    opened.close()
