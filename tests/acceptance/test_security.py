"""What an attacker could try from a browser, from a setting, or from the other end of the line."""

from __future__ import annotations

import datetime as dt
import re
import ssl
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import attrs
import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from dunahub_hookspecs import Redirect
from dunahub_qbo_plugin.config import API_URLS, APP_URLS, DISCOVERY_URLS, Config, Environment
from dunahub_qbo_plugin.errors import ConfigurationError, Unreachable
from dunahub_qbo_plugin.qbo.transport import Transport, http_client
from dunahub_qbo_plugin.testing import FakeHost, QboEmulator, SteeredClock, make_invoice, make_lead
from dunahub_qbo_plugin.testing.host import SETTINGS, said
from tests.support.host import START

if TYPE_CHECKING:
    from pathlib import Path

    from dunahub_hookspecs import Person

PAGE = f"{SETTINGS}/quickbooks"
MALLORY = "mallory"
INTUIT = ("intuit.com",)


def callback(host: FakeHost) -> dict[str, str]:
    """Go as far as Intuit's approval; gives what comes back with the browser."""
    asked = host.press("connect")
    assert isinstance(asked, Redirect)
    return dict(httpx.URL(host.qbo.approve(asked.url)).params)


def come_back(host: FakeHost, query: dict[str, str], **options: Any) -> str:  # noqa: ANN401  as press
    """Use the callback; gives what the page says."""
    code = said(host.press("callback", method="GET", query=query, **options))
    return code.partition(".")[0]  # behind the point stands why


class TestState:
    """The OAuth ``state`` (rule 15)."""

    def test_it_works_once(self, fake_host: FakeHost) -> None:
        """A callback that is used a second time connects nothing."""
        query = callback(fake_host)
        assert come_back(fake_host, query) == "connected"
        fake_host.press("disconnect")
        assert come_back(fake_host, query) == "failed"
        assert "Not connected" in fake_host.page()

    def test_it_is_bound_to_the_person(self, fake_host: FakeHost) -> None:
        """Another person's browser cannot finish what one began, and then nobody can."""
        from dunahub_hookspecs import Person  # noqa: PLC0415  a value, not only a type, here

        query = callback(fake_host)
        other: Person = Person(id=MALLORY)
        assert come_back(fake_host, query, person=other) == "failed"
        assert come_back(fake_host, query) == "failed"

    def test_it_is_bound_to_the_organization(self, fake_host: FakeHost) -> None:
        """A company that was approved for one organization is not connected to another."""
        from dunahub_qbo_plugin.testing import make_org  # noqa: PLC0415  as above

        query = callback(fake_host)
        assert come_back(fake_host, query, org=make_org(MALLORY)) == "failed"
        assert "Not connected" in fake_host.page(org=make_org(MALLORY))

    def test_it_expires(self, fake_host: FakeHost) -> None:
        """After 15 minutes the attempt must be begun anew."""
        query = callback(fake_host)
        fake_host.clock.advance(15 * 60)
        assert come_back(fake_host, query) == "failed"

    @pytest.mark.parametrize("state", ["", "x", "' OR 1=1 --", "a" * 10_000, "\x00", "\ud800"])
    def test_it_cannot_be_made_up(self, fake_host: FakeHost, state: str) -> None:
        """Whatever stands in its place, nothing is connected and nothing is asked of Intuit."""
        query = callback(fake_host)
        before = len(fake_host.qbo.emulator.world.journal.entries())
        assert come_back(fake_host, query | {"state": state}) in {"failed", "trouble"}
        assert len(fake_host.qbo.emulator.world.journal.entries()) == before

    def test_states_are_long_and_never_the_same(self, fake_host: FakeHost) -> None:
        """256 random bits each; the database has only their hashes."""
        states = {callback(fake_host)["state"] for _ in range(20)}
        assert len(states) == 20
        assert all(len(state) >= 43 for state in states)


