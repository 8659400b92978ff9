"""What may be told to the host: the kinds of trouble that need a person."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import TYPE_CHECKING

import attrs

if TYPE_CHECKING:
    from datetime import datetime

Facts = Mapping[str, str]


class ConditionKind(StrEnum):
    """What needs a person, or is worth knowing."""

    ACCESS_LOST = "access-lost"
    """QuickBooks does not accept our access to a company any more."""
    ACCESS_ENDING = "access-ending"
    """Access to a company ends in some days, unless a person connects again."""
    ATTENTION = "attention"
    """Records of a company need attention."""
    SILENCE = "silence"
    """Nothing was sent to a company for long although records were made."""
    READS_USED_UP = "reads-used-up"
    """QuickBooks answers no reads of the app any more this month."""
    KEY = "key"
    """The stored tokens cannot be decrypted with the keys that are set."""
    DATABASE = "database"
    """The plugin's database cannot be used."""


@attrs.frozen(kw_only=True)
class Condition:
    """Something that is the case now.

    Attributes:
        company_id, org_id: whose; None for the whole app.
        since: when it began, aware UTC.
        facts: what the words for it need, by name.
    """

    kind: ConditionKind
    since: datetime
    company_id: str | None = None
    org_id: str | None = None
    facts: Facts = attrs.field(factory=dict)

    @property
    def key(self) -> str:
        """What tells it from the others that are the case."""
        return f"{self.kind}:{self.company_id or ''}"


@attrs.frozen(kw_only=True)
class StoredNotice:
    """A condition that is to be told, or that it is over.

    Attributes:
        id: of the condition's row.
        over: whether it is told that it is over.
        until: when it was over; None while it is the case.
        attempts: how often telling it failed.
    """

    id: str
    over: bool
    condition: Condition
    until: datetime | None = None
    attempts: int = 0
