"""Endpoints of Intuit's OAuth service, from its discovery document, with pinned hosts."""

from __future__ import annotations

import re
import threading
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import attrs

from dunahub_qbo_plugin.errors import ConfigurationError, Unreachable
from dunahub_qbo_plugin.model import ErrorInfo
from dunahub_qbo_plugin.qbo import exact_json

if TYPE_CHECKING:
    from dunahub_qbo_plugin.clock import Clock
    from dunahub_qbo_plugin.qbo.transport import Transport

_INTUITS = re.compile(r"(?:[a-z0-9-]+\.)*intuit\.com")

DOCUMENT_LIFETIME = 24 * 3600.0
"""Seconds for which a fetched document is used."""
DOCUMENT_RETRY_DELAY = 300.0
"""Seconds after which a failed fetch is tried again."""


@attrs.frozen(kw_only=True)
class Endpoints:
    """The three endpoints that are used here."""

    authorization: str
    token: str
    revocation: str


INTUIT = Endpoints(
    authorization="https://appcenter.intuit.com/connect/oauth2",
    token="https://oauth.platform.intuit.com/oauth2/v1/tokens/bearer",  # noqa: S106  an address
    revocation="https://developer.api.intuit.com/v2/oauth2/tokens/revoke",
)
"""What both of Intuit's documents have said since 2018; used when they cannot be fetched."""


class Discovery:
    """The endpoints, from the discovery document.

    Client id, secret and tokens go to these addresses, so they are checked: Intuit's document may
    name only hosts of intuit.com, over https. Another document (an emulator's) may name only its
    own host, with no weaker scheme than its own.

    Args:
        url: of the document.
        transport: sends the request.
        clock: for its age.

    Raises:
        ConfigurationError: the address is Intuit's, but not https.
    """

    def __init__(self, url: str, *, transport: Transport, clock: Clock) -> None:
        self._url = url
        self._transport = transport
        self._clock = clock
        self._lock = threading.Lock()
        self._known: Endpoints | None = None
        self._until = 0.0
        self._is_intuit = _is_intuit(url)
        if self._is_intuit and urlsplit(url).scheme != "https":
            raise ConfigurationError("DUNAHUB_QBO_DISCOVERY_URL must start with https://")

    def endpoints(self) -> Endpoints:
        """Return the endpoints, fetched once in 24 hours.

        Raises:
            Unreachable: the document is not Intuit's and was never fetched successfully.
            ConfigurationError: the document names a foreign host.
        """
        with self._lock:
            if self._known is None or self._clock.monotonic() >= self._until:
                self._renew()
            if self._known is None:  # pragma: no cover  _renew raises instead
                raise RuntimeError
            return self._known

    def _renew(self) -> None:
        try:
            self._known = self._fetch()
        except Unreachable:
            if self._known is None and not self._is_intuit:
                raise
            self._known = self._known or INTUIT
            self._until = self._clock.monotonic() + DOCUMENT_RETRY_DELAY
        else:
            self._until = self._clock.monotonic() + DOCUMENT_LIFETIME

    def _fetch(self) -> Endpoints:
        answer = self._transport.exchange("GET", self._url, headers={"Accept": "application/json"})
        document: Any = None
        if answer.status == HTTPStatus.OK:
            try:
                document = exact_json.decode(answer.body)
            except exact_json.Unreadable:
                document = None
        if not isinstance(document, dict):
            text = "Intuit's discovery document could not be read."
            raise Unreachable(
                ErrorInfo(code="discovery", text=text, status=answer.status), sent=True
            )
        return Endpoints(
            authorization=self._pinned(document, "authorization_endpoint"),
            token=self._pinned(document, "token_endpoint"),
            revocation=self._pinned(document, "revocation_endpoint"),
        )

    def _pinned(self, document: dict[str, Any], name: str) -> str:
        address = document.get(name)
        if isinstance(address, str) and self._trusted(address):
            return address
        raise ConfigurationError(
            f"The discovery document at DUNAHUB_QBO_DISCOVERY_URL names no usable {name}: "
            "it must be on the same side (intuit.com over https, or the document's own host)."
        )

    def _trusted(self, address: str) -> bool:
        if self._is_intuit:
            return _is_intuit(address) and urlsplit(address).scheme == "https"
        own, other = urlsplit(self._url), urlsplit(address)
        return (
            _host(address) == _host(self._url) != ""
            and other.username is None
            and other.scheme in {"https", own.scheme}
        )


def _host(address: str) -> str:
    try:
        return (urlsplit(address).hostname or "").rstrip(".").lower()
    except ValueError:
        return ""


def _is_intuit(address: str) -> bool:
    # Strict, since some clients take a backslash in a name for the end of the host.
    return bool(_INTUITS.fullmatch(_host(address))) and "@" not in urlsplit(address).netloc
