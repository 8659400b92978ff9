"""Settings: the organization itself, and the panels that plugins contribute."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

import attrs
from flask import Blueprint, abort, flash, redirect, render_template, request, session, url_for
from werkzeug.wrappers import Response as Answer

from dunahub_hookspecs import RecordKind, Redirect
from dunahub_qbo_plugin.demo import seeds
from dunahub_qbo_plugin.demo.web.context import crm, found, office, visitor

if TYPE_CHECKING:
    from werkzeug import Response

PAGES = Blueprint("settings", __name__)


@PAGES.get("/settings/")
def index() -> Response:
    """Redirect to the first page of the settings."""
    return redirect(url_for("settings.company"), code=302)


@PAGES.get("/settings/company")
def company() -> str:
    """Show the organization's name, region and time zone."""
    return render_template("company.html", people=seeds.members(office().company.id))


@PAGES.post("/settings/company")
def save_company() -> Response:
    """Save the organization's name, region and time zone."""
    here = office()
    names = ("name", "region", "timezone")
    typed = {name: request.form.get(name, "").strip() for name in names}
    given = {name: text for name, text in typed.items() if text}
    here.store.save_company(attrs.evolve(here.company, **given))
    flash("The settings were saved.")
    return redirect(url_for("settings.company"), code=303)


@PAGES.post("/sign-in")
def sign_in() -> Response:
    """Sign in as another person. The form token stays: it is the browser's, not the person's."""
    member = found(seeds.member(request.form.get("member", "")))
    session["member"] = member.id
    return redirect(url_for("home"), code=303)


@PAGES.get("/settings/<slug>")
def panel(slug: str) -> str:
    """Show a plugin's panel, when it has one for this organization."""
    shown = found(crm().plugins.panel(visitor(), slug, request.args.to_dict()))
    return render_template("panel.html", panel=shown)


@PAGES.route("/settings/<slug>/<action>", methods=["GET", "POST"])
def act(slug: str, action: str) -> Response:
    """Run an action of a plugin's panel. The form token was checked before, on every POST."""
    answer = crm().plugins.act(
        visitor(),
        slug,
        action,
        request.method,
        query=request.args.to_dict(),
        form=dict(request.form.lists()),
    )
    if answer is None:
        abort(404)
    if isinstance(answer, Redirect):
        return redirect(answer.url, code=303)
    response = Answer(answer.body, content_type=answer.content_type)
    name = quote(answer.filename, safe="")
    response.headers["Content-Disposition"] = f"attachment; filename*=UTF-8''{name}"
    return response


@PAGES.get("/cards/<kind>/<int:record_id>")
def cards(kind: str, record_id: int) -> str:
    """Return the plugins' cards on a record alone, for the page that waits for news of it."""
    if kind not in set(RecordKind):
        abort(404)
    shown = crm().plugins.cards(visitor(), RecordKind(kind), str(record_id))
    return render_template("cards.html", cards=shown)
