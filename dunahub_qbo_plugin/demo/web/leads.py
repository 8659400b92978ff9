"""Leads: list, page, form."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import Blueprint, flash, redirect, render_template, request, url_for

from dunahub_hookspecs import RecordKind
from dunahub_qbo_plugin.demo import forms
from dunahub_qbo_plugin.demo.records import InvoiceRecord, Job, LeadRecord, Proposal
from dunahub_qbo_plugin.demo.web.context import crm, found, office, visitor

if TYPE_CHECKING:
    from werkzeug import Response

PAGES = Blueprint("leads", __name__, url_prefix="/leads")


@PAGES.get("/")
def index() -> str:
    """Show all leads."""
    here = office()
    return render_template("leads.html", leads=here.store.find(LeadRecord, here.company.id))


@PAGES.get("/new")
def new() -> str:
    """Show an empty form."""
    lead = LeadRecord(org_id=office().company.id)
    return render_template("lead_form.html", lead=lead, form=forms.lead_texts(lead))


@PAGES.post("/new")
def create() -> Response:
    """Save a new lead."""
    here = office()
    lead = here.save_lead(forms.lead(request.form, LeadRecord(org_id=here.company.id)))
    flash(f"Lead {lead.title} was created.")
    return redirect(url_for("leads.show", record_id=lead.id), code=303)


@PAGES.get("/<int:record_id>")
def show(record_id: int) -> str:
    """Show one lead with its proposals, jobs and invoices."""
    here = office()
    lead = found(here.lead(record_id))
    org = here.company.id
    return render_template(
        "lead.html",
        lead=lead,
        proposals=here.store.find(Proposal, org, lead_id=lead.id),
        jobs=here.store.find(Job, org, lead_id=lead.id),
        invoices=here.store.find(InvoiceRecord, org, lead_id=lead.id),
        cards=crm().plugins.cards(visitor(), RecordKind.LEAD, str(lead.id)),
    )


@PAGES.get("/<int:record_id>/edit")
def edit(record_id: int) -> str:
    """Show the form with what is known."""
    lead = found(office().lead(record_id))
    return render_template("lead_form.html", lead=lead, form=forms.lead_texts(lead))


@PAGES.post("/<int:record_id>/edit")
def change(record_id: int) -> Response:
    """Save the changes."""
    here = office()
    lead = here.save_lead(forms.lead(request.form, found(here.lead(record_id))))
    flash(f"Lead {lead.title} was saved.")
    return redirect(url_for("leads.show", record_id=lead.id), code=303)
