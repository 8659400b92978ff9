"""Proposals, jobs, and the pipeline from lead to payment."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from flask import Blueprint, flash, redirect, render_template, request, url_for

from dunahub_qbo_plugin.demo import forms, seeds
from dunahub_qbo_plugin.demo.records import (
    InvoiceRecord,
    Job,
    JobStatus,
    LeadRecord,
    PaymentRecord,
    Proposal,
    ProposalStatus,
)
from dunahub_qbo_plugin.demo.web.context import found, office

if TYPE_CHECKING:
    from collections.abc import Iterable

    from werkzeug import Response

PAGES = Blueprint("work", __name__)


def pipeline() -> str:
    """Show the pipeline from lead to payment with the records at each step."""
    here = office()
    org = here.company.id
    leads = here.store.find(LeadRecord, org)
    proposals = here.store.find(Proposal, org)
    jobs = here.store.find(Job, org)
    invoices = here.store.find(InvoiceRecord, org)
    standing = [invoice for invoice in invoices if not invoice.voided]
    balances = {invoice.id: invoice.total - here.paid(invoice) for invoice in standing}
    busy = {proposal.lead_id for proposal in proposals} | {invoice.lead_id for invoice in invoices}
    under_way = {job.proposal_id for job in jobs}
    billed = {invoice.job_id for invoice in invoices}
    return render_template(
        "pipeline.html",
        names={lead.id: lead.title for lead in leads},
        leads=[lead for lead in leads if lead.id not in busy],
        proposals=[
            proposal
            for proposal in proposals
            if proposal.id not in under_way and proposal.status is not ProposalStatus.DECLINED
        ],
        jobs=[job for job in jobs if job.id not in billed],
        unpaid=[invoice for invoice in standing if balances[invoice.id] > 0],
        paid=[invoice for invoice in standing if balances[invoice.id] <= 0],
        balances=balances,
        billed=_sum(invoice.total for invoice in standing),
        owed=_sum(balance for balance in balances.values() if balance > 0),
        received=_sum(payment.amount for payment in here.store.find(PaymentRecord, org)),
        scheduled=sum(job.status is JobStatus.SCHEDULED for job in jobs),
    )


def _sum(amounts: Iterable[Decimal]) -> Decimal:
    return sum(amounts, Decimal(0))


@PAGES.get("/proposals/")
def proposals() -> str:
    """Show all proposals."""
    here = office()
    return render_template(
        "proposals.html",
        proposals=here.store.find(Proposal, here.company.id),
        names={lead.id: lead.title for lead in here.store.find(LeadRecord, here.company.id)},
    )


@PAGES.get("/leads/<int:lead_id>/proposals/new")
def new_proposal(lead_id: int) -> str:
    """Show an empty proposal."""
    return _proposal_form(found(office().lead(lead_id)), "", forms.line_texts(()))


@PAGES.post("/leads/<int:lead_id>/proposals/new")
def create_proposal(lead_id: int) -> Response | tuple[str, int] | str:
    """Save a new proposal."""
    here = office()
    lead = found(here.lead(lead_id))
    title = request.form.get("title", "")
    if "more" in request.form:
        return _proposal_form(lead, title, forms.typed_lines(request.form, more=True))
    empty = Proposal(org_id=here.company.id, lead_id=lead.id, title="")
    try:
        typed = forms.proposal(request.form, empty, seeds.services(here.company.id))
    except forms.InputProblem as problem:
        flash(str(problem), "problem")
        return _proposal_form(lead, title, forms.typed_lines(request.form, more=False)), 422
    proposal = here.store.add(typed)
    flash("The proposal was sent to the customer.")
    return redirect(url_for("work.show_proposal", record_id=proposal.id), code=303)


def _proposal_form(lead: LeadRecord, title: str, rows: list[dict[str, str]]) -> str:
    return render_template(
        "proposal_form.html",
        lead=lead,
        title=title,
        rows=rows,
        services=seeds.services(lead.org_id),
    )


@PAGES.get("/proposals/<int:record_id>")
def show_proposal(record_id: int) -> str:
    """Show one proposal."""
    here = office()
    proposal = found(here.store.get(Proposal, here.company.id, record_id))
    return render_template(
        "proposal.html",
        proposal=proposal,
        lead=found(here.lead(proposal.lead_id)),
        job=next(iter(here.store.find(Job, here.company.id, proposal_id=proposal.id)), None),
    )


@PAGES.post("/proposals/<int:record_id>/<any(approve, decline, schedule):step>")
def move_proposal(record_id: int, step: str) -> Response:
    """Move a proposal one step on."""
    here = office()
    proposal = found(here.store.get(Proposal, here.company.id, record_id))
    if step == "schedule" and proposal.status is ProposalStatus.APPROVED:
        job = here.schedule(proposal)
        flash("The proposal is now a job.")
        return redirect(url_for("work.show_job", record_id=job.id), code=303)
    if step == "approve" and proposal.status is ProposalStatus.SENT:
        here.approve(proposal)
        flash("The customer approved the proposal.")
    if step == "decline" and proposal.status is ProposalStatus.SENT:
        here.decline(proposal)
        flash("The customer declined the proposal.")
    return redirect(url_for("work.show_proposal", record_id=proposal.id), code=303)


@PAGES.get("/jobs/")
def jobs() -> str:
    """Show all jobs."""
    here = office()
    return render_template(
        "jobs.html",
        jobs=here.store.find(Job, here.company.id),
        names={lead.id: lead.title for lead in here.store.find(LeadRecord, here.company.id)},
    )


@PAGES.get("/jobs/<int:record_id>")
def show_job(record_id: int) -> str:
    """Show one job."""
    here = office()
    job = found(here.store.get(Job, here.company.id, record_id))
    return render_template(
        "job.html",
        job=job,
        lead=found(here.lead(job.lead_id)),
        proposal=found(here.store.get(Proposal, here.company.id, job.proposal_id)),
        invoices=here.store.find(InvoiceRecord, here.company.id, job_id=job.id),
    )


@PAGES.post("/jobs/<int:record_id>/complete")
def complete_job(record_id: int) -> Response:
    """Record that the work is done."""
    here = office()
    job = here.complete(found(here.store.get(Job, here.company.id, record_id)))
    flash("The job is complete. Time to bill it.")
    return redirect(url_for("work.show_job", record_id=job.id), code=303)
