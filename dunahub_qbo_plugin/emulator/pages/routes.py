"""The pages for a person: the companies, their books, and every object at an address of its own.

QuickBooks' own deep links (`/app/invoice?txnId=…`) lead there too, so that a client's "Open in
QuickBooks" works against the emulator.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import Blueprint, Response, abort, redirect, render_template, request, url_for

from dunahub_qbo_plugin.emulator.pages import table_rows, views

if TYPE_CHECKING:
    from werkzeug.wrappers import Response as AnyResponse

    from dunahub_qbo_plugin.emulator.world.directory import HostedCompany
    from dunahub_qbo_plugin.emulator.world.world import World

_SHORT = 25
_LONG = 100
_FIRST = ("Customer", "Invoice", "Payment")
_RECENT = 15
_QUICK = 5000  # objects that are looked through for doubles without being asked to

_DEEP_LINKS = {
    "invoice": ("Invoice", "txnId"),
    "recvpayment": ("Payment", "txnId"),
    "creditmemo": ("CreditMemo", "txnId"),
    "salesreceipt": ("SalesReceipt", "txnId"),
    "refundreceipt": ("RefundReceipt", "txnId"),
    "customerdetail": ("Customer", "nameId"),
    "vendordetail": ("Vendor", "nameId"),
}


def blueprint(world: World) -> Blueprint:
    """Return the pages of this world."""
    routes = Blueprint("pages", __name__)
    _books(routes, world)
    _deep_links(routes, world)

    @routes.get("/")
    @routes.get("/books", strict_slashes=False)
    def home() -> str:
        entries = world.journal.entries()
        return render_template(
            "home.html",
            companies=[(hosted, _counts(hosted)) for hosted in world.companies.values()],
            apps=list(world.apps.values()),
            now=world.clock(),
            skew=world.clock.skew,
            rules=world.trouble.in_force(),
            recent=entries[: -_RECENT - 1 : -1],
            total=len(entries),
        )

    @routes.app_errorhandler(404)
    def missing(_: Exception) -> tuple[str, int]:
        return render_template("missing.html"), 404

    return routes


def _books(routes: Blueprint, world: World) -> None:
    def company(realm: str) -> HostedCompany:
        hosted = world.companies.get(realm)
        return hosted if hosted is not None else abort(404)

    @routes.get("/books/<realm>")
    def books(realm: str) -> str:
        hosted = company(realm)
        sections = [
            views.section(hosted.books, entity, start=1, limit=_SHORT)
            for entity in table_rows.TITLES
        ]
        size = sum(section.total for section in sections)
        look = size <= _QUICK or "doubles" in request.args
        return render_template(
            "books.html",
            hosted=hosted,
            realm=realm,
            doubles=hosted.books.books()["doubles"] if look else None,
            first=[section for section in sections if section.entity in _FIRST],
            others=[s for s in sections if s.entity not in _FIRST and s.total],
        )

    @routes.get("/books/<realm>/<entity>")
    def listing(realm: str, entity: str) -> str:
        hosted = company(realm)
        kind = table_rows.entity_named(entity) or abort(404)
        page = max(request.args.get("page", 1, type=int), 1)
        section = views.section(hosted.books, kind, start=(page - 1) * _LONG + 1, limit=_LONG)
        return render_template(
            "list.html", hosted=hosted, realm=realm, section=section, page=page, size=_LONG
        )

    @routes.get("/books/<realm>/<entity>/<identifier>")
    def thing(realm: str, entity: str, identifier: str) -> str:
        hosted = company(realm)
        kind = table_rows.entity_named(entity) or abort(404)
        item = views.read(hosted.books, kind, identifier)
        if item is None:
            abort(404)
        return render_template(
            "object.html",
            hosted=hosted,
            realm=realm,
            kind=kind,
            title=table_rows.title(kind, item),
            facts=table_rows.facts(kind, item),
            lines=table_rows.lines(item),
            links=table_rows.links(item),
            json=views.pretty(item),
        )


def _deep_links(routes: Blueprint, world: World) -> None:
    @routes.get("/app/<page>")
    def deep_link(page: str) -> AnyResponse | str:
        entity, parameter = _DEEP_LINKS.get(page.lower()) or abort(404)
        identifier = request.args.get(parameter, "")
        wanted = request.args.get("deeplinkcompanyid") or request.args.get("companyId")
        holders = [
            hosted
            for realm, hosted in world.companies.items()
            if wanted in {None, realm} and views.read(hosted.books, entity, identifier)
        ]
        if not holders:
            abort(404)
        addresses = [
            url_for(
                "pages.thing",
                realm=hosted.books.realm_id,
                entity=entity.lower(),
                identifier=identifier,
            )
            for hosted in holders
        ]
        if len(addresses) == 1:
            return redirect(addresses[0])
        choices = list(zip(holders, addresses, strict=True))
        return Response(render_template("which.html", choices=choices), 300)


def _counts(hosted: HostedCompany) -> list[tuple[str, int]]:
    return [(table_rows.TITLES[entity], views.count(hosted.books, entity)) for entity in _FIRST]
