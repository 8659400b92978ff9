"""Logs a trouble when it begins and when it is over, not each time that it is met."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import logging


class Trouble:
    """One sort of trouble, for one thread.

    Args:
        log: where it is told.
        text: what the trouble is; its cause is put behind it.
        over: what is told once it has passed; nothing where it is empty.
    """

    def __init__(self, log: logging.Logger, text: str, over: str = "") -> None:
        self._log = log
        self._text = text
        self._over = over
        self._cause = ""

    def is_met(self, cause: str) -> None:
        """Note that it is there, by the name of its cause."""
        if cause != self._cause:
            self._log.warning("%s (%s); it is tried again", self._text, cause)
        self._cause = cause

    def is_over(self) -> None:
        """Note that it is not there."""
        if self._cause and self._over:
            self._log.warning("%s", self._over)
        self._cause = ""
