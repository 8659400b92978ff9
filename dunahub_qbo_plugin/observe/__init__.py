"""Metrics of the plugin: counters of a process, and gauges from the database.

`measure` returns both as values, `as_json` formats them for a health page, `lines` for a person,
and `export_to_opentelemetry` exports them through OpenTelemetry. They name no company,
organization, person or token, and the number of labels is bounded.
"""

from dunahub_qbo_plugin.observe.export import export_to_opentelemetry
from dunahub_qbo_plugin.observe.figures import (
    Counters,
    Requests,
    Snapshot,
    Standing,
    counters,
    measure,
    standing,
)
from dunahub_qbo_plugin.observe.words import as_json, lines, standing_as_json

__all__ = [
    "Counters",
    "Requests",
    "Snapshot",
    "Standing",
    "as_json",
    "counters",
    "export_to_opentelemetry",
    "lines",
    "measure",
    "standing",
    "standing_as_json",
]
