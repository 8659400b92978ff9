"""What people do about the connection: connect, confirm, check, disconnect."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dunahub_hookspecs import Redirect
from dunahub_qbo_plugin.connect import pause
from dunahub_qbo_plugin.panel.flash import ActionResult, because
from dunahub_qbo_plugin.panel.panel_action import InTransaction, PanelAction

if TYPE_CHECKING:
    from dunahub_hookspecs import ActionRequest
    from dunahub_qbo_plugin.panel.context import PanelContext
    from dunahub_qbo_plugin.panel.panel_action import Answer, Transaction


def _connect(context: PanelContext, request: ActionRequest) -> Answer:
    back = context.config.redirect_uri or f"{request.action_url}/callback"
    return Redirect(url=context.connection_service.begin(request.org, request.person, back))


def _callback(context: PanelContext, request: ActionRequest) -> Answer:
    came = context.connection_service.finish(request.org, request.person, request.query)
    return because(ActionResult(came.kind.value), came.why)


def _disconnect(context: PanelContext, request: ActionRequest) -> Answer:
    revoked = context.connection_service.disconnect(request.org, request.person)
    return ActionResult.DISCONNECTED if revoked else ActionResult.NOT_REVOKED


def _check(context: PanelContext, request: ActionRequest) -> Answer:
    why = context.connection_service.check(request.org, request.person)
    return ActionResult.CHECKED if why is None else because(ActionResult.CHECK_FAILED, why)


def _confirm_company(context: PanelContext, request: ActionRequest) -> Answer:
    asked_about = request.value("company")
    done = context.connection_service.confirm(request.org, request.person, asked_about)
    return ActionResult.CONFIRMED if done else ActionResult.NOT_CONFIRMED


def _cancel_company(context: PanelContext, request: ActionRequest) -> Answer:
    context.connection_service.cancel(request.org, request.person)
    return ActionResult.CANCELED


def _resume(work: Transaction) -> int:
    pause.resume(work.db, work.connection)
    return 1


ACTIONS: Final = (
    PanelAction(name="connect", run=_connect),
    PanelAction(name="callback", run=_callback, method="GET"),
    PanelAction(name="disconnect", run=_disconnect),
    PanelAction(name="check", run=_check),
    PanelAction(name="confirm-company", run=_confirm_company),
    PanelAction(name="cancel-company", run=_cancel_company),
    PanelAction(
        name="resume",
        run=InTransaction(change=_resume, done=ActionResult.RETRIED, nothing=ActionResult.RETRIED),
    ),
)
