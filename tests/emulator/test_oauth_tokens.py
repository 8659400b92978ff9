from __future__ import annotations

import json
from base64 import urlsafe_b64decode
from typing import TYPE_CHECKING, Literal

import pytest

from dunahub_qbo_plugin.emulator.world.directory import OAuthApp

from .conftest import REDIRECT

if TYPE_CHECKING:
    from dunahub_qbo_plugin.emulator.world.world import World

    from .conftest import Caller, Clock

DAY = 86_400
YEARS = 157_680_000


def test_token_body_is_intuits(caller: Caller) -> None:
    """A code gives the recorded body: one hour, 8726400 seconds, neither scope nor realm."""
    tokens = caller.connect()
    assert set(tokens) == {
        "x_refresh_token_expires_in",
        "refresh_token",
        "access_token",
        "token_type",
        "expires_in",
    }
    assert (tokens["token_type"], tokens["expires_in"]) == ("bearer", 3600)
    assert tokens["x_refresh_token_expires_in"] == 8_726_400
    assert tokens["access_token"].startswith("eyJ")
    assert tokens["access_token"].count(".") == 4
    assert 500 < len(tokens["access_token"]) < 4096
    assert tokens["refresh_token"].startswith("RT1-")


def test_token_answer_is_not_to_be_stored_and_has_a_trace_id(caller: Caller) -> None:
    """Token answers forbid caching and carry intuit_tid, refusals too."""
    for answer in (caller.refresh("RT1-no"), caller.exchange(caller.consent().params["code"])):
        assert "no-store" in answer.headers["cache-control"]
        assert answer.headers["intuit_tid"].startswith("1-")
        assert answer.headers["date"] == "Mon, 14 Sep 2026 17:00:00 GMT"


def test_credentials_may_be_in_the_form(caller: Caller) -> None:
    """client_secret_post works as well as the Basic header."""
    form = {
        "grant_type": "authorization_code",
        "code": caller.consent().params["code"],
        "redirect_uri": REDIRECT,
        "client_id": caller.client_id,
        "client_secret": caller.client_secret,
    }
    answer = caller.http.post("/oauth2/v1/tokens/bearer", data=form)
    assert answer.status_code == 200


@pytest.mark.parametrize(
    "auth",
    [("ABnobody", "x"), (None, "wrong"), ("", ""), None],
    ids=["id", "secret", "empty", "no"],
)
def test_bad_client_is_401_invalid_client(
    caller: Caller, auth: tuple[str | None, str] | None
) -> None:
    """Wrong or missing credentials get 401, invalid_client alone, and the challenge."""
    credentials = None if auth is None else (auth[0] or caller.client_id, auth[1])
    code = caller.consent().params["code"]
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": REDIRECT}
    answer = caller.http.post(
        "/oauth2/v1/tokens/bearer", data=form, auth=credentials or (lambda request: request)
    )
    assert answer.status_code == 401
    assert answer.json() == {"error": "invalid_client"}
    assert answer.headers["www-authenticate"] == 'Basic realm="Intuit"'
    assert caller.exchange(code).status_code == 200, "the code must not be used up"


def test_code_works_once(caller: Caller) -> None:
    """The second exchange of a code is invalid_grant and leaves the first one's tokens alive."""
    code = caller.consent().params["code"]
    tokens = caller.exchange(code).json()
    again = caller.exchange(code)
    assert (again.status_code, again.json()) == (400, {"error": "invalid_grant"})
    assert caller.refresh(tokens["refresh_token"]).status_code == 200


def test_code_used_twice_can_end_the_tokens(caller: Caller) -> None:
    """With the switch set, a second exchange ends what the first one gave."""
    caller.world.tokens.settings.code_reuse_revokes = True
    code = caller.consent().params["code"]
    tokens = caller.exchange(code).json()
    assert caller.exchange(code).status_code == 400
    refused = caller.refresh(tokens["refresh_token"])
    assert refused.json() == {"error": "invalid_grant", "error_description": "Token invalid"}


def test_code_is_short_lived(caller: Caller, clock: Clock) -> None:
    """A code that is five minutes old is invalid_grant."""
    code = caller.consent().params["code"]
    clock.advance(seconds=300)
    assert caller.exchange(code).json() == {"error": "invalid_grant"}


