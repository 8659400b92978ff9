"""The service's tricks on cheroot's real sockets."""

from __future__ import annotations

import contextlib
import select
import socket
import struct
import threading
from typing import TYPE_CHECKING, Any, NoReturn

from cheroot import wsgi
from cheroot.server import HTTPConnection

from dunahub_qbo_plugin.emulator.server.middleware import CONNECTION
from dunahub_qbo_plugin.emulator.world.http_messages import ConnectionGone, Manner, Reply

if TYPE_CHECKING:
    from collections.abc import Callable

_THREADS = 32
_IDLE_SECONDS = 60
_LONGEST_SILENCE = 150.0
_LOOK_EVERY = 0.1
_NO_LINGER = struct.pack("ii", 1, 0)


class _Connection(HTTPConnection):
    """A client's connection that can also end with a reset."""

    reset = False

    def _close_kernel_socket(self) -> None:
        # Without a shutdown before it, closing with no time to linger sends a reset.
        if self.reset:
            with contextlib.suppress(OSError):
                self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)
        else:
            super()._close_kernel_socket()  # type: ignore[misc]  # missing in cheroot's stubs


class _WsgiGateway(wsgi.Gateway_10):
    """cheroot's gateway, leaving the client's connection in the environment."""

    def get_environ(self) -> dict[str, Any]:  # type: ignore[override]  # the stubs' base class says None
        environ: dict[str, Any] = super().get_environ()  # type: ignore[no-untyped-call]  # cheroot's stubs have no types
        environ[CONNECTION] = _SocketConnection(self.req)
        return environ

    def respond(self) -> None:
        try:
            super().respond()
        except ConnectionGone:
            self.req.sent_headers = True
            self.req.chunked_write = False
            self.req.close_connection = True


class _SocketConnection:
    """A `Connection` on a real socket."""

    def __init__(self, request: Any) -> None:  # noqa: ANN401  cheroot is not typed
        self._request = request

    def wait(self, seconds: float) -> None:
        """Keep the client waiting, but not beyond the server's end."""
        self._closing.wait(seconds)

    def refuse(self) -> NoReturn:
        """Reset the connection."""
        self._request.conn.reset = True
        raise ConnectionGone

    def lose(self, manner: Manner) -> NoReturn:
        """End the connection without an answer."""
        if manner == "reset":
            self._request.conn.reset = True
        elif manner == "silence":
            self._be_silent()
        raise ConnectionGone

    def cut(self, reply: Reply, keep: float) -> NoReturn:
        """Send the head and a part of the body, then close."""
        body = reply.body[: int(len(reply.body) * keep)]
        headers = [h for h in reply.headers if h[0].lower() != "content-length"]
        headers.append(("Content-Length", str(len(reply.body))))
        lines = [f"HTTP/1.1 {reply.status_line}", *(f"{name}: {value}" for name, value in headers)]
        head = ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")
        with contextlib.suppress(OSError):
            self._request.conn.socket.sendall(head + body)
        raise ConnectionGone

    @property
    def _closing(self) -> threading.Event:
        event: threading.Event = self._request.server.closing
        return event

    def _be_silent(self) -> None:
        """Wait until the client leaves, the server closes or patience ends."""
        client = self._request.conn.socket
        for _ in range(int(_LONGEST_SILENCE / _LOOK_EVERY)):
            if self._closing.is_set():
                return
            readable, _, _ = select.select([client], [], [], _LOOK_EVERY)
            if readable:
                with contextlib.suppress(OSError):
                    if client.recv(1, socket.MSG_PEEK) == b"":
                        return
                self._closing.wait(_LOOK_EVERY)


class Server(wsgi.Server):
    """cheroot with connections that can be reset and waits that end with the server."""

    ConnectionClass = _Connection
    keep_alive_conn_limit = 1000
    expiration_interval = _LOOK_EVERY

    def __init__(self, address: tuple[str, int], application: Callable[..., Any]) -> None:
        super().__init__(
            address,
            application,
            numthreads=_THREADS,
            server_name="dunahub-qbo-emulator",
            request_queue_size=256,
            timeout=_IDLE_SECONDS,
            shutdown_timeout=1,
        )
        self.gateway = _WsgiGateway
        self.closing = threading.Event()

    @staticmethod
    def bind_socket(socket_: socket.socket, bind_addr: tuple[str, int]) -> socket.socket:
        """Bind, and close the socket if that fails, which cheroot leaves open."""
        try:
            socket_.bind(bind_addr)
        except OSError:
            socket_.close()
            raise
        return socket_

    def error_log(self, msg: str = "", level: int = 20, traceback: bool = False) -> None:  # noqa: FBT001, FBT002  cheroot's own signature
        """Say nothing of clients that leave; leave anything else to cheroot's own log."""
        if "ConnectionGone" not in msg:
            super().error_log(msg, level, traceback)
