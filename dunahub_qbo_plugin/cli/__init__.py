"""The command line, ``dunahub-qbo``, which needs the extra ``cli``."""

from __future__ import annotations

import signal
import sys
from typing import Final

WITHOUT_EXTRA: Final = (
    "The command line needs one more package. Install it with:\n"
    '    pip install "dunahub-qbo-plugin[cli]"\n'
)
TROUBLE: Final = 2
"""The exit status when an operator must act: a setting, the database, a package, the options."""


def main() -> None:
    """Run the command line; what the console script calls."""
    try:
        import typer  # noqa: F401, PLC0415  looked for here, so that its absence can be told in words
    except ModuleNotFoundError as error:
        if error.name != "typer":
            raise
        sys.stderr.write(WITHOUT_EXTRA)
        raise SystemExit(TROUBLE) from None
    from dunahub_qbo_plugin.cli.app import app  # noqa: PLC0415  needs typer

    try:
        app()
    finally:
        # Everything is put in order. An impatient second Ctrl-C ends what is left at once, without
        # the traceback of an interpreter that is interrupted while it waits for its threads.
        signal.signal(signal.SIGINT, signal.SIG_DFL)
