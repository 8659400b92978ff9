"""The CRM as a WSGI application."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import Flask, redirect, render_template, request, url_for
from werkzeug.exceptions import HTTPException

from dunahub_qbo_plugin.demo import seeds
from dunahub_qbo_plugin.demo.web import (
    context,
    demo_bar,
    formats,
    invoices,
    leads,
    mailbox,
    payments,
    settings,
    work,
)

if TYPE_CHECKING:
    from werkzeug import Response

    from dunahub_qbo_plugin.demo.web.context import Crm

_LARGEST_FORM = 2 * 1024 * 1024
# Only our own scripts run. Form targets stay free: "Connect" leads on to QuickBooks' own page.
_POLICY = (
    "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "base-uri 'none'; frame-ancestors 'none'"
)


def create_app(crm: Crm, secret_key: str) -> Flask:
    """Make the CRM's web application.

    Args:
        crm: what it serves.
        secret_key: signs the session cookie.
    """
    app = Flask("dunahub_qbo_plugin.demo")
    app.secret_key = secret_key
    app.config.update(
        MAX_CONTENT_LENGTH=_LARGEST_FORM,
        MAX_FORM_MEMORY_SIZE=_LARGEST_FORM,
        SESSION_COOKIE_NAME="dunahub_demo",
        SESSION_COOKIE_SAMESITE="Lax",
    )
    app.extensions[context.EXTENSION] = crm
    for module in (leads, work, invoices, payments, settings, mailbox, demo_bar):
        app.register_blueprint(module.PAGES)
    app.jinja_env.filters.update(formats.FILTERS)
    app.before_request(_own_address)
    app.before_request(context.check_form_token)
    app.after_request(_harden)
    app.context_processor(_surroundings)
    app.register_error_handler(HTTPException, _problem)
    app.add_url_rule("/", "home", work.pipeline)
    return app


def _own_address() -> Response | None:
    """Redirect from another name of this machine to the address that callbacks use."""
    base = context.crm().base_url
    if request.method == "GET" and request.host_url.rstrip("/") != base:
        return redirect(base + request.full_path.rstrip("?"), code=302)
    return None


def _harden(response: Response) -> Response:
    response.headers["Content-Security-Policy"] = _POLICY
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Referrer-Policy"] = "same-origin"
    if not request.path.startswith("/static/"):
        response.headers["Cache-Control"] = "no-store"
    return response


def _surroundings() -> dict[str, object]:
    """Return what the frame around every page shows."""
    crm = context.crm()
    return {
        "member": context.signed_in(),
        "company": context.office().company,
        "panels": crm.plugins.menu(context.visitor()),
        "bell": mailbox.bell(),
        "token_field": context.TOKEN_FIELD,
        "token": context.form_token(),
        "demo": demo_bar.state(crm),
        "home_url": url_for("home"),
        "everybody": [
            (someone, where)
            for where in crm.store.companies()
            for someone in seeds.members(where.id)
        ],
    }


def _problem(error: HTTPException) -> tuple[str, int] | HTTPException:
    if error.response is not None or error.code is None or error.code < 400:  # noqa: PLR2004  below it HTTP has no problems
        return error
    words = {404: "There is no such page.", 413: "That is more text than this page takes."}
    text = words.get(error.code, error.description or error.name)
    return render_template("problem.html", text=text, code=error.code), error.code
