"""Intuit's OAuth 2.0: the consent page, the exchange of the code, refreshing and revoking."""

from __future__ import annotations

import re
from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from dunahub_qbo_plugin.errors import (
    Busy,
    ConfigurationError,
    GrantRevoked,
    NotConnected,
    QuickBooksPluginError,
    Unreachable,
)
from dunahub_qbo_plugin.model import ErrorInfo
from dunahub_qbo_plugin.qbo import exact_json
from dunahub_qbo_plugin.qbo.answer import retry_after, tid_of
from dunahub_qbo_plugin.qbo.auth import ClientAuth, Secret
from dunahub_qbo_plugin.qbo.discovery import Discovery
from dunahub_qbo_plugin.qbo.redact import redact
from dunahub_qbo_plugin.qbo.tokens import is_token, is_word, token_set
from dunahub_qbo_plugin.qbo.transport import Transport

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from authlib.oauth2 import client as authlib  # type: ignore[import-untyped]  # has no types

    from dunahub_qbo_plugin.clock import Clock
    from dunahub_qbo_plugin.qbo.answer import Answer
    from dunahub_qbo_plugin.qbo.tokens import TokenSet
    from dunahub_qbo_plugin.qbo.transport import Http

    Token = dict[str, Any]

SCOPE = "com.intuit.quickbooks.accounting"
FORM = "application/x-www-form-urlencoded"
HARD_EXPIRY = {"x-include-refresh-token-hard-expires-in": "true"}
"""Without this header Intuit does not say when the grant ends for good (five years)."""

_REASON = re.compile(r"[a-z_]{1,60}")


