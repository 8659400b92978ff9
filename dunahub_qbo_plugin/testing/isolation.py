"""Keeps what a recording makes in a real company apart from what is there already."""

from __future__ import annotations

import re
from secrets import token_hex
from typing import TYPE_CHECKING, Any

from dunahub_qbo_plugin.qbo.exact_json import encode
from dunahub_qbo_plugin.testing.exchanges import decode

if TYPE_CHECKING:
    from collections.abc import Callable

    import httpx

_NAMES = ("DisplayName", "DocNumber")
"""What a company has once only."""
_ASKED = re.compile(rf"\b((?:{'|'.join(_NAMES)}) = '(?:[^'\\]|\\.)*)'")
_MARK = re.compile(rb" ?rec[0-9a-f]{6}\b")


class Apart:
    """A way to a company in which every exchange finds a world of its own.

    A real company remembers: the customer of the recording before still has the name, and its
    invoice the number. So on their way out names, numbers and request ids get a mark, which is new
    for each exchange and is taken off answers again: neither the client nor the recording sees it.

    Args:
        send: passes a request on.
    """

    def __init__(self, send: Callable[[httpx.Request], httpx.Response]) -> None:
        self._send = send
        self.renew()

    def renew(self) -> None:
        """Begin a new world."""
        self._mark = f"rec{token_hex(3)}"

    def __call__(self, request: httpx.Request) -> httpx.Response:
        """Pass a request on with the mark, and give its answer without."""
        import httpx  # noqa: PLC0415  not for every pytest

        answer = self._send(self._marked(request))
        content = _MARK.sub(b"", answer.read())
        packed = ("content-encoding", "content-length", "transfer-encoding")
        headers = [pair for pair in answer.headers.multi_items() if pair[0] not in packed]
        return httpx.Response(answer.status_code, headers=headers, content=content)

    def _marked(self, request: httpx.Request) -> httpx.Request:
        import httpx  # noqa: PLC0415  as above

        query = dict(request.url.params)
        if "query" in query:
            query["query"] = self._asked(query["query"])
        if "requestid" in query:
            query["requestid"] = self._mark + query["requestid"]
        headers = [pair for pair in request.headers.multi_items() if pair[0] != "content-length"]
        return httpx.Request(
            request.method,
            request.url.copy_with(params=query),
            headers=headers,
            content=self._body(request.content),
            extensions=request.extensions,
        )

    def _body(self, content: bytes) -> bytes:
        text = content.decode()
        if not text.startswith("{"):
            return self._asked(text).encode()
        body: dict[str, Any] = decode(text)
        for name in _NAMES:
            if body.get(name):
                body[name] = f"{body[name]} {self._mark}"
        for item in body.get("BatchItemRequest", ()):
            item["Query"] = self._asked(item["Query"])
        return encode(body).encode()

    def _asked(self, statement: str) -> str:
        return _ASKED.sub(rf"\1 {self._mark}'", statement)
