"""What the records that a drain has in its hands have in common."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

from dunahub_hookspecs import Invoice
from dunahub_qbo_plugin.mapping.text import one_line
from dunahub_qbo_plugin.model import Kind

if TYPE_CHECKING:
    from concurrent.futures import Executor

    from dunahub_qbo_plugin.model import Claim, Intent


@attrs.frozen
class Senders:
    """The threads that carry requests.

    Attributes:
        documents: several, for invoices and payments.
        customers: one alone, since QuickBooks wants names written one after the other.
    """

    documents: Executor
    customers: Executor

    def of(self, claim: Claim) -> Executor:
        """Give those that a record goes with."""
        return self.customers if claim.key.kind is Kind.CUSTOMER else self.documents


def lane_of(claim: Claim) -> str | None:
    """Name what must not be written to twice at the same time: an invoice with its payments."""
    if claim.key.kind is Kind.INVOICE:
        return claim.key.local_id
    if claim.key.kind is Kind.PAYMENT and claim.parent is not None:
        return claim.parent.key.local_id
    return None


def services_of(intents: list[tuple[Claim, Intent]]) -> dict[str, str]:
    """Give the DunaHub services that are about to be sent, id to name."""
    return {
        line.service_id: one_line(line.service_name)
        for claim, _ in intents
        if isinstance(claim.value, Invoice)
        for line in claim.value.lines
        if line.service_id is not None and line.service_id == one_line(line.service_id)
    }
