"""Send one request and read its answer; every failure on the way is an `Unreachable`."""

from __future__ import annotations

import logging
import os
import threading
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import TYPE_CHECKING, TypeAlias

from dunahub_qbo_plugin.errors import ConfigurationError, Unreachable
from dunahub_qbo_plugin.model import ErrorInfo
from dunahub_qbo_plugin.qbo.answer import Answer, tid_of
from dunahub_qbo_plugin.qbo.exact_json import MAX_BODY
from dunahub_qbo_plugin.qbo.log_filter import hide_realms_in_log
from dunahub_qbo_plugin.qbo.redact import redact

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    import httpx

    from dunahub_qbo_plugin.clock import Clock

    Http: TypeAlias = "httpx.Client | DeferredClient"

REQUEST_TIMEOUT = 120.0
"""Seconds for one request in all, which is Intuit's own limit."""
PACKED = ("", "identity", "gzip", "deflate")
"""How an answer may be packed, once: of these, what is read at a time grows a thousandfold at
most. Packed twice, or by other methods, two kilobytes become gigabytes before we can count them."""


def http_client(
    *,
    user_agent: str,
    connect: float = 5.0,
    read: float = 60.0,
    transport: httpx.BaseTransport | None = None,
) -> httpx.Client:
    """Make the HTTP client that `QboClient` and `IntuitOAuth` share.

    It keeps no cookies (one company's must not travel with another's request) and keeps the realm
    id out of httpx's own log lines.

    Args:
        user_agent: product and version.
        connect: seconds to wait for a connection; a time-out here is harmless, nothing was sent.
        read: seconds without a byte after which an answer counts as lost. QuickBooks answers
            writes in well under a second, so a minute of silence nearly always means a dead
            connection; the request may yet have been carried out, and is sent again under its
            own request key.
        transport: what a test puts in the place of the network.
    """
    import httpx  # noqa: PLC0415  most of this layer's import time; every host imports us

    hide_realms_in_log()
    return httpx.Client(
        transport=transport,
        headers={"User-Agent": user_agent, "Accept-Encoding": "gzip"},
        timeout=httpx.Timeout(connect=connect, read=read, write=30.0, pool=30.0),
        limits=httpx.Limits(
            max_connections=256, max_keepalive_connections=16, keepalive_expiry=5.0
        ),
        cookies=CookieJar(policy=DefaultCookiePolicy(allowed_domains=[])),
        follow_redirects=False,
    )


ENVIRONMENT = (
    "ALL_PROXY",
    "HTTPS_PROXY",
    "HTTP_PROXY",
    "NO_PROXY",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "SSLKEYLOGFILE",
)
"""Variables that others set for every program of a machine, and that httpx and OpenSSL read."""

log = logging.getLogger(__name__)


class DeferredClient:
    """An HTTP client that is made when it is first used.

    What hooks do depends on the store alone: a proxy that is no address, or a file of certificates
    that is gone, keeps something from being sent, and nothing from being taken in.

    Args:
        make: makes the client.
        problem: why nothing may be sent at all; empty where something may.
    """

    def __init__(self, make: Callable[[], httpx.Client], *, problem: str = "") -> None:
        self._make = make
        self._problem = problem
        self._client: httpx.Client | None = None
        self._closed = False
        self._lock = threading.Lock()

    @property
    def is_closed(self) -> bool:
        """Whether nothing can be sent any more."""
        return self._closed

    def client(self) -> httpx.Client:
        """Return the client, made at the first call.

        Raises:
            ConfigurationError: it cannot be made; the text names the variables to look at.
            RuntimeError: it is closed.
        """
        with self._lock:
            if self._closed:
                raise RuntimeError("the client is closed")
            if self._client is None:
                self._client = self._made()
            return self._client

    def _made(self) -> httpx.Client:
        if self._problem:
            raise ConfigurationError(self._problem)
        try:
            return self._make()
        except Exception as error:  # noqa: BLE001  each of these variables fails in a way of its own
            log.warning("no HTTP client can be made: %s", type(error).__name__)
            names = [
                name for name in ENVIRONMENT if name in os.environ or name.lower() in os.environ
            ]
            raise ConfigurationError(
                "Nothing can be sent to QuickBooks: the network cannot be used with what is set in "
                f"{' and '.join(names) or 'this environment'}. Correct it or take it out, and "
                "restart DunaHub. What is saved meanwhile is kept, and goes out then."
            ) from None  # its text may hold a proxy's password

    def close(self) -> None:
        """Close the client, if there is one, for good."""
        with self._lock:
            self._closed = True
            if self._client is not None:
                self._client.close()


