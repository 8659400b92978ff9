from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpx
import pytest

from dunahub_qbo_plugin.emulator.world.trouble import TroubleRule

if TYPE_CHECKING:
    from dunahub_qbo_plugin.emulator.world.http_messages import Manner
    from dunahub_qbo_plugin.emulator.world.world import World

    from .conftest import Caller, Clock


def names(caller: Caller) -> list[str]:
    """Return the display names in the books, read around all trouble."""
    books = caller.world.companies[caller.realm].books.books()
    return [customer["name"] for customer in books["customers"]]


def create(caller: Caller, name: str, **options: Any) -> httpx.Response:  # noqa: ANN401  httpx's own
    """Create a customer."""
    return caller.api("POST", "/customer", json={"DisplayName": name}, **options)


@pytest.mark.parametrize(
    ("manner", "error"),
    [
        ("reset", httpx.ReadError),
        ("close", httpx.RemoteProtocolError),
        ("silence", httpx.ReadTimeout),
    ],
)
def test_answer_is_lost_but_the_request_was_carried_out(
    anywhere: Caller,
    manner: Manner,
    error: type[Exception],
) -> None:
    """A lost answer breaks the connection as asked for, and the record is in the books."""
    anywhere.world.trouble.add(TroubleRule(kind="lose", manner=manner, entity="customer"))
    with pytest.raises(error):
        create(anywhere, "Lost Answer", timeout=0.5)
    assert names(anywhere).count("Lost Answer") == 1
    entry = anywhere.world.journal.entries()[-1]
    assert (entry.fate, entry.status, entry.carried_out) == ("lost", 200, True)
    assert create(anywhere, "Next One").status_code == 200


def test_lost_answer_is_had_again_with_the_same_requestid(anywhere: Caller) -> None:
    """Sent again with its requestid, a request whose answer was lost gives that answer, once."""
    anywhere.world.trouble.add(TroubleRule(kind="lose"))
    key = {"requestid": "e3b0c442-98fc-1c14"}
    with pytest.raises(httpx.ReadError):
        create(anywhere, "Once Only", params=key)
    assert create(anywhere, "Once Only", params=key).status_code == 200
    assert names(anywhere).count("Once Only") == 1


def test_refused_connection_carries_nothing_out(anywhere: Caller) -> None:
    """A refused request never reaches the books, and the next one does."""
    anywhere.world.trouble.add(TroubleRule(kind="refuse"))
    with pytest.raises((httpx.ConnectError, httpx.ReadError)):
        create(anywhere, "Refused")
    assert "Refused" not in names(anywhere)
    assert create(anywhere, "Refused").status_code == 200
    first, second = anywhere.world.journal.entries()
    assert (first.fate, first.carried_out, first.status) == ("refused", False, 0)
    assert second.fate == "answered"


def test_answer_is_cut_in_the_middle(anywhere: Caller) -> None:
    """A cut answer starts and ends in its body; the record is in the books."""
    anywhere.world.trouble.add(TroubleRule(kind="cut", keep=0.3))
    with pytest.raises(httpx.RemoteProtocolError, match=r"incomplete|without sending complete"):
        create(anywhere, "Cut Off")
    assert names(anywhere).count("Cut Off") == 1


def test_late_answer_is_a_timeout_for_the_impatient_only(anywhere: Caller) -> None:
    """A late answer times out a client with less patience; the record is in the books."""
    anywhere.world.trouble.add(TroubleRule(kind="late", seconds=1, times=2))
    with pytest.raises(httpx.ReadTimeout):
        create(anywhere, "Too Late", timeout=0.2)
    assert create(anywhere, "In Time", timeout=5).status_code == 200
    assert {"Too Late", "In Time"} <= set(names(anywhere))


