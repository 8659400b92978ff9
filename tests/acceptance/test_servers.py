"""Application servers that fork, reload and end processes while records go out.

Whatever the server does to its processes, each invoice is in QuickBooks once, the server ends when
it is told to, and the log has nothing to be alarmed by. uWSGI is compiled where it is installed:
without it (``pip install uwsgi``) its part is skipped.
"""

from __future__ import annotations

import shutil
import signal
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

import attrs
import httpx
import pytest

from dunahub_qbo_plugin.config import Worker
from dunahub_qbo_plugin.emulator.world.trouble import TroubleRule
from tests.support.cli import clean_environment, variables
from tests.support.host import live_qbo, make_host

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from dunahub_qbo_plugin.testing import FakeHost

pytestmark = pytest.mark.thorough

ROOT: Final = Path(__file__).parents[2]
APP: Final = "tests.acceptance.hosts.served"
GUNICORN: Final = (sys.executable, "-m", "gunicorn", "--workers=2", f"{APP}:application")
UWSGI: Final = (
    str(Path(sys.executable).with_name("uwsgi")),
    "--master",
    "--processes=2",
    "--need-app",
    "--die-on-term",
    f"--module={APP}:application",
    f"--virtualenv={sys.prefix}",
)
WAYS: Final = {
    "gunicorn": GUNICORN,
    "gunicorn with --preload": (*GUNICORN, "--preload"),
    "gunicorn with its exit hook": (*GUNICORN, f"--config=python:{APP}", "--preload"),
    "gunicorn with threads": (*GUNICORN, "--worker-class=gthread", "--threads=4"),
    "gunicorn with --max-requests": (*GUNICORN, "--max-requests=5"),
    "uWSGI": (*UWSGI, "--enable-threads"),
    "uWSGI with --lazy-apps": (*UWSGI, "--enable-threads", "--lazy-apps"),
    "uWSGI without threads": UWSGI,
}
INVOICES: Final = 24
PATIENCE: Final = 60.0
"""Seconds after which something hangs; in a few it is over."""
ALARMING: Final = ("Traceback", " ERROR ", " CRITICAL ", "cannot schedule new futures")


@attrs.frozen
class Server:
    """A server that runs, and where its log goes."""

    process: subprocess.Popen[bytes]
    url: str
    log: Path

    def save(self, number: int) -> None:
        """Save an invoice, trying again where the server starts or restarts."""
        until(lambda: self._saves(number), f"saving {number}")

    def _saves(self, number: int) -> bool:
        try:
            return httpx.post(f"{self.url}/{number}", timeout=PATIENCE).status_code == 200
        except httpx.TransportError:
            return False

    def end(self) -> None:
        """End it as a service manager does."""
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(PATIENCE)


def until(holds: Callable[[], bool], what: str) -> None:
    """Wait for something, which fails only where that hangs."""
    deadline = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < deadline, f"still not: {what}"
        time.sleep(0.02)


@contextmanager
def serve(command: Sequence[str], host: FakeHost, url: str, folder: Path) -> Iterator[Server]:
    """Run a server on a free port, with a host's settings."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    bind = (
        f"--http-socket=127.0.0.1:{port}" if "uwsgi" in command[0] else f"--bind=127.0.0.1:{port}"
    )
    environ = variables(host.config, url) | {
        "DUNAHUB_QBO_WORKER": "embedded",
        "SERVED_FOLDER": str(folder),
    }
    log = folder / "server.log"
    with log.open("wb") as written:
        process = subprocess.Popen(  # noqa: S603  our own command
            [*command, bind],
            cwd=ROOT,
            env=clean_environment(environ),
            stdout=written,
            stderr=written,
        )
    try:
        yield Server(process, f"http://127.0.0.1:{port}", log)
    finally:
        process.kill()
        process.wait()


@pytest.mark.parametrize("moment", ["served", "while sending", "reloaded"])
@pytest.mark.parametrize("way", WAYS)
def test_each_invoice_is_there_once(
    way: str, moment: str, tmp_path: Path, store_url: str | None
) -> None:
    """Saved in forked processes, and ended or reloaded while records go out (rules 9 and 10)."""
    command = WAYS[way]
    if shutil.which(command[0]) is None:
        pytest.skip("uWSGI is not installed")
    host = make_host(tmp_path, qbo=live_qbo(), database_url=store_url, worker=Worker.OFF)
    host.connect()
    if moment != "served":
        host.qbo.trouble(TroubleRule(kind="late", seconds=0.2, times=None, path="/invoice"))
    with host.qbo.emulator.serve() as served, serve(command, host, served.url, tmp_path) as server:
        for number in range(INVOICES):
            server.save(number)
            if moment == "reloaded" and number == INVOICES // 2:
                server.process.send_signal(signal.SIGHUP)
        if moment == "served" and way != "uWSGI without threads":
            until(lambda: len(host.books.invoices) == INVOICES, "all are in QuickBooks")
        server.end()
        said = server.log.read_text("utf-8")
    alarming = [line for line in said.splitlines() if any(word in line for word in ALARMING)]
    assert alarming == []
    host.settle()
    books = host.books.read()
    assert books["doubles"] == []
    assert sorted(int(one["number"]) for one in books["invoices"]) == list(range(INVOICES))
    host.close()
