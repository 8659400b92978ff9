"""Intuit's own OAuth client for Python as a judge."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx
import pytest
from intuitlib.client import AuthClient
from intuitlib.enums import Scopes
from intuitlib.exceptions import AuthClientError

from dunahub_qbo_plugin.emulator.emulator import Emulator
from dunahub_qbo_plugin.emulator.world.directory import DEFAULT_CLIENT_ID, DEFAULT_CLIENT_SECRET
from dunahub_qbo_plugin.emulator.world.world import SEEDS, World

from .conftest import REDIRECT

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dunahub_qbo_plugin.emulator.server.serve import RunningEmulator

# intuit-oauth asks for the time with datetime.utcnow(), deprecated since Python 3.12.
pytestmark = pytest.mark.filterwarnings("ignore:datetime.datetime.utcnow:DeprecationWarning")

REALM = SEEDS["contractor"][0]


@pytest.fixture
def live() -> Iterator[RunningEmulator]:
    """An emulator on a port, on the machine's own time, which the client checks tokens against."""
    with Emulator(World.default(redirect_uris=[REDIRECT])).serve() as running:
        yield running


@pytest.fixture
def auth(live: RunningEmulator) -> AuthClient:
    """The client, pointed at the emulator's discovery document as its documentation has it."""
    return AuthClient(
        DEFAULT_CLIENT_ID,
        DEFAULT_CLIENT_SECRET,
        REDIRECT,
        f"{live.url}/.well-known/openid_sandbox_configuration",
    )


def click(live: RunningEmulator, url: str, *, decision: str = "connect") -> httpx.QueryParams:
    """Answer the consent page as a browser would; returns what the app gets."""
    assert url.startswith(live.url)
    page = httpx.get(url)
    assert page.status_code == 200
    form = dict(httpx.URL(url).params) | {
        "user": next(iter(live.world.users)),
        "realm": REALM,
        "decision": decision,
    }
    answer = httpx.post(url.partition("?")[0], data=form)
    assert answer.status_code == 302
    return httpx.URL(answer.headers["location"]).params


def test_round_trip(live: RunningEmulator, auth: AuthClient) -> None:
    """Connect with OpenID, read the person, refresh, revoke: the client accepts every answer."""
    scopes = [Scopes.ACCOUNTING, Scopes.OPENID, Scopes.EMAIL, Scopes.PROFILE]
    got = click(live, auth.get_authorization_url(scopes))
    assert got["state"] == auth.state_token
    assert got["realmId"] == REALM
    auth.get_bearer_token(got["code"], realm_id=got["realmId"])
    assert auth.expires_in == 3600
    assert auth.x_refresh_token_expires_in == 8_726_400
    assert auth.id_token is not None, "the client validated the signature"
    person = auth.get_user_info().json()
    assert person["email"] == "owner@example.com"
    before = auth.access_token
    auth.refresh()
    assert auth.access_token != before
    assert auth.revoke() is True
    with pytest.raises(AuthClientError) as refused:
        auth.refresh()
    assert refused.value.status_code == 400
    assert b"invalid_grant" in refused.value.content
    assert refused.value.intuit_tid.startswith("1-")


def test_declined(live: RunningEmulator, auth: AuthClient) -> None:
    """A person who declines gives the client no code."""
    got = click(live, auth.get_authorization_url([Scopes.ACCOUNTING]), decision="decline")
    assert got["error"] == "access_denied"
    assert "code" not in got


def test_wrong_secret_and_used_code(live: RunningEmulator, auth: AuthClient) -> None:
    """The client reports a wrong secret as 401 and a used code as 400."""
    got = click(live, auth.get_authorization_url([Scopes.ACCOUNTING]))
    wrong = AuthClient(
        DEFAULT_CLIENT_ID, "wrong", REDIRECT, f"{live.url}/.well-known/openid_configuration"
    )
    with pytest.raises(AuthClientError) as refused:
        wrong.get_bearer_token(got["code"])
    assert refused.value.status_code == 401
    auth.get_bearer_token(got["code"])
    with pytest.raises(AuthClientError) as used:
        auth.get_bearer_token(got["code"])
    assert used.value.status_code == 400
