"""What a run is made of, drawn from its number: which events happen, and what can go wrong.

Promises that each run leaves most of it out, so that what is rare meets what else is rare. Promises
that a profile depends on nothing but the number.
"""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Final

import attrs

from tests.simulation import bookkeeper, host, machines, office
from tests.simulation.network import FATES

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tests.simulation.world import World

    Happens = Callable[[World, random.Random], None]

ALWAYS: Final = (host.save_invoice, host.pay, host.bill_and_pay, machines.time_passes)
OFTEN: Final = (host.save_lead, host.reword_invoice, host.correct_payment)


def _name(event: Happens) -> str:
    """Name an event by who does what: ``host.pay``."""
    return f"{event.__module__.rpartition('.')[2]}.{event.__name__}"


EVENTS: Final[Mapping[str, Happens]] = {
    _name(event): event
    for event in (
        *ALWAYS,
        *OFTEN,
        *host.EVENTS,
        *office.EVENTS,
        *bookkeeper.EVENTS,
        *machines.EVENTS,
    )
}
WEIGHTS: Final = {_name(event): 8 for event in ALWAYS} | {_name(event): 4 for event in OFTEN}
"""How often an event of each run happens; any other that a run has counts for 2."""
SELDOM: Final = {
    _name(event): 1
    for event in (
        *(office.disconnect, office.switch, office.change_region),
        *(machines.revoke, machines.end_refresh, machines.restore),
    )
}
BACK: Final = {
    "office.disconnect": "office.reconnect",
    "office.switch": "office.reconnect",
    "machines.revoke": "office.reconnect",
    "machines.end_refresh": "office.reconnect",
    "machines.restore": "machines.back_up",
    "host.lower_invoice": "host.raise_invoice",
}
"""What takes an event back, or makes it possible: a run that has the one has the other."""
LIKELY_FATE: Final = 0.4
SHORTEST, LONGEST = 40, 120
"""Events of a run."""


@attrs.frozen(kw_only=True)
class Event:
    """One event of a run: what happens, and the number that its details come from."""

    name: str
    seed: str


@attrs.frozen(kw_only=True)
class Profile:
    """What one run is made of.

    Attributes:
        plan: what happens, in order.
        fates: what can happen to a request.
        share: how many requests meet one, 0 to 1.
        stickiness: how likely a thread goes on without others in between, 0 to 1.
        burst: steps between two events at most.
        sessions, rollbacks: see `tests.simulation.host.Hosts`.
        lingers: see `tests.simulation.storage.WriteLock`.
        hosts_send: the hosts' own processes send, too.
        late_region: how often a host believes an organization to be in the US that is not.
        quickbooks: what is disputed about QuickBooks.
    """

    plan: tuple[Event, ...]
    fates: frozenset[str]
    share: float
    stickiness: float
    burst: int
    sessions: float
    rollbacks: float
    lingers: float
    hosts_send: bool
    late_region: float
    quickbooks: Mapping[str, object]


def draw(seed: int) -> Profile:
    """Draw the profile of a run."""
    dice = random.Random(f"{seed}/profile")  # noqa: S311  replayable, not secret
    rare = [name for name in EVENTS if name not in WEIGHTS]
    likely = dice.choice((0.1, 0.25, 0.4))
    enabled = {name for name in rare if dice.random() < likely}
    for name, back in BACK.items():
        enabled |= {back} if name in enabled else set()
    names = [*WEIGHTS, *sorted(enabled)]
    weights = [WEIGHTS.get(name, SELDOM.get(name, 2)) for name in names]
    chosen = dice.choices(names, weights, k=dice.randint(SHORTEST, LONGEST))
    return Profile(
        plan=tuple(
            Event(name=name, seed=f"{seed}/{number}/{name}") for number, name in enumerate(chosen)
        ),
        fates=frozenset(fate for fate in FATES if dice.random() < LIKELY_FATE),
        share=dice.choice((0.0, 0.15, 0.3, 0.5)),
        stickiness=dice.choice((0.0, 0.5, 0.8, 0.95)),
        burst=dice.choice((3, 12, 40)),
        sessions=dice.choice((0.0, 0.0, 0.4)),
        rollbacks=dice.choice((0.0, 0.4)),
        lingers=dice.choice((0.02, 0.02, 0.2)),
        hosts_send=dice.random() < 0.3,
        late_region=dice.choice((0.0, 0.3)),
        quickbooks={
            "custom_txn_numbers": dice.random() < 0.5,
            "request_id_mismatch": dice.choice(("replay", "fault_600")),
            "requestid_replays_faults": dice.random() < 0.5,
            "no_change_bumps_token": dice.random() < 0.5,
            "requestid_retention": dice.choice((240, 600, 86_400)),
        },
    )
