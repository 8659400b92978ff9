"""Runs the command line as an operator does: a process of its own, and its exit status.

A command that runs to its end is forked off a process that has loaded everything: most of what a
command costs is loading, and there are hundreds. One that serves is started from nothing.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs

from dunahub_qbo_plugin.cli import main
from dunahub_qbo_plugin.testing.emulator import environ_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from multiprocessing.context import ForkServerContext

    from dunahub_qbo_plugin.config import Config

COMMAND = (sys.executable, "-m", "dunahub_qbo_plugin.cli")
LOADED = ["dunahub_qbo_plugin.cli.app", "dunahub_qbo_plugin.runtime", __name__]
PATIENCE = 90.0


@attrs.frozen(kw_only=True)
class Ran:
    """What came of a command."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:  # noqa: ANN401  whatever the command printed
        """Return the result as a script reads it."""
        return json.loads(self.out)

    def refused(self) -> str:
        """Return the one line that tells an operator what to mend; nothing else was printed."""
        assert self.code == 2, self
        assert self.out == ""
        assert "Traceback" not in self.err
        assert self.err.count("\n") == 1, self.err
        return self.err.strip()


def variables(config: Config, url: str = "") -> dict[str, str]:
    """Return a configuration as the environment that an operator sets.

    Args:
        config: the plugin's settings.
        url: where QuickBooks is; empty for where the settings say.
    """
    if url:
        discovery = f"{url}/.well-known/openid_configuration"
        config = attrs.evolve(config, api_url=url, discovery_url=discovery, app_url=url)
    return environ_of(config)


def clean_environment(changes: Mapping[str, str]) -> dict[str, str]:
    """Return this process' environment without the plugin's own variables, and with changes."""
    kept = {name: value for name, value in os.environ.items() if "DUNAHUB" not in name}
    # Plain text whatever terminal the tests run in, and wide enough not to be broken.
    return kept | {"NO_COLOR": "1", "COLUMNS": "200", "PYTHONUTF8": "1", **changes}


def run(
    *arguments: str,
    folder: Path,
    env: Mapping[str, str] | None = None,
    command: Sequence[str] | None = None,
) -> Ran:
    """Run a command to its end.

    Args:
        arguments: what follows the command's name.
        folder: where it runs.
        env: the settings.
        command: what to start instead of the command line, from nothing.
    """
    environ = clean_environment(env or {})
    if command is None:
        return _forked(arguments, folder, environ)
    done = subprocess.run(  # noqa: S603  our own command
        [*command, *arguments],
        cwd=folder,
        env=environ,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    return Ran(code=done.returncode, out=done.stdout, err=done.stderr)


@cache
def _forks() -> ForkServerContext:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(LOADED)
    return context


def _forked(arguments: Sequence[str], folder: Path, environ: dict[str, str]) -> Ran:
    with tempfile.TemporaryDirectory() as apart:
        out, err = Path(apart, "out"), Path(apart, "err")
        process = _forks().Process(target=_become, args=(arguments, folder, environ, out, err))
        process.start()
        process.join(PATIENCE)
        code = process.exitcode
        process.kill()
        process.join()
        process.close()
        assert code is not None, f"it did not end: {arguments}"
        return Ran(code=code, out=out.read_text("utf-8"), err=err.read_text("utf-8"))


def _become(
    arguments: Sequence[str], folder: Path, environ: dict[str, str], out: Path, err: Path
) -> None:
    """Be the command, in a process that was forked for it."""
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environ)
    for stream, path in ((sys.stdout, out), (sys.stderr, err)):
        with path.open("wb") as file:
            os.dup2(file.fileno(), stream.fileno())
        stream.reconfigure(encoding="utf-8")  # type: ignore[union-attr]  # the process' own
    sys.argv = ["dunahub-qbo", *arguments]
    main()


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
