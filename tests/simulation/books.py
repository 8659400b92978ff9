"""What QuickBooks holds, who wrote it last, and what the bookkeeper did to it.

Promises to know of each object whether we or somebody else had the last word. Promises to read the
books from the emulator itself, not through anything of the plugin's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attrs

if TYPE_CHECKING:
    from collections.abc import Callable

    from dunahub_qbo_plugin.emulator.world.world import World as QuickBooks
    from tests.simulation.network import Network, Request
    from tests.simulation.scheduler import Scheduler

Place = tuple[str, str, str]
"""An object: its realm, its entity in small letters, its Id."""
Json = dict[str, Any]


@attrs.frozen
class Touch:
    """Something that the bookkeeper did to an object.

    Attributes:
        stands: tells of the object whether it still is so; None for what leaves no trace.
    """

    step: int
    what: str
    stands: Callable[[Json], bool] | None = None


class Books:
    """The books of all companies.

    Args:
        quickbooks: the emulator's state.
        net: over which we write.
        scheduler: tells the step.

    Attributes:
        touches: what the bookkeeper did, by object.
        written: at which step we wrote last, by object.
        rivals: records that somebody entered by hand as well, by realm and record.
    """

    def __init__(self, quickbooks: QuickBooks, net: Network, scheduler: Scheduler) -> None:
        self._quickbooks = quickbooks
        self._net = net
        self._scheduler = scheduler
        self.touches: dict[Place, list[Touch]] = {}
        self.written: dict[Place, int] = {}
        self.rivals: set[tuple[str, str]] = set()
        net.watchers.append(self._note)

    def _note(self, request: Request) -> None:
        self.written[request.place] = self._scheduler.steps

    def touch(self, place: Place, what: str, stands: Callable[[Json], bool] | None = None) -> None:
        """Note that the bookkeeper did something."""
        self._scheduler.note(f"bookkeeper: {what} {place[1]} {place[2]}")
        self.touches.setdefault(place, []).append(Touch(self._scheduler.steps, what, stands))

    def undone(self, place: Place) -> list[str]:
        """Return what of the bookkeeper's work on an object is not there any more."""
        found = self.load(place)
        latest = {touch.what: touch for touch in self.touches.get(place, ())}
        if found is None or {"void", "delete"} & set(latest):
            return []
        return [what for what, touch in latest.items() if touch.stands and not touch.stands(found)]

    def load(self, place: Place) -> Json | None:
        """Return an object as it is; None when it was deleted."""
        realm, entity, id_ = place
        table = self._quickbooks.companies[realm].books._ledger.tables[entity.capitalize()]
        row = table.rows.get(id_)
        return None if row is None else row.load()

    def is_alive(self, place: Place) -> bool:
        """Return whether an object is there and active."""
        found = self.load(place)
        return found is not None and found.get("Active") is not False

    def made(self, realm: str, record: str) -> list[Place]:
        """Return the objects that were ever made for a record, oldest first."""
        return [
            place
            for place, owner in self._net.owners.items()
            if owner == record and place[0] == realm
        ]

    def alive(self, realm: str, record: str) -> list[Place]:
        """Return those of them that are still there."""
        return [place for place in self.made(realm, record) if self.is_alive(place)]

    def last_words(self, place: Place) -> set[str]:
        """Return what the bookkeeper did to an object since we wrote it last."""
        since = self.written.get(place, -1)
        return {touch.what for touch in self.touches.get(place, ()) if touch.step >= since}

    def ever(self, places: list[Place]) -> set[str]:
        """Return what the bookkeeper ever did to some objects."""
        return {touch.what for place in places for touch in self.touches.get(place, ())}
