"""The emulator as one object, for tests and for programs that carry one with them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpx

from dunahub_qbo_plugin.emulator.server.app import create_app
from dunahub_qbo_plugin.emulator.server.inprocess import InProcessTransport
from dunahub_qbo_plugin.emulator.server.serve import RunningEmulator, serve
from dunahub_qbo_plugin.emulator.world.world import World

if TYPE_CHECKING:
    from dunahub_qbo_plugin.emulator.world.trouble import TroubleRule


class Emulator:
    """A QuickBooks Online and its OAuth, in this process or on a port.

    Args:
        world: What it consists of; by default three seeded companies.

    Attributes:
        world: All state and all switches.
        app: The WSGI application, a `flask.Flask`.
    """

    base_url = "https://emulator.test"
    """Address to use with `transport()`; any other host does as well."""

    def __init__(self, world: World | None = None) -> None:
        self.world = world if world is not None else World.default()
        self.app = create_app(self.world)

    def transport(self) -> httpx.BaseTransport:
        """Return a transport for `httpx.Client` that needs no socket and never sleeps."""
        return InProcessTransport(self.app)

    def client(self, **options: Any) -> httpx.Client:  # noqa: ANN401  httpx's own options
        """Return an `httpx.Client` on that transport."""
        return httpx.Client(transport=self.transport(), base_url=self.base_url, **options)

    def serve(self, host: str = "127.0.0.1", port: int = 0) -> RunningEmulator:
        """Serve the same world on a port."""
        return serve(self.world, host, port)

    def trouble(self, rule: TroubleRule) -> int:
        """Put a rule in force; return its number."""
        return self.world.trouble.add(rule)

    def books(self, realm: str) -> dict[str, Any]:
        """Return everything in a company.

        Raises:
            KeyError: There is no such company.
        """
        books: dict[str, Any] = self.world.companies[realm].books.books()
        return books
