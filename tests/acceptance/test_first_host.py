"""A newcomer's first quarter of an hour: the README's commands, typed as they stand, and a browser.

Emulator and host are processes of their own, and what a person would click is done over HTTP.
"""

from __future__ import annotations

import json
import re
import shlex
import shutil
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs
import httpx
import pytest

from dunahub_qbo_plugin.demo.person import Person
from dunahub_qbo_plugin.runtime import build
from dunahub_qbo_plugin.store.db.cipher import generate_key
from tests.acceptance.hosts import flask_host
from tests.support.cli import COMMAND, clean_environment, started

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dunahub_qbo_plugin.testing import FakeHost

ROOT = Path(__file__).parents[2]
CHAPTER = (
    (ROOT / "README.md")
    .read_text(encoding="utf-8")
    .split("## Your own host in 15 minutes", 1)[1]
    .split("\n## ", 1)[0]
)
PATIENCE = 30.0


def command(name: str) -> list[str]:
    """Return the words of the one command of the chapter that starts so."""
    (line,) = re.findall(rf"^    ({re.escape(name)} .*)$", CHAPTER, re.MULTILINE)
    return shlex.split(line)


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


@pytest.fixture
def port() -> int:
    """Where the host will be, in the place of the README's 8000."""
    return free_port()


@pytest.fixture
def emulator(tmp_path: Path, port: int) -> Iterator[dict[str, Any]]:
    """Return what the README's emulator prints, as JSON; the person accepts Intuit's page."""
    words = [word.replace(":8000/", f":{port}/") for word in command("dunahub-qbo emulator")]
    more = ("--port", "0", "--consent", "accept", "--json")
    with started(*words[1:], *more, folder=tmp_path) as process:
        assert process.stdout is not None
        text = ""
        while not text.endswith("}\n") or text.count("{") != text.count("}"):
            line = process.stdout.readline()
            assert line, process.communicate()
            text += line
        yield json.loads(text)


def test_the_addresses_of_the_chapter_agree() -> None:
    """The callback is the example's own, and every example is there under its name."""
    asked = command("dunahub-qbo emulator")
    assert asked[asked.index("--redirect-uri") + 1] == (
        f"{flask_host.BASE}/settings/quickbooks/callback"
    )
    assert flask_host.BASE in CHAPTER
    assert command("python") == ["python", "fastapi_host.py"]
    for name in ("fastapi", "django", "flask"):
        assert f"[{name}_host.py](tests/acceptance/hosts/{name}_host.py)" in CHAPTER


def test_everything_that_is_missing_is_named_at_once(fake_host: FakeHost) -> None:
    """A host that is started without any setting says on its page which ones it needs."""
    given = fake_host.plugin.runtime()
    config = attrs.evolve(given.config, client_id="", client_secret="", fernet_keys=())
    runtime = build(config, clock=fake_host.clock, transport=fake_host.qbo.transport())
    fake_host.plugin._runtime = runtime
    page = fake_host.page()
    for needed in ("CLIENT_ID", "CLIENT_SECRET", "FERNET_KEYS"):
        assert f"DUNAHUB_QBO_{needed}" in page
    assert "dunahub-qbo generate-key" in page
    fake_host.plugin._runtime = given
    runtime.http.close()
    runtime.database.close()


@pytest.mark.parametrize("name", ["fastapi", "django", "flask"])
def test_an_invoice_arrives(name: str, tmp_path: Path, port: int, emulator: dict[str, Any]) -> None:
    """The example is copied into an empty folder, started, connected, and its invoice is sent."""
    shutil.copy(ROOT / "tests" / "acceptance" / "hosts" / f"{name}_host.py", tmp_path)
    settings = emulator["environment"] | {"DUNAHUB_QBO_FERNET_KEYS": generate_key()}
    environment = clean_environment(
        settings | {"PORT": str(port), "NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1"}
    )
    base = f"http://127.0.0.1:{port}"
    log = tmp_path / "host.log"
    with (
        log.open("w") as said,
        subprocess.Popen(  # noqa: S603  our own example
            [sys.executable, f"{name}_host.py"],
            cwd=tmp_path,
            env=environment,
            stdout=said,
            stderr=said,
        ) as host,
    ):
        try:
            wait_for(base, log)
            use(base, emulator["url"])
        finally:
            host.terminate()
    done = subprocess.run(  # noqa: S603  our own command
        [*COMMAND, "status", "--json", "--data-dir", "data"],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "callback?" not in log.read_text(encoding="utf-8")  # a code would stand behind it


def wait_for(base: str, log: Path) -> None:
    """Wait until the host answers."""
    until = time.monotonic() + PATIENCE
    while True:
        try:
            httpx.get(base, trust_env=False)
        except httpx.TransportError:
            assert time.monotonic() < until, log.read_text(encoding="utf-8")
        else:
            return


def use(base: str, books: str) -> None:
    """Click as the README says: QuickBooks, Connect, an invoice, its page, the books."""
    person = Person(base, lambda _: None, time.monotonic)
    settings = person.open(person.open("/").links["QuickBooks"])
    assert "Connected to Blue Ridge Gutters" in person.press(settings, "Connect to QuickBooks").text
    shown = person.press(person.open("/"), "Save the invoice", number="1042", total="450.00")
    until = time.monotonic() + PATIENCE
    while "Synced" not in shown.text:
        assert time.monotonic() < until, shown.text
        threading.Event().wait(0.05)
        shown = person.open(shown.url)
    assert "1042" in person.open("/").links
    (kept,) = [
        target for words, target in person.open(books).links.items() if "Blue Ridge" in words
    ]
    assert "1042" in person.open(kept).text
    person.close()
