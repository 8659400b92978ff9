"""A server that does to a connection exactly what a test says, over a real socket."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

    Script = Callable[["Peer"], None]


class Peer:
    """The server's end of one connection.

    Args:
        connection: as accepted.
        stop: set when the test is over; ends a hanging script.
    """

    def __init__(self, connection: socket.socket, stop: threading.Event) -> None:
        self._connection = connection
        self._stop = stop

    def read_request(self) -> bytes:
        """Read a request to its end."""
        data = b""
        while b"\r\n\r\n" not in data:
            data += self._receive()
        head, _, body = data.partition(b"\r\n\r\n")
        length = 0
        for line in head.split(b"\r\n"):
            name, _, value = line.partition(b":")
            if name.lower() == b"content-length":
                length = int(value)
        while len(body) < length:
            more = self._receive()
            body += more
            data += more
        return data

    def send(self, data: bytes) -> None:
        """Send some bytes; a client that has gone is no trouble."""
        with contextlib.suppress(OSError):
            self._connection.sendall(data)

    def answer(self, body: bytes, *, status: str = "200 OK", headers: str = "") -> None:
        """Send an answer, whole."""
        head = f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n{headers}"
        self.send(head.encode() + b"\r\n" + body)

    def hang(self) -> None:
        """Do nothing until the test is over."""
        self._stop.wait(30)

    def reset(self) -> None:
        """Break the connection off instead of ending it."""
        self._connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._connection.close()

    def _receive(self) -> bytes:
        data = self._connection.recv(65536)
        if not data:
            raise ConnectionError("the client has gone")
        return data


class RawServer:
    """Runs a script for each connection, until the block ends.

    Args:
        script: what to do with a connection; it is closed afterwards.

    Attributes:
        url: the server's address.
        connections: how many were accepted.
    """

    def __init__(self, script: Script) -> None:
        self._script = script
        self._stop = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self.connections = 0
        self._threads: list[threading.Thread] = []

    def __enter__(self) -> Self:
        self._start(self._accept)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stop.set()
        # Closing alone does not wake a thread that is in accept().
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for thread in self._threads:
            thread.join(10)

    def _start(self, target: Callable[..., None], *args: socket.socket) -> None:
        thread = threading.Thread(target=target, args=args, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while not self._stop.is_set():
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            self._start(self._serve, connection)

    def _serve(self, connection: socket.socket) -> None:
        with connection, contextlib.suppress(ConnectionError):
            connection.settimeout(30)
            self._script(Peer(connection, self._stop))


def closed_port() -> int:
    """Return a port on which nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port
