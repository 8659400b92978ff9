"""Remove secrets from foreign text before it is stored, shown or logged."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

HIDDEN = "[hidden]"
MAX_TEXT_LENGTH = 500
"""Characters of a text that are kept."""
MIN_SECRET_LENGTH = 6
"""Characters of the shortest known secret that is searched for; shorter ones match ordinary words.
"""

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
# JSON can encode a lone surrogate, which no database or page accepts.
_HALF = re.compile(r"[\ud800-\udfff]")
_SPACES = re.compile(r" {2,}")


def redact(text: str, *, secrets: Iterable[str] = (), suspicious: bool = False) -> str:
    """Return a foreign text that is safe to store and show.

    Known secrets, what follows "Bearer" or "token", and words that look like a token (at least 24
    letters and digits mixed) are hidden; white space is folded, and the text cut at 500 characters.

    Args:
        text: as received.
        secrets: values that must not appear: the token that was sent, the realm id.
        suspicious: True for answers known to repeat tokens (401): words of 12 are hidden too.
    """
    # The text may have megabytes: what cannot appear in the result is not searched.
    text = text[: 20 * MAX_TEXT_LENGTH]
    for secret in sorted(secrets, key=len, reverse=True):
        if len(secret) >= MIN_SECRET_LENGTH:
            text = text.replace(secret, HIDDEN)
    text = _BEARER.sub(rf"\1 {HIDDEN}", text)
    text = _COMPLAINT.sub(rf"\1{HIDDEN}", text)
    text = _NAMED.sub(rf"\1\2{HIDDEN}", text)
    text = _JWT.sub(HIDDEN, text)
    text = (_SHORT_WORD if suspicious else _WORD).sub(HIDDEN, text)
    text = _HALF.sub("\ufffd", text)
    text = _SPACES.sub(" ", _CONTROL.sub(" ", text)).strip()
    return text if len(text) <= MAX_TEXT_LENGTH else text[: MAX_TEXT_LENGTH - 1].rstrip() + "…"
