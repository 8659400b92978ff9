from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import httpx
import pytest

from dunahub_qbo_plugin.emulator.world.directory import OAuthApp, User
from dunahub_qbo_plugin.emulator.world.world import SEEDS

if TYPE_CHECKING:
    from dunahub_qbo_plugin.emulator.world.world import World

    from .conftest import Caller


def test_discovery_names_endpoints_of_this_host_that_answer(caller: Caller) -> None:
    """The discovery documents have Intuit's keys, and every endpoint in them is there."""
    for name in ("openid_configuration", "openid_sandbox_configuration"):
        document = caller.http.get(f"/.well-known/{name}").json()
        assert document["issuer"] == "https://oauth.platform.intuit.com/op/v1"
        assert document["response_types_supported"] == ["code"]
        assert document["token_endpoint_auth_methods_supported"] == [
            "client_secret_post",
            "client_secret_basic",
        ]
        assert document["claims_supported"] == ["aud", "exp", "iat", "iss", "realmid", "sub"]
        assert "code_challenge_methods_supported" not in document
        for key in ("token_endpoint", "revocation_endpoint"):
            assert caller.http.post(document[key]).status_code in {400, 401}
        assert caller.http.get(document["jwks_uri"]).json()["keys"][0]["alg"] == "RS256"
        assert caller.http.get(document["userinfo_endpoint"]).status_code == 401
        page = caller.http.get(document["authorization_endpoint"], params=caller.asked())
        assert page.status_code == 200


def test_consent_page_lets_a_person_choose_among_companies(caller: Caller, world: World) -> None:
    """The page names the app, every company of the person, and says that it is no Intuit page."""
    page = caller.http.get("/connect/oauth2", params=caller.asked())
    assert page.status_code == 200
    assert "DunaHub wants to connect to QuickBooks" in page.text
    assert "Not Intuit" in page.text
    for hosted in world.companies.values():
        assert hosted.books.name in page.text
        assert hosted.books.realm_id in page.text
    assert page.headers["cache-control"] == "no-cache, no-store"


def test_another_person_sees_their_own_companies_only(caller: Caller, world: World) -> None:
    """A company is offered to its members only, on the page and in the answer to it."""
    realm = SEEDS["empty"][0]
    world.add_user(
        User(sub="u-3", given_name="Lee", family_name="Park", email="lee@example.com"),
        realms=[realm],
    )
    page = caller.http.get("/connect/oauth2", params=caller.asked() | {"user": "u-3"})
    assert realm in page.text
    assert caller.realm not in page.text
    form = caller.asked() | {"user": "u-3", "realm": caller.realm, "decision": "connect"}
    refused = caller.http.post("/connect/oauth2", data=form)
    assert refused.status_code == 400
    assert "member" in refused.text


def test_consent_answers_with_code_state_and_realm(caller: Caller) -> None:
    """The browser goes back to the app with code, the very state and the company's id."""
    url = caller.consent(state="a b&c=✓")
    assert str(url.copy_with(query=None)).startswith("http://localhost:8000/callback")
    assert url.params["state"] == "a b&c=✓"
    assert url.params["realmId"] == caller.realm
    assert 10 < len(url.params["code"]) <= 512


def test_declining_answers_with_access_denied_and_no_company(caller: Caller) -> None:
    """A person who declines sends the app error=access_denied and the state, nothing else."""
    answer = caller.http.post("/connect/oauth2", data=caller.asked() | {"decision": "decline"})
    assert answer.status_code == 302
    assert dict(httpx.URL(answer.headers["location"]).params) == {
        "error": "access_denied",
        "state": "s-1",
    }


