"""What the service reads and answers, whatever carries it.

A `Request` and a `Reply` are plain values. A `Connection` is the one thing about the wire
that trouble on demand needs: it can keep the client waiting, or end without an answer.
"""

from __future__ import annotations

from functools import cached_property
from http import HTTPStatus
from typing import TYPE_CHECKING, Literal, NoReturn, Protocol
from urllib.parse import parse_qsl

import attrs

if TYPE_CHECKING:
    from collections.abc import Mapping

Manner = Literal["reset", "close", "silence"]
"""How a connection ends without an answer.

`reset` is a TCP reset, `close` an orderly end of the stream, `silence` an open connection on
which nothing ever comes, until the client gives up.
"""


class ConnectionGone(Exception):
    """The connection was ended on purpose; there is nobody left to answer."""


@attrs.frozen(kw_only=True, slots=False)
class Request:
    """One HTTP request.

    Attributes:
        method: The verb in upper case.
        path: Decoded path, starting with a slash.
        query_string: The query as sent, without the question mark.
        headers: Header values by lower-case name.
        body: The body's bytes.
        base_url: Scheme and host the client used, without a trailing slash.
    """

    method: str
    path: str
    query_string: str = ""
    headers: Mapping[str, str] = attrs.field(factory=dict)
    body: bytes = b""
    base_url: str = "http://localhost"

    @cached_property
    def query(self) -> Mapping[str, str]:
        """Decoded query parameters; of a repeated one the last counts."""
        return dict(parse_qsl(self.query_string, keep_blank_values=True))

    @cached_property
    def media_type(self) -> str:
        """Media type of the body in lower case, without parameters."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()


@attrs.frozen(kw_only=True)
class Reply:
    """One HTTP answer.

    Attributes:
        status: HTTP status code.
        headers: Header fields in the order they are sent.
        body: The body's bytes.
    """

    status: int
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""

    @property
    def status_line(self) -> str:
        """Status code and reason phrase, such as `404 Not Found`."""
        try:
            return f"{self.status} {HTTPStatus(self.status).phrase}"
        except ValueError:
            return f"{self.status} Unknown"


class Connection(Protocol):
    """The client's connection, as far as the service may play tricks with it."""

    def wait(self, seconds: float) -> None:
        """Keep the client waiting; the request goes on even if the client leaves."""

    def refuse(self) -> NoReturn:
        """End the connection before anything was carried out."""

    def lose(self, manner: Manner) -> NoReturn:
        """End the connection after the request was carried out, without an answer."""

    def cut(self, reply: Reply, keep: float) -> NoReturn:
        """Send the head and the first part (0 to 1) of the body, then end the connection."""