def test_code_is_bound_to_redirect_address_and_app(caller: Caller, world: World) -> None:
    """A code asked for with another address, or by another app, is invalid_grant."""
    world.add_app(OAuthApp(client_id="ABother", client_secret="other", name="Other"))
    code = caller.consent().params["code"]
    elsewhere = caller.exchange(code, redirect_uri="http://localhost:8000/other")
    assert elsewhere.json() == {"error": "invalid_grant"}
    stolen = caller.http.post(
        "/oauth2/v1/tokens/bearer",
        data={"grant_type": "authorization_code", "code": code, "redirect_uri": REDIRECT},
        auth=("ABother", "other"),
    )
    assert stolen.json() == {"error": "invalid_grant"}
    assert caller.exchange(code).status_code == 200


@pytest.mark.parametrize(
    ("form", "error"),
    [
        ({}, "invalid_request"),
        ({"grant_type": "client_credentials"}, "unsupported_grant_type"),
        ({"grant_type": "password", "username": "a"}, "unsupported_grant_type"),
        ({"grant_type": "authorization_code", "redirect_uri": REDIRECT}, "invalid_request"),
        ({"grant_type": "authorization_code", "code": "XAB11"}, "invalid_request"),
        ({"grant_type": "refresh_token"}, "invalid_request"),
    ],
)
def test_incomplete_token_requests(caller: Caller, form: dict[str, str], error: str) -> None:
    """A token request without its parameters, or with an unknown grant, is refused."""
    answer = caller.token(form)
    assert (answer.status_code, answer.json()["error"]) == (400, error)


def test_token_request_must_be_a_form(caller: Caller) -> None:
    """A JSON body is no token request."""
    answer = caller.http.post(
        "/oauth2/v1/tokens/bearer",
        json={"grant_type": "refresh_token", "refresh_token": "x"},
        auth=(caller.client_id, caller.client_secret),
    )
    assert (answer.status_code, answer.json()) == (400, {"error": "invalid_request"})


def test_refresh_within_a_day_gives_the_same_value_and_counts_down(
    caller: Caller, clock: Clock
) -> None:
    """Within 24 hours a refresh gives a new access token, the same refresh token, fewer seconds."""
    first = caller.connect()
    clock.advance(seconds=1132)
    second = caller.refresh(first["refresh_token"]).json()
    assert second["refresh_token"] == first["refresh_token"]
    assert second["access_token"] != first["access_token"]
    assert second["x_refresh_token_expires_in"] == 8_725_268
    assert caller.api("GET", "/companyinfo/1", first["access_token"]).status_code != 401


def test_refresh_after_a_day_rotates_and_the_old_value_dies_at_once(
    caller: Caller, clock: Clock
) -> None:
    """After 24 hours the value changes; by default the old one is dead at once."""
    first = caller.connect()
    clock.advance(seconds=DAY)
    second = caller.refresh(first["refresh_token"]).json()
    assert second["refresh_token"] != first["refresh_token"]
    assert second["x_refresh_token_expires_in"] == 8_726_400
    refused = caller.refresh(first["refresh_token"])
    assert refused.status_code == 400
    assert refused.json() == {
        "error": "invalid_grant",
        "error_description": "Incorrect or invalid refresh token",
    }
    assert caller.refresh(second["refresh_token"]).status_code == 200


def test_old_value_may_live_on_for_a_day(caller: Caller, clock: Clock) -> None:
    """With the grace switch at 24 hours, the old value works for a day and gives the new one."""
    caller.world.tokens.settings.refresh_grace = DAY
    first = caller.connect()
    clock.advance(seconds=DAY)
    second = caller.refresh(first["refresh_token"]).json()
    clock.advance(seconds=DAY - 1)
    again = caller.refresh(first["refresh_token"])
    assert again.json()["refresh_token"] == second["refresh_token"]
    clock.advance(seconds=1)
    assert caller.refresh(first["refresh_token"]).json()["error"] == "invalid_grant"


def test_refresh_token_expires_after_101_days(caller: Caller, clock: Clock) -> None:
    """A refresh token that nobody used for 101 days is invalid_grant; one used daily lives on."""
    idle, used = caller.connect(), caller.connect()
    value = used["refresh_token"]
    for _ in range(101):
        clock.advance(seconds=DAY)
        value = caller.refresh(value).json()["refresh_token"]
    assert caller.refresh(idle["refresh_token"]).json()["error"] == "invalid_grant"
    assert caller.refresh(value).status_code == 200


