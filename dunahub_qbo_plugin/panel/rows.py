"""A record as a line of a list: its name, its sentence, its links and its buttons."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

from dunahub_qbo_plugin.model import Hold, Shown, Status
from dunahub_qbo_plugin.panel import words
from dunahub_qbo_plugin.panel.formats import short

if TYPE_CHECKING:
    from dunahub_qbo_plugin.panel.desk import Desk
    from dunahub_qbo_plugin.store.views import RecordView


@attrs.frozen(kw_only=True)
class Row:
    """One record, ready for a template.

    Attributes:
        key: what its buttons send.
        anchor: an id for the page, unique in it.
        tone: the color of its state.
        sentence: follows the word for its state.
        notes: what is to be said besides.
        candidate_name: what QuickBooks calls the object that it could be linked to.
        host_url, qbo_url, candidate_url: None where there is nothing to open.
        link_label: the button that links it to what QuickBooks has already; empty without one.
        can_send, can_undo: which buttons help.
    """

    view: RecordView
    key: str
    anchor: str
    name: str
    tone: str
    sentence: str
    notes: tuple[str, ...]
    host_url: str | None
    qbo_url: str | None
    candidate_url: str | None
    candidate_name: str
    link_label: str
    can_send: bool
    can_undo: bool


def row(view: RecordView, desk: Desk) -> Row:
    """Make a record ready for a template."""
    kind, links = view.key.kind, desk.links
    notes = (words.variance(view), words.earlier_version(view))
    left = view.shown is Shown.NOT_SENT and view.hold is None
    return Row(
        view=view,
        key=str(view.key),
        anchor=f"dhqbo-record-{view.id}",
        name=words.name(view),
        tone=words.TONES[view.shown],
        sentence=words.sentence(view, desk),
        notes=tuple(note for note in notes if note),
        host_url=links.record(view.key),
        qbo_url=links.quickbooks(kind, view.qbo_id),
        candidate_name=short(view.candidate_name) or "the one it found",
        candidate_url=links.quickbooks(kind, view.candidate_id),
        link_label=words.link_label(kind)
        if view.candidate_id and view.shown is Shown.ATTENTION
        else "",
        can_send=left and desk.connection.status is not Status.NOT_CONNECTED,
        can_undo=view.hold is Hold.DISMISSED,
    )
