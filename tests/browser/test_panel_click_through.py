"""A person mends, sends and reviews on the demo; the emulator's books are the judge."""

from __future__ import annotations

import csv
import re
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
from playwright.sync_api import expect

from dunahub_qbo_plugin.emulator.world.world import SEEDS
from tests.browser.test_demo_click_through import (
    ARRIVES,
    REALM,
    books,
    card_says,
    connect,
    go,
    make_invoice,
    make_lead,
    press,
)

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

    from dunahub_qbo_plugin.demo.launch import Demo


def accountant(demo: Demo, what: str, **values: object) -> None:
    """Do something in QuickBooks as an accountant does."""
    address = f"{demo.emulator.url}/_admin/companies/{REALM}/{what}"
    httpx.post(address, json=values, timeout=10, trust_env=False).raise_for_status()


def until(page: Page, words: str) -> None:
    """Look at the settings again until they say something."""
    for _ in range(40):
        go(page, "QuickBooks")
        if words in page.locator("#dhqbo").inner_text():
            return
        page.wait_for_timeout(500)
    raise AssertionError(f"the page never said {words!r}")


def cause(page: Page, words: str) -> Locator:
    """Find a group that needs attention."""
    return page.locator("article.dhqbo-cause", has_text=words)


def customer_id(demo: Demo, name: str) -> str:
    """Return QuickBooks' Id of a customer."""
    found: str = next(one["id"] for one in books(demo)["customers"] if one["name"] == name)
    return found


def test_use_this_customer_releases_the_invoice(page: Page, demo: Demo) -> None:
    """A name that QuickBooks has: one click links it, what waited goes out (rules 23 and 27)."""
    page.goto(demo.crm.base_url)
    connect(page)
    make_lead(page, "John Smith")
    card_says(page, "Synced")
    make_lead(page, "John Smith")
    card_says(page, "Needs attention")
    make_invoice(page)
    card_says(page, "Waiting")
    go(page, "QuickBooks")
    group = cause(page, "QuickBooks already has a customer named John Smith")
    expect(group).to_contain_text("holding up 1 invoice")
    expect(group).to_contain_text("john@example.com")
    group.get_by_role("button", name="Use this customer").click()
    expect(page.get_by_role("status")).to_contain_text("Linked to the one in QuickBooks")
    until(page, "2 customers and 1 invoice synced")
    (bill,) = books(demo)["invoices"]
    assert bill["customer"] == "John Smith"
    assert len(books(demo)["customers"]) == 1


def test_choosing_another_product_releases_every_invoice(page: Page, demo: Demo) -> None:
    """A product that was deleted: one choice sends all that failed for it (rules 24 and 27)."""
    page.goto(demo.crm.base_url)
    connect(page)
    make_lead(page, "Sarah Mitchell")
    make_invoice(page)
    card_says(page, "Synced")
    go(page, "QuickBooks")
    page.get_by_role("region", name="Products and services").get_by_role("link").first.click()
    gone = page.get_by_label("For everything else").locator("option", has_text="Gutter cleaning")
    accountant(demo, "deactivate", entity="Item", id=gone.get_attribute("value"))
    for _ in range(2):
        go(page, "Leads")
        page.get_by_role("link", name="Sarah Mitchell").click()
        make_invoice(page)
        card_says(page, "Needs attention")
    go(page, "QuickBooks")
    group = page.locator("article.dhqbo-cause").first
    expect(group).to_contain_text("2 invoices")
    group.get_by_label("Choose another product").select_option("Services")
    group.get_by_role("button", name="Use it for all 2 invoices").click()
    expect(page.get_by_role("status")).to_contain_text(
        "every invoice that failed because of the old one is tried"
    )
    until(page, "1 customer and 3 invoices synced")
    assert sorted(one["number"] for one in books(demo)["invoices"]) == ["1001", "1002", "1003"]


