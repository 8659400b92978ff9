"""A way to a server that can be blocked: bytes go in and nothing comes out."""

from __future__ import annotations

import contextlib
import select
import socket
import threading
from typing import TYPE_CHECKING, Self

import sqlalchemy as sa

if TYPE_CHECKING:
    from types import TracebackType


class Proxy:
    """Passes bytes on to PostgreSQL until it is blocked.

    Args:
        url: the server's address.

    Attributes:
        url: the address that leads through here.
        blocked: set, nothing is passed on, and nobody is told so.
    """

    def __init__(self, url: str) -> None:
        self._target = sa.make_url(url)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._stop = threading.Event()
        self.blocked = threading.Event()
        self._threads: list[threading.Thread] = []
        query = {name: value for name, value in self._target.query.items() if name != "host"}
        self.url = self._target.set(
            host="127.0.0.1", port=self._listener.getsockname()[1], query=query
        ).render_as_string(hide_password=False)

    def __enter__(self) -> Self:
        """Begin to listen."""
        self._start(self._accept)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close everything."""
        self._stop.set()
        for one in self._threads:
            one.join(5)
        self._listener.close()

    def _start(self, target: object, *arguments: socket.socket) -> None:
        thread = threading.Thread(target=target, args=arguments, daemon=True)  # type: ignore[arg-type]  # a method
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while not self._stop.is_set():
            if select.select([self._listener], [], [], 0.05)[0]:
                client, _ = self._listener.accept()
                self._start(self._pass_on, client)

    def _pass_on(self, client: socket.socket) -> None:
        with client, self._connect() as server:
            other = {client: server, server: client}
            while not self._stop.is_set():
                if self.blocked.is_set():
                    self._stop.wait(0.02)
                    continue
                ready, _, _ = select.select([client, server], [], [], 0.05)
                for one in ready:
                    data = b""
                    with contextlib.suppress(OSError):
                        data = one.recv(65536)
                        other[one].sendall(data)
                    if not data:
                        return

    def _connect(self) -> socket.socket:
        folder = self._target.query.get("host")
        if not isinstance(folder, str):
            return socket.create_connection(
                (self._target.host or "127.0.0.1", self._target.port or 5432)
            )
        server = socket.socket(socket.AF_UNIX)
        server.connect(f"{folder}/.s.PGSQL.{self._target.port or 5432}")
        return server
