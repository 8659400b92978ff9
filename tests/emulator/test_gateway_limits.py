from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import attrs
import pytest

from dunahub_qbo_plugin.emulator.world.world import SEEDS

from .test_gateway_access import lower_case_fault, xml_fault

if TYPE_CHECKING:
    from dunahub_qbo_plugin.emulator.world.journal import Entry
    from dunahub_qbo_plugin.emulator.world.world import World

    from .conftest import Caller, Clock


def test_500_a_minute_for_each_company(caller: Caller, world: World, clock: Clock) -> None:
    """The 501st request of a company in a minute is 429; other companies go on."""
    token = world.connect(realm=caller.realm).access_token
    path = f"/companyinfo/{caller.realm}"
    statuses = {caller.api("GET", path, token).status_code for _ in range(500)}
    assert statuses == {200}
    refused = caller.api("GET", path, token)
    assert refused.status_code == 429
    assert "retry-after" not in refused.headers
    assert xml_fault(refused) == {
        "type": "SERVICE",
        "code": "3001",
        "message": "message=ThrottleExceeded; errorCode=003001; statusCode=429",
        "detail": "The request limit was reached.  Try again later",
    }
    other = SEEDS["empty"][0]
    bearer = f"Bearer {world.connect(realm=other).access_token}"
    free = caller.http.get(
        f"/v3/company/{other}/companyinfo/{other}", headers={"Authorization": bearer}
    )
    assert free.status_code == 200
    clock.advance(seconds=60)
    assert caller.api("GET", path, token).status_code == 200


def test_body_of_429_can_be_json_with_retry_after(caller: Caller, world: World) -> None:
    """The 429 can be lower-case JSON or the application's, and can say when to come back."""
    settings = world.throttle.settings
    settings.per_minute, settings.body, settings.retry_after = 0, "gateway", 60
    answer = caller.api("GET", "/customer/1")
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "60")
    fault = lower_case_fault(answer)
    assert (fault["type"], fault["code"]) == ("SERVICE", "3001")
    settings.body = "fault"
    assert caller.api("GET", "/customer/1").json()["Fault"]["Error"][0]["code"] == "3001"


def test_batch_has_a_limit_of_its_own(caller: Caller, world: World) -> None:
    """Calls of batch are counted apart, 120 a minute unless set to 40."""
    world.throttle.settings.batch_per_minute = 2
    body = {"BatchItemRequest": [{"bId": "1", "Query": "select * from Customer"}]}
    statuses = [caller.api("POST", "/batch", json=body).status_code for _ in range(3)]
    assert statuses == [200, 200, 429]
    assert caller.api("GET", f"/companyinfo/{caller.realm}").status_code == 200


def test_limit_a_second(caller: Caller, world: World, clock: Clock) -> None:
    """With the newer wording's limit set, the 11th request within a second is 429."""
    world.throttle.settings.per_second = 10
    path = f"/companyinfo/{caller.realm}"
    assert [caller.api("GET", path).status_code for _ in range(11)] == [200] * 10 + [429]
    clock.advance(seconds=1)
    assert caller.api("GET", path).status_code == 200


def test_ten_at_once_for_each_company(remote: Caller, world: World) -> None:
    """While ten requests of a company are under way, the eleventh is 429; then it is free again."""
    world.throttle.settings.per_minute = None
    token = world.connect(realm=remote.realm).access_token
    path = f"/companyinfo/{remote.realm}"
    seen, go = threading.Semaphore(0), threading.Event()

    def hold(entry: Entry) -> None:
        if entry.status == 200:
            seen.release()
            go.wait(30)

    world.journal.watch(hold)
    with ThreadPoolExecutor(10) as pool:
        held = [pool.submit(remote.api, "GET", path, token) for _ in range(10)]
        for _ in range(10):
            assert seen.acquire(timeout=30)
        assert remote.api("GET", path, token).status_code == 429
        go.set()
        assert {answer.result().status_code for answer in held} == {200}
    assert remote.api("GET", path, token).status_code == 200
    assert world.throttle.most_at_once()[remote.realm] == 11


def test_refused_requests_do_not_count(caller: Caller, world: World) -> None:
    """Requests without a valid token do not use up a company's limit."""
    world.throttle.settings.per_minute = 1
    for _ in range(3):
        assert caller.api("GET", "/customer/1", "x" * 100).status_code == 401
    assert caller.api("GET", f"/companyinfo/{caller.realm}").status_code == 200


