"""What a plugin tells its host of its own accord: that a person is needed, and that it is over."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Any

import attrs

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime
    from decimal import Decimal


class Audience(StrEnum):
    """Who has to act."""

    OFFICE = "office"
    """The people of one organization."""
    OPERATOR = "operator"
    """Whoever runs the host."""


def _aware(_: object, attribute: attrs.Attribute[Any], value: datetime | None) -> None:
    if value is not None and value.tzinfo is None:
        raise ValueError(f"{attribute.name} needs a time zone")


@attrs.frozen(kw_only=True)
class Notice:
    """One thing that a plugin has to tell: something began that needs a person, or it is over.

    A plugin tells it through `Host.notify`, again until that returns, and so possibly twice: the
    ``id`` is the same then. Quiet hours, digests and the way it takes (e-mail, a bell, a chat
    message) are the host's.

    Attributes:
        id: of this notice; a host that has it already ignores it.
        about: what it is about, the same for the notice that it began and the one that it is over.
        kind: a stable name for what it is, such as ``attention``; each plugin documents its own.
        over: False when it began, True when it is over.
        audience: who has to act.
        org_id: the organization's id; None when it concerns the whole host.
        panel: the slug of the panel that shows more; None when there is none.
        since: when it began, aware UTC.
        until: when it was over, or will be; None when nobody knows.
        title: in a few words, for a bell or a subject line (American English, plain text).
        text: what happened and what to do, in a few sentences (plain text).
        count: how many records it concerns; None where that says nothing.
        amount: what they add up to, dollars; None where that says nothing.
        details: more of it by name, for words of the host's own.
    """

    id: str
    about: str
    kind: str
    over: bool
    audience: Audience
    org_id: str | None
    panel: str | None
    since: datetime = attrs.field(validator=_aware)
    until: datetime | None = attrs.field(default=None, validator=_aware)
    title: str
    text: str
    count: int | None = None
    amount: Decimal | None = None
    details: Mapping[str, str] = attrs.field(factory=dict)
