"""The stored profile of a QuickBooks company: preferences, items, the office's choices."""

from __future__ import annotations

import json
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final

import attrs
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from dunahub_qbo_plugin.model import Account, CompanyProfile, Item, SalesTax, TaxCode
from dunahub_qbo_plugin.store.convert import from_ms, to_ms
from dunahub_qbo_plugin.store.tables import connections, item_maps

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from datetime import datetime


SERVICES_AT_ONCE: Final = 500
"""Services that one statement stores."""


class Stale(StrEnum):
    """What of a profile a refusal says is out of date."""

    ITEMS = "items"
    SETTINGS = "settings"


_STALE: Final = {Stale.ITEMS: "items_stale", Stale.SETTINGS: "settings_stale"}
"""The column of each."""


@attrs.frozen(kw_only=True)
class Freshness:
    """How old what is known of a company is.

    Attributes:
        lists_at: when its lists were last looked at; None before the first time.
        settings_at: when its settings were.
        stale: what is to be read before anything more is sent.
    """

    lists_at: datetime | None = None
    settings_at: datetime | None = None
    stale: frozenset[Stale] = frozenset()


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
    db: sa.Connection,
    company_id: str,
    profile: CompanyProfile,
    *,
    read: Collection[Stale] = (),
    lists_at: datetime | None = None,
    settings_at: datetime | None = None,
) -> None:
    """Store what was read from QuickBooks; the office's choices are kept.

    Args:
        db: a transaction.
        company_id: whose it is.
        profile: what is known now.
        read: what was read again, and so is not out of date any more.
        lists_at: as of when its lists are; None where no more is known of them than before.
        settings_at: the same of its settings.
    """
    known = attrs.asdict(
        profile,
        filter=attrs.filters.exclude("item_by_service", "default_item_id", "tax_code_id"),
    )
    values: dict[str, Any] = {
        "profile": json.dumps(known, separators=(",", ":")),
        "company_name": profile.name,
        **{_STALE[part]: False for part in read},
    }
    if lists_at is not None:
        values["profile_at"] = to_ms(lists_at)
    if settings_at is not None:
        values["settings_at"] = to_ms(settings_at)
    db.execute(sa.update(connections).where(connections.c.id == company_id).values(values))


def freshness(db: sa.Connection, company_id: str) -> Freshness:
    """Return how old what is known of a company is."""
    row = connections.c
    statement = sa.select(row.profile_at, row.settings_at, row.items_stale, row.settings_stale)
    found = db.execute(statement.where(row.id == company_id)).one_or_none()
    if found is None:
        return Freshness()
    return Freshness(
        lists_at=from_ms(found.profile_at),
        settings_at=from_ms(found.settings_at),
        stale=frozenset(part for part, name in _STALE.items() if getattr(found, name)),
    )


def mark_stale(db: sa.Connection, company_id: str, stale: Stale) -> None:
    """Have a part of the profile read again before the next record is sent."""
    known = sa.and_(connections.c.id == company_id, connections.c.profile_at.is_not(None))
    db.execute(sa.update(connections).where(known).values({_STALE[stale]: True}))


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


def choose_items(db: sa.Connection, company_id: str, chosen: Mapping[str, str | None]) -> None:
    """Store the office's items for services; None to choose by name again.

    Args:
        db: a transaction.
        company_id: our id of the company.
        chosen: item by service; a service that was seen on no invoice is passed over.
    """
    if not chosen:
        return
    statement = (
        sa.update(item_maps)
        .where(
            item_maps.c.company_id == company_id,
            item_maps.c.service_key == sa.bindparam("p_service"),
        )
        .values(item_id=sa.bindparam("p_item"))
    )
    db.execute(statement, [{"p_service": key, "p_item": item} for key, item in chosen.items()])


def note_services(
    db: sa.Connection, company_id: str, services: Mapping[str, str], *, now: datetime
) -> None:
    """Store services (name by key) that invoices use, so that the office can map them."""
    insert = postgresql.insert if db.dialect.name == "postgresql" else sqlite.insert
    statement = insert(item_maps)
    seen = statement.excluded
    named = list(services.items())
    for start in range(0, len(named), SERVICES_AT_ONCE):
        rows = [
            {
                "company_id": company_id,
                "service_key": key,
                "service_name": name,
                "seen_at": to_ms(now),
            }
            for key, name in named[start : start + SERVICES_AT_ONCE]
        ]
        db.execute(
            statement.values(rows).on_conflict_do_update(
                index_elements=["company_id", "service_key"],
                set_={"service_name": seen.service_name, "seen_at": seen.seen_at},
            )
        )


def services(db: sa.Connection, company_id: str, *, limit: int) -> list[Service]:
    """Return the services seen so far, by name; of more than the limit those last seen."""
    latest = (
        sa.select(item_maps)
        .where(item_maps.c.company_id == company_id)
        .order_by(item_maps.c.seen_at.desc(), item_maps.c.service_key)
        .limit(limit)
        .subquery()
    )
    rows = db.execute(
        sa.select(latest).order_by(sa.func.lower(latest.c.service_name), latest.c.service_key)
    )
    return [
        Service(key=row.service_key, name=row.service_name, item_id=row.item_id) for row in rows
    ]
