"""Who has the name in QuickBooks that a customer of ours was to have."""

from __future__ import annotations

from decimal import Decimal
from enum import StrEnum
from typing import TYPE_CHECKING

import attrs

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dunahub_qbo_plugin.model.records import Fact


class HolderKind(StrEnum):
    """The lists of QuickBooks in which a name is used only once, in all of them together."""

    CUSTOMER = "customer"
    VENDOR = "vendor"
    EMPLOYEE = "employee"


@attrs.frozen(kw_only=True)
class NameHolder:
    """Who has a name.

    Attributes:
        active: False for one that was made inactive, which keeps its name.
        email: empty where QuickBooks has none.
        balance: what a customer owes, dollars, when the record last failed.
    """

    kind: HolderKind
    name: str
    active: bool = True
    email: str = ""
    balance: Decimal = Decimal(0)

    def to_facts(self) -> dict[str, Fact]:
        """Return it as facts of an `ErrorInfo`."""
        return {
            "holder_kind": self.kind.value,
            "holder_name": self.name,
            "holder_active": int(self.active),
            "holder_email": self.email,
            "holder_balance": str(self.balance),
        }

    @classmethod
    def from_facts(cls, facts: Mapping[str, Fact]) -> NameHolder | None:
        """Read what `to_facts` wrote; None where nobody was found."""
        if "holder_kind" not in facts:
            return None
        return cls(
            kind=HolderKind(str(facts["holder_kind"])),
            name=str(facts["holder_name"]),
            active=bool(facts["holder_active"]),
            email=str(facts["holder_email"]),
            balance=Decimal(facts["holder_balance"]),
        )
