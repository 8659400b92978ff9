"""The CRM of the crash proof: a table of records, and their values for the hooks.

A host tells the plugin of each change in one of two ways, as hosts do:

- `Outbox`: the CRM keeps a database of its own. It commits the record, marked as untold, then
  calls the hook, and clears the mark once the plugin has the row in its database. A host that is
  killed in between tells it again at its next start; telling twice is harmless.
- `Shared`: the CRM's table lies in the plugin's database, and record and hook are one transaction.
  Nothing is ever told again: both are there or neither is.
"""

from __future__ import annotations

import json
import random
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

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
from dunahub_hookspecs.host import notify

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    import pluggy

Fields = dict[str, Any]
Change = Fields
"""``kind``, ``id``, and the record's fields: an invoice's ``lead``, ``cents`` and ``void``, a
payment's ``invoice`` and ``cents``, a lead's ``version``."""
DAY = date(2026, 3, 2)

metadata = sa.MetaData()
crm = sa.Table(
    "crm_record",
    metadata,
    sa.Column("org", sa.String, primary_key=True),
    sa.Column("kind", sa.String, primary_key=True),
    sa.Column("id", sa.String, primary_key=True),
    sa.Column("fields", sa.String, nullable=False),
    sa.Column("told", sa.Boolean, nullable=False),
    sa.Column("seq", sa.Integer, nullable=False),
)


def open_ledger(url: str) -> sa.Engine:
    """Open a CRM's database; make its table."""
    waits = {"timeout": 30} if url.startswith("sqlite") else {}
    engine = sa.create_engine(url, connect_args=waits)
    metadata.create_all(engine)
    return engine


def records(engine: sa.Engine, org: str) -> list[Change]:
    """Return what the CRM holds of an organization."""
    with engine.connect() as db:
        rows = db.execute(sa.select(crm).where(crm.c.org == org).order_by(crm.c.kind, crm.c.id))
        return [json.loads(row.fields) for row in rows]


def organization(org: str) -> Organization:
    """Return the organization."""
    return Organization(id=org, name=org, region=Region.US)


def lead_name(local_id: str) -> str:
    """Return the name of a lead."""
    return f"Customer {local_id}"


def save(db: sa.Connection | Session, org: str, change: Change, *, told: bool) -> None:
    """Write a record in a transaction of the CRM."""
    key = {"org": org, "kind": change["kind"], "id": change["id"]}
    db.execute(
        sa.delete(crm).where(*(crm.c[name] == value for name, value in key.items())),
    )
    newest = db.execute(sa.select(sa.func.max(crm.c.seq))).scalar() or 0
    db.execute(
        sa.insert(crm).values(**key, fields=json.dumps(change), told=told, seq=newest + 1),
    )


class Host:
    """One host process: it saves changes and calls the hooks.

    Args:
        ledger: of the CRM.
        org: whose host it is.
        manager: with the plugin.
        kept: tells whether the plugin has everything in its database; for an outbox.
        shared: the ledger lies in the plugin's database.
    """

    def __init__(
        self,
        *,
        ledger: sa.Engine,
        org: str,
        manager: pluggy.PluginManager,
        kept: Callable[[], bool],
        shared: bool,
    ) -> None:
        self._ledger = ledger
        self._org = org
        self._manager = manager
        self._kept = kept
        self._shared = shared
        self._told: list[str] = []

    def start(self, mine: Iterable[str]) -> None:
        """Tell again what a process before this one may not have told.

        Args:
            mine: prefixes of the ids that this host is in charge of.
        """
        if self._shared:
            return
        with self._ledger.connect() as db:
            untold = sa.select(crm).where(crm.c.org == self._org, sa.not_(crm.c.told))
            rows = list(db.execute(untold.order_by(crm.c.seq)))
        for row in rows:
            if row.id.startswith(tuple(mine)):
                self._tell(json.loads(row.fields), None)
                self._mark(row.fields)

    def change(self, burst: list[Change], *, seed: int) -> None:
        """Save several records in one transaction and tell of each, in any order."""
        order = list(burst)
        random.Random(seed).shuffle(order)  # noqa: S311  replayable, not secret
        if self._shared:
            with Session(self._ledger) as session:
                if self._ledger.dialect.name == "sqlite":
                    session.execute(sa.text("BEGIN IMMEDIATE"))
                for change in burst:
                    save(session, self._org, change, told=True)
                for change in order:
                    self._tell(change, session)
                session.commit()
            return
        with self._ledger.begin() as db:
            for change in burst:
                save(db, self._org, change, told=False)
        for change in order:
            self._tell(change, None)
            self._mark(json.dumps(change))

    def end(self) -> None:
        """Clear the marks that are left, if the plugin wrote all down when it was shut down."""
        if self._kept():
            self._clear()

    def _mark(self, fields: str) -> None:
        self._told.append(fields)
        if self._kept():
            self._clear()

    def _clear(self) -> None:
        with self._ledger.begin() as db:
            for fields in self._told:
                # Only if it was not changed since.
                db.execute(
                    sa.update(crm)
                    .where(crm.c.org == self._org, crm.c.fields == fields)
                    .values(told=True)
                )
        self._told.clear()

    def _tell(self, change: Change, session: Session | None) -> None:
        org = organization(self._org)
        match change["kind"]:
            case "customer":
                notify(self._manager, "on_lead_saved", org=org, lead=_lead(change), session=session)
            case "invoice":
                hook = "on_invoice_updated" if change["void"] else "on_invoice_created"
                invoice = self._invoice(change, session)
                notify(self._manager, hook, org=org, invoice=invoice, session=session)
            case _:
                notify(
                    self._manager,
                    "on_payment_recorded",
                    org=org,
                    payment=_payment(change),
                    session=session,
                )

    def _invoice(self, change: Change, session: Session | None) -> Invoice:
        asked = sa.select(crm.c.fields).where(
            crm.c.org == self._org, crm.c.kind == "customer", crm.c.id == change["lead"]
        )
        if session is not None:
            lead = json.loads(session.execute(asked).scalar_one())
        else:
            with self._ledger.connect() as db:
                lead = json.loads(db.execute(asked).scalar_one())
        return Invoice(
            id=change["id"],
            number=change["id"],
            lead=_lead(lead),
            lines=[LineItem(unit_price=Decimal(change["cents"]) / 100, service_name="Services")],
            issued_on=DAY,
            status=InvoiceStatus.VOID if change["void"] else InvoiceStatus.OPEN,
        )


def _lead(change: Change) -> Lead:
    return Lead(
        id=change["id"],
        name=lead_name(change["id"]),
        email=f"v{change['version']}@{change['id']}.example",
    )


def _payment(change: Change) -> Payment:
    return Payment(
        id=change["id"],
        invoice_id=change["invoice"],
        invoice_number=change["invoice"],
        amount=Decimal(change["cents"]) / 100,
        method=PaymentMethod.CARD,
        collected_by_dunahub=True,
        paid_on=DAY,
        reference=f"pi_{change['id']}",
    )
