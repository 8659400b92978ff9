"""The way to QuickBooks: what is lost, delayed, replayed and refused on it, and what was written.

Promises that each request's fate is one that a real network, proxy or QuickBooks has been seen to
give. Promises that every write that QuickBooks carried out is noted, whoever heard of it.
"""

from __future__ import annotations

import json
import random
from collections import Counter
from typing import TYPE_CHECKING, Any, Final

import attrs
import httpx

from dunahub_qbo_plugin.emulator.world import fault_bodies
from tests.simulation.scheduler import Killed

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from tests.simulation.scheduler import Life, Scheduler

WRITTEN: Final = frozenset({"customer", "invoice", "payment"})
SILENCE: Final = 60.0
"""Seconds after which a client that hears nothing gives up."""
LONGEST: Final = 110.0
"""Seconds within which QuickBooks has carried out what arrived (Intuit: two minutes)."""


@attrs.frozen(kw_only=True)
class Refusal:
    """An answer that QuickBooks' books did not give.

    Attributes:
        status: HTTP's.
        shape: of the body.
        code: QuickBooks' code in it.
        text: what its detail says.
        after: QuickBooks carries the request out all the same.
        retry_after: seconds, of a 429.
    """

    status: int
    shape: fault_bodies.Shape = "fault"
    code: str = ""
    text: str | None = None
    after: bool = False
    retry_after: int | None = None


_UNEXPECTED: Final = "Unexpected Internal Error. (-30003)"

REFUSALS: Final[dict[str, Refusal]] = {
    "unavailable": Refusal(status=503, shape="html"),
    "failure": Refusal(status=500, code="10000"),
    "throttled": Refusal(status=429, shape="xml", code="3001", retry_after=5),
    "unauthorized": Refusal(status=401, shape="gateway", code="3200"),
    "forbidden-page": Refusal(status=403, shape="html"),
    "bad-page": Refusal(status=400, shape="html"),
    "missing-page": Refusal(status=404, shape="empty"),
    "good-page": Refusal(status=200, shape="html"),
    "stale": Refusal(status=400, code="5010"),
    "key-used": Refusal(status=400, code="600"),
    "busy": Refusal(status=400, code="6000"),
    "no-resource": Refusal(
        status=400, code="500", text="Could not find resource for relative : /v3/company"
    ),
    "refused": Refusal(status=400, code="6000", text="You cannot do this just now."),
    "done-but-busy": Refusal(status=400, code="6000", text=_UNEXPECTED, after=True),
    "done-but-failure": Refusal(status=500, code="10000", after=True),
    "done-but-page": Refusal(status=502, shape="html", after=True),
    "done-but-good-page": Refusal(status=200, shape="html", after=True),
}
AGAIN, MOST_IN_A_ROW = 0.7, 4
"""How often what goes wrong once goes wrong again, and how often in a row at most."""
LOSSES: Final = ("unreachable", "reset", "silence", "cut", "slow", "held", "replayed")
ANSWERED: Final = frozenset({"answered", "slow", "replayed"})
"""Fates that let the answer through."""
FATES: Final = (*REFUSALS, *LOSSES)
SIGN_IN_FATES: Final = ("unavailable", "failure", "unreachable", "reset", "silence", "good-page")


@attrs.define(kw_only=True, eq=False)
class Request:
    """One request, and what became of it.

    Attributes:
        step: when it left.
        life: of the process that sent it.
        record: which record it is about, as told by `Wire.names`; None for a read.
        key: its ``requestid``.
        looked: the step at which its sender last looked whose the company is.
        fate: what the network did to it.
        carried_out: QuickBooks did what it asks, just then.
        made: Id of the object that it made; empty when it made none.
        status: of the answer that its sender got; 0 for none.
        reached: Intuit acted on it.
        ended: when its sender heard of it.
    """

    step: int
    left: float
    life: Life
    path: str
    realm: str = ""
    entity: str = ""
    operation: str = ""
    record: str | None = None
    key: str = ""
    body: dict[str, Any] = attrs.field(factory=dict, repr=False)
    looked: int | None = None
    fate: str = "answered"
    carried_out: bool = False
    made: str = ""
    id: str = ""
    status: int = 0
    reached: bool = False
    ended: float | None = None

    @property
    def is_renewal(self) -> bool:
        """Whether it asks for new tokens."""
        return self.path.endswith("/tokens/bearer")

    @property
    def was_heard(self) -> bool:
        """Whether its sender got the answer that QuickBooks gave, in time."""
        in_time = self.ended is not None and self.ended - self.left < SILENCE
        return in_time and self.fate in ANSWERED

    @property
    def place(self) -> tuple[str, str, str]:
        """The object it is about."""
        return (self.realm, self.entity, self.id)


