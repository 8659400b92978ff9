"""An HTTP answer, and the headers of it that count."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

import attrs

from dunahub_qbo_plugin.qbo.redact import redact

if TYPE_CHECKING:
    from collections.abc import Mapping

MAX_RETRY_AFTER = 3600.0
"""Seconds of a ``Retry-After`` that are honored at most."""


@attrs.frozen(kw_only=True)
class Answer:
    """A complete HTTP answer.

    Attributes:
        headers: names in lower case.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes = attrs.field(repr=False)


def tid_of(headers: Mapping[str, str]) -> str:
    """Return Intuit's id of the exchange; recordings spell the header in two ways."""
    tid = headers.get("intuit_tid") or headers.get("intuit-tid") or ""
    return redact(tid)[:100] if not re.fullmatch(r"[\w.-]{1,100}", tid) else tid


def retry_after(headers: Mapping[str, str], now: datetime) -> float | None:
    """Return the seconds that a ``Retry-After`` asks for, at most an hour; None without one.

    Intuit documents no such header and no recording has one; proxies send it.
    """
    value = headers.get("retry-after", "").strip()
    if value.isascii() and value.isdigit():
        return min(float(value[:9]), MAX_RETRY_AFTER)
    try:
        moment = parsedate_to_datetime(value)
    except (ValueError, TypeError, IndexError):
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return min(max((moment - now).total_seconds(), 0.0), MAX_RETRY_AFTER)
