"""Answers kept under the request id they were given for, and replayed byte by byte."""

from __future__ import annotations

from collections import OrderedDict
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import attrs

from dunahub_qbo_plugin.emulator.books import request_faults

if TYPE_CHECKING:
    from dunahub_qbo_plugin.emulator.books.company_settings import CompanySettings

MAX_LENGTH = 50


@attrs.frozen(kw_only=True)
class StoredAnswer:
    """One stored answer: what was asked, what was answered, and when."""

    asked: int
    answer: object
    at: datetime


class RequestIds:
    """The stored answers of one company.

    Intuit's blog (2015-04-06) and a live probe (2026-08): a repeated id gets the first
    response, the same bytes including its time, and nothing is done again.
    """

    def __init__(self, settings: CompanySettings) -> None:
        """Start with none."""
        self._settings = settings
        self._kept: OrderedDict[str, StoredAnswer] = OrderedDict()

    def find(self, request_id: str, asked: int, now: datetime) -> object | None:
        """Return the answer given before, if it is still kept.

        Args:
            request_id: The id, for a batch item with its bId appended.
            asked: Hash of what is asked now.
            now: The time.

        Raises:
            QboFaultError: 600 if another request was sent under this id and
                `request_id_mismatch` says so.
        """
        kept = self._kept.get(request_id)
        if kept is None or not self._fresh(kept, now):
            return None
        if kept.asked != asked and self._settings.request_id_mismatch == "fault_600":
            raise request_faults.duplicate_request_id(request_id)
        return kept.answer

    def keep(self, request_id: str, asked: int, answer: object, now: datetime) -> None:
        """Store an answer; those past their time are dropped."""
        self._kept[request_id] = StoredAnswer(asked=asked, answer=answer, at=now)
        while self._kept:
            first = next(iter(self._kept))
            if self._fresh(self._kept[first], now):
                return
            del self._kept[first]

    def _fresh(self, kept: StoredAnswer, now: datetime) -> bool:
        return now - kept.at < timedelta(seconds=self._settings.requestid_retention)
