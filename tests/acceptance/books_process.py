"""QuickBooks in a process of its own, whose books outlive every worker.

A seeded share of all requests goes wrong until ``DELETE /_admin/trouble``. Arguments, as one JSON
object: ``start`` and ``speed`` of the clock, ``seed``, ``share``, ``realms``. Says its address and
serves until its standard input ends.
"""

from __future__ import annotations

import json
import random
import sys
import threading
from typing import TYPE_CHECKING

from dunahub_qbo_plugin.emulator.server.serve import serve
from dunahub_qbo_plugin.emulator.world.company_seeds import seed_empty
from dunahub_qbo_plugin.emulator.world.grants import OAuthSettings
from dunahub_qbo_plugin.emulator.world.trouble import Strike, TroubleRule, TroubleRules
from dunahub_qbo_plugin.emulator.world.world import World
from dunahub_qbo_plugin.testing.emulator import REDIRECT_URI
from tests.acceptance.fast_clock import FastClock

if TYPE_CHECKING:
    from dunahub_qbo_plugin.emulator.world.http_messages import Request


class SeededTrouble(TroubleRules):
    """Lets a share of the requests go wrong, in ways that a seed decides."""

    def __init__(self, *, seed: int, share: float) -> None:
        super().__init__()
        self._random = random.Random(seed)  # noqa: S311  replayable, not secret
        self._share = share
        self._drawing = threading.Lock()
        self.on = False

    def strike(self, request: Request) -> Strike | None:
        """Return the next trouble, or none."""
        if not self.on:
            return super().strike(request)
        with self._drawing:
            if self._random.random() >= self._share:
                return None
            return Strike(number=0, rule=draw(self._random))

    def add(self, rule: TroubleRule) -> int:
        """Any rule that is added turns the trouble on."""
        del rule
        self.on = True
        return 0

    def clear(self) -> None:
        """Turn it off."""
        self.on = False


def draw(dice: random.Random) -> TroubleRule:
    """Draw one way of going wrong."""
    way = dice.choice(
        ("lose", "lose", "close", "cut", "cut", "refuse", "fail", "fail", "busy", "late", "silent")
    )
    match way:
        case "lose":
            return TroubleRule(kind="lose", target="any")
        case "close":
            return TroubleRule(kind="lose", target="any", manner="close")
        case "cut":
            return TroubleRule(kind="cut", target="any", keep=dice.random())
        case "refuse":
            return TroubleRule(kind="refuse", target="any")
        case "fail":
            return TroubleRule(kind="fail", target="any", status=dice.choice((500, 502, 503, 504)))
        case "busy":
            return TroubleRule(
                kind="fail", target="any", status=429, retry_after=dice.choice((None, 1, 3))
            )
        case "late":
            return TroubleRule(kind="late", target="any", seconds=dice.uniform(0.01, 0.3))
        case _:
            # Carried out, and answered when nobody listens any more.
            return TroubleRule(kind="late", target="any", seconds=1.2)


def main() -> None:
    """Serve."""
    asked = json.loads(sys.argv[1])
    clock = FastClock(asked["start"], asked["speed"])
    world = World.default(
        seeds=(),
        redirect_uris=(REDIRECT_URI,),
        clock=clock.now,
        oauth=OAuthSettings(refresh_value_period=1200, refresh_grace=86400),
    )
    for number, realm in enumerate(asked["realms"]):
        company = world.add_company(realm_id=realm, name=f"Company {number}", seed=seed_empty)
        company.settings.custom_txn_numbers = number % 2 == 0
        company.settings.request_id_mismatch = "fault_600" if number % 2 else "replay"
        company.settings.requestid_replays_faults = number % 2 == 0
    world.trouble = SeededTrouble(seed=asked["seed"], share=asked["share"])
    with serve(world) as running:
        sys.stdout.write(f"{running.url}\n")
        sys.stdout.flush()
        sys.stdin.read()


if __name__ == "__main__":
    main()
