from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import attrs
import httpx
import pytest

from dunahub_qbo_plugin.emulator.world.world import DEFAULT_SEEDS

if TYPE_CHECKING:
    from .conftest import Caller


def post(caller: Caller, path: str, body: Any = None, status: int = 200) -> Any:  # noqa: ANN401  JSON
    """Call the administration."""
    answer = caller.http.post(f"/_admin{path}", json=body if body is not None else {})
    assert answer.status_code == status, answer.text
    return answer.json()


def code_of(answer: Any) -> str:  # noqa: ANN401  a response
    """Return the code of an application fault."""
    code: str = answer.json()["Fault"]["Error"][0]["code"]
    return code


def test_tokens_can_be_had_without_the_consent_page(anywhere: Caller) -> None:
    """POST /_admin/tokens gives tokens that work on the API and at the token endpoint."""
    tokens = post(anywhere, "/tokens", {"realm": anywhere.realm}, 201)
    path = f"/companyinfo/{anywhere.realm}"
    assert anywhere.api("GET", path, tokens["access_token"]).status_code == 200
    assert anywhere.refresh(tokens["refresh_token"]).status_code == 200


def test_tokens_can_be_expired_and_revoked(caller: Caller) -> None:
    """Access and refresh tokens expire, and connections end, at a word."""
    tokens = caller.connect()
    path = f"/companyinfo/{caller.realm}"
    assert post(caller, "/tokens/expire", {"realm": "1"}) == {"expired": 0}
    assert post(caller, "/tokens/expire", {"realm": caller.realm}) == {"expired": 1}
    assert caller.api("GET", path, tokens["access_token"]).status_code == 401
    fresh = caller.refresh(tokens["refresh_token"]).json()
    assert caller.api("GET", path, fresh["access_token"]).status_code == 200
    assert post(caller, "/tokens/expire", {"which": "refresh"})["expired"] >= 1
    assert caller.refresh(fresh["refresh_token"]).json()["error"] == "invalid_grant"
    again = caller.connect()
    assert post(caller, "/tokens/revoke", {"realm": caller.realm})["revoked"] >= 1
    assert caller.refresh(again["refresh_token"]).json()["error_description"] == "Token invalid"


def test_request_log(anywhere: Caller) -> None:
    """The log tells what was asked and what became of it, without realm, token or values."""
    post(anywhere, "/trouble", {"rule": "lose manner=close entity=customer"}, 201)
    with pytest.raises(Exception, match="disconnected"):
        anywhere.api("POST", "/customer", json={"DisplayName": "A"}, params={"requestid": "k1"})
    anywhere.api("GET", "/query", params={"query": "select * from Customer", "minorversion": "75"})
    anywhere.api("GET", "/customer/99999")
    anywhere.refresh("RT1-secret-value")
    answer = anywhere.http.get("/_admin/requests")
    log = answer.json()
    first, second, third, fourth = log["requests"]
    assert (first["method"], first["path"], first["status"]) == ("POST", "/customer", 200)
    assert (first["fate"], first["carried_out"], first["trouble"]) == ("lost", True, 1)
    assert (first["query"], first["requestid"], first["write"]) == (["requestid"], "k1", True)
    assert (second["path"], second["query"]) == ("/query", ["query", "minorversion"])
    assert (second["metered"], second["write"]) == (True, False)
    assert (third["status"], third["metered"]) == (400, False)
    assert (fourth["kind"], fourth["path"]) == ("oauth", "/oauth2/v1/tokens/bearer")
    assert (log["reads"], log["writes"], log["metered"], log["most_at_once"]) == (2, 1, 1, 1)
    for secret in (anywhere.realm, "RT1-secret", anywhere.client_secret, "select"):
        assert secret not in answer.text
    number = second["number"]
    later = anywhere.http.get("/_admin/requests", params={"after": number}).json()
    assert len(later["requests"]) == 2
    assert anywhere.http.get("/_admin/requests", params={"realm": "1"}).json()["total"] == 0
    anywhere.http.delete("/_admin/requests")
    assert anywhere.http.get("/_admin/requests").json()["total"] == 0


