"""Intuit's webhooks as a doorbell: signed, once, for the right company, and without a read."""

from __future__ import annotations

import base64
import hashlib
import hmac
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa

from dunahub_hookspecs.host import deliver_webhook
from dunahub_qbo_plugin.connect.events import is_signed, read_events
from dunahub_qbo_plugin.store.companies import profiles
from dunahub_qbo_plugin.store.tables import changes_there
from dunahub_qbo_plugin.testing import make_invoice, make_lead, make_org
from tests.support.host import connection_of, make_host

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from dunahub_qbo_plugin.testing import FakeHost

TOKEN = "emulator-verifier-token"


@pytest.fixture
def store_url(request: pytest.FixtureRequest) -> str | None:
    """Return the database: SQLite, but where the dialect matters."""
    if not getattr(request, "param", False):
        return None
    address: str = request.getfixturevalue("postgres_url")
    return address


on_both = pytest.mark.parametrize(
    "store_url", [False, True], ids=["sqlite", "postgres"], indirect=True
)


@pytest.fixture
def host(tmp_path: Path, store_url: str | None) -> Iterator[FakeHost]:
    """Give a host with one invoice in the books, an hour ago, and webhooks on."""
    host = make_host(tmp_path, database_url=store_url, webhook_tokens=("older", TOKEN))
    host.connect()
    host.save(make_invoice())
    host.send()
    host.clock.advance(3600)
    host.qbo.emulator.world.webhooks.forget()
    yield host
    host.close()


def post(host: FakeHost, name: str = "quickbooks") -> Any:  # noqa: ANN401  a callable
    """Return what takes a delivery, as the host's address does."""
    return lambda body, headers: deliver_webhook(host.manager, name, body, headers)


def deliver(host: FakeHost, **switches: object) -> list[int]:
    """Have the emulator deliver what is pending."""
    webhooks = host.qbo.emulator.world.webhooks
    for name, value in switches.items():
        setattr(webhooks.settings, name, value)
    return webhooks.deliver(post(host))


def marked(host: FakeHost) -> dict[str, str]:
    """Return what is marked as changed in QuickBooks, by kind."""
    with host.runtime.database.read.connect() as db:
        return {row.kind: row.operation for row in db.execute(sa.select(changes_there))}


def void_there(host: FakeHost) -> None:
    """Have the bookkeeper void the invoice."""
    books = host.qbo.company().books
    books.void("Invoice", host.books.invoices[0]["id"])


@pytest.mark.parametrize(
    "switches",
    [
        {},
        {"format": "classic"},
        {"void_name": "voided", "omit_data": True},
        {"duplicate": True, "reorder": True},
        {"span_realms": False},
    ],
    ids=str,
)
def test_a_change_there_is_on_the_card(host: FakeHost, switches: dict[str, object]) -> None:
    """What the bookkeeper voided is marked on its card without a read, in each form."""
    reads = host.runtime.client.metrics.reads
    void_there(host)
    assert set(deliver(host, **switches)) == {200}
    assert marked(host) == {"invoice": "void"}
    assert "QuickBooks reported that it was voided there" in host.card("invoice:inv-1")
    assert host.runtime.client.metrics.reads == reads


def test_our_own_writes_come_back_and_mark_nothing(host: FakeHost) -> None:
    """What we wrote, and what QuickBooks changed because of it, is no change of others."""
    host.save(make_lead(name="Sarah M. Mitchell"))
    host.send()
    assert deliver(host) == [200]
    assert marked(host) == {}


def test_a_wrong_signature_is_refused_first(host: FakeHost) -> None:
    """Unsigned, wrongly signed or changed on the way: refused, noted nowhere; it comes again."""
    void_there(host)
    assert deliver(host, bad_signature=True) == [401]
    assert deliver_webhook(host.manager, "quickbooks", b"[]", {}) == 401
    assert marked(host) == {}
    assert deliver(host, bad_signature=False) == [200]
    assert marked(host) == {"invoice": "void"}


