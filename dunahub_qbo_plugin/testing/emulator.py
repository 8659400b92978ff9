"""QuickBooks and Intuit's sign-in for a test, in its process or on a port."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

from dunahub_qbo_plugin.testing.books import Books
from dunahub_qbo_plugin.testing.clock import SteeredClock

if TYPE_CHECKING:
    from pathlib import Path

    import httpx

    from dunahub_qbo_plugin.config import Config
    from dunahub_qbo_plugin.emulator import Emulator, RunningEmulator, TroubleRule, World
    from dunahub_qbo_plugin.emulator.world.directory import HostedCompany

FOUND = 302
REDIRECT_URI = "https://crm.example/settings/quickbooks/callback"


class QboEmulator:
    """An emulator with what the test of a host needs around it.

    It needs the extra ``demo``. `dunahub_qbo_plugin.emulator` documents every switch.

    Args:
        clock: its time; `FakeHost` shares it.
        world: companies, apps and people other than the usual ones, made with `clock`.

    Attributes:
        emulator: the emulator itself.
    """

    def __init__(self, clock: SteeredClock | None = None, *, world: World | None = None) -> None:
        from dunahub_qbo_plugin import emulator  # noqa: PLC0415  needs the extra

        self.clock = clock or SteeredClock()
        self.emulator: Emulator = emulator.Emulator(
            world or emulator.World.default(clock=self.clock.now, redirect_uris=[REDIRECT_URI])
        )
        self._running: RunningEmulator | None = None

    def close(self) -> None:
        """Stop serving, if it did."""
        if self._running is not None:
            self._running.close()
            self._running = None

    @property
    def url(self) -> str:
        """Its address on a port; serving begins when this is first asked for."""
        if self._running is None:
            self._running = self.emulator.serve()
        return self._running.url

    def transport(self) -> httpx.BaseTransport:
        """Return a way to it without a socket, for an `httpx.Client`."""
        return self.emulator.transport()

    def realm(self, company: str = "contractor") -> str:
        """Return the id of a company: ``contractor``, ``automated_tax`` or ``empty``."""
        from dunahub_qbo_plugin.emulator import SEEDS  # noqa: PLC0415  needs the extra

        return SEEDS[company][0] if company in SEEDS else company

    @property
    def books(self) -> Books:
        """The books of the contractor's company."""
        return self.books_of()

    def books_of(self, company: str = "contractor") -> Books:
        """Return the books of a company."""
        return Books(lambda: self.emulator.books(self.realm(company)))

    def company(self, company: str = "contractor") -> HostedCompany:
        """Return a company for what its bookkeeper does: ``.books``, ``.books.settings``."""
        return self.emulator.world.companies[self.realm(company)]

    def environ(self, folder: Path, redirect_uri: str) -> dict[str, str]:
        """Return the environment in which a host's plugin speaks to this emulator, on a port.

        Args:
            folder: where the plugin's SQLite file goes.
            redirect_uri: where the host takes the OAuth callback; registered here by this call.
        """
        return environ_of(self.config(folder, redirect_uri, url=self.url))

    def config(self, folder: Path, redirect_uri: str = REDIRECT_URI, *, url: str = "") -> Config:
        """Return settings with which a plugin reaches this emulator; nothing sends by itself then.

        Args:
            folder: where the plugin's SQLite file goes.
            redirect_uri: where the OAuth callback is taken; registered here by this call.
            url: the emulator's address; empty to reach it through `transport`.
        """
        from dunahub_qbo_plugin.config import Config, Worker  # noqa: PLC0415  not for every pytest
        from dunahub_qbo_plugin.emulator import (  # noqa: PLC0415  needs the extra
            DEFAULT_CLIENT_ID,
            DEFAULT_CLIENT_SECRET,
        )
        from dunahub_qbo_plugin.store.db.cipher import generate_key  # noqa: PLC0415  as above

        self.emulator.world.register_redirect(redirect_uri)
        base = url or self.emulator.base_url
        return Config(
            client_id=DEFAULT_CLIENT_ID,
            client_secret=DEFAULT_CLIENT_SECRET,
            fernet_keys=(generate_key(),),
            database_url=f"sqlite:///{folder / 'dunahub_qbo.sqlite3'}",
            redirect_uri=redirect_uri,
            api_url=base,
            discovery_url=f"{base}/.well-known/openid_configuration",
            app_url=base,
            worker=Worker.OFF,
        )

    def approve(self, address: str, company: str = "contractor") -> str:
        """Do what a person does on Intuit's consent page; gives the callback's address.

        Args:
            address: where the host's Connect button led.
            company: which company the person chooses.
        """
        return self._decide(address, self.realm(company), "connect")

    def decline(self, address: str) -> str:
        """Press Cancel on Intuit's consent page; gives the callback's address."""
        return self._decide(address, self.realm(), "cancel")

    def trouble(self, rule: str | TroubleRule) -> int:
        """Let the next matching requests go wrong: ``fail status=503``, ``lose entity=invoice``."""
        from dunahub_qbo_plugin.emulator import TroubleRule  # noqa: PLC0415  needs the extra

        given = TroubleRule.from_text(rule) if isinstance(rule, str) else rule
        return self.emulator.trouble(given)

    def _decide(self, address: str, realm: str, decision: str) -> str:
        asked = {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}
        user = next(iter(self.emulator.world.users))
        form = asked | {"user": user, "realm": realm, "decision": decision}
        with self.emulator.client() as http:
            answer = http.post("/connect/oauth2", data=form)
        if answer.status_code != FOUND:
            raise AssertionError(f"Intuit's page answered {answer.status_code}: {answer.text}")
        return str(answer.headers["location"])


def environ_of(config: Config) -> dict[str, str]:
    """Return the environment in which a plugin in another process has these settings."""
    return {
        "DUNAHUB_QBO_CLIENT_ID": config.client_id,
        "DUNAHUB_QBO_CLIENT_SECRET": config.client_secret,
        "DUNAHUB_QBO_FERNET_KEYS": ",".join(config.fernet_keys),
        "DUNAHUB_QBO_DATABASE_URL": config.database_url,
        "DUNAHUB_QBO_REDIRECT_URI": config.redirect_uri,
        "DUNAHUB_QBO_API_URL": config.api_url,
        "DUNAHUB_QBO_DISCOVERY_URL": config.discovery_url,
        "DUNAHUB_QBO_APP_URL": config.app_url,
        # A proxy that the machine is set up for knows nothing of this machine's own ports.
        "NO_PROXY": "127.0.0.1,localhost",
        "no_proxy": "127.0.0.1,localhost",
    }
