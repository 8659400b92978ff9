"""A record as a line of a list: its name, its sentence, its links and its buttons."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

from dunahub_qbo_plugin.model import RecordState, SkipReason, Status
from dunahub_qbo_plugin.panel import record_text
from dunahub_qbo_plugin.panel.formats import short

if TYPE_CHECKING:
    from dunahub_qbo_plugin.panel.view_context import ViewContext
    from dunahub_qbo_plugin.store.queries.records import RecordView


@attrs.frozen(kw_only=True)
class RecordLine:
    """One record, ready for a template.

    Attributes:
        key: what its buttons send.
        anchor: an id for the page, unique in it.
        tone: the color of its state.
        sentence: follows the word for its state.
        notes: what is to be said besides.
        candidate_name: what QuickBooks calls the object that it could be linked to.
        host_url, qbo_url, candidate_url: None where there is nothing to open.
        first_url, first_name: the record that needs attention before this one can go.
        link_label: the button that links it to what QuickBooks has already; empty without one.
        answers: the buttons that try it again: action and label.
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
    answers: tuple[tuple[str, str], ...]
    can_send: bool
    can_undo: bool
    first_url: str | None = None
    first_name: str = ""


def record_line(view: RecordView, view_context: ViewContext) -> RecordLine:
    """Make a record ready for a template."""
    kind, links = view.key.kind, view_context.links
    notes = (record_text.variance(view), record_text.earlier_version(view))
    left = view.state is RecordState.NOT_SENT and view.skip_reason is None
    first = view.waiting_for if view.parent_state is RecordState.ATTENTION else None
    return RecordLine(
        view=view,
        key=str(view.key),
        anchor=f"dhqbo-record-{view.id}",
        name=record_text.name(view),
        tone=record_text.TONES[view.state],
        sentence=record_text.sentence(view, view_context),
        notes=tuple(note for note in notes if note),
        host_url=links.record(view.key),
        qbo_url=links.quickbooks(kind, view.qbo_id),
        candidate_name=short(view.candidate_name) or "the one it found",
        candidate_url=links.quickbooks(kind, view.candidate_id),
        link_label=record_text.link_label(kind)
        if view.candidate_id and view.state is RecordState.ATTENTION
        else "",
        answers=record_text.answers(view),
        can_send=left and view_context.connection.status is not Status.NOT_CONNECTED,
        can_undo=view.skip_reason is SkipReason.DISMISSED,
        first_url=links.record(first) if first else None,
        first_name=f"{first.kind.word} {short(view.parent_label)}" if first else "",
    )
