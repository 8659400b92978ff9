"""What the emulator was asked, for a test or a person to look at. Holds no token and no realm."""

from __future__ import annotations

import itertools
import threading
from collections import deque
from typing import TYPE_CHECKING, Literal

import attrs

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from dunahub_qbo_plugin.emulator.world.http_messages import Request

Fate = Literal["answered", "replaced", "late", "cut", "lost", "refused"]


@attrs.frozen(kw_only=True)
class Entry:
    """One request as the emulator saw it.

    Attributes:
        number: Running number, in order of arrival.
        at: Arrival.
        kind: `api` or `oauth`.
        realm: The company, empty for OAuth.
        method: The verb.
        path: The path without the company's id: `/invoice/12`, `/oauth2/v1/tokens/bearer`.
        query: Names of the query parameters.
        requestid: The idempotency key that was sent, or None.
        status: The answer's status, or that of the answer the client never got; 0 if refused.
        fate: What became of the answer.
        carried_out: Whether the books or the token desk acted on the request.
        write: Whether the request asked for a change.
        metered: Whether Intuit's App Partner Program would count it: a successful read in a
            production company.
        under_way: Requests of the same company under way when it came, itself included.
        milliseconds: Time it took, waits included.
        intuit_tid: The answer's trace id.
        trouble: Number of the trouble rule that struck, or None.
        body: The request's body, if the emulator was told to keep bodies.
    """

    number: int
    at: datetime
    kind: Literal["api", "oauth"]
    realm: str
    method: str
    path: str
    query: tuple[str, ...]
    requestid: str | None
    status: int
    fate: Fate
    carried_out: bool
    write: bool
    metered: bool
    under_way: int
    milliseconds: float
    intuit_tid: str
    trouble: int | None = None
    body: str | None = None

    def plain(self) -> dict[str, object]:
        """Return the entry as JSON-able values; the realm is left out."""
        values = attrs.asdict(self, filter=lambda field, _: field.name != "realm")
        values["at"] = self.at.isoformat(timespec="milliseconds")
        values["query"] = list(self.query)
        return values


class Journal:
    """The last requests. Safe to use from several threads.

    Args:
        keep: How many requests are kept.
    """

    def __init__(self, *, keep: int = 20_000) -> None:
        self.keep_bodies = False
        self._entries: deque[Entry] = deque(maxlen=keep)
        self._numbers = itertools.count(1)
        self._lock = threading.Lock()
        self._watchers: list[Callable[[Entry], None]] = []

    def next_number(self) -> int:
        """Return a number for a request that just came in."""
        return next(self._numbers)

    def add(self, entry: Entry) -> None:
        """Keep an entry and tell the watchers."""
        self._entries.append(entry)
        for watcher in self._watchers:
            watcher(entry)

    def watch(self, watcher: Callable[[Entry], None]) -> None:
        """Call the watcher with each further entry, on the thread that serves the request."""
        self._watchers.append(watcher)

    def entries(
        self, *, realm: str | None = None, kind: str | None = None, after: int = 0
    ) -> list[Entry]:
        """Return the kept requests in order of arrival, all or those of one company or kind."""
        with self._lock:
            kept = list(self._entries.copy())
        chosen = (
            entry
            for entry in kept
            if entry.number > after and realm in {None, entry.realm} and kind in {None, entry.kind}
        )
        return sorted(chosen, key=lambda entry: entry.number)

    def clear(self) -> None:
        """Forget all requests; numbers go on."""
        self._entries.clear()


def body_of(request: Request, *, keep: bool) -> str | None:
    """Return the body as text if bodies are kept."""
    return request.body.decode("utf-8", "replace") if keep else None
