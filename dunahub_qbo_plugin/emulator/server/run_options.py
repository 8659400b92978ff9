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
    """

    redirect_uris: tuple[str, ...] = ()
    trouble: tuple[str, ...] = ()
    latency: float = 0.0
    skew: float = 0.0
    consent: str = "ask"
    throttle: ThrottleSettings = attrs.field(factory=ThrottleSettings)
    oauth: OAuthSettings = attrs.field(factory=OAuthSettings)
    offline: Mapping[str, Offline] = attrs.field(factory=dict)


def build_world(seeds: Iterable[str], options: RunOptions) -> World:
    """Return the world that the options describe.

    Raises:
        ValueError: A seed, a company or a rule is not known; the text says which.
    """
    names = tuple(seeds)
    unknown = [name for name in names if name not in SEEDS]
    if unknown:
        raise ValueError(f"there is no seed {unknown[0]!r}; choose from {', '.join(SEEDS)}")
    rules = [TroubleRule.from_text(text) for text in options.trouble]
    world = World.default(
        seeds=names,
        redirect_uris=options.redirect_uris,
        oauth=options.oauth,
        throttle=options.throttle,
        service=ServiceSettings(latency=options.latency, consent=options.consent),
    )
    world.clock.set_skew(timedelta(seconds=options.skew))
    for rule in rules:
        world.trouble.add(rule)
    for realm, reason in options.offline.items():
        if realm not in world.companies:
            raise ValueError(f"there is no company {realm!r}")
        world.companies[realm].offline = reason
    return world
