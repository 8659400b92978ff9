"""An emulator with a clock that the test moves, in this process and on a port."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import attrs
import httpx
import pytest

from dunahub_qbo_plugin.emulator.emulator import Emulator
from dunahub_qbo_plugin.emulator.world.directory import DEFAULT_CLIENT_ID, DEFAULT_CLIENT_SECRET
from dunahub_qbo_plugin.emulator.world.world import SEEDS, World

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from dunahub_qbo_plugin.emulator.server.serve import RunningEmulator

REDIRECT = "http://localhost:8000/callback"
START = datetime(2026, 9, 14, 17, 0, tzinfo=UTC)


class Clock:
    """A clock that stands until it is moved."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime:
        """Return the time it was set to."""
        return self.now

    def advance(self, **by: float) -> None:
        """Move on by so many hours, minutes and so on."""
        self.now += timedelta(**by)


@attrs.frozen(kw_only=True)
class Caller:
    """A client of an emulator, with what an app has."""

    http: httpx.Client
    world: World
    realm: str = SEEDS["contractor"][0]
    client_id: str = DEFAULT_CLIENT_ID
    client_secret: str = DEFAULT_CLIENT_SECRET

    def asked(self, **changes: str) -> dict[str, str]:
        """Return the parameters of an authorization request."""
        return {
            "client_id": self.client_id,
            "redirect_uri": REDIRECT,
            "response_type": "code",
            "scope": "com.intuit.quickbooks.accounting",
            "state": "s-1",
        } | changes

    def consent(self, **changes: str) -> httpx.URL:
        """Connect on the consent page; returns where the browser is sent."""
        user = next(iter(self.world.users))
        form = {"user": user, "realm": self.realm, "decision": "connect"} | self.asked(**changes)
        answer = self.http.post("/connect/oauth2", data=form)
        assert answer.status_code == 302, answer.text
        return httpx.URL(answer.headers["location"])

    def token(self, form: dict[str, str], headers: dict[str, str] | None = None) -> httpx.Response:
        """Return a token request with the app's own credentials in the header."""
        return self.http.post(
            "/oauth2/v1/tokens/bearer",
            data=form,
            auth=(self.client_id, self.client_secret),
            headers=headers,
        )

    def exchange(self, code: str, **changes: str) -> httpx.Response:
        """Exchange a code."""
        form = {"grant_type": "authorization_code", "code": code, "redirect_uri": REDIRECT}
        return self.token(form | changes)

    def refresh(self, value: str) -> httpx.Response:
        """Refresh."""
        return self.token({"grant_type": "refresh_token", "refresh_token": value})

    def connect(self, **changes: str) -> dict[str, Any]:
        """Go the whole way from the consent page to tokens."""
        answer = self.exchange(self.consent(**changes).params["code"])
        assert answer.status_code == 200, answer.text
        tokens: dict[str, Any] = answer.json()
        return tokens

    def api(
        self,
        method: str,
        path: str,
        token: str | None = None,
        **options: Any,  # noqa: ANN401  httpx's own options
    ) -> httpx.Response:
        """Call the company's API, by default with a fresh access token."""
        value = token or self.world.connect(realm=self.realm).access_token
        headers = {"Authorization": f"Bearer {value}", "Accept": "application/json"}
        return self.http.request(
            method,
            f"/v3/company/{self.realm}{path}",
            headers=headers | options.pop("headers", {}),
            **options,
        )


@pytest.fixture
def clock() -> Clock:
    """The time, which stands until the test moves it."""
    return Clock()


@pytest.fixture
def world(clock: Clock) -> World:
    """The three seeded companies."""
    return World.default(clock=clock, redirect_uris=[REDIRECT])


@pytest.fixture
def emulator(world: World) -> Emulator:
    """The emulator of that world."""
    return Emulator(world)


@pytest.fixture
def caller(emulator: Emulator) -> Iterator[Caller]:
    """A client in this process."""
    with emulator.client() as http:
        yield Caller(http=http, world=emulator.world)


@pytest.fixture
def running(emulator: Emulator) -> Iterator[RunningEmulator]:
    """The emulator on a port."""
    with emulator.serve() as running:
        yield running


@pytest.fixture
def remote(running: RunningEmulator) -> Iterator[Caller]:
    """A client over a socket."""
    with httpx.Client(base_url=running.url, timeout=5) as http:
        yield Caller(http=http, world=running.world)


@pytest.fixture(params=["in-process", "socket"])
def anywhere(request: pytest.FixtureRequest) -> Caller:
    """A client in this process, then one over a socket."""
    fixture: Callable[[str], Any] = request.getfixturevalue
    caller: Caller = fixture("caller" if request.param == "in-process" else "remote")
    return caller
