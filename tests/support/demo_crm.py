"""A tiny plugin and a browser of the tests' own, to try the demo CRM with."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

import attrs

from dunahub_hookspecs import (
    Action,
    ActionRequest,
    Download,
    Invoice,
    Lead,
    Organization,
    Payment,
    RecordCard,
    RecordKind,
    Redirect,
    Region,
    SettingsPanel,
    SettingsRequest,
    hookimpl,
)
from dunahub_qbo_plugin.demo.pages import Page, read
from dunahub_qbo_plugin.demo.records import LeadRecord

if TYPE_CHECKING:
    from collections.abc import Mapping

    from flask import Flask
    from werkzeug.test import TestResponse

    from dunahub_qbo_plugin.demo.store import Store

BASE = "http://localhost"


@attrs.define(eq=False)
class TinyPlugin:
    """Notes what it is told; has a panel with three actions, for US organizations."""

    slug: str = "tiny"
    store: Store | None = None
    told: list[tuple[str, object]] = attrs.field(factory=list)
    asked: list[ActionRequest] = attrs.field(factory=list)
    seen_in_store: list[object] = attrs.field(factory=list)
    sessions: list[object] = attrs.field(factory=list)
    broken: bool = False

    def _note(self, hook: str, value: object, session: object) -> None:
        self.told.append((hook, value))
        self.sessions.append(session)
        if self.broken:
            raise RuntimeError("this plugin is broken")

    @hookimpl
    def on_lead_saved(self, org: Organization, lead: Lead, session: object) -> None:
        """Note a lead, and what the CRM's database has of it at that moment."""
        if self.store is not None:
            self.seen_in_store.append(self.store.get(LeadRecord, org.id, int(lead.id)))
        self._note("on_lead_saved", lead, session)

    @hookimpl
    def on_invoice_created(self, invoice: Invoice, session: object) -> None:
        """Note an invoice."""
        self._note("on_invoice_created", invoice, session)

    @hookimpl
    def on_invoice_updated(self, invoice: Invoice, session: object) -> None:
        """Note a change."""
        self._note("on_invoice_updated", invoice, session)

    @hookimpl
    def on_payment_recorded(self, payment: Payment, session: object) -> None:
        """Note a payment."""
        self._note("on_payment_recorded", payment, session)

    @hookimpl
    def on_settings_render(
        self, org: Organization, request: SettingsRequest
    ) -> SettingsPanel | None:
        """Return a panel with a form."""
        if org.region is not Region.US:
            return None
        hidden = "".join(
            f'<input type="hidden" name="{name}" value="{escape(value)}">'
            for name, value in request.hidden_fields.items()
        )
        return SettingsPanel(
            slug=self.slug,
            title=self.slug.title(),
            html=(
                f"<p>Filter {escape(request.query.get('filter', '-'))}</p>"
                f'<form method="post" action="{request.action_url}/save">{hidden}'
                '<input name="key"><button>Save it</button></form>'
            )
            if request.render
            else "",
            actions=(
                Action(name="save", method="POST", handle=self._save),
                Action(name="callback", method="GET", handle=self._save),
                Action(name="export", method="POST", handle=self._export),
            ),
        )

    @hookimpl
    def on_record_render(
        self, request: SettingsRequest, kind: RecordKind, record_id: str
    ) -> RecordCard | None:
        """Return a card with a form."""
        link = request.record_url(kind, record_id) if request.record_url else ""
        return RecordCard(
            title=f"Card of {self.slug}",
            html=f'<p>{kind} {record_id} {link}</p><form method="post" '
            f'action="{request.action_url}/save"><button>Retry</button></form>',
        )

    def _save(self, request: ActionRequest) -> Redirect:
        self.asked.append(request)
        return Redirect(url=request.page_url + "?saved=1")

    def _export(self, _request: ActionRequest) -> Download:
        return Download(filename="öffice.csv", content_type="text/csv", body=b"a,b\n")


class Browser:
    """Flask's test client as somebody at a browser."""

    def __init__(self, app: Flask) -> None:
        self.client = app.test_client()

    def open(self, path: str, status: int = 200) -> Page:
        """Open a page."""
        answer = self.client.get(path, base_url=BASE, follow_redirects=True)
        assert answer.status_code == status, answer.text
        return self._page(answer)

    def press(self, page: Page, label: str, **typed: str | list[str]) -> Page:
        """Fill in a form and press its button."""
        return self.send(page, label, typed, status=200)

    def send(
        self, page: Page, label: str, typed: Mapping[str, str | list[str]], *, status: int
    ) -> Page:
        """Fill in a form and press its button, expecting a certain answer."""
        found = page.button(label)
        assert found is not None, f"no button {label} in {page.text}"
        data = found[0].filled(found[1], typed)
        answer = self.client.post(found[0].action, base_url=BASE, data=data, follow_redirects=True)
        assert answer.status_code == status, answer.text
        return self._page(answer)

    def sign_in(self, name: str) -> Page:
        """Go on as somebody else."""
        home = self.open("/")
        button = next(b for f in home.forms for b in f.buttons if b.label.startswith(name))
        return self.press(home, button.label)

    def _page(self, answer: TestResponse) -> Page:
        return read(answer.request.url, answer.status_code, answer.text)
