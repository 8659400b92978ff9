"""Administration of a running emulator over HTTP: every switch, the request log, the books.

All bodies are JSON. A refusal is `{"error": "..."}` with status 400, or 404 for what is not there.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, get_args

import attrs
from flask import Blueprint, Response, jsonify, request

from dunahub_qbo_plugin.emulator import admin_company
from dunahub_qbo_plugin.emulator.admin_input import (
    BadInput,
    apply_settings,
    body,
    choice,
    number,
    optional_text,
    text,
    texts,
)
from dunahub_qbo_plugin.emulator.directory import (
    ACCOUNTING,
    DEFAULT_CLIENT_ID,
    Environment,
    OAuthApp,
    User,
)
from dunahub_qbo_plugin.emulator.trouble import TroubleRule

if TYPE_CHECKING:
    from collections.abc import Callable

    from dunahub_qbo_plugin.emulator.world import World


def blueprint(world: World) -> Blueprint:
    """The administration of this world."""
    routes = Blueprint("admin", __name__, url_prefix="/_admin")
    _errors(routes)
    _looking(routes, world)
    _trouble(routes, world)
    _settings(routes, world)
    _time(routes, world)
    _tokens(routes, world)
    _directory(routes, world)
    admin_company.add_routes(routes, world)
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
            companies=[admin_company.summary(hosted) for hosted in world.companies.values()],
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
            trouble=world.trouble.in_force(),
        )

    @routes.get("/requests")
    def requests() -> Response:
        entries = world.journal.entries(
            realm=request.args.get("realm"),
            kind=request.args.get("kind"),
            after=int(request.args.get("after", "0")),
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


def _time(routes: Blueprint, world: World) -> None:
    @routes.post("/clock")
    def clock() -> Response:
        values = body()
        if "skew" in values:
            world.clock.set_skew(timedelta(seconds=number(values, "skew")))
        if "advance" in values:
            world.clock.advance(timedelta(seconds=number(values, "advance")))
        return jsonify(now=world.clock().isoformat(), skew=world.clock.skew.total_seconds())


def _tokens(routes: Blueprint, world: World) -> None:
    @routes.post("/tokens")
    def issue() -> tuple[Response, int]:
        values = body()
        realm = text(values, "realm")
        if realm not in world.companies:
            raise KeyError(realm)
        client_id = optional_text(values, "client_id") or DEFAULT_CLIENT_ID
        if client_id not in world.apps:
            raise KeyError(client_id)
        issued = world.connect(
            realm=realm,
            client_id=client_id,
            user=optional_text(values, "user"),
            scopes=texts(values, "scopes", [ACCOUNTING]),
        )
        answer = jsonify(
            access_token=issued.access_token,
            refresh_token=issued.refresh_token,
            token_type="bearer",  # noqa: S106  the kind of token, no secret
            expires_in=issued.expires_in,
            x_refresh_token_expires_in=issued.refresh_expires_in,
        )
        answer.headers["Cache-Control"] = "no-store"
        return answer, 201

    @routes.post("/tokens/expire")
    def expire() -> Response:
        values = body()
        which = choice(values, "which", ("access", "refresh", "both"), "access")
        expired = world.tokens.expire(
            realm=optional_text(values, "realm"),
            access=which != "refresh",
            refresh=which != "access",
        )
        return jsonify(expired=expired)

    @routes.post("/tokens/revoke")
    def revoke() -> Response:
        values = body()
        ended = world.tokens.end_grants(
            realm=optional_text(values, "realm"), user=optional_text(values, "user")
        )
        return jsonify(revoked=ended)


def _directory(routes: Blueprint, world: World) -> None:
    @routes.post("/apps")
    def add_app() -> tuple[Response, int]:
        values = body()
        world.add_app(
            OAuthApp(
                client_id=text(values, "client_id"),
                client_secret=text(values, "client_secret"),
                name=text(values, "name"),
                redirect_uris=frozenset(texts(values, "redirect_uris", [])),
                environment=_environment(values),
            )
        )
        return jsonify(ok=True), 201

    @routes.post("/apps/<client_id>/redirect_uris")
    def add_redirect(client_id: str) -> Response:
        world.register_redirect(text(body(), "redirect_uri"), client_id=client_id)
        return jsonify(ok=True)

    @routes.post("/users")
    def add_user() -> tuple[Response, int]:
        values = body()
        user = User(
            sub=text(values, "sub"),
            given_name=text(values, "given_name"),
            family_name=text(values, "family_name"),
            email=text(values, "email"),
        )
        world.add_user(user, realms=texts(values, "realms", list(world.companies)))
        return jsonify(ok=True), 201

    @routes.route("/users/<sub>/companies/<realm>", methods=["PUT", "DELETE"])
    def membership(sub: str, realm: str) -> Response:
        for name, known in ((sub, world.users), (realm, world.companies)):
            if name not in known:
                raise KeyError(name)
        change: Callable[[tuple[str, str]], None] = (
            world.members.add if request.method == "PUT" else world.members.discard
        )
        change((sub, realm))
        return jsonify(member=(sub, realm) in world.members)


def _environment(values: dict[str, Any]) -> Environment:
    chosen = choice(values, "environment", get_args(Environment), "production")
    return "sandbox" if chosen == "sandbox" else "production"
