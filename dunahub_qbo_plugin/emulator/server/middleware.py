"""The WSGI callable in front of Flask.

The API is answered here, without Flask's routing, because a thousand requests a second are
wanted of it. OAuth's endpoints are Flask's, but trouble, latency and the journal apply to
them as well. Everything else (pages, administration) goes to Flask untouched.
"""

from __future__ import annotations

import time
import zlib
from io import BytesIO
from typing import TYPE_CHECKING, NoReturn

from dunahub_qbo_plugin.emulator.gateway.exchange import Exchange
from dunahub_qbo_plugin.emulator.gateway.gateway import Gateway
from dunahub_qbo_plugin.emulator.gateway.replies import deliver, intercept
from dunahub_qbo_plugin.emulator.world.http_messages import Connection, Manner, Reply, Request

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

    from dunahub_qbo_plugin.emulator.world.world import World

CONNECTION = "emulator.connection"
"""Key of the WSGI environment under which a server leaves the client's `Connection`."""

_LARGEST_BODY = 100 * 1024 * 1024
OAUTH_PATHS = frozenset(
    {
        "/oauth2/v1/tokens/bearer",
        "/v2/oauth2/tokens/revoke",
        "/v1/openid_connect/userinfo",
        "/connect/oauth2",
    }
)


class PlainConnection:
    """The connection of a WSGI server that knows nothing of trouble.

    It cannot end the client's connection; it raises instead, which a server answers with its
    own 500 and `httpx.WSGITransport` passes to the caller.
    """

    def wait(self, seconds: float) -> None:
        """Keep the client waiting."""
        time.sleep(seconds)

    def refuse(self) -> NoReturn:
        """Raise ConnectionResetError."""
        raise ConnectionResetError("the emulator refused the connection")

    def lose(self, manner: Manner) -> NoReturn:
        """Raise ConnectionResetError."""
        raise ConnectionResetError(f"the emulator lost the answer ({manner})")

    def cut(self, reply: Reply, keep: float) -> NoReturn:
        """Raise ConnectionResetError."""
        raise ConnectionResetError(f"the emulator cut the {reply.status} answer at {keep:.0%}")


class ApiMiddleware:
    """WSGI middleware: the API in front of Flask, and OAuth's trouble around it.

    Args:
        inner: Flask's own WSGI callable.
        world: The emulator's state.
    """

    def __init__(self, inner: WSGIApplication, world: World) -> None:
        self._inner = inner
        self._world = world
        self._gateway = Gateway(world)

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer one request."""
        path = environ.get("PATH_INFO", "")
        if not path.startswith("/v3/") and path not in OAUTH_PATHS:
            return self._inner(environ, start_response)
        connection: Connection = environ.get(CONNECTION) or PlainConnection()
        try:
            request = read_request(environ)
        except IncompleteRequestError:
            connection.refuse()
        if path.startswith("/v3/"):
            reply = self._gateway.handle(request, connection)
        else:
            reply = self._oauth(request, environ, connection)
        start_response(reply.status_line, list(reply.headers))
        return [reply.body]

    def _oauth(self, request: Request, environ: WSGIEnvironment, connection: Connection) -> Reply:
        exchange = Exchange(self._world, request)
        reply = intercept(self._world, exchange, connection)
        if reply is not None:
            return reply
        exchange.carried_out = True
        inside = environ | {"wsgi.input": BytesIO(request.body), "emulator.tid": exchange.tid}
        inside["CONTENT_LENGTH"] = str(len(request.body))
        return deliver(self._world, exchange, call(self._inner, inside), connection)


class IncompleteRequestError(Exception):
    """A client went away while it sent: nobody acts on half a request."""


def read_request(environ: WSGIEnvironment) -> Request:
    """Read a request, body and all, out of a WSGI environment.

    Raises:
        IncompleteRequestError: Part of it is missing.
    """
    headers = {
        name[5:].replace("_", "-").lower(): value
        for name, value in environ.items()
        if name.startswith("HTTP_")
    }
    headers["content-type"] = environ.get("CONTENT_TYPE", "")
    stream = environ["wsgi.input"]
    length = environ.get("CONTENT_LENGTH")
    if length:
        body = stream.read(int(length))
        if len(body) < int(length):
            raise IncompleteRequestError("the request ended before its body did")
    else:
        body = stream.read() if environ.get("wsgi.input_terminated") else b""
    body = _unpacked(body, headers.get("content-encoding", "").strip().lower())
    host = headers.get("host", "localhost")
    return Request(
        method=environ["REQUEST_METHOD"],
        path=environ.get("PATH_INFO", "").encode("latin-1").decode("utf-8", "replace"),
        query_string=environ.get("QUERY_STRING", ""),
        headers=headers,
        body=body,
        base_url=f"{environ.get('wsgi.url_scheme', 'http')}://{host}",
    )


def _unpacked(body: bytes, encoding: str) -> bytes:
    """Return the body without the compression that Intuit's SDK for Java can apply.

    What cannot be unpacked is left as it is, for whoever reads it to refuse.
    """
    window = {"gzip": zlib.MAX_WBITS | 16, "deflate": zlib.MAX_WBITS}.get(encoding)
    if window is None:
        return body
    try:
        return zlib.decompressobj(window).decompress(body, _LARGEST_BODY)
    except zlib.error:
        return body


def call(application: WSGIApplication, environ: WSGIEnvironment) -> Reply:
    """Call a WSGI application and collect its answer."""
    head: list[tuple[str, list[tuple[str, str]]]] = []
    written: list[bytes] = []

    def start_response(
        status: str,
        headers: list[tuple[str, str]],
        _: object = None,
        /,
    ) -> Callable[[bytes], object]:
        head.append((status, headers))
        return written.append

    parts = application(environ, start_response)
    try:
        written.extend(parts)
    finally:
        close = getattr(parts, "close", None)
        if close is not None:
            close()
    status, headers = head[-1]
    return Reply(
        status=int(status.split(" ", 1)[0]), headers=tuple(headers), body=b"".join(written)
    )
