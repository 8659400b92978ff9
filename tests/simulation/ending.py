"""The end of a run: everything is given time, and people answer what they are asked.

Promises that nothing goes wrong any more, and that clocks are right, before anything is judged.
Promises that the office does only what it would: reconnect, Retry all, then each question by name.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dunahub_qbo_plugin.model import RecordState
from tests.simulation import office
from tests.simulation.crm import Request
from tests.simulation.host import note, tell

if TYPE_CHECKING:
    from dunahub_qbo_plugin.model import RecordKey
    from tests.simulation.crm import Org, Record
    from tests.simulation.process import Process
    from tests.simulation.world import World

ROUNDS = 4
"""How often the office goes through what it is asked."""


def give_time(world: World) -> None:
    """Bring a run to its end."""
    world.net.share = 0.0
    world.scheduler.turn_clock(-world.scheduler.offset)
    world.rest()
    for org in world.orgs.values():
        _look_after_connection(world, org)
    world.rest()
    _tell_again(world)
    world.rest()
    for _ in range(ROUNDS):
        for org in world.orgs.values():
            _answer_questions(world, org)
        world.rest()


def _look_after_connection(world: World, org: Org) -> None:
    """Reconnect where access was lost; decide about a company that awaits a yes."""
    host = world.web[0]
    world.call(host, lambda: office.decide(world, host, org, yes=False))
    current = world.watch.current(org.id)
    if current is None or current.row.expired_at is None:
        return
    world.call(host, lambda: office.connect(world, host, org, current.realm))


def _tell_again(world: World) -> None:
    """Tell of what may have died in a host's memory, or with a database that was replaced."""
    host = world.web[0]
    for org in world.orgs.values():
        for key in sorted(org.records, key=str):
            if _is_doubtful(world, org.records[key]):
                world.call(host, lambda key=key, org=org: _tell(world, host, org, key))  # type: ignore[misc]  # mypy cannot infer a lambda's default


def _tell(world: World, host: Process, org: Org, key: RecordKey) -> None:
    last = org.records[key].last
    assert last is not None
    request = Request(host.life, world.scheduler.steps, us=org.us)
    for saves in note(host, org, [last.value], request):
        tell(host, org, saves, None)
    request.told = world.scheduler.steps


def _is_doubtful(world: World, record: Record) -> bool:
    last = record.last
    if last is None or not last.request.us:
        return False
    request = last.request
    if request.told is None or (request.life.dead and request.life.name in world.forgetful):
        return True
    since = world.tell_again_since
    return since is not None and request.told >= since


def _answer_questions(world: World, org: Org) -> None:
    """Press Retry all, then what each record that still asks offers."""
    host = world.web[0]
    world.call(host, lambda: office.press(world, host, org, "retry-all"))
    world.rest()
    for view in office.views_of(world, org):
        if view.state is RecordState.ATTENTION:
            action = "link" if view.candidate_id else "retry"
            world.call(host, lambda a=action, k=view.key: office.by_name(world, host, org, a, k))  # type: ignore[misc]  # as above
