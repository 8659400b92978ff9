"""Output of the commands: results on stdout, messages on stderr, errors as one line."""

from __future__ import annotations

import json
import os
import sys
from typing import TYPE_CHECKING, NoReturn

import typer

from dunahub_qbo_plugin.cli import TROUBLE

if TYPE_CHECKING:
    from datetime import datetime, timedelta
    from pathlib import Path

NOTHING_DONE = 1
"""The exit status when what was asked for could not be done, though all is in order."""


def say(text: str = "") -> None:
    """Print a line of the result.

    Raises:
        typer.Exit: where it goes, such as a full disk, takes nothing; the database is fine.
    """
    try:
        typer.echo(text)
    except BrokenPipeError:
        raise  # whoever reads went away, and wants no more words
    except OSError as error:
        fail(f"the output cannot be written: {error.strerror}")


def write_private(path: Path, body: bytes) -> None:
    """Write a file that its owner alone can read: what is written down here is people's data.

    Raises:
        OSError: it cannot be written.
    """
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(body)


def say_json(value: object) -> None:
    """Print the result for a script."""
    say(json.dumps(value, indent=2, ensure_ascii=not _speaks_unicode()))


def note(text: str) -> None:
    """Print a message that is no part of the result."""
    typer.echo(text, err=True)


def fail(text: str, *, code: int = TROUBLE) -> NoReturn:
    """Print what is wrong and end.

    Raises:
        typer.Exit: always.
    """
    note(f"dunahub-qbo: {text.rstrip('.')}.")
    raise typer.Exit(code)


def _speaks_unicode() -> bool:
    return (getattr(sys.stdout, "encoding", None) or "").lower().replace("-", "") == "utf8"


def moment(at: datetime | None) -> str | None:
    """Return a time for a script: ISO 8601, UTC."""
    return None if at is None else at.isoformat(timespec="seconds").replace("+00:00", "Z")


def when(at: datetime) -> str:
    """Return a time for a person: ``2026-03-02 14:05 UTC``."""
    return f"{at:%Y-%m-%d %H:%M} UTC"


def lasting(time: timedelta) -> str:
    """Return a duration in its largest unit: ``4 minutes``."""
    seconds = max(0, int(time.total_seconds()))
    for size, unit in ((86400, "day"), (3600, "hour"), (60, "minute")):
        if seconds >= size:
            return several(seconds // size, unit)
    return several(seconds, "second")


def several(number: int, word: str) -> str:
    """Return a number of things: ``1 record``, ``2,000 records``."""
    return f"{number:,} {word}{'' if number == 1 else 's'}"