@pytest.mark.parametrize("skew", [-3600, 3600])
def test_limits_survive_a_clock_that_is_moved(caller: Caller, world: World, skew: int) -> None:
    """A clock that jumps does not leave a company throttled for ever."""
    world.throttle.settings.per_minute = 1
    path = f"/companyinfo/{caller.realm}"
    assert caller.api("GET", path).status_code == 200
    assert caller.api("GET", path).status_code == 429
    world.clock.advance(by=timedelta(seconds=skew))
    assert caller.api("GET", path).status_code == 200


QUESTION = {"bId": "1", "Query": "select * from Customer"}


def test_used_up_reads_are_refused_while_writes_pass(
    caller: Caller, world: World, clock: Clock
) -> None:
    """Beyond the month's allowance reads get the throttle's 429, writes do not, until the next."""
    world.throttle.settings.metered_cap = 2
    path = f"/companyinfo/{caller.realm}"
    query = {"query": "select * from Customer"}
    assert caller.api("GET", path).status_code == 200
    made = caller.api("POST", "/customer", json={"DisplayName": "Ann"})
    assert caller.api("GET", "/query", params=query).status_code == 200
    assert world.meter.used() == {caller.client_id: 2}
    for _ in range(2):
        refused = caller.api("GET", f"/customer/{made.json()['Customer']['Id']}")
        assert (refused.status_code, xml_fault(refused)["code"]) == (429, "3001")
    since = clock.now.isoformat()
    changes = {"entities": "Customer", "changedSince": since}
    assert caller.api("GET", "/cdc", params=changes).status_code == 429
    assert caller.api("POST", "/batch", json={"BatchItemRequest": [QUESTION]}).status_code == 429
    bob = {"bId": "1", "operation": "create", "Customer": {"DisplayName": "Bob"}}
    assert caller.api("POST", "/batch", json={"BatchItemRequest": [bob]}).status_code == 200
    assert caller.api("POST", "/customer", json={"DisplayName": "Cleo"}).status_code == 200
    assert caller.connect()["access_token"]
    clock.advance(days=31)
    assert caller.api("GET", path).status_code == 200
    assert world.meter.used() == {caller.client_id: 1}


def test_every_read_can_be_refused(caller: Caller, world: World) -> None:
    """With an allowance of nothing no read is answered; with the wider scope no write either."""
    world.throttle.settings.metered_cap = 0
    assert caller.api("GET", f"/companyinfo/{caller.realm}").status_code == 429
    assert caller.api("POST", "/customer", json={"DisplayName": "Ann"}).status_code == 200
    world.throttle.settings.metered_scope = "all"
    assert caller.api("POST", "/customer", json={"DisplayName": "Bob"}).status_code == 429


def test_allowance_is_the_apps(caller: Caller, world: World) -> None:
    """All production companies of an app share it; a sandbox company uses nothing of it."""
    world.throttle.settings.metered_cap = 1
    assert caller.api("GET", f"/companyinfo/{caller.realm}").status_code == 200
    other = SEEDS["empty"][0]
    bearer = f"Bearer {world.connect(realm=other).access_token}"
    address = f"/v3/company/{other}/companyinfo/{other}"
    refused = caller.http.get(address, headers={"Authorization": bearer})
    assert refused.status_code == 429
    world.companies[other].environment = "sandbox"
    app = world.apps[caller.client_id]
    world.add_app(attrs.evolve(app, environment="sandbox"))
    assert caller.http.get(address, headers={"Authorization": bearer}).status_code == 200


@pytest.mark.parametrize(("unit", "used"), [("items", 3), ("one", 1)])
def test_what_a_batch_uses(caller: Caller, world: World, unit: Any, used: int) -> None:  # noqa: ANN401  the switch's type
    """A batch uses as much as it asks questions, or one: a switch. A refused read uses nothing."""
    world.throttle.settings.metered_batch = unit
    items = [QUESTION | {"bId": str(number)} for number in range(3)]
    assert caller.api("POST", "/batch", json={"BatchItemRequest": items}).status_code == 200
    assert caller.api("GET", "/customer/999").status_code == 400
    state = caller.http.get("/_admin/").json()
    assert state["metered_this_month"] == {caller.client_id: used}
    assert caller.http.delete("/_admin/requests").status_code == 200
    assert world.meter.used() == {}
