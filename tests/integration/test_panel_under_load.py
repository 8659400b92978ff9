"""The settings page answers at once while thousands of records are being sent."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

from dunahub_hookspecs import SettingsRequest
from dunahub_qbo_plugin.emulator.world.world import World
from dunahub_qbo_plugin.qbo.throttle import Throttles
from dunahub_qbo_plugin.testing import (
    ORG,
    PERSON,
    FakeHost,
    QboEmulator,
    SteeredClock,
    make_invoice,
    make_lead,
)
from dunahub_qbo_plugin.testing.emulator import REDIRECT_URI
from tests.support.host import make_host

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

RECORDS = 5_000
LOOKS = 40
PAGE = "https://crm.example/settings/quickbooks"


@pytest.fixture
def host(tmp_path: Path) -> Iterator[FakeHost]:
    """Return a connected host on the machine's clock with 5,000 records due, its limits lifted.

    Without them the drain is as busy as it can be: ten times what QuickBooks allows.
    """
    world = World.default(redirect_uris=(REDIRECT_URI,))
    world.throttle.settings.per_minute = None
    made = make_host(tmp_path, qbo=QboEmulator(SteeredClock(sleeps=True), world=world))
    lifted = Throttles(made.clock, per_minute=10**6, per_second=10**6)
    made.runtime.client._throttles = lifted
    made.connect()
    for number in range(RECORDS // 2):
        tag = f"p{number}"
        made.save(make_invoice(tag, lead=make_lead(tag)))
    yield made
    made.close()


def look(host: FakeHost) -> None:
    """Render the page."""
    request = SettingsRequest(person=PERSON, page_url=PAGE, action_url=PAGE)
    panel = host.plugin.on_settings_render(ORG, request)
    assert panel is not None
    assert "waiting" in panel.html


def test_page_answers_while_thousands_are_sent(host: FakeHost) -> None:
    """While thousands of records go out, the page is there, again and again."""
    look(host)  # templates are read once
    ended = threading.Event()
    stop = threading.Event()

    def work() -> None:
        try:
            while not stop.is_set() and host.send():
                pass
        finally:
            ended.set()

    worker = threading.Thread(target=work)
    worker.start()
    looks = 0
    for _ in range(LOOKS):
        if ended.wait(0.05):
            break
        look(host)
        looks += 1
    busy = not ended.is_set()
    stop.set()
    host.runtime.panel.connection_service.disconnect(ORG, PERSON)  # ends the drain at once
    worker.join(60)
    assert busy
    assert looks == LOOKS
    assert host.books.totals["customers"] > LOOKS
