"""An emulator served on a port: cheroot, threads, keep-alive."""

from __future__ import annotations

import contextlib
import threading
from typing import TYPE_CHECKING, Self

from dunahub_qbo_plugin.emulator.server.app import create_app
from dunahub_qbo_plugin.emulator.server.foreign import LOOPBACK
from dunahub_qbo_plugin.emulator.server.run_options import RunOptions, build_world
from dunahub_qbo_plugin.emulator.server.sockets import Server

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from types import TracebackType

    from dunahub_qbo_plugin.emulator.world.world import World


class RunningEmulator:
    """An emulator that serves on a port until it is closed. Also a context manager.

    Attributes:
        url: Base address, such as `http://127.0.0.1:41234`.
        world: What it serves; changes take effect with the next request.
    """

    def __init__(self, *, server: Server, thread: threading.Thread, world: World) -> None:
        host, port = server.bind_addr[:2]
        self.url = f"http://{f'[{host}]' if ':' in host else host}:{port}"
        self.world = world
        self._server = server
        self._thread = thread

    def close(self) -> None:
        """Stop serving and let the port go; wait until both are done."""
        self._server.closing.set()
        self._server.stop()
        self._thread.join()

    def __enter__(self) -> Self:
        """Return the emulator itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close."""
        self.close()


def serve(world: World, host: str = "127.0.0.1", port: int = 0) -> RunningEmulator:
    """Serve a world; return as soon as connections are accepted.

    Args:
        world: What to serve. Several servers may serve one world, and several worlds may be
            served by one process.
        host: Address to listen on.
        port: Port to listen on; 0 takes a free one.

    Raises:
        OSError: The port is taken.
    """
    server = Server((host, port), create_app(world, local_only=host in LOOPBACK))
    server.prepare()
    thread = threading.Thread(target=server.serve, name=f"emulator-{server.bind_addr[1]}")
    thread.daemon = True
    thread.start()
    return RunningEmulator(server=server, thread=thread, world=world)


def run(
    host: str,
    port: int,
    seeds: Iterable[str],
    options: RunOptions,
    *,
    started: Callable[[RunningEmulator], None] = lambda _: None,
    until: threading.Event | None = None,
) -> None:
    """Serve until Ctrl-C, as the command line does.

    Args:
        host: Address to listen on.
        port: Port to listen on; 0 takes a free one.
        seeds: Names from `SEEDS`, one company each; `name=id` gives it an id of one's own.
        options: Everything else.
        started: Called once connections are accepted.
        until: Ends the serving when set; by default only Ctrl-C does.

    Raises:
        OSError: The port is taken.
        ValueError: An option does not fit.
    """
    with serve(build_world(seeds, options), host, port) as running:
        started(running)
        with contextlib.suppress(KeyboardInterrupt):
            (until or threading.Event()).wait()
