"""What happens to machines: time, clocks, processes that die and come back, tokens, backups.

Promises that a process can be stopped at any point of its work. Promises that clocks jump forward
and back while QuickBooks' own goes on.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from sqlalchemy.exc import SQLAlchemyError

if TYPE_CHECKING:
    import random

    from tests.simulation.world import World

PASSES = (0.05, 0.5, 3.0, 20.0, 20.0, 200.0, 200.0, 1000.0, 4000.0, 90_000.0)
"""Seconds that pass at once."""


def time_passes(world: World, dice: random.Random) -> None:
    """Let time pass, for all or behind everybody's back."""
    seconds = dice.choice(PASSES)
    if dice.random() < 0.5:
        world.scheduler.advance(seconds)
    else:
        world.run_for(seconds)


def kill_worker(world: World, dice: random.Random) -> None:
    """Stop a worker for ever, and start another one."""
    world.replace(dice.choice(world.workers))


def kill_host(world: World, dice: random.Random) -> None:
    """Stop a host's process for ever, and start another one."""
    world.replace(dice.choice(world.web))


def turn_clock(world: World, dice: random.Random) -> None:
    """Set the machines' clock forward or back, or right again."""
    seconds = dice.choice((-3600.0, -30.0, -2.0, 2.0, 30.0, 3600.0, None))
    world.scheduler.turn_clock(-world.scheduler.offset if seconds is None else seconds)


def stop_worker(world: World, dice: random.Random) -> None:
    """Stop a worker in good order, and start another one."""
    world.stop(dice.choice(world.workers))


def stop_host(world: World, dice: random.Random) -> None:
    """Stop a host's process in good order, and start another one."""
    world.stop(dice.choice(world.web))


def end_access(world: World, dice: random.Random) -> None:
    """Let the access token of a company end early."""
    world.quickbooks.tokens.expire(realm=world.some_realm(dice))


def end_refresh(world: World, dice: random.Random) -> None:
    """Let the refresh token of a company end, and the access token with it."""
    realm = world.some_realm(dice)
    world.ended.add(realm)
    world.quickbooks.tokens.expire(realm=realm, refresh=True)


def revoke(world: World, dice: random.Random) -> None:
    """Withdraw DunaHub's access in QuickBooks."""
    realm = world.some_realm(dice)
    world.ended.add(realm)
    world.quickbooks.tokens.end_grants(realm=realm)


def upkeep(world: World, dice: random.Random) -> None:
    """Have a worker see to idle tokens and old history."""
    worker = dice.choice(world.workers)

    def does() -> None:
        with contextlib.suppress(SQLAlchemyError):  # as it says
            worker.plugin.upkeep()

    world.scheduler.spawn(f"{worker.name}.upkeep", worker.life, does)


def back_up(world: World, dice: random.Random) -> None:
    """Copy the database."""
    del dice
    world.backup.make()


def restore(world: World, dice: random.Random) -> None:
    """Put the copy back, as an operator does: stop everything, restore, look first, start."""
    del dice
    world.backup.restore()


EVENTS = (
    kill_worker,
    kill_host,
    turn_clock,
    stop_worker,
    stop_host,
    end_access,
    end_refresh,
    revoke,
    upkeep,
    back_up,
    restore,
)
"""What happens to machines now and then."""
