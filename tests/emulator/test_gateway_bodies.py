from __future__ import annotations

import gzip
import json
import zlib
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from .conftest import Caller


@pytest.mark.parametrize(
    ("encoding", "pack"), [("gzip", gzip.compress), ("deflate", zlib.compress)]
)
def test_compressed_requests_are_read(
    anywhere: Caller, encoding: str, pack: Callable[[bytes], bytes]
) -> None:
    """A request body may be compressed, as Intuit's SDK for Java can send it."""
    answer = anywhere.api(
        "POST",
        "/customer",
        content=pack(json.dumps({"DisplayName": "Packed"}).encode()),
        headers={"Content-Type": "application/json", "Content-Encoding": encoding},
    )
    assert answer.json()["Customer"]["DisplayName"] == "Packed"


def test_what_cannot_be_unpacked_is_a_fault(anywhere: Caller) -> None:
    """A body that says gzip and is none is fault 2010, not a failure of the service."""
    answer = anywhere.api(
        "POST",
        "/customer",
        content=b"{not gzip",
        headers={"Content-Type": "application/json", "Content-Encoding": "gzip"},
    )
    assert answer.status_code == 400
    assert answer.json()["Fault"]["Error"][0]["code"] == "2010"


def test_chunked_requests_are_read(remote: Caller) -> None:
    """A request body may come in chunks without a length."""

    def chunks() -> Iterator[bytes]:
        yield b'{"DisplayName": '
        yield b'"In Pieces"}'

    answer = remote.api(
        "POST", "/customer", content=chunks(), headers={"Content-Type": "application/json"}
    )
    assert answer.json()["Customer"]["DisplayName"] == "In Pieces"


def test_every_alphabet_goes_through(anywhere: Caller) -> None:
    """Names in any alphabet, in bodies and in query strings, arrive as they were sent."""
    name = "Zoë & Łukasz's 名前 🏠"
    made = anywhere.api("POST", "/customer", json={"DisplayName": name}).json()["Customer"]
    literal = name.replace("'", "\\'")
    query = f"select * from Customer where DisplayName = '{literal}'"  # noqa: S608  QuickBooks' language
    found = anywhere.api("GET", "/query", params={"query": query}).json()["QueryResponse"]
    assert [one["Id"] for one in found["Customer"]] == [made["Id"]]
