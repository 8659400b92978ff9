"""One company behind `/v3/company/{realm}/`: every request of the Accounting API, answered."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

from dunahub_qbo_plugin.emulator.api.api_messages import ApiReply, ApiRequest
from dunahub_qbo_plugin.emulator.api.batch import run_batch
from dunahub_qbo_plugin.emulator.api.cdc import run_cdc
from dunahub_qbo_plugin.emulator.api.operations import Operations
from dunahub_qbo_plugin.emulator.api.pdf import render_pdf
from dunahub_qbo_plugin.emulator.api.query_engine import run_query
from dunahub_qbo_plugin.emulator.api.reply_envelope import Envelope
from dunahub_qbo_plugin.emulator.api.request_ids import MAX_LENGTH, RequestIds
from dunahub_qbo_plugin.emulator.books import business_faults, json_codec, request_faults
from dunahub_qbo_plugin.emulator.books.absent_entities import ABSENT
from dunahub_qbo_plugin.emulator.books.company_settings import CompanySettings
from dunahub_qbo_plugin.emulator.books.deposits import make_deposit
from dunahub_qbo_plugin.emulator.books.entities import BY_PATH, ENTITIES, Entity
from dunahub_qbo_plugin.emulator.books.ledger import Ledger
from dunahub_qbo_plugin.emulator.books.merging import merge_customers
from dunahub_qbo_plugin.emulator.books.overview import overview
from dunahub_qbo_plugin.emulator.books.schema import Schema, load_schema
from dunahub_qbo_plugin.emulator.books.singletons import Singletons

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import date, datetime
    from decimal import Decimal

Json = dict[str, Any]

_JSON_TYPES = ("application/json", "")
_XML_TYPES = ("application/xml", "text/xml")
_QUERY_TYPES = ("application/text", "text/plain", "application/json", "application/xml", "")
# The service quotes the address of the machine behind its gateway (recorded 2020).
_HOST = "https://c50.sandbox.qbo.intuit.com/qbo50"
_SENDABLE = ("Invoice", "Estimate", "SalesReceipt", "CreditMemo", "RefundReceipt")
_PRINTABLE = (*_SENDABLE, "Payment")


class Company:
    """A company's books and its API; safe to use from several threads.

    One request at a time is answered: what one writes, the next one sees.
    """

    def __init__(
        self,
        *,
        realm_id: str,
        name: str,
        clock: Callable[[], datetime],
        settings: CompanySettings | None = None,
        schema: Schema | None = None,
    ) -> None:
        """Open empty books.

        Args:
            realm_id: The company's Id.
            name: Its name.
            clock: The time, with a time zone.
            settings: Its switches, which may be changed at any time.
            schema: The property lists, read from the package if not given.
        """
        self.realm_id = realm_id
        self.settings = settings if settings is not None else CompanySettings()
        schema = schema if schema is not None else load_schema()
        self._lock = threading.RLock()
        self._ledger = Ledger(settings=self.settings, clock=clock, schema=schema)
        self._singles = Singletons(self._ledger, realm_id=realm_id, name=name)
        self._operations = Operations(self._ledger, self._singles)
        self._request_ids = RequestIds(self.settings)

    @property
    def name(self) -> str:
        """The company's current name."""
        return self._singles.name

    def watch(self, on_change: Callable[[str, str, str, str], None]) -> None:
        """Have each change told: the entity, its Id, what became of it, and what was merged."""
        self._ledger.on_change = on_change

    def today(self) -> date:
        """Return the company's own date."""
        with self._lock:
            self._ledger.begin()
            return self._ledger.today()

    def currency(self) -> Json:
        """Return a reference to the company's home currency."""
        return self._ledger.currency()

    def handle(self, request: ApiRequest) -> ApiReply:
        """Return answer one request; whatever is wrong with it is a fault in the reply."""
        with self._lock:
            self._ledger.begin()
            wants_json = request.query.get("format", "").lower() == "json"
            envelope = Envelope(
                time=self._ledger.time(),
                accept="application/json" if wants_json else request.accept,
                schema=self._ledger.schema,
            )
            try:
                return self._route(request, envelope)
            except request_faults.QboFaultError as fault:
                return envelope.fault(fault)
            except RecursionError:
                return envelope.fault(request_faults.unreadable())

    def keep_answer(self, request: ApiRequest, reply: ApiReply) -> None:
        """Keep an answer for all repeats of a write's request id, in the place of any other.

        Nothing happens if the request has no id.
        """
        request_id = request.query.get("requestid")
        if request_id:
            with self._lock:
                self._ledger.begin()
                self._request_ids.keep(request_id, _asked(request), reply, self._ledger.now)

    def books(self) -> Json:
        """Return everything in the company, with doubles pointed out, as plain JSON values."""
        with self._lock:
            return overview(self._ledger, realm_id=self.realm_id, name=self.name)

    def edit(self, entity: str, id_: str, changes: Json) -> Json:
        """Change an object as an accountant would: a sparse update with the current token.

        Raises:
            QboFaultError: Whatever refuses the change.
        """
        return self._as_accountant(entity, id_, {"sparse": True, **changes}, "update")

    def delete(self, entity: str, id_: str) -> Json:
        """Delete a transaction as an accountant would."""
        return self._as_accountant(entity, id_, {}, "delete")

    def void(self, entity: str, id_: str) -> Json:
        """Void a transaction as an accountant would."""
        return self._as_accountant(entity, id_, {}, "void")

    def deactivate(self, entity: str, id_: str) -> Json:
        """Make a list object inactive as an accountant would."""
        return self._as_accountant(entity, id_, {"sparse": True, "Active": False}, "update")

    def deposit(
        self,
        *payment_ids: str,
        id_: str | None = None,
        on: date | None = None,
        cash_back: Decimal | int = 0,
    ) -> Json:
        """Put payments on a bank deposit, which freezes them; return the deposit.

        Args:
            payment_ids: The payments.
            id_: The deposit's Id; the next one by default.
            on: Its date; today by default.
            cash_back: What of the money goes to the savings account instead.
        """
        with self._lock:
            self._ledger.begin()
            self._ledger.next_id_is("Deposit", id_)
            return make_deposit(
                self._ledger, payment_ids, on=on or self._ledger.today(), cash_back=cash_back
            ).load()

    def merge_customers(self, merged: str, into: str) -> Json:
        """Merge one customer into another as an accountant would; return the one that is left.

        Raises:
            QboFaultError: Whatever refuses it.
        """
        with self._lock:
            self._ledger.begin()
            return merge_customers(self._ledger, merged, into).load()

    def create(self, entity: str, body: Json, *, id_: str | None = None) -> Json:
        """Create an object as a user of the company would; return it.

        Args:
            entity: Which kind of object.
            body: What a request would hold.
            id_: Its Id; the next one by default.
        """
        with self._lock:
            self._ledger.begin()
            self._ledger.next_id_is(entity, id_)
            text = self._operations.write(
                ENTITIES[entity], body, operation="create", include=frozenset(), user=""
            )
            created: Json = json_codec.decode(text)
            return created

    def load(self, entity: str, data: Json) -> None:
        """Put an object into the books as it is, with its Id, token, times and balances.

        For seeds and for replaying recorded exchanges; nothing is checked.
        """
        with self._lock:
            self._ledger.begin()
            self._ledger.load(entity, data)

    def _as_accountant(self, entity: str, id_: str, body: Json, operation: str) -> Json:
        with self._lock:
            self._ledger.begin()
            data = self._ledger.need(entity, id_).load()
            if entity == "Payment" and operation == "update":
                body = {key: data[key] for key in ("CustomerRef", "TotalAmt")} | body
            if entity == "Customer" and body.get("ParentRef"):
                body = {"Job": True} | body
            include = frozenset({"void"}) if operation == "void" else frozenset[str]()
            text = self._operations.write(
                ENTITIES[entity],
                {**body, "Id": id_, "SyncToken": data["SyncToken"]},
                operation="update" if operation == "void" else operation,
                include=include,
                user="",
                by_accountant=True,
            )
            result: Json = json_codec.decode(text)
            return result

    def _route(self, request: ApiRequest, envelope: Envelope) -> ApiReply:
        match request.method, request.path:
            case (("GET" | "POST"), ("query",)):
                return self._query(request, envelope)
            case "GET", ("cdc",):
                return envelope.cdc(run_cdc(self._ledger, self._operations, request.query))
            case "POST", ("batch",):
                return self._batch(request, envelope)
            case "GET", ("preferences" | "companyinfo" as single,):
                return self._read(BY_PATH[single], "1", envelope)
            case "POST", (path,) if path in BY_PATH:
                return self._write(BY_PATH[path], request, envelope)
            case "GET", (path, id_) if path in BY_PATH:
                return self._read(BY_PATH[path], id_, envelope)
            case "GET", (path, id_, "pdf") if _is_among(_PRINTABLE, path):
                row = self._ledger.need(BY_PATH[path].name, id_)
                return ApiReply(
                    status=200,
                    body=render_pdf(row.load(), entity=row.entity, company=self.name),
                    content_type="application/pdf",
                )
            case "POST", (path, id_, "send") if _is_among(_SENDABLE, path):
                text = self._operations.send(BY_PATH[path], id_, request.query.get("sendTo"))
                return envelope.entity(BY_PATH[path].name, text)
            case _:
                raise self._nothing_there(request)

    def _nothing_there(self, request: ApiRequest) -> request_faults.QboFaultError:
        match request.method, request.path:
            case "POST", (path,) if path in ABSENT:
                return request_faults.feature_not_supported(ABSENT[path].name)
            case "GET", (path, _) if path in ABSENT:
                return request_faults.not_found()
            case _:
                relative = "/".join(("", "v3", "company", self.realm_id, *request.path))
                return request_faults.unsupported_operation(
                    f"Could not find resource for relative : {relative} "
                    f"of full path: {_HOST}{relative}"
                )

    def _read(self, entity: Entity, id_: str, envelope: Envelope) -> ApiReply:
        return envelope.entity(entity.name, self._operations.read(entity, id_))

    def _query(self, request: ApiRequest, envelope: Envelope) -> ApiReply:
        text = request.query.get("query", "")
        if not text and request.method == "POST":
            if request.content_type not in _QUERY_TYPES:
                raise request_faults.bad_content_type(request.content_type)
            try:
                text = request.body.decode("utf-8")
            except UnicodeDecodeError as error:
                raise request_faults.unreadable() from error
        include = _options(request.query.get("include", ""))
        return envelope.query(self.answer_query(text, include))

    def answer_query(
        self, text: str, include: frozenset[str] = frozenset()
    ) -> tuple[str, list[str], dict[str, int]]:
        """Return a query's entity, the JSON texts it found, and the numbers of its envelope."""
        answer = run_query(self._ledger, text)
        name = answer.entity.name
        if answer.entity.kind == "single":
            single = json_codec.encode(self._singles.read(name))
            if answer.count:
                return name, [], {"totalCount": 1}
            return name, [single], {"maxResults": 1}
        if answer.count:
            return name, [], {"totalCount": answer.total}
        if not answer.rows:
            return name, [], {}
        numbers = {"startPosition": answer.start, "maxResults": len(answer.rows)}
        if answer.entity.counted:
            numbers["totalCount"] = answer.total
        texts = [self._operations.queried(row, include) for row in answer.rows]
        return name, texts, numbers

    def _write(self, entity: Entity, request: ApiRequest, envelope: Envelope) -> ApiReply:
        request_id = request.query.get("requestid", "")
        if not request_id:
            return self._written(entity, request, envelope)
        if len(request_id) > MAX_LENGTH:
            raise business_faults.request_id_too_long(request_id)
        asked = _asked(request)
        kept = self._request_ids.find(request_id, asked, self._ledger.now)
        if isinstance(kept, ApiReply):
            return kept
        try:
            reply = self._written(entity, request, envelope)
        except request_faults.QboFaultError as fault:
            if not self.settings.requestid_replays_faults:
                raise
            reply = envelope.fault(fault)
        self._request_ids.keep(request_id, asked, reply, self._ledger.now)
        return reply

    def _written(self, entity: Entity, request: ApiRequest, envelope: Envelope) -> ApiReply:
        body = self._body(request, entity.name, envelope)
        text = self._operations.write(
            entity,
            body,
            operation=request.query.get("operation", "").lower(),
            include=_options(request.query.get("include", "")),
            user=request.user,
        )
        return envelope.entity(entity.name, text)

    def _body(self, request: ApiRequest, name: str, envelope: Envelope) -> Json:
        if request.content_type in _XML_TYPES:
            return envelope.xml.read(request.body, name)
        if request.content_type not in _JSON_TYPES:
            raise request_faults.bad_content_type(request.content_type)
        return json_codec.read_json(request.body)

    def _batch(self, request: ApiRequest, envelope: Envelope) -> ApiReply:
        body = self._body(request, "IntuitBatchRequest", envelope)
        return envelope.batch(
            run_batch(
                body,
                ledger=self._ledger,
                operations=self._operations,
                answer_query=self.answer_query,
                request_ids=self._request_ids,
                request_id=request.query.get("requestid", ""),
                user=request.user,
            )
        )


def _is_among(names: tuple[str, ...], path: str) -> bool:
    return path in BY_PATH and BY_PATH[path].name in names


def _asked(request: ApiRequest) -> int:
    """Return a hash of what a write asks for, its request id aside."""
    return hash((request.path, request.body, request.query.get("operation")))


def _options(text: str) -> frozenset[str]:
    return frozenset(part.strip().lower() for part in text.split(",") if part.strip())