def test_what_was_left_behind_is_downloaded_dismissed_and_sent(page: Page, demo: Demo) -> None:
    """Disconnected, made, reconnected: CSV, dismiss, undo, and then sent by hand (rule 18)."""
    page.goto(demo.crm.base_url)
    connect(page)
    press(page, "Disconnect")
    press(page, "Yes, disconnect")
    make_lead(page, "Walter Boone")
    make_invoice(page)
    card_says(page, "Not sent")
    connect(page)
    section = page.get_by_role("region", name="Not sent")
    expect(section).to_contain_text("1 customer and 1 invoice ($370.00)")
    section.locator("summary", has_text="Download as CSV").click()
    with page.expect_download() as waiting:
        section.get_by_role("link", name="Invoices", exact=True).click()
    with Path(waiting.value.path()).open(encoding="utf-8-sig", newline="") as file:
        (bill,) = csv.DictReader(file)
    assert (bill["*Customer"], bill["*ItemAmount"]) == ("Walter Boone", "370.00")

    section.get_by_role("checkbox", name=re.compile("^Customer Walter Boone")).check()
    section.locator("summary", has_text="Dismiss selected").click()
    section.get_by_label("Why not send them?").fill("Made by hand")
    section.get_by_role("button", name="Dismiss", exact=True).click()
    expect(page.get_by_role("status")).to_contain_text("Dismissed")
    section.locator("summary", has_text="Dismissed records").click()
    section.get_by_role("button", name="Undo").click()
    expect(page.get_by_role("status")).to_contain_text("The dismissal is undone")

    go(page, "QuickBooks")
    section.get_by_role("button", name=re.compile("^Send all")).click()
    until(page, "1 customer and 1 invoice synced")
    assert [one["number"] for one in books(demo)["invoices"]] == ["1001"]


def test_the_review_finds_what_an_accountant_did(page: Page, demo: Demo) -> None:
    """Compare now shows an edit in QuickBooks; the month's file adds up (rules 28 and 29)."""
    page.goto(demo.crm.base_url)
    connect(page)
    make_lead(page, "Sarah Mitchell")
    make_invoice(page)
    card_says(page, "Synced")
    changes = {"DisplayName": "S. Mitchell"}
    known = customer_id(demo, "Sarah Mitchell")
    accountant(demo, "edit", entity="Customer", id=known, changes=changes)
    before = books(demo)
    go(page, "QuickBooks")
    press(page, "Compare now")
    expect(page.get_by_role("status")).to_contain_text("The comparison is running")
    until(page, "1 difference")
    expect(page.locator("#dhqbo")).to_contain_text(
        "The name is “S. Mitchell” in QuickBooks and “Sarah Mitchell” in DunaHub."
    )
    assert books(demo) == before, "a review changes nothing (rule 29)"
    page.get_by_role("link", name="Show totals by month").click()
    with page.expect_download() as waiting:
        page.get_by_role("link", name="Download CSV for the bookkeeper").click()
    with Path(waiting.value.path()).open(encoding="utf-8-sig", newline="") as file:
        months = list(csv.DictReader(file))
    assert sum(Decimal(row["Sent amount"]) for row in months) == Decimal("370.00")
    assert sum(Decimal(row["Amount in QuickBooks"]) for row in months) == Decimal("370.00")


def test_another_company_is_used_only_after_a_yes(page: Page, demo: Demo) -> None:
    """The wrong company at Reconnect is named before anything is sent to it (rules 14 and 19)."""
    other_realm, other, _ = SEEDS["empty"]
    page.goto(demo.crm.base_url)
    connect(page)
    page.locator(".demo-bar summary").click()
    press(page, "Revoke the grant")
    make_lead(page, "Sarah Mitchell")
    card_says(page, "reconnected")
    go(page, "QuickBooks")
    press(page, "Reconnect")
    page.get_by_role("radio", name=other).check()
    press(page, "Connect")
    expect(page.get_by_role("heading", name="This is another QuickBooks company")).to_be_visible(
        timeout=ARRIVES
    )
    expect(page.locator("#dhqbo")).to_contain_text(f"Nothing has been sent to {other} yet")
    press(page, "Cancel")
    expect(page.get_by_role("button", name="Reconnect")).to_be_visible()
    assert demo.emulator.books(other_realm)["customers"] == []
    connect(page, "Reconnect")
    until(page, "1 customer synced")
    assert demo.emulator.books(other_realm)["customers"] == []


def test_a_service_is_given_a_product(page: Page, demo: Demo) -> None:
    """Products and services: the choice is kept, and its effect is told in words (rule 32)."""
    page.goto(demo.crm.base_url)
    connect(page)
    make_lead(page, "Sarah Mitchell")
    make_invoice(page)
    card_says(page, "Synced")
    go(page, "QuickBooks")
    page.get_by_role("region", name="Products and services").get_by_role("link").first.click()
    section = page.get_by_role("region", name="Products and services")
    section.get_by_label("Gutter cleaning").select_option("Services")
    press(page, "Save the services")
    expect(page.get_by_role("status")).to_contain_text("Saved.")
    expect(section).to_contain_text("Goes to “Services”.")
    expect(section).to_contain_text("Needs a code")
    section.get_by_label("Sales tax code for invoices with tax").select_option("Tucson")
    press(page, "Save the tax code")
    expect(section).to_contain_text("Invoices with tax go under “Tucson”.")
