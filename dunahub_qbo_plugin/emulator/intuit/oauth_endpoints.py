"""Intuit's OAuth 2.0 and OpenID Connect endpoints, consent page excepted.

Paths are those of Intuit's hosts, all on one host here. Bodies, texts and headers of refusals
are as recorded (2018 to 2026); a failed revocation has no body.
"""

from __future__ import annotations

import hashlib
import json
from base64 import b64decode, urlsafe_b64encode
from email.utils import format_datetime
from typing import TYPE_CHECKING, Any

from flask import Blueprint, Response, request

from dunahub_qbo_plugin.emulator.world.grants import Grant, Issued, OAuthFault

if TYPE_CHECKING:
    from dunahub_qbo_plugin.emulator.world.directory import OAuthApp
    from dunahub_qbo_plugin.emulator.world.world import World

_NOT_IN_REALM: dict[str, Any] = {
    "description": "Unauthorized Request: User is not a member of the specified Realm",
    "extra": {
        "x_error_reason": "user_not_in_realm",
        "x_error_reason_detail": "The user is not in the specified realm",
    },
}
_FORM = "application/x-www-form-urlencoded"


def blueprint(world: World) -> Blueprint:
    """Return the endpoints, answering from this world."""
    routes = Blueprint("oauth", __name__)

    @routes.get("/.well-known/openid_configuration", strict_slashes=False)
    @routes.get("/.well-known/openid_sandbox_configuration", strict_slashes=False)
    @routes.get("/.well-known/openid-sandbox-configuration", strict_slashes=False)
    def configuration() -> Response:
        return _json(200, discovery(request.url_root.rstrip("/")))

    @routes.post("/oauth2/v1/tokens/bearer")
    def tokens() -> Response:
        return _tokens(world)

    @routes.post("/v2/oauth2/tokens/revoke")
    def revoke() -> Response:
        return _revoke(world)

    @routes.get("/v1/openid_connect/userinfo")
    def userinfo() -> Response:
        return _userinfo(world)

    @routes.get("/op/v1/jwks")
    def jwks() -> Response:
        return _json(200, world.signer.jwks())

    @routes.after_request
    def finish(response: Response) -> Response:
        tid = request.environ.get("emulator.tid")
        if tid is not None:
            response.headers["intuit_tid"] = tid
        response.headers["Strict-Transport-Security"] = "max-age=31536000"
        response.headers["Date"] = format_datetime(world.clock(), usegmt=True)
        response.headers["Server"] = "nginx"
        return response

    return routes


ISSUER = "https://oauth.platform.intuit.com/op/v1"
"""Who issues ID tokens, wherever this runs: Intuit's clients compare it with this very text."""