def test_bodies_are_kept_on_request_only(caller: Caller) -> None:
    """Request bodies are in the log only after asking for it, and never those of token requests."""
    caller.api("POST", "/customer", json={"DisplayName": "Before"})
    post(caller, "/requests", {"keep_bodies": True})
    caller.api("POST", "/customer", json={"DisplayName": "After"})
    caller.refresh("RT1-x")
    bodies = [e["body"] for e in caller.http.get("/_admin/requests").json()["requests"]]
    assert [body and json.loads(body) for body in bodies] == [None, {"DisplayName": "After"}, None]


def test_metering_counts_reads_of_real_companies(caller: Caller) -> None:
    """A batch with a query is a read, a batch of writes is none, and sandboxes are free."""
    write = {"bId": "1", "operation": "create", "Customer": {"DisplayName": "M"}}
    read = {"bId": "2", "Query": "select * from Customer"}
    caller.api("POST", "/batch", json={"BatchItemRequest": [write]})
    caller.api("POST", "/batch", json={"BatchItemRequest": [read]})
    caller.world.companies[caller.realm].environment = "sandbox"
    caller.world.apps = {
        name: attrs.evolve(app, environment="sandbox") for name, app in caller.world.apps.items()
    }
    assert caller.api("GET", f"/companyinfo/{caller.realm}").status_code == 200
    assert [e.metered for e in caller.world.journal.entries()] == [False, True, False]


def test_accountant_changes_the_books(caller: Caller) -> None:
    """Edit, void, delete, deactivate and deposit act as a person in QuickBooks would."""
    base = f"/companies/{caller.realm}"
    customer = caller.api("POST", "/customer", json={"DisplayName": "Ann"}).json()["Customer"]
    line = {
        "DetailType": "SalesItemLineDetail",
        "Amount": 50,
        "SalesItemLineDetail": {"ItemRef": {"value": "3"}},
    }
    body = {"CustomerRef": {"value": customer["Id"]}, "Line": [line]}
    bills = [caller.api("POST", "/invoice", json=body).json()["Invoice"] for _ in range(2)]
    pay = {"CustomerRef": {"value": customer["Id"]}, "TotalAmt": 10}
    paid = caller.api("POST", "/payment", json=pay).json()["Payment"]

    edited = post(
        caller,
        f"{base}/edit",
        {"entity": "customer", "id": customer["Id"], "changes": {"CompanyName": "Ann Inc"}},
    )
    assert (edited["CompanyName"], edited["SyncToken"]) == ("Ann Inc", "1")
    stale = {"Id": customer["Id"], "SyncToken": "0", "sparse": True, "Notes": "x"}
    assert code_of(caller.api("POST", "/customer", json=stale)) == "5010"

    post(caller, f"{base}/void", {"entity": "Invoice", "id": bills[0]["Id"]})
    voided = caller.api("GET", f"/invoice/{bills[0]['Id']}").json()["Invoice"]
    assert (voided["TotalAmt"], voided["Balance"]) == (0, 0)
    post(caller, f"{base}/delete", {"entity": "Invoice", "id": bills[1]["Id"]})
    assert code_of(caller.api("GET", f"/invoice/{bills[1]['Id']}")) == "610"

    post(caller, f"{base}/deposit", {"payment": paid["Id"]})
    frozen = caller.api("GET", f"/payment/{paid['Id']}").json()["Payment"]
    change = {"Id": paid["Id"], "SyncToken": frozen["SyncToken"], **pay, "TotalAmt": 11}
    assert code_of(caller.api("POST", "/payment", json=change)) == "6540"

    other = caller.api("POST", "/customer", json={"DisplayName": "Bob"}).json()["Customer"]
    gone = post(caller, f"{base}/deactivate", {"entity": "Customer", "id": other["Id"]})
    assert gone["Active"] is False

    third = caller.api("POST", "/customer", json={"DisplayName": "Cleo"}).json()["Customer"]
    left = post(caller, f"{base}/merge", {"customer": customer["Id"], "into": third["Id"]})
    assert (left["DisplayName"], left["Balance"]) == ("Cleo", -10)

    refused = caller.http.post(f"/_admin{base}/void", json={"entity": "Invoice", "id": "999"})
    assert (refused.status_code, refused.json()["code"]) == (400, "610")


