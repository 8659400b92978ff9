"""What people do about products: choose those of their services, and a tax code.

Nothing is added to QuickBooks' lists.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import attrs

from dunahub_qbo_plugin.connect import pause
from dunahub_qbo_plugin.model.snapshot import load
from dunahub_qbo_plugin.panel import form_input
from dunahub_qbo_plugin.panel.flash import ActionResult, because
from dunahub_qbo_plugin.panel.panel_action import (
    PIECE,
    PanelAction,
    Refusal,
    Transaction,
    in_pieces,
)
from dunahub_qbo_plugin.panel.products import MAX_SERVICES
from dunahub_qbo_plugin.review.item_causes import AffectedMappings, affected_mappings, name_key
from dunahub_qbo_plugin.store.companies import profiles
from dunahub_qbo_plugin.store.queries import attention
from dunahub_qbo_plugin.store.records import commands

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from dunahub_hookspecs import ActionRequest
    from dunahub_qbo_plugin.model import CompanyProfile
    from dunahub_qbo_plugin.panel.context import PanelContext
    from dunahub_qbo_plugin.panel.panel_action import Answer
    from dunahub_qbo_plugin.store.records.commands import Causes

INVOICES_PER_READ: Final = 500
"""Invoices that are looked through at once for what led to a dead product."""
MAX_CAUSES_RELEASED: Final = 1000
"""Causes that one choice has tried again."""
BY_NAME: Final = ""
"""The choice of going by name, then by default."""


def _choose_items(work: Transaction) -> int:
    """Keep the products that were chosen for services, each in a field of its own."""
    profile = profiles.load_profile(work.db, work.connection.id)
    services = profiles.services(work.db, work.connection.id, limit=MAX_SERVICES)
    now_chosen = {one.key: one.item_id for one in services}
    chosen = {
        name.removeprefix("item:"): values[0]
        for name, values in work.request.form.items()
        if name.startswith("item:") and values
    }
    for item in chosen.values():
        if item != BY_NAME:
            _must_be_sold(profile, item)
    changed = {
        key: item or None
        for key, item in chosen.items()
        if key in now_chosen and (item or None) != now_chosen[key]
    }
    profiles.choose_items(work.db, work.connection.id, changed)
    return len(changed)


def _choose_default(work: Transaction) -> int:
    """Keep the product for everything else."""
    item = work.request.value("item")
    _must_be_sold(profiles.load_profile(work.db, work.connection.id), item)
    profiles.choose_default(work.db, work.connection.id, item_id=item)
    return 1


def _choose_tax(work: Transaction) -> int:
    """Keep the sales tax code for invoices with tax."""
    code = work.request.value("code")
    if code not in profiles.load_profile(work.db, work.connection.id).tax_codes:
        raise Refusal(ActionResult.TAX_CODE_UNKNOWN)
    profiles.choose_tax_code(work.db, work.connection.id, tax_code_id=code)
    return 1


def _match_names(work: Transaction) -> int:
    """Choose for each service without a product the only one of the same name."""
    profile = profiles.load_profile(work.db, work.connection.id)
    by_name: dict[str, list[str]] = {}
    for item in profile.items.values():
        if item.active:
            by_name.setdefault(name_key(item.name), []).append(item.id)
    matched: dict[str, str | None] = {}
    for service in profiles.services(work.db, work.connection.id, limit=MAX_SERVICES):
        same_name = by_name.get(name_key(service.name), [])
        known = profile.items.get(service.item_id or "")
        if len(same_name) == 1 and (known is None or not known.active):
            matched[service.key] = same_name[0]
    profiles.choose_items(work.db, work.connection.id, matched)
    return len(matched)


def _refresh_items(context: PanelContext, request: ActionRequest) -> Answer:
    """Read QuickBooks' products and settings again."""
    why = context.connection_service.read_lists(request.org, request.person)
    return ActionResult.ITEMS_READ if why is None else because(ActionResult.CHECK_FAILED, why)


