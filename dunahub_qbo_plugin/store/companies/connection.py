"""The connection to a QuickBooks company, as the store returns it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attrs

from dunahub_qbo_plugin.model import ErrorInfo, Status
from dunahub_qbo_plugin.store.convert import from_ms

if TYPE_CHECKING:
    from datetime import datetime


@attrs.frozen(kw_only=True)
class Connection:
    """A company of an organization, without tokens and realm id.

    Attributes:
        id: our own id of the company.
        pending_at: when it was chosen in place of another company; it awaits confirmation.
        paused_until: time before which nothing is sent (throttled, subscription ended).
    """

    id: str
    org_id: str
    current: bool
    connection_period: int
    environment: str
    company_name: str
    connected_at: datetime
    connected_by: str
    disconnected_at: datetime | None
    expired_at: datetime | None
    pending_at: datetime | None
    region_closed_at: datetime | None
    paused_until: datetime | None
    pause_code: str | None
    pause_cause: str
    pause_text: str | None
    profile_at: datetime | None
    settings_at: datetime | None
    grant_expires_at: datetime | None
    default_item_id: str | None
    tax_code_id: str | None

    @property
    def paused_by(self) -> ErrorInfo:
        """Why nothing is sent for a while; with no code where it is not paused."""
        return ErrorInfo(
            code=self.pause_code or "", cause=self.pause_cause, text=self.pause_text or ""
        )

    @property
    def status(self) -> Status:
        """The status that people see."""
        if self.disconnected_at is not None or self.pending_at is not None:
            return Status.NOT_CONNECTED
        return Status.CONNECTED if self.expired_at is None else Status.TOKEN_EXPIRED


@attrs.frozen(kw_only=True)
class Tokens:
    """Realm id and tokens of a company; never shown.

    Attributes:
        access_expires_at: when the access token expires.
        grant_expires_at: when a person must connect again in any case; None where Intuit did not
            say, which is not never.
    """

    realm_id: str = attrs.field(repr=False)
    access: str = attrs.field(repr=False)
    refresh: str = attrs.field(repr=False)
    access_expires_at: datetime
    refresh_expires_at: datetime | None = None
    grant_expires_at: datetime | None = None


@attrs.frozen(kw_only=True)
class Arrival:
    """The result of a consent.

    Attributes:
        connection: the company that was chosen.
        pending: True if it is another company than before, which a person must confirm.
        reconnected: True if this company was connected before.
        let_go: tokens, to be revoked, of another company that was awaiting confirmation.
    """

    connection: Connection
    pending: bool
    reconnected: bool
    let_go: Tokens | None = None


def connection_of(row: Any) -> Connection:  # noqa: ANN401  a Row
    """Return the connection of a row."""
    return Connection(
        id=row.id,
        org_id=row.org_id,
        current=row.current,
        connection_period=row.connection_period,
        environment=row.environment,
        company_name=row.company_name,
        connected_at=from_ms(row.connected_at),
        connected_by=row.connected_by,
        disconnected_at=from_ms(row.disconnected_at),
        expired_at=from_ms(row.expired_at),
        pending_at=from_ms(row.pending_at),
        region_closed_at=from_ms(row.region_closed_at),
        paused_until=from_ms(row.paused_until) if row.paused_until else None,
        pause_code=row.pause_code,
        pause_cause=row.pause_cause or "",
        pause_text=row.pause_text,
        profile_at=from_ms(row.profile_at),
        settings_at=from_ms(row.settings_at),
        grant_expires_at=from_ms(row.grant_expires_at),
        default_item_id=row.default_item_id,
        tax_code_id=row.tax_code_id,
    )
