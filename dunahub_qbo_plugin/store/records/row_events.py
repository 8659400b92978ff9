"""What happens to a record, as `store.records.transitions.next_row` takes it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

if TYPE_CHECKING:
    from datetime import datetime

    from dunahub_qbo_plugin.model import ErrorInfo, Intent, Outcome


@attrs.frozen(kw_only=True)
class Committed:
    """An intent is about to leave, for the first time or once more."""

    intent: Intent


@attrs.frozen(kw_only=True)
class Answered:
    """A try ended.

    Attributes:
        outcome: how.
        intent: what was sent; None when nothing was.
        version: of the record when it was claimed.
        retry_at: for a `Retry` or a `Waiting` that has a time, when to try again.
        parent_ready: for a `Waiting`: the parent arrived between the look and now.
        is_anothers: Id of the object that was found and is another record's of ours.
    """

    outcome: Outcome
    intent: Intent | None = None
    version: int
    retry_at: datetime | None = None
    parent_ready: bool = False
    is_anothers: str | None = None


@attrs.frozen(kw_only=True)
class ParentReady:
    """What it waited for is in QuickBooks, or was decided on by a person."""


@attrs.frozen(kw_only=True)
class RoomAppeared:
    """The invoice of a payment has room again: some of the payment may be applied nowhere.

    Attributes:
        connection_period: that of the company now: somebody asked for the invoice of an earlier
            one, and the payment belongs to it.
    """

    connection_period: int


@attrs.frozen(kw_only=True)
class LostInQuickBooks:
    """A child's refusal told that the object is gone from QuickBooks."""

    info: ErrorInfo


@attrs.frozen(kw_only=True)
class RetryAsked:
    """A person pressed Retry.

    Attributes:
        by_name: True for this very record or its cause; False for all there are.
        keep_theirs: True where what both sides changed is to stay as QuickBooks has it.
    """

    by_name: bool
    keep_theirs: bool = False


@attrs.frozen(kw_only=True)
class SendAsked:
    """A person had sent what a disconnect left behind.

    Attributes:
        batch: the task under which it is counted.
    """

    connection_period: int
    batch: int | None = None


@attrs.frozen(kw_only=True)
class LinkAsked:
    """A person said that the object that was offered is this record."""

    connection_period: int


@attrs.frozen(kw_only=True)
class Dismissed:
    """A person decided that it is not to be sent."""

    reason: str


@attrs.frozen(kw_only=True)
class DismissalUndone:
    """A person took that back."""


Event = (
    Committed
    | Answered
    | ParentReady
    | RoomAppeared
    | LostInQuickBooks
    | RetryAsked
    | SendAsked
    | LinkAsked
    | Dismissed
    | DismissalUndone
)
