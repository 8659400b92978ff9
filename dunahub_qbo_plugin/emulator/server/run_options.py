"""What the command line can set, and the world that gives."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import attrs

from dunahub_qbo_plugin.emulator.world.grants import OAuthSettings
from dunahub_qbo_plugin.emulator.world.throttle import ThrottleSettings
from dunahub_qbo_plugin.emulator.world.trouble import TroubleRule
from dunahub_qbo_plugin.emulator.world.world import SEEDS, ServiceSettings, World

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from dunahub_qbo_plugin.emulator.world.directory import Offline


@attrs.frozen(kw_only=True)
class RunOptions:
    """What the command line can set.

    Attributes:
        redirect_uris: Addresses the demo app may use besides Intuit's playground.
        trouble: Rules as for `TroubleRule.from_text`.
        latency: Seconds by which each answer is late.
        skew: Seconds by which the emulator's clock is ahead.
        consent: `ask`, `accept` or `decline`.
        throttle: Request limits and the shape of the 429.
        oauth: Lifetimes and switches of the OAuth server.
        offline: Company's realm id -> why it is offline.
        company: Realm id of the company that is chosen where nobody chooses: by a consent page
            that is answered at once, and for the two tokens; empty for the first.
        access_token: A token that works from the start, or empty.
        refresh_token: Likewise.
    """

    redirect_uris: tuple[str, ...] = ()
    trouble: tuple[str, ...] = ()
    latency: float = 0.0
    skew: float = 0.0
    consent: str = "ask"
    throttle: ThrottleSettings = attrs.field(factory=ThrottleSettings)
    oauth: OAuthSettings = attrs.field(factory=OAuthSettings)
    offline: Mapping[str, Offline] = attrs.field(factory=dict)
    company: str = ""
    access_token: str = attrs.field(default="", repr=False)
    refresh_token: str = attrs.field(default="", repr=False)


def build_world(seeds: Iterable[str], options: RunOptions) -> World:
    """Return the world that the options describe.

    Args:
        seeds: Names from `SEEDS`, each with a realm id of one's own behind `=` or not.
        options: Everything else.

    Raises:
        ValueError: A seed, a company, a token or a rule does not fit; the text says which.
    """
    companies = [_seed(text) for text in seeds]
    rules = [TroubleRule.from_text(text) for text in options.trouble]
    world = World.default(
        seeds=(),
        redirect_uris=options.redirect_uris,
        oauth=options.oauth,
        throttle=options.throttle,
        service=ServiceSettings(
            latency=options.latency,
            consent=options.consent,
            consent_company=options.company or None,
        ),
    )
    for realm, name in companies:
        if realm in world.companies:
            raise ValueError(f"company {realm!r} is asked for twice")
        world.add_company(realm_id=realm, name=SEEDS[name][1], seed=SEEDS[name][2])
    world.clock.set_skew(timedelta(seconds=options.skew))
    for rule in rules:
        world.trouble.add(rule)
    for realm, reason in options.offline.items():
        if realm not in world.companies:
            raise ValueError(f"there is no company {realm!r}")
        world.companies[realm].offline = reason
    _connect(world, options)
    return world


def _seed(text: str) -> tuple[str, str]:
    """Return realm id and name of a seed.

    Raises:
        ValueError: There is no such seed, or the realm id is no number.
    """
    name, equals, realm = text.partition("=")
    if name not in SEEDS:
        raise ValueError(f"there is no seed {name!r}; choose from {', '.join(SEEDS)}")
    if equals and not (realm.isascii() and realm.isdigit()):
        raise ValueError(f"a company's id is a number, not {realm!r}")
    return realm or SEEDS[name][0], name


def _connect(world: World, options: RunOptions) -> None:
    """Let the tokens of the options work.

    Raises:
        ValueError: There is no such company.
    """
    if options.company and options.company not in world.companies:
        raise ValueError(f"there is no company {options.company!r}")
    if options.access_token or options.refresh_token:
        world.connect(
            realm=options.company or next(iter(world.companies)),
            access_token=options.access_token or None,
            refresh_token=options.refresh_token or None,
        )
