"""The issue, rotation, check and end of tokens."""

from __future__ import annotations

import threading
from datetime import timedelta
from typing import TYPE_CHECKING

from dunahub_qbo_plugin.emulator.world.grants import (
    AccessToken,
    Code,
    Grant,
    Issued,
    OAuthFault,
    OAuthSettings,
    new_access_value,
    new_code_value,
    new_refresh_value,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime


class TokenIssuer:
    """The issuer of tokens: it rotates, checks and ends them. Safe to use from several threads.

    Args:
        clock: The emulator's time.
        settings: Lifetimes and switches.
    """

    def __init__(self, *, clock: Callable[[], datetime], settings: OAuthSettings) -> None:
        self.settings = settings
        self._clock = clock
        self._lock = threading.RLock()
        self._codes: dict[str, Code] = {}
        self._access: dict[str, AccessToken] = {}
        self._refresh: dict[str, Grant] = {}
        self._superseded: dict[str, datetime] = {}

    def new_code(
        self,
        *,
        client_id: str,
        user: str,
        realm: str | None,
        scopes: frozenset[str],
        redirect_uri: str,
        nonce: str | None = None,
    ) -> str:
        """Note a person's consent and return the code the app may exchange once."""
        now = self._clock()
        grant = self._new_grant(client_id, user, realm, scopes, now)
        grant.nonce = nonce
        code = new_code_value(now)
        expires_at = now + timedelta(seconds=self.settings.code_lifetime)
        with self._lock:
            self._codes[code] = Code(grant=grant, redirect_uri=redirect_uri, expires_at=expires_at)
        return code

    def exchange(
        self, *, client_id: str, code: str, redirect_uri: str, check: Callable[[Grant], None]
    ) -> Issued:
        """Exchange a code for tokens.

        Args:
            client_id: The app that asks.
            code: The code from the callback.
            redirect_uri: The address that code was asked for with.
            check: Called with the connection before anything is given or changed.

        Raises:
            OAuthFault: `invalid_grant` for a code that is unknown, used, expired, of another
                app, or that was asked for with another redirect address.
        """
        with self._lock:
            known = self._codes.get(code)
            if known is not None and known.used and self.settings.code_reuse_revokes:
                known.grant.ended = True
            if (
                known is None
                or known.used
                or known.grant.client_id != client_id
                or known.redirect_uri != redirect_uri
                or known.expires_at <= self._clock()
            ):
                raise OAuthFault(error="invalid_grant")
            check(known.grant)
            known.used = True
            self._refresh[known.grant.refresh_value] = known.grant
            return self._issue(known.grant)

    def refresh(self, *, client_id: str, value: str, check: Callable[[Grant], None]) -> Issued:
        """Return a new access token, and the refresh token to use from now on.

        Args:
            client_id: The app that asks.
            value: The refresh token.
            check: Called with the connection before anything is given or changed.

        Raises:
            OAuthFault: `invalid_grant`, with the text Intuit uses for the case.
        """
        with self._lock:
            grant = self._refresh.get(value)
            if grant is None:
                wrong_kind = value in self._access
                raise OAuthFault(
                    error="invalid_grant",
                    description="Incorrect Token type or clientID"
                    if wrong_kind
                    else "Incorrect or invalid refresh token",
                )
            if grant.client_id != client_id:
                raise OAuthFault(
                    error="invalid_grant", description="Incorrect Token type or clientID"
                )
            if grant.ended:
                raise OAuthFault(error="invalid_grant", description="Token invalid")
            if not self._refresh_alive(grant, value):
                raise OAuthFault(
                    error="invalid_grant", description="Incorrect or invalid refresh token"
                )
            check(grant)
            self._rotate(grant)
            return self._issue(grant)

    def issue(
        self,
        *,
        client_id: str,
        user: str,
        realm: str | None,
        scopes: frozenset[str],
        access_token: str | None = None,
        refresh_token: str | None = None,
    ) -> Issued:
        """Issue tokens without a consent page, for tests that are not about OAuth.

        Args:
            client_id: The app.
            user: The person's `sub`.
            realm: The company, or None.
            scopes: What is granted.
            access_token: The first access token; a new one by default.
            refresh_token: The first refresh token; a new one by default.

        Raises:
            ValueError: One of the tokens exists already.
        """
        with self._lock:
            for value, known in ((access_token, self._access), (refresh_token, self._refresh)):
                if value is not None and value in known:
                    raise ValueError("that token exists already")
            grant = self._new_grant(client_id, user, realm, scopes, self._clock())
            grant.refresh_value = refresh_token or grant.refresh_value
            self._refresh[grant.refresh_value] = grant
            return self._issue(grant, access_token)

    def access(self, value: str) -> AccessToken | None:
        """Return the access token of that value, whatever its state, or None."""
        return self._access.get(value)

    def revoke(self, *, client_id: str, value: str) -> bool:
        """End the connection that a refresh or access token of the app belongs to.

        Returns:
            False if the token is not a live one of that app.
        """
        with self._lock:
            token = self._access.get(value)
            grant = token.grant if token is not None else self._refresh.get(value)
            if grant is None or grant.ended or grant.client_id != client_id:
                return False
            grant.ended = True
            return True

    def end_grants(self, *, realm: str | None = None, user: str | None = None) -> int:
        """End connections as a person does in QuickBooks; return how many ended."""
        ended = 0
        for grant in self._grants(realm, user):
            ended += not grant.ended
            grant.ended = True
        return ended

    def expire(
        self, *, realm: str | None = None, access: bool = True, refresh: bool = False
    ) -> int:
        """Let tokens expire now; return how many tokens that were."""
        now = self._clock()
        expired = 0
        with self._lock:
            if access:
                for token in self._access.values():
                    if realm in {None, token.grant.realm} and token.expires_at > now:
                        token.expires_at = now
                        expired += 1
            if refresh:
                for grant in self._grants(realm, None):
                    if self._superseded.get(grant.refresh_value) is None:
                        self._superseded[grant.refresh_value] = now
                        expired += 1
        return expired

    def counts(self) -> dict[str, int]:
        """Return how many live connections and access tokens there are."""
        now = self._clock()
        with self._lock:
            alive = sum(t.expires_at > now and not t.grant.ended for t in self._access.values())
            return {
                "connections": sum(not grant.ended for grant in self._grants(None, None)),
                "access_tokens": alive,
            }

    def _grants(self, realm: str | None, user: str | None) -> list[Grant]:
        with self._lock:
            grants = {id(grant): grant for grant in self._refresh.values()}
        return [
            grant
            for grant in grants.values()
            if realm in {None, grant.realm} and user in {None, grant.user}
        ]

    def _new_grant(
        self,
        client_id: str,
        user: str,
        realm: str | None,
        scopes: frozenset[str],
        now: datetime,
    ) -> Grant:
        expires_at = now + timedelta(seconds=self.settings.refresh_token_lifetime)
        return Grant(
            client_id=client_id,
            user=user,
            realm=realm,
            scopes=scopes,
            created_at=now,
            refresh_value=new_refresh_value(expires_at),
            refresh_since=now,
        )

    def _refresh_alive(self, grant: Grant, value: str) -> bool:
        now = self._clock()
        settings = self.settings
        dies_at = self._superseded.get(value)
        if dies_at is not None and dies_at <= now:
            return False
        if (now - grant.created_at).total_seconds() >= settings.grant_lifetime:
            return False
        age = (now - grant.refresh_since).total_seconds()
        return value != grant.refresh_value or age < settings.refresh_token_lifetime

    def _rotate(self, grant: Grant) -> None:
        now = self._clock()
        if (now - grant.refresh_since).total_seconds() < self.settings.refresh_value_period:
            return
        grace = timedelta(seconds=self.settings.refresh_grace)
        self._superseded[grant.refresh_value] = now + grace
        expires_at = now + timedelta(seconds=self.settings.refresh_token_lifetime)
        grant.refresh_value = new_refresh_value(expires_at)
        grant.refresh_since = now
        self._refresh[grant.refresh_value] = grant

    def _issue(self, grant: Grant, access_token: str | None = None) -> Issued:
        now = self._clock()
        settings = self.settings
        value = access_token or new_access_value()
        self._access[value] = AccessToken(
            grant=grant, expires_at=now + timedelta(seconds=settings.access_token_lifetime)
        )
        refresh_age = int((now - grant.refresh_since).total_seconds())
        grant_age = int((now - grant.created_at).total_seconds())
        hard_left = settings.grant_lifetime - grant_age
        return Issued(
            access_token=value,
            expires_in=settings.access_token_lifetime,
            refresh_token=grant.refresh_value,
            refresh_expires_in=min(settings.refresh_token_lifetime - refresh_age, hard_left),
            hard_expires_in=hard_left,
            grant=grant,
        )
