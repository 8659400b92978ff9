"""Take out of a foreign text what must not be stored, shown or logged."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

HIDDEN = "[hidden]"
MAX_TEXT = 500
SHORTEST_SECRET = 6
"""Shorter known secrets are not looked for: they would match parts of ordinary words."""

_BEARER = re.compile(r"(?i)\b(bearer|basic)\s+[\w.~+/=*-]{8,}")
_NAMED = re.compile(
    r"(?i)\b(access_token|refresh_token|client_secret|token)(\"?\s*[=:]\s*\"?)[^\s\"&,;]{6,}"
)
# Intuit's 401 puts the token after its complaint: "Token expired: AB01...".
_COMPLAINT = re.compile(r"(?i)(\btoken\s+\w+\s*:\s*)\S+")
_JWT = re.compile(r"\beyJ[\w-]+(\.[\w-]*)*")
_WORD = re.compile(r"(?<![\w-])(?=[\w-]*\d)(?=[\w-]*[A-Za-z])[\w-]{24,}(?![\w-])", re.ASCII)
_SHORT_WORD = re.compile(r"(?<![\w-])(?=[\w-]*\d)(?=[\w-]*[A-Za-z])[\w-]{12,}(?![\w-])", re.ASCII)
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")
# JSON can spell half of a surrogate pair, which is no text: no database or page takes it.
_HALF = re.compile(r"[\ud800-\udfff]")
_SPACES = re.compile(r" {2,}")


def redact(text: str, *, secrets: Iterable[str] = (), suspicious: bool = False) -> str:
    """Make a foreign text fit to be stored and shown.

    Hides what is known to be secret, what follows "Bearer" or "token", and words that look like
    a token (at least 24 letters and digits mixed); folds white space and cuts at 500 characters.

    Args:
        text: as it came.
        secrets: values that must not appear: the token that was sent, the realm id.
        suspicious: True for answers known to repeat tokens (401): words of 12 are hidden too.
    """
    # A foreign text may be megabytes: what could not appear in the result is not searched.
    text = text[: 20 * MAX_TEXT]
    for secret in sorted(secrets, key=len, reverse=True):
        if len(secret) >= SHORTEST_SECRET:
            text = text.replace(secret, HIDDEN)
    text = _BEARER.sub(rf"\1 {HIDDEN}", text)
    text = _COMPLAINT.sub(rf"\1{HIDDEN}", text)
    text = _NAMED.sub(rf"\1\2{HIDDEN}", text)
    text = _JWT.sub(HIDDEN, text)
    text = (_SHORT_WORD if suspicious else _WORD).sub(HIDDEN, text)
    text = _HALF.sub("\ufffd", text)
    text = _SPACES.sub(" ", _CONTROL.sub(" ", text)).strip()
    return text if len(text) <= MAX_TEXT else text[: MAX_TEXT - 1].rstrip() + "…"
