"""The part of the administration that is about one company: its books, as its accountant."""

from __future__ import annotations

from typing import Any, get_args

from flask import Blueprint, Response, jsonify

from dunahub_qbo_plugin.emulator.admin.json_input import (
    BadInput,
    apply_settings,
    body,
    choice,
    optional_text,
    text,
)
from dunahub_qbo_plugin.emulator.books import json_codec
from dunahub_qbo_plugin.emulator.books.entities import BY_PATH
from dunahub_qbo_plugin.emulator.books.request_faults import QboFaultError
from dunahub_qbo_plugin.emulator.world.directory import Environment, HostedCompany, Offline
from dunahub_qbo_plugin.emulator.world.world import SEEDS, World


def summary(hosted: HostedCompany) -> dict[str, Any]:
    """Return what the administration says about a company."""
    return {
        "realm": hosted.books.realm_id,
        "name": hosted.books.name,
        "environment": hosted.environment,
        "offline": hosted.offline,
    }


def add_routes(routes: Blueprint, world: World) -> None:
    """Add the routes about companies."""
    _companies(routes, world)
    _accountant(routes, world)


def _companies(routes: Blueprint, world: World) -> None:
    @routes.get("/books/<realm>")
    def books(realm: str) -> Response:
        return _json(world.companies[realm].books.books())

    @routes.post("/companies")
    def add() -> tuple[Response, int]:
        values = body()
        seed = choice(values, "seed", tuple(SEEDS), "empty")
        realm = text(values, "realm")
        chosen: Environment = (
            "sandbox"
            if choice(values, "environment", get_args(Environment), "production") == "sandbox"
            else "production"
        )
        world.add_company(
            realm_id=realm,
            name=optional_text(values, "name") or SEEDS[seed][1],
            seed=SEEDS[seed][2],
            environment=chosen,
        )
        return jsonify(summary(world.companies[realm])), 201

    @routes.post("/companies/<realm>/reset")
    def reset(realm: str) -> Response:
        world.reset_company(realm)
        return jsonify(ok=True)

    @routes.post("/companies/<realm>/settings")
    def settings(realm: str) -> Response:
        return jsonify(apply_settings(world.companies[realm].books.settings, body()))

    @routes.post("/companies/<realm>/offline")
    def offline(realm: str) -> Response:
        hosted = world.companies[realm]
        reason = body().get("reason")
        if reason is not None and reason not in get_args(Offline):
            raise BadInput(f"reason must be null or one of {', '.join(get_args(Offline))}.")
        hosted.offline = reason
        return jsonify(summary(hosted))

    @routes.post("/reset")
    def reset_all() -> Response:
        for realm in world.companies:
            world.reset_company(realm)
        world.trouble.clear()
        world.journal.clear()
        world.throttle.forget()
        world.meter.forget()
        return jsonify(ok=True)


def _accountant(routes: Blueprint, world: World) -> None:
    def named() -> tuple[str, str]:
        values = body()
        return entity_named(text(values, "entity")), text(values, "id")

    @routes.errorhandler(QboFaultError)
    def refused(error: QboFaultError) -> tuple[Response, int]:
        first = error.errors[0]
        return jsonify(error=first.detail or first.message, code=first.code), 400

    @routes.post("/companies/<realm>/edit")
    def edit(realm: str) -> Response:
        entity, identifier = named()
        changes = body().get("changes")
        if not isinstance(changes, dict):
            raise BadInput("changes must be a JSON object.")
        return _json(world.companies[realm].books.edit(entity, identifier, changes))

    @routes.post("/companies/<realm>/delete")
    def delete(realm: str) -> Response:
        return _json(world.companies[realm].books.delete(*named()))

    @routes.post("/companies/<realm>/void")
    def void(realm: str) -> Response:
        return _json(world.companies[realm].books.void(*named()))

    @routes.post("/companies/<realm>/deactivate")
    def deactivate(realm: str) -> Response:
        return _json(world.companies[realm].books.deactivate(*named()))

    @routes.post("/companies/<realm>/merge")
    def merge(realm: str) -> Response:
        values = body()
        return _json(
            world.companies[realm].books.merge_customers(
                text(values, "customer"), text(values, "into")
            )
        )

    @routes.post("/companies/<realm>/deposit")
    def deposit(realm: str) -> Response:
        return _json(world.companies[realm].books.deposit(text(body(), "payment")))


def _json(value: object) -> Response:
    """Return the value as JSON, amounts with the digits they have."""
    return Response(json_codec.encode(value), content_type="application/json")


def entity_named(name: str) -> str:
    """Return QuickBooks' name of an entity, whatever its case.

    Raises:
        BadInput: There is no such entity.
    """
    entity = BY_PATH.get(name.lower())
    if entity is None:
        raise BadInput(f"There is no entity {name!r}.")
    return entity.name
