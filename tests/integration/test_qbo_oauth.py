"""Our OAuth client and Intuit's sign-in service."""

from __future__ import annotations

import json
import subprocess
import sys
from functools import partial
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from dunahub_qbo_plugin import errors
from dunahub_qbo_plugin.emulator.world.trouble import TroubleRule
from dunahub_qbo_plugin.model import ReadReason
from dunahub_qbo_plugin.qbo.auth import Grant, Secret
from dunahub_qbo_plugin.qbo.client import QboClient
from dunahub_qbo_plugin.qbo.throttle import Throttles
from dunahub_qbo_plugin.qbo.transport import http_client
from dunahub_qbo_plugin.testing import SteeredClock
from tests.support.host import START
from tests.support.qbo import REALM, REDIRECT, Bench, make_oauth

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from dunahub_qbo_plugin.qbo.oauth import IntuitOAuth
    from dunahub_qbo_plugin.qbo.tokens import TokenSet


@pytest.fixture
def bench() -> Iterator[Bench]:
    """An emulator whose person always accepts."""
    bench = Bench.make()
    bench.emulator.world.service.consent = "accept"
    with bench.http:
        yield bench


def consent(http: httpx.Client, oauth: IntuitOAuth, state: str = "s-1") -> httpx.URL:
    """Go to the consent page as a browser; give the address that it is sent to."""
    answer = http.get(oauth.authorization_url(REDIRECT, state))
    assert answer.status_code == 302, answer.text
    return httpx.URL(answer.headers["location"])


def connect(bench: Bench) -> TokenSet:
    """Consent and exchange."""
    code = consent(bench.http, bench.oauth).params["code"]
    return bench.oauth.exchange(Secret(code), REDIRECT)


def test_the_whole_way_over_a_socket() -> None:
    """Consent, exchange, a request, a refresh, a revocation: as with Intuit, over real HTTP."""
    bench = Bench.make()
    bench.emulator.world.service.consent = "accept"
    clock = SteeredClock(START)
    with bench.emulator.serve() as running, http_client(user_agent="test/1") as http:
        oauth = make_oauth(http, clock, running.url)
        back = consent(http, oauth, state="a state")
        assert back.params["state"] == "a state"
        tokens = oauth.exchange(Secret(back.params["code"]), REDIRECT)
        assert tokens.expires_in == 3600
        assert tokens.refresh_expires_in == 8726400
        assert tokens.hard_expires_in is not None
        tokens = oauth.refresh(tokens.refresh_token)
        client = QboClient(
            api_url=running.url, http=http, throttles=Throttles(clock), user_agent="test/1"
        )
        grant = Grant(
            company="c1",
            realm_id=Secret(back.params["realmId"]),
            access_token=tokens.access_token,
        )
        assert client.company_info(grant, reason=ReadReason.LOOK)["CompanyName"]
        oauth.revoke(tokens.refresh_token)
        with pytest.raises(errors.Unauthorized):
            client.company_info(grant, reason=ReadReason.LOOK)
        with pytest.raises(errors.GrantRevoked):
            oauth.refresh(tokens.refresh_token)


def test_the_consent_page_is_asked_for_what_we_need(bench: Bench) -> None:
    """The address names app, scope, redirect address and state, each exactly."""
    url = httpx.URL(bench.oauth.authorization_url(REDIRECT, "s+/ &1"))
    assert dict(url.params) == {
        "client_id": bench.oauth._client.client_id,
        "response_type": "code",
        "scope": "com.intuit.quickbooks.accounting",
        "redirect_uri": REDIRECT,
        "state": "s+/ &1",
    }


@pytest.mark.parametrize("code", ["nonsense", "", "two words", "ünïcode", "x" * 9000, "a\nb"])
def test_a_code_that_is_none_asks_for_connect_again(bench: Bench, code: str) -> None:
    """A code that Intuit does not know tells the person to press Connect again."""
    with pytest.raises(errors.NotConnected, match="Press Connect again"):
        bench.oauth.exchange(Secret(code), REDIRECT)


