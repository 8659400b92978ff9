"""Log a lasting problem when it begins and when it ends, not each time it is met."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dunahub_qbo_plugin.errors import cause_of

if TYPE_CHECKING:
    import logging


class LogOnce:
    """One kind of problem, as one thread meets it.

    Args:
        log: the logger.
        text: the message, to which the cause is appended.
        over: the message once the problem is gone; nothing is logged if it is empty.
    """

    def __init__(self, log: logging.Logger, text: str, over: str = "") -> None:
        self._log = log
        self._text = text
        self._over = over
        self._cause = ""

    def note(self, error: Exception) -> None:
        """Note that the problem is there; log it if the cause is a new one."""
        cause = cause_of(error)
        if cause != self._cause:
            self._log.warning("%s (%s); it is tried again", self._text, cause)
        self._cause = cause

    def clear(self) -> None:
        """Note that the problem is not there; log it if it was there before."""
        if self._cause and self._over:
            self._log.warning("%s", self._over)
        self._cause = ""