def test_hard_end_is_told_on_request_only_and_kept(caller: Caller, clock: Clock) -> None:
    """x_refresh_token_hard_expires_in comes with the header only; after five years it is over."""
    header = {"x-include-refresh-token-hard-expires-in": "true"}
    value = caller.connect()["refresh_token"]
    form = {"grant_type": "refresh_token", "refresh_token": value}
    clock.advance(seconds=100)
    assert caller.token(form, header).json()["x_refresh_token_hard_expires_in"] == YEARS - 100
    assert "x_refresh_token_hard_expires_in" not in caller.token(form).json()
    for _ in range(1825 // 73):
        clock.advance(days=73)
        answer = caller.refresh(value)
        value = answer.json().get("refresh_token", value)
    assert answer.json()["error"] == "invalid_grant"


@pytest.mark.parametrize(
    ("setting", "asked", "told"),
    [
        ("header", True, True),
        ("header", False, False),
        ("always", False, True),
        ("never", True, False),
    ],
)
def test_hard_end_is_told_by_switch(
    caller: Caller, *, setting: Literal["header", "always", "never"], asked: bool, told: bool
) -> None:
    """The header asks for it, or it comes always or never."""
    caller.world.tokens.settings.hard_expires = setting
    value = caller.connect()["refresh_token"]
    header = {"x-include-refresh-token-hard-expires-in": "true"} if asked else {}
    answer = caller.token({"grant_type": "refresh_token", "refresh_token": value}, header)
    assert ("x_refresh_token_hard_expires_in" in answer.json()) is told


def test_tokens_of_ones_own(caller: Caller) -> None:
    """Tokens can be named, short ones too, each once; after a refresh there is another."""
    body = {"realm": caller.realm, "access_token": "mine", "refresh_token": "again"}
    made = caller.http.post("/_admin/tokens", json=body)
    assert (made.status_code, made.json()["access_token"]) == (201, "mine")
    path = f"/companyinfo/{caller.realm}"
    assert caller.api("GET", path, "mine").status_code == 200
    assert caller.api("GET", path, "his").status_code == 401
    twice = caller.http.post("/_admin/tokens", json=body)
    assert (twice.status_code, twice.json()) == (400, {"error": "that token exists already"})
    refreshed = caller.refresh("again").json()
    assert refreshed["refresh_token"] == "again"
    assert caller.api("GET", path, refreshed["access_token"]).status_code == 200


def test_wrong_kind_of_token_or_wrong_app(caller: Caller, world: World) -> None:
    """An access token, or another app's refresh token, is refused and not used up."""
    world.add_app(OAuthApp(client_id="ABother", client_secret="other", name="Other"))
    tokens = caller.connect()
    expected = {
        "error": "invalid_grant",
        "error_description": "Incorrect Token type or clientID",
    }
    assert caller.refresh(tokens["access_token"]).json() == expected
    stolen = caller.http.post(
        "/oauth2/v1/tokens/bearer",
        data={"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]},
        auth=("ABother", "other"),
    )
    assert (stolen.status_code, stolen.json()) == (400, expected)
    assert caller.refresh(tokens["refresh_token"]).status_code == 200


def test_person_who_left_the_company(caller: Caller, world: World) -> None:
    """A member who left gets user_not_in_realm, and 120 from the API, until they return."""
    tokens = caller.connect()
    membership = (next(iter(world.users)), caller.realm)
    world.members.discard(membership)
    answer = caller.refresh(tokens["refresh_token"])
    assert answer.status_code == 400
    assert answer.json() == {
        "error_description": "Unauthorized Request: User is not a member of the specified Realm",
        "x_error_reason": "user_not_in_realm",
        "x_error_reason_detail": "The user is not in the specified realm",
        "error": "invalid_grant",
    }
    refused = caller.api("GET", "/companyinfo/1", tokens["access_token"])
    assert refused.status_code == 401
    assert 'code="120"' in refused.text
    world.members.add(membership)
    assert caller.refresh(tokens["refresh_token"]).status_code == 200


@pytest.mark.parametrize("kind", ["refresh_token", "access_token"])
def test_revoking_either_token_ends_the_connection(caller: Caller, kind: str) -> None:
    """Revocation answers 200 without a body; then the API says 401 and a refresh invalid_grant."""
    tokens = caller.connect()
    auth = (caller.client_id, caller.client_secret)
    url = "/v2/oauth2/tokens/revoke"
    answer = caller.http.post(url, json={"token": tokens[kind]}, auth=auth)
    assert (answer.status_code, answer.content) == (200, b"")
    refused = caller.refresh(tokens["refresh_token"])
    assert refused.json() == {"error": "invalid_grant", "error_description": "Token invalid"}
    api = caller.api("GET", "/companyinfo/1", tokens["access_token"])
    assert (api.status_code, api.json()["fault"]["error"][0]["code"]) == (401, "3200")
    again = caller.http.post(url, json={"token": tokens[kind]}, auth=auth)
    assert (again.status_code, again.content) == (400, b"")


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b'{"token":""}', b'{"token":7}', b'{"token":"RT1-unknown"}']
)
def test_failed_revocation_is_400_without_a_body(caller: Caller, body: bytes) -> None:
    """A revocation of something that is no token of the app: 400, empty, as recorded."""
    answer = caller.http.post(
        "/v2/oauth2/tokens/revoke",
        content=body,
        headers={"Content-Type": "application/json"},
        auth=(caller.client_id, caller.client_secret),
    )
    assert (answer.status_code, answer.content) == (400, b"")


