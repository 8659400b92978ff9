"""What is wrong with a machine's settings keeps things from being sent, none from being kept."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs
import pytest

from dunahub_hookspecs.host import create_plugin_manager, notify, show_panel
from dunahub_qbo_plugin.config import Worker
from dunahub_qbo_plugin.plugin import QuickBooksPlugin
from dunahub_qbo_plugin.qbo.transport import DeferredClient, http_client
from dunahub_qbo_plugin.testing import ORG, PERSON, FakeHost, make_invoice, make_lead, make_payment
from tests.support.host import SQLITE, make_host, rows_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import httpx

    from dunahub_hookspecs import SettingsPanel

PROXIES = ("ALL_PROXY", "HTTPS_PROXY", "HTTP_PROXY", "NO_PROXY", "SSL_CERT_FILE", "SSL_CERT_DIR")
BROKEN = [
    ("ALL_PROXY", "socks5://127.0.0.1:1"),  # httpx[socks] is not installed
    ("HTTPS_PROXY", "gopher://user:hunter2hunter2@proxy"),
    ("NO_PROXY", "[::1"),
    ("SSL_CERT_FILE", "/nowhere/ca.pem"),
]


@pytest.fixture
def connected(tmp_path: Path) -> Iterator[FakeHost]:
    """Return a host that connected on a good day."""
    made = make_host(tmp_path)
    made.connect()
    yield made
    made.close()


def _page(plugin: QuickBooksPlugin) -> str:
    from dunahub_hookspecs import SettingsRequest  # noqa: PLC0415  a value, not only a type, here

    manager = create_plugin_manager([plugin], load_entry_points=False)
    address = "https://crm.example/settings/quickbooks"

    def request(_: str) -> SettingsRequest:
        return SettingsRequest(person=PERSON, page_url=address, action_url=address)

    panel: SettingsPanel | None = show_panel(manager, ORG, "quickbooks", request)
    return "" if panel is None else panel.html


@pytest.mark.parametrize(("name", "value"), BROKEN)
def test_a_broken_proxy_or_certificate_loses_nothing(
    connected: FakeHost, monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    """Hooks store, the page names the variable and shows no value of it, nothing is raised."""
    for other in PROXIES:
        monkeypatch.delenv(other, raising=False)
        monkeypatch.delenv(other.lower(), raising=False)
    monkeypatch.setenv(name, value)
    plugin = QuickBooksPlugin(config=attrs.evolve(connected.config, worker=Worker.OFF))
    manager = create_plugin_manager([plugin], load_entry_points=False)
    notify(manager, "on_lead_saved", org=ORG, lead=make_lead(), session=None)
    notify(manager, "on_invoice_created", org=ORG, invoice=make_invoice(), session=None)
    notify(manager, "on_payment_recorded", org=ORG, payment=make_payment(), session=None)
    assert len(rows_of(connected)) == 3
    page = _page(plugin)
    assert name in page
    assert value not in page
    assert "DUNAHUB_QBO_DATABASE_URL" not in page
    company = plugin.runtime().drainer
    assert company.drain(connected.plugin.due_companies()[0]) == 0
    plugin.on_shutdown()
    connected.clock.advance(600)
    connected.settle()
    assert connected.state(make_payment()) == "Synced"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("API_URL", "http://["),
        ("ENVIRONMENT", "prodution"),
        ("WORKER", "procrastinate"),  # on SQLite
    ],
)
def test_a_mistyped_setting_loses_nothing(
    connected: FakeHost, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    """What is saved is kept for the day on which the setting is put right, and nothing is sent."""
    monkeypatch.setenv("DUNAHUB_QBO_DATABASE_URL", f"sqlite:///{tmp_path / SQLITE}")
    monkeypatch.setenv(f"DUNAHUB_QBO_{name}", value)
    plugin = QuickBooksPlugin()
    manager = create_plugin_manager([plugin], load_entry_points=False)
    notify(manager, "on_lead_saved", org=ORG, lead=make_lead(), session=None)
    assert [row.local_id for row in rows_of(connected)] == ["lead-1"]
    assert f"DUNAHUB_QBO_{name}" in _page(plugin)
    assert plugin.runtime().drainer.drain(connected.plugin.due_companies()[0]) == 0
    plugin.on_shutdown()
    connected.clock.advance(600)
    connected.settle()
    assert connected.state(make_lead()) == "Synced"


def test_the_client_is_made_when_it_is_used_and_once() -> None:
    """A process that only takes records in makes none; one that was closed stays closed."""
    made: list[httpx.Client] = []

    def make() -> httpx.Client:
        made.append(http_client(user_agent="test/1"))
        return made[-1]

    client = DeferredClient(make)
    assert made == []
    assert client.client() is client.client()
    client.close()
    assert made[0].is_closed
    with pytest.raises(RuntimeError):
        client.client()
