"""What people do about records: retry, send, link, dismiss, undo, compare."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dunahub_qbo_plugin.panel import form_input
from dunahub_qbo_plugin.panel.flash import Said
from dunahub_qbo_plugin.review.task import COMPARE, DEFAULT_DAYS
from dunahub_qbo_plugin.store import tasks
from dunahub_qbo_plugin.store.records import commands

if TYPE_CHECKING:
    from dunahub_hookspecs import ActionRequest
    from dunahub_qbo_plugin.panel.context import PanelContext
    from dunahub_qbo_plugin.panel.flash import Answer

SEND: Final = "send"
"""The name of the task under which what was sent by hand is counted."""
PIECE: Final = 1000
"""Records that one transaction asks for, so that no hook waits long for it."""


def retry(context: PanelContext, request: ActionRequest) -> Answer:
    """Try the named records again, or all that failed for a cause."""
    which = form_input.which(request)
    if form_input.is_empty(which):
        return Said.UNKNOWN_RECORD
    with context.database.write.begin() as db:
        connection = form_input.company(context, db, request)
        form_input.resume(db, connection)
        by, now = form_input.by(request.person), context.clock.now()
        found = commands.retry(db, connection, which, by=by, now=now)
    context.wake()
    return Said.RETRIED if found else Said.NOTHING_TO_RETRY


def retry_all(context: PanelContext, request: ActionRequest) -> Answer:
    """Try everything again that needs attention, and what waits for the company."""
    with context.database.write.begin() as db:
        connection = form_input.company(context, db, request)
        form_input.resume(db, connection)
        by, now = form_input.by(request.person), context.clock.now()
        found = commands.retry(db, connection, None, by=by, now=now)
    context.wake()
    return Said.RETRIED if found else Said.NOTHING_TO_RETRY


def link(context: PanelContext, request: ActionRequest) -> Answer:
    """Link a record to the object that QuickBooks has already."""
    keys = form_input.keys(request)
    if not keys:
        return Said.UNKNOWN_RECORD
    with context.database.write.begin() as db:
        connection = form_input.company(context, db, request)
        by, now = form_input.by(request.person), context.clock.now()
        found = sum(commands.link(db, connection, key, by=by, now=now) for key in keys)
    context.wake()
    return Said.LINKED if found else Said.NOT_LINKED


def send(context: PanelContext, request: ActionRequest) -> Answer:
    """Send the named records that a disconnect left behind."""
    keys = form_input.keys(request)
    if not keys:
        return Said.UNKNOWN_RECORD if request.form.get("key") else Said.NOTHING_CHOSEN
    with context.database.write.begin() as db:
        connection = form_input.company(context, db, request)
        by, now = form_input.by(request.person), context.clock.now()
        batch = tasks.begin_batch(db, connection.id, SEND, by=by, now=now)
        found = commands.send(db, connection, keys, by=by, now=now, batch=batch)
        tasks.end_batch(db, batch, asked=found, now=now)
    context.wake()
    return Said.SENDING if found else Said.NOTHING_TO_SEND


def send_all(context: PanelContext, request: ActionRequest) -> Answer:
    """Send everything that a disconnect left behind; the page shows how far it is."""
    by, now = form_input.by(request.person), context.clock.now()
    with context.database.write.begin() as db:
        connection = form_input.company(context, db, request)
        batch = tasks.begin_batch(db, connection.id, SEND, by=by, now=now)
    total = 0
    while True:
        with context.database.write.begin() as db:
            # Read anew: a disconnect in between ends it.
            connection = form_input.company(context, db, request)
            found = commands.send(db, connection, None, by=by, now=now, batch=batch, limit=PIECE)
            total += found
            tasks.end_batch(db, batch, asked=total, now=now)
        context.wake()
        if found < PIECE:
            return Said.SENDING if total else Said.NOTHING_TO_SEND


def dismiss(context: PanelContext, request: ActionRequest) -> Answer:
    """Decide not to send the named records, for a reason."""
    which, reason = form_input.which(request), form_input.reason(request)
    if not reason:
        return Said.NO_REASON
    if form_input.is_empty(which):
        return Said.UNKNOWN_RECORD if request.form.get("key") else Said.NOTHING_CHOSEN
    with context.database.write.begin() as db:
        connection = form_input.company(context, db, request, connected=False)
        by, now = form_input.by(request.person), context.clock.now()
        found = commands.dismiss(db, connection, which, reason=reason, by=by, now=now)
    context.wake()
    return Said.DISMISSED if found else Said.NOT_DISMISSED


def undo(context: PanelContext, request: ActionRequest) -> Answer:
    """Take a dismissal back."""
    keys = form_input.keys(request)
    if not keys:
        return Said.UNKNOWN_RECORD
    with context.database.write.begin() as db:
        connection = form_input.company(context, db, request, connected=False)
        by, now = form_input.by(request.person), context.clock.now()
        found = sum(commands.undo_dismiss(db, connection, key, by=by, now=now) for key in keys)
    context.wake()
    return Said.UNDONE if found else Said.NOT_UNDONE


def compare(context: PanelContext, request: ActionRequest) -> Answer:
    """Have the last 30 days compared with QuickBooks; asked twice, it runs once."""
    with context.database.write.begin() as db:
        connection = form_input.company(context, db, request)
        tasks.ask(
            db,
            connection.id,
            COMPARE,
            arguments={"days": DEFAULT_DAYS},
            by=form_input.by(request.person),
            now=context.clock.now(),
        )
    context.wake()
    return Said.COMPARING


ACTIONS: Final = {
    "retry": retry,
    "retry-all": retry_all,
    "link": link,
    "send": send,
    "send-all": send_all,
    "dismiss": dismiss,
    "undo": undo,
    "compare": compare,
}