def test_latency_applies_to_everything_of_the_api_and_of_oauth(caller: Caller) -> None:
    """With latency set, API and token requests time out for the impatient, and are carried out."""
    tokens = caller.connect()
    caller.world.service.latency = 3
    with pytest.raises(httpx.ReadTimeout):
        create(caller, "Slow", timeout=1)
    with pytest.raises(httpx.ReadTimeout):
        caller.http.post(
            "/oauth2/v1/tokens/bearer",
            data={"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]},
            auth=(caller.client_id, caller.client_secret),
            timeout=1,
        )
    assert "Slow" in names(caller)
    assert create(caller, "Patient", timeout=10).status_code == 200


@pytest.mark.parametrize(
    ("rule", "status", "kind", "text"),
    [
        ("fail", 503, "text/html", "503 Service Temporarily Unavailable"),
        ("fail status=502", 502, "text/html", "502 Bad Gateway"),
        ("fail status=504 shape=text", 504, "text/plain", "stream timeout"),
        ("fail status=500", 500, "application/json", '"code":"10000"'),
        ("fail status=500 code=6000", 500, "application/json", "Please wait a few minutes"),
        ("fail status=400 code=5010", 400, "application/json", "Stale Object Error"),
        ("fail status=400", 400, "application/json", "Please wait a few minutes"),
        ("fail status=400 code=6240 detail='Ce nom'", 400, "application/json", "Ce nom"),
        ("fail status=401", 401, "application/json", "errorCode=003200"),
        ("fail status=403", 403, "application/json", "errorCode=003100"),
        ("fail status=429", 429, "application/xml", "ThrottleExceeded"),
        ("fail status=429 shape=gateway retry_after=7", 429, "application/json", "003001"),
        ("fail status=504 code=6002 shape=xml", 504, "application/xml", 'code="6002"'),
        ("fail status=200 code=6190", 200, "application/json", "subscription period ended"),
        ("fail status=500 shape=empty", 500, "", ""),
        ("fail status=403 shape=html", 403, "text/html", "403 Forbidden"),
        ("fail recorded=internal_30003", 400, "application/json", "Error. (-30003)"),
        ("fail recorded=internal_30000", 400, "application/json", "Error. (-30000)"),
        ("fail recorded=accessing_or_saving", 400, "application/json", "accessing or saving"),
        ("fail recorded=internal_3100", 500, "application/json", "003100; statusCode=500"),
        ("fail recorded=unknown_120", 500, "application/xml", '<Fault type="AuthorizatonFault">'),
        ("fail recorded=internal_30003 status=500", 500, "application/json", "(-30003)"),
    ],
)
def test_failures_in_every_shape(
    anywhere: Caller, rule: str, status: int, kind: str, text: str
) -> None:
    """A failure has the status, code and shape asked for, an intuit_tid, and changes nothing."""
    anywhere.world.trouble.add(TroubleRule.from_text(rule))
    answer = create(anywhere, "Failed")
    assert answer.status_code == status
    assert answer.headers.get("content-type", "") == kind
    assert text in answer.text
    assert answer.headers["intuit_tid"]
    assert answer.headers.get("retry-after") == ("7" if "retry_after" in rule else None)
    assert "Failed" not in names(anywhere)
    assert create(anywhere, "Failed").status_code == 200


def test_next_matching_requests_only(caller: Caller, world: World) -> None:
    """A rule strikes as many of the requests it matches as it says, after those it skips."""
    world.trouble.add(
        TroubleRule(kind="fail", status=500, times=2, skip=1, method="post", entity="CUSTOMER")
    )
    outcome = [create(caller, f"N{number}").status_code for number in range(4)]
    read = caller.api("GET", f"/companyinfo/{caller.realm}").status_code
    assert (outcome, read) == ([200, 500, 500, 200], 200)
    assert world.trouble.in_force() == []


@pytest.mark.parametrize(
    ("match", "hits"),
    [
        ({"body": "Smith.*Sons"}, True),
        ({"body": "Jones"}, False),
        ({"path": r"/customer$"}, True),
        ({"path": r"/invoice"}, False),
        ({"operation": "delete"}, False),
        ({"realm": "9341454838118701"}, True),
        ({"realm": "1"}, False),
        ({"method": "GET"}, False),
        ({"target": "oauth"}, False),
        ({"target": "any"}, True),
    ],
)
def test_what_a_rule_matches(caller: Caller, match: dict[str, Any], hits: bool) -> None:  # noqa: FBT001  a test's parameter
    """A rule can be narrowed by body, path, operation, company, verb and target."""
    caller.world.trouble.add(TroubleRule(kind="fail", **match))
    assert (create(caller, "Smith & Sons").status_code == 503) is hits


def test_rule_without_end_strikes_until_removed(caller: Caller, world: World) -> None:
    """times=all strikes every request until the rule is taken back."""
    number = world.trouble.add(TroubleRule.from_text("fail times=all"))
    assert {create(caller, "Never").status_code for _ in range(5)} == {503}
    assert world.trouble.in_force()[0]["struck"] == 5
    assert world.trouble.remove(number)
    assert not world.trouble.remove(number)
    assert create(caller, "Now").status_code == 200


def test_token_endpoint_can_fail_too(anywhere: Caller) -> None:
    """A rule for OAuth strikes token requests: refused by name, by an error page, or lost."""
    value = anywhere.connect()["refresh_token"]
    trouble = anywhere.world.trouble
    trouble.add(TroubleRule.from_text("fail target=oauth status=400"))
    assert anywhere.refresh(value).json() == {"error": "invalid_grant"}
    trouble.add(TroubleRule.from_text("fail target=oauth status=503 path=tokens/bearer"))
    assert anywhere.refresh(value).status_code == 503
    trouble.add(TroubleRule.from_text("lose target=oauth"))
    with pytest.raises(httpx.ReadError):
        anywhere.refresh(value)
    assert anywhere.refresh(value).status_code == 200
    assert [e.fate for e in anywhere.world.journal.entries(kind="oauth")][-4:] == [
        "answered",
        "answered",
        "lost",
        "answered",
    ]


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "say what should happen"),
        ("explode", "kind must be one of"),
        ("fail three", "name=value"),
        ("fail colour=red", "'colour' is not one of"),
        ("fail status=many", "status must be a number"),
        ("fail status=99", "status must be a status"),
        ("fail times=0", "times must be 1 or more"),
        ("cut keep=2", "keep must be 0 to 1"),
        ("fail body=(", "not a regular expression"),
        ("fail shape=round", "shape must be one of"),
        ("fail recorded=never", "recorded must be one of internal_30003, "),
        ("fail replayed=perhaps", "replayed must be true or false"),
        ("lose manner=loud", "manner must be one of"),
        ("late seconds=-1", "seconds must be 0 or more"),
    ],
)
def test_rules_that_make_no_sense_are_refused(text: str, complaint: str) -> None:
    """A rule that cannot be read says which word is wrong."""
    with pytest.raises(ValueError, match=complaint):
        TroubleRule.from_text(text)


