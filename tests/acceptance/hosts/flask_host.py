"""The plugin in Flask, as short as it can be and still be right; it keeps its records in memory.

To run it: ``pip install 'dunahub-qbo-plugin[cli,demo]'``, ``python flask_host.py``.
"""

from __future__ import annotations

import os
import secrets
from contextlib import ExitStack
from datetime import date
from decimal import Decimal
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

from flask import Flask, abort, g, redirect, request
from werkzeug.wrappers import Response

from dunahub_hookspecs import (
    ActionRequest,
    Host,
    Invoice,
    Lead,
    LineItem,
    Notice,
    Organization,
    Person,
    RecordKind,
    Redirect,
    Region,
    SettingsRequest,
)
from dunahub_hookspecs.host import (
    collect_cards,
    collect_panels,
    create_plugin_manager,
    dispatch,
    notify,
    show_panel,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

PORT = int(os.environ.get("PORT", "8000"))
BASE = f"http://127.0.0.1:{PORT}"  # from your configuration, never from the request
ORG = Organization(id="acme", name="ACME Gutters", region=Region.US)  # of whoever is signed in
DANA = Person(id="dana", name="Dana", email="dana@acme.example")

NEW = """<form method="post" action="/invoices"><label>Number <input name="number" required></label>
<label>Total <input name="total" type="number" step="0.01" required></label>
<button>Save the invoice</button></form>"""


def seen_at(slug: str, *, render: bool = True) -> SettingsRequest:
    """Say what plugins may know of this visit."""
    url = f"{BASE}/settings/{slug}"
    query = request.args.to_dict()
    return SettingsRequest(
        person=DANA,
        page_url=url,
        action_url=url,
        query=query,
        style_nonce=g.nonce,
        render=render,
    )


def harden(response: Response) -> Response:
    """Send a page so that no other site shows it, no cache keeps it, and no style is added."""
    policy = f"default-src 'self'; style-src 'nonce-{g.get('nonce')}'; base-uri 'none'"
    response.headers["Content-Security-Policy"] = f"{policy}; frame-ancestors 'none'"
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Cache-Control"] = "no-store"
    return response


def create_app(  # noqa: C901  a function for each route
    folder: Path, plugins: Iterable[object] = ()
) -> Flask:
    """Make the application; ``app.extensions["stop"]`` ends its plugins."""
    app = Flask(__name__)
    manager = create_plugin_manager(plugins)
    told: dict[str, Notice] = {}  # your outbox: by the id, since a notice may come twice

    def take(notice: Notice) -> None:
        told.setdefault(notice.id, notice)

    notify(manager, "on_startup", host=Host(name="Flask host", data_dir=folder, notify=take))
    stack = ExitStack()
    stack.callback(notify, manager, "on_shutdown")
    app.extensions["stop"] = stack.close

    @app.before_request
    def refuse_other_sites() -> None:
        if request.method == "POST" and request.headers.get("Origin", BASE) != BASE:
            abort(403)
        g.nonce = secrets.token_urlsafe(16)

    app.after_request(harden)
    numbers: list[str] = []  # your database

    @app.get("/")
    def home() -> str:
        panels = collect_panels(manager, ORG, seen_at("", render=False))
        menu = (
            f'<a href="/settings/{panel.slug}">{panel.title}</a> {panel.count or ""}'
            for panel in panels
        )
        bell = "".join(f"<p>{escape(notice.title)}</p>" for notice in told.values())
        bills = (f'<li><a href="/invoices/{escape(n)}">{escape(n)}</a></li>' for n in numbers)
        return f"<nav>{' '.join(menu)}</nav>{bell}<ul>{''.join(bills)}</ul>{NEW}"

    @app.post("/invoices")
    def bill() -> Response:
        line = LineItem(description="Work", unit_price=Decimal(request.form["total"]))
        number = request.form["number"]
        lead = Lead(id="1", name="Sarah Mitchell")
        invoice = Invoice(
            id=number, number=number, lead=lead, lines=[line], issued_on=date(2026, 3, 2)
        )
        if number == "refused":
            abort(409)  # nothing was saved, so no plugin hears of it
        numbers.append(number)  # the commit; hooks come after it
        notify(manager, "on_invoice_created", org=ORG, invoice=invoice, session=None)
        return redirect(f"/invoices/{number}", 303)

    @app.get("/invoices/<key>")
    def show(key: str) -> str:
        cards = collect_cards(manager, ORG, seen_at, RecordKind.INVOICE, key)
        return "".join(f"<h2>{card.title}</h2>{card.html}" for card in cards)

    @app.get("/settings/<slug>")
    def settings(slug: str) -> str:
        panel = show_panel(manager, ORG, slug, seen_at) or abort(404)
        return f"<h1>{panel.title}</h1>{panel.html}"

    @app.route("/settings/<slug>/<action>", methods=["GET", "POST"])
    def act(slug: str, action: str) -> Response:
        seen = seen_at(slug)
        asked = ActionRequest(
            org=ORG,
            person=DANA,
            page_url=seen.page_url,
            action_url=seen.action_url,
            query=seen.query,
            form=dict(request.form.lists()),
        )
        answer = dispatch(manager, slug, action, request.method, asked) or abort(404)
        if isinstance(answer, Redirect):
            return redirect(answer.url, 303)
        named = {"Content-Disposition": f'attachment; filename="{answer.filename}"'}
        return Response(answer.body, content_type=answer.content_type, headers=named)

    return app


if __name__ == "__main__":
    from cheroot.wsgi import Server

    data = Path("data")
    data.mkdir(exist_ok=True)
    application = create_app(data)
    server = Server(
        ("127.0.0.1", PORT), application
    )  # logs no addresses: the callback's has a code
    try:
        server.start()
    except KeyboardInterrupt:
        server.stop()
    finally:
        application.extensions["stop"]()
