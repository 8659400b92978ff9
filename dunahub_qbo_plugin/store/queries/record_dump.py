"""Everything that is stored of one record, for a support file."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

import attrs
import sqlalchemy as sa

from dunahub_qbo_plugin.store.convert import from_ms
from dunahub_qbo_plugin.store.tables import records

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

MOMENTS: Final = (
    "saved_at",
    "created_at",
    "updated_at",
    "next_attempt_at",
    "request_at",
    "synced_at",
    "error_at",
    "first_failed_at",
)
FIGURES: Final = (
    "version",
    "connection_period",
    "attempts",
    "request_seq",
    "blocked",
    "skip_reason",
)


@attrs.frozen(kw_only=True)
class StoredRecord:
    """What is stored of one record.

    Attributes:
        snapshot: the record as DunaHub has it; contains personal data.
        figures: counters and decisions of the plugin.
        moments: times by column.
        operation: of a write whose answer is outstanding; None without one.
    """

    snapshot: Mapping[str, Any] = attrs.field(repr=False)
    figures: Mapping[str, Any]
    moments: Mapping[str, datetime | None]
    operation: str | None


def of_record(db: sa.Connection, record_id: int) -> StoredRecord:
    """Read the row of one record."""
    row = db.execute(sa.select(records).where(records.c.id == record_id)).one()
    return StoredRecord(
        snapshot=json.loads(row.snapshot),
        figures={name: getattr(row, name) for name in FIGURES},
        moments={name: from_ms(getattr(row, name)) for name in MOMENTS},
        operation=row.request_operation if row.request_key is not None else None,
    )