def test_unknown_scope_is_told_to_the_app(caller: Caller) -> None:
    """A scope Intuit does not know, or none, comes back as error=invalid_scope."""
    for scope in ("com.intuit.quickbooks.everything", "", "openid nonsense"):
        answer = caller.http.get("/connect/oauth2", params=caller.asked(scope=scope))
        assert answer.status_code == 302
        assert httpx.URL(answer.headers["location"]).params["error"] == "invalid_scope"


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"redirect_uri": "http://localhost:8000/callback/"}, "redirect_uri"),
        ({"redirect_uri": "http://LOCALHOST:8000/callback"}, "redirect_uri"),
        ({"redirect_uri": "http://localhost:8000/callback?x=1"}, "redirect_uri"),
        ({"redirect_uri": "https://evil.example/callback"}, "redirect_uri"),
        ({"redirect_uri": ""}, "redirect_uri"),
        ({"client_id": "ABnobody"}, "client_id"),
        ({"state": ""}, "state"),
        ({"response_type": "token"}, "response_type"),
    ],
)
def test_app_at_fault_is_shown_to_the_person(
    caller: Caller, change: dict[str, str], text: str
) -> None:
    """A redirect address that differs in one character, or a bad app, goes nowhere: a 400 page."""
    for method in ("GET", "POST"):
        values = caller.asked(**change)
        answer = (
            caller.http.get("/connect/oauth2", params=values)
            if method == "GET"
            else caller.http.post("/connect/oauth2", data=values | {"decision": "connect"})
        )
        assert answer.status_code == 400
        assert "location" not in answer.headers
        assert f"The {text} query parameter" in answer.text


def test_a_redirect_address_of_another_app_is_refused(caller: Caller, world: World) -> None:
    """Each app may use its own redirect addresses only."""
    world.add_app(
        OAuthApp(
            client_id="ABother",
            client_secret="other-secret",
            name="Other",
            redirect_uris=frozenset({"https://other.example/cb"}),
        )
    )
    mixed = caller.asked(redirect_uri="https://other.example/cb")
    refused = caller.http.get("/connect/oauth2", params=mixed)
    assert refused.status_code == 400
    assert "asked to come back to https://other.example/cb. This emulator knows" in refused.text
    assert "start the emulator with --redirect-uri https://other.example/cb" in refused.text
    own = caller.asked(client_id="ABother", redirect_uri="https://other.example/cb")
    assert "Other wants" in caller.http.get("/connect/oauth2", params=own).text


def test_redirect_address_with_a_query_keeps_it(caller: Caller, world: World) -> None:
    """A registered address with parameters of its own gets the answer's behind them."""
    world.register_redirect("https://crm.example/cb?tenant=7")
    url = caller.consent(redirect_uri="https://crm.example/cb?tenant=7")
    assert url.params["tenant"] == "7"
    assert url.params["code"]


def test_markup_in_parameters_is_shown_as_text(caller: Caller) -> None:
    """What an app puts into its parameters cannot become markup on the page."""
    page = caller.http.get("/connect/oauth2", params=caller.asked(state='"><script>x</script>'))
    assert "<script>" not in page.text
    assert "&lt;script&gt;" in page.text


def test_openid_only_needs_no_company(caller: Caller) -> None:
    """An app that asks for OpenID scopes only gets a code and no company."""
    form = caller.asked(scope="openid email") | {
        "user": next(iter(caller.world.users)),
        "decision": "connect",
    }
    answer = caller.http.post("/connect/oauth2", data=form)
    assert "realmId" not in httpx.URL(answer.headers["location"]).params


def test_company_that_is_chosen_without_a_person(caller: Caller) -> None:
    """The switch names the company that is accepted, and that the page proposes first."""
    wanted = SEEDS["empty"][0]
    caller.world.service.consent_company = wanted
    page = caller.http.get("/connect/oauth2", params=caller.asked()).text
    assert page.index(wanted) < page.index(SEEDS["contractor"][0])
    caller.world.service.consent = "accept"
    answer = caller.http.get("/connect/oauth2", params=caller.asked())
    assert httpx.URL(answer.headers["location"]).params["realmId"] == wanted
    caller.world.service.consent_company = "1"
    answer = caller.http.get("/connect/oauth2", params=caller.asked())
    assert httpx.URL(answer.headers["location"]).params["realmId"] == SEEDS["contractor"][0]


@pytest.mark.parametrize(("setting", "key"), [("accept", "code"), ("decline", "error")])
def test_consent_can_be_answered_without_a_person(caller: Caller, setting: str, key: str) -> None:
    """With the switch set the authorization address itself answers, without a browser."""
    caller.world.service.consent = setting
    answer = caller.http.get("/connect/oauth2", params=caller.asked())
    assert answer.status_code == 302
    assert key in httpx.URL(answer.headers["location"]).params
    assert urlsplit(answer.headers["location"]).port == 8000
