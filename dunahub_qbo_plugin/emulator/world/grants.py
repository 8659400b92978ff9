"""What the OAuth server hands out and remembers, and how long each thing lives.

Lifetimes and rotation are those of Intuit's OAuth 2.0 documentation and FAQ: an access token
lives an hour; the refresh token's value changes about every 24 hours, and a refresh in
between answers with the same value and the seconds left to it (recorded). What Intuit leaves
open is a setting.
"""

from __future__ import annotations

import secrets
import string
from typing import TYPE_CHECKING, Literal

import attrs

if TYPE_CHECKING:
    from datetime import datetime

_ALPHABET = string.ascii_letters + string.digits
_CIPHER_LENGTH = 560


@attrs.define(kw_only=True)
class OAuthSettings:
    """Switches of the OAuth server. Durations are in seconds.

    Attributes:
        code_lifetime: Life of an authorization code. Intuit does not document it.
        code_reuse_revokes: A code used twice also ends the tokens it gave. Intuit says it "may".
        access_token_lifetime: Life of an access token; Intuit: 3600.
        refresh_token_lifetime: Life of one refresh token value; recorded: 8726400 (101 days).
        refresh_value_period: Age at which a refresh gives a new value; Intuit: about 24 hours.
        refresh_grace: How long the value before the present one still works. Disputed: at once
            (0, Intuit's FAQ) or 24 hours (86400, Intuit's older documentation).
        grant_lifetime: Hard end of a connection; Intuit, November 2025: five years.
        hard_expires: When an answer says how long the connection has: if the request's header asks
            for it (Intuit's clients, 2026), always (Intuit's blog, 2025-11), or never.
    """

    code_lifetime: float = 300
    code_reuse_revokes: bool = False
    access_token_lifetime: int = 3600
    refresh_token_lifetime: int = 8_726_400
    refresh_value_period: float = 86_400
    refresh_grace: float = 0
    grant_lifetime: int = 157_680_000
    hard_expires: Literal["header", "always", "never"] = "header"


@attrs.frozen(kw_only=True)
class OAuthFault(Exception):
    """A refusal of the token endpoint.

    Attributes:
        status: HTTP status.
        error: The standard's error code.
        description: Text of `error_description`, or None where Intuit sends none.
        extra: Further members, such as `x_error_reason`.
    """

    status: int = 400
    error: str
    description: str | None = None
    extra: dict[str, str] = attrs.field(factory=dict)


@attrs.define(kw_only=True, eq=False)
class Grant:
    """One connection of one app to one company, made by one person.

    Attributes:
        client_id: The app.
        user: The person's `sub`.
        realm: The company, or None if only OpenID scopes were granted.
        scopes: What was granted.
        created_at: When it was granted.
        refresh_value: Present refresh token.
        refresh_since: When that value was made.
        nonce: What the id token repeats, if the app asked for it.
        ended: Revoked by the app or by the person.
    """

    client_id: str
    user: str
    realm: str | None
    scopes: frozenset[str]
    created_at: datetime
    refresh_value: str = attrs.field(repr=False)
    refresh_since: datetime
    nonce: str | None = None
    ended: bool = False


@attrs.define(kw_only=True, eq=False)
class Code:
    """A person's consent that an app may exchange for tokens once.

    Attributes:
        grant: The connection it will give.
        redirect_uri: The address it was asked for with.
        expires_at: When it stops working.
        used: Whether it was exchanged.
    """

    grant: Grant
    redirect_uri: str
    expires_at: datetime
    used: bool = False


@attrs.define(kw_only=True, eq=False)
class AccessToken:
    """An access token's state.

    Attributes:
        grant: The connection it belongs to.
        expires_at: When it stops working.
    """

    grant: Grant
    expires_at: datetime


@attrs.frozen(kw_only=True)
class Issued:
    """What a successful token request gives.

    Attributes:
        access_token: The new access token.
        expires_in: Its life in seconds.
        refresh_token: The refresh token to use from now on.
        refresh_expires_in: Seconds left to the refresh token.
        hard_expires_in: Seconds left to the connection as a whole.
        grant: The connection.
    """

    access_token: str = attrs.field(repr=False)
    expires_in: int
    refresh_token: str = attrs.field(repr=False)
    refresh_expires_in: int
    hard_expires_in: int
    grant: Grant


def _random(length: int) -> str:
    return "".join(secrets.choice(_ALPHABET) for _ in range(length))


def new_access_value() -> str:
    """Return a new access token, which looks like Intuit's."""
    # Intuit's access tokens are encrypted JWTs: header, no key, vector, cipher text, tag.
    head = "eyJhbGciOiJkaXIiLCJlbmMiOiJBMTI4Q0JDLUhTMjU2IiwieC5vcmciOiJIMCJ9"
    return f"{head}..{_random(22)}.{secrets.token_urlsafe(_CIPHER_LENGTH)}.{_random(22)}"


def new_refresh_value(expires_at: datetime) -> str:
    """Return a new refresh token, which looks like Intuit's."""
    return f"RT1-{secrets.randbelow(250)}-H0-{int(expires_at.timestamp())}{_random(20).lower()}"


def new_code_value(now: datetime) -> str:
    """Return a new authorization code, which looks like Intuit's."""
    return f"XAB11{int(now.timestamp())}{_random(35)}"
