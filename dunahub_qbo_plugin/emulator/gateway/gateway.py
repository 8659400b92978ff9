"""What stands in front of the books: authentication, limits, maintenance, trouble.

Texts and headers are as recorded in the sandbox in 2020 and 2022; the order of the checks is
the one a gateway must have: who is it, is it too much, may they, is the company there.
"""

from __future__ import annotations

import secrets
import time
from email.utils import format_datetime
from typing import TYPE_CHECKING

from dunahub_qbo_plugin.emulator.gateway.exchange import Exchange
from dunahub_qbo_plugin.emulator.gateway.replies import (
    SECURE,
    deliver,
    intercept,
    refusal,
    throttled,
)
from dunahub_qbo_plugin.emulator.world import fault_bodies
from dunahub_qbo_plugin.emulator.world.directory import ACCOUNTING, HostedCompany
from dunahub_qbo_plugin.emulator.world.http_messages import Connection, Reply, Request

if TYPE_CHECKING:
    from dunahub_qbo_plugin.emulator.api.api_messages import ApiReply
    from dunahub_qbo_plugin.emulator.world.grants import AccessToken, Grant
    from dunahub_qbo_plugin.emulator.world.world import World

_SHORTEST_TOKEN = 32
_LONGEST_TOKEN = 4096
_OK = range(200, 300)
_OFFLINE_CODES = {"wrong_cluster": "130", "locked": "140", "maintenance": "150"}


