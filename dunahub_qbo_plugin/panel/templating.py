"""The templates, compiled once for all processes where the cache can be written."""

from __future__ import annotations

import os
import sys
import threading
from contextlib import suppress
from importlib.util import cache_from_source
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

    from jinja2 import BytecodeCache, Environment
    from jinja2.bccache import Bucket

COMPILED: Final = Path(cache_from_source(__file__)).parent
"""Where compiled templates are kept, beside what Python keeps there of the modules."""


class Templates:
    """The templates, loaded when the first page is rendered.

    Args:
        folder: where they are kept compiled, if it can be written.
    """

    def __init__(self, folder: Path = COMPILED) -> None:
        self._folder = folder
        self._environment: Environment | None = None
        self._lock = threading.Lock()

    def render(self, name: str, values: Mapping[str, Any]) -> str:
        """Render a template; every value is escaped."""
        return self._loaded().get_template(name).render(values)

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
                    optimized=False,  # compiling is a tenth faster, rendering no slower
                )
            return self._environment


def _kept(folder: Path) -> BytecodeCache | None:
    """Return the cache of compiled templates, under the rules of Python's own cache.

    Where the folder cannot be written, each process compiles again.
    """
    from jinja2 import FileSystemBytecodeCache  # noqa: PLC0415  as above

    class Kept(FileSystemBytecodeCache):
        """A cache that ignores a full disk."""

        def dump_bytecode(self, bucket: Bucket) -> None:
            """Store one template."""
            with suppress(OSError):
                super().dump_bytecode(bucket)

    if sys.dont_write_bytecode:
        return None
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        return None
    if not os.access(folder, os.W_OK):
        return None
    return Kept(str(folder), "dunahub_qbo.%s.jinja")
