"""Everything that people can do from the page and the record card, guarded."""

from __future__ import annotations

import logging
from functools import partial
from typing import TYPE_CHECKING, Final

from dunahub_hookspecs import Action, Redirect
from dunahub_qbo_plugin.errors import ConfigurationError, NotConnected, QboError
from dunahub_qbo_plugin.model import RecordKey
from dunahub_qbo_plugin.panel import company_actions, downloads, product_actions, record_actions
from dunahub_qbo_plugin.panel.flash import ActionResult, tone_of
from dunahub_qbo_plugin.panel.form_input import MAX_KEY_LENGTH, TooMany
from dunahub_qbo_plugin.panel.links import host_record, page_address
from dunahub_qbo_plugin.panel.panel_action import Refusal
from dunahub_qbo_plugin.store.queries import records

if TYPE_CHECKING:
    from dunahub_hookspecs import ActionRequest, Download
    from dunahub_qbo_plugin.panel.context import PanelContext
    from dunahub_qbo_plugin.panel.panel_action import Answer, PanelAction

log = logging.getLogger(__name__)

ACTIONS: Final = (
    *company_actions.ACTIONS,
    *record_actions.ACTIONS,
    *product_actions.ACTIONS,
    *downloads.ACTIONS,
)


def panel_actions(context: PanelContext) -> tuple[Action, ...]:
    """Return every action of the panel."""
    return tuple(
        Action(name=action.name, method=action.method, handle=partial(_handle, context, action))
        for action in ACTIONS
    )


def _handle(
    context: PanelContext, action: PanelAction, request: ActionRequest
) -> Redirect | Download:
    """Run an action; whatever goes wrong is a message on the page, its details are in the log."""
    answer: Answer
    try:
        context.database.prepare()
        answer = action.run(context, request)
    except Refusal as refusal:
        answer = refusal.result
    except TooMany:
        answer = ActionResult.TOO_MANY
    except ConfigurationError as error:
        log.warning("the action %s needs an operator: %s", action.name, error)
        answer = ActionResult.SETUP
    except NotConnected:
        answer = ActionResult.NOT_CONNECTED
    except QboError as error:
        log.warning("the action %s came to nothing: %s", action.name, error)
        answer = ActionResult.TROUBLE
    except Exception:
        log.exception("the action %s failed for organization %s", action.name, request.org.id)
        answer = ActionResult.TROUBLE
    if not isinstance(answer, str):
        return answer
    return Redirect(url=_back(context, request, action, answer))


def _card(context: PanelContext, request: ActionRequest, record: str) -> str | None:
    """Return the address of a record's page, where it is one of the organization's own.

    A host makes the address of the id: one that a person made up may lead anywhere in it.
    """
    try:
        key = RecordKey.parse(record[:MAX_KEY_LENGTH])
        with context.database.read.connect() as db:
            connection = context.connections.current(db, request.org.id)
            known = connection is not None and records.one(db, connection, key) is not None
    except ValueError:
        return None
    except Exception as error:  # noqa: BLE001  the action is done; the page says what is wrong
        log.warning("a record's page could not be looked up: %s", type(error).__name__)
        return None
    return host_record(request.record_url, key) if known else None


def _back(context: PanelContext, request: ActionRequest, action: PanelAction, code: str) -> str:
    """Return the page to go to: the record's, if it was asked on its card and all went well."""
    if tone_of(code) != "bad" and (record := request.value("card")):
        address = _card(context, request, record)
        if address is not None:
            return address
    # What fixes a cause is shown where the cause was, not in the section of the same action.
    opened = "" if request.value("cause") else action.stays_open
    anchor = f"dhqbo-{opened}" if opened else ""
    return page_address(request.page_url, anchor, qbo=code, open=opened)