class IntuitOAuth:
    """Client of Intuit's OAuth service, for one app.

    Args:
        client_id: of the app.
        client_secret: of the app.
        discovery_url: of Intuit's discovery document, or an emulator's.
        http: see `dunahub_qbo_plugin.qbo.transport.http_client`.
        clock: for the age of the document.

    No error contains a token, a code or the client secret. Each method raises `ConfigurationError`
    when keys are missing or not accepted, and `Unreachable` or `Busy` for passing failures.
    """

    def __init__(
        self,
        *,
        client_id: str,
        client_secret: Secret,
        discovery_url: str,
        http: Http,
        clock: Clock,
    ) -> None:
        self._client = ClientAuth(client_id=client_id, client_secret=client_secret)
        self._clock = clock
        self._transport = Transport(http, clock=clock, peer="Intuit's sign-in service")
        self._discovery = Discovery(discovery_url, transport=self._transport, clock=clock)

    def check(self) -> None:
        """Raise what keeps anything from being sent.

        Raises:
            ConfigurationError: there is no HTTP client with these settings.
        """
        self._transport.check()

    def authorization_url(self, redirect_uri: str, state: str) -> str:
        """Return the address of Intuit's consent page.

        Args:
            redirect_uri: exactly as registered at Intuit.
            state: random, bound to the person's session.
        """
        client = self._authlib(())
        url, _ = client.create_authorization_url(
            self._discovery.endpoints().authorization,
            state=state,
            redirect_uri=redirect_uri,
            scope=SCOPE,
        )
        return str(url)

    def exchange(self, code: Secret, redirect_uri: str) -> TokenSet:
        """Exchange the callback's code for tokens; a code works once, for some minutes.

        Raises:
            NotConnected: Intuit did not accept the code: a person must press Connect again.
        """
        refused = NotConnected(
            "Intuit did not accept the code of this sign-in: it was used before or has expired. "
            "Press Connect again."
        )
        if not is_word(code.reveal()):
            raise refused
        client = self._authlib((code.reveal(),))
        try:
            with _WithoutFrames():
                token = client.fetch_token(
                    self._discovery.endpoints().token,
                    grant_type="authorization_code",
                    code=code.reveal(),
                    redirect_uri=redirect_uri,
                    headers=self._headers(),
                )
        except GrantRevoked:
            raise refused from None
        return token_set(token)

    def refresh(self, refresh_token: Secret) -> TokenSet:
        """Get a new access token; the refresh token that comes with it replaces the old one.

        Raises:
            GrantRevoked: expired, revoked, or the user is no longer in the company.
        """
        client = self._authlib((refresh_token.reveal(),))
        with _WithoutFrames():
            token = client.refresh_token(
                self._discovery.endpoints().token,
                refresh_token=refresh_token.reveal(),
                headers=self._headers(),
            )
        return token_set(token)

    def revoke(self, token: Secret) -> None:
        """End the grant at Intuit; a token that Intuit no longer knows counts as revoked.

        Intuit takes JSON here (its own SDKs), not the form of RFC 7009, which is why authlib's
        method is not used.
        """
        self._require_keys()
        secrets = (token.reveal(), self._client.client_secret.reveal())
        with _WithoutFrames():
            answer = self._transport.exchange(
                "POST",
                self._discovery.endpoints().revocation,
                headers={
                    "Accept": "application/json",
                    "Content-Type": "application/json",
                    "Authorization": self._client.basic(),
                },
                body=exact_json.encode({"token": token.reveal()}).encode(),
                secrets=secrets,
            )
        if answer.status == HTTPStatus.OK:
            return
        failure = self._failure(answer, secrets)
        # Recorded for a token that is not known any more: 400 with an empty body.
        unknown = answer.status == HTTPStatus.BAD_REQUEST and not answer.body.strip()
        if not unknown and not isinstance(failure, GrantRevoked):
            raise failure

    def _authlib(self, secrets: tuple[str, ...]) -> authlib.OAuth2Client:
        """Make authlib's client, for one call only, since it keeps the token that it receives."""
        from authlib.oauth2 import client as authlib  # noqa: PLC0415  keeps a host's start quick

        self._require_keys()
        return authlib.OAuth2Client(
            _Session(partial(self._post, secrets)),
            client_id=self._client.client_id,
            client_secret=self._client.client_secret.reveal(),
        )

    def _headers(self) -> dict[str, str]:
        return {"Accept": "application/json", "Content-Type": FORM, **HARD_EXPIRY}

    def _require_keys(self) -> None:
        if not self._client.client_id or not self._client.client_secret:
            raise ConfigurationError(
                "Set DUNAHUB_QBO_CLIENT_ID and DUNAHUB_QBO_CLIENT_SECRET to the keys of your app "
                "at developer.intuit.com."
            )

    def _post(
        self,
        secrets: tuple[str, ...],
        url: str,
        form: Mapping[str, str],
        headers: Mapping[str, str],
    ) -> Token:
        """Send a form to the token endpoint and return the checked token, or raise the refusal."""
        hidden = (*secrets, self._client.client_secret.reveal())
        answer = self._transport.exchange(
            "POST",
            url,
            headers={**headers, "Authorization": self._client.basic()},
            body=urlencode(form).encode(),
            secrets=hidden,
        )
        token = _json(answer)
        if answer.status == HTTPStatus.OK and is_token(token):
            return token
        raise self._failure(answer, hidden)

    def _failure(self, answer: Answer, secrets: tuple[str, ...]) -> QuickBooksPluginError:
        """Return the error that stands for a refusal of Intuit's OAuth service."""
        body = _json(answer)
        name = body.get("error") if isinstance(body.get("error"), str) else ""
        said = redact(str(body.get("error_description") or ""), secrets=secrets, suspicious=True)
        tid = tid_of(answer.headers)
        # A refused revocation has no body, only Intuit's challenge for the app's keys.
        challenged = answer.headers.get("www-authenticate", "").lower().startswith("basic")
        keys_refused = answer.status == HTTPStatus.UNAUTHORIZED and challenged
        if keys_refused or name == "invalid_client" or "clientid" in said.lower():
            return ConfigurationError(
                "Intuit does not accept the app's keys: check DUNAHUB_QBO_CLIENT_ID and "
                "DUNAHUB_QBO_CLIENT_SECRET, and that they belong to DUNAHUB_QBO_ENVIRONMENT "
                f"(intuit_tid {tid or 'unknown'})."
            )
        if name == "invalid_grant":
            reason = body.get("x_error_reason")
            why = reason if isinstance(reason, str) and _REASON.fullmatch(reason) else name
            return GrantRevoked(f"Intuit refused the grant: {why} (intuit_tid {tid or 'unknown'}).")
        info = ErrorInfo(
            code=f"oauth-{name}" if name and _REASON.fullmatch(name) else f"oauth-{answer.status}",
            text="Intuit's sign-in service answered with an error" + (f": {said}" if said else "."),
            status=answer.status,
            intuit_tid=tid,
        )
        wait = retry_after(answer.headers, self._clock.now())
        if answer.status == HTTPStatus.TOO_MANY_REQUESTS:
            return Busy(info, retry_after=wait, throttled=True)
        if answer.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            return Busy(info, retry_after=wait)
        return Unreachable(info, sent=True)


class _WithoutFrames:
    """Strips the traceback of any error, whose frames hold the form with the token.

    Error reporters record the variables of frames. A `contextlib.contextmanager` would put the
    frames back.
    """

    def __enter__(self) -> None:
        """Do nothing."""

    def __exit__(self, kind: object, error: BaseException | None, frames: object) -> None:
        if error is not None:
            raise error.with_traceback(None)


class _Session:
    """The session that authlib sends through: `Transport`, with its limits and redaction."""

    def __init__(self, send: Callable[[str, Mapping[str, str], Mapping[str, str]], Token]) -> None:
        self._send = send

    def post(
        self, url: str, *, data: Mapping[str, str], headers: Mapping[str, str], **_: object
    ) -> _Response:
        """Send a form; authlib's own ``auth`` is ignored in favor of `ClientAuth`."""
        return _Response(self._send(url, data, headers))


class _Response:
    """The response that authlib reads a token from; only successful answers get here."""

    status_code = 200

    def __init__(self, token: Token) -> None:
        self._token = token

    def json(self) -> Token:
        """Return the parsed body."""
        return self._token


def _json(answer: Answer) -> dict[str, Any]:
    try:
        body = exact_json.decode(answer.body)
    except exact_json.Unreadable:
        return {}
    return body if isinstance(body, dict) else {}
