"""The extra that the demo and the emulator need, and the message where it is missing."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from dunahub_qbo_plugin.cli.output import fail

if TYPE_CHECKING:
    from collections.abc import Iterator

WITHOUT_EXTRA: Final = (
    "the demo and the emulator need more packages. Install them with: "
    'pip install "dunahub-qbo-plugin[cli,demo]"'
)
OF_THE_EXTRA: Final = frozenset({"cheroot", "flask"})


@contextmanager
def extra_told() -> Iterator[None]:
    """Turn a package of the extra ``demo`` that is missing into a line and an exit status."""
    try:
        yield
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in OF_THE_EXTRA:
            raise
        fail(WITHOUT_EXTRA)