class TestConnection:
    """What Intuit's technical requirements say of a connection."""

    def test_it_is_the_organizations_and_not_the_persons(self, fake_host: FakeHost) -> None:
        """Somebody else, in another browser, sees it and can end it (rules 14 and 17)."""
        from dunahub_hookspecs import Person  # noqa: PLC0415  a value, not only a type, here

        fake_host.connect()
        colleague: Person = Person(id="lee", name="Lee")
        assert said(fake_host.press("check", person=colleague)) == "checked"
        assert "Connected to Blue Ridge Gutters" in words(fake_host.page())
        fake_host.press("disconnect", person=colleague)
        assert "Not connected" in fake_host.page()

    def test_the_button_is_there_while_it_is_needed(self, fake_host: FakeHost) -> None:
        """Connect shows while there is no connection; Disconnect while there is one."""
        buttons = {"connect": "Connect to QuickBooks", "disconnect": "Disconnect"}
        for connected in (False, True, False):
            page = words(fake_host.page())
            assert (buttons["connect"] in page) is not connected
            assert (buttons["disconnect"] in page) is connected
            if connected:
                fake_host.press("disconnect")
            else:
                fake_host.connect()

    def test_tokens_are_renewed_when_they_have_ended_and_not_before(
        self, fake_host: FakeHost
    ) -> None:
        """Within the hour Intuit's sign-in is asked nothing; after it, once (rule 16)."""
        fake_host.connect()

        def asked() -> int:
            journal = fake_host.qbo.emulator.world.journal.entries()
            return sum(entry.path.endswith("/tokens/bearer") for entry in journal)

        at_connect = asked()
        for minutes, renewals in ((0, 0), (50, 0), (15, 1), (40, 1)):
            fake_host.clock.advance(minutes * 60)
            fake_host.save(make_lead(phone=f"(512) 555-01{minutes:02}"))
            fake_host.send()
            assert asked() - at_connect == renewals, minutes


def words(html: str) -> str:
    """Return a page's text on one line."""
    return " ".join(re.sub(r"<style>.*?</style>|<[^>]+>", " ", html, flags=re.DOTALL).split())


HOSTILE = ("https://evil.example/", "//evil.example", "javascript:alert(1)", "\\\\evil.example")


@pytest.mark.parametrize("planted", HOSTILE)
def test_redirects_lead_only_where_they_are_meant_to(fake_host: FakeHost, planted: str) -> None:
    """Actions lead back to the host's own page or to Intuit's, whatever a form or query says."""
    fake_host.connect()
    panel_actions = ("check", "retry", "retry-all", "send", "dismiss", "undo", "link", "resume")
    query = dict.fromkeys(("next", "url", "redirect_uri", "page_url", "qbo", "realmId"), planted)
    for action in (*panel_actions, "connect", "callback", "disconnect"):
        method = "GET" if action == "callback" else "POST"
        answer = fake_host.press(
            action, method=method, query=query, key=planted, reason=planted, next=planted
        )
        assert isinstance(answer, Redirect), action
        target = urlsplit(answer.url)
        allowed = [urlsplit(PAGE).netloc]
        if action == "connect":
            allowed = [urlsplit(fake_host.qbo.emulator.base_url).netloc]
            assert "evil" not in answer.url
        assert (target.scheme, target.netloc) == ("https", allowed[0])


