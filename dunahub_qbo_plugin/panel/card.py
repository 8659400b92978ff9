"""The card on the host's page of a lead, an invoice or a payment: its state in QuickBooks."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final

import attrs

from dunahub_hookspecs import RecordCard
from dunahub_qbo_plugin.advice import Fix
from dunahub_qbo_plugin.mapping.money import amount_text
from dunahub_qbo_plugin.model import HolderKind, NameHolder, RecordKey, RecordState, Status
from dunahub_qbo_plugin.panel import formats as writing
from dunahub_qbo_plugin.panel import record_text
from dunahub_qbo_plugin.panel.formats import Formats
from dunahub_qbo_plugin.panel.history_text import created_again, history_line
from dunahub_qbo_plugin.panel.links import KIND_OF, Links
from dunahub_qbo_plugin.panel.record_line import record_line
from dunahub_qbo_plugin.panel.view_context import ViewContext
from dunahub_qbo_plugin.store import changed_there
from dunahub_qbo_plugin.store.companies import disconnections
from dunahub_qbo_plugin.store.queries import records
from dunahub_qbo_plugin.store.records import history

if TYPE_CHECKING:
    import sqlalchemy as sa

    from dunahub_hookspecs import Organization, RecordKind, SettingsRequest
    from dunahub_qbo_plugin.advice import Advice
    from dunahub_qbo_plugin.panel.context import PanelContext
    from dunahub_qbo_plugin.panel.history_text import HistoryLine
    from dunahub_qbo_plugin.panel.record_line import RecordLine
    from dunahub_qbo_plugin.store.companies.connection import Connection
    from dunahub_qbo_plugin.store.queries.records import RecordView

log = logging.getLogger(__name__)

TITLE: Final = "QuickBooks"
MAX_HISTORY_ENTRIES: Final = 20
"""Entries of the history that the card shows."""
_CHOICES: Final = frozenset({Fix.CHOOSE_ITEM, Fix.CHOOSE_TAX})
"""What is chosen where the settings page lists what needs attention."""


@attrs.frozen(kw_only=True)
class _Card:
    """What the card's template needs.

    Attributes:
        holder: who has the name that it was to have.
        row: the record; None when DunaHub told us nothing of it since QuickBooks is connected.
        fix_in_settings: True when the fix is on the settings page.
        fix_anchor: where on that page.
        created_again: that QuickBooks had it under another Id before; empty when it had not.
    """

    key: RecordKey
    row: RecordLine | None
    advice: Advice | None = None
    holder: NameHolder | None = None
    who: str = ""
    fix_in_settings: bool = False
    fix_anchor: str = ""
    created_again: str = ""
    changed_there: str = ""
    history: tuple[HistoryLine, ...] = ()


def record_card(
    context: PanelContext,
    org: Organization,
    request: SettingsRequest,
    kind: RecordKind,
    record_id: str,
) -> RecordCard | None:
    """Return the card of one record; None for an organization that never connected.

    Args:
        context: what the card stands on.
        org: whose record it is; a record of another organization is unknown here.
        request: of the plugin's panel, to which the card's forms go.
        kind: the host's kind of record.
        record_id: the host's id of it.
    """
    key = RecordKey(kind=KIND_OF[kind], local_id=record_id)
    formats = Formats.of(org.timezone, context.clock.now())
    links = Links.of(context.config, request)
    try:
        context.database.prepare()
        with context.database.read.connect() as db:
            connection = context.connections.current(db, org.id)
            if connection is None:
                return None
            card = _read(db, connection, key, formats, links)
    except Exception:
        log.exception("the card of %s of organization %s could not be read", key, org.id)
        return RecordCard(title=TITLE, html=context.templates.render("card_problem.html", {}))
    values = {
        **attrs.asdict(card, recurse=False),
        "connected": connection.status is Status.CONNECTED,
        "f": formats,
        "links": links,
        "RecordState": RecordState,
        "HolderKind": HolderKind,
        "plural": writing.plural,
        "money": amount_text,
    }
    values = {**values, "nonce": request.style_nonce}
    return RecordCard(title=TITLE, html=context.templates.render("card.html", values))


def _read(
    db: sa.Connection, connection: Connection, key: RecordKey, formats: Formats, links: Links
) -> _Card:
    view = records.one(db, connection, key)
    away = tuple(disconnections.of_company(db, connection.id))
    view_context = ViewContext(
        connection=connection, disconnections=away, formats=formats, links=links
    )
    if view is None:
        return _Card(key=key, row=None)
    row = record_line(view, view_context)
    if left_out := records.left_out(db, view):
        row = attrs.evolve(row, notes=(*row.notes, record_text.left_out(left_out)))
    advice = record_text.advice(view) if view.state is RecordState.ATTENTION else None
    entries = history.of_record(db, view.id, limit=MAX_HISTORY_ENTRIES)
    return _Card(
        key=key,
        row=row,
        advice=advice,
        holder=NameHolder.from_facts(view.error.facts) if advice and view.error else None,
        who=record_text.who(advice) if advice else "",
        fix_in_settings=advice is not None and advice.fix in {*_CHOICES, Fix.RECONNECT},
        fix_anchor="dhqbo-attention" if advice and advice.fix in _CHOICES else "",
        created_again=created_again(key.kind, entries, view.qbo_id),
        changed_there=_changed_there(db, connection, view, formats),
        history=tuple(history_line(key.kind, entry) for entry in entries),
    )


_CHANGED: Final = {
    "deleted": "deleted or made inactive",
    "void": "voided",
    "merged": "merged into another customer",
}


def _changed_there(
    db: sa.Connection, connection: Connection, view: RecordView, formats: Formats
) -> str:
    """Tell that the record was changed in QuickBooks; empty where nobody said so."""
    told = changed_there.of_record(db, connection.id, view.key.kind, view.qbo_id, view.synced_at)
    if told is None:
        return ""
    what = _CHANGED.get(told.operation, "changed")
    return (
        f"QuickBooks reported that it was {what} there {formats.ago(told.at)}. Nothing was changed "
        "here; the next comparison, in the QuickBooks settings, shows what differs."
    )