def test_plain_wsgi_transport_raises_instead(emulator: Any, caller: Caller) -> None:  # noqa: ANN401  the fixture's type is told elsewhere
    """Over httpx's own WSGITransport trouble without an answer surfaces as a ConnectionError."""
    token = caller.world.connect(realm=caller.realm).access_token
    with httpx.Client(
        transport=httpx.WSGITransport(emulator.app), base_url="http://testserver"
    ) as http:
        path = f"/v3/company/{caller.realm}/companyinfo/{caller.realm}"
        headers = {"Authorization": f"Bearer {token}"}
        assert http.get(path, headers=headers).status_code == 200
        for rule in ("lose", "cut", "refuse"):
            caller.world.trouble.add(TroubleRule.from_text(rule))
            with pytest.raises(ConnectionResetError):
                http.get(path, headers=headers)


def test_outage_in_which_right_paths_are_unknown(caller: Caller) -> None:
    """An outage's 400 with code 500 quotes the path and the whole address (recorded 2018)."""
    caller.world.trouble.add(TroubleRule.from_text("fail recorded=no_resource"))
    answer = create(caller, "Nowhere", params={"requestid": "r-1"})
    path = f"/v3/company/{caller.realm}/customer"
    (error,) = answer.json()["Fault"]["Error"]
    assert (answer.status_code, error["code"], error["Message"]) == (
        400,
        "500",
        "Unsupported Operation",
    )
    assert error["Detail"] == (
        f"Operation Could not find resource for relative : {path} of full path: "
        f"https://c10.qbo.intuit.com/qbo10{path}?requestid=r-1 is not supported."
    )
    assert "Nowhere" not in names(caller)


