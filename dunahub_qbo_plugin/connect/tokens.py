"""Renewal of access tokens: one renewal at a time, stored before it is used."""

from __future__ import annotations

import logging
import secrets
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from dunahub_qbo_plugin.errors import Busy, GrantRevoked, NotConnected
from dunahub_qbo_plugin.model import ErrorInfo
from dunahub_qbo_plugin.qbo.auth import Grant, Secret
from dunahub_qbo_plugin.store.companies import refresh_lock
from dunahub_qbo_plugin.store.companies.connection import Tokens
from dunahub_qbo_plugin.store.db.errors import DatabaseError

if TYPE_CHECKING:
    from datetime import datetime

    from dunahub_qbo_plugin.clock import Clock
    from dunahub_qbo_plugin.qbo.oauth import IntuitOAuth
    from dunahub_qbo_plugin.qbo.tokens import TokenSet
    from dunahub_qbo_plugin.store.companies.connections import Connections
    from dunahub_qbo_plugin.store.db.database import Database

log = logging.getLogger(__name__)

RENEW_BEFORE: Final = timedelta(minutes=5)
"""Remaining lifetime below which an access token is renewed."""
RENEWAL_WAIT: Final = 10.0
"""Seconds to wait for a renewal by another thread or process."""
RENEWAL_POLL_INTERVAL: Final = 0.1
"""Seconds between checks while waiting for it."""
SAVE_ATTEMPTS: Final = 3
"""Attempts to store renewed tokens, which Intuit does not give out a second time."""
SAVE_RETRY_DELAY: Final = 0.5
"""Seconds between these attempts."""


class TokenKeeper:
    """Provides grants for companies, renewing the access token before it expires.

    Args:
        database: where the tokens are stored.
        connections: reads and writes them.
        oauth: renews them at Intuit.
        clock: the time, for their age.
        owner: a name of this worker, so that only one renews at a time.
    """

    def __init__(
        self,
        *,
        database: Database,
        connections: Connections,
        oauth: IntuitOAuth,
        clock: Clock,
        owner: str,
    ) -> None:
        self._database = database
        self._connections = connections
        self._oauth = oauth
        self._clock = clock
        self._owner = owner

    def grant(self, company_id: str, *, refused: Grant | None = None) -> Grant:
        """Return a grant whose access token is valid for some minutes.

        Args:
            company_id: our id of the company.
            refused: a grant whose token QuickBooks did not accept: it is renewed, unless that has
                been done since.

        Raises:
            NotConnected: the company has no tokens.
            GrantRevoked: Intuit refused the refresh token; the connection is marked as expired.
            ConfigurationError: the encryption key, the app's keys or the network's settings are
                wrong.
            QboError: Intuit could not be reached or refused for now; try again later.
        """
        self._oauth.check()
        deadline = self._clock.monotonic() + RENEWAL_WAIT
        while True:
            tokens = self._stored(company_id)
            if self._is_good(tokens, refused):
                return _grant(company_id, tokens)
            # Not only the worker's name: its threads must not free or use each other's claim.
            claim = f"{self._owner}.{secrets.token_hex(4)}"
            if self._claim(company_id, claim):
                return self._renew(company_id, refused, claim)
            if self._clock.monotonic() >= deadline:
                raise Busy(ErrorInfo(code="busy", text="another renewal is under way"))
            self._clock.sleep(RENEWAL_POLL_INTERVAL)

    def _is_good(self, tokens: Tokens, refused: Grant | None) -> bool:
        if refused is not None and tokens.access == refused.access_token.reveal():
            return False
        left = tokens.access_expires_at - self._clock.now()
        return bool(tokens.access) and RENEW_BEFORE < left <= timedelta(hours=2)

    def _renew(self, company_id: str, refused: Grant | None, claim: str) -> Grant:
        try:
            tokens = self._stored(company_id)  # another may have renewed them before our claim
            if self._is_good(tokens, refused):
                return _grant(company_id, tokens)
            return self._exchange(company_id, tokens, refused)
        finally:
            self._drop(company_id, claim)

    def _exchange(self, company_id: str, tokens: Tokens, refused: Grant | None) -> Grant:
        asked_at = self._clock.now()
        try:
            renewed = self._oauth.refresh(Secret(tokens.refresh))
        except GrantRevoked:
            with self._database.write.begin() as db:
                self._connections.expire(db, company_id, refused=tokens, now=asked_at)
            raise
        fresh = stored_tokens(renewed, realm_id=tokens.realm_id, asked_at=asked_at)
        if self._save(company_id, fresh, replaced=tokens):
            return _grant(company_id, fresh)
        newer = self._stored(company_id)
        if not self._is_good(newer, refused):
            raise Busy(ErrorInfo(code="busy", text="the tokens were replaced meanwhile"))
        return _grant(company_id, newer)

    def _save(self, company_id: str, fresh: Tokens, *, replaced: Tokens) -> bool:
        """Store renewed tokens, in several attempts: the old ones may be invalid already."""
        for left in reversed(range(SAVE_ATTEMPTS)):
            try:
                with self._database.write.begin() as db:
                    return self._connections.save_tokens(db, company_id, fresh, replaced=replaced)
            except DatabaseError as error:
                if not left:
                    raise
                log.warning("renewed tokens are not stored yet: %s", type(error).__name__)
                self._clock.sleep(SAVE_RETRY_DELAY)
        raise AssertionError("the last attempt returns or raises")

    def _drop(self, company_id: str, claim: str) -> None:
        try:
            with self._database.write.begin() as db:
                refresh_lock.drop_refresh(db, company_id, owner=claim)
        except DatabaseError as error:  # the claim expires; an earlier error matters more
            log.warning("the claim to renew tokens stays for a while: %s", type(error).__name__)

    def _stored(self, company_id: str) -> Tokens:
        with self._database.read.connect() as db:
            tokens = self._connections.tokens(db, company_id)
        if tokens is None:
            raise NotConnected("this company is not connected")
        return tokens

    def _claim(self, company_id: str, claim: str) -> bool:
        with self._database.write.begin() as db:
            return refresh_lock.claim_refresh(db, company_id, owner=claim, now=self._clock.now())


def stored_tokens(fetched: TokenSet, *, realm_id: str, asked_at: datetime) -> Tokens:
    """Return Intuit's answer as it is stored: lifetimes become times."""
    refresh_ends = None
    if fetched.refresh_expires_in is not None:
        refresh_ends = asked_at + timedelta(seconds=fetched.refresh_expires_in)
    grant_ends = None
    if fetched.hard_expires_in:  # 0 or nothing: Intuit does not say
        grant_ends = asked_at + timedelta(seconds=fetched.hard_expires_in)
    return Tokens(
        realm_id=realm_id,
        access=fetched.access_token.reveal(),
        refresh=fetched.refresh_token.reveal(),
        access_expires_at=asked_at + timedelta(seconds=fetched.expires_in),
        refresh_expires_at=refresh_ends,
        grant_expires_at=grant_ends,
    )


def _grant(company_id: str, tokens: Tokens) -> Grant:
    return Grant(
        company=company_id,
        realm_id=Secret(tokens.realm_id),
        access_token=Secret(tokens.access),
    )
