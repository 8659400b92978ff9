"""Two workers on one database, whose requests a test can hold back."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Generic, Self, TypeVar

import attrs
import httpx

from dunahub_qbo_plugin.testing import FakeHost, QboEmulator, SteeredClock
from tests.support.host import START, database

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from types import TracebackType


DEADLINE = 20.0
"""Real seconds after which what should happen counts as not happening."""
Result = TypeVar("Result")


@attrs.define(eq=False)
class Line(httpx.BaseTransport):
    """One worker's way to QuickBooks.

    Attributes:
        sent: method and path of each request that left.
    """

    inner: httpx.BaseTransport
    sent: list[tuple[str, str]] = attrs.field(factory=list)
    _hold: str | None = None
    _after: bool = False
    _arrived: threading.Event = attrs.field(factory=threading.Event)
    _go: threading.Event = attrs.field(factory=threading.Event)

    def hold(self, path_end: str, *, after: bool = False) -> None:
        """Hold the next request to a path back: before it leaves, or its answer."""
        self._hold, self._after = path_end, after
        self._arrived.clear()
        self._go.clear()

    def await_held(self) -> None:
        """Wait until a request is held."""
        assert self._arrived.wait(DEADLINE), "no such request came"

    def let_go(self) -> None:
        """Let the held request go on."""
        self._go.set()

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Carry a request to QuickBooks."""
        held = self._hold is not None and request.url.path.endswith(self._hold)
        if held:
            self._hold = None
        self.sent.append((request.method, request.url.path))
        if held and not self._after:
            self._wait()
        response = self.inner.handle_request(request)
        if held and self._after:
            self._wait()
        return response

    def _wait(self) -> None:
        self._arrived.set()
        assert self._go.wait(DEADLINE), "nobody let it go"

    def writes(self) -> int:
        """Count the records that were sent."""
        kinds = ("/customer", "/invoice", "/payment")
        return sum(method == "POST" and path.endswith(kinds) for method, path in self.sent)


class Running(Generic[Result]):
    """Something that goes on in a thread meanwhile."""

    def __init__(self, work: Callable[[], Result]) -> None:
        self._work = work
        self._results: list[Result] = []
        self._errors: list[BaseException] = []
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        try:
            self._results.append(self._work())
        except BaseException as error:  # noqa: BLE001  raised again in `result`
            self._errors.append(error)

    def result(self) -> Result:
        """Wait for its end and give what came of it."""
        self._thread.join(DEADLINE)
        assert not self._thread.is_alive(), "it does not end"
        if self._errors:
            raise self._errors[0]
        return self._results[0]


class Pair(FakeHost):
    """A connected host with two processes.

    Args:
        folder: where the database goes.
        qbo: an emulator other than the usual one.
        database_url: another database than SQLite in the folder.

    Attributes:
        line: the one process' way to QuickBooks.
        other, other_line: the other process, and its way.
    """

    def __init__(
        self, folder: Path, *, qbo: QboEmulator | None = None, database_url: str | None = None
    ) -> None:
        qbo = qbo or QboEmulator(SteeredClock(START))
        url = database(folder, database_url)
        self.line, self.other_line = Line(qbo.transport()), Line(qbo.transport())
        super().__init__(folder, qbo=qbo, transport=self.line, database_url=url)
        self.other = FakeHost(
            folder,
            qbo=qbo,
            transport=self.other_line,
            database_url=url,
            fernet_keys=self.config.fernet_keys,
        )
        self.connect()
        self.line.sent.clear()

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close both."""
        self.line.let_go()
        self.other_line.let_go()
        self.other.close()
        self.close()
