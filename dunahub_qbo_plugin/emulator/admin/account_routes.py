"""The part of the administration that is about tokens, apps and people."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, get_args

from flask import Blueprint, Response, jsonify, request

from dunahub_qbo_plugin.emulator.admin.json_input import (
    BadInput,
    body,
    choice,
    optional_text,
    text,
    texts,
)
from dunahub_qbo_plugin.emulator.world.directory import (
    ACCOUNTING,
    DEFAULT_CLIENT_ID,
    Environment,
    OAuthApp,
    User,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from dunahub_qbo_plugin.emulator.world.world import World


def add_routes(routes: Blueprint, world: World) -> None:
    """Add the routes about tokens, apps and people."""
    _tokens(routes, world)
    _directory(routes, world)


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
        try:
            issued = world.connect(
                realm=realm,
                client_id=client_id,
                user=optional_text(values, "user"),
                scopes=texts(values, "scopes", [ACCOUNTING]),
                access_token=optional_text(values, "access_token"),
                refresh_token=optional_text(values, "refresh_token"),
            )
        except ValueError as error:
            raise BadInput(str(error)) from error
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
