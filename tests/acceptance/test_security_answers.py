"""Oversized and hostile answers from the other end of the line are survived."""

from __future__ import annotations

import gzip
import tracemalloc
import zlib
from itertools import pairwise
from typing import TYPE_CHECKING

import httpx
import pytest

from dunahub_qbo_plugin.testing import FakeHost, QboEmulator, make_lead

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


MEGABYTE = 1_000_000


class Endless(httpx.SyncByteStream):
    """A body of 100 MB that counts how much of it was taken."""

    def __init__(self, start: bytes, chunk: bytes) -> None:
        self.start, self.chunk = start, chunk
        self.taken = 0

    def __iter__(self) -> Iterator[bytes]:
        yield self.start
        for _ in range(100):
            self.taken += 1
            yield self.chunk


class Packed(httpx.SyncByteStream):
    """A body that comes at one go, as it is."""

    def __init__(self, body: bytes) -> None:
        self.body = body

    def __iter__(self) -> Iterator[bytes]:
        yield self.body


def xml_bomb() -> bytes:
    """Return entities that grow to a billion."""
    names = "abcdefghi"
    inner = "".join(f'<!ENTITY {name} "{f"&{before};" * 10}">' for before, name in pairwise(names))
    return f'<!DOCTYPE x [<!ENTITY a "ha">{inner}]><x>&i;</x>'.encode()


XXE = b'<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]><Fault><Error>&e;</Error></Fault>'
DEEP = b'{"Customer":' + b"[" * 200_000 + b"]" * 200_000 + b"}"
ANSWERS: dict[str, tuple[int, bytes, dict[str, str]]] = {
    "deep JSON": (200, DEEP, {}),
    "deep objects": (400, b'{"a":' * 100_000 + b"1" + b"}" * 100_000, {}),
    "entity bomb": (400, xml_bomb(), {"content-type": "application/xml"}),
    "outside entity": (400, XXE, {"content-type": "application/xml"}),
    "deep XML": (400, b"<a>" * 200_000, {"content-type": "application/xml"}),
    "a number of a million digits": (200, b'{"Customer":{"Id":' + b"9" * MEGABYTE + b"}}", {}),
    "a huge exponent": (200, b'{"Customer":{"Id":"1","TotalAmt":1e999999999}}', {}),
    "not a number": (200, b'{"Customer":{"Id":"1","TotalAmt":NaN}}', {}),
    "an exponent past all bounds": (200, b'{"Customer":{"TotalAmt":1e99999999999999999999}}', {}),
    "endless decimal places": (
        200,
        b'{"Customer":{"Id":"1","SyncToken":"0","TotalAmt":1.' + b"1" * MEGABYTE + b"}}",
        {},
    ),
    "half a character as an Id": (200, b'{"Customer":{"Id":"\\ud800","SyncToken":"0"}}', {}),
    "NUL as an Id": (200, b'{"Customer":{"Id":"\\u0000","SyncToken":"0"}}', {}),
    "a way out as an Id": (200, b'{"Customer":{"Id":"..","SyncToken":"0"}}', {}),
    "a megabyte of an Id": (
        200,
        b'{"Customer":{"Id":"' + b"9" * MEGABYTE + b'","SyncToken":"0"}}',
        {},
    ),
    "a code of a megabyte": (
        400,
        b'{"Fault":{"Error":[{"code":"' + b"9" * MEGABYTE + b'"}]}}',
        {},
    ),
    "seven megabytes that nearly name what is gone": (
        400,
        b'{"Fault":{"Error":[{"code":"2500","Detail":"' + b"a" * 7 * MEGABYTE + b'"}]}}',
        {},
    ),
    "a million errors": (400, b'{"Fault":{"Error":[' + b"{}," * MEGABYTE + b"{}]}}", {}),
    "half a character": (
        400,
        b'{"Fault":{"Error":[{"code":"6000","Message":"\\ud800","Detail":"x\\udfff\\u0000"}]}}',
        {},
    ),
    "a list": (200, b"[[[[]]]]", {}),
    "null": (200, b"null", {}),
    "wrong types": (200, b'{"Customer":{"Id":{"a":1},"SyncToken":[]}}', {}),
    "bad bytes": (200, b"\xff\xfe\x00\x01" * 1000, {}),
    "a redirect to itself": (302, b"", {"location": "https://emulator.test/v3/company/1/query"}),
    "a redirect elsewhere": (307, b"", {"location": "http://evil.example/"}),
    "a redirect to a file": (301, b"", {"location": "file:///etc/passwd"}),
    "a page with a script": (503, b"<html><title><script>alert(1)</script></title></html>", {}),
    "a packed bomb": (200, zlib.compress(b" " * 30 * MEGABYTE), {"content-encoding": "deflate"}),
    "not packed though said so": (200, b"plain", {"content-encoding": "gzip"}),
    "ten thousand headers": (200, b"{}", {f"x-{n}": "y" for n in range(10_000)}),
}


