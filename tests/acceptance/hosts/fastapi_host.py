"""The plugin in FastAPI, whose SQLAlchemy session it writes with: both commit or neither does.

FastAPI is Starlette with types: with the same functions as routes it is a Starlette host.
To run it: ``pip install 'dunahub-qbo-plugin[cli,demo]' fastapi uvicorn``, then
``python fastapi_host.py``.
"""

from __future__ import annotations

import os
import secrets
from contextlib import asynccontextmanager
from datetime import date
from decimal import Decimal
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from urllib.parse import parse_qs

from fastapi import Depends, FastAPI, HTTPException, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response, StreamingResponse
from sqlalchemy import create_engine, select
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

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
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterable

PORT = int(os.environ.get("PORT", "8000"))
BASE = f"http://127.0.0.1:{PORT}"  # from your configuration, never from the request
ORG = Organization(id="acme", name="ACME Gutters", region=Region.US)  # of whoever is signed in
DANA = Person(id="dana", name="Dana", email="dana@acme.example")

NEW = """<form method="post" action="/invoices"><label>Number <input name="number" required></label>
<label>Total <input name="total" type="number" step="0.01" required></label>
<button>Save the invoice</button></form>"""


class Base(DeclarativeBase):
    """The host's own tables."""


class Bill(Base):
    """An invoice of the host."""

    __tablename__ = "bill"
    number: Mapped[str] = mapped_column(primary_key=True)
    total: Mapped[str]


async def form_of(request: Request) -> dict[str, list[str]]:
    """Read a form; refuse one that another site sent."""
    if request.headers.get("Origin", BASE) != BASE:
        raise HTTPException(403)
    return parse_qs((await request.body()).decode(), keep_blank_values=True)


Form = Annotated[dict[str, list[str]], Depends(form_of)]


def create_app(  # noqa: C901  a function for each route
    folder: Path, plugins: Iterable[object] = ()
) -> FastAPI:
    """Make the application; its lifespan starts and stops the plugins."""
    manager = create_plugin_manager(plugins)
    told: dict[str, Notice] = {}  # your outbox: by the id, since a notice may come twice

    def take(notice: Notice) -> None:
        told.setdefault(notice.id, notice)

    # One database for host and plugin, here the plugin's own: so both commit or neither does.
    own = f"sqlite:///{folder / 'dunahub_qbo.sqlite3'}"
    engine = create_engine(os.environ.get("DUNAHUB_QBO_DATABASE_URL", own))

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        Base.metadata.create_all(engine)
        notify(manager, "on_startup", host=Host(name="FastAPI host", data_dir=folder, notify=take))
        yield
        notify(manager, "on_shutdown")
        engine.dispose()

    app = FastAPI(lifespan=lifespan)

    @app.middleware("http")
    async def harden(
        request: Request, answer: Callable[[Request], Awaitable[Response]]
    ) -> Response:
        request.state.nonce = nonce = secrets.token_urlsafe(16)
        response = await answer(request)
        policy = f"default-src 'self'; style-src 'nonce-{nonce}'; base-uri 'none'"
        response.headers["Content-Security-Policy"] = f"{policy}; frame-ancestors 'none'"
        response.headers["X-Content-Type-Options"] = "nosniff"
        response.headers["Cache-Control"] = "no-store"
        return response

    @app.get("/")
    def home(request: Request) -> HTMLResponse:
        panels = collect_panels(manager, ORG, _seen_at(request)("", render=False))
        menu = (
            f'<a href="/settings/{panel.slug}">{panel.title}</a> {panel.count or ""}'
            for panel in panels
        )
        bell = "".join(f"<p>{escape(notice.title)}</p>" for notice in told.values())
        with Session(engine) as session:
            bills = "".join(
                f'<li><a href="/invoices/{escape(bill.number)}">{escape(bill.number)}</a></li>'
                for bill in session.scalars(select(Bill))
            )
        return HTMLResponse(f"<nav>{' '.join(menu)}</nav>{bell}<ul>{bills}</ul>{NEW}")

    @app.post("/invoices")
    def bill(form: Form) -> Response:
        number, total = form["number"][0], form["total"][0]
        with Session(engine) as session, session.begin():
            session.merge(Bill(number=number, total=total))  # the same number again: a change
            invoice = Invoice(
                id=number,
                number=number,
                lead=Lead(id="1", name="Sarah Mitchell"),
                lines=[LineItem(description="Work", unit_price=Decimal(total))],
                issued_on=date(2026, 3, 2),
            )
            notify(manager, "on_invoice_created", org=ORG, invoice=invoice, session=session)
            if number == "refused":
                raise HTTPException(409)  # rolls back the host's row and the plugin's
        return RedirectResponse(f"/invoices/{number}", 303)

    @app.get("/invoices/{key}")
    def show(key: str, request: Request) -> HTMLResponse:
        cards = collect_cards(manager, ORG, _seen_at(request), RecordKind.INVOICE, key)
        return HTMLResponse("".join(f"<h2>{card.title}</h2>{card.html}" for card in cards))

    @app.get("/settings/{slug}")
    def settings(slug: str, request: Request) -> HTMLResponse:
        panel = show_panel(manager, ORG, slug, _seen_at(request))
        if panel is None:
            raise HTTPException(404)
        return HTMLResponse(f"<h1>{panel.title}</h1>{panel.html}")

    @app.api_route("/settings/{slug}/{action}", methods=["GET", "POST"])
    def act(slug: str, action: str, request: Request, form: Form) -> Response:
        seen = _seen_at(request)(slug)
        asked = ActionRequest(
            org=ORG,
            person=DANA,
            page_url=seen.page_url,
            action_url=seen.action_url,
            query=seen.query,
            form=form,
        )
        answer = dispatch(manager, slug, action, request.method, asked)
        if answer is None:
            raise HTTPException(404)
        if isinstance(answer, Redirect):
            return RedirectResponse(answer.url, 303)
        body = [answer.body] if isinstance(answer.body, bytes) else answer.body
        named = {"Content-Disposition": f'attachment; filename="{answer.filename}"'}
        return StreamingResponse(body, media_type=answer.content_type, headers=named)

    return app


def _seen_at(request: Request) -> Callable[..., SettingsRequest]:
    def seen_at(slug: str, *, render: bool = True) -> SettingsRequest:
        url = f"{BASE}/settings/{slug}"
        query = dict(request.query_params)
        return SettingsRequest(
            person=DANA,
            page_url=url,
            action_url=url,
            query=query,
            style_nonce=request.state.nonce,
            render=render,
        )

    return seen_at


if __name__ == "__main__":
    import uvicorn

    data = Path("data")
    data.mkdir(exist_ok=True)
    # No log of addresses: the one that Intuit sends people back to holds a code.
    uvicorn.run(create_app(data), port=PORT, access_log=False)
