"""One request under way: what is known of it, and its line in the journal."""

from __future__ import annotations

import secrets
import time
from typing import TYPE_CHECKING

from dunahub_qbo_plugin.emulator.api.api_messages import ApiRequest
from dunahub_qbo_plugin.emulator.world.journal import Entry, Fate, body_of

if TYPE_CHECKING:
    from dunahub_qbo_plugin.emulator.world.http_messages import Request
    from dunahub_qbo_plugin.emulator.world.trouble import Strike
    from dunahub_qbo_plugin.emulator.world.world import World

_PREFIX = "/v3/company/"


class Exchange:
    """A request from its arrival to its answer.

    Attributes:
        request: What was asked.
        tid: The `intuit_tid` of the answer.
        is_api: Whether it is for a company's books.
        routed: Whether it names a company and something in it.
        realm: The company, empty if there is none.
        segments: The path after the company, decoded.
        write: Whether it asks for a change.
        read: Whether it asks for data.
        reads: How many questions it asks; more than one only in a batch.
        under_way: Requests of the company under way when it came, itself included.
        strike: The trouble rule that strikes it.
        carried_out: Whether it was acted on.
        metered: Whether Intuit would count it.
    """

    def __init__(self, world: World, request: Request) -> None:
        self._world = world
        self._began = time.perf_counter()
        self._at = world.clock()
        self._number = world.journal.next_number()
        self.request = request
        self.tid = f"1-{int(self._at.timestamp()):08x}-{secrets.token_hex(12)}"
        self.is_api = request.path.startswith("/v3/")
        parts = request.path.removeprefix(_PREFIX).rstrip("/").split("/")
        self.routed = request.path.startswith(_PREFIX) and len(parts) > 1 and parts[0] != ""
        self.realm = parts[0] if self.routed else ""
        self.segments = tuple(parts[1:]) if self.routed else ()
        self.write, self.read = _purpose(request, self.segments) if self.routed else (False, False)
        self.reads = _questions(request, self.segments) if self.read else 0
        self.under_way = 0
        self.strike: Strike | None = None
        self.carried_out = False
        self.metered = False

    @property
    def batch(self) -> bool:
        """Whether this is a call of `batch`."""
        return self.segments == ("batch",)

    def api_request(self, user: str = "") -> ApiRequest:
        """Return the request as the company sees it.

        Args:
            user: Name QuickBooks shows for the person behind the token.
        """
        request = self.request
        return ApiRequest(
            method=request.method,
            path=self.segments,
            query=request.query,
            body=request.body,
            content_type=request.media_type,
            accept=request.headers.get("accept", ""),
            user=user,
        )

    def note(self, status: int, fate: Fate) -> None:
        """Write the request into the journal."""
        request = self.request
        journal = self._world.journal
        journal.add(
            Entry(
                number=self._number,
                at=self._at,
                kind="api" if self.is_api else "oauth",
                realm=self.realm,
                method=request.method,
                path="/" + "/".join(self.segments) if self.routed else request.path,
                query=tuple(request.query),
                requestid=request.query.get("requestid"),
                status=status,
                fate=fate,
                carried_out=self.carried_out,
                write=self.write,
                metered=self.metered,
                under_way=self.under_way,
                milliseconds=round((time.perf_counter() - self._began) * 1000, 3),
                intuit_tid=self.tid,
                trouble=self.strike.number if self.strike is not None else None,
                body=body_of(request, keep=journal.keep_bodies and self.is_api),
            )
        )


def _purpose(request: Request, segments: tuple[str, ...]) -> tuple[bool, bool]:
    """Return whether the request asks for a change, and whether it asks for data."""
    if request.method != "POST" or segments[:1] == ("query",):
        return False, True
    if segments[:1] == ("batch",):
        return b'"operation"' in request.body, b'"Query"' in request.body
    return True, False


def _questions(request: Request, segments: tuple[str, ...]) -> int:
    """Return how many questions a request asks."""
    return request.body.count(b'"Query"') if segments[:1] == ("batch",) else 1
