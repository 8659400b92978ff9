"""Records exchanges: does what their files say, against an emulator or Intuit's sandbox."""

from __future__ import annotations

from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qsl, urlsplit

import attrs

from dunahub_qbo_plugin.clock import SystemClock
from dunahub_qbo_plugin.errors import QboError
from dunahub_qbo_plugin.model import ReadReason
from dunahub_qbo_plugin.qbo.auth import Grant, Secret
from dunahub_qbo_plugin.qbo.client import QboClient
from dunahub_qbo_plugin.qbo.company_reads import read_profile
from dunahub_qbo_plugin.qbo.fault_table import row_of
from dunahub_qbo_plugin.qbo.profile import company_profile
from dunahub_qbo_plugin.qbo.throttle import Throttles
from dunahub_qbo_plugin.qbo.transport import http_client
from dunahub_qbo_plugin.testing import scrub as scrubbing
from dunahub_qbo_plugin.testing.clock import SteeredClock
from dunahub_qbo_plugin.testing.exchanges import REQUEST_ID, Exchange, decode
from dunahub_qbo_plugin.testing.isolation import Apart
from dunahub_qbo_plugin.testing.scenes import Stage, perform, prepare

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping
    from datetime import date

    import httpx

    from dunahub_qbo_plugin.clock import Clock
    from dunahub_qbo_plugin.config import Config
    from dunahub_qbo_plugin.emulator import Emulator
    from dunahub_qbo_plugin.model import CompanyProfile

START: Final = datetime(2026, 3, 2, 17, 0, tzinfo=UTC)
"""The emulator's moment while it is recorded, so that a recording can be compared."""
EMULATED_ONLY: Final = ("settings", "prepare", "trouble")
"""What only an emulator can be brought to."""
AGENT: Final = "dunahub-qbo-plugin/fixtures"
PROFILE: Final = {
    "company": ("company/info", "CompanyInfo"),
    "preferences": ("company/preferences", "Preferences"),
}
LISTS: Final = {
    "accounts": ("company/accounts", "Account"),
    "items": ("company/items", "Item"),
    "payment_methods": ("company/payment-methods", "PaymentMethod"),
    "tax_codes": ("company/tax-codes", "TaxCode"),
}


class Tap:
    """Listens on a transport and keeps the last request and its answer.

    Args:
        send: passes a request on.
    """

    def __init__(self, send: Callable[[httpx.Request], httpx.Response]) -> None:
        self._send = send
        self.request: httpx.Request | None = None
        self.response: httpx.Response | None = None

    def transport(self) -> httpx.BaseTransport:
        """Return the transport to listen on."""
        import httpx  # noqa: PLC0415  not for every pytest

        return httpx.MockTransport(self._handle)

    def _handle(self, request: httpx.Request) -> httpx.Response:
        import httpx  # noqa: PLC0415  as above

        answer = self._send(request)
        self.request = request
        headers = [pair for pair in answer.headers.multi_items() if pair[0] != "content-encoding"]
        self.response = httpx.Response(answer.status_code, headers=headers, content=answer.read())
        return self.response


