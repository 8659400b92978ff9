"""A client that dies while it sends has asked for nothing."""

from __future__ import annotations

import json
import socket
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest

if TYPE_CHECKING:
    from .conftest import Caller


def test_half_a_request_is_not_acted_on(remote: Caller) -> None:
    """Its request id is not used up: the whole request is carried out when it comes."""
    address = urlsplit(str(remote.http.base_url))
    token = remote.world.connect(realm=remote.realm).access_token
    path = f"/v3/company/{remote.realm}/customer?requestid=half"
    body = json.dumps({"DisplayName": "Half a Customer"}).encode()
    head = (
        f"POST {path} HTTP/1.1\r\nHost: {address.netloc}\r\nAuthorization: Bearer {token}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    with socket.create_connection((str(address.hostname), int(address.port or 0)), 5) as line:
        line.sendall(head.encode() + body[:10])
        line.shutdown(socket.SHUT_WR)
        with pytest.raises(ConnectionResetError):
            line.recv(1000)
    whole = remote.http.post(
        path,
        content=body,
        headers={
            "Authorization": f"Bearer {token}",
            "Accept": "application/json",
            "Content-Type": "application/json",
        },
    )
    assert whole.status_code == 200, whole.text
    assert whole.json()["Customer"]["DisplayName"] == "Half a Customer"
