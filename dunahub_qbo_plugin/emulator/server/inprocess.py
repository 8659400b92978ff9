"""An `httpx` transport without a socket that fails as a real network would.

A wait is not slept: a client whose read timeout is shorter than the wait gets its timeout at
once, any other client its answer.
"""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING, Any, NoReturn

import httpx

from dunahub_qbo_plugin.emulator.server.middleware import CONNECTION, call

if TYPE_CHECKING:
    from collections.abc import Callable

    from _typeshed.wsgi import WSGIApplication, WSGIEnvironment

    from dunahub_qbo_plugin.emulator.world.http_messages import Manner, Reply


class InProcessTransport(httpx.BaseTransport):
    """An `httpx` transport that calls an emulator's WSGI application.

    Trouble shows as it does over a network: a refused connection raises `httpx.ConnectError`, a
    reset `httpx.ReadError`, an orderly end without an answer or in the middle of the body
    `httpx.RemoteProtocolError`, silence and lateness `httpx.ReadTimeout`.

    Args:
        application: The emulator's WSGI application.
    """

    def __init__(self, application: WSGIApplication) -> None:
        self._application = application

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Answer one request."""
        body = request.read()
        connection = _Connection(request)
        reply = call(self._application, _environ(request, body, connection))
        connection.check_patience()
        headers = [(name, value) for name, value in reply.headers if value is not None]
        return httpx.Response(reply.status, headers=headers, content=reply.body, request=request)


class _Connection:
    """A `Connection` that raises what httpx would."""

    def __init__(self, request: httpx.Request) -> None:
        self._request = request
        self._waited = 0.0
        timeouts = request.extensions.get("timeout", {})
        self._patience: float | None = timeouts.get("read")

    def wait(self, seconds: float) -> None:
        """Note the wait; the request is carried out all the same."""
        self._waited += seconds

    def check_patience(self) -> None:
        """Raise httpx.ReadTimeout if the client would have given up by now."""
        if self._patience is not None and self._waited >= self._patience:
            raise httpx.ReadTimeout("timed out", request=self._request)

    def refuse(self) -> NoReturn:
        """Raise httpx.ConnectError."""
        raise httpx.ConnectError("[Errno 111] Connection refused", request=self._request)

    def lose(self, manner: Manner) -> NoReturn:
        """Raise what that end of a connection gives."""
        self.check_patience()
        if manner == "silence":
            raise httpx.ReadTimeout("timed out", request=self._request)
        if manner == "close":
            raise httpx.RemoteProtocolError(
                "Server disconnected without sending a response.", request=self._request
            )
        raise httpx.ReadError("[Errno 104] Connection reset by peer", request=self._request)

    def cut(self, reply: Reply, keep: float) -> NoReturn:
        """Raise httpx.RemoteProtocolError."""
        self.check_patience()
        came, all_of_it = int(len(reply.body) * keep), len(reply.body)
        raise httpx.RemoteProtocolError(
            "peer closed connection without sending complete message body "
            f"(received {came} bytes, expected {all_of_it})",
            request=self._request,
        )


def _environ(request: httpx.Request, body: bytes, connection: _Connection) -> WSGIEnvironment:
    url = request.url
    environ: dict[str, Any] = {
        "REQUEST_METHOD": request.method,
        "SCRIPT_NAME": "",
        "PATH_INFO": url.path.encode().decode("latin-1"),
        "QUERY_STRING": url.query.decode("ascii"),
        "SERVER_NAME": url.host,
        "SERVER_PORT": str(url.port or (443 if url.scheme == "https" else 80)),
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "127.0.0.1",
        "CONTENT_LENGTH": str(len(body)),
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": url.scheme,
        "wsgi.input": BytesIO(body),
        "wsgi.errors": _Discard(),
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
        CONNECTION: connection,
    }
    for name, value in request.headers.items():
        key = name.upper().replace("-", "_")
        environ["CONTENT_TYPE" if key == "CONTENT_TYPE" else f"HTTP_{key}"] = value
    return environ


class _Discard:
    """An error stream that drops what is written to it."""

    write: Callable[[str], int] = staticmethod(len)

    def flush(self) -> None:
        """Do nothing."""
