"""Two workers on one database, whose requests a test can hold back."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any, Generic, Self, TypeVar

import attrs
import httpx

from dunahub_qbo_plugin.runtime import build
from tests.support.clock import FakeClock
from tests.support.office import Office

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from types import TracebackType

    from dunahub_qbo_plugin.runtime import Runtime

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


class Pair(Office):
    """A connected office with two workers.

    Attributes:
        runtime, line: of the one worker.
        other, other_line: of the other.
    """

    def __init__(self, folder: Path, **options: Any) -> None:  # noqa: ANN401  Office's own
        options.setdefault("clock", FakeClock())
        super().__init__(folder, **options)
        self.runtime.close()
        self.line = Line(self.emulator.transport())
        self.other_line = Line(self.emulator.transport())
        self.runtime = self._build(self.line)
        self.other = self._build(self.other_line)
        self.plugin._runtime = self.runtime
        self.connect()
        self.line.sent.clear()

    def _build(self, line: Line) -> Runtime:
        return build(self.config, clock=self.clock, transport=line)

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

    def drain_there(self) -> int:
        """Let the other worker send what is due."""
        return self.other.drainer.drain(self.connection().id)
