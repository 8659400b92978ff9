from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

import pytest

from dunahub_qbo_plugin.emulator.books.company_settings import CompanySettings
from dunahub_qbo_plugin.emulator.world.directory import OAuthApp
from dunahub_qbo_plugin.emulator.world.world import SEEDS

if TYPE_CHECKING:
    import httpx

    from dunahub_qbo_plugin.emulator.world.world import World

    from .conftest import Caller, Clock

NS = "{http://schema.intuit.com/finance/v3}"
BEAN_KEYS = [
    "warnings",
    "intuitObject",
    "fault",
    "report",
    "queryResponse",
    "batchItemResponse",
    "attachableResponse",
    "syncErrorResponse",
    "requestId",
    "time",
    "status",
    "cdcresponse",
]


def lower_case_fault(answer: httpx.Response) -> dict[str, Any]:
    """Return the one error of a lower-case envelope, whose form is checked on the way."""
    body = answer.json()
    assert list(body) == BEAN_KEYS
    assert isinstance(body["time"], int)
    assert answer.headers["content-type"] == "application/json"
    assert re.fullmatch(r"1-[0-9a-f]{8}-[0-9a-f]{24}", answer.headers["intuit_tid"])
    (error,) = body["fault"]["error"]
    assert list(error) == ["message", "detail", "code", "element"]
    return {"type": body["fault"]["type"], **error}


def xml_fault(answer: httpx.Response) -> dict[str, str]:
    """Return the one error of an XML envelope."""
    assert answer.headers["content-type"] == "application/xml"
    root = ET.fromstring(answer.text)  # noqa: S314  the emulator's own answer
    assert root.tag == f"{NS}IntuitResponse"
    fault = root.find(f"{NS}Fault")
    assert fault is not None
    error = fault.find(f"{NS}Error")
    assert error is not None
    return {
        "type": fault.attrib["type"],
        "code": error.attrib["code"],
        "message": error.findtext(f"{NS}Message") or "",
        "detail": error.findtext(f"{NS}Detail") or "",
    }


def test_success_has_the_recorded_headers(anywhere: Caller) -> None:
    """A success is JSON with charset, trace ids, version and timing, and may not be cached."""
    answer = anywhere.api("GET", f"/companyinfo/{anywhere.realm}")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json;charset=utf-8"
    assert re.fullmatch(r"1-[0-9a-f]{8}-[0-9a-f]{24}", answer.headers["intuit_tid"])
    assert re.fullmatch(r"\d+\.\d+", answer.headers["qbo-version"])
    assert re.fullmatch(r"total=\d+, db=\d+", answer.headers["service-time"])
    assert answer.headers["expires"] == "0"
    assert answer.headers["x-spanid"]
    assert (
        answer.headers["cache-control"] == "max-age=0, no-cache, no-store, must-revalidate, private"
    )


def test_success_is_chunked_and_refusal_has_a_length(remote: Caller) -> None:
    """On the wire a success is chunked; a fault has Content-Length and no QBO-Version."""
    good = remote.api("GET", f"/companyinfo/{remote.realm}")
    assert good.headers["transfer-encoding"] == "chunked"
    assert "content-length" not in good.headers
    bad = remote.api("GET", "/customer/999999")
    assert bad.status_code == 400
    assert bad.headers["content-type"] == "application/json"
    assert int(bad.headers["content-length"]) == len(bad.content)
    assert "qbo-version" not in bad.headers


@pytest.mark.parametrize(
    "header",
    [{}, {"Authorization": "Basic abc"}, {"Authorization": "Bearer short"}, {"Authorization": ""}],
)
def test_missing_or_malformed_token(caller: Caller, header: dict[str, str]) -> None:
    """No bearer token, or one that is too short, is 401/3200 with the challenge."""
    answer = caller.http.get(f"/v3/company/{caller.realm}/customer/1", headers=header)
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == 'Bearer realm="Intuit", error="invalid_token"'
    assert lower_case_fault(answer) == {
        "type": "AUTHENTICATION",
        "message": "message=AuthenticationFailed; errorCode=003200; statusCode=401",
        "detail": "Malformed bearer token: too short or too long",
        "code": "3200",
        "element": None,
    }


def test_token_expires_after_an_hour(caller: Caller, clock: Clock) -> None:
    """An access token works for 3,600 seconds, then it is 401 and the detail echoes the token."""
    token = caller.connect()["access_token"]
    clock.advance(seconds=3599)
    assert caller.api("GET", f"/companyinfo/{caller.realm}", token).status_code == 200
    clock.advance(seconds=1)
    answer = caller.api("GET", f"/companyinfo/{caller.realm}", token)
    assert answer.status_code == 401
    assert lower_case_fault(answer)["detail"] == f"Token expired: {token}"


def test_unknown_and_revoked_tokens_are_401(caller: Caller, world: World) -> None:
    """A token nobody issued, and one whose connection ended, are 401/3200."""
    token = world.connect(realm=caller.realm).access_token
    assert world.tokens.end_grants(realm=caller.realm) == 1
    for value in (token, "x" * 600):
        answer = caller.api("GET", "/customer/1", value)
        assert (answer.status_code, lower_case_fault(answer)["code"]) == (401, "3200")


