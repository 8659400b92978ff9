"""Where the processor time goes: shares by library, of all threads together."""

from __future__ import annotations

import cProfile
import pstats
import sys
import threading
import time
from collections import defaultdict
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

Function = tuple[str, int, str]

LIBRARIES: Final = {
    "sqlalchemy": "SQLAlchemy",
    "psycopg": "psycopg",
    "psycopg_binary": "psycopg",
    "httpx": "httpx, httpcore, h11",
    "httpcore": "httpx, httpcore, h11",
    "h11": "httpx, httpcore, h11",
    "requests": "requests, urllib3, oauthlib",
    "requests_oauthlib": "requests, urllib3, oauthlib",
    "oauthlib": "requests, urllib3, oauthlib",
    "urllib3": "requests, urllib3, oauthlib",
    "quickbooks": "python-quickbooks",
    "intuitlib": "python-quickbooks",
}
DRIVERS: Final = {
    "sqlite3": "SQLite",
    "psycopg": "psycopg",
    "_socket": "sockets",
    "select": "sockets",
    "json": "JSON",
}
"""What is written in C has no file: it is known by a word in its name."""
REST: Final = "Python itself: threads, futures, http.client and the like"
LEAST: Final = 0.005
"""Shares below it are not told."""


class Shares:
    """Collects the time of each function's own, in every thread that begins meanwhile."""

    def __init__(self) -> None:
        self._profiles: list[cProfile.Profile] = []

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Watch this thread and those that it starts."""
        threading.setprofile(self._begin)
        mine = self._started()
        try:
            yield
        finally:
            mine.disable()
            threading.setprofile(None)

    def _started(self) -> cProfile.Profile:
        profile = cProfile.Profile(time.thread_time)
        self._profiles.append(profile)
        profile.enable()
        return profile

    def _begin(self, *_what: object) -> None:
        """Be called at a thread's first step; from then on its own profile is."""
        sys.setprofile(None)
        self._started()

    def by_library(self) -> dict[str, float]:
        """Return the share of each library in the time of all, the largest first."""
        own: defaultdict[str, float] = defaultdict(float)
        for profile in self._profiles:
            profile.create_stats()
            stats: Mapping[Function, Any] = pstats.Stats(profile).stats  # type: ignore[attr-defined]  # not in its stub
            for function, (_, _, seconds, _, callers) in stats.items():
                for library, part in _told(function, seconds, callers):
                    own[library] += part
        whole = sum(own.values()) or 1.0
        ordered = sorted(own.items(), key=lambda one: -one[1])
        return {name: part / whole for name, part in ordered if part / whole >= LEAST}


def _told(
    function: Function, seconds: float, callers: Mapping[Function, Any]
) -> Iterator[tuple[str, float]]:
    """Tell whose a function's own time is; C's is that of whoever called it."""
    file, _, name = function
    if file != "~":
        yield _library(file), seconds
        return
    if (driver := next((DRIVERS[word] for word in DRIVERS if word in name), None)) is not None:
        yield driver, seconds
        return
    if not callers:
        yield REST, seconds
    for (caller, _, _), (_, _, part, _) in callers.items():
        yield (REST if caller == "~" else _library(caller)), part


def _library(file: str) -> str:
    parts = Path(file).parts
    if "dunahub_qbo_plugin" in parts:
        return f"the plugin's {Path(parts[parts.index('dunahub_qbo_plugin') + 1]).stem}/"
    if "dunahub_hookspecs" in parts:
        return "the contract"
    if "site-packages" in parts:
        package = Path(parts[parts.index("site-packages") + 1]).stem
        return LIBRARIES.get(package, package)
    if "json" in parts:
        return "JSON"
    return "sockets" if parts[-1] in {"socket.py", "selectors.py", "ssl.py"} else REST


def as_markdown(profiles: Mapping[str, Mapping[str, float]]) -> list[str]:
    """Return a table: libraries by what was watched."""
    rows = list(dict.fromkeys(name for shares in profiles.values() for name in shares))
    lines = [
        "| Share of processor time | " + " | ".join(profiles) + " |",
        "|---|" + "---|" * len(profiles),
    ]
    for name in rows:
        cells = [f"{shares[name]:.0%}" if name in shares else "" for shares in profiles.values()]
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return lines
