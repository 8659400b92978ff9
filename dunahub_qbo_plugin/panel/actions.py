"""What people can do from the page and the record card: every action, guarded.

An action works in the current company of the organization that the host passed, and the store
changes records of that company only: a key of somebody else's record finds nothing.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final

from dunahub_hookspecs import Action, Redirect
from dunahub_qbo_plugin.errors import ConfigurationError, NotConnected
from dunahub_qbo_plugin.model import RecordKey
from dunahub_qbo_plugin.panel import company_actions, downloads, product_actions, record_actions
from dunahub_qbo_plugin.panel.flash import Said, tone_of
from dunahub_qbo_plugin.panel.links import host_record, page_address

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from dunahub_hookspecs import ActionRequest, Download
    from dunahub_qbo_plugin.panel.context import PanelContext
    from dunahub_qbo_plugin.panel.flash import Answer

    Handler = Callable[[PanelContext, ActionRequest], Answer]

log = logging.getLogger(__name__)

_POST: Final[Mapping[str, Handler]] = (
    company_actions.ACTIONS | record_actions.ACTIONS | product_actions.ACTIONS
)
_GET: Final[Mapping[str, Handler]] = {"callback": company_actions.callback} | downloads.ACTIONS
"""They change nothing, but for the callback, which its ``state`` guards."""
_STAYS_OPEN: Final = {
    "choose-item": "products",
    "choose-default": "products",
    "choose-tax": "products",
    "match-names": "products",
    "refresh-items": "products",
    "compare": "review",
}
"""Sections that are shown again after an action of theirs, but for one that mends a cause."""


def panel_actions(context: PanelContext) -> tuple[Action, ...]:
    """Return every action of the panel."""
    posted = (
        Action(name=name, method="POST", handle=_guarded(context, name, handler))
        for name, handler in _POST.items()
    )
    got = (
        Action(name=name, method="GET", handle=_guarded(context, name, handler))
        for name, handler in _GET.items()
    )
    return (*posted, *got)


def _guarded(
    context: PanelContext, name: str, handler: Handler
) -> Callable[[ActionRequest], Redirect | Download]:
    """Turn whatever goes wrong into a sentence on the page; only the log learns the details."""

    def handle(request: ActionRequest) -> Redirect | Download:
        answer: Answer
        try:
            context.database.prepare()
            answer = handler(context, request)
        except ConfigurationError as error:
            log.warning("the action %s needs an operator: %s", name, error)
            answer = Said.SETUP
        except NotConnected:
            answer = Said.NOT_CONNECTED
        except Exception:
            log.exception("the action %s failed for organization %s", name, request.org.id)
            answer = Said.TROUBLE
        if not isinstance(answer, str):
            return answer
        return Redirect(url=_back(request, name, answer))

    return handle


def _back(request: ActionRequest, name: str, said: str) -> str:
    """Lead back to the record on whose card it was pressed, unless the page must explain it."""
    if tone_of(said) != "bad" and (record := request.value("card")):
        try:
            address = host_record(request.record_url, RecordKey.parse(record))
        except ValueError:
            address = None
        if address is not None:
            return address
    opened = "" if request.value("cause") else _STAYS_OPEN.get(name, "")
    anchor = f"dhqbo-{opened}" if opened else ""
    return page_address(request.page_url, anchor, qbo=said, open=opened)
