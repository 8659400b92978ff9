"""Invoices: list, page, form, void."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import Blueprint, flash, redirect, render_template, request, url_for

from dunahub_hookspecs import RecordKind
from dunahub_qbo_plugin.demo import forms, seeds
from dunahub_qbo_plugin.demo.records import (
    InvoiceRecord,
    Job,
    LeadRecord,
    PaidBy,
    PaymentRecord,
)
from dunahub_qbo_plugin.demo.web.context import crm, found, office, visitor, way_here

if TYPE_CHECKING:
    from werkzeug import Response

PAGES = Blueprint("invoices", __name__)


@PAGES.get("/invoices/")
def index() -> str:
    """Show all invoices."""
    here = office()
    invoices = here.store.find(InvoiceRecord, here.company.id)
    return render_template(
        "invoices.html",
        invoices=invoices,
        balances={invoice.id: invoice.total - here.paid(invoice) for invoice in invoices},
        names={lead.id: lead.title for lead in here.store.find(LeadRecord, here.company.id)},
    )


@PAGES.get("/leads/<int:lead_id>/invoices/new")
def new(lead_id: int) -> str:
    """Show an invoice to fill in: an empty one, or one made from a job."""
    draft = _draft(lead_id)
    return _form(draft, forms.invoice_texts(draft), forms.line_texts(draft.lines))


@PAGES.post("/leads/<int:lead_id>/invoices/new")
def create(lead_id: int) -> Response | tuple[str, int] | str:
    """Save a new invoice."""
    typed = _typed(_draft(lead_id))
    if not isinstance(typed, InvoiceRecord):
        return typed
    invoice = office().create_invoice(typed)
    flash(f"{invoice.title} was created.")
    return redirect(url_for("invoices.show", record_id=invoice.id), code=303)


@PAGES.get("/invoices/<int:record_id>")
def show(record_id: int) -> str:
    """Show one invoice with its payments."""
    here = office()
    invoice = found(here.invoice(record_id))
    return render_template(
        "invoice.html",
        invoice=invoice,
        **way_here(invoice),
        payments=here.store.find(PaymentRecord, here.company.id, invoice_id=invoice.id),
        balance=invoice.total - here.paid(invoice),
        ways=list(PaidBy),
        today=here.today,
        cards=crm().plugins.cards(visitor(), RecordKind.INVOICE, str(invoice.id)),
    )


@PAGES.get("/invoices/<int:record_id>/edit")
def edit(record_id: int) -> str:
    """Show the form with what is known."""
    invoice = found(office().invoice(record_id))
    return _form(invoice, forms.invoice_texts(invoice), forms.line_texts(invoice.lines))


@PAGES.post("/invoices/<int:record_id>/edit")
def change(record_id: int) -> Response | tuple[str, int] | str:
    """Save the changes."""
    known = found(office().invoice(record_id))
    if known.voided:
        flash("A voided invoice cannot be changed anymore.", "problem")
        return redirect(url_for("invoices.show", record_id=known.id), code=303)
    typed = _typed(known)
    if not isinstance(typed, InvoiceRecord):
        return typed
    invoice = office().change_invoice(typed)
    flash(f"{invoice.title} was saved.")
    return redirect(url_for("invoices.show", record_id=invoice.id), code=303)


@PAGES.post("/invoices/<int:record_id>/void")
def void(record_id: int) -> Response:
    """Void an invoice."""
    here = office()
    invoice = found(here.invoice(record_id))
    if not invoice.voided:
        here.void_invoice(invoice)
        flash(f"{invoice.title} was voided.")
    return redirect(url_for("invoices.show", record_id=invoice.id), code=303)


def _draft(lead_id: int) -> InvoiceRecord:
    here = office()
    lead: LeadRecord = found(here.lead(lead_id))
    job_id = request.args.get("job", 0, type=int)
    job = here.store.get(Job, here.company.id, job_id) if job_id else None
    return here.draft_invoice(lead, job if job and job.lead_id == lead.id else None)


def _typed(known: InvoiceRecord) -> InvoiceRecord | tuple[str, int] | str:
    """Parse the form; return the form again if it is not to be saved yet."""
    if "more" in request.form:
        return _form(known, request.form, forms.typed_lines(request.form, more=True))
    try:
        return forms.invoice(request.form, known, seeds.services(known.org_id))
    except forms.InputProblem as problem:
        flash(str(problem), "problem")
        return _form(known, request.form, forms.typed_lines(request.form, more=False)), 422


def _form(invoice: InvoiceRecord, texts: forms.Texts, rows: list[dict[str, str]]) -> str:
    return render_template(
        "invoice_form.html",
        invoice=invoice,
        **way_here(invoice),
        form=texts,
        rows=rows,
        services=seeds.services(invoice.org_id),
    )