@on_both
def test_a_repeat_is_dropped_by_its_id(host: FakeHost) -> None:
    """A delivery that comes again after the comparison looked at it marks nothing again."""
    void_there(host)
    bodies: list[tuple[bytes, dict[str, str]]] = []

    def take(body: bytes, headers: dict[str, str]) -> int:
        bodies.append((body, headers))
        return int(post(host)(body, headers))

    host.qbo.emulator.world.webhooks.deliver(take)
    host.clock.advance(60)
    host.press("compare")
    host.runtime.tasks.run_waiting()
    assert marked(host) == {}
    assert post(host)(*bodies[0]) == 200
    assert marked(host) == {}


@on_both
def test_lists_are_looked_at_before_the_next_record(host: FakeHost) -> None:
    """A changed product has the lists looked at, in one read, and once a day at most."""
    lists = host.qbo.company().books
    host.clock.advance(2 * 86400)
    for name in ("Gutter care", "Gutter service"):
        lists.edit("Item", "3", {"Name": name})
        assert deliver(host) == [200]
        before = host.runtime.client.metrics.reads
        host.save(make_lead(f"lead-{name}", name=name, email=""))
        host.send()
        assert host.runtime.client.metrics.reads - before == (name == "Gutter care")
    with host.runtime.database.read.connect() as db:
        known = profiles.load_profile(db, connection_of(host).id).items["3"].name
    assert known == "Gutter care"


def test_companies_are_kept_apart(host: FakeHost) -> None:
    """Of two organizations, only the one whose company it is hears of it; strangers are ignored."""
    other = make_org("other")
    host.connect("automated_tax", org=other)
    host.save(make_invoice("inv-9", lead=make_lead("lead-9")), org=other)
    host.send()
    host.clock.advance(3600)
    host.qbo.emulator.world.webhooks.forget()
    void_there(host)
    host.qbo.company("empty").books.create("Customer", {"DisplayName": "A stranger's"})
    assert deliver(host) == [200]
    with host.runtime.database.read.connect() as db:
        (row,) = db.execute(sa.select(changes_there)).all()
    assert row.company_id == connection_of(host).id


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"null", b"[1, [], {}]", b'{"eventNotifications": 3}', b"[" * 100_000, b"\xff"],
)
def test_a_poisoned_delivery_is_answered(body: bytes) -> None:
    """Whatever a signed body holds, nothing of it breaks."""
    assert read_events(body) == []


def test_off_by_default(tmp_path: Path) -> None:
    """Without a verifier token there is no such address, and other names are not ours."""
    host = make_host(tmp_path)
    assert deliver_webhook(host.manager, "quickbooks", b"[]", {}) == 404
    host.close()


def test_signature_by_either_token() -> None:
    """Either of two tokens will do while one takes the other's place; the header in any case."""
    digest = base64.b64encode(hmac.new(b"b", b"[]", hashlib.sha256).digest()).decode()
    assert is_signed(b"[]", {"Intuit-Signature": digest}, ("a", "b"))
    assert not is_signed(b"[] ", {"Intuit-Signature": digest}, ("a", "b"))
    assert not is_signed(b"[]", {"Intuit-Signature": digest}, ())


def test_an_address_is_delivered_to_until_it_answers(host: FakeHost) -> None:
    """Over HTTP: what nobody answered stays pending, and comes again when somebody does."""
    void_there(host)
    taken: list[int] = []

    class Address(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            status = deliver_webhook(host.manager, self.path.strip("/"), body, dict(self.headers))
            taken.append(status)
            self.send_response(status)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Address)
    url = f"http://127.0.0.1:{server.server_port}/quickbooks"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    with host.qbo.emulator.client() as http:
        told = http.post("/_admin/webhooks/deliver", json={"url": "http://127.0.0.1:1/"}).json()
        assert (told["statuses"], told["pending"] > 0) == ([0], True)
        told = http.post("/_admin/webhooks/deliver", json={"url": url}).json()
        assert told == {"statuses": [200], "pending": 0}
    server.shutdown()
    server.server_close()
    thread.join()
    assert taken == [200]
    assert marked(host) == {"invoice": "void"}
