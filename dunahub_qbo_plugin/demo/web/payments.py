"""Payments: list, page, taking one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import Blueprint, flash, redirect, render_template, request, url_for

from dunahub_hookspecs import RecordKind
from dunahub_qbo_plugin.demo import forms
from dunahub_qbo_plugin.demo.records import InvoiceRecord, PaymentRecord
from dunahub_qbo_plugin.demo.web.context import crm, found, office, visitor, way_here

if TYPE_CHECKING:
    from werkzeug import Response

PAGES = Blueprint("payments", __name__)


@PAGES.get("/payments/")
def index() -> str:
    """Show all payments."""
    here = office()
    invoices = here.store.find(InvoiceRecord, here.company.id)
    return render_template(
        "payments.html",
        payments=here.store.find(PaymentRecord, here.company.id),
        titles={invoice.id: invoice.title for invoice in invoices},
    )


@PAGES.post("/invoices/<int:record_id>/payments")
def take(record_id: int) -> Response:
    """Take a payment on an invoice."""
    here = office()
    invoice = found(here.invoice(record_id))
    page = url_for("invoices.show", record_id=invoice.id)
    if invoice.voided:
        flash("A voided invoice cannot take a payment.", "problem")
        return redirect(page, code=303)
    try:
        typed = forms.payment(request.form, invoice, here.today)
    except forms.InputProblem as problem:
        flash(str(problem), "problem")
        return redirect(f"{page}#pay", code=303)
    payment = here.take_payment(typed, invoice)
    flash("The payment was recorded.")
    return redirect(url_for("payments.show", record_id=payment.id), code=303)


@PAGES.get("/payments/<int:record_id>")
def show(record_id: int) -> str:
    """Show one payment."""
    here = office()
    payment = found(here.store.get(PaymentRecord, here.company.id, record_id))
    invoice = found(here.invoice(payment.invoice_id))
    return render_template(
        "payment.html",
        payment=payment,
        invoice=invoice,
        **way_here(invoice),
        cards=crm().plugins.cards(visitor(), RecordKind.PAYMENT, str(payment.id)),
    )
