"""A process of a host or of a worker, with the whole plugin in it, that can be stopped for ever.

Promises that the plugin is put together as production does it, on a real database. Promises that
a process that was killed writes nothing and sends nothing any more.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import attrs

from dunahub_hookspecs.host import create_plugin_manager
from dunahub_qbo_plugin.config import Worker
from dunahub_qbo_plugin.panel.templating import Templates
from dunahub_qbo_plugin.plugin import QuickBooksPlugin
from dunahub_qbo_plugin.runtime import build
from tests.simulation.network import Wire
from tests.simulation.scheduler import Life, SimClock
from tests.simulation.storage import gated, share_statements

if TYPE_CHECKING:
    from collections.abc import Callable

    from dunahub_qbo_plugin.config import Config
    from dunahub_qbo_plugin.model import RecordKey
    from dunahub_qbo_plugin.runtime import Runtime
    from tests.simulation.network import Network
    from tests.simulation.scheduler import Scheduler
    from tests.simulation.storage import WriteLock


@cache
def _templates() -> Templates:
    """Return the page's templates, which hold no state: compiled once for all processes."""
    return Templates()


class _Plugin(QuickBooksPlugin):
    """The plugin in a process of the run, which ends as that does and not as the interpreter."""

    def __init__(self, config: Config, built: Callable[[Config], Runtime]) -> None:
        super().__init__(config=config)
        self._built = built

    def runtime(self) -> Runtime:
        if self._runtime is None:
            assert self.config is not None
            self._runtime = self._built(self.config)
        return self._runtime


class Process:
    """One process.

    Args:
        name: of it, unique in the run.
        config: the plugin's.
        scheduler: runs it.
        net: its way to QuickBooks.
        lock: on the database's file.
        sends: a thread of its own sends what is due.
        committed: called after each of its commits.
    """

    def __init__(
        self,
        name: str,
        config: Config,
        *,
        scheduler: Scheduler,
        net: Network,
        lock: WriteLock,
        sends: bool,
        committed: Callable[[], None],
    ) -> None:
        self.name = name
        self.life = Life(name)
        self.scheduler = scheduler
        self.lock = lock
        self._net = net
        self._committed = committed
        self.plugin = _Plugin(
            attrs.evolve(config, worker=Worker.EMBEDDED if sends else Worker.OFF), self._built
        )
        self.runtime = self.plugin.runtime()
        self.manager = create_plugin_manager([self.plugin], load_entry_points=False)

    def _built(self, config: Config) -> Runtime:
        """Put the plugin's objects together, at first and for a hook that comes after their end."""
        self.runtime = build(
            config, clock=SimClock(self.scheduler), transport=Wire(self._net, self.life)
        )
        database = self.runtime.database
        share_statements(database)
        object.__setattr__(self.runtime.panel, "templates", _templates())
        gated(database, self.scheduler, self.lock, self.life, committed=self._committed)
        return self.runtime

    def work(self) -> None:
        """Begin to send, as a worker process does."""
        self.scheduler.spawn(f"{self.name}.main", self.life, self.runtime.worker().run)

    def end(self) -> None:
        """Stop it in good order: requests that are under way still end, as a server sees to."""
        self.plugin.on_shutdown()
        self.scheduler.wait("requests", lambda: not self.scheduler.serves(self.life))
        self.plugin.on_shutdown()  # of what such a request started again

    def kill(self) -> None:
        """Stop it for ever, wherever it is."""
        self.scheduler.kill(self.life)
        self.runtime.database.close()  # as the operating system does for whoever is gone

    def keeps(self, org_id: str, key: RecordKey) -> bool:
        """Return whether a record is in its memory only."""
        return (org_id, key) in self.runtime.intake._spill

    @property
    def unwritten(self) -> int:
        """How many records are in its memory only."""
        return self.runtime.intake.waiting