def test_revocation_by_form(caller: Caller) -> None:
    """A form does as well as JSON: Intuit's Java client and node-quickbooks send one."""
    token = caller.connect()["refresh_token"]
    url, own = "/v2/oauth2/tokens/revoke", (caller.client_id, caller.client_secret)
    assert caller.http.post(url, data={"other": token}, auth=own).status_code == 400
    assert caller.http.post(url, content=f"token={token}", auth=own).status_code == 400
    assert caller.http.post(url, data={"token": token}, auth=own).status_code == 200
    assert caller.refresh(token).status_code == 400


def test_revocation_by_a_stranger_is_refused(caller: Caller, world: World) -> None:
    """The client must be known and the token's own."""
    world.add_app(OAuthApp(client_id="ABother", client_secret="other", name="Other"))
    token = caller.connect()["refresh_token"]
    url = "/v2/oauth2/tokens/revoke"
    assert (
        caller.http.post(url, json={"token": token}, auth=("ABother", "other")).status_code == 400
    )
    bearer = caller.http.post(
        url, json={"token": token}, headers={"Authorization": f"Bearer {token}"}
    )
    assert (bearer.status_code, bearer.content) == (401, b"")
    assert caller.refresh(token).status_code == 200


def test_userinfo_gives_what_the_scopes_allow(caller: Caller) -> None:
    """User information follows the scopes, and needs openid and a live token."""
    full = caller.connect(scope="openid profile email phone address")["access_token"]
    narrow = caller.connect(scope="openid com.intuit.quickbooks.accounting")["access_token"]
    none = caller.connect()["access_token"]

    def ask(token: str) -> tuple[int, dict[str, object]]:
        answer = caller.http.get(
            "/v1/openid_connect/userinfo", headers={"Authorization": f"Bearer {token}"}
        )
        return answer.status_code, answer.json() if answer.content else {}

    status, body = ask(full)
    assert status == 200
    assert set(body) == {
        "sub",
        "email",
        "emailVerified",
        "givenName",
        "familyName",
        "phoneNumber",
        "phoneNumberVerified",
        "address",
    }
    assert ask(narrow) == (200, {"sub": body["sub"]})
    assert ask(none)[0] == 403
    caller.world.tokens.expire()
    assert ask(full)[0] == 401


def test_id_token_is_signed_with_the_published_key(caller: Caller) -> None:
    """With openid there is an id_token with Intuit's claims and a signature that holds."""
    jwt = pytest.importorskip("jwt")
    tokens = caller.connect(scope="openid com.intuit.quickbooks.accounting", nonce="n-1")
    keys = jwt.PyJWKSet.from_dict(caller.http.get("/op/v1/jwks").json())
    header = jwt.get_unverified_header(tokens["id_token"])
    claims = jwt.decode(
        tokens["id_token"],
        keys[header["kid"]].key,
        algorithms=["RS256"],
        audience=caller.client_id,
        issuer="https://oauth.platform.intuit.com/op/v1",
        options={"verify_exp": False, "verify_iat": False},
    )
    assert claims["realmid"] == caller.realm
    assert claims["aud"] == [caller.client_id]
    assert claims["nonce"] == "n-1"
    assert claims["exp"] - claims["iat"] == 3600
    payload = tokens["id_token"].split(".")[1]
    tampered = json.loads(urlsafe_b64decode(payload + "=="))
    assert tampered["sub"] == claims["sub"]
    assert "id_token" not in caller.connect()


def test_secrets_are_in_no_repr(caller: Caller, world: World) -> None:
    """Neither an app's secret nor a token shows in the repr of what holds it."""
    issued = world.connect(realm=caller.realm)
    text = repr(world.apps) + repr(issued) + repr(issued.grant)
    for secret in (caller.client_secret, issued.access_token, issued.refresh_token):
        assert secret not in text