def _replace_item(context: PanelContext, request: ActionRequest) -> Answer:
    """Choose a product in place of a dead one, and try every record again that failed for it.

    Which services are meant is read from the invoices before anything is written.
    """
    causes, item = form_input.causes(request), request.value("item")
    if not causes.causes:
        raise Refusal(ActionResult.UNKNOWN_RECORD)
    with context.database.read.connect() as db:
        work = Transaction.of(context, db, request, connected=True)
        profile = profiles.load_profile(db, work.connection.id)
        _must_be_sold(profile, item)
        affected = _affected(work, profile, causes)
    with context.database.write.begin() as db:
        work = Transaction.of(context, db, request, connected=True)
        company = work.connection.id
        profiles.note_services(db, company, affected.services, now=work.now)
        profiles.choose_items(db, company, dict.fromkeys(affected.services, item))
        if affected.default:
            profiles.choose_default(db, company, item_id=item)
        pause.resume(db, work.connection)

    def again(work: Transaction) -> int:
        return commands.retry(
            work.db, work.connection, causes, by=work.by, now=work.now, limit=PIECE
        )

    found = in_pieces(context, request, again, connected=True)
    context.wake()
    return ActionResult.REPLACED if found else ActionResult.NOTHING_TO_RETRY


def _affected(work: Transaction, profile: CompanyProfile, causes: Causes) -> AffectedMappings:
    """Read from the invoices which services, or the default, led to the dead product."""
    services: dict[str, str] = {}
    default = False
    for cause in causes.causes:
        after = 0
        while found := attention.snapshots_of(
            work.db, work.connection, cause, limit=INVOICES_PER_READ, after=after
        ):
            after = found[-1][0]
            for _, snapshot in found:
                value = load(cause.kind, snapshot)
                affected = affected_mappings(value, profile, cause.subject)
                services.update(affected.services)
                default = default or affected.default
    return AffectedMappings(services=services, default=default)


@attrs.frozen(kw_only=True)
class _Choice:
    """Stores a choice, and then tries again what failed for what was chosen before.

    Attributes:
        change: stores it; returns how much of it is new.
        done: the answer when some is.
        nothing: the answer when none is.
        codes: of the errors that the choice can mend.
    """

    change: Callable[[Transaction], int]
    done: ActionResult = ActionResult.CHOSEN
    nothing: ActionResult = ActionResult.NOTHING_CHANGED
    codes: Collection[str] = commands.ITEM_CODES

    def __call__(self, context: PanelContext, request: ActionRequest) -> Answer:
        """Run it.

        Raises:
            NotConnected: the organization never connected.
            Refusal: the form asks for what cannot be; nothing is changed.
        """
        with context.database.write.begin() as db:
            found = self.change(Transaction.of(context, db, request, connected=False))
        if found:
            in_pieces(context, request, self._release, connected=False)
        context.wake()
        return self.done if found else self.nothing

    def _release(self, work: Transaction) -> int:
        if work.connection.disconnected_at is not None:
            return 0
        about = [
            total.cause
            for total in attention.cause_totals(work.db, work.connection, limit=MAX_CAUSES_RELEASED)
            if total.cause.code in self.codes
        ]
        causes = commands.Causes(about)
        return commands.retry(
            work.db, work.connection, causes, by=work.by, now=work.now, limit=PIECE
        )


def _must_be_sold(profile: CompanyProfile, item_id: str) -> None:
    item = profile.items.get(item_id)
    if item is None or not item.active:
        raise Refusal(ActionResult.ITEM_UNKNOWN)


ACTIONS: Final = (
    PanelAction(name="choose-item", run=_Choice(change=_choose_items), stays_open="products"),
    PanelAction(name="choose-default", run=_Choice(change=_choose_default), stays_open="products"),
    PanelAction(
        name="choose-tax",
        run=_Choice(change=_choose_tax, codes=commands.TAX_CODES),
        stays_open="products",
    ),
    PanelAction(
        name="match-names",
        run=_Choice(
            change=_match_names,
            done=ActionResult.MATCHED,
            nothing=ActionResult.NOTHING_MATCHED,
        ),
        stays_open="products",
    ),
    PanelAction(name="refresh-items", run=_refresh_items, stays_open="products"),
    PanelAction(name="replace-item", run=_replace_item),
)
