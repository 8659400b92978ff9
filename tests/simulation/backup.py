"""A copy of the database, and what an operator does with it.

Promises that a copy holds what was committed when it was made, and nothing else. Promises that
after it was put back, everything is told again that the CRM saved since.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import sqlalchemy as sa

from dunahub_qbo_plugin.store.companies import pauses

if TYPE_CHECKING:
    from tests.simulation.world import World

LOOKS = timedelta(days=7)
"""How long is looked first (``after-restore`` by default)."""


class Backup:
    """The operator's copy; nothing is done on another database than SQLite."""

    def __init__(self, world: World, url: str) -> None:
        self._world = world
        address = sa.make_url(url)
        self._file = Path(address.database or "") if url.startswith("sqlite") else None
        self.made_at = 0
        self.restored_at: int | None = None

    def make(self) -> None:
        """Copy the database as SQLite itself does, with what is in its log."""
        if self._file is None:
            return
        self._world.scheduler.note("backup")
        self.made_at = self._world.scheduler.steps
        _copy(self._file, self._copied)

    def restore(self) -> None:
        """Put the copy back."""
        if self._file is None or not self.made_at or self.restored_at is not None:
            return
        world = self._world
        world.scheduler.note("restore")
        for process in (*world.web, *world.workers):
            world.kills += 1
            world.kill(process)
        world.watch.close()
        _copy(self._copied, self._file)
        self.restored_at = world.scheduler.steps
        world.start_all()
        with world.database() as db:
            for company in list(world.watch.companies):
                pauses.look_first(db, company, until=world.machine_time() + LOOKS)
        world.tell_again_since = self.made_at
        world.kept_back.clear()  # decisions, too, may be gone

    @property
    def _copied(self) -> Path:
        assert self._file is not None
        return self._file.with_suffix(".copy")


def _copy(source: Path, target: Path) -> None:
    for suffix in ("", "-wal", "-shm"):
        Path(f"{target}{suffix}").unlink(missing_ok=True)
    with closing(sqlite3.connect(source)) as there, closing(sqlite3.connect(target)) as here:
        there.backup(here)