class Hostile:
    """The way to an emulator, on which writes get somebody else's answer while one is set."""

    def __init__(self, qbo: QboEmulator) -> None:
        self._inner = qbo.transport()
        self.answer: httpx.Response | None = None
        self.loops = False
        self.hosts: list[str] = []

    def send(self, request: httpx.Request) -> httpx.Response:
        """Answer a request."""
        self.hosts.append(request.url.host)
        if self.loops:
            return httpx.Response(302, headers={"location": str(request.url)})
        if self.answer is not None and request.method == "POST":
            return self.answer
        return self._inner.handle_request(request)


@pytest.fixture
def line(qbo_emulator: QboEmulator) -> Hostile:
    """Return the hostile line."""
    return Hostile(qbo_emulator)


@pytest.fixture
def attacked(qbo_emulator: QboEmulator, line: Hostile, tmp_path: Path) -> Iterator[FakeHost]:
    """Return a connected host at its end."""
    host = FakeHost(tmp_path, qbo=qbo_emulator, transport=httpx.MockTransport(line.send))
    host.connect()
    yield host
    host.close()


def survives(host: FakeHost, line: Hostile, answer: httpx.Response) -> None:
    """Hold that a record gets such an answer, is shown, and goes out once the line is good."""
    record = make_lead()
    host.save(record)
    line.answer = answer
    host.send()
    assert host.state(record) in {"Waiting", "Needs attention"}
    page = host.page() + host.card(record)
    assert "alert(1)" not in page.replace("&lt;", "<").replace("&gt;", ">") or "<script" not in page
    assert "root:" not in page
    line.answer = None
    host.clock.advance(600)
    host.press("retry-all")
    host.settle()
    assert host.state(record) == "Synced"
    host.books.assert_no_doubles()
    assert set(line.hosts) == {"emulator.test"}


@pytest.mark.parametrize("name", ANSWERS)
def test_a_hostile_answer_is_survived(
    name: str, attacked: FakeHost, line: Hostile, caplog: pytest.LogCaptureFixture
) -> None:
    """The worker goes on, nothing is fetched from elsewhere, and the record arrives later.

    Nor is it a mistake of the plugin's own, which only its last line of defense would take.
    """
    status, body, headers = ANSWERS[name]
    survives(attacked, line, httpx.Response(status, headers=headers, stream=Packed(body)))
    assert [one.message for one in caplog.records if one.levelname == "ERROR"] == []


@pytest.mark.parametrize("packed", ["gzip, gzip", "gzip, deflate", "br"])
def test_a_bomb_within_a_bomb_takes_no_memory(
    packed: str, attacked: FakeHost, line: Hostile
) -> None:
    """Two kilobytes that unpack to hundreds of megabytes at one go are not unpacked."""
    bomb = gzip.compress(gzip.compress(b" " * 200 * MEGABYTE))
    tracemalloc.start()
    try:
        survives(
            attacked,
            line,
            httpx.Response(200, headers={"content-encoding": packed}, stream=Packed(bomb)),
        )
        assert tracemalloc.get_traced_memory()[1] < 50 * MEGABYTE
    finally:
        tracemalloc.stop()


def test_strange_references_do_not_hide_what_was_made(attacked: FakeHost, line: Hostile) -> None:
    """An answer with Id and SyncToken counts, even where a reference in it is none."""
    record = make_lead()
    attacked.save(record)
    strange = {"Id": "77", "SyncToken": "0", "CustomerRef": "x", "DepositToAccountRef": [1]}
    line.answer = httpx.Response(200, json={"Customer": strange})
    attacked.send()
    assert attacked.state(record) == "Synced"


def test_endless_redirects_are_not_followed(attacked: FakeHost, line: Hostile) -> None:
    """An answer that leads to itself ends each request at once, reads and renewals included."""
    record = make_lead()
    attacked.save(record)
    attacked.clock.advance(2 * 3600)  # tokens are to be renewed, and settings read again
    before, line.loops = len(line.hosts), True
    attacked.send()
    attacked.press("check")
    assert 0 < len(line.hosts) - before < 10
    assert attacked.state(record) == "Waiting"
    line.loops = False
    attacked.settle()
    assert attacked.state(record) == "Synced"
    attacked.books.assert_no_doubles()


@pytest.mark.parametrize("start", [b'{"Customer":"', b"<html>", b" "])
def test_a_hundred_megabytes_are_not_taken(attacked: FakeHost, line: Hostile, start: bytes) -> None:
    """After 8 MB an answer is given up, whatever it is."""
    body = Endless(start, b"x" * MEGABYTE)
    survives(attacked, line, httpx.Response(200, stream=body))
    assert 0 < body.taken <= 9
