"""The same plugin, unchanged, in Flask, FastAPI and Django, each with a second plugin beside it."""

from __future__ import annotations

import inspect
import re
import threading
from collections import Counter
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs
import httpx
import pytest

from dunahub_hookspecs import (
    DunaHubSpecs,
    Host,
    Invoice,
    RecordCard,
    RecordKind,
    SettingsPanel,
    SettingsRequest,
    hookimpl,
)
from dunahub_hookspecs.host import notify
from dunahub_qbo_plugin.plugin import plugin
from dunahub_qbo_plugin.testing import ORG, PERSON, FakeHost, make_invoice, make_payment
from tests.acceptance.hosts import flask_host

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dunahub_hookspecs import Organization
    from dunahub_qbo_plugin.testing import QboEmulator

CONNECTED = "Connected to Blue Ridge Gutters"


@attrs.define(eq=False)
class Neighbor:
    """A plugin of somebody else: it counts, has a panel and a card, and fails now and then."""

    calls: Counter[str] = attrs.field(factory=Counter)
    numbers: list[str] = attrs.field(factory=list)

    @hookimpl
    def on_startup(self) -> None:
        """Count it."""
        self.calls["on_startup"] += 1

    @hookimpl
    def on_shutdown(self) -> None:
        """Count it."""
        self.calls["on_shutdown"] += 1

    @hookimpl
    def on_invoice_created(self, org: Organization, invoice: Invoice) -> None:
        """Keep its number, and fail."""
        self.numbers.append(f"{org.id} {invoice.number}")
        raise RuntimeError("the neighbor's own trouble")

    @hookimpl
    def on_settings_render(self) -> SettingsPanel:
        """Show a panel."""
        return SettingsPanel(slug="neighbor", title="Neighbor", html="<p>Hello</p>")

    @hookimpl
    def on_record_render(self, record_id: str) -> RecordCard:
        """Show a card."""
        return RecordCard(title="Neighbor", html=f"<p>neighbor of {record_id}</p>")


@attrs.frozen
class Answer:
    """What a browser gets."""

    status: int
    text: str
    location: str
    headers: Any = None


@attrs.define
class Browser:
    """Somebody who uses a host."""

    base: str
    send: Any

    def get(self, path: str) -> Answer:
        """Open a page."""
        answer: Answer = self.send("GET", path, None, {})
        return answer

    def post(self, path: str, *, origin: str | None = None, **form: str) -> Answer:
        """Send a form."""
        answer: Answer = self.send("POST", path, form, {"Origin": origin or self.base})
        return answer


@contextmanager
def flask(folder: Path, neighbor: Neighbor) -> Iterator[Browser]:
    """Run the Flask host."""
    from tests.acceptance.hosts import flask_host as host  # noqa: PLC0415  one framework at a time

    app = host.create_app(folder, [neighbor])
    client = app.test_client()

    def send(method: str, path: str, form: Any, headers: dict[str, str]) -> Answer:  # noqa: ANN401  a form
        answer = client.open(path, method=method, data=form, headers=headers, base_url=host.BASE)
        location = answer.headers.get("Location", "")
        return Answer(answer.status_code, answer.text, location, answer.headers)

    yield Browser(host.BASE, send)
    app.extensions["stop"]()


@contextmanager
def fastapi(folder: Path, neighbor: Neighbor) -> Iterator[Browser]:
    """Run the FastAPI host."""
    from anyio.from_thread import start_blocking_portal  # noqa: PLC0415  one framework at a time

    from tests.acceptance.hosts import fastapi_host as host  # noqa: PLC0415  as above

    app = host.create_app(folder, [neighbor])
    client = httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url=host.BASE)
    with (
        start_blocking_portal() as portal,
        portal.wrap_async_context_manager(app.router.lifespan_context(app)),
    ):

        def send(method: str, path: str, form: Any, headers: dict[str, str]) -> Answer:  # noqa: ANN401  a form
            ask = partial(client.request, method, path, data=form, headers=headers)
            answer = portal.call(ask)
            location = answer.headers.get("Location", "")
            return Answer(answer.status_code, answer.text, location, answer.headers)

        yield Browser(host.BASE, send)
        portal.call(client.aclose)


