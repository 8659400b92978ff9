"""The plugin in Django, which has an ORM of its own: hooks are called after its commit.

To run it: ``pip install 'dunahub-qbo-plugin[cli,demo]' django``, ``python django_host.py``.
"""

from __future__ import annotations

import os
import secrets
from datetime import date
from decimal import Decimal
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

import django
from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.db import connection, models, transaction
from django.http import Http404, HttpResponse, HttpResponseRedirect, StreamingHttpResponse
from django.middleware.csrf import get_token
from django.urls import path as route

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
    from collections.abc import Callable, Iterable

    from django.core.handlers.wsgi import WSGIHandler
    from django.http import HttpRequest

PORT = int(os.environ.get("PORT", "8000"))
BASE = f"http://127.0.0.1:{PORT}"  # from your configuration, never from the request
ORG = Organization(id="acme", name="ACME Gutters", region=Region.US)  # of whoever is signed in
DANA = Person(id="dana", name="Dana", email="dana@acme.example")

NEW = """<form method="post" action="/invoices">
<input type="hidden" name="csrfmiddlewaretoken" value="{token}">
<label>Number <input name="number" required></label>
<label>Total <input name="total" type="number" step="0.01" required></label>
<button>Save the invoice</button></form>"""


def configure(folder: Path) -> None:
    """Set Django up; a process can do so once."""
    settings.configure(
        ALLOWED_HOSTS=["127.0.0.1"],
        DATABASES={
            "default": {"ENGINE": "django.db.backends.sqlite3", "NAME": str(folder / "crm.sqlite3")}
        },
        MIDDLEWARE=[f"{__name__}.harden", "django.middleware.csrf.CsrfViewMiddleware"],
        ROOT_URLCONF="",
        SECRET_KEY=secrets.token_hex(),  # yours is kept, in your configuration
        USE_TZ=True,
    )
    django.setup()


def harden(answer: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """Be a middleware: no page of another site shows ours, no cache keeps them."""

    def hardened(request: HttpRequest) -> HttpResponse:
        request.META["nonce"] = nonce = secrets.token_urlsafe(16)
        response = answer(request)
        policy = f"default-src 'self'; style-src 'nonce-{nonce}'; base-uri 'none'"
        response["Content-Security-Policy"] = f"{policy}; frame-ancestors 'none'"
        response["X-Content-Type-Options"] = "nosniff"
        response["Cache-Control"] = "no-store"
        return response

    return hardened


def create_app(  # noqa: C901  a function for each route
    folder: Path, plugins: Iterable[object] = ()
) -> tuple[WSGIHandler, Callable[[], object]]:
    """Make the application, and what stops its plugins."""
    manager = create_plugin_manager(plugins)
    told: dict[str, Notice] = {}  # your outbox: by the id, since a notice may come twice

    def take(notice: Notice) -> None:
        told.setdefault(notice.id, notice)

    class Bill(models.Model):
        number = models.CharField(primary_key=True, max_length=40)
        total = models.DecimalField(max_digits=12, decimal_places=2)

        class Meta:
            app_label = "crm"

        def __str__(self) -> str:
            return str(self.number)

    if Bill._meta.db_table not in connection.introspection.table_names():
        with connection.schema_editor() as editor:
            editor.create_model(Bill)

    def home(request: HttpRequest) -> HttpResponse:
        panels = collect_panels(manager, ORG, _seen_at(request)("", render=False))
        menu = (
            f'<a href="/settings/{panel.slug}">{panel.title}</a> {panel.count or ""}'
            for panel in panels
        )
        bell = "".join(f"<p>{escape(notice.title)}</p>" for notice in told.values())
        bills = "".join(
            f'<li><a href="/invoices/{escape(bill.number)}">{escape(bill.number)}</a></li>'
            for bill in Bill.objects.all()
        )
        new = NEW.format(token=get_token(request))
        return HttpResponse(f"<nav>{' '.join(menu)}</nav>{bell}<ul>{bills}</ul>{new}")

    @transaction.atomic
    def bill(request: HttpRequest) -> HttpResponse:
        number, total = request.POST["number"], Decimal(request.POST["total"])
        Bill.objects.update_or_create(number=number, defaults={"total": total})
        invoice = Invoice(
            id=number,
            number=number,
            lead=Lead(id="1", name="Sarah Mitchell"),
            lines=[LineItem(description="Work", unit_price=total)],
            issued_on=date(2026, 3, 2),
        )
        transaction.on_commit(
            lambda: notify(manager, "on_invoice_created", org=ORG, invoice=invoice, session=None)
        )
        if number == "refused":
            transaction.set_rollback(True)
            return HttpResponse(status=409)
        return _see_other(f"/invoices/{number}")

    def show(request: HttpRequest, key: str) -> HttpResponse:
        cards = collect_cards(manager, ORG, _seen_at(request), RecordKind.INVOICE, key)
        return HttpResponse("".join(f"<h2>{card.title}</h2>{card.html}" for card in cards))

    def panel(request: HttpRequest, slug: str) -> HttpResponse:
        shown = show_panel(manager, ORG, slug, _seen_at(request))
        if shown is None:
            raise Http404
        return HttpResponse(f"<h1>{shown.title}</h1>{shown.html}")

    def act(request: HttpRequest, slug: str, action: str) -> HttpResponse | StreamingHttpResponse:
        seen = _seen_at(request)(slug)
        asked = ActionRequest(
            org=ORG,
            person=DANA,
            page_url=seen.page_url,
            action_url=seen.action_url,
            query=seen.query,
            form=dict(request.POST.lists()),
        )
        answer = dispatch(manager, slug, action, request.method or "GET", asked)
        if answer is None:
            raise Http404
        if isinstance(answer, Redirect):
            return _see_other(answer.url)
        body = [answer.body] if isinstance(answer.body, bytes) else answer.body
        named = {"Content-Disposition": f'attachment; filename="{answer.filename}"'}
        return StreamingHttpResponse(body, content_type=answer.content_type, headers=named)

    settings.ROOT_URLCONF = (
        route("", home),
        route("invoices", bill),
        route("invoices/<key>", show),
        route("settings/<slug>", panel),
        route("settings/<slug>/<action>", act),
    )
    notify(manager, "on_startup", host=Host(name="Django host", data_dir=folder, notify=take))
    return get_wsgi_application(), lambda: notify(manager, "on_shutdown")


def _seen_at(request: HttpRequest) -> Callable[..., SettingsRequest]:
    def seen_at(slug: str, *, render: bool = True) -> SettingsRequest:
        url = f"{BASE}/settings/{slug}"
        return SettingsRequest(
            person=DANA,
            page_url=url,
            action_url=url,
            query=request.GET.dict(),
            hidden_fields={"csrfmiddlewaretoken": get_token(request)},
            style_nonce=request.META["nonce"],
            render=render,
        )

    return seen_at


def _see_other(url: str) -> HttpResponse:
    answer = HttpResponseRedirect(url)
    answer.status_code = 303
    return answer


if __name__ == "__main__":
    from cheroot.wsgi import Server

    data = Path("data")
    data.mkdir(exist_ok=True)
    configure(data)
    application, stop = create_app(data)
    server = Server(
        ("127.0.0.1", PORT), application
    )  # logs no addresses: the callback's has a code
    try:
        server.start()
    except KeyboardInterrupt:
        server.stop()
    finally:
        stop()
