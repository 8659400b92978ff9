"""Answers that are not the books': refusals, and answers that do not arrive as they should."""

from __future__ import annotations

from email.utils import format_datetime
from typing import TYPE_CHECKING

import attrs

from dunahub_qbo_plugin.emulator.api.api_messages import ApiReply
from dunahub_qbo_plugin.emulator.world import fault_bodies
from dunahub_qbo_plugin.emulator.world.http_messages import Connection, Reply
from dunahub_qbo_plugin.emulator.world.recorded_failures import RECORDED, RecordedFailure

if TYPE_CHECKING:
    from dunahub_qbo_plugin.emulator.gateway.exchange import Exchange
    from dunahub_qbo_plugin.emulator.world.fault_bodies import Shape
    from dunahub_qbo_plugin.emulator.world.http_messages import Request
    from dunahub_qbo_plugin.emulator.world.trouble import TroubleRule
    from dunahub_qbo_plugin.emulator.world.world import World

SECURE = ("Strict-Transport-Security", "max-age=31536000")
_UNAUTHORIZED = 401
_TOO_MANY = 429
_SERVER_ERROR = 500
_UNAVAILABLE = 503
_PROXY_ERRORS = frozenset({502, 503, 504})


def refusal(
    world: World,
    tid: str,
    status: int,
    body: fault_bodies.Body,
    extra: tuple[tuple[str, str], ...] = (),
) -> Reply:
    """Return a refusal with the headers that refusals were recorded with."""
    kind = (("Content-Type", body.content_type),) if body.content_type else ()
    headers = (
        ("Date", format_datetime(world.clock(), usegmt=True)),
        *kind,
        ("Content-Length", str(len(body.content))),
        ("intuit_tid", tid),
        SECURE,
        ("Server", "nginx"),
        *extra,
    )
    return Reply(status=status, headers=headers, body=body.content)


def throttled(world: World, tid: str) -> Reply:
    """Return the 429, in the shape the throttle is set to."""
    settings = world.throttle.settings
    message, detail = fault_bodies.texts("3001")
    body = fault_bodies.shaped(
        settings.body,
        status=_TOO_MANY,
        code="3001",
        message=message,
        detail=detail,
        now=world.clock(),
    )
    return refusal(world, tid, _TOO_MANY, body, _retry_after(settings.retry_after))


def failure(world: World, rule: TroubleRule, exchange: Exchange) -> Reply:
    """Return the refusal that a rule of kind `fail` or `fail_after` asks for."""
    known = _known_failure(world, rule, exchange.request)
    status = known.status
    body = fault_bodies.shaped(
        known.shape,
        status=status,
        code=known.code,
        message=rule.message or known.message,
        detail=rule.detail if rule.detail is not None else known.detail,
        now=world.clock(),
        type_=known.type,
    )
    challenge = (
        (("WWW-Authenticate", 'Bearer realm="Intuit", error="invalid_token"'),)
        if status == _UNAUTHORIZED and known.shape != "oauth"
        else ()
    )
    extra = challenge + _retry_after(rule.retry_after)
    if rule.replayed:
        _keep(world, exchange, status, body, extra)
    return refusal(world, exchange.tid, status, body, extra)


def _known_failure(world: World, rule: TroubleRule, request: Request) -> RecordedFailure:
    """Return the failure that a rule names, or the usual one of its status."""
    if rule.recorded is not None:
        found = RECORDED[rule.recorded]
        url = f"{request.path}?{request.query_string}".rstrip("?")
        detail = found.detail and found.detail.format(path=request.path, url=url)
        status = rule.status or found.status
        code, shape = rule.code or found.code, rule.shape or found.shape
        return attrs.evolve(found, status=status, code=code, shape=shape, detail=detail)
    status = rule.status or _UNAVAILABLE
    code = rule.code or fault_bodies.default_code(status)
    message, detail = fault_bodies.texts(code)
    shape = rule.shape or _usual_shape(world, rule, status)
    if shape == "oauth":
        code, detail = rule.code or "invalid_grant", ""
    elif shape == "text":
        detail = ""
    return RecordedFailure(status=status, code=code, message=message, detail=detail, shape=shape)


def _keep(
    world: World,
    exchange: Exchange,
    status: int,
    body: fault_bodies.Body,
    headers: tuple[tuple[str, str], ...],
) -> None:
    """Keep a refusal under the request id of a write, for every repeat."""
    hosted = world.companies.get(exchange.realm)
    if hosted is None or not exchange.write or exchange.batch:
        return
    answer = ApiReply(
        status=status, body=body.content, content_type=body.content_type, headers=dict(headers)
    )
    hosted.books.keep_answer(exchange.api_request(), answer)


def deliver(world: World, exchange: Exchange, reply: Reply, connection: Connection) -> Reply:
    """Note the answer and hand it over in the way the striking rule wants it.

    Raises:
        ConnectionGone: The rule ended the connection.
    """
    rule = exchange.strike.rule if exchange.strike is not None else None
    if rule is not None and rule.kind == "fail_after":
        reply = failure(world, rule, exchange)
        exchange.note(reply.status, "replaced")
        return reply
    if rule is not None and rule.kind == "late":
        exchange.note(reply.status, "late")
        connection.wait(rule.seconds)
        return reply
    if rule is not None and rule.kind == "lose":
        exchange.note(reply.status, "lost")
        connection.lose(rule.manner)
    if rule is not None and rule.kind == "cut":
        exchange.note(reply.status, "cut")
        connection.cut(reply, rule.keep)
    exchange.note(reply.status, "answered")
    return reply


def intercept(world: World, exchange: Exchange, connection: Connection) -> Reply | None:
    """Let trouble strike a request before it is looked at; return an answer if that ends it.

    Raises:
        ConnectionGone: A rule ended the connection.
    """
    strike = exchange.strike = world.trouble.strike(exchange.request)
    if strike is not None and strike.rule.kind == "refuse":
        exchange.note(0, "refused")
        connection.refuse()
    if world.service.latency:
        connection.wait(world.service.latency)
    if strike is None or strike.rule.kind != "fail":
        return None
    reply = failure(world, strike.rule, exchange)
    exchange.note(reply.status, "answered")
    return reply


def _usual_shape(world: World, rule: TroubleRule, status: int) -> Shape:
    if rule.target == "oauth":
        return "oauth" if status < _SERVER_ERROR else "html"
    if status == _TOO_MANY:
        return world.throttle.settings.body
    if rule.code in {"3100", "3200"} or (rule.code is None and status in {401, 403}):
        return "gateway"
    if rule.code is None and status in _PROXY_ERRORS:
        return "html"
    return "fault"


def _retry_after(seconds: int | None) -> tuple[tuple[str, str], ...]:
    return () if seconds is None else (("Retry-After", str(seconds)),)
