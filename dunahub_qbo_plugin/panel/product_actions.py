"""What people choose for their services: QuickBooks products. Nothing is made in QuickBooks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dunahub_qbo_plugin.model.snapshot import load
from dunahub_qbo_plugin.panel import form_input
from dunahub_qbo_plugin.panel.flash import Said, because
from dunahub_qbo_plugin.review.item_causes import AffectedMappings, affected_mappings, name_key
from dunahub_qbo_plugin.store.companies import profiles
from dunahub_qbo_plugin.store.queries import attention
from dunahub_qbo_plugin.store.records import commands

if TYPE_CHECKING:
    from collections.abc import Collection

    import sqlalchemy as sa

    from dunahub_hookspecs import ActionRequest
    from dunahub_qbo_plugin.model import CompanyProfile
    from dunahub_qbo_plugin.panel.context import PanelContext
    from dunahub_qbo_plugin.panel.flash import Answer
    from dunahub_qbo_plugin.store.companies.connection import Connection
    from dunahub_qbo_plugin.store.records.commands import Causes

PIECE: Final = 500
"""Invoices that are read at once."""
BY_NAME: Final = ""
"""The choice of going by name, then by default."""


def choose_item(context: PanelContext, request: ActionRequest) -> Answer:
    """Keep the products that were chosen for services, each in a field of its own."""
    with context.database.write.begin() as db:
        connection = form_input.company(context, db, request, connected=False)
        profile = profiles.load_profile(db, connection.id)
        now_chosen = {one.key: one.item_id for one in profiles.services(db, connection.id)}
        chosen = {
            name.removeprefix("item:"): values[0]
            for name, values in request.form.items()
            if name.startswith("item:") and values
        }
        if not all(_is_sold(profile, item) for item in chosen.values() if item != BY_NAME):
            return Said.ITEM_UNKNOWN
        changed = {
            key: item or None
            for key, item in chosen.items()
            if key in now_chosen and (item or None) != now_chosen[key]
        }
        for key, item in changed.items():
            profiles.choose_item(db, connection.id, service_key=key, item_id=item)
        if changed:
            _release(db, context, request, connection)
    context.wake()
    return Said.CHOSEN if changed else Said.NOTHING_CHANGED


def choose_default(context: PanelContext, request: ActionRequest) -> Answer:
    """Keep the product for everything else."""
    item = request.value("item")
    with context.database.write.begin() as db:
        connection = form_input.company(context, db, request, connected=False)
        profile = profiles.load_profile(db, connection.id)
        if not _is_sold(profile, item):
            return Said.ITEM_UNKNOWN
        profiles.choose_default(db, connection.id, item_id=item)
        _release(db, context, request, connection)
    context.wake()
    return Said.CHOSEN


def choose_tax(context: PanelContext, request: ActionRequest) -> Answer:
    """Keep the sales tax code for invoices with tax."""
    code = request.value("code")
    with context.database.write.begin() as db:
        connection = form_input.company(context, db, request, connected=False)
        profile = profiles.load_profile(db, connection.id)
        if code not in profile.tax_codes:
            return Said.TAX_CODE_UNKNOWN
        profiles.choose_tax_code(db, connection.id, tax_code_id=code)
        _release(db, context, request, connection, commands.TAX_CODES)
    context.wake()
    return Said.CHOSEN


def match_names(context: PanelContext, request: ActionRequest) -> Answer:
    """Choose for each service without a product the only one of the same name."""
    with context.database.write.begin() as db:
        connection = form_input.company(context, db, request, connected=False)
        profile = profiles.load_profile(db, connection.id)
        by_name: dict[str, list[str]] = {}
        for item in profile.items.values():
            if item.active:
                by_name.setdefault(name_key(item.name), []).append(item.id)
        matched = 0
        for service in profiles.services(db, connection.id):
            fitting = by_name.get(name_key(service.name), [])
            known = profile.items.get(service.item_id or "")
            if len(fitting) == 1 and (known is None or not known.active):
                profiles.choose_item(db, connection.id, service_key=service.key, item_id=fitting[0])
                matched += 1
        if matched:
            _release(db, context, request, connection)
    context.wake()
    return Said.MATCHED if matched else Said.NOTHING_MATCHED


def refresh_items(context: PanelContext, request: ActionRequest) -> Answer:
    """Read QuickBooks' products and settings anew."""
    checked = context.connection_service.check(request.org)
    return Said.ITEMS_READ if checked.ok else because(Said.CHECK_FAILED, checked.why)


def replace_item(context: PanelContext, request: ActionRequest) -> Answer:
    """Choose a product in place of a dead one, and try every record again that failed for it."""
    causes, item = form_input.causes(request), request.value("item")
    if not causes.causes:
        return Said.UNKNOWN_RECORD
    with context.database.write.begin() as db:
        connection = form_input.company(context, db, request)
        profile = profiles.load_profile(db, connection.id)
        if not _is_sold(profile, item):
            return Said.ITEM_UNKNOWN
        meant = _meant(db, connection, profile, causes)
        now = context.clock.now()
        profiles.note_services(db, connection.id, meant.services, now=now)
        for key in meant.services:
            profiles.choose_item(db, connection.id, service_key=key, item_id=item)
        if meant.default:
            profiles.choose_default(db, connection.id, item_id=item)
        form_input.resume(db, connection)
        by = form_input.by(request.person)
        found = commands.retry(db, connection, causes, by=by, now=now)
    context.wake()
    return Said.REPLACED if found else Said.NOTHING_TO_RETRY


def _meant(
    db: sa.Connection, connection: Connection, profile: CompanyProfile, causes: Causes
) -> AffectedMappings:
    """Read from the invoices which services, or the default, led to the dead product."""
    meant = AffectedMappings()
    for cause in causes.causes:
        after = 0
        while found := attention.snapshots_of(db, connection, cause, limit=PIECE, after=after):
            after = found[-1][0]
            for _, snapshot in found:
                meant = meant.plus(
                    affected_mappings(load(cause.kind, snapshot), profile, cause.subject)
                )
    return meant


def _release(
    db: sa.Connection,
    context: PanelContext,
    request: ActionRequest,
    connection: Connection,
    codes: Collection[str] = commands.ITEM_CODES,
) -> None:
    """Try again what failed for what was chosen before."""
    if connection.disconnected_at is not None:
        return
    about = [
        trouble.cause
        for trouble in attention.troubles(db, connection, limit=1000)
        if trouble.cause.code in codes
    ]
    if about:
        by, now = form_input.by(request.person), context.clock.now()
        commands.retry(db, connection, commands.Causes(about), by=by, now=now)


def _is_sold(profile: CompanyProfile, item_id: str) -> bool:
    item = profile.items.get(item_id)
    return item is not None and item.active


ACTIONS: Final = {
    "choose-item": choose_item,
    "choose-default": choose_default,
    "choose-tax": choose_tax,
    "match-names": match_names,
    "refresh-items": refresh_items,
    "replace-item": replace_item,
}
