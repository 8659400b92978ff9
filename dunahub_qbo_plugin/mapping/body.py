"""What a request body is made of before it is written as text."""

from __future__ import annotations

from typing import Any

Payload = dict[str, Any]
"""JSON values by property; every number is a `Decimal` or an `int`, never a float."""