class Wire(httpx.BaseTransport):
    """The way of one process to QuickBooks.

    Args:
        net: what all ways have in common.
        life: of the process.
    """

    def __init__(self, net: Network, life: Life) -> None:
        self._net = net
        self._life = life

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Carry a request to QuickBooks, or do what fate wants with it."""
        if self._life.dead:
            raise Killed
        scheduler = self._net.scheduler
        scheduler.point(f"> {request.method} {request.url.path}", leaving=True)
        noted = self._net.note(request, self._life)
        if (task := scheduler.current) is not None:
            noted.looked, task.looked = task.looked, None
        self._net.under_way.append(noted)
        try:
            response = self._net.carry(request, noted)
        finally:
            self._net.under_way.remove(noted)
        noted.status, noted.ended = response.status_code, scheduler.monotonic
        return response


class Network:
    """What happens between the processes and QuickBooks, and what was written there.

    Args:
        scheduler: moves time.
        inner: QuickBooks.
        seed: of what goes wrong.
        share: how many requests go wrong, 0 to 1.
        fates: what can go wrong.

    Attributes:
        faults: how many requests went wrong.
        requests: all there were.
        under_way: those that nobody has heard of yet.
        owners: which record each object is that was made over this network: by realm, entity, Id.
        watchers: called after each write that QuickBooks carried out.
    """

    def __init__(
        self,
        scheduler: Scheduler,
        inner: httpx.BaseTransport,
        *,
        seed: str,
        share: float,
        fates: Collection[str],
    ) -> None:
        self.scheduler = scheduler
        self._inner = inner
        self._dice = random.Random(f"{seed}/network")  # noqa: S311  replayable, not secret
        self.share = share
        self._fates = [fate for fate in FATES if fate in fates]
        self._tokens: dict[tuple[str, str, str], int] = {}
        self.under_way: list[Request] = []
        self.faults = 0
        self.requests: list[Request] = []
        self.owners: dict[tuple[str, str, str], str] = {}
        self.watchers: list[Callable[[Request], None]] = []
        self._met: Counter[str] = Counter()

    def note(self, request: httpx.Request, life: Life) -> Request:
        """Write down that a request left."""
        path = request.url.path
        noted = Request(
            step=self.scheduler.steps, left=self.scheduler.monotonic, life=life, path=path
        )
        parts = path.strip("/").split("/")
        if parts[:2] == ["v3", "company"]:
            noted.realm, noted.entity = parts[2], parts[3]
        if request.method == "POST" and noted.entity in WRITTEN:
            self._note_write(noted, request)
        self.requests.append(noted)
        return noted

    def _note_write(self, noted: Request, request: httpx.Request) -> None:
        noted.body = json.loads(request.content)
        noted.key = request.url.params.get("requestid", "")
        voids = request.url.params.get("operation") == "void" or "include" in request.url.params
        noted.operation = "void" if voids else "update" if "Id" in noted.body else "create"
        noted.id = noted.body.get("Id", "")
        noted.record = self.owners.get((noted.realm, noted.entity, noted.id)) or named(
            noted.entity, noted.body
        )

    def carry(self, request: httpx.Request, noted: Request) -> httpx.Response:
        """Let a request meet its fate; gives the answer that comes back."""
        fate = self._draw(noted)
        if fate is not None:
            noted.fate = fate
            self.faults += 1
            self.scheduler.reached.add(f"fate {fate}")
            self.scheduler.note(f"  fate: {fate}")
        if fate in REFUSALS:
            return self._refuse(request, noted, REFUSALS[fate])
        if fate is not None:
            return self._lose(request, noted, fate)
        response = self._reach(request, noted)
        self.scheduler.point(f"< {response.status_code} {request.url.path}")
        return response

    def _draw(self, noted: Request) -> str | None:
        number, fate = self._dice.random(), self._dice.random()
        fates = self._fates
        if not noted.realm:
            fates = [one for one in fates if one in SIGN_IN_FATES]
        met = self._met[noted.key] if noted.key else 0
        share = AGAIN if self.share and 0 < met <= MOST_IN_A_ROW else self.share
        if number >= share or not fates:
            return None
        self._met[noted.key] += 1
        return fates[int(fate * len(fates))]

    def _reach(self, request: httpx.Request, noted: Request) -> httpx.Response:
        response = self._inner.handle_request(request)
        noted.reached = True
        if noted.record is not None and response.status_code == httpx.codes.OK:
            self._written(noted, response)
        self.scheduler.note(f"  carried out: {noted.record} {response.status_code} {noted.id}")
        return response

    def _written(self, noted: Request, response: httpx.Response) -> None:
        entity = json.loads(response.content).get(noted.entity.capitalize())
        if entity is None:
            return  # a Fault with a good status
        assert noted.record is not None
        noted.id = entity["Id"]
        token = int(entity["SyncToken"])
        if token <= self._tokens.get(noted.place, -1):
            self.scheduler.reached.add(f"a {noted.operation} replayed by QuickBooks")
            return  # QuickBooks says again what it said before
        self._tokens[noted.place] = token
        noted.carried_out = True
        if noted.place not in self.owners:
            self.owners[noted.place] = noted.record
            noted.made = noted.id
        for watch in self.watchers:
            watch(noted)

    def _refuse(self, request: httpx.Request, noted: Request, refusal: Refusal) -> httpx.Response:
        if refusal.after:
            self._reach(request, noted)
        message, detail = fault_bodies.texts(refusal.code)
        body = fault_bodies.shaped(
            refusal.shape,
            status=refusal.status,
            code=refusal.code,
            message=message,
            detail=detail if refusal.text is None else refusal.text,
            now=self.scheduler.now(),
        )
        headers = {"Content-Type": body.content_type, "intuit_tid": "1-simulated"}
        if refusal.retry_after is not None:
            headers["Retry-After"] = str(refusal.retry_after)
        self.scheduler.point(f"< {refusal.status} {request.url.path}")
        return httpx.Response(
            refusal.status, headers=headers, content=body.content, request=request
        )

    def _lose(self, request: httpx.Request, noted: Request, fate: str) -> httpx.Response:
        if fate == "unreachable":
            raise httpx.ConnectError("Connection refused", request=request)
        if fate == "held":
            self.scheduler.at(self._dice.uniform(1, LONGEST), lambda: self._arrive(request, noted))
            self.scheduler.wait("silence", lambda: False, SILENCE)
            raise httpx.ReadTimeout("timed out", request=request)
        response = self._reach(request, noted)
        if fate == "replayed":
            self.scheduler.at(self._dice.uniform(0, LONGEST), lambda: self._arrive(request, noted))
        if fate == "slow":
            self.scheduler.wait("slow", lambda: False, self._dice.uniform(1, SILENCE))
        if fate == "silence":
            self.scheduler.wait("silence", lambda: False, SILENCE)
            raise httpx.ReadTimeout("timed out", request=request)
        self.scheduler.point(f"< {response.status_code} {request.url.path}")
        if fate == "reset":
            raise httpx.ReadError("Connection reset by peer", request=request)
        if fate == "cut":
            raise httpx.RemoteProtocolError("peer closed connection", request=request)
        return response

    def _arrive(self, request: httpx.Request, noted: Request) -> None:
        """Let a request reach QuickBooks that nobody waits for."""
        again = attrs.evolve(noted, step=self.scheduler.steps, fate=f"{noted.fate} later")
        if again.operation == "create":
            again.id, again.made = "", ""
        self.requests.append(again)
        self._reach(request, again)


def named(entity: str, body: dict[str, Any]) -> str | None:
    """Tell which record an object is, by what was written into it."""
    if entity == "customer":
        name = str(body.get("DisplayName", ""))
        return name.partition(" (")[0] or None
    _, mark, rest = str(body.get("PrivateNote", "")).partition(f"[DunaHub {entity} ")
    return rest.partition("]")[0] if mark else None
