"""The connection as the page shows it."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

import attrs

from dunahub_qbo_plugin.advice import Fix, Who, advise
from dunahub_qbo_plugin.config import Environment
from dunahub_qbo_plugin.connect.pause import may_resume
from dunahub_qbo_plugin.model import Kind, RecordState, Status
from dunahub_qbo_plugin.panel import record_text
from dunahub_qbo_plugin.panel.formats import plural, short

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from dunahub_qbo_plugin.panel.formats import Formats
    from dunahub_qbo_plugin.store.companies.connection import Connection

SAY_ENDS: Final = timedelta(days=30)
"""Time before the end of a connection from which the page says so."""
ANY_COMPANY: Final = "your QuickBooks company"


@attrs.frozen(kw_only=True)
class Pause:
    """Why nothing is sent for the company now.

    Attributes:
        title, action: what happened and what to do; empty action when it passes.
        reconnect: True when connecting again helps.
        until: when it is tried again.
        support: codes for support.
        by_hand: True when a person may have it tried at once.
    """

    title: str
    action: str
    reconnect: bool
    until: datetime
    support: str
    by_hand: bool


@attrs.frozen(kw_only=True)
class StatusView:
    """The connection, ready for a template.

    Attributes:
        status: one of the three.
        company: how the QuickBooks company is called.
        ever: True when this organization was connected before or is.
        sandbox: True when it is a company for trying things out.
        read_at: when the company's settings were read; None when they are to be read again.
        waiting, attention: how many records; ``unsent`` is both.
        left_behind: how many are not sent because of a disconnect, or by decision.
        pending: the other company that awaits a yes, by name; None when there is none.
        pending_id: our id of that company.
        pause: None when records go out.
        ends_at: when a person must have reconnected; None while that is more than a month off.
        disconnected_by: who did it, empty when that is not known.
    """

    status: Status
    company: str
    ever: bool
    sandbox: bool
    connected_at: datetime | None
    connected_by: str
    disconnected_at: datetime | None
    disconnected_by: str
    expired_at: datetime | None
    last_sent: datetime | None
    read_at: datetime | None
    waiting: int
    attention: int
    left_behind: int
    pending: str | None
    pending_id: str
    pending_sandbox: bool
    pause: Pause | None
    ends_at: datetime | None = None

    @property
    def unsent(self) -> int:
        """How many records are still to be sent."""
        return self.waiting + self.attention

    @property
    def backlog(self) -> str:
        """How many records are waiting, in words."""
        return f"{plural(self.waiting, 'record')} {'is' if self.waiting == 1 else 'are'} waiting"


def status_view(
    connection: Connection | None,
    pending: Connection | None,
    counts: Mapping[Kind, Mapping[RecordState, int]],
    formats: Formats,
    *,
    last_sent: datetime | None = None,
    disconnected_by: str = "",
) -> StatusView:
    """Return the connection as the page shows it."""

    def of(shown: RecordState) -> int:
        return sum(by_state.get(shown, 0) for by_state in counts.values())

    current = connection
    return StatusView(
        status=current.status if current else Status.NOT_CONNECTED,
        company=short(current.company_name if current else "") or ANY_COMPANY,
        ever=current is not None,
        sandbox=_sandbox(current),
        connected_at=current.connected_at if current else None,
        connected_by=short(current.connected_by) if current else "",
        disconnected_at=current.disconnected_at if current else None,
        disconnected_by=short(disconnected_by),
        expired_at=current.expired_at if current else None,
        last_sent=last_sent,
        read_at=current.settings_at if current else None,
        waiting=of(RecordState.WAITING),
        attention=of(RecordState.ATTENTION),
        left_behind=of(RecordState.NOT_SENT),
        pending=(short(pending.company_name) or "another company") if pending else None,
        pending_id=pending.id if pending else "",
        pending_sandbox=_sandbox(pending),
        pause=_pause(current, formats) if current else None,
        ends_at=_ends_soon(current, formats) if current else None,
    )


def _sandbox(connection: Connection | None) -> bool:
    return connection is not None and connection.environment == Environment.SANDBOX.value


def _ends_soon(connection: Connection, formats: Formats) -> datetime | None:
    ends = connection.grant_expires_at
    return None if ends is None or ends - formats.now > SAY_ENDS else ends


def _pause(connection: Connection, formats: Formats) -> Pause | None:
    until = record_text.paused(connection, formats.now)
    if until is None or connection.status is not Status.CONNECTED:
        return None
    info = connection.paused_by
    advice = advise(Kind.CUSTOMER, info)
    return Pause(
        title=advice.title,
        action="" if advice.who is Who.NOBODY else advice.action,
        reconnect=advice.fix is Fix.RECONNECT,
        until=until,
        support=": ".join(part for part in (info.code, info.text) if part),
        by_hand=may_resume(connection),
    )
