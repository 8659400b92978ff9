"""Administration of a running emulator over HTTP: every switch, the request log, the books.

All bodies are JSON. A refusal is `{"error": "..."}` with status 400, or 404 for what is not there.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import attrs
from flask import Blueprint, Response, jsonify, request

from dunahub_qbo_plugin.emulator.admin import account_routes, company_routes
from dunahub_qbo_plugin.emulator.admin.json_input import (
    BadInput,
    apply_settings,
    body,
    number,
    text,
)
from dunahub_qbo_plugin.emulator.world.trouble import TroubleRule

if TYPE_CHECKING:
    from dunahub_qbo_plugin.emulator.world.world import World


def blueprint(world: World) -> Blueprint:
    """Return the administration of this world."""
    routes = Blueprint("admin", __name__, url_prefix="/_admin")
    _errors(routes)
    _looking(routes, world)
    _trouble(routes, world)
    _settings(routes, world)
    _time(routes, world)
    account_routes.add_routes(routes, world)
    company_routes.add_routes(routes, world)
    return routes


def _errors(routes: Blueprint) -> None:
    @routes.errorhandler(BadInput)
    def bad_input(error: BadInput) -> tuple[Response, int]:
        return jsonify(error=str(error)), 400

    @routes.errorhandler(KeyError)
    def not_there(error: KeyError) -> tuple[Response, int]:
        return jsonify(error=f"There is no {error.args[0]!r} here."), 404


def _looking(routes: Blueprint, world: World) -> None:
    @routes.get("/")
    def state() -> Response:
        return jsonify(
            companies=[company_routes.summary(hosted) for hosted in world.companies.values()],
            users=[{"sub": user.sub, "name": user.name} for user in world.users.values()],
            apps=[
                {
                    "client_id": app.client_id,
                    "name": app.name,
                    "environment": app.environment,
                    "redirect_uris": sorted(app.redirect_uris),
                }
                for app in world.apps.values()
            ],
            clock={"now": world.clock().isoformat(), "skew": world.clock.skew.total_seconds()},
            tokens=world.tokens.counts(),
            oauth=attrs.asdict(world.tokens.settings),
            throttle=attrs.asdict(world.throttle.settings),
            service=attrs.asdict(world.service),
            metered_this_month=world.meter.used(),
            trouble=world.trouble.in_force(),
        )

    @routes.get("/requests")
    def requests() -> Response:
        entries = world.journal.entries(
            realm=request.args.get("realm"),
            kind=request.args.get("kind"),
            after=request.args.get("after", 0, type=int),
        )
        return jsonify(
            requests=[entry.plain() for entry in entries],
            total=len(entries),
            reads=sum(entry.kind == "api" and not entry.write for entry in entries),
            writes=sum(entry.write for entry in entries),
            metered=sum(entry.metered for entry in entries),
            most_at_once=max(world.throttle.most_at_once().values(), default=0),
        )

    @routes.delete("/requests")
    def forget_requests() -> Response:
        world.journal.clear()
        world.throttle.forget()
        world.meter.forget()
        return jsonify(ok=True)

    @routes.post("/requests")
    def keep_bodies() -> Response:
        world.journal.keep_bodies = bool(body().get("keep_bodies"))
        return jsonify(keep_bodies=world.journal.keep_bodies)


def _trouble(routes: Blueprint, world: World) -> None:
    @routes.get("/trouble")
    def rules() -> Response:
        return jsonify(trouble=world.trouble.in_force())

    @routes.post("/trouble")
    def add_rule() -> tuple[Response, int]:
        values = body()
        try:
            if "rule" in values:
                rule = TroubleRule.from_text(text(values, "rule"))
            else:
                rule = TroubleRule.from_mapping(values)
        except ValueError as error:
            raise BadInput(str(error)) from error
        return jsonify(number=world.trouble.add(rule)), 201

    @routes.delete("/trouble")
    def clear_rules() -> Response:
        world.trouble.clear()
        return jsonify(ok=True)

    @routes.delete("/trouble/<int:rule_number>")
    def remove_rule(rule_number: int) -> Response:
        if not world.trouble.remove(rule_number):
            raise KeyError(rule_number)
        return jsonify(ok=True)


def _settings(routes: Blueprint, world: World) -> None:
    @routes.post("/service")
    def service() -> Response:
        return jsonify(apply_settings(world.service, body()))

    @routes.post("/throttle")
    def throttle() -> Response:
        return jsonify(apply_settings(world.throttle.settings, body()))

    @routes.post("/oauth")
    def oauth() -> Response:
        return jsonify(apply_settings(world.tokens.settings, body()))

    @routes.post("/webhooks")
    def webhooks() -> Response:
        return jsonify(apply_settings(world.webhooks.settings, body()))

    @routes.post("/webhooks/deliver")
    def deliver() -> Response:
        statuses = world.webhooks.deliver_to(text(body(), "url"))
        return jsonify(statuses=statuses, pending=world.webhooks.pending)


def _time(routes: Blueprint, world: World) -> None:
    @routes.post("/clock")
    def clock() -> Response:
        values = body()
        if "skew" in values:
            world.clock.set_skew(timedelta(seconds=number(values, "skew")))
        if "advance" in values:
            world.clock.advance(timedelta(seconds=number(values, "advance")))
        return jsonify(now=world.clock().isoformat(), skew=world.clock.skew.total_seconds())
