"""The context of every page: the CRM, the signed-in person, and the form token."""

from __future__ import annotations

import hmac
import secrets
from typing import TYPE_CHECKING, TypeVar

import attrs
from flask import abort, current_app, g, request, session, url_for

from dunahub_qbo_plugin.demo import contract, seeds
from dunahub_qbo_plugin.demo.bridge import Visitor
from dunahub_qbo_plugin.demo.office import Office
from dunahub_qbo_plugin.demo.records import Job, Proposal

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from dunahub_qbo_plugin.demo.bridge import Plugins
    from dunahub_qbo_plugin.demo.records import InvoiceRecord, Member
    from dunahub_qbo_plugin.demo.store import Store
    from dunahub_qbo_plugin.demo.trouble import EmulatorAdmin

T = TypeVar("T")

EXTENSION = "dunahub_demo"
TOKEN_FIELD = "csrf_token"  # noqa: S105  the name of a field, not its content


@attrs.define(eq=False)
class Crm:
    """The CRM that an app serves.

    Attributes:
        store: its records.
        plugins: what is plugged in.
        clock: the time now, with its zone.
        base_url: the address that people open, without a slash at the end.
        emulator: the switch that makes QuickBooks fail; None where there is no emulator.
    """

    store: Store
    plugins: Plugins
    clock: Callable[[], datetime]
    base_url: str
    emulator: EmulatorAdmin | None = None


def crm() -> Crm:
    """Return the CRM of the app that serves this request."""
    found: Crm = current_app.extensions[EXTENSION]
    return found


def signed_in() -> Member:
    """Return who is signed in: the demo asks nobody for a password."""
    return seeds.member(session.get("member", "")) or seeds.MEMBERS[0]


def office() -> Office:
    """Return the office of the organization that the person is signed in to."""
    if "office" not in g:
        company = crm().store.company(signed_in().org_id)
        if company is None:
            abort(404)
        g.office = Office(
            company=company, store=crm().store, plugins=crm().plugins, clock=crm().clock
        )
    found: Office = g.office
    return found


def visitor() -> Visitor:
    """Return the person at the browser as plugins' pages need it."""
    return Visitor(
        org=contract.organization(office().company),
        person=contract.person(signed_in()),
        settings_url=f"{crm().base_url}/settings",
        hidden_fields={TOKEN_FIELD: form_token()},
        record_url=record_url,
    )


def record_url(kind: str, record_id: str) -> str | None:
    """Return the absolute address of a record's page, None for what is no record."""
    endpoints = {"lead": "leads.show", "invoice": "invoices.show", "payment": "payments.show"}
    if str(kind) not in endpoints or not record_id.isdecimal():
        return None
    return crm().base_url + url_for(endpoints[str(kind)], record_id=int(record_id))


def form_token() -> str:
    """Return this session's form token, made at the first use."""
    if "token" not in session:
        session["token"] = secrets.token_urlsafe(32)
    return str(session["token"])


def check_form_token() -> None:
    """Refuse a POST that did not come from one of our own forms."""
    if request.method != "POST":
        return
    given = request.form.get(TOKEN_FIELD, "").encode()
    if not hmac.compare_digest(given, str(session.get("token", "")).encode()) or not given:
        abort(400, "This form is too old or came from another site. Go back and try again.")


def found(record: T | None) -> T:
    """Return the record, or abort with 404 if there is none."""
    if record is None:
        abort(404)
    return record


def way_here(invoice: InvoiceRecord) -> dict[str, object]:
    """Return the lead, job and proposal of an invoice, for the steps above the page."""
    here = office()
    job = here.store.get(Job, here.company.id, invoice.job_id)
    proposal = here.store.get(Proposal, here.company.id, job.proposal_id) if job else None
    return {"lead": found(here.lead(invoice.lead_id)), "job": job, "proposal": proposal}
