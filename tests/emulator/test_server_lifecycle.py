from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import httpx
import pytest

from dunahub_qbo_plugin.emulator.server.run_options import RunOptions, build_world
from dunahub_qbo_plugin.emulator.server.serve import run, serve
from dunahub_qbo_plugin.emulator.world.directory import DEFAULT_CLIENT_ID
from dunahub_qbo_plugin.emulator.world.trouble import TroubleRule
from dunahub_qbo_plugin.emulator.world.world import SEEDS, World

if TYPE_CHECKING:
    from dunahub_qbo_plugin.emulator.emulator import Emulator
    from dunahub_qbo_plugin.emulator.server.serve import RunningEmulator

    from .conftest import Caller

REALM = SEEDS["contractor"][0]


def test_starts_answers_and_stops() -> None:
    """A world is served as soon as serve() returns, and its port is free once close() does."""
    for _ in range(3):
        running = serve(World.default())
        assert httpx.get(f"{running.url}/").status_code == 200
        running.close()
        with pytest.raises(httpx.ConnectError):
            httpx.get(f"{running.url}/")


def test_stops_at_once_although_a_request_is_waiting() -> None:
    """A late answer, here of ten minutes, does not keep the server from stopping."""
    world = World.default(seeds=["empty"])
    realm = SEEDS["empty"][0]
    world.trouble.add(TroubleRule(kind="late", seconds=600))
    token = world.connect(realm=realm).access_token
    running = serve(world)
    struck = threading.Event()
    world.journal.watch(lambda _: struck.set())

    def ask() -> None:
        httpx.get(
            f"{running.url}/v3/company/{realm}/companyinfo/{realm}",
            headers={"Authorization": f"Bearer {token}"},
            timeout=30,
        )

    waiting = threading.Thread(target=ask)
    waiting.start()
    assert struck.wait(5)
    running.close()
    waiting.join()


def test_port_can_be_used_again_and_a_taken_one_is_an_error() -> None:
    """After closing, the same port can be served again; a taken port raises OSError."""
    with serve(World.default(seeds=["empty"])) as first:
        port = int(first.url.rpartition(":")[2])
        with pytest.raises(OSError, match=r"in use|could be created"):
            serve(World.default(seeds=["empty"]), port=port)
    with serve(World.default(seeds=["empty"]), port=port) as second:
        assert second.url == first.url
        assert httpx.get(second.url).status_code == 200


def test_several_serve_in_one_process_apart() -> None:
    """Two worlds served side by side know nothing of each other."""
    with serve(World.default()) as one, serve(World.default()) as two:
        token = one.world.connect(realm=REALM).access_token
        headers = {"Authorization": f"Bearer {token}"}
        path = f"/v3/company/{REALM}/companyinfo/{REALM}"
        assert httpx.get(one.url + path, headers=headers).status_code == 200
        assert httpx.get(two.url + path, headers=headers).status_code == 401


def test_connection_is_kept_alive(remote: Caller) -> None:
    """Many requests of one client use one connection."""
    first = remote.api("GET", f"/companyinfo/{REALM}")
    stream = first.extensions["network_stream"].get_extra_info("client_addr")
    for _ in range(20):
        answer = remote.api("GET", f"/companyinfo/{REALM}")
        assert answer.extensions["network_stream"].get_extra_info("client_addr") == stream


def test_same_books_in_process_and_on_a_port(emulator: Emulator, running: RunningEmulator) -> None:
    """The facade's transport and its server share one world."""
    token = emulator.world.connect(realm=REALM).access_token
    headers = {"Authorization": f"Bearer {token}", "Accept": "application/json"}
    with emulator.client(headers=headers) as inside:
        made = inside.post(f"/v3/company/{REALM}/customer", json={"DisplayName": "Both"})
    identifier = made.json()["Customer"]["Id"]
    seen = httpx.get(f"{running.url}/v3/company/{REALM}/customer/{identifier}", headers=headers)
    assert seen.json()["Customer"]["DisplayName"] == "Both"
    assert [c["name"] for c in emulator.books(REALM)["customers"]] == ["Both"]


def test_concurrent_creates_lose_and_double_nothing(remote: Caller) -> None:
    """Eight threads that create customers at once give as many customers as requests."""
    remote.world.throttle.settings.per_minute = None
    token = remote.world.connect(realm=REALM).access_token

    def work(worker: int) -> None:
        for number in range(20):
            body = {"DisplayName": f"W{worker}-{number}"}
            assert remote.api("POST", "/customer", token, json=body).status_code == 200

    threads = [threading.Thread(target=work, args=(worker,)) for worker in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    customers = remote.world.companies[REALM].books.books()["customers"]
    assert len({customer["id"] for customer in customers}) == 160
    assert len({customer["name"] for customer in customers}) == 160


def test_run_is_what_the_command_line_calls() -> None:
    """run() serves the seeds and options it is given until it is told to stop."""
    stop, up = threading.Event(), threading.Event()
    seen: list[RunningEmulator] = []

    def started(running: RunningEmulator) -> None:
        seen.append(running)
        up.set()

    options = RunOptions(
        redirect_uris=("http://localhost:9/cb",),
        trouble=("fail status=502",),
        latency=0.01,
        skew=3600,
        offline={SEEDS["empty"][0]: "maintenance"},
    )
    thread = threading.Thread(
        target=run,
        args=("127.0.0.1", 0, ("empty", "contractor"), options),
        kwargs={"started": started, "until": stop},
    )
    thread.start()
    assert up.wait(5)
    state = httpx.get(f"{seen[0].url}/_admin/").json()
    stop.set()
    thread.join(5)
    assert not thread.is_alive()
    assert [company["offline"] for company in state["companies"]] == ["maintenance", None]
    assert state["clock"]["skew"] == 3600
    assert state["trouble"][0]["status"] == 502
    assert "http://localhost:9/cb" in state["apps"][0]["redirect_uris"]


def test_companies_and_tokens_of_ones_own() -> None:
    """A seed can have another id; tokens that are named work there from the start, and refresh."""
    options = RunOptions(company="77", access_token="a-1", refresh_token="r-1")
    world = build_world(("empty", "contractor=77"), options)
    assert list(world.companies) == [SEEDS["empty"][0], "77"]
    token = world.tokens.access("a-1")
    assert token is not None
    assert token.grant.realm == "77"
    issued = world.tokens.refresh(client_id=DEFAULT_CLIENT_ID, value="r-1", check=lambda _: None)
    assert issued.grant is token.grant
    assert issued.access_token != "a-1"
    first = build_world(("empty", "contractor"), RunOptions(access_token="a-1"))
    token = first.tokens.access("a-1")
    assert token is not None
    assert token.grant.realm == SEEDS["empty"][0]
    assert "a-1" not in repr(options)


@pytest.mark.parametrize(
    ("seeds", "options", "complaint"),
    [
        (("mars",), RunOptions(), "no seed 'mars'"),
        (("empty",), RunOptions(trouble=("explode",)), "kind must be one of"),
        (("empty",), RunOptions(offline={"1": "locked"}), "no company '1'"),
        (("empty",), RunOptions(consent="maybe"), "consent"),
        (("empty",), RunOptions(company="1"), "no company '1'"),
        (("empty=one",), RunOptions(), "a number, not 'one'"),
        (("empty=1", "sample=1"), RunOptions(), "'1' is asked for twice"),
    ],
)
def test_options_that_make_no_sense(
    seeds: tuple[str, ...], options: RunOptions, complaint: str
) -> None:
    """An option that does not fit is refused with words that say which."""
    with pytest.raises(ValueError, match=complaint):
        build_world(seeds, options)
