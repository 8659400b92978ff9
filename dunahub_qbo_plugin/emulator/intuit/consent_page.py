"""The page on which a person lets an app into one of their companies, or does not.

Parameters and answers are those of Intuit's OAuth 2.0 documentation. Where the app itself is at
fault the person sees an error page and is not sent anywhere; its texts are Intuit's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs
from flask import Blueprint, Response, redirect, render_template, request

from dunahub_qbo_plugin.emulator.world.directory import ACCOUNTING, KNOWN_SCOPES, PAYMENT, OAuthApp
from dunahub_qbo_plugin.emulator.world.world import World, with_query

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from werkzeug.wrappers import Response as AnyResponse

_COMPANY_SCOPES = frozenset({ACCOUNTING, PAYMENT})
_CONTACT_SCOPES = frozenset({"profile", "email", "phone", "address"})
MAX_SHOWN = 400
"""Characters of an address that the error page shows."""


@attrs.frozen(kw_only=True)
class _Refused(Exception):
    reason: str
    app_name: str = "the app"
    hint: str = ""


@attrs.frozen(kw_only=True)
class _AuthorizationRequest:
    """What the app asks for."""

    app: OAuthApp
    redirect_uri: str
    scopes: frozenset[str]
    state: str
    nonce: str | None

    @property
    def wants_company(self) -> bool:
        return bool(self.scopes & _COMPANY_SCOPES)

    @property
    def wants_contact(self) -> bool:
        return bool(self.scopes & _CONTACT_SCOPES)


def blueprint(world: World) -> Blueprint:
    """Return the consent page of this world."""
    routes = Blueprint("consent", __name__)

    @routes.get("/connect/oauth2")
    def ask() -> AnyResponse | str:
        return _ask(world)

    @routes.post("/connect/oauth2")
    def decide() -> AnyResponse:
        return _decide(world)

    @routes.errorhandler(_Refused)
    def refused(error: _Refused) -> Response:
        return Response(render_template("consent_error.html", error=error), 400)

    @routes.after_request
    def finish(response: Response) -> Response:
        tid = request.environ.get("emulator.tid")
        if tid is not None:
            response.headers["intuit_tid"] = tid
        response.headers["Cache-Control"] = "no-cache, no-store"
        response.headers["Referrer-Policy"] = "no-referrer"
        return response

    return routes


def _ask(world: World) -> AnyResponse | str:
    asked = _read(world, request.args)
    if isinstance(asked, str):
        return redirect(asked)
    if world.service.consent == "decline":
        return redirect(_declined(asked))
    person = request.args.get("user")
    user = world.user_of(person if person in world.users else None)
    companies = (
        [hosted.books for hosted in world.realms_of(user.sub)] if asked.wants_company else []
    )
    companies.sort(key=lambda company: company.realm_id != world.service.consent_company)
    if world.service.consent == "accept" and (companies or not asked.wants_company):
        realm = companies[0].realm_id if companies else None
        return redirect(_accepted(world, asked, realm, user.sub))
    return render_template(
        "consent.html",
        asked=asked,
        companies=companies,
        users=list(world.users.values()),
        user=user,
        fields=request.args.to_dict(),
    )


def _decide(world: World) -> AnyResponse:
    asked = _read(world, request.form)
    if isinstance(asked, str):
        return redirect(asked)
    if request.form.get("decision") != "connect":
        return redirect(_declined(asked))
    user = world.users.get(request.form.get("user", ""))
    realm = request.form.get("realm") if asked.wants_company else None
    if user is None or (asked.wants_company and (user.sub, realm) not in world.members):
        raise _Refused(reason="Choose a company that you are a member of.", app_name=asked.app.name)
    return redirect(_accepted(world, asked, realm, user.sub))


def _how_to_list(asked: str, known: Collection[str]) -> str:
    """Say, as Intuit's page does not, which address is missing and how the emulator takes it."""
    listed = ", ".join(sorted(known)) or "none"
    return (
        f"Your host asked to come back to {asked[:MAX_SHOWN] or 'no address'}. This emulator "
        f"knows: {listed[:MAX_SHOWN]}. Let your host use that one, or start the emulator with "
        f"--redirect-uri {asked[:MAX_SHOWN] or 'ADDRESS'}"
    )


def _read(world: World, values: Mapping[str, str]) -> _AuthorizationRequest | str:
    """Return what the app asks for, or the address that tells the app why it gets nothing."""
    app = world.apps.get(values.get("client_id", ""))
    if app is None:
        raise _Refused(
            reason="The client_id query parameter value is invalid. Make sure it matches the "
            "Client ID on your app's keys tab exactly."
        )
    redirect_uri = values.get("redirect_uri", "")
    if redirect_uri not in app.redirect_uris:
        raise _Refused(
            reason="The redirect_uri query parameter value is invalid. Make sure it is listed in "
            "the Redirect URIs section on your app's keys tab and matches it exactly.",
            app_name=app.name,
            hint=_how_to_list(redirect_uri, app.redirect_uris),
        )
    state = values.get("state", "")
    if not state:
        raise _Refused(
            reason="The state query parameter is missing. Add it and try again.",
            app_name=app.name,
        )
    if values.get("response_type") != "code":
        raise _Refused(
            reason="The response_type query parameter value is invalid. It must be code.",
            app_name=app.name,
        )
    scopes = frozenset(values.get("scope", "").split())
    if not scopes or not scopes <= KNOWN_SCOPES:
        return with_query(redirect_uri, {"error": "invalid_scope", "state": state})
    return _AuthorizationRequest(
        app=app,
        redirect_uri=redirect_uri,
        scopes=scopes,
        state=state,
        nonce=values.get("nonce"),
    )


def _declined(asked: _AuthorizationRequest) -> str:
    return with_query(asked.redirect_uri, {"error": "access_denied", "state": asked.state})


def _accepted(world: World, asked: _AuthorizationRequest, realm: str | None, user: str) -> str:
    return world.consented(
        client_id=asked.app.client_id,
        redirect_uri=asked.redirect_uri,
        realm=realm,
        scopes=asked.scopes,
        state=asked.state,
        user=user,
        nonce=asked.nonce,
    )
