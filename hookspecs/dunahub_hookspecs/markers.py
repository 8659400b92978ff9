"""The pluggy markers and the name by which DunaHub finds its plugins."""

from __future__ import annotations

from typing import Final

import pluggy

PROJECT: Final = "dunahub"
"""The pluggy project name, and the entry-point group in which plugins are declared."""

hookspec: Final = pluggy.HookspecMarker(PROJECT)
hookimpl: Final = pluggy.HookimplMarker(PROJECT)
