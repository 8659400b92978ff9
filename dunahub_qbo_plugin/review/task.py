"""The comparison as a task that a worker runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from dunahub_qbo_plugin.errors import NotConnected
from dunahub_qbo_plugin.store import changed_there

if TYPE_CHECKING:
    from collections.abc import Callable

    from dunahub_qbo_plugin.clock import Clock
    from dunahub_qbo_plugin.connect.tokens import TokenKeeper
    from dunahub_qbo_plugin.review.compare import Comparer
    from dunahub_qbo_plugin.store.companies.connections import Connections
    from dunahub_qbo_plugin.store.db.database import Database
    from dunahub_qbo_plugin.store.tasks import Task

COMPARE: Final = "compare"
DEFAULT_DAYS: Final = 30


class CompareTask:
    """Handles tasks named ``compare``; argument ``days``, result as `Comparison.to_json`."""

    def __init__(
        self,
        *,
        database: Database,
        connections: Connections,
        tokens: TokenKeeper,
        comparer: Comparer,
        clock: Clock,
    ) -> None:
        self._database = database
        self._connections = connections
        self._tokens = tokens
        self._comparer = comparer
        self._clock = clock

    def __call__(self, task: Task, progress: Callable[[int, int], None]) -> dict[str, Any]:
        """Run the comparison.

        Raises:
            QuickBooksPluginError: not connected, expired, or QuickBooks could not be asked.
        """
        with self._database.read.connect() as db:
            connection = self._connections.get(db, task.company_id)
        if connection is None or connection.disconnected_at is not None:
            raise NotConnected("this company is not connected")
        begun = self._clock.now()
        grant = self._tokens.grant(connection.id)
        comparison = self._comparer.compare(
            connection,
            grant,
            days=int(task.arguments.get("days", DEFAULT_DAYS)),
            now=self._clock.now(),
            progress=progress,
        )
        with self._database.write.begin() as db:
            changed_there.looked_at(db, connection.id, until=begun)
        return comparison.to_json()
