"""The stored profile of a QuickBooks company: preferences, items, the office's choices."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

import attrs
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from dunahub_qbo_plugin.model import Account, CompanyProfile, Item, SalesTax, TaxCode
from dunahub_qbo_plugin.store.convert import from_ms, to_ms
from dunahub_qbo_plugin.store.tables import connections, item_maps

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime


PROFILE_LIFETIME: Final = timedelta(days=1)
"""Age up to which a stored profile is used without reading it again."""


@attrs.frozen(kw_only=True)
class Service:
    """A DunaHub service that was seen on an invoice.

    Attributes:
        key: the host's id of it.
        item_id: QuickBooks' item chosen by the office; None for that of its name, or the default.
    """

    key: str
    name: str
    item_id: str | None


def save_profile(
    db: sa.Connection, company_id: str, profile: CompanyProfile, *, now: datetime
) -> None:
    """Store what was read from QuickBooks; the office's choices are kept."""
    read = attrs.asdict(
        profile,
        filter=attrs.filters.exclude("item_by_service", "default_item_id", "tax_code_id"),
    )
    db.execute(
        sa.update(connections)
        .where(connections.c.id == company_id)
        .values(
            profile=json.dumps(read, separators=(",", ":")),
            profile_at=to_ms(now),
            company_name=profile.name,
        )
    )


def profile_is_read(db: sa.Connection, company_id: str) -> bool:
    """Return whether a profile is stored and was not invalidated."""
    statement = sa.select(connections.c.profile_at).where(connections.c.id == company_id)
    return db.execute(statement).scalar_one_or_none() is not None


def profile_is_fresh(db: sa.Connection, company_id: str, *, now: datetime) -> bool:
    """Return whether the stored profile is younger than `PROFILE_LIFETIME`."""
    statement = sa.select(connections.c.profile_at).where(connections.c.id == company_id)
    read_at = db.execute(statement).scalar_one_or_none()
    return read_at is not None and now - from_ms(read_at) < PROFILE_LIFETIME


def forget_profile(db: sa.Connection, company_id: str) -> None:
    """Invalidate the profile, so that it is read again before the next record is sent."""
    db.execute(sa.update(connections).where(connections.c.id == company_id).values(profile_at=None))


def load_profile(db: sa.Connection, company_id: str) -> CompanyProfile:
    """Return the stored profile with the office's choices; defaults if nothing was read yet."""
    row = db.execute(
        sa.select(
            connections.c.profile, connections.c.default_item_id, connections.c.tax_code_id
        ).where(connections.c.id == company_id)
    ).one_or_none()
    if row is None:
        return CompanyProfile()
    chosen = db.execute(
        sa.select(item_maps.c.service_key, item_maps.c.item_id).where(
            item_maps.c.company_id == company_id, item_maps.c.item_id.is_not(None)
        )
    )
    return attrs.evolve(
        _read(json.loads(row.profile) if row.profile else {}),
        default_item_id=row.default_item_id,
        tax_code_id=row.tax_code_id,
        item_by_service={found.service_key: found.item_id for found in chosen},
    )


def _read(stored: Mapping[str, Any]) -> CompanyProfile:
    known = {field.name for field in attrs.fields(CompanyProfile)}
    values = {name: value for name, value in stored.items() if name in known}
    for name, kind in (("items", Item), ("accounts", Account), ("tax_codes", TaxCode)):
        values[name] = {key: kind(**one) for key, one in values.get(name, {}).items()}
    if "sales_tax" in values:
        values["sales_tax"] = SalesTax(values["sales_tax"])
    return CompanyProfile(**values)


def choose_default(db: sa.Connection, company_id: str, *, item_id: str | None) -> None:
    """Store the office's default item."""
    where = connections.c.id == company_id
    db.execute(sa.update(connections).where(where).values(default_item_id=item_id))


def choose_tax_code(db: sa.Connection, company_id: str, *, tax_code_id: str | None) -> None:
    """Store the sales tax code that the office chose for invoices with tax."""
    where = connections.c.id == company_id
    db.execute(sa.update(connections).where(where).values(tax_code_id=tax_code_id))


def choose_item(
    db: sa.Connection, company_id: str, *, service_key: str, item_id: str | None
) -> bool:
    """Store the office's item for one service; None to choose by name again.

    Returns:
        False if no such service was seen on an invoice.
    """
    chosen = db.execute(
        sa.update(item_maps)
        .where(item_maps.c.company_id == company_id, item_maps.c.service_key == service_key)
        .values(item_id=item_id)
    )
    return chosen.rowcount > 0


def note_services(
    db: sa.Connection, company_id: str, services: Mapping[str, str], *, now: datetime
) -> None:
    """Store services (name by key) that invoices use, so that the office can map them."""
    insert = postgresql.insert if db.dialect.name == "postgresql" else sqlite.insert
    for key, name in services.items():
        statement = insert(item_maps).values(
            company_id=company_id, service_key=key, service_name=name, seen_at=to_ms(now)
        )
        db.execute(
            statement.on_conflict_do_update(
                index_elements=["company_id", "service_key"],
                set_={"service_name": name, "seen_at": to_ms(now)},
            )
        )


def services(db: sa.Connection, company_id: str) -> list[Service]:
    """Return the services seen so far, by name."""
    rows = db.execute(
        sa.select(item_maps)
        .where(item_maps.c.company_id == company_id)
        .order_by(sa.func.lower(item_maps.c.service_name), item_maps.c.service_key)
    )
    return [
        Service(key=row.service_key, name=row.service_name, item_id=row.item_id) for row in rows
    ]
