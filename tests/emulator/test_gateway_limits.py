from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import TYPE_CHECKING

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