def test_a_code_works_once_and_not_forever(bench: Bench) -> None:
    """A used code, an expired one and one for another redirect address are not accepted."""
    used = Secret(consent(bench.http, bench.oauth).params["code"])
    bench.oauth.exchange(used, REDIRECT)
    expired = Secret(consent(bench.http, bench.oauth).params["code"])
    elsewhere = Secret(consent(bench.http, bench.oauth).params["code"])
    with pytest.raises(errors.NotConnected):
        bench.oauth.exchange(elsewhere, REDIRECT + "/other")
    bench.clock.advance(3600)
    for code in (used, expired):
        with pytest.raises(errors.NotConnected) as caught:
            bench.oauth.exchange(code, REDIRECT)
        assert code.reveal() not in leaks(caught.value)


def test_the_refresh_token_that_comes_back_is_the_one_to_keep(bench: Bench) -> None:
    """Within a day it is the same one; after a day it is new, and the new one works."""
    tokens = connect(bench)
    assert bench.oauth.refresh(tokens.refresh_token).refresh_token == tokens.refresh_token
    bench.clock.advance(25 * 3600)
    renewed = bench.oauth.refresh(tokens.refresh_token)
    assert renewed.refresh_token != tokens.refresh_token
    assert bench.oauth.refresh(renewed.refresh_token).expires_in == 3600


def test_a_grant_that_ended_is_told_from_trouble(bench: Bench) -> None:
    """Revoked, expired, or a user who lost access: a person must connect again."""
    tokens = connect(bench)
    bench.emulator.world.tokens.end_grants(realm=REALM)
    with pytest.raises(errors.GrantRevoked):
        bench.oauth.refresh(tokens.refresh_token)
    tokens = connect(bench)
    bench.clock.advance(102 * 24 * 3600)
    with pytest.raises(errors.GrantRevoked):
        bench.oauth.refresh(tokens.refresh_token)
    tokens = connect(bench)
    bench.emulator.world.members.clear()
    with pytest.raises(errors.GrantRevoked, match="user_not_in_realm") as caught:
        bench.oauth.refresh(tokens.refresh_token)
    assert tokens.refresh_token.reveal() not in leaks(caught.value)


def test_wrong_keys_are_an_operators_business(bench: Bench) -> None:
    """A wrong secret or id, or another app's token, names the variables and burns no token."""
    tokens = connect(bench)
    code = Secret(consent(bench.http, bench.oauth).params["code"])
    base = bench.emulator.base_url
    wrong = make_oauth(bench.http, bench.clock, base, client_secret="hunter2hunter2")
    other = make_oauth(bench.http, bench.clock, base, client_id="someone-else")
    for oauth in (wrong, other):
        attempts: list[Callable[[], object]] = [
            partial(oauth.refresh, tokens.refresh_token),
            partial(oauth.exchange, code, REDIRECT),
            partial(oauth.revoke, tokens.refresh_token),
        ]
        for attempt in attempts:
            with pytest.raises(errors.ConfigurationError) as caught:
                attempt()
            assert "DUNAHUB_QBO_CLIENT_ID" in str(caught.value)
            assert "DUNAHUB_QBO_CLIENT_SECRET" in str(caught.value)
            assert "hunter2" not in leaks(caught.value)
    with pytest.raises(errors.ConfigurationError):
        # "Incorrect Token type or clientID"
        bench.oauth.refresh(tokens.access_token)
    assert bench.oauth.refresh(tokens.refresh_token).expires_in == 3600
    assert bench.oauth.exchange(code, REDIRECT).expires_in == 3600


def test_missing_keys_are_named_before_anything_is_sent(bench: Bench) -> None:
    """Without keys nothing is sent, and the error says which variables to set."""
    base = bench.emulator.base_url
    for keys in ({"client_id": ""}, {"client_secret": ""}):
        oauth = make_oauth(bench.http, bench.clock, base, **keys)
        attempts: list[Callable[[], object]] = [
            partial(oauth.authorization_url, REDIRECT, "s"),
            partial(oauth.refresh, Secret("x")),
            partial(oauth.revoke, Secret("x")),
        ]
        for attempt in attempts:
            with pytest.raises(errors.ConfigurationError, match="DUNAHUB_QBO_CLIENT_ID"):
                attempt()


def test_revoking_twice_is_fine(bench: Bench) -> None:
    """A token that Intuit no longer knows counts as revoked."""
    tokens = connect(bench)
    bench.oauth.revoke(tokens.refresh_token)
    bench.oauth.revoke(tokens.refresh_token)
    bench.oauth.revoke(Secret("never-issued"))