@pytest.mark.parametrize(
    ("rule", "status", "text"),
    [
        ("fail_after recorded=internal_30003", 400, "Unexpected Internal Error. (-30003)"),
        ("fail_after recorded=accessing_or_saving", 400, "accessing or saving your data"),
        ("fail_after status=403 shape=html", 403, "<h1>403 Forbidden</h1>"),
        ("fail_after status=400 shape=empty", 400, ""),
        ("fail_after", 503, "503 Service Temporarily Unavailable"),
    ],
)
def test_failure_after_the_request_was_carried_out(
    anywhere: Caller, rule: str, status: int, text: str
) -> None:
    """The client is refused, the record is in the books, and a repeat gets its first answer."""
    anywhere.world.trouble.add(TroubleRule.from_text(rule))
    answer = create(anywhere, "Saved", params={"requestid": "r-1"})
    assert answer.status_code == status
    assert text in answer.text
    assert "Saved" not in answer.text
    assert names(anywhere).count("Saved") == 1
    entry = anywhere.world.journal.entries()[-1]
    assert (entry.fate, entry.status, entry.carried_out) == ("replaced", status, True)
    again = create(anywhere, "Saved", params={"requestid": "r-1"})
    assert again.json()["Customer"]["DisplayName"] == "Saved"
    assert names(anywhere).count("Saved") == 1


@pytest.mark.parametrize("kind", ["fail", "fail_after"])
def test_failure_is_kept_under_its_request_id(caller: Caller, clock: Clock, kind: str) -> None:
    """A kept failure is the answer to every repeat of its id, and to no other request."""
    caller.world.trouble.add(TroubleRule.from_text(f"{kind} status=500 replayed=true"))
    first = create(caller, "Kept", params={"requestid": "r-1"})
    clock.advance(hours=23)
    again = create(caller, "Kept", params={"requestid": "r-1"})
    assert (first.status_code, again.status_code) == (500, 500)
    assert again.content == first.content
    assert names(caller).count("Kept") == (1 if kind == "fail_after" else 0)
    assert create(caller, "Another", params={"requestid": "r-2"}).status_code == 200
    clock.advance(hours=2)
    forgotten = create(caller, "Kept", params={"requestid": "r-1"})
    assert forgotten.status_code == (400 if kind == "fail_after" else 200)


def test_kept_failure_without_a_request_id_is_forgotten(caller: Caller) -> None:
    """Without a request id there is nothing to keep a failure under."""
    caller.world.trouble.add(TroubleRule.from_text("fail status=500 replayed=true"))
    assert create(caller, "Free").status_code == 500
    assert create(caller, "Free").status_code == 200


def test_stale_answer_to_a_resent_request(caller: Caller) -> None:
    """A rule for resent requests leaves the first one alone and strikes its repeat."""
    trouble = caller.world.trouble
    trouble.add(TroubleRule.from_text("lose resent=false"))
    trouble.add(TroubleRule.from_text("fail status=400 code=5010 resent=true"))
    key = {"requestid": "r-1"}
    with pytest.raises(httpx.ReadError):
        create(caller, "Resent", params=key)
    assert create(caller, "New", params={"requestid": "r-2"}).status_code == 200
    stale = create(caller, "Resent", params=key)
    assert stale.json()["Fault"]["Error"][0]["code"] == "5010"
    assert create(caller, "Resent", params=key).status_code == 200
    assert names(caller).count("Resent") == 1


def test_request_ids_are_remembered_before_there_is_a_rule(caller: Caller) -> None:
    """A request that came before the rule was made counts as sent before."""
    create(caller, "Early", params={"requestid": "r-1"})
    caller.world.trouble.add(TroubleRule.from_text("fail resent=true"))
    assert create(caller, "Early", params={"requestid": "r-1"}).status_code == 503