@contextmanager
def django(folder: Path, neighbor: Neighbor) -> Iterator[Browser]:
    """Run the Django host."""
    from tests.acceptance.hosts import django_host as host  # noqa: PLC0415  one framework at a time

    host.configure(folder)
    app, stop = host.create_app(folder, [neighbor])
    client = httpx.Client(transport=httpx.WSGITransport(app=app), base_url=host.BASE)
    (token,) = re.findall(r'name="csrfmiddlewaretoken" value="(\w+)"', client.get("/").text)

    def send(method: str, path: str, form: Any, headers: dict[str, str]) -> Answer:  # noqa: ANN401  a form
        if form is not None and headers.get("Origin") == host.BASE:
            form = {**form, "csrfmiddlewaretoken": token}
        answer = client.request(method, path, data=form, headers=headers)
        location = answer.headers.get("Location", "")
        return Answer(answer.status_code, answer.text, location, answer.headers)

    yield Browser(host.BASE, send)
    client.close()
    stop()


@pytest.mark.parametrize("host", [flask, fastapi, django], ids=lambda host: host.__name__)
def test_the_plugin_works_in_this_framework(
    host: Any,  # noqa: ANN401  one of the three above
    tmp_path: Path,
    qbo_emulator: QboEmulator,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It connects, sends, shows itself on the record, keeps a rollback out and lets neighbors be.

    Rules 6, 9, 15 and 21.
    """
    base = flask_host.BASE
    callback = f"{base}/settings/quickbooks/callback"
    for name, value in qbo_emulator.environ(tmp_path, callback).items():
        monkeypatch.setenv(name, value)
    neighbor = Neighbor()
    with host(tmp_path, neighbor) as browser:
        assert browser.base == base
        assert '<a href="/settings/quickbooks">QuickBooks</a>' in browser.get("/").text
        assert "Connect to QuickBooks" in browser.get("/settings/quickbooks").text
        asked = browser.post("/settings/quickbooks/connect")
        assert asked.status == 303
        back = qbo_emulator.approve(asked.location)
        assert browser.get(back.removeprefix(base)).status == 303
        assert CONNECTED in words(browser.get("/settings/quickbooks").text)

        assert browser.post("/invoices", number="refused", total="9.99").status == 409
        assert browser.post("/invoices", number="1042", total="450.00").status == 303
        qbo_emulator.books.wait_for(lambda books: books.assert_invoice("1042", total="450.00"))
        assert browser.post("/invoices", number="1042", total="455.00").status == 303  # a change
        qbo_emulator.books.wait_for(lambda books: books.assert_invoice("1042", total="455.00"))
        assert [one["number"] for one in qbo_emulator.books.invoices] == ["1042"]
        assert '<a href="/invoices/1042">1042</a>' in browser.get("/").text
        shown = synced(browser, "/invoices/1042")
        assert "neighbor of 1042" in shown
        assert "not told" not in shown

        for path in ("/settings/quickbooks", "/invoices/1042"):
            guarded(browser.get(path))
        assert "Hello" in browser.get("/settings/neighbor").text
        for path in ("/settings/other", "/settings/quickbooks/connect", "/settings/quickbooks/no"):
            assert browser.get(path).status == 404
        foreign = browser.post("/settings/quickbooks/disconnect", origin="https://evil.example")
        assert foreign.status == 403
        assert CONNECTED in words(browser.get("/settings/quickbooks").text)

        qbo_emulator.emulator.world.tokens.end_grants(realm=qbo_emulator.realm())
        browser.post("/invoices", number="1043", total="10.00")
        seen_by_bell(browser, "QuickBooks: please reconnect Blue Ridge Gutters")
        assert "QuickBooks</a> 1" in browser.get("/").text
    told = ["acme 1042", "acme 1042", "acme 1043"]
    if host is fastapi:
        told.insert(0, "acme refused")
    assert neighbor.numbers == told
    assert neighbor.calls == {"on_startup": 1, "on_shutdown": 1}


def guarded(page: Answer) -> None:
    """Check what a page is sent with: no frame, no cache, no guess, no style but its own."""
    policy = page.headers["Content-Security-Policy"]
    (nonce,) = set(re.findall(r'<style nonce="([\w-]+)">', page.text))
    assert f"style-src 'nonce-{nonce}'" in policy
    assert "unsafe-inline" not in policy
    assert "frame-ancestors 'none'" in policy
    assert page.headers["X-Content-Type-Options"] == "nosniff"
    assert page.headers["Cache-Control"] == "no-store"
    assert not re.search(r'\sstyle="|<style>|<script|\son\w+="', page.text)


def everything() -> dict[str, dict[str, Any]]:
    """Return each hook of the contract with arguments of a day's work, in their order."""
    bill = make_invoice()
    about = {"org": ORG, "session": None}
    seen = SettingsRequest(person=PERSON, page_url=flask_host.BASE, action_url=flask_host.BASE)
    return {
        "on_startup": {"host": Host(name="Any", data_dir=Path())},
        "on_lead_saved": about | {"lead": bill.lead},
        "on_invoice_created": about | {"invoice": bill},
        "on_invoice_updated": about | {"invoice": attrs.evolve(bill, message="Thanks")},
        "on_payment_recorded": about | {"payment": make_payment(bill)},
        "on_settings_render": {"org": ORG, "request": seen},
        "on_record_render": {
            "org": ORG,
            "request": seen,
            "kind": RecordKind.INVOICE,
            "record_id": bill.id,
        },
        "on_webhook": {"name": "other", "body": b"[]", "headers": {}},
        "on_shutdown": {},
    }


def test_another_plugin_hears_everything(tmp_path: Path) -> None:
    """A plugin beside ours gets each hook once, with all its arguments, and ours works on."""
    heard: list[tuple[str, dict[str, Any]]] = []

    def hears(hook: str) -> Any:  # noqa: ANN401  a hook
        names = list(inspect.signature(getattr(DunaHubSpecs, hook)).parameters)[1:]
        defined: dict[str, Any] = {}
        body = f"def {hook}(self, {', '.join(names)}): note({hook!r}, locals())"
        exec(body, {"note": lambda name, given: heard.append((name, given))}, defined)  # noqa: S102  pluggy reads the arguments' names
        return hookimpl(defined[hook])

    day = everything()
    assert set(day) == {name for name in vars(DunaHubSpecs) if name.startswith("on_")}
    other = type("Other", (), {hook: hears(hook) for hook in day})()
    host = FakeHost(tmp_path, plugins=[other])
    host.connect()
    heard.clear()  # what Connect asked for
    for hook, arguments in day.items():
        if hook == "on_shutdown":
            host.send()
            host.books.assert_invoice("D-inv-1", total="100.00", paid=True)
        notify(host.manager, hook, **arguments)
    told = [(hook, {k: v for k, v in given.items() if k != "self"}) for hook, given in heard]
    assert told == list(day.items())


def words(html: str) -> str:
    """Return a page's text on one line."""
    return " ".join(re.sub(r"<[^>]+>", " ", html).split())


def seen_by_bell(browser: Browser, title: str) -> None:
    """Look at the host's first page until a notice has come, as a plugin's thread tells it."""
    for _ in range(500):
        plugin.upkeep()
        if title in browser.get("/").text:
            return
        threading.Event().wait(0.02)
    raise AssertionError(browser.get("/").text)


def synced(browser: Browser, path: str) -> str:
    """Look at a record until the plugin has noted QuickBooks' answer."""
    for _ in range(500):
        text = words(browser.get(path).text)
        if "Synced" in text:
            return text
        threading.Event().wait(0.02)
    raise AssertionError(text)
