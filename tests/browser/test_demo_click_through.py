"""A person clicks through the main job on the demo; the emulator's books are the judge."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from playwright.sync_api import expect

from dunahub_qbo_plugin.emulator.world.world import SEEDS

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from dunahub_qbo_plugin.demo.launch import Demo

REALM, COMPANY, _ = SEEDS["contractor"]
ARRIVES = 20_000


def books(demo: Demo) -> dict[str, Any]:
    """Return what is in QuickBooks."""
    return demo.emulator.books(REALM)


def press(page: Page, name: str) -> None:
    """Press a button by its accessible name."""
    page.get_by_role("button", name=name, exact=True).click()


def go(page: Page, name: str) -> None:
    """Follow a link of the CRM's menu."""
    menu = page.get_by_role("navigation", name="Main")
    menu.get_by_role("link", name=re.compile(rf"^{re.escape(name)}( \d|$)")).click()


def connect(page: Page, button: str = "Connect to QuickBooks") -> None:
    """Connect in the settings and approve on QuickBooks' own page."""
    go(page, "QuickBooks")
    press(page, button)
    expect(
        page.get_by_role("heading", name="DunaHub wants to connect to QuickBooks")
    ).to_be_visible()
    page.get_by_role("radio", name=COMPANY).check()
    press(page, "Connect")
    expect(page).to_have_url(re.compile(r"/settings/quickbooks"))
    expect(page.get_by_text(f"Connected to {COMPANY}").first).to_be_visible()


def make_lead(page: Page, name: str) -> None:
    """Take a call."""
    go(page, "Leads")
    page.get_by_role("link", name="New lead").click()
    page.get_by_label("Name", exact=True).fill(name)
    page.get_by_label("E-mail").fill(f"{name.split(maxsplit=1)[0].lower()}@example.com")
    press(page, "Save lead")
    expect(page.get_by_role("heading", name=name)).to_be_visible()


def make_invoice(page: Page) -> None:
    """Bill two cleanings to the lead that is shown."""
    page.get_by_role("link", name="New invoice").click()
    page.get_by_label("Service").first.select_option("gutter-cleaning")
    page.get_by_label("Qty").first.fill("2")
    press(page, "Create invoice")
    expect(page.get_by_role("heading", name=re.compile("Invoice 10"))).to_be_visible()


def card_says(page: Page, words: str) -> None:
    """Wait until the record's card says something; the page shows news by itself."""
    card = page.get_by_role("complementary", name="From your plugins")
    expect(card).to_contain_text(words, timeout=ARRIVES)


def test_connect_create_pay_disconnect_reconnect(page: Page, demo: Demo) -> None:
    """The main job by mouse and keyboard: connect, create, pay, disconnect, reconnect."""
    page.goto(demo.crm.base_url)
    connect(page)

    make_lead(page, "Sarah Mitchell")
    card_says(page, "Synced")
    assert [one["name"] for one in books(demo)["customers"]] == ["Sarah Mitchell"]
    make_invoice(page)
    card_says(page, "Synced")
    (invoice,) = books(demo)["invoices"]
    assert (invoice["number"], invoice["total"], invoice["customer"]) == (
        "1001",
        "370.00",
        "Sarah Mitchell",
    )
    page.get_by_label("Amount, $").fill("100")
    press(page, "Record payment")
    card_says(page, "Synced")
    (payment,) = books(demo)["payments"]
    assert payment["links"] == [f"Invoice {invoice['id']}"]
    assert books(demo)["invoices"][0]["balance"] == "270.00"
    page.go_back()
    page.get_by_label("How").select_option("cash")
    press(page, "Record payment")
    card_says(page, "Not sent")

    go(page, "QuickBooks")
    press(page, "Disconnect")
    press(page, "Yes, disconnect")
    expect(page.get_by_text("Not connected").first).to_be_visible()
    assert demo.emulator.requests()[-1]["path"] == "/v2/oauth2/tokens/revoke"
    make_lead(page, "Walter Boone")
    make_invoice(page)
    card_says(page, "Not sent")

    connect(page)
    make_lead(page, "Grace Okafor")
    card_says(page, "Synced")
    make_invoice(page)
    card_says(page, "Synced")
    after = books(demo)
    assert [one["name"] for one in after["customers"]] == ["Sarah Mitchell", "Grace Okafor"]
    assert [one["number"] for one in after["invoices"]] == ["1001", "1003"]
    assert len(after["payments"]) == 1, "cash is never sent (rule 5)"
    assert after["doubles"] == []


def test_expired_and_reconnected(page: Page, demo: Demo) -> None:
    """After the grant was revoked at Intuit the page says so, and Reconnect sends what waited."""
    page.goto(demo.crm.base_url)
    connect(page)
    page.locator(".demo-bar summary").click()
    press(page, "Revoke the grant")
    make_lead(page, "Sarah Mitchell")
    card_says(page, "Waiting")
    card_says(page, "reconnected")
    connect(page, "Reconnect")
    go(page, "Leads")
    page.get_by_role("link", name="Sarah Mitchell").click()
    card_says(page, "Synced")
    assert [one["name"] for one in books(demo)["customers"]] == ["Sarah Mitchell"]


def test_declining_changes_nothing(page: Page, demo: Demo) -> None:
    """Whoever declines at QuickBooks is back in the settings, not connected, with a plain word."""
    page.goto(demo.crm.base_url)
    go(page, "QuickBooks")
    press(page, "Connect to QuickBooks")
    press(page, "No, thanks")
    expect(page).to_have_url(re.compile(r"/settings/quickbooks"))
    expect(page.get_by_text("Not connected").first).to_be_visible()
    expect(page.get_by_role("button", name="Connect to QuickBooks")).to_be_visible()


def test_brazil_has_no_entry(page: Page, demo: Demo, console_errors: list[str]) -> None:
    """Signed in to the BR organization, the menu has no QuickBooks and the page is not there."""
    page.goto(demo.crm.base_url)
    page.locator(".who summary").click()
    page.get_by_role("button", name="João Ferreira").click()
    expect(page.get_by_role("link", name="Calhas Paraná")).to_be_visible()
    expect(page.get_by_role("link", name="QuickBooks", exact=True)).to_have_count(0)
    page.goto(f"{demo.crm.base_url}/settings/quickbooks")
    expect(page.get_by_role("heading", name="That did not work")).to_be_visible()
    assert [text for text in console_errors if "404" not in text] == []
    console_errors.clear()


def test_open_in_quickbooks(page: Page, demo: Demo) -> None:
    """The card's link opens the invoice in the emulator's books."""
    page.goto(demo.crm.base_url)
    connect(page)
    make_lead(page, "Sarah Mitchell")
    make_invoice(page)
    card_says(page, "Synced")
    link = page.get_by_role("complementary").get_by_role("link", name="Open in QuickBooks")
    page.goto(link.get_attribute("href") or "")
    expect(page.get_by_text("1001").first).to_be_visible()
