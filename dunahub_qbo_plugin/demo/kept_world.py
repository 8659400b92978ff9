"""Keeps the emulator's companies and connections in a file, so that a demo can go on later.

What the emulator has accepted is in the file before its answer leaves: a demo that is killed in
between finds the same books again, as it would at QuickBooks.
"""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING, Final

from dunahub_qbo_plugin.demo import object_json
from dunahub_qbo_plugin.emulator.books.schema import Schema, load_schema
from dunahub_qbo_plugin.emulator.world.journal import Journal
from dunahub_qbo_plugin.emulator.world.signing import Signer
from dunahub_qbo_plugin.emulator.world.trouble import TroubleRules
from dunahub_qbo_plugin.emulator.world.world import World

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from dunahub_qbo_plugin.emulator.world.journal import Entry

FRESH: Final[dict[type, Callable[[], object]]] = {
    Schema: load_schema,
    Journal: Journal,
    Signer: Signer,
    TroubleRules: TroubleRules,
}
"""What does not last, and how it is made anew."""


class KeptWorldError(RuntimeError):
    """The file is there, but not one that this version can read."""


class WorldFile:
    """The file of one demo's emulator.

    Args:
        path: where it is, or will be.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()

    def open(self) -> World:
        """Return the kept world, or a new one, and keep it from now on.

        Raises:
            KeptWorldError: the file cannot be read.
        """
        world = self._read() if self._path.exists() else World.default()

        def keep(entry: Entry) -> None:
            if entry.carried_out and (entry.write or entry.kind == "oauth"):
                self.save(world)

        world.journal.watch(keep)
        self.save(world)
        return world

    def save(self, world: World) -> None:
        """Write the world as it is now; the file is whole at any moment."""
        with self._lock:
            content = object_json.dump(world, FRESH)
            new = self._path.with_suffix(".new")
            descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with os.fdopen(descriptor, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            new.replace(self._path)

    def _read(self) -> World:
        try:
            world = object_json.load(self._path.read_bytes(), FRESH)
        except Exception as error:
            raise KeptWorldError(
                f"{self._path} was written by another version. Remove it to start with new books."
            ) from error
        if not isinstance(world, World):
            raise KeptWorldError(f"{self._path} does not hold an emulator's companies.")
        return world
