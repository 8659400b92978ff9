"""Keep realm ids out of what httpx logs."""

from __future__ import annotations

import logging

from dunahub_qbo_plugin.qbo.redact import HIDDEN

_COMPANY = "/v3/company/"


class _HideRealm(logging.Filter):
    """Removes the realm id from the URLs that httpx logs; Intuit wants it in no log."""

    def filter(self, record: logging.LogRecord) -> bool:
        if isinstance(record.args, tuple):
            record.args = tuple(_without_realm(item) for item in record.args)
        return True


def _without_realm(item: object) -> object:
    """Hide the realm id wherever it occurs: ``/companyinfo/`` has it a second time."""
    text = str(item) if type(item).__name__ == "URL" else item
    if not isinstance(text, str) or _COMPANY not in text:
        return item
    address = text.partition("?")[0]
    realm = address.partition(_COMPANY)[2].partition("/")[0]
    return address.replace(realm, HIDDEN) if realm else address


def hide_realms_in_log() -> None:
    """Add the filter to httpx's logger, once."""
    logger = logging.getLogger("httpx")
    if not any(isinstance(item, _HideRealm) for item in logger.filters):
        logger.addFilter(_HideRealm())
