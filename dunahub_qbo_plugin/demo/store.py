"""The CRM's own database: one SQLite file, one transaction per call.

Every look-up takes the organization, so that no page can show another one's record.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

import attrs
from sqlalchemy import Table, create_engine, event, func, insert, or_, select, update
from sqlalchemy.dialects import sqlite

from dunahub_qbo_plugin.demo import seeds, tables
from dunahub_qbo_plugin.demo.records import (
    Company,
    InvoiceRecord,
    Job,
    LeadRecord,
    Mail,
    PaymentRecord,
    Proposal,
)

if TYPE_CHECKING:
    from pathlib import Path

    from sqlalchemy.engine.interfaces import DBAPIConnection

R = TypeVar("R", LeadRecord, Proposal, Job, InvoiceRecord, PaymentRecord)

_LARGEST_ID = 2**63 - 1

_TABLES: dict[type, Table] = {
    LeadRecord: tables.LEAD,
    Proposal: tables.PROPOSAL,
    Job: tables.JOB,
    InvoiceRecord: tables.INVOICE,
    PaymentRecord: tables.PAYMENT,
}


class Store:
    """The CRM's records.

    Args:
        path: the database file. It is made, with its first organizations, when it is missing.
    """

    def __init__(self, path: Path) -> None:
        self._engine = create_engine(f"sqlite:///{path}")
        event.listen(self._engine, "connect", _prepare)
        tables.METADATA.create_all(self._engine)
        with self._engine.begin() as connection:
            if connection.execute(select(tables.COMPANY.c.id)).first() is None:
                given = [attrs.asdict(company) for company in seeds.COMPANIES]
                connection.execute(insert(tables.COMPANY), given)

    def close(self) -> None:
        """Close the file."""
        self._engine.dispose()

    def companies(self) -> list[Company]:
        """Return all organizations by name."""
        with self._engine.connect() as connection:
            rows = connection.execute(select(tables.COMPANY).order_by(tables.COMPANY.c.name))
            return [Company(**row) for row in rows.mappings()]

    def company(self, org_id: str) -> Company | None:
        """Return one organization, None when there is none of that id."""
        return next((company for company in self.companies() if company.id == org_id), None)

    def save_company(self, company: Company) -> None:
        """Save an organization's changed name, region and time zone."""
        with self._engine.begin() as connection:
            where = tables.COMPANY.c.id == company.id
            connection.execute(update(tables.COMPANY).where(where), attrs.asdict(company))

    def add(self, record: R) -> R:
        """Save a new record and return it with its id."""
        table = _TABLES[type(record)]
        with self._engine.begin() as connection:
            values = _columns(record)
            del values["id"]
            key = connection.execute(insert(table), values).inserted_primary_key
        return attrs.evolve(record, id=key[0] if key else 0)

    def change(self, record: R) -> R:
        """Save a record's new content."""
        table = _TABLES[type(record)]
        with self._engine.begin() as connection:
            where = (table.c.id == record.id) & (table.c.org_id == record.org_id)
            connection.execute(update(table).where(where), _columns(record))
        return record

    def get(self, kind: type[R], org_id: str, record_id: int) -> R | None:
        """Return one record of an organization, None when it has no such record."""
        if record_id > _LARGEST_ID:
            return None
        return next(iter(self.find(kind, org_id, id=record_id)), None)

    def find(self, kind: type[R], org_id: str, **equal: object) -> list[R]:
        """Return an organization's records whose columns equal what is given, newest first."""
        table = _TABLES[kind]
        query = select(table).where(table.c.org_id == org_id).order_by(table.c.id.desc())
        for name, value in equal.items():
            query = query.where(table.c[name] == value)
        with self._engine.connect() as connection:
            return [kind(**row) for row in connection.execute(query).mappings()]

    def take_mail(self, mail: Mail) -> None:
        """Keep what a plugin told; what is here already comes a second time in vain."""
        with self._engine.begin() as connection:
            kept = sqlite.insert(tables.MAIL).values(attrs.asdict(mail))
            connection.execute(kept.on_conflict_do_nothing(index_elements=["id"]))

    def mails(self, org_id: str) -> list[Mail]:
        """Return what was told of an organization or of the whole CRM, newest first."""
        table = tables.MAIL
        query = select(table).where(or_(table.c.org_id == org_id, table.c.org_id.is_(None)))
        query = query.order_by(table.c.came_at.desc(), table.c.over.desc(), table.c.id)
        with self._engine.connect() as connection:
            return [Mail(**row) for row in connection.execute(query).mappings()]

    def open_mails(self, org_id: str) -> int:
        """Count what was told of an organization or of the whole CRM and is not over."""
        begun, over = tables.MAIL.alias(), tables.MAIL.alias()
        ended = select(over.c.id).where(over.c.about == begun.c.about, over.c.over)
        query = select(func.count()).where(
            or_(begun.c.org_id == org_id, begun.c.org_id.is_(None)),
            begun.c.over.is_(False),
            ~ended.exists(),
        )
        with self._engine.connect() as connection:
            return int(connection.execute(query).scalar_one())


def _columns(record: attrs.AttrsInstance) -> dict[str, Any]:
    """Return a record's columns; lines stay values, their column knows how to write them."""
    return {name: getattr(record, name) for name in attrs.fields_dict(type(record))}


def _prepare(connection: DBAPIConnection, _record: object) -> None:
    cursor = connection.cursor()
    for pragma in ("journal_mode=WAL", "foreign_keys=ON", "busy_timeout=5000"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()
