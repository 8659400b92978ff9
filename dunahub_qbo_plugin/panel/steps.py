"""The first steps after connecting, each done when it can be seen in the records."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

from dunahub_qbo_plugin.model import Kind, RecordState
from dunahub_qbo_plugin.store.queries import sent

if TYPE_CHECKING:
    from collections.abc import Mapping

    import sqlalchemy as sa

    from dunahub_qbo_plugin.model import CompanyProfile
    from dunahub_qbo_plugin.panel.status import StatusView
    from dunahub_qbo_plugin.store.companies.connection import Connection


@attrs.frozen(kw_only=True)
class Step:
    """One of the first steps.

    Attributes:
        hint: how to do it; shown until it is done.
    """

    done: bool
    title: str
    hint: str = ""


def read_steps(
    db: sa.Connection,
    connection: Connection,
    profile: CompanyProfile,
    status: StatusView,
    counts: Mapping[Kind, Mapping[RecordState, int]],
) -> tuple[Step, ...]:
    """Return the steps."""

    def arrived(kind: Kind) -> bool:
        return counts[kind][RecordState.SYNCED] > 0

    invoices = arrived(Kind.INVOICE)
    return (
        Step(done=True, title="Your organization is in the United States"),
        Step(
            done=connection.disconnected_at is None,
            title="QuickBooks is connected",
            hint="Press Connect to QuickBooks above.",
        ),
        Step(
            done=bool(profile.name),
            title=f"QuickBooks answered as {status.company}"
            if profile.name
            else "QuickBooks told the name of the company",
            hint="Press Check connection above.",
        ),
        Step(
            done=arrived(Kind.CUSTOMER),
            title="A customer arrived",
            hint="Save a lead in DunaHub. It can be a test: make it inactive in QuickBooks later.",
        ),
        Step(
            done=invoices and sent.any_total_agrees(db, connection),
            title="An invoice arrived, and its total is the same on both sides",
            hint="An invoice arrived with a different total: see below under Latest activity."
            if invoices
            else "Make an invoice for that customer, open it in QuickBooks and look at its lines.",
        ),
        Step(
            done=arrived(Kind.PAYMENT),
            title="A payment arrived",
            hint="Collect a payment by card or ACH through DunaHub. Other payments are not sent.",
        ),
    )
