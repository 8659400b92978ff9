"""The page's templates, compiled before they are needed."""

from __future__ import annotations

import os
import sys
import threading
from importlib.util import cache_from_source
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

    from jinja2 import BytecodeCache, Environment

COMPILED: Final = Path(cache_from_source(__file__)).parent
"""Where compiled templates are kept, beside what Python keeps there of the modules."""
OF_A_PAGE: Final = (
    "page.html",
    "panel.css",
    "macros.html",
    "status.html",
    "disconnect.html",
    "steps.html",
    "checks.html",
    "counts.html",
    "activity.html",
    "products.html",
    "review.html",
)
"""Templates that the page of every connected organization needs."""


class Templates:
    """The page's templates, loaded when the first page is made.

    Args:
        folder: where they are kept compiled, if it can be written.
    """

    def __init__(self, folder: Path = COMPILED) -> None:
        self._folder = folder
        self._environment: Environment | None = None
        self._lock = threading.Lock()
        self._ahead: threading.Thread | None = None

    def load_ahead(self) -> None:
        """Begin to compile the templates of a page, while whoever calls reads the database.

        Compiling takes longer than everything else of a first page. It is done in a thread of its
        own, which the first `render` waits for: the database does its part of the work meanwhile.
        """
        with self._lock:
            if self._environment is not None or self._ahead is not None:
                return
            self._ahead = threading.Thread(
                target=self._compile, name="dunahub-qbo-templates", daemon=True
            )
            self._ahead.start()

    def render(self, name: str, values: Mapping[str, Any]) -> str:
        """Fill a template in; every value is escaped."""
        ahead, self._ahead = self._ahead, None
        if ahead is not None:
            ahead.join()
        return self._loaded().get_template(name).render(values)

    def _compile(self) -> None:
        environment = self._loaded()
        for name in OF_A_PAGE:
            environment.get_template(name)

    def _loaded(self) -> Environment:
        with self._lock:
            if self._environment is None:
                from jinja2 import Environment, PackageLoader, StrictUndefined  # noqa: PLC0415  a host that starts needs no templates yet

                self._environment = Environment(
                    loader=PackageLoader("dunahub_qbo_plugin.panel"),
                    autoescape=True,
                    undefined=StrictUndefined,
                    trim_blocks=True,
                    lstrip_blocks=True,
                    bytecode_cache=_kept(self._folder),
                )
            return self._environment


def _kept(folder: Path) -> BytecodeCache | None:
    """Keep what was compiled for later processes, under the same rules as Python's own modules.

    Where the folder cannot be written, each process compiles anew.
    """
    from jinja2 import FileSystemBytecodeCache  # noqa: PLC0415  as above

    if sys.dont_write_bytecode:
        return None
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        return None
    if not os.access(folder, os.W_OK):
        return None
    return FileSystemBytecodeCache(str(folder), "dunahub_qbo.%s.jinja")
