"""What can happen to a request on its way, over real sockets."""

from __future__ import annotations

import gzip
import logging
import socket
from contextlib import ExitStack
from typing import TYPE_CHECKING

import attrs
import httpx
import pytest

from dunahub_qbo_plugin.errors import Busy, QboError, Unreachable
from dunahub_qbo_plugin.model import Intent, Operation, RemoteRef
from dunahub_qbo_plugin.qbo.auth import Grant, Secret
from dunahub_qbo_plugin.qbo.client import QboClient
from dunahub_qbo_plugin.qbo.exact_json import MAX_BODY
from dunahub_qbo_plugin.qbo.throttle import Throttles
from dunahub_qbo_plugin.qbo.transport import REQUEST_TIMEOUT, http_client
from dunahub_qbo_plugin.testing import SteeredClock
from tests.support.host import START
from tests.support.sockets import Peer, RawServer, closed_port

if TYPE_CHECKING:
    from collections.abc import Callable

TOKEN = "eyJhbGciOiJkaXIifQ..c2VjcmV0.dG9rZW4"
REALM = "9341454838118701"
GRANT = Grant(company="c1", realm_id=Secret(REALM), access_token=Secret(TOKEN))
GOOD = b'{"Invoice":{"Id":"12","SyncToken":"0","TotalAmt":100.00,"DocNumber":"1001"},"time":"t"}'
INTENT = Intent(
    entity="invoice",
    operation=Operation.CREATE,
    body='{"Line":[{"Amount":100.00}],"CustomerRef":{"value":"1"}}',
    request_key="key-1",
    fingerprint="f",
)


def client(url: str, clock: SteeredClock | None = None) -> QboClient:
    """A client that loses patience quickly."""
    return QboClient(
        api_url=url,
        http=http_client(user_agent="dunahub-test/1", connect=2, read=0.3),
        throttles=Throttles(clock or SteeredClock(START)),
        user_agent="dunahub-test/1",
    )


def failure(url: str, clock: SteeredClock | None = None) -> QboError:
    """The error that a write ends with."""
    with pytest.raises(QboError) as caught:
        client(url, clock).write(GRANT, INTENT)
    return caught.value


def test_a_write_is_sent_to_the_letter() -> None:
    """Body, request key, minor version, token and user agent are on the wire as decided."""
    requests: list[bytes] = []

    def script(peer: Peer) -> None:
        requests.append(peer.read_request())
        peer.answer(GOOD, headers="intuit_tid: 1-abc\r\n")

    with RawServer(script) as server:
        done = client(server.url).write(GRANT, INTENT)
    head, _, body = requests[0].partition(b"\r\n\r\n")
    line, *headers = head.decode().split("\r\n")
    assert line == f"POST /v3/company/{REALM}/invoice?requestid=key-1&minorversion=75 HTTP/1.1"
    assert body == INTENT.body.encode()
    sent = {name.lower(): value for name, value in (item.split(": ", 1) for item in headers)}
    assert sent["authorization"] == f"Bearer {TOKEN}"
    assert sent["content-type"] == "application/json"
    assert sent["accept"] == "application/json"
    assert sent["user-agent"] == "dunahub-test/1"
    assert (done.remote, done.number) == (RemoteRef(id="12", sync_token="0"), "1001")
    assert str(done.total) == "100.00"
    assert done.intuit_tid == "1-abc"


@attrs.frozen(kw_only=True)
class Trouble:
    """What the other end does, and how the client takes it."""

    name: str
    script: Callable[[Peer], None]
    code: str
    status: int | None = None

    def __str__(self) -> str:
        return self.name


def after_request(then: Callable[[Peer], None]) -> Callable[[Peer], None]:
    """A script that reads the request first."""

    def script(peer: Peer) -> None:
        peer.read_request()
        then(peer)

    return script


def start_of_answer(length: int, start: bytes) -> Callable[[Peer], None]:
    """A script that announces more than it sends, and closes."""
    head = f"HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n".encode()
    return after_request(lambda peer: peer.send(head + start))


def hang_in_body(peer: Peer) -> None:
    """Send half of an answer and then nothing."""
    peer.send(f"HTTP/1.1 200 OK\r\nContent-Length: {len(GOOD)}\r\n\r\n".encode() + GOOD[:20])
    peer.hang()


def chunked_cut(peer: Peer) -> None:
    """Begin a chunk and close."""
    peer.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nff\r\n" + GOOD[:20])


