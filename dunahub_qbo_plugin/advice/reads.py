"""Words for what QuickBooks was read for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dunahub_qbo_plugin.model import ReadReason

if TYPE_CHECKING:
    from collections.abc import Mapping

_FOR: Final = {
    ReadReason.CONNECT: "to connect",
    ReadReason.WEEKLY: "for the weekly look at lists and settings",
    ReadReason.OFFICE: "for a person who asked",
    ReadReason.REFUSAL: "to explain what QuickBooks refused",
    ReadReason.CHANGED: "of records that were changed in QuickBooks",
    ReadReason.LOOK: "to look for what may have arrived already",
    ReadReason.COMPARE: "to compare",
}


def read_for(counts: Mapping[ReadReason, int]) -> str:
    """Return what reads were for, the most first: ``5 to connect, 1 to compare``."""
    most = sorted(counts.items(), key=lambda pair: -pair[1])
    return ", ".join(f"{number:,} {_FOR[reason]}" for reason, number in most)