def test_company_switches(caller: Caller) -> None:
    """Settings of a company change at once, all of what was sent or nothing."""
    path = f"/companies/{caller.realm}/settings"
    wanted = {
        "custom_txn_numbers": True,
        "book_close_date": "2026-06-30",
        "sales_custom_fields": ["Crew"],
        "company_address": {"Line1": "1 Main St"},
    }
    changed = post(caller, path, wanted)
    assert changed["sales_custom_fields"] == ["Crew"]
    assert changed["custom_txn_numbers"] is True
    assert changed["book_close_date"] == "2026-06-30"
    line = {
        "DetailType": "SalesItemLineDetail",
        "Amount": 50,
        "SalesItemLineDetail": {"ItemRef": {"value": "3"}},
    }
    customer = caller.api("POST", "/customer", json={"DisplayName": "Ann"}).json()["Customer"]
    body = {"CustomerRef": {"value": customer["Id"]}, "Line": [line], "TxnDate": "2026-06-01"}
    assert code_of(caller.api("POST", "/invoice", json=body)) == "6200"
    bad = post(caller, path, {"custom_txn_numbers": False, "item_less_line": "sometimes"}, 400)
    assert "item_less_line" in bad["error"]
    assert caller.world.companies[caller.realm].books.settings.custom_txn_numbers is True


@pytest.mark.parametrize(
    ("path", "body", "status", "text"),
    [
        ("/trouble", {"kind": "explode"}, 400, "kind must be one of"),
        ("/trouble", {}, 400, "kind is missing"),
        ("/trouble", [1], 400, "JSON object"),
        ("/clock", {"skew": "tomorrow"}, 400, "skew must be a number"),
        ("/throttle", {"per_hour": 1}, 400, "'per_hour' is not one of"),
        ("/throttle", {"body": "yaml"}, 400, "body cannot be"),
        ("/oauth", {"refresh_grace": "long"}, 400, "refresh_grace cannot be"),
        ("/service", {"consent": "maybe"}, 400, "consent"),
        ("/service", {"latency": True}, 400, "latency cannot be"),
        ("/tokens", {}, 400, "realm is missing"),
        ("/tokens", {"realm": "1"}, 404, "'1'"),
        ("/tokens/expire", {"which": "all"}, 400, "which must be one of"),
        ("/companies/1/reset", {}, 404, "'1'"),
        ("/companies", {"realm": "7", "seed": "mars"}, 400, "seed must be one of"),
        ("/companies/{realm}/offline", {"reason": "lunch"}, 400, "reason must be"),
        ("/companies/{realm}/edit", {"entity": "Ship", "id": "1"}, 400, "no entity 'Ship'"),
        ("/companies/{realm}/edit", {"entity": "Item", "id": "1"}, 400, "changes must be"),
        ("/apps/ABnobody/redirect_uris", {"redirect_uri": "http://x/"}, 404, "ABnobody"),
    ],
)
def test_bad_input_is_refused_with_words(
    caller: Caller,
    path: str,
    body: Any,  # noqa: ANN401  JSON
    status: int,
    text: str,
) -> None:
    """What the administration does not understand it refuses, and says why."""
    answer = caller.http.post("/_admin" + path.format(realm=caller.realm), json=body)
    assert answer.status_code == status
    assert text in answer.json()["error"]


