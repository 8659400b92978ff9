"""Runs the command line as an operator does: a process of its own, and its exit status."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import attrs

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from dunahub_qbo_plugin.config import Config

COMMAND = (sys.executable, "-m", "dunahub_qbo_plugin.cli")


@attrs.frozen(kw_only=True)
class Ran:
    """What came of a command."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:  # noqa: ANN401  whatever the command printed
        """Give the result as a script reads it."""
        return json.loads(self.out)

    def refused(self) -> str:
        """Give the one line that tells an operator what to mend; nothing else was printed."""
        assert self.code == 2, self
        assert self.out == ""
        assert "Traceback" not in self.err
        assert self.err.count("\n") == 1, self.err
        return self.err.strip()


def variables(config: Config) -> dict[str, str]:
    """Give a configuration as the environment that an operator sets."""
    return {
        "DUNAHUB_QBO_CLIENT_ID": config.client_id,
        "DUNAHUB_QBO_CLIENT_SECRET": config.client_secret,
        "DUNAHUB_QBO_FERNET_KEYS": ",".join(config.fernet_keys),
        "DUNAHUB_QBO_DATABASE_URL": config.database_url,
        "DUNAHUB_QBO_API_URL": config.api_url,
        "DUNAHUB_QBO_DISCOVERY_URL": config.discovery_url,
        "DUNAHUB_QBO_APP_URL": config.app_url,
    }


def clean_environment(changes: Mapping[str, str]) -> dict[str, str]:
    """Give this process' environment without the plugin's own variables, and with changes."""
    kept = {name: value for name, value in os.environ.items() if "DUNAHUB" not in name}
    # Plain text whatever terminal the tests run in, and wide enough not to be broken.
    return kept | {"NO_COLOR": "1", "COLUMNS": "200", "PYTHONUTF8": "1", **changes}


def run(
    *arguments: str,
    folder: Path,
    env: Mapping[str, str] | None = None,
    command: Sequence[str] = COMMAND,
) -> Ran:
    """Run a command to its end."""
    done = subprocess.run(  # noqa: S603  our own command
        [*command, *arguments],
        cwd=folder,
        env=clean_environment(env or {}),
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )
    return Ran(code=done.returncode, out=done.stdout, err=done.stderr)


@contextmanager
def started(
    *arguments: str, folder: Path, env: Mapping[str, str] | None = None
) -> Iterator[subprocess.Popen[str]]:
    """Run a command that serves; at the end of the block it is ended if it still runs."""
    with subprocess.Popen(  # noqa: S603  our own command
        [*COMMAND, *arguments],
        cwd=folder,
        env=clean_environment(env or {}),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            process.kill()
