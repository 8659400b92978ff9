"""Parse Intuit's tokens strictly: one that cannot be used is refused."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import attrs

from dunahub_qbo_plugin.errors import Unreachable
from dunahub_qbo_plugin.model import ErrorInfo
from dunahub_qbo_plugin.qbo.auth import Secret

if TYPE_CHECKING:
    from collections.abc import Mapping

_TOKEN = re.compile(r"[\x21-\x7e]{1,8192}")
_MOST_DIGITS = 10


@attrs.frozen(kw_only=True)
class TokenSet:
    """A successful answer of the token endpoint.

    Attributes:
        expires_in: seconds that the access token lasts (an hour).
        refresh_expires_in: seconds that the refresh token lasts unless used (about 100 days).
        hard_expires_in: seconds until a person must connect again in any case (5 years).
    """

    access_token: Secret
    refresh_token: Secret
    expires_in: int
    refresh_expires_in: int | None = None
    hard_expires_in: int | None = None


def is_token(token: Mapping[str, Any]) -> bool:
    """Return whether an answer holds usable tokens; authlib is given no other."""
    refresh = token.get("refresh_token")
    return (
        "error" not in token
        and is_word(token.get("access_token"))
        and (refresh is None or is_word(refresh))
        and _seconds(token.get("expires_in")) is not None
    )


def is_word(value: object) -> bool:
    """Return whether a value can travel in a header or a form: printable ASCII, no spaces."""
    return isinstance(value, str) and _TOKEN.fullmatch(value) is not None


def _seconds(value: object) -> int | None:
    if isinstance(value, bool) or not isinstance(value, int | str):
        return None
    text = str(value)
    return int(text) if text.isascii() and text.isdigit() and len(text) <= _MOST_DIGITS else None


def token_set(token: Mapping[str, Any]) -> TokenSet:
    """Return the tokens of an answer that `is_token` accepted.

    Raises:
        Unreachable: there is no refresh token, so that the connection would end in an hour.
    """
    refresh = token.get("refresh_token")
    if not isinstance(refresh, str):
        info = ErrorInfo(code="oauth-token", text="Intuit gave no refresh token.")
        raise Unreachable(info, sent=True)
    return TokenSet(
        access_token=Secret(token["access_token"]),
        refresh_token=Secret(refresh),
        expires_in=_seconds(token["expires_in"]) or 0,
        refresh_expires_in=_seconds(token.get("x_refresh_token_expires_in")),
        hard_expires_in=_seconds(token.get("x_refresh_token_hard_expires_in")),
    )