def endless(peer: Peer) -> None:
    """Send more than any answer may have."""
    peer.send(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n")
    for _ in range(MAX_BODY // 65536 + 2):
        peer.send(b" " * 65536)


def bomb(peer: Peer) -> None:
    """Send little that unpacks to more than any answer may have."""
    peer.answer(gzip.compress(b" " * (2 * MAX_BODY)), headers="Content-Encoding: gzip\r\n")


TROUBLES = [
    Trouble(name="closed before reading", script=lambda _: None, code="no-answer"),
    Trouble(
        name="closed after the request", script=after_request(lambda _: None), code="no-answer"
    ),
    Trouble(name="reset after the request", script=after_request(Peer.reset), code="no-answer"),
    Trouble(name="silence", script=after_request(Peer.hang), code="no-answer"),
    Trouble(name="silence in the body", script=after_request(hang_in_body), code="no-answer"),
    Trouble(name="body cut", script=start_of_answer(len(GOOD), GOOD[:-9]), code="no-answer"),
    Trouble(name="chunk cut", script=after_request(chunked_cut), code="no-answer"),
    Trouble(
        name="headers cut",
        script=after_request(lambda peer: peer.send(b"HTTP/1.1 200 OK\r\nContent-")),
        code="no-answer",
    ),
    Trouble(
        name="not HTTP",
        script=after_request(lambda peer: peer.send(b"220 mail.example ESMTP\r\n")),
        code="no-answer",
    ),
    Trouble(
        name="broken gzip",
        script=after_request(
            lambda peer: peer.answer(b"no gzip", headers="Content-Encoding: gzip\r\n")
        ),
        code="no-answer",
    ),
    Trouble(name="too large", script=after_request(endless), code="unreadable"),
    Trouble(name="too large unpacked", script=after_request(bomb), code="unreadable"),
    Trouble(
        name="page with status 200",
        script=after_request(lambda peer: peer.answer(b"<html>Sign in to Wi-Fi</html>")),
        code="unreadable",
        status=200,
    ),
    Trouble(
        name="redirect",
        script=after_request(
            lambda peer: peer.answer(
                b"", status="302 Found", headers="Location: https://evil.example/\r\n"
            )
        ),
        code="http-302",
        status=302,
    ),
    Trouble(
        name="another object than was sent",
        script=after_request(lambda peer: peer.answer(b'{"Customer":{"Id":"1"},"time":"t"}')),
        code="unreadable",
    ),
    Trouble(
        name="object without SyncToken",
        script=after_request(lambda peer: peer.answer(b'{"Invoice":{"Id":"1"}}')),
        code="unreadable",
    ),
    Trouble(
        name="object with a number for an Id",
        script=after_request(lambda peer: peer.answer(b'{"Invoice":{"Id":1,"SyncToken":"0"}}')),
        code="unreadable",
    ),
]


@pytest.mark.parametrize("trouble", TROUBLES, ids=str)
def test_an_answer_that_is_lost_may_stand_for_a_write(trouble: Trouble) -> None:
    """Once a connection was made, whatever goes wrong leaves it open whether it was carried out."""
    with RawServer(trouble.script) as server:
        error = failure(server.url)
        assert server.connections == 1, "nothing is sent twice by itself"
    assert isinstance(error, Unreachable)
    assert error.sent
    assert error.info.code == trouble.code
    assert error.info.status == trouble.status
    keeps_its_secrets(error)


@pytest.mark.parametrize(
    ("raised", "sent"),
    [
        (httpx.ConnectError, False),
        (httpx.ConnectTimeout, False),
        (httpx.PoolTimeout, False),
        (httpx.ProxyError, False),
        (httpx.UnsupportedProtocol, False),
        (httpx.WriteTimeout, True),
        (httpx.WriteError, True),
        (httpx.ReadTimeout, True),
        (httpx.ReadError, True),
        (httpx.CloseError, True),
        (httpx.RemoteProtocolError, True),
        (httpx.LocalProtocolError, True),
        (httpx.DecodingError, True),
        (OSError, True),
    ],
)
def test_each_failure_of_httpx(raised: type[Exception], *, sent: bool) -> None:
    """Only failures before a connection stands are certain to have sent nothing."""

    def fail(_: httpx.Request) -> httpx.Response:
        raise raised(f"while sending {TOKEN}")

    throttles = Throttles(SteeredClock(START))
    http = http_client(user_agent="test/1", transport=httpx.MockTransport(fail))
    failing = QboClient(
        api_url="https://qbo.test", http=http, throttles=throttles, user_agent="test/1"
    )
    with pytest.raises(Unreachable) as caught:
        failing.write(GRANT, INTENT)
    assert caught.value.sent is sent
    keeps_its_secrets(caught.value)


def test_a_full_backlog_is_no_connection() -> None:
    """A server that takes no more connections was sent nothing."""
    with socket.create_server(("127.0.0.1", 0), backlog=0) as listener, ExitStack() as stack:
        address = listener.getsockname()
        for _ in range(4):
            filler = stack.enter_context(socket.socket())
            filler.settimeout(0)
            filler.connect_ex(address)
        http = http_client(user_agent="test/1", connect=0.2)
        waiting = QboClient(
            api_url=f"http://127.0.0.1:{address[1]}",
            http=http,
            throttles=Throttles(SteeredClock(START)),
            user_agent="test/1",
        )
        with pytest.raises(Unreachable) as caught:
            waiting.write(GRANT, INTENT)
    assert not caught.value.sent


@pytest.mark.parametrize(
    "url",
    [
        f"http://127.0.0.1:{closed_port()}",
        "http://no-such-host.invalid",
        "gopher://127.0.0.1",
        "http://",
    ],
    ids=["refused", "unknown host", "unknown scheme", "no host"],
)
def test_without_a_connection_nothing_was_sent(url: str) -> None:
    """Where no connection is made it is certain that nothing was carried out."""
    error = failure(url)
    assert isinstance(error, Unreachable)
    assert not error.sent
    assert error.info.code == "unreachable"
    keeps_its_secrets(error)


def test_a_failed_tls_handshake_sent_nothing() -> None:
    """A peer that does not speak TLS never saw the request."""
    seen: list[bytes] = []

    def script(peer: Peer) -> None:
        peer.send(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        seen.append(b"")

    with RawServer(script) as server:
        error = failure(server.url.replace("http:", "https:"))
    assert isinstance(error, Unreachable)
    assert not error.sent
    keeps_its_secrets(error)


def test_an_answer_that_drips_is_given_up() -> None:
    """Bytes that keep coming do not keep a request alive beyond two minutes."""
    clock = SteeredClock(START)

    def script(peer: Peer) -> None:
        peer.read_request()
        clock.advance(REQUEST_TIMEOUT + 1)
        peer.answer(GOOD)

    with RawServer(script) as server:
        error = failure(server.url, clock)
    assert isinstance(error, Unreachable)
    assert error.sent
    assert error.info.code == "no-answer"


def test_a_packed_answer_is_unpacked() -> None:
    """QuickBooks may send its answers compressed."""

    def script(peer: Peer) -> None:
        assert b"accept-encoding: gzip" in peer.read_request().lower()
        peer.answer(gzip.compress(GOOD), headers="Content-Encoding: gzip\r\n")

    with RawServer(script) as server:
        assert client(server.url).write(GRANT, INTENT).remote.id == "12"


def test_a_429_holds_the_whole_company_back() -> None:
    """After a 429 no request of the company leaves for Retry-After seconds, else for 60."""
    answers = iter(["Retry-After: 7\r\n", "", None])

    def script(peer: Peer) -> None:
        peer.read_request()
        header = next(answers)
        if header is None:
            peer.answer(GOOD)
        else:
            peer.answer(b"", status="429 Too Many Requests", headers=header)

    clock = SteeredClock(START)
    with RawServer(script) as server:
        throttled = client(server.url, clock)
        for wait in (7, 60):
            before = clock.monotonic()
            with pytest.raises(Busy):
                throttled.write(GRANT, INTENT)
            assert clock.monotonic() == before, "the one that was refused does not wait"
            with throttled._throttles.of("other").slot() as left:
                assert left == before, "another company does not wait"
            with throttled._throttles.of("c1").slot() as left:
                assert left == pytest.approx(before + wait)
        assert throttled.write(GRANT, INTENT).number == "1001"


def test_no_cookie_travels_with_a_later_request() -> None:
    """What one company's answer sets is not sent with another's request."""
    requests: list[bytes] = []

    def script(peer: Peer) -> None:
        requests.append(peer.read_request())
        peer.answer(GOOD, headers="Set-Cookie: company=1; Path=/\r\n")

    with RawServer(script) as server:
        keeps = client(server.url)
        for _ in range(2):
            keeps.write(GRANT, INTENT)
    assert len(requests) == 2
    assert b"cookie" not in requests[1].lower()


def test_logs_hold_codes_and_no_data(caplog: pytest.LogCaptureFixture) -> None:
    """Every failure is logged with its intuit_tid; token, realm id, key and body never are."""

    def script(peer: Peer) -> None:
        peer.read_request()
        fault = b'{"Fault":{"Error":[{"Message":"Zoe owes","Detail":"Zoe","code":"2050"}]}}'
        peer.answer(fault, status="400 Bad Request", headers="intuit_tid: 1-abc\r\n")

    caplog.set_level(logging.DEBUG)
    with RawServer(script) as server:
        failure(server.url)
    assert "code=2050 intuit_tid=1-abc" in caplog.text
    assert "/v3/company/[hidden]/invoice" in caplog.text, "httpx logs addresses itself"
    for secret in (TOKEN, REALM, "key-1", "CustomerRef", "Zoe"):
        assert secret not in caplog.text


def keeps_its_secrets(error: QboError) -> None:
    """The error shows neither token nor realm id, and leads to no other that does."""
    for text in (str(error), repr(error), repr(error.info)):
        assert TOKEN not in text
        assert REALM not in text
        assert INTENT.body not in text
    assert error.__cause__ is None
    assert error.__context__ is None


def test_a_closed_client_sends_nothing() -> None:
    """While the plugin shuts down a request fails as not sent, not as a crash."""
    http = http_client(user_agent="dunahub-test/1")
    late = QboClient(
        api_url="http://127.0.0.1:9",
        http=http,
        throttles=Throttles(SteeredClock(START)),
        user_agent="dunahub-test/1",
    )
    http.close()
    with pytest.raises(Unreachable) as caught:
        late.write(GRANT, INTENT)
    assert not caught.value.sent
