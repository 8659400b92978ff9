"""Everything an emulator consists of, in one object that owns all state and all switches."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import TYPE_CHECKING
from urllib.parse import urlencode

import attrs

from dunahub_qbo_plugin.emulator.api.company_api import Company
from dunahub_qbo_plugin.emulator.books.company_settings import CompanySettings
from dunahub_qbo_plugin.emulator.world.company_seeds import (
    seed_automated_tax,
    seed_canadian,
    seed_contractor,
    seed_empty,
)
from dunahub_qbo_plugin.emulator.world.directory import (
    ACCOUNTING,
    DEFAULT_CLIENT_ID,
    DEFAULT_CLIENT_SECRET,
    PLAYGROUND_REDIRECT,
    Environment,
    HostedCompany,
    OAuthApp,
    User,
)
from dunahub_qbo_plugin.emulator.world.grants import Issued, OAuthSettings
from dunahub_qbo_plugin.emulator.world.journal import Journal
from dunahub_qbo_plugin.emulator.world.read_meter import ReadMeter
from dunahub_qbo_plugin.emulator.world.sample_company import seed_sample
from dunahub_qbo_plugin.emulator.world.signing import Signer
from dunahub_qbo_plugin.emulator.world.throttle import Throttle, ThrottleSettings
from dunahub_qbo_plugin.emulator.world.token_issuer import TokenIssuer
from dunahub_qbo_plugin.emulator.world.trouble import TroubleRules
from dunahub_qbo_plugin.emulator.world.webhooks import Webhooks
from dunahub_qbo_plugin.emulator.world.world_clock import WorldClock, system_time

if TYPE_CHECKING:
    from datetime import datetime

Seed = Callable[[Company], None]

SEEDS: dict[str, tuple[str, str, Seed]] = {
    "contractor": ("9341454838118701", "Blue Ridge Gutters", seed_contractor),
    "automated_tax": ("9341454838118702", "Harbor Light Electric", seed_automated_tax),
    "empty": ("9341454838118703", "New Company", seed_empty),
    "sample": ("9341454838118704", "Craig's Design and Landscaping Services", seed_sample),
    "canadian": ("9341454838118705", "Maple Ridge Roofing", seed_canadian),
}
"""Seed name -> realm id, company name, function that fills the books."""

DEFAULT_SEEDS = ("contractor", "automated_tax", "empty")
"""The companies of a world that asks for none."""


@attrs.define(kw_only=True)
class ServiceSettings:
    """Switches of the service in front of the books.

    Attributes:
        latency: Seconds by which each answer of the API and of OAuth is late.
        consent_company: Realm id of the company that `accept` chooses and the page proposes, if
            the person is a member of it; None for the first.
        wrong_realm: Answer to a token that is not for the company: `3100` (403, lower-case
            JSON) or `100` (401, XML); both were recorded.
        subscription_ended_status: Status of fault 6190, recorded as 400 and as 200.
        consent: `ask` shows the consent page; `accept` and `decline` answer it at once, as for
            a person who always clicks the same.
    """

    latency: float = 0.0
    consent_company: str | None = None
    wrong_realm: str = attrs.field(default="3100", validator=attrs.validators.in_(("3100", "100")))
    subscription_ended_status: int = 400
    consent: str = attrs.field(
        default="ask", validator=attrs.validators.in_(("ask", "accept", "decline"))
    )


class World:
    """Intuit's side: people, apps, companies, tokens, limits, trouble, and what was asked.

    A new world is empty; `World.default()` is one to start with.

    Args:
        clock: Gives the time, aware of its zone.
        oauth: Switches of the OAuth server.
        throttle: Request limits.
        service: Further switches.
    """

    def __init__(
        self,
        *,
        clock: Callable[[], datetime] = system_time,
        oauth: OAuthSettings | None = None,
        throttle: ThrottleSettings | None = None,
        service: ServiceSettings | None = None,
    ) -> None:
        self.clock = WorldClock(clock)
        self.service = service or ServiceSettings()
        self.tokens = TokenIssuer(clock=self.clock, settings=oauth or OAuthSettings())
        self.throttle = Throttle(clock=self.clock, settings=throttle or ThrottleSettings())
        self.meter = ReadMeter(clock=self.clock, settings=self.throttle.settings)
        self.trouble = TroubleRules()
        self.journal = Journal()
        self.webhooks = Webhooks(clock=self.clock)
        self.signer = Signer()
        self.users: dict[str, User] = {}
        self.apps: dict[str, OAuthApp] = {}
        self.companies: dict[str, HostedCompany] = {}
        self.members: set[tuple[str, str]] = set()

    @classmethod
    def default(
        cls,
        *,
        seeds: Iterable[str] = DEFAULT_SEEDS,
        redirect_uris: Iterable[str] = (),
        clock: Callable[[], datetime] = system_time,
        oauth: OAuthSettings | None = None,
        throttle: ThrottleSettings | None = None,
        service: ServiceSettings | None = None,
    ) -> World:
        """Return a world with seeded companies, an owner, an accountant and one registered app.

        Args:
            seeds: Names from `SEEDS`.
            redirect_uris: Addresses the app may use besides Intuit's own playground.
            clock: As for `World`.
            oauth: As for `World`.
            throttle: As for `World`.
            service: As for `World`.

        Raises:
            KeyError: A seed is unknown.
        """
        world = cls(clock=clock, oauth=oauth, throttle=throttle, service=service)
        world.add_app(
            OAuthApp(
                client_id=DEFAULT_CLIENT_ID,
                client_secret=DEFAULT_CLIENT_SECRET,
                name="DunaHub",
                redirect_uris=frozenset({PLAYGROUND_REDIRECT, *redirect_uris}),
            )
        )
        owner = User(
            sub="1182d6ec-2a1f-4aa3-af3f-bb3b95db45af",
            given_name="Sandbox",
            family_name="User",
            email="owner@example.com",
        )
        accountant = User(
            sub="b0e4e8b2-6a5c-4b0c-9a4e-5f4c7d0a9d11",
            given_name="Dana",
            family_name="Whitfield",
            email="dana@example.com",
        )
        world.add_user(owner)
        world.add_user(accountant)
        for seed in seeds:
            realm, name, fill = SEEDS[seed]
            world.add_company(realm_id=realm, name=name, seed=fill)
        return world

    def add_user(self, user: User, *, realms: Iterable[str] | None = None) -> None:
        """Add a person, as a member of the companies named (by default of all there are)."""
        self.users[user.sub] = user
        self.members |= {
            (user.sub, realm) for realm in (self.companies if realms is None else realms)
        }

    def add_app(self, app: OAuthApp) -> None:
        """Register an app, or replaces the one of the same client id."""
        self.apps[app.client_id] = app

    def register_redirect(self, redirect_uri: str, *, client_id: str = DEFAULT_CLIENT_ID) -> None:
        """Add a redirect address to an app, as its developer does in Intuit's portal.

        Raises:
            KeyError: There is no such app.
        """
        app = self.apps[client_id]
        self.apps[client_id] = attrs.evolve(app, redirect_uris=app.redirect_uris | {redirect_uri})

    def add_company(
        self,
        *,
        realm_id: str,
        name: str,
        seed: Seed | None = None,
        settings: CompanySettings | None = None,
        environment: Environment = "production",
    ) -> Company:
        """Add a company that all present users are members of; return its books."""
        build = partial(self._build, realm_id, name, seed or seed_empty, settings)
        books = build()
        books.watch(partial(self.webhooks.note, realm_id))
        self.companies[realm_id] = HostedCompany(books=books, build=build, environment=environment)
        self.members |= {(sub, realm_id) for sub in self.users}
        return books

    def reset_company(self, realm_id: str) -> None:
        """Put a company back to how it was added; tokens stay.

        Raises:
            KeyError: There is no such company.
        """
        hosted = self.companies[realm_id]
        hosted.books = hosted.build()
        hosted.books.watch(partial(self.webhooks.note, realm_id))
        hosted.offline = None

    def user_of(self, sub: str | None) -> User:
        """Return the person of that id, or the first one there is.

        Raises:
            KeyError: There is no such person, or none at all.
        """
        if sub is None:
            for user in self.users.values():
                return user
        return self.users[sub or ""]

    def realms_of(self, sub: str) -> list[HostedCompany]:
        """Return the companies a person is a member of."""
        return [self.companies[realm] for realm in self.companies if (sub, realm) in self.members]

    def consented(
        self,
        *,
        client_id: str,
        redirect_uri: str,
        realm: str | None,
        scopes: frozenset[str],
        state: str,
        user: str | None = None,
        nonce: str | None = None,
    ) -> str:
        """Return the address a browser is sent to after the person agreed."""
        sub = self.user_of(user).sub
        code = self.tokens.new_code(
            client_id=client_id,
            user=sub,
            realm=realm,
            scopes=scopes,
            redirect_uri=redirect_uri,
            nonce=nonce,
        )
        query = {"code": code, "state": state} | ({} if realm is None else {"realmId": realm})
        return with_query(redirect_uri, query)

    def connect(
        self,
        *,
        realm: str,
        client_id: str = DEFAULT_CLIENT_ID,
        user: str | None = None,
        scopes: Iterable[str] = (ACCOUNTING,),
        access_token: str | None = None,
        refresh_token: str | None = None,
    ) -> Issued:
        """Issue tokens for a company without the consent page, for tests not about OAuth.

        Args:
            realm: The company.
            client_id: The app.
            user: The person's `sub`; the first person by default.
            scopes: What is granted.
            access_token: A token of the caller's own instead of a new one, likewise below.
            refresh_token: See `access_token`.

        Raises:
            ValueError: One of the tokens exists already.
        """
        return self.tokens.issue(
            client_id=client_id,
            user=self.user_of(user).sub,
            realm=realm,
            scopes=frozenset(scopes),
            access_token=access_token,
            refresh_token=refresh_token,
        )

    def _build(
        self, realm_id: str, name: str, seed: Seed, settings: CompanySettings | None
    ) -> Company:
        own = attrs.evolve(settings) if settings is not None else CompanySettings()
        company = Company(realm_id=realm_id, name=name, clock=self.clock, settings=own)
        seed(company)
        return company


def with_query(address: str, query: dict[str, str]) -> str:
    """Return the address with parameters added behind those it has."""
    return f"{address}{'&' if '?' in address else '?'}{urlencode(query)}"
