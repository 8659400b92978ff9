"""How tries ended, counted by outcome and code since the process began."""

from __future__ import annotations

import re
import threading
from collections import Counter
from typing import TYPE_CHECKING, Final

from dunahub_qbo_plugin.model import (
    ParentGone,
    Paused,
    Rejected,
    Retry,
    Skipped,
    Synced,
    Unchanged,
    Waiting,
)

if TYPE_CHECKING:
    from dunahub_qbo_plugin.model import Outcome

MOST: Final = 200
"""Pairs of outcome and code that are told apart; whatever comes after counts as `OTHER`."""
OTHER: Final = "other"
_PLAIN: Final = re.compile(r"[A-Za-z0-9_-]{1,40}")

_WORDS: Final[dict[type, str]] = {
    Synced: "synced",
    Skipped: "kept",
    Unchanged: "unchanged",
    Waiting: "waiting",
    Retry: "retry",
    Rejected: "rejected",
    ParentGone: "parent-gone",
    Paused: "paused",
}


class OutcomeCounts:
    """Counts that any thread may raise; their number is bounded, since labels come of them."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: Counter[tuple[str, str]] = Counter()

    def count(self, outcome: Outcome) -> None:
        """Count how a try ended."""
        info = getattr(outcome, "info", None)
        key = (_WORDS[type(outcome)], "" if info is None else _plain(info.code))
        with self._lock:
            if key not in self._counts and len(self._counts) >= MOST:
                key = (key[0], OTHER)
            self._counts[key] += 1

    def counts(self) -> dict[tuple[str, str], int]:
        """Return how often each outcome came with each code; a success has none."""
        with self._lock:
            return dict(self._counts)


def _plain(code: str) -> str:
    """Keep out what is no code: it would become a label."""
    return code if _PLAIN.fullmatch(code) else OTHER