@attrs.frozen(kw_only=True)
class Bench:
    """A client with a tap on its line, and what it may work in.

    Attributes:
        apart: what keeps exchanges apart in a company that remembers; None where each has its own.
    """

    tap: Tap
    client: QboClient
    grant: Grant
    apart: Apart | None = None

    @classmethod
    def make(
        cls,
        send: Callable[[httpx.Request], httpx.Response],
        *,
        api_url: str,
        realm: str,
        token: str,
        clock: Clock,
    ) -> Bench:
        """Set one up.

        Args:
            send: passes a request on.
            api_url: base of the Accounting API.
            realm: the company's id.
            token: an access token for it.
            clock: for the limits.
        """
        tap = Tap(send)
        client = QboClient(
            api_url=api_url,
            http=http_client(user_agent=AGENT, transport=tap.transport()),
            throttles=Throttles(clock),
            user_agent=AGENT,
        )
        grant = Grant(company="fixtures", realm_id=Secret(realm), access_token=Secret(token))
        apart = send if isinstance(send, Apart) else None
        return cls(tap=tap, client=client, grant=grant, apart=apart)

    def seen(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return the last request and answer, scrubbed."""
        assert self.tap.request is not None  # noqa: S101  asked after a request
        assert self.tap.response is not None  # noqa: S101  as above
        hide = {
            "token": self.grant.access_token.reveal(),
            "realm": self.grant.realm_id.reveal(),
        }
        return (
            scrubbed_request(self.tap.request, **hide),
            {
                "status": self.tap.response.status_code,
                "headers": scrubbing.headers(self.tap.response.headers, **hide),
                "body": scrubbing.scrub(_body(self.tap.response.content), **hide),
            },
        )


def scrubbed_request(request: httpx.Request, *, token: str = "", realm: str = "") -> dict[str, Any]:
    """Return a request as it is kept, and as it is compared."""
    address = urlsplit(str(request.url))
    query = dict(parse_qsl(address.query, keep_blank_values=True))
    if "requestid" in query:
        query["requestid"] = REQUEST_ID
    kept = ("accept", "content-type")
    headers = {name: request.headers[name] for name in kept if name in request.headers}
    whole = {
        "method": request.method,
        "path": address.path,
        "query": query,
        "headers": headers,
        "body": _body(request.content),
    }
    clean: dict[str, Any] = scrubbing.scrub(whole, token=token, realm=realm)
    return clean


def record_emulator(
    exchanges: Mapping[str, Exchange], *, today: date, only: Collection[str] | None = None
) -> Iterator[Exchange]:
    """Record every exchange that is not a documented one, each in a world of its own.

    Args:
        exchanges: what to do.
        today: for the source; the emulator's own clock stands at `START`.
        only: names of those to record; None for all.
    """
    # Read in a world of its own: reading takes time, and one exchange alone would be told later.
    profile = staged_emulator(Exchange(name="", title=""), exchanges)[1].profile
    for exchange in exchanges.values():
        if not _wanted(exchange, only):
            continue
        bench, stage, _ = staged_emulator(exchange, exchanges, profile)
        yield _recorded(exchange, stage, bench, against="emulator", on=today)


def staged_emulator(
    exchange: Exchange, exchanges: Mapping[str, Exchange], profile: CompanyProfile | None = None
) -> tuple[Bench, Stage, Emulator]:
    """Make an emulator in which everything has happened that an exchange builds on."""
    from dunahub_qbo_plugin.emulator import SEEDS, Emulator, World  # noqa: PLC0415  needs the extra

    clock = SteeredClock(START)
    emulator = Emulator(World.default(clock=clock.now))
    realm = SEEDS[str(exchange.given.get("company", "contractor"))][0]
    token = emulator.world.connect(realm=realm).access_token
    bench = Bench.make(
        emulator.transport().handle_request,
        api_url=emulator.base_url,
        realm=realm,
        token=token,
        clock=clock,
    )
    stage = _stage(exchanges, bench, exchange, profile)
    prepare(exchange, emulator, realm, stage)
    return bench, stage, emulator


@contextmanager
def sandbox(config: Config, company_id: str) -> Iterator[Bench]:
    """Return a client of a connected company of Intuit's sandbox, for `record_sandbox`.

    Args:
        config: of the plugin that it is connected with.
        company_id: our id of the company.

    Raises:
        QuickBooksPluginError: the company cannot be spoken to.
    """
    import httpx  # noqa: PLC0415  not for every pytest

    from dunahub_qbo_plugin.runtime import build  # noqa: PLC0415  as above

    runtime = build(config)
    try:
        grant = runtime.panel.connection_service.tokens.grant(company_id)
        with httpx.HTTPTransport() as line:
            yield Bench.make(
                Apart(line.handle_request),
                api_url=config.api_url,
                realm=grant.realm_id.reveal(),
                token=grant.access_token.reveal(),
                clock=SystemClock(),
            )
    finally:
        runtime.http.close()
        runtime.database.close()


def record_sandbox(
    exchanges: Mapping[str, Exchange],
    bench: Bench,
    *,
    against: str,
    today: date,
    only: Collection[str] | None = None,
) -> Iterator[Exchange]:
    """Record what can be had of a real company: not documented ones, nor faults made on purpose.

    Args:
        exchanges: what to do.
        bench: a client of the sandbox.
        against: its name, for the source.
        today: for the source.
        only: names of those to record; None for all.
    """
    profile = None
    for exchange in exchanges.values():
        made = any(exchange.given.get(name) for name in EMULATED_ONLY)
        if made or not _wanted(exchange, only):
            continue
        if bench.apart is not None:
            bench.apart.renew()
        stage = _stage(exchanges, bench, exchange, profile)
        profile = profile or stage.profile
        yield _recorded(exchange, stage, bench, against=against, on=today)


def _wanted(exchange: Exchange, only: Collection[str] | None) -> bool:
    documented = exchange.source.get("kind") == "documented"  # a page's, which stays what it is
    return not documented and (only is None or exchange.name in only)


def needs(exchange: Exchange, exchanges: Mapping[str, Exchange]) -> list[str]:
    """Name the exchanges that come before one, first things first."""
    found: list[str] = []
    for name in exchange.given.get("after") or ():
        found += [one for one in (*needs(exchanges[name], exchanges), name) if one not in found]
    return found


def profile_from(results: Mapping[str, Mapping[str, Any]]) -> CompanyProfile:
    """Read a company's profile from the answers of the ``company`` exchanges."""
    single = {name: results[case][entity] for name, (case, entity) in PROFILE.items()}
    lists = {
        name: results[case]["QueryResponse"].get(entity, ())
        for name, (case, entity) in LISTS.items()
    }
    return company_profile(**single, **lists)


def meaning(error: QboError) -> dict[str, str]:
    """Say what the plugin makes of a refusal: the error, the table's row, who must act."""
    row = row_of(error.info)
    return {"error": type(error).__name__, "row": row.name, "who": row.who.value}


def _stage(
    exchanges: Mapping[str, Exchange],
    bench: Bench,
    exchange: Exchange,
    profile: CompanyProfile | None,
) -> Stage:
    results: dict[str, Mapping[str, Any]] = {}
    profile = profile or read_profile(bench.client, bench.grant, reason=ReadReason.CONNECT)
    stage = Stage(exchanges=exchanges, results=results, profile=profile)
    for name in needs(exchange, exchanges):
        perform(exchanges[name], stage, bench.client, bench.grant)
        results[name] = bench.seen()[1]["body"]
    return stage


def _recorded(
    exchange: Exchange, stage: Stage, bench: Bench, *, against: str, on: date
) -> Exchange:
    means: dict[str, str] = {}
    try:
        perform(exchange, stage, bench.client, bench.grant)
    except QboError as error:
        means = meaning(error)
    request, response = bench.seen()
    source = {"kind": "recorded", "against": against, "date": on.isoformat()}
    source |= {name: one for name, one in exchange.source.items() if name not in source}
    return attrs.evolve(exchange, request=request, response=response, means=means, source=source)


def _body(content: bytes) -> Any:  # noqa: ANN401  JSON, a text, or nothing
    text = content.decode("utf-8", "replace")
    if not text:
        return None
    if text.lstrip().startswith("{"):
        return decode(text)
    return text
