from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from dunahub_qbo_plugin.config import DISCOVERY_URLS, Environment
from dunahub_qbo_plugin.errors import ConfigurationError, Unreachable
from dunahub_qbo_plugin.qbo.discovery import INTUIT, Discovery, Endpoints
from dunahub_qbo_plugin.qbo.transport import Transport, http_client
from dunahub_qbo_plugin.testing import SteeredClock
from tests.support.host import START

INTUITS = DISCOVERY_URLS[Environment.PRODUCTION]
OWN = "http://127.0.0.1:8099/.well-known/openid_configuration"


class Server:
    """What stands at the other end: counts requests and answers as set.

    Attributes:
        answer: a document, a status, or an error to raise.
    """

    def __init__(self, answer: dict[str, Any] | int | Exception) -> None:
        self.answer = answer
        self.requests = 0

    def reply(self, request: httpx.Request) -> httpx.Response:
        """Answer one request."""
        self.requests += 1
        if isinstance(self.answer, Exception):
            raise self.answer
        if isinstance(self.answer, int):
            return httpx.Response(self.answer, text="<html>down</html>", request=request)
        return httpx.Response(200, text=json.dumps(self.answer), request=request)


def document(**changes: object) -> dict[str, object]:
    """Intuit's document, as far as we read it."""
    return {
        "issuer": "https://oauth.platform.intuit.com/op/v1",
        "authorization_endpoint": INTUIT.authorization,
        "token_endpoint": INTUIT.token,
        "revocation_endpoint": INTUIT.revocation,
    } | changes


def discovery(url: str, server: Server, clock: SteeredClock | None = None) -> Discovery:
    """Discovery that asks this server."""
    clock = clock or SteeredClock(START)
    http = http_client(user_agent="test", transport=httpx.MockTransport(server.reply))
    return Discovery(url, transport=Transport(http, clock=clock), clock=clock)


@pytest.mark.parametrize("url", DISCOVERY_URLS.values())
def test_reads_intuits_document_once_a_day(url: str) -> None:
    """The endpoints are Intuit's, asked for once in 24 hours."""
    server, clock = Server(document()), SteeredClock(START)
    known = discovery(url, server, clock)
    for _ in range(3):
        assert known.endpoints() == INTUIT
    assert server.requests == 1
    clock.advance(24 * 3600 + 1)
    server.answer = document(token_endpoint="https://oauth2.intuit.com/new")
    assert known.endpoints().token == "https://oauth2.intuit.com/new"
    assert server.requests == 2


@pytest.mark.parametrize(
    "address",
    [
        "https://evil.example/oauth2",
        "http://oauth.platform.intuit.com/oauth2",
        "https://intuit.com.evil.example/",
        "https://evilintuit.com/",
        "https://oauth.platform.intuit.com@evil.example/",
        "https://evil.example@oauth.platform.intuit.com/",
        "https://[oops/",
        "https://evil.example\\.intuit.com/",
        "https://evil.example%2f.intuit.com/",
        "//oauth.platform.intuit.com/x",
        "",
        None,
        7,
    ],
)
@pytest.mark.parametrize(
    "name", ["authorization_endpoint", "token_endpoint", "revocation_endpoint"]
)
def test_intuits_document_may_name_intuits_hosts_only(name: str, address: object) -> None:
    """Keys and tokens go to intuit.com over https or nowhere."""
    with pytest.raises(ConfigurationError, match=name) as caught:
        discovery(INTUITS, Server(document(**{name: address}))).endpoints()
    assert "DUNAHUB_QBO_DISCOVERY_URL" in str(caught.value)


@pytest.mark.parametrize("trouble", [503, 404, 301, httpx.ConnectError("refused")])
def test_falls_back_on_intuits_known_endpoints(trouble: int | Exception) -> None:
    """Without Intuit's document its old endpoints serve; it is asked again in 5 minutes."""
    server, clock = Server(trouble), SteeredClock(START)
    known = discovery(INTUITS, server, clock)
    assert known.endpoints() == INTUIT
    clock.advance(299)
    assert known.endpoints() == INTUIT
    assert server.requests == 1
    clock.advance(2)
    server.answer = document(token_endpoint="https://oauth2.intuit.com/new")
    assert known.endpoints().token == "https://oauth2.intuit.com/new"


def test_keeps_what_it_knew_through_an_outage() -> None:
    """A document that was read stays in force while the next one cannot be had."""
    changed = document(token_endpoint="https://oauth2.intuit.com/new")
    server, clock = Server(changed), SteeredClock(START)
    known = discovery(INTUITS, server, clock)
    known.endpoints()
    server.answer = 503
    clock.advance(24 * 3600 + 1)
    assert known.endpoints().token == "https://oauth2.intuit.com/new"


def test_an_emulators_document_may_name_its_own_host() -> None:
    """A document elsewhere serves for its own host, on any port."""
    own = {
        "authorization_endpoint": "http://127.0.0.1:8099/connect/oauth2",
        "token_endpoint": "http://127.0.0.1:8100/oauth2/v1/tokens/bearer",
        "revocation_endpoint": "https://127.0.0.1:8099/revoke",
    }
    assert discovery(OWN, Server(own)).endpoints() == Endpoints(
        authorization="http://127.0.0.1:8099/connect/oauth2",
        token="http://127.0.0.1:8100/oauth2/v1/tokens/bearer",
        revocation="https://127.0.0.1:8099/revoke",
    )


@pytest.mark.parametrize("url", [OWN, "https://qbo.example/doc"])
def test_an_emulators_document_may_name_no_other_host(url: str) -> None:
    """A foreign document cannot send our keys to a third host, nor over a weaker scheme."""
    for address in (
        "http://evil.example/",
        INTUIT.token,
        "ftp://127.0.0.1/",
        "http://qbo.example/",
    ):
        with pytest.raises(ConfigurationError):
            discovery(url, Server(document(authorization_endpoint=address))).endpoints()


@pytest.mark.parametrize("trouble", [503, httpx.ConnectError("refused")])
def test_an_emulator_has_no_fallback(trouble: int | Exception) -> None:
    """Keys meant for an emulator are never sent to Intuit instead."""
    with pytest.raises(Unreachable):
        discovery(OWN, Server(trouble)).endpoints()


def test_intuits_document_is_not_read_in_the_clear() -> None:
    """Intuit's address without https is an operator's mistake."""
    with pytest.raises(ConfigurationError, match="https"):
        discovery(INTUITS.replace("https", "http"), Server(document()))