def test_clock_throttle_oauth_and_service_switches(caller: Caller) -> None:
    """Clock, limits, lifetimes and latency are set over HTTP and take effect at once."""
    assert post(caller, "/clock", {"skew": -90})["skew"] == -90
    assert post(caller, "/clock", {"advance": 30})["skew"] == -60
    date = caller.api("GET", f"/companyinfo/{caller.realm}").headers["date"]
    assert date == "Mon, 14 Sep 2026 16:59:00 GMT"
    assert post(caller, "/throttle", {"per_minute": None, "body": "gateway"})["per_minute"] is None
    assert post(caller, "/oauth", {"access_token_lifetime": 60})["access_token_lifetime"] == 60
    assert caller.connect()["expires_in"] == 60
    assert post(caller, "/service", {"latency": 0.25, "wrong_realm": "100"})["latency"] == 0.25


def test_apps_people_and_companies_can_be_added(caller: Caller) -> None:
    """A new app, person and company take part in the OAuth round trip."""
    post(caller, "/companies", {"realm": "42", "name": "Forty Two", "seed": "empty"}, 201)
    redirect = "https://crm.example/back"
    app = {"client_id": "ABnew", "client_secret": "new-secret", "name": "New CRM"}
    post(caller, "/apps", app, 201)
    post(caller, "/apps/ABnew/redirect_uris", {"redirect_uri": redirect})
    person = {"sub": "p-9", "given_name": "Pat", "family_name": "Lee", "email": "p@example.com"}
    post(caller, "/users", person | {"realms": ["42"]}, 201)
    newcomer = attrs.evolve(caller, realm="42", client_id="ABnew", client_secret="new-secret")
    form = newcomer.asked(redirect_uri=redirect) | {"user": "p-9", "realm": "42"}
    sent = caller.http.post("/connect/oauth2", data=form | {"decision": "connect"})
    code = httpx.URL(sent.headers["location"]).params["code"]
    tokens = newcomer.exchange(code, redirect_uri=redirect).json()
    answer = newcomer.api("GET", "/companyinfo/42", tokens["access_token"])
    assert answer.json()["CompanyInfo"]["CompanyName"] == "Forty Two"
    caller.http.delete("/_admin/users/p-9/companies/42")
    assert caller.http.put("/_admin/users/p-9/companies/42").json() == {"member": True}
    state = caller.http.get("/_admin/")
    assert "new-secret" not in state.text
    assert "Forty Two" in state.text


def test_offline_and_resets(caller: Caller) -> None:
    """A company goes offline and back, and books, rules and log are reset one by one or at once."""
    path = f"/companyinfo/{caller.realm}"
    post(caller, f"/companies/{caller.realm}/offline", {"reason": "maintenance"})
    assert caller.api("GET", path).status_code == 401
    post(caller, f"/companies/{caller.realm}/offline", {"reason": None})
    tokens = caller.connect()
    caller.api("POST", "/customer", tokens["access_token"], json={"DisplayName": "Gone Soon"})
    number = post(caller, "/trouble", {"kind": "fail", "times": None}, 201)["number"]
    assert caller.http.get("/_admin/trouble").json()["trouble"][0]["number"] == number
    assert caller.http.delete(f"/_admin/trouble/{number}").status_code == 200
    assert caller.http.delete(f"/_admin/trouble/{number}").status_code == 404
    post(caller, f"/companies/{caller.realm}/reset")
    assert caller.http.get(f"/_admin/books/{caller.realm}").json()["customers"] == []
    assert caller.api("GET", path, tokens["access_token"]).status_code == 200
    post(caller, "/trouble", {"kind": "fail"}, 201)
    post(caller, "/reset")
    state = caller.http.get("/_admin/").json()
    assert state["trouble"] == []
    assert caller.http.get("/_admin/requests").json()["total"] == 0
    assert len(state["companies"]) == len(DEFAULT_SEEDS)
