from __future__ import annotations

import string
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dunahub_qbo_plugin.emulator.emulator import Emulator
from dunahub_qbo_plugin.emulator.world.throttle import ThrottleSettings
from dunahub_qbo_plugin.emulator.world.world import SEEDS, World

if TYPE_CHECKING:
    from collections.abc import Iterator

REALM = SEEDS["contractor"][0]
NO_LIMITS = ThrottleSettings(per_minute=None, concurrent=None, batch_per_minute=None)
JSON_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3)
    ),
    max_leaves=8,
)
WORDS = st.sampled_from(
    [
        "grant_type",
        "refresh_token",
        "authorization_code",
        "code",
        "token",
        "realm",
        "kind",
        "fail",
        "lose",
        "times",
        "status",
        "which",
        "skew",
        "rule",
        "scope",
        "state",
        "client_id",
        "redirect_uri",
        "user",
        "decision",
        "connect",
        "page",
        REALM,
        "1",
        "-1",
        "",
        "ü\x00",
    ]
) | st.text(string.printable, max_size=12)
PATHS = st.sampled_from(
    [
        "/",
        "/books",
        f"/books/{REALM}",
        f"/books/{REALM}/customer",
        f"/books/{REALM}/item/1",
        "/app/invoice",
        "/connect/oauth2",
        "/oauth2/v1/tokens/bearer",
        "/v2/oauth2/tokens/revoke",
        "/v1/openid_connect/userinfo",
        "/_admin/",
        "/_admin/requests",
        "/_admin/tokens",
        "/_admin/tokens/expire",
        "/_admin/apps",
        "/_admin/users",
        "/_admin/companies",
        f"/_admin/companies/{REALM}/settings",
        f"/_admin/companies/{REALM}/edit",
        f"/_admin/companies/{REALM}/void",
        f"/v3/company/{REALM}/customer",
        f"/v3/company/{REALM}/query",
        "/v3/company",
    ]
) | st.text(string.ascii_letters + "/%.é", max_size=30).map(lambda text: f"/{text}")
HEADERS = st.sampled_from(
    [
        {},
        {"Authorization": "Basic"},
        {"Authorization": "Basic ü".encode("latin-1").decode("latin-1")},
        {"Authorization": "Basic QUI6c2VjcmV0"},
        {"Authorization": "Bearer " + "x" * 100},
        {"Content-Type": "application/json"},
        {"Content-Type": "application/x-www-form-urlencoded"},
        {"Content-Type": "multipart/form-data; boundary=x"},
        {"Accept": "application/xml"},
    ]
)


@pytest.fixture(scope="module")
def client() -> Iterator[httpx.Client]:
    """A client of an emulator without limits."""
    with Emulator(World.default(throttle=NO_LIMITS)).client() as http:
        yield http


@settings(
    max_examples=2000, deadline=None, suppress_health_check=[HealthCheck.too_slow], database=None
)
@given(
    method=st.sampled_from(["GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS"]),
    path=PATHS,
    query=st.dictionaries(WORDS, WORDS, max_size=4),
    headers=HEADERS,
    body=st.binary(max_size=60)
    | st.dictionaries(WORDS, JSON_VALUES, max_size=5)
    | st.dictionaries(WORDS, WORDS, max_size=5),
)
def test_nothing_makes_the_service_fail(
    client: httpx.Client,
    method: str,
    path: str,
    query: dict[str, str],
    headers: dict[str, Any],
    body: Any,  # noqa: ANN401  bytes or JSON
) -> None:
    """2,000 generated requests to pages, OAuth, administration and API get no 500."""
    try:
        url = httpx.URL(Emulator.base_url).copy_with(path=path.partition("?")[0], params=query)
    except httpx.InvalidURL:
        return
    content = {"content": body} if isinstance(body, bytes) else {"json": body}
    raw = {name: value.encode("latin-1") for name, value in headers.items()}
    try:
        answer = client.request(method, url, headers=raw, **content)
    except httpx.TransportError:
        return  # a rule that a generated request put in force
    finally:
        client.delete("/_admin/trouble")
        client.post("/_admin/service", json={"latency": 0, "consent": "ask"})
    assert answer.status_code < 500, answer.text


@pytest.mark.parametrize("path", ["/_admin/clock", "/v2/oauth2/tokens/revoke"])
def test_deeply_nested_json_is_bad_input(client: httpx.Client, path: str) -> None:
    """A body of a hundred thousand brackets is refused like any other nonsense."""
    answer = client.post(
        path,
        content=b"[" * 100_000,
        headers={"Content-Type": "application/json"},
        auth=("ABemulatorDemoClient0000000000000000000000000000000", "x"),
    )
    assert answer.status_code in {400, 401}