@pytest.mark.parametrize("realm", [SEEDS["empty"][0], "123145", "no-number"])
def test_wrong_company_is_403_or_401(caller: Caller, realm: str) -> None:
    """A token for another company is 403/3100 by default, 401/100 in XML with the switch."""
    headers = {
        "Authorization": f"Bearer {caller.world.connect(realm=caller.realm).access_token}",
        "Accept": "application/json",
    }
    answer = caller.http.get(f"/v3/company/{realm}/customer/1", headers=headers)
    assert answer.status_code == 403
    fault = lower_case_fault(answer)
    assert (fault["type"], fault["code"], fault["detail"]) == ("SERVICE", "3100", None)
    assert (
        fault["message"]
        == "message=ApplicationAuthorizationFailed; errorCode=003100; statusCode=403"
    )
    caller.world.service.wrong_realm = "100"
    answer = caller.http.get(f"/v3/company/{realm}/customer/1", headers=headers)
    assert answer.status_code == 401
    fault = xml_fault(answer)
    assert (fault["type"], fault["code"]) == ("AuthenticationFault", "100")


def test_missing_scope_is_403(caller: Caller) -> None:
    """A token without the accounting scope is 403 and says so."""
    token = caller.connect(scope="com.intuit.quickbooks.payment")["access_token"]
    answer = caller.api("GET", "/customer/1", token)
    assert answer.status_code == 403
    assert lower_case_fault(answer)["detail"] == "The access token does not have sufficient scope"


def test_development_keys_do_not_open_a_real_company(caller: Caller, world: World) -> None:
    """Sandbox keys on a production company, and the other way round, are 403/3100."""
    world.add_app(
        OAuthApp(client_id="ABdev", client_secret="dev", name="Dev", environment="sandbox")
    )
    world.add_company(realm_id="4620816365000000001", name="Sandbox", environment="sandbox")
    for realm, client_id, status in (
        (caller.realm, "ABdev", 403),
        ("4620816365000000001", caller.client_id, 403),
        ("4620816365000000001", "ABdev", 200),
    ):
        token = world.connect(realm=realm, client_id=client_id).access_token
        answer = caller.http.get(
            f"/v3/company/{realm}/companyinfo/{realm}",
            headers={"Authorization": f"Bearer {token}", "Accept": "application/json"},
        )
        assert answer.status_code == status


def test_bad_routing_is_404_and_a_bad_path_is_not(caller: Caller) -> None:
    """Without a company the answer is a proxy's 404 page; a bad path in one is fault 500."""
    for path in ("/v3/", "/v3/companies/1/customer", "/v3/company/", "/v3/company/1"):
        answer = caller.http.get(path)
        assert (answer.status_code, answer.headers["content-type"]) == (404, "text/html")
    answer = caller.api("GET", "/customer/1/5")
    assert answer.status_code == 400
    assert answer.json()["Fault"]["Error"][0]["code"] == "500"


def test_other_verbs_are_not_allowed(caller: Caller) -> None:
    """QuickBooks has GET and POST only."""
    answer = caller.api("DELETE", "/customer/1")
    assert (answer.status_code, answer.headers["allow"]) == (405, "GET, POST")


@pytest.mark.parametrize(
    ("reason", "code"), [("maintenance", "150"), ("locked", "140"), ("wrong_cluster", "130")]
)
def test_company_taken_offline(caller: Caller, world: World, reason: Any, code: str) -> None:  # noqa: ANN401  a Literal by name
    """A locked company, one under maintenance or on another cluster is 401 in XML, and returns."""
    world.companies[caller.realm].offline = reason
    answer = caller.api("GET", f"/companyinfo/{caller.realm}")
    assert answer.status_code == 401
    assert xml_fault(answer)["code"] == code
    world.companies[caller.realm].offline = None
    assert caller.api("GET", f"/companyinfo/{caller.realm}").status_code == 200


@pytest.mark.parametrize("status", [400, 200])
def test_ended_subscription_refuses_writes_only(caller: Caller, world: World, status: int) -> None:
    """After the subscription ended, writes are fault 6190 (recorded as 400 and 200); reads work."""
    world.service.subscription_ended_status = status
    world.companies[caller.realm].offline = "subscription_ended"
    answer = caller.api("POST", "/customer", json={"DisplayName": "Late"})
    assert answer.status_code == status
    error = answer.json()["Fault"]["Error"][0]
    assert error["code"] == "6190"
    assert "subscription period ended" in error["Detail"]
    query = "select * from Customer where DisplayName = 'Late'"
    found = caller.api("GET", "/query", params={"query": query})
    assert found.json()["QueryResponse"] == {}


def test_stale_object_text_names_the_person(caller: Caller, world: World) -> None:
    """The name in a stale-object fault is that of the account's person."""
    made = caller.api("POST", "/customer", json={"DisplayName": "Ann"}).json()["Customer"]
    body = {"Id": made["Id"], "SyncToken": "0", "sparse": True, "Notes": "x"}
    assert caller.api("POST", "/customer", json=body).status_code == 200
    stale = caller.api("POST", "/customer", json=body).json()["Fault"]["Error"][0]
    assert stale["code"] == "5010"
    assert next(iter(world.users.values())).name in stale["Detail"]


def test_companies_do_not_share_settings(world: World) -> None:
    """Two companies added with one settings object do not change each other."""
    settings = CompanySettings(custom_txn_numbers=True)
    first = world.add_company(realm_id="1", name="One", settings=settings)
    second = world.add_company(realm_id="2", name="Two", settings=settings)
    first.settings.custom_txn_numbers = False
    assert second.settings.custom_txn_numbers
    assert settings.custom_txn_numbers
