"""The code in the README for authors of hosts runs as it stands there."""

from __future__ import annotations

import inspect
import re
import time
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from dunahub_hookspecs import (
    DunaHubSpecs,
    Invoice,
    Lead,
    LineItem,
    Organization,
    Person,
    Region,
    SettingsRequest,
)
from dunahub_hookspecs.host import collect_panels, create_plugin_manager, notify
from dunahub_qbo_plugin.demo import settings
from dunahub_qbo_plugin.demo.pages import read
from dunahub_qbo_plugin.emulator.server.serve import serve
from dunahub_qbo_plugin.emulator.world.directory import DEFAULT_CLIENT_ID, DEFAULT_CLIENT_SECRET
from dunahub_qbo_plugin.emulator.world.world import SEEDS, World

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dunahub_qbo_plugin.demo.pages import Page

README = Path(__file__).parents[2] / "hookspecs" / "README.md"
BASE = "http://127.0.0.1:5000"
PATIENCE = 30.0


def block(name: str) -> str:
    """Return the code block below a comment."""
    text = README.read_text(encoding="utf-8")
    found = re.search(rf"<!-- {re.escape(name)} -->\n```python\n(.*?)```", text, re.DOTALL)
    assert found is not None
    return found.group(1)


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, Any]]:
    """Return what the shortest host defines, with the plugin set up for an emulator."""
    with serve(World.default(redirect_uris=[f"{BASE}/settings/quickbooks/callback"])) as emulator:
        variables = settings.plugin_variables(
            client_id=DEFAULT_CLIENT_ID,
            client_secret=DEFAULT_CLIENT_SECRET,
            fernet_key=settings.Secrets.of(tmp_path).fernet_key,
            database=tmp_path / "plugin.sqlite3",
            redirect_uri=f"{BASE}/settings/quickbooks/callback",
            emulator_url=emulator.url,
        )
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        defined: dict[str, Any] = {"__name__": "host", "world": emulator.world}
        exec(compile(block("host.py"), "host.py", "exec"), defined)  # noqa: S102  our own text
        defined["client"] = defined["app"].test_client()
        yield defined
        notify(defined["plugins"], "on_shutdown")


def page(host: dict[str, Any], path: str) -> Page:
    """Open a page of the host."""
    answer = host["client"].get(path, base_url=BASE)
    assert answer.status_code == 200
    return read(BASE + path, 200, answer.text)


def press(host: dict[str, Any], path: str, label: str, **typed: str) -> str:
    """Press a button of a page; gives where it leads."""
    found = page(host, path).button(label)
    assert found is not None
    form, button = found
    answer = host["client"].post(form.action, base_url=BASE, data=form.filled(button, typed))
    assert answer.status_code == 303
    return str(answer.location)


def test_the_shortest_host_connects_and_syncs(host: dict[str, Any]) -> None:
    """Copied from the README, the host connects, saves a lead with an invoice, and both arrive."""
    host["world"].service.consent = "accept"
    consent = press(host, "/settings/quickbooks", "Connect to QuickBooks")
    back = httpx.get(consent, trust_env=False).headers["Location"]
    assert host["client"].get(back, base_url=BASE).status_code == 303
    assert "Connected to Blue Ridge Gutters" in page(host, "/settings/quickbooks").text

    lead = press(host, "/", "Save and bill $100", name="Sarah <Mitchell>")
    until = time.monotonic() + PATIENCE
    while page(host, lead).text.count("Synced") < 2:
        assert time.monotonic() < until, page(host, lead).text
    books = host["world"].companies[SEEDS["contractor"][0]].books.books()
    assert [one["name"] for one in books["customers"]] == ["Sarah <Mitchell>"]
    assert [one["total"] for one in books["invoices"]] == ["100.00"]


def test_the_shortest_host_checks_its_tokens(host: dict[str, Any]) -> None:
    """The host of the README refuses a POST without its form token, and unknown actions."""
    for path in ("/leads", "/settings/quickbooks/connect"):
        assert host["client"].post(path, base_url=BASE, data={"name": "x"}).status_code == 400
    for path in ("/settings/none", "/settings/quickbooks/none", "/settings/quickbooks/connect"):
        assert host["client"].get(path, base_url=BASE).status_code == 404


def test_the_counter_plugin_counts() -> None:
    """Copied from the README, the plugin counts an organization's invoices and shows the number."""
    defined: dict[str, Any] = {"__name__": "my_counter"}
    exec(compile(block("plugin"), "my_counter.py", "exec"), defined)  # noqa: S102  our own text
    manager = create_plugin_manager([defined["plugin"]], load_entry_points=False)
    org = Organization(id="acme", region=Region.US)
    line = LineItem(unit_price=Decimal(1))
    bill = Invoice(id=1, lead=Lead(id=1), lines=[line], issued_on=date(2026, 5, 4))
    for _ in range(2):
        notify(manager, "on_invoice_created", org=org, invoice=bill, session=None)
    look = SettingsRequest(person=Person(id="dana"), page_url=BASE, action_url=BASE)
    (panel,) = collect_panels(manager, org, look)
    assert (panel.slug, panel.html) == ("counter", "<p>2 invoices so far.</p>")


def test_the_hook_table_is_complete() -> None:
    """Every event hook is in the README, called with exactly the arguments that it takes."""
    text = README.read_text(encoding="utf-8")
    calls = re.findall(r"\| `notify\(plugins, \"(\w+)\", (.*?)\)` \|", text)
    written = {hook: re.findall(r"(\w+)=", arguments) for hook, arguments in calls}
    hooks = {
        name: list(inspect.signature(hook).parameters)[1:]
        for name, hook in vars(DunaHubSpecs).items()
        if name.startswith("on_") and "session" in inspect.signature(hook).parameters
    }
    assert written == hooks
