"""What a request to, and a reply of, one company's Accounting API consist of.

These two values are the whole border between a company's books and the HTTP server in
front of them: no books module knows about sockets, headers or tokens.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

import attrs

if TYPE_CHECKING:
    from collections.abc import Mapping

_NO_HEADERS: Mapping[str, str] = MappingProxyType({})


@attrs.frozen(kw_only=True)
class ApiRequest:
    """One call below `/v3/company/{realm}/`, already authenticated.

    Attributes:
        method: `GET` or `POST`.
        path: Decoded path segments after the realm, such as `("invoice", "12")`.
        query: Decoded query parameters.
        body: The body's bytes.
        content_type: Media type in lower case, without parameters.
        accept: The `Accept` header as sent, empty if there was none.
        user: Name QuickBooks shows for the person behind the token.
    """

    method: str
    path: tuple[str, ...]
    query: Mapping[str, str] = attrs.field(default=_NO_HEADERS)
    body: bytes = b""
    content_type: str = ""
    accept: str = ""
    user: str = "Sandbox User"


@attrs.frozen(kw_only=True)
class ApiReply:
    """What the company answers: status, body and the body's media type."""

    status: int
    body: bytes
    content_type: str
    headers: Mapping[str, str] = attrs.field(default=_NO_HEADERS)