class Gateway:
    """The gateway in front of the books: it answers every request below `/v3/`.

    Args:
        world: Whom to ask and what to change.
    """

    def __init__(self, world: World) -> None:
        self._world = world

    def handle(self, request: Request, connection: Connection) -> Reply:
        """Answer one request.

        Raises:
            ConnectionGone: A trouble rule ended the connection instead.
        """
        world = self._world
        exchange = Exchange(world, request)
        exchange.under_way = world.throttle.enter(exchange.realm)
        try:
            reply = intercept(world, exchange, connection)
            if reply is None:
                reply = self._answer(exchange)
                reply = deliver(world, exchange, reply, connection)
            return reply
        finally:
            world.throttle.leave(exchange.realm)

    def _answer(self, exchange: Exchange) -> Reply:
        world = self._world
        if not exchange.routed:
            return refusal(world, exchange.tid, 404, fault_bodies.html_page(404))
        token = self._token(exchange.request)
        if isinstance(token, str):
            return self._unauthorized(exchange, token)
        hosted = world.companies.get(exchange.realm)
        production = hosted is not None and hosted.environment == "production"
        if not world.throttle.admits(
            exchange.realm, under_way=exchange.under_way, batch=exchange.batch
        ) or (production and not world.meter.admits(token.grant.client_id, read=exchange.read)):
            return throttled(world, exchange.tid)
        if hosted is None or token.grant.realm != exchange.realm:
            return self._wrong_realm(exchange, token)
        barred = self._barred(token, hosted, exchange)
        if barred is not None:
            return barred
        return self._carry_out(exchange, hosted, token.grant)

    def _carry_out(self, exchange: Exchange, hosted: HostedCompany, grant: Grant) -> Reply:
        exchange.carried_out = True
        started = time.perf_counter()
        user = self._world.users[grant.user].name
        answer = hosted.books.handle(exchange.api_request(user))
        milliseconds = int((time.perf_counter() - started) * 1000)
        good = answer.status in _OK
        exchange.metered = good and exchange.read and hosted.environment == "production"
        if exchange.metered:
            self._world.meter.count(grant.client_id, exchange.reads)
        return self._reply(exchange, answer, milliseconds)

    def _token(self, request: Request) -> AccessToken | str:
        """Return the access token of the request, or what is wrong with it."""
        scheme, _, value = request.headers.get("authorization", "").partition(" ")
        value = value.strip()
        token = self._world.tokens.access(value) if scheme.lower() == "bearer" else None
        if token is None and (
            scheme.lower() != "bearer" or not _SHORTEST_TOKEN <= len(value) <= _LONGEST_TOKEN
        ):
            return "Malformed bearer token: too short or too long"
        if token is None:
            return "Token invalid"
        if token.grant.ended:
            return f"Token revoked: {value}"
        if token.expires_at <= self._world.clock():
            return f"Token expired: {value}"
        return token

    def _barred(
        self, token: AccessToken, hosted: HostedCompany, exchange: Exchange
    ) -> Reply | None:
        world = self._world
        if ACCOUNTING not in token.grant.scopes:
            return self._forbidden(exchange, "The access token does not have sufficient scope")
        app = world.apps.get(token.grant.client_id)
        if app is None or app.environment != hosted.environment:
            return self._forbidden(exchange, None)
        if (token.grant.user, exchange.realm) not in world.members:
            return self._unauthenticated(exchange, "120")
        return self._closed(hosted, exchange)

    def _closed(self, hosted: HostedCompany, exchange: Exchange) -> Reply | None:
        world = self._world
        if hosted.offline in _OFFLINE_CODES:
            return self._unauthenticated(exchange, _OFFLINE_CODES[hosted.offline])
        if hosted.offline == "subscription_ended" and exchange.write:
            message, detail = fault_bodies.texts("6190")
            body = fault_bodies.fault(
                status=400, code="6190", message=message, detail=detail, now=world.clock()
            )
            return refusal(world, exchange.tid, world.service.subscription_ended_status, body)
        if exchange.request.method not in {"GET", "POST"}:
            nothing = fault_bodies.Body(content_type="", content=b"")
            return refusal(world, exchange.tid, 405, nothing, (("Allow", "GET, POST"),))
        return None

    def _wrong_realm(self, exchange: Exchange, token: AccessToken) -> Reply:
        if self._world.service.wrong_realm == "100" and token.grant.realm is not None:
            return self._unauthenticated(exchange, "100")
        return self._forbidden(exchange, None)

    def _unauthenticated(self, exchange: Exchange, code: str) -> Reply:
        """Return the application's own 401, which is XML whatever was asked for."""
        message, detail = fault_bodies.texts(code)
        body = fault_bodies.xml_fault(
            fault_type="AuthenticationFault",
            code=code,
            message=message,
            detail=detail,
            now=self._world.clock(),
        )
        return refusal(self._world, exchange.tid, 401, body)

    def _unauthorized(self, exchange: Exchange, detail: str) -> Reply:
        body = fault_bodies.gateway_fault(
            status=401,
            code="3200",
            message=fault_bodies.texts("3200")[0],
            detail=detail,
            now=self._world.clock(),
        )
        challenge = ("WWW-Authenticate", 'Bearer realm="Intuit", error="invalid_token"')
        return refusal(self._world, exchange.tid, 401, body, (challenge,))

    def _forbidden(self, exchange: Exchange, detail: str | None) -> Reply:
        body = fault_bodies.gateway_fault(
            status=403,
            code="3100",
            message=fault_bodies.texts("3100")[0],
            detail=detail,
            now=self._world.clock(),
        )
        return refusal(self._world, exchange.tid, 403, body)

    def _reply(self, exchange: Exchange, answer: ApiReply, milliseconds: int) -> Reply:
        span = ("x-spanid", secrets.token_hex(16))
        if answer.status not in _OK:
            body = fault_bodies.Body(content_type=answer.content_type, content=answer.body)
            extra = (span, *answer.headers.items())
            return refusal(self._world, exchange.tid, answer.status, body, extra)
        headers = (
            ("Date", format_datetime(self._world.clock(), usegmt=True)),
            ("Content-Type", answer.content_type),
            ("QBO-Version", "1988.128"),
            ("Service-Time", f"total={milliseconds + 1}, db={milliseconds}"),
            ("intuit_tid", exchange.tid),
            span,
            ("Expires", "0"),
            ("Cache-Control", "max-age=0, no-cache, no-store, must-revalidate, private"),
            SECURE,
            ("Server", "envoy"),
            *answer.headers.items(),
        )
        return Reply(status=answer.status, headers=headers, body=answer.body)
