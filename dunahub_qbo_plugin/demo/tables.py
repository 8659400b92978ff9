"""The CRM's tables in its SQLite file. Money is kept as text, so that no cent is lost."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import attrs
from sqlalchemy import Boolean, Column, Date, ForeignKey, Integer, MetaData, Table, Text
from sqlalchemy.types import TypeDecorator

from dunahub_qbo_plugin.demo.records import Line

if TYPE_CHECKING:
    from sqlalchemy.engine import Dialect


class Money(TypeDecorator[Decimal]):
    """A Decimal as text."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Decimal | None, dialect: Dialect) -> str | None:  # noqa: ARG002  SQLAlchemy's signature
        """Write the exact figure."""
        return None if value is None else str(value)

    def process_result_value(self, value: str | None, dialect: Dialect) -> Decimal | None:  # noqa: ARG002  SQLAlchemy's signature
        """Read it back."""
        return None if value is None else Decimal(value)


class Lines(TypeDecorator[tuple[Line, ...]]):
    """The lines of a proposal or an invoice as JSON."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: tuple[Line, ...] | None, dialect: Dialect) -> str:  # noqa: ARG002  SQLAlchemy's signature
        """Write the lines."""
        return json.dumps([attrs.asdict(line) for line in value or ()], default=str)

    def process_result_value(self, value: str | None, dialect: Dialect) -> tuple[Line, ...]:  # noqa: ARG002  SQLAlchemy's signature
        """Read them back."""
        return tuple(_line(given) for given in json.loads(value or "[]"))


def _line(given: dict[str, Any]) -> Line:
    money = {name: Decimal(given[name]) for name in ("quantity", "unit_price")}
    return Line(**{**given, **money})


METADATA = MetaData()


def _text(name: str) -> Column[str]:
    return Column(name, Text, nullable=False)


COMPANY = Table(
    "company",
    METADATA,
    Column("id", Text, primary_key=True),
    *(_text(name) for name in ("name", "region", "timezone")),
)
LEAD = Table(
    "lead",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("org_id", Text, ForeignKey("company.id"), nullable=False, index=True),
    *(_text(name) for name in ("name", "company", "email", "phone", "line1", "line2")),
    *(_text(name) for name in ("city", "state", "postal_code")),
    sqlite_autoincrement=True,
)
PROPOSAL = Table(
    "proposal",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("org_id", Text, ForeignKey("company.id"), nullable=False, index=True),
    Column("lead_id", Integer, ForeignKey("lead.id"), nullable=False, index=True),
    _text("title"),
    Column("lines", Lines, nullable=False),
    _text("status"),
    sqlite_autoincrement=True,
)
JOB = Table(
    "job",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("org_id", Text, ForeignKey("company.id"), nullable=False, index=True),
    Column("lead_id", Integer, ForeignKey("lead.id"), nullable=False, index=True),
    Column("proposal_id", Integer, ForeignKey("proposal.id"), nullable=False, unique=True),
    _text("title"),
    Column("scheduled_on", Date, nullable=False),
    _text("status"),
    sqlite_autoincrement=True,
)
INVOICE = Table(
    "invoice",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("org_id", Text, ForeignKey("company.id"), nullable=False, index=True),
    Column("lead_id", Integer, ForeignKey("lead.id"), nullable=False, index=True),
    Column("job_id", Integer, nullable=False, index=True),
    _text("number"),
    Column("lines", Lines, nullable=False),
    *(Column(name, Money, nullable=False) for name in ("discount", "tax", "total")),
    Column("issued_on", Date, nullable=False),
    Column("due_on", Date),
    _text("message"),
    Column("voided", Boolean, nullable=False),
    sqlite_autoincrement=True,
)
PAYMENT = Table(
    "payment",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("org_id", Text, ForeignKey("company.id"), nullable=False, index=True),
    Column("invoice_id", Integer, ForeignKey("invoice.id"), nullable=False, index=True),
    Column("amount", Money, nullable=False),
    _text("paid_by"),
    Column("paid_on", Date, nullable=False),
    _text("reference"),
    sqlite_autoincrement=True,
)
MAIL = Table(
    "mail",
    METADATA,
    Column("id", Text, primary_key=True),
    Column("org_id", Text, index=True),
    *(_text(name) for name in ("about", "audience", "title", "text", "came_at")),
    Column("panel", Text),
    Column("over", Boolean, nullable=False),
)
