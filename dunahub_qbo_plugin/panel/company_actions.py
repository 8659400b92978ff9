"""What people do about the connection: connect, confirm, check, disconnect."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dunahub_hookspecs import Redirect
from dunahub_qbo_plugin.panel import form_input
from dunahub_qbo_plugin.panel.flash import Said, because

if TYPE_CHECKING:
    from dunahub_hookspecs import ActionRequest
    from dunahub_qbo_plugin.panel.context import PanelContext
    from dunahub_qbo_plugin.panel.flash import Answer


def connect(context: PanelContext, request: ActionRequest) -> Answer:
    """Send the person to Intuit's consent page."""
    back = context.config.redirect_uri or f"{request.action_url}/callback"
    return Redirect(url=context.connection_service.begin(request.org, request.person, back))


def callback(context: PanelContext, request: ActionRequest) -> Answer:
    """Take what Intuit's consent page sent back; ``state`` guards it."""
    finished = context.connection_service.finish(request.org, request.person, request.query)
    return because(Said(finished.kind.value), finished.why)


def disconnect(context: PanelContext, request: ActionRequest) -> Answer:
    """Stop sending, and give the access back."""
    done = context.connection_service.disconnect(request.org, request.person)
    return Said.DISCONNECTED if done.revoked else Said.NOT_REVOKED


def check(context: PanelContext, request: ActionRequest) -> Answer:
    """Ask QuickBooks whether the connection works, without making a record."""
    checked = context.connection_service.check(request.org)
    return Said.CHECKED if checked.ok else because(Said.CHECK_FAILED, checked.why)


def confirm_company(context: PanelContext, request: ActionRequest) -> Answer:
    """Go over to the other company that was chosen."""
    asked_about = request.value("company")
    done = context.connection_service.confirm(request.org, request.person, asked_about)
    return Said.CONFIRMED if done else Said.NOT_CONFIRMED


def cancel_company(context: PanelContext, request: ActionRequest) -> Answer:
    """Let go of the other company that was chosen."""
    context.connection_service.cancel(request.org, request.person)
    return Said.CANCELED


def resume(context: PanelContext, request: ActionRequest) -> Answer:
    """Cut a company's pause short, after what caused it was mended."""
    with context.database.write.begin() as db:
        form_input.resume(db, form_input.company(context, db, request))
    context.wake()
    return Said.RETRIED


ACTIONS: Final = {
    "connect": connect,
    "disconnect": disconnect,
    "check": check,
    "confirm-company": confirm_company,
    "cancel-company": cancel_company,
    "resume": resume,
}
