"""The demo's pages at two widths, in light and dark: nothing sticks out, axe has no complaint."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Literal

import attrs
import pytest
from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]  # has no types

from dunahub_qbo_plugin.demo.office import Office
from dunahub_qbo_plugin.demo.records import (
    InvoiceRecord,
    LeadRecord,
    Line,
    PaidBy,
    PaymentRecord,
    Proposal,
)
from dunahub_qbo_plugin.demo.seeds import COMPANIES

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from dunahub_qbo_plugin.demo.launch import Demo

PAGES = (
    "/",
    "/leads/",
    "/leads/new",
    "/leads/1",
    "/leads/1/edit",
    "/leads/1/proposals/new",
    "/proposals/",
    "/proposals/1",
    "/jobs/",
    "/jobs/1",
    "/invoices/",
    "/invoices/1",
    "/invoices/1/edit",
    "/payments/",
    "/payments/1",
    "/settings/company",
    "/settings/quickbooks",
)
LONG = "W" * 90 + ' <b>O\'Neil & "Sons"</b> 🏠 ' + "words " * 60


def fill(demo: Demo) -> None:
    """Make one record of each kind, with texts that are too long for any column."""
    crm = demo.crm
    office = Office(company=COMPANIES[0], store=crm.store, plugins=crm.plugins, clock=crm.clock)
    lead = office.save_lead(
        LeadRecord(org_id=office.company.id, name=LONG, company=LONG, email=LONG, city=LONG)
    )
    lines = (
        Line(description=LONG, quantity=Decimal("2.5"), unit_price=Decimal("98765.4321")),
        Line(service_name="Gutter Cleaning", unit_price=Decimal(185), taxable=True),
    )
    proposal = crm.store.add(Proposal(org_id=lead.org_id, lead_id=lead.id, title=LONG, lines=lines))
    job = office.complete(office.schedule(office.approve(proposal)))
    draft = office.draft_invoice(lead, job)
    invoice: InvoiceRecord = office.create_invoice(
        attrs.evolve(draft, number="N" * 60, message=LONG, total=Decimal(7), tax=Decimal(1))
    )
    payment = PaymentRecord(
        org_id=lead.org_id,
        invoice_id=invoice.id,
        amount=Decimal(3),
        paid_by=PaidBy.CHECK,
        paid_on=office.today,
        reference=LONG,
    )
    office.take_payment(payment, invoice)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 375])
def test_pages_fit_and_are_accessible(
    page: Page, demo: Demo, width: int, scheme: Literal["light", "dark"]
) -> None:
    """No page is wider than the screen, and axe finds no violation on any of them."""
    fill(demo)
    page.set_viewport_size({"width": width, "height": 860})
    page.emulate_media(color_scheme=scheme)
    axe = Axe()
    problems = []
    for path in PAGES:
        page.goto(demo.crm.base_url + path)
        if page.evaluate("document.documentElement.scrollWidth") > width:
            problems.append(f"{path} is wider than the screen")
        report = axe.run(page)
        if report.violations_count:
            problems.append(f"{path}: {report.generate_report()}")
    assert problems == []


def test_the_demo_bar_and_the_sign_in_menu_are_accessible(page: Page, demo: Demo) -> None:
    """With everything unfolded axe still finds no violation."""
    fill(demo)
    page.goto(demo.crm.base_url + "/?demo=1")
    page.locator(".who summary").click()
    report = Axe().run(page)
    assert report.violations_count == 0, report.generate_report()


def test_a_script_in_a_name_does_not_run(page: Page, demo: Demo) -> None:
    """Markup in a lead's name is shown as text, also on the plugin's card and page."""
    crm = demo.crm
    office = Office(company=COMPANIES[0], store=crm.store, plugins=crm.plugins, clock=crm.clock)
    name = "<script>document.title='pwned'</script><img src=x onerror=document.title='pwned'>"
    office.save_lead(LeadRecord(org_id=office.company.id, name=name))
    for path in ("/", "/leads/", "/leads/1", "/settings/quickbooks"):
        page.goto(demo.crm.base_url + path)
        assert "pwned" not in page.title().removeprefix(name)
        assert page.locator("img[src=x]").count() == 0
