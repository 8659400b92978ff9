"""Answers that are not the books': refusals, and answers that do not arrive as they should."""

from __future__ import annotations

from email.utils import format_datetime
from typing import TYPE_CHECKING

from dunahub_qbo_plugin.emulator.world import fault_bodies
from dunahub_qbo_plugin.emulator.world.http_messages import Connection, Reply

if TYPE_CHECKING:
    from dunahub_qbo_plugin.emulator.gateway.exchange import Exchange
    from dunahub_qbo_plugin.emulator.world.fault_bodies import Shape
    from dunahub_qbo_plugin.emulator.world.trouble import TroubleRule
    from dunahub_qbo_plugin.emulator.world.world import World

SECURE = ("Strict-Transport-Security", "max-age=31536000")
_UNAUTHORIZED = 401
_TOO_MANY = 429
_SERVER_ERROR = 500
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


def failure(world: World, rule: TroubleRule, tid: str) -> Reply:
    """Return the refusal that a rule of kind `fail` asks for."""
    code = rule.code or fault_bodies.default_code(rule.status)
    message, detail = fault_bodies.texts(code)
    shape = rule.shape or _usual_shape(world, rule)
    if shape == "oauth":
        code, detail = rule.code or "invalid_grant", ""
    elif shape == "text":
        detail = ""
    body = fault_bodies.shaped(
        shape,
        status=rule.status,
        code=code,
        message=rule.message or message,
        detail=rule.detail if rule.detail is not None else detail,
        now=world.clock(),
    )
    challenge = (
        (("WWW-Authenticate", 'Bearer realm="Intuit", error="invalid_token"'),)
        if rule.status == _UNAUTHORIZED and shape != "oauth"
        else ()
    )
    return refusal(world, tid, rule.status, body, challenge + _retry_after(rule.retry_after))


def deliver(exchange: Exchange, reply: Reply, connection: Connection) -> Reply:
    """Note the answer and hand it over in the way the striking rule wants it.

    Raises:
        ConnectionGone: The rule ended the connection.
    """
    rule = exchange.strike.rule if exchange.strike is not None else None
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
    reply = failure(world, strike.rule, exchange.tid)
    exchange.note(reply.status, "answered")
    return reply


def _usual_shape(world: World, rule: TroubleRule) -> Shape:
    if rule.target == "oauth":
        return "oauth" if rule.status < _SERVER_ERROR else "html"
    if rule.status == _TOO_MANY:
        return world.throttle.settings.body
    if rule.code in {"3100", "3200"} or (rule.code is None and rule.status in {401, 403}):
        return "gateway"
    if rule.code is None and rule.status in _PROXY_ERRORS:
        return "html"
    return "fault"


def _retry_after(seconds: int | None) -> tuple[tuple[str, str], ...]:
    return () if seconds is None else (("Retry-After", str(seconds)),)