@pytest.mark.parametrize(
    ("rule", "error"),
    [
        ({"kind": "fail", "status": 500}, errors.Busy),
        ({"kind": "fail", "status": 503, "shape": "html"}, errors.Busy),
        ({"kind": "fail", "status": 429, "shape": "empty", "retry_after": 7}, errors.Busy),
        ({"kind": "fail", "status": 400, "shape": "empty"}, errors.Unreachable),
        ({"kind": "fail", "status": 400, "shape": "html"}, errors.Unreachable),
        ({"kind": "fail", "status": 403, "shape": "html"}, errors.Unreachable),
        ({"kind": "fail", "status": 200, "shape": "html"}, errors.Unreachable),
        (
            {"kind": "fail", "status": 400, "shape": "oauth", "code": "invalid_request"},
            errors.Unreachable,
        ),
        ({"kind": "lose", "manner": "reset"}, errors.Unreachable),
        ({"kind": "lose", "manner": "close"}, errors.Unreachable),
        ({"kind": "late", "seconds": 300}, errors.Unreachable),
        ({"kind": "cut"}, errors.Unreachable),
        ({"kind": "refuse"}, errors.Unreachable),
    ],
    ids=str,
)
def test_any_other_failure_of_a_refresh_passes(
    bench: Bench, rule: dict[str, Any], error: type[errors.QboError]
) -> None:
    """Whatever else goes wrong is passing: the same refresh token works afterwards."""
    tokens = connect(bench)
    path = "/oauth2/v1/tokens/bearer"
    bench.emulator.trouble(TroubleRule.from_mapping(rule | {"target": "oauth", "path": path}))
    with pytest.raises(error) as caught:
        bench.oauth.refresh(tokens.refresh_token)
    if isinstance(caught.value, errors.Busy):
        assert caught.value.retry_after == rule.get("retry_after")
        assert caught.value.throttled == (rule["status"] == 429)
    if isinstance(caught.value, errors.Unreachable):
        assert caught.value.sent == (rule["kind"] != "refuse")
    assert tokens.refresh_token.reveal() not in leaks(caught.value)
    assert bench.oauth.refresh(tokens.refresh_token).refresh_token == tokens.refresh_token


TOKENS = {"access_token": "eyJ.a.b", "refresh_token": "AB1", "expires_in": 3600}
ENDPOINTS = {
    name: f"https://emulator.test/{name}"
    for name in ("authorization_endpoint", "token_endpoint", "revocation_endpoint")
}


