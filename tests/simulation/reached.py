"""States that some run of a share must come through, or the simulation is too tame.

Promises that a safeguard that is never needed is noticed. Promises to look at what happened, not at
what was meant to happen.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import sqlalchemy as sa

from dunahub_qbo_plugin.model import RecordState
from dunahub_qbo_plugin.store.records.history import Event
from dunahub_qbo_plugin.store.tables import history
from tests.simulation import office
from tests.simulation.network import FATES
from tests.simulation.scheduler import KILLED_AT

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.simulation.world import World

_BY_CODE: Final = {
    "ambiguous": "a question was asked",
    "not-carried-out": "a key was forgotten",
    "replay-of-deleted": "QuickBooks spoke of what was deleted since",
    "gone": "something was found deleted",
    "5010": "an update was stale",
    "600": "QuickBooks said that a key was used before",
    "6140": "a number was taken",
    "6240": "a name was taken",
    "6540": "a deposit was in the way",
}

MUST: Final = frozenset(
    {
        *_BY_CODE.values(),
        *KILLED_AT.values(),
        *(f"fate {fate}" for fate in FATES),
        "a company was taken over",
        "a company was disconnected",
        "a company was disconnected while a request was under way",
        "a company was connected again",
        "an organization went over to another company",
        "access expired",
        "tokens were renewed",
        "a region was closed",
        "a create replayed by QuickBooks",
        "a record was adopted",
        "a record waited for another",
        "a record went through memory",
        "a lock was waited for in vain",
        "a host took its transaction back",
        "a backup was restored",
        "the clock was set back",
        "a person decided not to send a record",
        "something was not sent",
        "something needed attention",
        "a process died with records in its memory",
    }
)
"""What so many numbers as `MANY` must come through."""
RARE: Final = frozenset(
    {
        _BY_CODE["replay-of-deleted"],
        KILLED_AT["< 200"],
        KILLED_AT["> POST"],
        KILLED_AT["fence"],
        KILLED_AT["host's transaction"],
        "a process died with records in its memory",
    }
)
"""What takes more numbers than these: 400 came through each of it three times at most (2026-12)."""
MANY: Final = 400
VERY_MANY: Final = 4000


def missing(numbers: int, states: frozenset[str]) -> list[str]:
    """Return what so many numbers should have come through and did not."""
    must = MUST if numbers >= VERY_MANY else MUST - RARE
    return sorted(must - states)


def reached(world: World) -> frozenset[str]:
    """Return the states that a run came through."""
    return frozenset({*world.scheduler.reached, *_in_history(world), *_in_the_end(world)})


def _in_history(world: World) -> Iterator[str]:
    with world.host_engine.connect() as db:
        rows = list(db.execute(sa.select(history.c.event, history.c.code).distinct()))
    for row in rows:
        if row.event == Event.WAITING:
            yield "a record waited for another"
        if row.code in _BY_CODE:
            yield _BY_CODE[row.code]


def _in_the_end(world: World) -> Iterator[str]:
    if any(process.runtime.intake.spilled for process in (*world.web, *world.workers)):
        yield "a record went through memory"
    if world.backup.restored_at is not None:
        yield "a backup was restored"
    if world.dismissed:
        yield "a person decided not to send a record"
    saves = [
        save for org in world.orgs.values() for one in org.records.values() for save in one.saves
    ]
    if any(save.request.undone for save in saves):
        yield "a host took its transaction back"
    for org in world.orgs.values():
        for view in office.views_of(world, org):
            if view.state is RecordState.ATTENTION:
                yield "something needed attention"
            if view.state is RecordState.NOT_SENT:
                yield "something was not sent"
            if view.state is RecordState.SYNCED and _was_adopted(world, view.key.local_id):
                yield "a record was adopted"


def _was_adopted(world: World, local_id: str) -> bool:
    """Return whether nobody heard of the one create of a record, and yet it is there."""
    creates = [
        one for one in world.net.requests if one.record == local_id and one.operation == "create"
    ]
    return len(creates) == 1 and bool(creates[0].made) and creates[0].status != 200