class Transport:
    """Sends one request and reads its answer, within limits of size and time.

    Args:
        http: the client; its time-outs apply.
        clock: measures `REQUEST_TIMEOUT`.
        peer: whom the sentences of an error name.
    """

    def __init__(self, http: Http, *, clock: Clock, peer: str = "QuickBooks") -> None:
        self._http = http
        self._clock = clock
        self._peer = peer

    def check(self) -> None:
        """Make the client, if that has not been done yet.

        Raises:
            ConfigurationError: it cannot be made with this environment.
        """
        if isinstance(self._http, DeferredClient) and not self._http.is_closed:
            self._http.client()

    def exchange(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str],
        body: bytes | None = None,
        secrets: Iterable[str] = (),
    ) -> Answer:
        """Send a request; redirects are not followed.

        Raises:
            Unreachable: there is no answer. Its ``sent`` is False only when it is certain that
                nothing arrived: no connection was made.
            ConfigurationError: there is no client to send with.
        """
        self.check()
        outcome = self._attempt(method, url, headers, body, tuple(secrets))
        if isinstance(outcome, Unreachable):
            # Raised outside of the handler: httpx's error refers to the request and its headers.
            raise outcome
        return outcome

    def _attempt(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        body: bytes | None,
        secrets: tuple[str, ...],
    ) -> Answer | Unreachable:
        import httpx  # noqa: PLC0415  as in http_client

        unsent = (
            httpx.ConnectError,
            httpx.ConnectTimeout,
            httpx.PoolTimeout,
            httpx.ProxyError,
            httpx.UnsupportedProtocol,
            httpx.InvalidURL,
        )
        if self._http.is_closed:
            return _lost("unreachable", "The plugin is shutting down.", sent=False)
        until = self._clock.monotonic() + REQUEST_TIMEOUT
        try:
            http = self._http.client() if isinstance(self._http, DeferredClient) else self._http
            request = http.build_request(method, url, headers=dict(headers), content=body)
            response = http.send(request, stream=True, follow_redirects=False)
            try:
                return self._receive(response, until)
            finally:
                response.close()
        except unsent as error:
            reason = redact(str(error), secrets=secrets) or type(error).__name__
            return _lost("unreachable", f"{self._peer} could not be reached: {reason}.", sent=False)
        except httpx.TimeoutException:
            return _lost("no-answer", f"{self._peer} did not answer in time.", sent=True)
        # Whatever it is, such as a RuntimeError of a client that is closed meanwhile: its frames
        # hold the request, and error reporters write down what frames hold.
        except Exception as error:  # noqa: BLE001
            known = isinstance(error, httpx.HTTPError | OSError | RuntimeError)
            reason = redact(str(error), secrets=secrets) if known else ""
            reason = reason or type(error).__name__
            text = f"The connection to {self._peer} broke before its answer was complete: {reason}."
            return _lost("no-answer", text, sent=True)

    def _receive(self, response: httpx.Response, until: float) -> Answer | Unreachable:
        headers = {name.lower(): value for name, value in response.headers.items()}
        if headers.get("content-encoding", "").strip().lower() not in PACKED:
            text = f"The answer of {self._peer} is packed in a way that nobody asked for."
            return _lost("unreadable", text, headers=headers, sent=True)
        body = bytearray()
        for chunk in response.iter_bytes():
            body += chunk
            if len(body) > MAX_BODY:
                text = f"The answer of {self._peer} is larger than {MAX_BODY:,} bytes."
                return _lost("unreadable", text, headers=headers, sent=True)
            if self._clock.monotonic() > until:
                text = f"{self._peer} did not finish its answer in time."
                return _lost("no-answer", text, headers=headers, sent=True)
        return Answer(status=response.status_code, headers=headers, body=bytes(body))


def _lost(
    code: str, text: str, *, sent: bool, headers: Mapping[str, str] | None = None
) -> Unreachable:
    info = ErrorInfo(code=code, text=text, intuit_tid=tid_of(headers or {}))
    return Unreachable(info, sent=sent)
