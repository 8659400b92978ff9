"""What people do about records: retry, send, link, dismiss, undo, compare."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from dunahub_qbo_plugin.connect import pause
from dunahub_qbo_plugin.panel import form_input
from dunahub_qbo_plugin.panel.flash import ActionResult
from dunahub_qbo_plugin.panel.panel_action import (
    PIECE,
    InPieces,
    InTransaction,
    PanelAction,
    Refusal,
    Transaction,
    in_pieces,
)
from dunahub_qbo_plugin.review.task import COMPARE, DEFAULT_DAYS
from dunahub_qbo_plugin.store import tasks
from dunahub_qbo_plugin.store.records import commands

if TYPE_CHECKING:
    from dunahub_hookspecs import ActionRequest
    from dunahub_qbo_plugin.model import RecordKey
    from dunahub_qbo_plugin.panel.context import PanelContext
    from dunahub_qbo_plugin.panel.panel_action import Answer
    from dunahub_qbo_plugin.store.records.commands import Causes

HOUR: Final = timedelta(hours=1)
COMPARISONS: Final = 10
"""Comparisons of a company within an hour: each costs a metered read for each of some records."""
SEND: Final = "send"
"""The name of the task under which what was sent by hand is counted."""


def _keys(request: ActionRequest) -> list[RecordKey]:
    if keys := form_input.keys(request):
        return keys
    chosen = request.form.get("key")
    raise Refusal(ActionResult.UNKNOWN_RECORD if chosen else ActionResult.NOTHING_CHOSEN)


def _keys_or_causes(request: ActionRequest) -> list[RecordKey] | Causes:
    causes = form_input.causes(request)
    return causes if causes.causes else _keys(request)


def _retry(work: Transaction) -> int:
    which = _keys_or_causes(work.request)
    pause.resume(work.db, work.connection)
    return commands.retry(work.db, work.connection, which, by=work.by, now=work.now, limit=PIECE)


def _retry_all(context: PanelContext, request: ActionRequest) -> Answer:
    """Try all again but what asks a question, and say that there is such."""

    def again(work: Transaction) -> int:
        pause.resume(work.db, work.connection)
        return commands.retry(work.db, work.connection, None, by=work.by, now=work.now, limit=PIECE)

    found = in_pieces(context, request, again, connected=True)
    with context.database.read.connect() as db:
        work = Transaction.of(context, db, request, connected=True)
        asking = commands.asking(db, work.connection)
    context.wake()
    if asking:
        return ActionResult.RETRIED_OTHERS if found else ActionResult.ONLY_QUESTIONS
    return ActionResult.RETRIED if found else ActionResult.NOTHING_TO_RETRY


def _link(work: Transaction) -> int:
    return sum(
        commands.link(work.db, work.connection, key, by=work.by, now=work.now)
        for key in _keys(work.request)
    )


def _keep(work: Transaction) -> int:
    which = _keys_or_causes(work.request)
    return commands.keep(work.db, work.connection, which, by=work.by, now=work.now)


def _send(work: Transaction) -> int:
    keys = _keys(work.request)
    batch = tasks.begin_batch(work.db, work.connection.id, SEND, by=work.by, now=work.now)
    found = commands.send(work.db, work.connection, keys, by=work.by, now=work.now, batch=batch)
    tasks.end_batch(work.db, batch, asked=found, now=work.now)
    return found


def _send_all(context: PanelContext, request: ActionRequest) -> Answer:
    """Send all that a disconnect left behind, in batches; the page shows how far it is."""
    with context.database.write.begin() as db:
        work = Transaction.of(context, db, request, connected=True)
        batch = tasks.begin_batch(db, work.connection.id, SEND, by=work.by, now=work.now)
    total = 0
    while True:
        with context.database.write.begin() as db:
            # Read again each time: a disconnect in between ends it.
            work = Transaction.of(context, db, request, connected=True)
            found = commands.send(
                db,
                work.connection,
                None,
                by=work.by,
                now=work.now,
                batch=batch,
                limit=PIECE,
            )
            total += found
            tasks.end_batch(db, batch, asked=total, now=work.now)
        context.wake()
        if found < PIECE:
            return ActionResult.SENDING if total else ActionResult.NOTHING_TO_SEND


def _dismiss(work: Transaction) -> int:
    reason = form_input.reason(work.request)
    if not reason:
        raise Refusal(ActionResult.NO_REASON)
    which = _keys_or_causes(work.request)
    return commands.dismiss(
        work.db, work.connection, which, reason=reason, by=work.by, now=work.now, limit=PIECE
    )


def _undo(work: Transaction) -> int:
    return sum(
        commands.undo_dismiss(work.db, work.connection, key, by=work.by, now=work.now)
        for key in _keys(work.request)
    )


def _compare(work: Transaction) -> int:
    """Ask for a comparison of the last 30 days; asked twice, it runs once."""
    days = {"days": DEFAULT_DAYS}
    if tasks.asked(work.db, work.connection.id, COMPARE, since=work.now - HOUR) >= COMPARISONS:
        raise Refusal(ActionResult.TOO_OFTEN)
    return tasks.ask(work.db, work.connection.id, COMPARE, arguments=days, by=work.by, now=work.now)


ACTIONS: Final = (
    PanelAction(
        name="retry",
        run=InPieces(
            change=_retry, done=ActionResult.RETRIED, nothing=ActionResult.NOTHING_TO_RETRY
        ),
    ),
    PanelAction(name="retry-all", run=_retry_all),
    PanelAction(
        name="link",
        run=InTransaction(change=_link, done=ActionResult.LINKED, nothing=ActionResult.NOT_LINKED),
    ),
    PanelAction(
        name="keep",
        run=InTransaction(change=_keep, done=ActionResult.KEPT, nothing=ActionResult.NOTHING_KEPT),
    ),
    PanelAction(
        name="send",
        run=InTransaction(
            change=_send, done=ActionResult.SENDING, nothing=ActionResult.NOTHING_TO_SEND
        ),
    ),
    PanelAction(name="send-all", run=_send_all),
    PanelAction(
        name="dismiss",
        run=InPieces(
            change=_dismiss,
            done=ActionResult.DISMISSED,
            nothing=ActionResult.NOT_DISMISSED,
            connected=False,
        ),
    ),
    PanelAction(
        name="undo",
        run=InTransaction(
            change=_undo,
            done=ActionResult.UNDONE,
            nothing=ActionResult.NOT_UNDONE,
            connected=False,
        ),
    ),
    PanelAction(
        name="compare",
        run=InTransaction(
            change=_compare, done=ActionResult.COMPARING, nothing=ActionResult.COMPARING
        ),
        stays_open="review",
    ),
)
