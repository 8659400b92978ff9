"""The far side: an emulator on a port, in a process of its own so that only the client counts."""

from __future__ import annotations

import multiprocessing
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import attrs

from dunahub_qbo_plugin.emulator.server.serve import RunningEmulator, serve
from dunahub_qbo_plugin.emulator.world.company_seeds import seed_contractor
from dunahub_qbo_plugin.emulator.world.throttle import ThrottleSettings
from dunahub_qbo_plugin.emulator.world.world import SEEDS, World
from dunahub_qbo_plugin.testing.emulator import REDIRECT_URI

if TYPE_CHECKING:
    from collections.abc import Iterator
    from multiprocessing.connection import Connection

REALM = SEEDS["contractor"][0]


@attrs.frozen(kw_only=True)
class Request:
    """One request as the far side saw it; `at` is the machine's time in seconds."""

    at: float
    realm: str
    path: str
    status: int
    write: bool
    metered: bool


def _serve(pipe: Connection) -> None:
    """Serve until told to stop; do what is asked."""
    limits = ThrottleSettings(per_minute=None, concurrent=None, batch_per_minute=None)
    world = World.default(seeds=["contractor"], throttle=limits, redirect_uris=(REDIRECT_URI,))
    with serve(world) as running:
        pipe.send(running.url)
        while (asked := pipe.recv()) is not None:
            name, argument = asked
            pipe.send(_answer(running, name, argument))


def _answer(running: RunningEmulator, name: str, argument: Any) -> Any:  # noqa: ANN401  by name
    world = running.world
    match name:
        case "latency":
            world.service.latency = argument
        case "company":
            world.add_company(realm_id=argument, name=f"Company {argument}", seed=seed_contractor)
        case "tokens":
            issued = world.connect(realm=argument)
            return issued.access_token, issued.refresh_token
        case "count":
            return sum(entry.write for entry in world.journal.entries())
        case "customers":
            return [one["name"] for one in world.companies[argument].books.books()["customers"]]
        case "forget":
            world.journal.clear()
        case "cpu":
            return time.process_time()
        case "log":
            return [
                Request(
                    at=entry.at.timestamp(),
                    realm=entry.realm,
                    path=entry.path,
                    status=entry.status,
                    write=entry.write,
                    metered=entry.metered,
                )
                for entry in world.journal.entries()
                if entry.kind == "api"
            ]
    return None


class FarSide:
    """An emulator without limits in another process.

    Attributes:
        url: its address.
    """

    def __init__(self, url: str, pipe: Connection) -> None:
        self.url = url
        self._pipe = pipe
        self._lock = threading.Lock()

    def _ask(self, name: str, argument: object = None) -> Any:  # noqa: ANN401  by name
        with self._lock:
            self._pipe.send((name, argument))
            return self._pipe.recv()

    def latency(self, seconds: float) -> None:
        """Let every answer be late by so much."""
        self._ask("latency", seconds)

    def company(self, realm: str) -> None:
        """Add a company."""
        self._ask("company", realm)

    def tokens(self) -> tuple[str, str]:
        """Return an access and a refresh token for the first company."""
        given: tuple[str, str] = self._ask("tokens", REALM)
        return given

    def forget(self) -> None:
        """Forget the requests so far."""
        self._ask("forget")

    def cpu(self) -> float:
        """Return the seconds of processor time that its process has taken."""
        return float(self._ask("cpu"))

    def writes(self) -> int:
        """Count the writes since `forget`."""
        return int(self._ask("count"))

    def customers(self, realm: str) -> list[str]:
        """Return the names of a company's customers."""
        names: list[str] = self._ask("customers", realm)
        return names

    def requests(self) -> list[Request]:
        """Return the API requests since `forget`, 20,000 at most."""
        log: list[Request] = self._ask("log")
        return log


@contextmanager
def far_side() -> Iterator[FarSide]:
    """Start one, and end it with the block."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_serve, args=(theirs,), daemon=True)
    process.start()
    try:
        yield FarSide(ours.recv(), ours)
    finally:
        ours.send(None)
        process.join(10)