def discovery(base: str) -> dict[str, Any]:
    """Return Intuit's discovery document with this host in the place of Intuit's.

    At Intuit the sandbox's document differs in the host of the user information only, so here
    both are the same.
    """
    return {
        "issuer": ISSUER,
        "authorization_endpoint": f"{base}/connect/oauth2",
        "token_endpoint": f"{base}/oauth2/v1/tokens/bearer",
        "userinfo_endpoint": f"{base}/v1/openid_connect/userinfo",
        "revocation_endpoint": f"{base}/v2/oauth2/tokens/revoke",
        "jwks_uri": f"{base}/op/v1/jwks",
        "response_types_supported": ["code"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["RS256"],
        "scopes_supported": ["openid", "email", "profile", "address", "phone"],
        "token_endpoint_auth_methods_supported": ["client_secret_post", "client_secret_basic"],
        "claims_supported": ["aud", "exp", "iat", "iss", "realmid", "sub"],
    }


def _tokens(world: World) -> Response:
    try:
        return _json(200, _token_body(world, _issue(world)))
    except OAuthFault as fault:
        return _refusal(fault)


def _revoke(world: World) -> Response:
    try:
        app = _client(world, form_allowed=False)
    except OAuthFault as fault:
        return _empty(401, _challenge(fault))
    token = _token_to_revoke()
    if token is None or not world.tokens.revoke(client_id=app.client_id, value=token):
        return _empty(400)
    return _empty(200)


def _issue(world: World) -> Issued:
    if request.mimetype != _FORM:
        raise OAuthFault(error="invalid_request")
    app = _client(world, form_allowed=True)
    form = request.form
    grant_type = form.get("grant_type")

    def check(grant: Grant) -> None:
        if grant.realm is not None and (grant.user, grant.realm) not in world.members:
            raise OAuthFault(error="invalid_grant", **_NOT_IN_REALM)

    if grant_type == "authorization_code":
        code, redirect_uri = form.get("code"), form.get("redirect_uri")
        if not code or not redirect_uri:
            raise OAuthFault(error="invalid_request")
        return world.tokens.exchange(
            client_id=app.client_id, code=code, redirect_uri=redirect_uri, check=check
        )
    if grant_type == "refresh_token":
        value = form.get("refresh_token")
        if not value:
            raise OAuthFault(error="invalid_request")
        return world.tokens.refresh(client_id=app.client_id, value=value, check=check)
    raise OAuthFault(error="unsupported_grant_type" if grant_type else "invalid_request")


def _client(world: World, *, form_allowed: bool) -> OAuthApp:
    client_id, secret = _credentials(form_allowed=form_allowed)
    app = world.apps.get(client_id)
    if app is None or app.client_secret != secret:
        raise OAuthFault(status=401, error="invalid_client")
    return app


def _credentials(*, form_allowed: bool) -> tuple[str, str]:
    scheme, _, value = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() == "basic":
        try:
            client_id, _, secret = b64decode(value, validate=True).decode().partition(":")
        except ValueError:
            return "", ""
        return client_id, secret
    if form_allowed:
        return request.form.get("client_id", ""), request.form.get("client_secret", "")
    return "", ""


def _token_body(world: World, issued: Issued) -> dict[str, Any]:
    body: dict[str, Any] = {
        "x_refresh_token_expires_in": issued.refresh_expires_in,
        "refresh_token": issued.refresh_token,
        "access_token": issued.access_token,
        "token_type": "bearer",
        "expires_in": issued.expires_in,
    }
    asked = request.headers.get("x-include-refresh-token-hard-expires-in", "").lower() == "true"
    when = world.tokens.settings.hard_expires
    if when == "always" or (when == "header" and asked):
        body["x_refresh_token_hard_expires_in"] = issued.hard_expires_in
    if "openid" in issued.grant.scopes and request.form.get("grant_type") == "authorization_code":
        body["id_token"] = _id_token(world, issued)
    return body


def _id_token(world: World, issued: Issued) -> str:
    grant = issued.grant
    now = int(world.clock().timestamp())
    digest = hashlib.sha256(issued.access_token.encode()).digest()[:16]
    claims: dict[str, object] = {
        "sub": grant.user,
        "aud": [grant.client_id],
        "iss": ISSUER,
        "auth_time": int(grant.created_at.timestamp()),
        "iat": now,
        "exp": now + issued.expires_in,
        "at_hash": urlsafe_b64encode(digest).decode().rstrip("="),
    }
    if grant.realm is not None:
        claims["realmid"] = grant.realm
    if grant.nonce is not None:
        claims["nonce"] = grant.nonce
    return world.signer.sign(claims)


def _token_to_revoke() -> str | None:
    # Intuit's own Java client and node-quickbooks send a form.
    if request.mimetype == "application/x-www-form-urlencoded":
        return request.form.get("token")
    try:
        content = json.loads(request.get_data())
    except (ValueError, RecursionError):
        return None
    token = content.get("token") if isinstance(content, dict) else None
    return token if isinstance(token, str) and request.mimetype == "application/json" else None


def _userinfo(world: World) -> Response:
    scheme, _, value = request.headers.get("Authorization", "").partition(" ")
    token = world.tokens.access(value.strip()) if scheme.lower() == "bearer" else None
    if token is None or token.grant.ended or token.expires_at <= world.clock():
        challenge = {"WWW-Authenticate": 'Bearer realm="Intuit", error="invalid_token"'}
        return Response(status=401, headers=challenge)
    scopes = token.grant.scopes
    if "openid" not in scopes:
        challenge = {"WWW-Authenticate": 'Bearer realm="Intuit", error="insufficient_scope"'}
        return Response(status=403, headers=challenge)
    user = world.users[token.grant.user]
    body: dict[str, Any] = {"sub": user.sub}
    if "email" in scopes:
        body |= {"email": user.email, "emailVerified": True}
    if "profile" in scopes:
        body |= {"givenName": user.given_name, "familyName": user.family_name}
    if "phone" in scopes:
        body |= {"phoneNumber": user.phone, "phoneNumberVerified": False}
    if "address" in scopes:
        body["address"] = {
            "streetAddress": "2500 Garcia Ave",
            "locality": "Mountain View",
            "region": "CA",
            "postalCode": "94043",
            "country": "US",
        }
    return _json(200, body)


def _refusal(fault: OAuthFault) -> Response:
    body = dict(fault.extra)
    if fault.description is not None:
        body["error_description"] = fault.description
    body["error"] = fault.error
    response = _json(fault.status, body)
    response.headers.extend(_challenge(fault))
    return response


def _challenge(fault: OAuthFault) -> dict[str, str]:
    if fault.error != "invalid_client":
        return {}
    return {"WWW-Authenticate": 'Basic realm="Intuit"', "Cache-Control": "no-cache, no-store"}


def _json(status: int, body: object) -> Response:
    response = Response(
        json.dumps(body, separators=(",", ":")),
        status,
        content_type="application/json;charset=utf-8",
    )
    response.headers["Cache-Control"] = "no-cache, no-store"
    response.headers["Pragma"] = "no-cache"
    return response


def _empty(status: int, headers: dict[str, str] | None = None) -> Response:
    response = Response(status=status, headers=headers)
    del response.headers["Content-Type"]
    return response
