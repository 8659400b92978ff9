"""The type of a request body before it is encoded."""

from __future__ import annotations

from typing import Any

Payload = dict[str, Any]
"""JSON values by property; numbers are `Decimal` or `int`, never floats."""