def test_nothing_that_people_type_chooses_a_host(qbo_emulator: QboEmulator, tmp_path: Path) -> None:
    """Requests go to the configured hosts only, also with hostile ids and names (no SSRF)."""
    asked: set[tuple[str, str]] = set()
    inner = qbo_emulator.transport()

    def send(request: httpx.Request) -> httpx.Response:
        asked.add((request.url.scheme, request.url.host))
        assert request.url.path.startswith(("/v3/company/93", "/oauth2/", "/v2/", "/.well-known/"))
        return inner.handle_request(request)

    host = FakeHost(tmp_path, qbo=qbo_emulator, transport=httpx.MockTransport(send))
    for realm in ("../../evil", "1@evil.example", "1/../2", "١٢٣", "9" * 40, "1?x=", "%2e%2e"):
        assert come_back(host, callback(host) | {"realmId": realm}) == "failed"
    host.connect()
    for planted in (*HOSTILE, "http://169.254.169.254/latest", "file:///etc/passwd"):
        bill = make_invoice(planted, number=planted, lead=make_lead(planted, name=planted))
        host.save(attrs.evolve(bill, message=planted))
        host.settle()
        host.press("retry", f"invoice:{planted}", reason=planted)
    assert asked == {("https", "emulator.test")}
    host.close()


def test_intuits_hosts_are_the_default() -> None:
    """Unless an operator says otherwise, everything goes to intuit.com over https."""
    for environment in Environment:
        config = Config.from_environ({"DUNAHUB_QBO_ENVIRONMENT": environment.value})
        for address in (config.api_url, config.discovery_url, config.app_url):
            parts = urlsplit(address)
            assert parts.scheme == "https"
            assert str(parts.hostname).endswith(".intuit.com")
        assert config.api_url == API_URLS[environment]
        assert config.discovery_url == DISCOVERY_URLS[environment]
        assert config.app_url == APP_URLS[environment]


@pytest.mark.parametrize("name", ["API_URL", "DISCOVERY_URL", "APP_URL", "REDIRECT_URI"])
@pytest.mark.parametrize(
    "value",
    [
        "file:///etc/passwd",
        "javascript:1",
        "ftp://x",
        "intuit.com",
        "http://quickbooks.api.intuit.com",
        "http://INTUIT.com",
        "http://quickbooks.api.intuit.com.",
        "https://",
        "https://[x",
        "https://:443/x",
    ],
)
def test_an_address_that_is_none_is_refused(name: str, value: str) -> None:
    """A setting that is no web address, or Intuit's in the clear, is refused by name."""
    with pytest.raises(ConfigurationError, match=f"DUNAHUB_QBO_{name}"):
        Config.from_environ({f"DUNAHUB_QBO_{name}": value})


class TestTls:
    """The connection to Intuit."""

    def test_a_certificate_that_is_not_trusted_gets_nothing(self, tmp_path: Path) -> None:
        """With a self-made certificate no request, and so no token, leaves."""
        received: list[str] = []

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                received.append(self.path)

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        certificate = self_made(tmp_path)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        server = HTTPServer(("127.0.0.1", 0), Handler)
        server.handle_error = lambda *_: None  # type: ignore[method-assign]  # the refusal is meant
        server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            http = http_client(user_agent="test")
            transport = Transport(http, clock=SteeredClock(START))
            with pytest.raises(Unreachable) as error:
                transport.exchange("GET", f"https://127.0.0.1:{server.server_port}/", headers={})
            assert error.value.sent is False
            assert "CERTIFICATE_VERIFY_FAILED" in error.value.info.text
            http.close()
        finally:
            server.shutdown()
            thread.join()
            server.server_close()
        assert received == []

    def test_old_versions_are_not_spoken(self) -> None:
        """TLS 1.2 is the least, and names are checked."""
        http = http_client(user_agent="test")
        context = http._transport._pool._ssl_context  # type: ignore[attr-defined]  # no public way
        assert context.verify_mode is ssl.CERT_REQUIRED
        assert context.check_hostname
        assert context.minimum_version >= ssl.TLSVersion.TLSv1_2
        http.close()


def self_made(folder: Path) -> Path:
    """Make a certificate for 127.0.0.1 that nobody vouches for."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    now = dt.datetime.now(dt.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    path = folder / "self-made.pem"
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    path.write_bytes(private + certificate.public_bytes(serialization.Encoding.PEM))
    return path
