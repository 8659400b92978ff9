"""Our QuickBooks layer with an emulator at its other end, on a clock that the test moves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attrs

from dunahub_qbo_plugin.emulator.emulator import Emulator
from dunahub_qbo_plugin.emulator.world.directory import DEFAULT_CLIENT_ID, DEFAULT_CLIENT_SECRET
from dunahub_qbo_plugin.emulator.world.world import SEEDS, World
from dunahub_qbo_plugin.qbo.auth import Grant, Secret
from dunahub_qbo_plugin.qbo.client import QboClient
from dunahub_qbo_plugin.qbo.oauth import IntuitOAuth
from dunahub_qbo_plugin.qbo.throttle import Throttles
from dunahub_qbo_plugin.qbo.transport import http_client
from dunahub_qbo_plugin.testing import SteeredClock
from tests.support.host import START

if TYPE_CHECKING:
    import httpx

REDIRECT = "http://localhost:8000/callback"
REALM = SEEDS["contractor"][0]


@attrs.frozen(kw_only=True)
class Bench:
    """An emulator, a client and an OAuth of ours, in this process.

    Attributes:
        clock: the client's and the emulator's; sleeping moves both.
        http: what client and OAuth send through.
    """

    clock: SteeredClock
    emulator: Emulator
    http: httpx.Client
    client: QboClient
    oauth: IntuitOAuth

    @classmethod
    def make(cls, *, transport: httpx.BaseTransport | None = None) -> Bench:
        """Set one up.

        Args:
            transport: what to send through; None for the emulator without a socket.
        """
        clock = SteeredClock(START)
        emulator = Emulator(World.default(clock=clock.now, redirect_uris=[REDIRECT]))
        http = http_client(user_agent="test/1", transport=transport or emulator.transport())
        return cls(
            clock=clock,
            emulator=emulator,
            http=http,
            client=QboClient(
                api_url=emulator.base_url,
                http=http,
                throttles=Throttles(clock),
                user_agent="test/1",
            ),
            oauth=make_oauth(http, clock, emulator.base_url),
        )

    def grant(self, *, realm: str = REALM, company: str = "c1") -> Grant:
        """Fresh tokens for a company, without the consent page."""
        issued = self.emulator.world.connect(realm=realm)
        return Grant(
            company=company,
            realm_id=Secret(realm),
            access_token=Secret(issued.access_token),
        )

    def books(self, entity: str) -> list[dict[str, Any]]:
        """What the company has of an entity, such as ``invoices``."""
        found: list[dict[str, Any]] = self.emulator.books(REALM)[entity]
        return found


def make_oauth(
    http: httpx.Client,
    clock: SteeredClock,
    base_url: str,
    *,
    client_id: str = DEFAULT_CLIENT_ID,
    client_secret: str = DEFAULT_CLIENT_SECRET,
) -> IntuitOAuth:
    """Our OAuth client of an emulator, by default with the keys that the emulator knows."""
    return IntuitOAuth(
        client_id=client_id,
        client_secret=Secret(client_secret),
        discovery_url=f"{base_url}/.well-known/openid_configuration",
        http=http,
        clock=clock,
    )