def answering(status: int, body: object, headers: dict[str, str] | None = None) -> IntuitOAuth:
    """Our OAuth client of a service that gives one answer to every token request."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()

    def reply(request: httpx.Request) -> httpx.Response:
        if request.url.path.startswith("/.well-known/"):
            return httpx.Response(200, json=ENDPOINTS)
        return httpx.Response(status, content=content, headers=headers)

    http = http_client(user_agent="test/1", transport=httpx.MockTransport(reply))
    return make_oauth(http, SteeredClock(START), "https://emulator.test")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[]",
        b"<html>",
        b'{"access_token":',
        b"[" * 100_000,
        {},
        {"error": "server_error"},
        TOKENS | {"error": "x"},
        TOKENS | {"access_token": None},
        TOKENS | {"access_token": ""},
        TOKENS | {"access_token": "two words"},
        TOKENS | {"access_token": "line\r\nX-Injected: 1"},
        TOKENS | {"access_token": "ünïcode"},
        TOKENS | {"access_token": "x" * 10_000},
        TOKENS | {"refresh_token": 7},
        TOKENS | {"refresh_token": "a b"},
        TOKENS | {"expires_in": None},
        TOKENS | {"expires_in": "soon"},
        TOKENS | {"expires_in": True},
        TOKENS | {"expires_in": -5},
        TOKENS | {"expires_in": 10**30},
    ],
)
def test_a_token_that_we_cannot_use_is_no_token(body: object) -> None:
    """A good status with anything but usable tokens is as good as no answer."""
    with pytest.raises(errors.Unreachable) as caught:
        answering(200, body).refresh(Secret("AB11OLDTOKEN"))
    assert caught.value.sent


def test_an_answer_without_refresh_token() -> None:
    """A refresh keeps the old one; a first exchange without one is no connection."""
    body = {"access_token": "eyJ.a.b", "expires_in": "3600"}
    tokens = answering(200, body).refresh(Secret("AB11OLD"))
    assert tokens.refresh_token == Secret("AB11OLD")
    assert (tokens.expires_in, tokens.refresh_expires_in, tokens.hard_expires_in) == (
        3600,
        None,
        None,
    )
    with pytest.raises(errors.Unreachable, match="no refresh token"):
        answering(200, body).exchange(Secret("code"), REDIRECT)


@pytest.mark.parametrize(
    ("status", "body", "error"),
    [
        (401, {"error": "invalid_client"}, errors.ConfigurationError),
        (400, {"error": "invalid_client"}, errors.ConfigurationError),
        (400, {"error": "invalid_grant"}, errors.GrantRevoked),
        (
            400,
            {"error": "invalid_grant", "error_description": 'Token "AB11OLDTOKEN99" \n é'},
            errors.GrantRevoked,
        ),
        (400, {"error": "invalid_grant", "x_error_reason": ["odd"]}, errors.GrantRevoked),
        (
            400,
            {"error": "invalid_grant", "error_description": "Incorrect Token type or clientID"},
            errors.ConfigurationError,
        ),
        (400, {"error": "x", "error_description": "AB11OLDTOKEN99 said"}, errors.Unreachable),
        (400, {"error": {"code": 1}}, errors.Unreachable),
        (302, b"", errors.Unreachable),
        (418, b"", errors.Unreachable),
    ],
)
def test_refusals_of_the_token_endpoint(
    status: int, body: object, error: type[errors.QuickBooksPluginError]
) -> None:
    """Each refusal has its consequence, and none repeats the token that was sent."""
    with pytest.raises(error) as caught:
        answering(status, body, {"intuit_tid": "1-abc"}).refresh(Secret("AB11OLDTOKEN99"))
    assert "AB11OLDTOKEN99" not in leaks(caught.value)
    shown = str(caught.value) + repr(getattr(caught.value, "info", ""))
    assert "1-abc" in shown


def test_the_hard_limit_of_a_grant_is_asked_for() -> None:
    """The header without which Intuit does not tell the five-year limit is sent, with our keys."""
    seen: list[httpx.Request] = []

    def reply(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        if request.url.path.startswith("/.well-known/"):
            return httpx.Response(200, json=ENDPOINTS)
        return httpx.Response(200, json=TOKENS | {"x_refresh_token_hard_expires_in": 157680000})

    http = http_client(user_agent="test/1", transport=httpx.MockTransport(reply))
    oauth = make_oauth(http, SteeredClock(START), "https://emulator.test", client_secret="s:/+")
    assert oauth.refresh(Secret("AB1")).hard_expires_in == 157680000
    request = seen[-1]
    assert request.headers["x-include-refresh-token-hard-expires-in"] == "true"
    assert request.headers["authorization"].startswith("Basic ")
    assert request.content == b"grant_type=refresh_token&refresh_token=AB1"


def test_nothing_is_loaded_before_it_is_needed() -> None:
    """Importing loads neither httpx nor authlib; using never loads authlib's own HTTP."""
    script = (
        "import sys\n"
        "import dunahub_qbo_plugin.qbo.client, dunahub_qbo_plugin.qbo.oauth\n"
        "heavy = [m for m in sys.modules if m.split('.')[0] in ('httpx', 'authlib', 'requests')]\n"
        "assert not heavy, heavy\n"
        "from dunahub_qbo_plugin.clock import SystemClock\n"
        "from dunahub_qbo_plugin.qbo.auth import Secret\n"
        "from dunahub_qbo_plugin.qbo.oauth import IntuitOAuth\n"
        "from dunahub_qbo_plugin.qbo.transport import http_client\n"
        "oauth = IntuitOAuth(client_id='i', client_secret=Secret('s'), http=http_client("
        "user_agent='t'), clock=SystemClock(), discovery_url='http://127.0.0.1:9/x')\n"
        "oauth._authlib(())\n"
        "assert 'authlib.oauth2.client' in sys.modules\n"
        "own = [m for m in sys.modules if m.startswith('authlib.integrations')]\n"
        "assert not own, own\n"
    )
    done = subprocess.run(  # noqa: S603  our own interpreter and text
        [sys.executable, "-W", "error", "-c", script], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def leaks(error: BaseException) -> str:
    """Everything that an error and those behind it show."""
    shown = ""
    link: BaseException | None = error
    while link is not None:
        shown += f"{link} {link!r} {vars(link)!r} "
        link = link.__cause__ or link.__context__
    return shown
