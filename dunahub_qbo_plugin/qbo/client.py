"""Client of the Accounting API: exact writes, few reads."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

from dunahub_qbo_plugin.errors import BadReference, Busy, QboError
from dunahub_qbo_plugin.model import Operation
from dunahub_qbo_plugin.qbo import payloads
from dunahub_qbo_plugin.qbo import query as language
from dunahub_qbo_plugin.qbo.answer import tid_of
from dunahub_qbo_plugin.qbo.auth import RedactedStr
from dunahub_qbo_plugin.qbo.consequences import Meaning
from dunahub_qbo_plugin.qbo.exact_json import encode
from dunahub_qbo_plugin.qbo.fault_table import row_of
from dunahub_qbo_plugin.qbo.faults import examine, refused_item
from dunahub_qbo_plugin.qbo.metrics import Metrics
from dunahub_qbo_plugin.qbo.read_gate import ReadGate
from dunahub_qbo_plugin.qbo.throttle import Throttles
from dunahub_qbo_plugin.qbo.transport import Transport

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from datetime import datetime
    from typing import Literal

    from dunahub_qbo_plugin.model import Intent, ReadReason, Written
    from dunahub_qbo_plugin.qbo.auth import Grant
    from dunahub_qbo_plugin.qbo.transport import Http

    Check = Callable[[], None] | None
    Reads = tuple[ReadReason, int] | None

MINOR_VERSION = "75"
"""The only minor version since August 2025; sent so that answers do not depend on a default."""
BATCHES_PER_MINUTE = 38
"""Intuit documents 40 a minute in one place and 120 in another; this stays below both."""
THROTTLE_PAUSE = 60.0
"""Seconds without requests after a 429 that names no time (Intuit, "Limits and throttles")."""
MAX_QUERY_LENGTH_IN_URL = 1500
"""Encoded characters up to which a query is sent by GET; a longer one is the body of a POST."""

MAX_PAGES = 200
"""Pages of one list that are read: of 1,000 rows each, far more than a list is chosen from."""

_VOID = {
    "invoice": {"operation": "void"},
    # Intuit's SDKs void a payment as an update; its reference also shows the other form.
    "payment": {"operation": "update", "include": "void"},
}

logger = logging.getLogger(__name__)


class QboClient:
    """Client of the Accounting API for any number of companies; thread-safe.

    Args:
        api_url: base of the Accounting API, such as ``https://quickbooks.api.intuit.com``.
        http: see `dunahub_qbo_plugin.qbo.transport.http_client`.
        throttles: the limits for each company.
        user_agent: product and version.

    Attributes:
        metrics: counts of requests by company, and latencies.
        reads: lets reads pass, or holds them back while QuickBooks answers none.

    Every method raises `QboError` (see `dunahub_qbo_plugin.errors`), and what ``check`` raises.
    ``check`` is called after any waiting, right before a request is sent.
    """

    def __init__(self, *, api_url: str, http: Http, throttles: Throttles, user_agent: str) -> None:
        self.metrics = Metrics()
        self.reads = ReadGate(throttles.clock)
        self._api_url = api_url.rstrip("/")
        self._throttles = throttles
        self._batches = Throttles(throttles.clock, per_minute=BATCHES_PER_MINUTE)
        self._user_agent = user_agent
        self._transport = Transport(http, clock=throttles.clock)

    def write(self, grant: Grant, intent: Intent, *, check: Check = None) -> Written:
        """Send an intent: its exact body, under its request key.

        Raises:
            Unreachable: no usable answer; the write may have been carried out.
            ValueError: QuickBooks cannot void this kind of object.
        """
        parameters = {"requestid": intent.request_key}
        if intent.operation is Operation.VOID:
            if intent.entity not in _VOID:
                raise ValueError(f"QuickBooks voids no {intent.entity}")
            parameters |= _VOID[intent.entity]
        payload, tid = self._call(
            grant,
            "POST",
            intent.entity,
            parameters,
            body=intent.body.encode(),
            content_type="application/json",
            check=check,
        )
        return payloads.written(payloads.entity(payload, intent.entity, tid), intent.entity, tid)

    def read(
        self,
        grant: Grant,
        entity: str,
        id: str,  # noqa: A002  QuickBooks' own name for it
        *,
        reason: ReadReason,
        check: Check = None,
    ) -> dict[str, Any] | None:
        """Read one object by Id; None when QuickBooks has no such object (610).

        Args:
            grant: of the company.
            entity: such as ``invoice``; case does not matter.
            id: QuickBooks' Id.
            reason: as which it is counted, as for every read.
            check: see the class.
        """
        path = f"{entity.lower()}/{quote(id, safe='')}"
        try:
            payload, tid = self._call(grant, "GET", path, {}, reads=(reason, 1), check=check)
        except BadReference as error:
            if error.info.code == "610":
                return None
            raise
        return payloads.entity(payload, entity, tid)

    def query(
        self, grant: Grant, statement: str, *, reason: ReadReason, check: Check = None
    ) -> list[dict[str, Any]]:
        """Run one statement (see `dunahub_qbo_plugin.qbo.query`) and return its rows."""
        if len(quote(statement)) <= MAX_QUERY_LENGTH_IN_URL:
            payload, tid = self._call(
                grant, "GET", "query", {"query": statement}, reads=(reason, 1), check=check
            )
        else:
            payload, tid = self._call(
                grant,
                "POST",
                "query",
                {},
                body=statement.encode(),
                content_type="application/text",
                reads=(reason, 1),
                check=check,
            )
        return payloads.rows(payload.get("QueryResponse"), tid)

    def batch_query(
        self,
        grant: Grant,
        statements: Sequence[str],
        *,
        reason: ReadReason,
        check: Check = None,
    ) -> list[list[dict[str, Any]]]:
        """Run several statements in one request and return the rows of each.

        Batches have a rate limit of their own, besides that of all requests; each statement is
        taken to be metered as a read.
        """
        asked = [
            {"bId": str(number), "Query": statement}
            for number, statement in enumerate(statements, start=1)
        ]
        with self._batches.of(grant.company).slot(check=check):
            payload, tid = self._call(
                grant,
                "POST",
                "batch",
                {},
                body=encode({"BatchItemRequest": asked}).encode(),
                content_type="application/json",
                reads=(reason, len(statements)),
                check=check,
            )
        return [
            payloads.rows(item.get("QueryResponse"), tid)
            for item in self._items(grant, payload, asked, tid)
        ]

    def _items(
        self,
        grant: Grant,
        payload: Mapping[str, Any],
        asked: Sequence[Mapping[str, str]],
        tid: str,
    ) -> list[dict[str, Any]]:
        """Return a batch's answers in the order of its items; raise the first refusal."""
        given = payloads.dicts(payload.get("BatchItemResponse"), tid)
        by_id = {str(item.get("bId")): item for item in given}
        for item in given:
            if refused := refused_item(item, tid=tid, secrets=grant.confidential()):
                raise refused
        return [by_id.get(item["bId"], {}) for item in asked]

    def query_all(
        self,
        grant: Grant,
        entity: str,
        where: Sequence[language.Condition] = (),
        *,
        reason: ReadReason,
        active: Literal["any"] | None = None,
        page: int = language.MAX_ROWS,
        check: Check = None,
    ) -> list[dict[str, Any]]:
        """Run a query page by page, ordered by Id, and return each object once.

        QuickBooks' own order moves while objects change, and a page would miss what moved. One
        request for each ``page`` rows, and one more if the last page is full. It ends at a page
        that tells nothing new, and after `MAX_PAGES`: one that is always full would be asked for
        without end.
        """
        found: dict[str, dict[str, Any]] = {}
        for start in range(1, page * MAX_PAGES, page):
            known = len(found)
            statement = language.select(
                entity, where, active=active, order_by="Id", start=start, max=page
            )
            rows = self.query(grant, statement, reason=reason, check=check)
            for row in rows:
                found[str(row.get("Id"))] = row
            if len(rows) < page or len(found) == known:
                return list(found.values())
        logger.warning("%s was read for %d pages and not to its end", entity, MAX_PAGES)
        return list(found.values())

    def cdc(
        self,
        grant: Grant,
        entities: Iterable[str],
        changed_since: datetime,
        *,
        reason: ReadReason,
        check: Check = None,
    ) -> dict[str, list[dict[str, Any]]]:
        """Return changed objects by entity; deleted ones have ``status`` "Deleted".

        QuickBooks looks back 30 days and returns at most 1,000 objects; it does not say when it
        leaves some out (Intuit's reference, ChangeDataCapture).
        """
        names = list(entities)
        parameters = {
            "entities": ",".join(names),
            "changedSince": changed_since.isoformat(timespec="seconds"),
        }
        payload, tid = self._call(grant, "GET", "cdc", parameters, reads=(reason, 1), check=check)
        found: dict[str, list[dict[str, Any]]] = {name: [] for name in names}
        for response in payloads.dicts(payload.get("CDCResponse"), tid):
            for block in payloads.dicts(response.get("QueryResponse"), tid):
                for name in names:
                    found[name] += payloads.dicts(block.get(name, []), tid)
        return found

    def wait(self, company: str) -> float:
        """Return the seconds for which the rate limit would hold back a request now."""
        return self._throttles.of(company).wait()

    def silence(self, company: str) -> float:
        """Return the seconds for which QuickBooks has owed an answer to whatever has left."""
        return self._throttles.of(company).silence()

    def company_info(
        self, grant: Grant, *, reason: ReadReason, check: Check = None
    ) -> dict[str, Any]:
        """Read the ``CompanyInfo`` object: the cheapest test of a connection."""
        path = RedactedStr(f"companyinfo/{quote(grant.realm_id.reveal(), safe='')}")
        payload, tid = self._call(grant, "GET", path, {}, reads=(reason, 1), check=check)
        return payloads.entity(payload, "companyinfo", tid)

    def preferences(
        self, grant: Grant, *, reason: ReadReason, check: Check = None
    ) -> dict[str, Any]:
        """Read the company's preferences."""
        payload, tid = self._call(grant, "GET", "preferences", {}, reads=(reason, 1), check=check)
        return payloads.entity(payload, "preferences", tid)

    def _call(
        self,
        grant: Grant,
        method: str,
        path: str,
        parameters: Mapping[str, str],
        *,
        body: bytes | None = None,
        content_type: str | None = None,
        reads: Reads = None,
        check: Check = None,
    ) -> tuple[Mapping[str, Any], str]:
        """Send one request and return its payload and ``intuit_tid``.

        ``reads`` tells why it is read, and as how many reads Intuit may count it; None for a write.
        """
        writes = int(reads is None)
        asked = urlencode({**parameters, "minorversion": MINOR_VERSION}, quote_via=quote)
        realm = RedactedStr(quote(grant.realm_id.reveal(), safe=""))
        url = RedactedStr(f"{self._api_url}/v3/company/{realm}/{path}?{asked}")
        headers = {
            "Authorization": grant.bearer(),
            "Accept": "application/json",
            "User-Agent": self._user_agent,
        }
        if content_type:
            headers["Content-Type"] = content_type
        secrets = grant.confidential()
        if reads is not None:
            self.reads.admit(grant.company)
        try:
            with self._throttles.of(grant.company).slot(check=check) as left:
                self.metrics.count(grant.company, reads=1 - writes, writes=writes)
                try:
                    answer = self._transport.exchange(
                        method, url, headers=headers, body=body, secrets=secrets
                    )
                finally:
                    self.metrics.latency.add(self._throttles.clock.monotonic() - left)
            verdict = examine(answer, now=self._throttles.clock.now(), secrets=secrets)
            if isinstance(verdict, QboError):
                raise verdict
        except QboError as error:
            self._note(grant, method, path, error)
            if isinstance(error, Busy) and error.throttled:
                self._hold(grant.company, error, reads)
            raise
        if reads is None:
            self.reads.written(grant.company)
        else:
            self.reads.answered(grant.company)
            self.metrics.read(grant.company, *reads)
        tid = tid_of(answer.headers)
        logger.debug("%s %s for %s: intuit_tid=%s", method, _noun(path), grant.company, tid)
        return verdict, tid

    def _note(self, grant: Grant, method: str, path: str, error: QboError) -> None:
        """Log a failure by its codes (Intuit asks for the tid)."""
        info = error.info
        logger.warning(
            "%s %s for %s failed: %s status=%s code=%s intuit_tid=%s",
            method,
            _noun(path),
            grant.company,
            type(error).__name__,
            info.status,
            info.code,
            info.intuit_tid,
        )

    def _hold(self, company: str, error: Busy, reads: Reads) -> None:
        """Hold back what else would be refused after a 429: reads alone, where it was a read.

        Raises:
            ReadsRefused: it was a read; writes show whether the company as a whole is throttled.
        """
        throttled = row_of(error.info).meaning is Meaning.THROTTLED
        if reads is not None and throttled:
            raise self.reads.refused(company, error.retry_after) from None
        if throttled:
            self.reads.throttled(company)
        wait = THROTTLE_PAUSE if error.retry_after is None else error.retry_after
        self._throttles.of(company).pause(wait)


def _noun(path: str) -> str:
    """Return the path's entity, without an Id."""
    return path.partition("/")[0]
