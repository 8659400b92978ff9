"""A company's books for tests: a clock that is set, and requests in one line."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from dunahub_qbo_plugin.emulator.api.api_messages import ApiReply, ApiRequest
from dunahub_qbo_plugin.emulator.api.company_api import Company
from dunahub_qbo_plugin.emulator.books import json_codec
from dunahub_qbo_plugin.emulator.world.company_seeds import seed_contractor

if TYPE_CHECKING:
    from dunahub_qbo_plugin.emulator.books.company_settings import CompanySettings

Json = dict[str, Any]

START = datetime(2026, 9, 14, 17, 30, 5, 250_000, tzinfo=UTC)


class SetClock:
    """A clock that stands where it was set."""

    def __init__(self, now: datetime = START) -> None:
        self.now = now

    def __call__(self) -> datetime:
        """The moment it was set to."""
        return self.now


class Books:
    """One company and its clock, asked in one line."""

    def __init__(self, *, settings: CompanySettings | None = None, now: datetime = START) -> None:
        self.clock = SetClock(now)
        self.company = Company(
            realm_id="9130350000000000",
            name="Ridgeline Home Services",
            clock=self.clock,
            settings=settings,
        )
        self.settings = self.company.settings

    def ask(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        accept: str = "application/json",
        content_type: str = "application/json",
        **query: str,
    ) -> ApiReply:
        """The raw reply to one request; a body that is no bytes or text is sent as JSON."""
        if isinstance(body, bytes):
            sent = body
        elif isinstance(body, str):
            sent = body.encode()
        else:
            sent = b"" if body is None else json_codec.encode(body).encode()
        return self.company.handle(
            ApiRequest(
                method=method,
                path=tuple(path.split("/")),
                query=query,
                body=sent,
                content_type=content_type,
                accept=accept,
            )
        )

    def get(self, path: str, **query: str) -> Json:
        """The JSON of a read that succeeds."""
        return _read(self.ask("GET", path, **query), 200)

    def post(self, path: str, body: object, **query: str) -> Json:
        """The JSON of a write that succeeds, without its envelope where it has one entity."""
        answer = _read(self.ask("POST", path, body, **query), 200)
        answer.pop("time", None)
        (value,) = answer.values()
        return value if isinstance(value, dict) else answer

    def refused(self, path: str, body: object, **query: str) -> list[tuple[str, str]]:
        """Code and Detail of every error of a write that is refused with 400."""
        return errors(_read(self.ask("POST", path, body, **query), 400))

    def query(self, text: str) -> Json:
        """The `QueryResponse` of a query that succeeds."""
        response: Json = self.get("query", query=text)["QueryResponse"]
        return response

    def refused_query(self, text: str) -> tuple[str, str]:
        """Code and Detail of a query that is refused."""
        (error,) = errors(_read(self.ask("GET", "query", query=text), 400))
        return error


def contractor(**settings: object) -> Books:
    """The contractor's books without sales tax, with switches set."""
    books = Books()
    seed_contractor(books.company)
    books.settings.sales_tax = "none"
    for name, value in settings.items():
        setattr(books.settings, name, value)
    return books


def errors(answer: Json) -> list[tuple[str, str]]:
    """Code and Detail of every error of a fault."""
    return [(error["code"], error["Detail"]) for error in answer["Fault"]["Error"]]


def line(amount: Decimal | float | str = 100, *, item: str = "1", **detail: object) -> Json:
    """A sales line."""
    return {
        "Amount": amount,
        "DetailType": "SalesItemLineDetail",
        "SalesItemLineDetail": {"ItemRef": {"value": item}, **detail},
    }


def _read(reply: ApiReply, status: int) -> Json:
    assert reply.status == status, reply.body.decode()
    answer: Json = json.loads(reply.body, parse_float=Decimal)
    return answer
