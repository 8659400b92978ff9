"""The story's result, for a script as JSON and for a person in a sentence."""

from __future__ import annotations

import json
import re
import statistics
from typing import TYPE_CHECKING

import attrs

if TYPE_CHECKING:
    from dunahub_qbo_plugin.demo.bridge import Plugins
    from dunahub_qbo_plugin.demo.narrator import Narrator
    from dunahub_qbo_plugin.demo.story import Result
    from dunahub_qbo_plugin.demo.trouble import EmulatorAdmin

_DIGITS = 3
_COMPANY_ID = re.compile(r"\d{15,}")
"""A company's id is told to nobody, not even an emulated one's: people paste what they see."""


def success(result: Result, plugins: Plugins, emulator: EmulatorAdmin) -> str:
    """Return the result as one JSON object.

    Amounts are JSON numbers in dollars, ``hook_ms`` are milliseconds, and ``requests`` are what
    the emulator saw, OAuth's included.
    """
    outage = result.outage
    return json.dumps(
        {
            "customer": attrs.asdict(result.customer),
            "invoice": attrs.asdict(result.invoice),
            "payment": attrs.asdict(result.payment),
            "invoice_total": float(result.invoice_total),
            "qbo_total": float(result.qbo_total),
            "qbo_balance": float(result.qbo_balance),
            "hook_ms": [round(call.milliseconds, _DIGITS) for call in plugins.calls],
            "requests": [
                {
                    "method": seen["method"],
                    "path": _COMPANY_ID.sub("…", seen["path"]),
                    "status": seen["status"],
                }
                for seen in emulator.requests()
            ],
            "outage": {
                **attrs.asdict(outage.record),
                "number": outage.number,
                "lost_answers": outage.lost_answers,
                "attempts": outage.attempts,
                "in_books": outage.in_books,
            },
        },
        indent=2,
    )


def failure(text: str) -> str:
    """Return what stopped the story as one JSON object."""
    return json.dumps({"error": text}, indent=2)


def summary(narrator: Narrator, plugins: Plugins) -> None:
    """Return in words how long the CRM waited for the plugin."""
    times = [call.milliseconds for call in plugins.calls]
    if times:
        narrator.blank()
        narrator.note(
            f"{len(times)} hooks; the CRM waited {statistics.median(times):.1f} ms for one in the "
            f"middle, {max(times):.1f} ms at most."
        )
