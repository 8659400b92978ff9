"""The demo CRM with a tiny plugin of the tests' own: pages, forms, hooks, panels, cards."""

from __future__ import annotations

import ast
import itertools
import re
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

import attrs
import pytest

import dunahub_qbo_plugin.demo
from dunahub_hookspecs import (
    Audience,
    Invoice,
    InvoiceStatus,
    Lead,
    Notice,
    Payment,
    PaymentMethod,
)
from dunahub_hookspecs.host import create_plugin_manager
from dunahub_qbo_plugin.demo import contract, seeds
from dunahub_qbo_plugin.demo.bridge import Plugins
from dunahub_qbo_plugin.demo.store import Store
from dunahub_qbo_plugin.demo.web.app import create_app
from dunahub_qbo_plugin.demo.web.context import Crm
from tests.support.demo_crm import BASE, Browser, TinyPlugin

if TYPE_CHECKING:
    from collections.abc import Iterator

    from flask import Flask

    from dunahub_qbo_plugin.demo.pages import Page

NOW = datetime(2026, 5, 4, 1, 30, tzinfo=UTC)


@pytest.fixture
def plugin() -> TinyPlugin:
    """Return a plugin that notes what it is told."""
    return TinyPlugin()


@pytest.fixture
def app(tmp_path: Path, plugin: TinyPlugin) -> Iterator[Flask]:
    """Return a CRM with that plugin, whose timer goes on by a millisecond at each look."""
    store = Store(tmp_path / "crm.sqlite3")
    plugin.store = store
    ticks = itertools.count()
    plugins = Plugins(
        create_plugin_manager([plugin], load_entry_points=False), lambda: next(ticks) / 1000
    )
    yield create_app(
        Crm(store=store, plugins=plugins, clock=lambda: NOW, base_url=BASE), "a test's key"
    )
    store.close()


@pytest.fixture
def browser(app: Flask) -> Browser:
    """Return somebody at a browser."""
    return Browser(app)


def new_lead(browser: Browser, name: str = "Sarah Mitchell", **typed: str | list[str]) -> Page:
    """Make a lead."""
    return browser.press(browser.open("/leads/new"), "Save lead", name=name, **typed)


def new_invoice(browser: Browser, status: int = 200, **typed: str | list[str]) -> Page:
    """Make an invoice with one line for a new lead."""
    form = browser.open(new_lead(browser).links["New invoice"])
    line = {"service": "gutter-cleaning", "description": "", "quantity": "2", "price": ""}
    filled: dict[str, str | list[str]] = {name: [text] for name, text in line.items()}
    filled.update(typed)
    return browser.send(form, "Create invoice", filled, status=status)


def last(plugin: TinyPlugin, hook: str) -> object:
    """Return what the last call of a hook was told."""
    return [value for name, value in plugin.told if name == hook][-1]


def invoice_told(plugin: TinyPlugin, hook: str = "on_invoice_created") -> Invoice:
    """Return the invoice of the last call of a hook."""
    value = last(plugin, hook)
    assert isinstance(value, Invoice)
    return value


def test_the_way_from_lead_to_payment(browser: Browser, plugin: TinyPlugin) -> None:
    """Lead, proposal, job, invoice and card payment follow one another, and plugins hear of it."""
    lead = new_lead(browser, email="sarah@example.com", city="Asheville")
    proposal = browser.press(
        browser.open(lead.links["New proposal"]),
        "Send proposal",
        title="New gutters",
        service=["gutter-install", ""],
        description=["", "Haul away"],
        quantity=["142", "1"],
        price=["", "$1,200.50"],
    )
    job = browser.press(browser.press(proposal, "Customer approved"), "Convert to job")
    done = browser.press(job, "Complete job")
    form = browser.open(done.links["Create invoice"])
    invoice = browser.press(form, "Create invoice", discount="50", tax="3.10")
    paid = browser.press(invoice, "Record payment", paid_by="card")

    told = invoice_told(plugin)
    assert told.total == Decimal("2059.00") + Decimal("1200.50") - 50 + Decimal("3.10")
    assert [line.service_name for line in told.lines] == ["Gutter Installation", ""]
    assert (told.number, told.source, told.lead.email) == ("1001", "job", "sarah@example.com")
    assert told.issued_on == date(2026, 5, 3), "the day where the organization is"
    payment = last(plugin, "on_payment_recorded")
    assert isinstance(payment, Payment)
    assert payment.amount == told.total
    assert (payment.invoice_id, payment.invoice_number) == (told.id, "1001")
    assert "Payment of $3,212.60" in paid.text
    assert [hook for hook, _ in plugin.told] == [
        "on_lead_saved",
        "on_invoice_created",
        "on_payment_recorded",
    ]


def test_hooks_come_after_the_commit(browser: Browser, plugin: TinyPlugin) -> None:
    """A plugin that is told of a record finds it in the CRM's database, and gets no session."""
    new_lead(browser)
    assert [getattr(lead, "name", None) for lead in plugin.seen_in_store] == ["Sarah Mitchell"]
    assert plugin.sessions == [None]


def test_a_broken_plugin_harms_nobody(browser: Browser, plugin: TinyPlugin) -> None:
    """The CRM saves and answers as ever while a plugin raises in every hook (rule 9)."""
    plugin.broken = True
    page = browser.press(new_invoice(browser), "Record payment", paid_by="ach")
    assert "The payment was recorded." in page.text


@pytest.mark.parametrize(
    ("way", "method", "collected"),
    [
        ("card", PaymentMethod.CARD, True),
        ("ach", PaymentMethod.ACH, True),
        ("cash", PaymentMethod.CASH, False),
        ("check", PaymentMethod.CHECK, False),
        ("bank_transfer", PaymentMethod.BANK_TRANSFER, False),
        ("card_elsewhere", PaymentMethod.CARD, False),
    ],
)
def test_ways_of_paying(
    browser: Browser, plugin: TinyPlugin, way: str, method: PaymentMethod, *, collected: bool
) -> None:
    """Only card and ACH through DunaHub count as collected by it (rule 5)."""
    browser.press(new_invoice(browser), "Record payment", paid_by=way, amount="10")
    payment = last(plugin, "on_payment_recorded")
    assert isinstance(payment, Payment)
    assert (payment.method, payment.collected_by_dunahub) == (method, collected)


MESSY = 'O\'Neil "Bob" <script>alert(1)</script> 🏠 ' + "x" * 5000


def test_messy_text_stays_text(browser: Browser, plugin: TinyPlugin) -> None:
    """Quotes, emoji, markup and 5,000 characters are kept and shown as typed."""
    lead = new_lead(browser, name=MESSY, email="not an e-mail", company="'")
    saved = last(plugin, "on_lead_saved")
    assert isinstance(saved, Lead)
    assert (saved.name, saved.email) == (MESSY, "not an e-mail")
    assert "<script>alert(1)</script>" in lead.text
    html = browser.client.get(lead.url, base_url=BASE).text
    assert "<script>alert(1)" not in html
    assert MESSY in browser.open(lead.links["Edit"]).field("name")


def test_a_lead_without_a_name_is_kept(browser: Browser, plugin: TinyPlugin) -> None:
    """A lead may be empty; that is for plugins to point out."""
    assert "(no name)" in new_lead(browser, name="").text
    assert last(plugin, "on_lead_saved") == Lead(id="1")


def test_a_total_typed_by_hand(browser: Browser, plugin: TinyPlugin) -> None:
    """A total that does not match its lines is kept, and the page says so."""
    page = new_invoice(browser, total="999", number="N" * 40)
    assert invoice_told(plugin).total == 999
    assert invoice_told(plugin).number == "N" * 40
    assert "The lines add up to $370.00" in page.text


@pytest.mark.parametrize("price", ["0", "-5.00", "0.333333"])
def test_odd_amounts_are_kept(browser: Browser, plugin: TinyPlugin, price: str) -> None:
    """Zero, negative and fractional prices are kept as they are."""
    new_invoice(browser, price=[price])
    assert invoice_told(plugin).lines[0].unit_price == Decimal(price)


def test_an_invoice_without_lines(browser: Browser, plugin: TinyPlugin) -> None:
    """An invoice may be empty."""
    new_invoice(browser, service=[""])
    assert invoice_told(plugin).lines == ()
    assert invoice_told(plugin).total == 0


@pytest.mark.parametrize(
    ("typed", "problem"),
    [
        ({"price": ["ten"]}, "Line 1, price: “ten” is not a number."),
        ({"quantity": ["NaN"]}, "is not an amount that an invoice can hold"),
        ({"discount": "1e300"}, "is not an amount that an invoice can hold"),
        ({"tax": "0.0000001"}, "is not an amount that an invoice can hold"),
        ({"total": "Infinity"}, "is not an amount that an invoice can hold"),
        ({"due_on": "soon"}, "Due date: “soon” is not a date."),
    ],
)
def test_what_is_no_number_is_refused(
    browser: Browser, plugin: TinyPlugin, typed: dict[str, str | list[str]], problem: str
) -> None:
    """What is no number or date is refused in words; the form keeps what was typed."""
    page = new_invoice(browser, status=422, message="Thank you", **typed)
    assert problem in page.text
    assert page.field("message") == "Thank you"
    assert [hook for hook, _ in plugin.told] == ["on_lead_saved"]


def test_more_lines_keep_what_was_typed(browser: Browser, plugin: TinyPlugin) -> None:
    """“Add lines” gives empty rows below the typed ones and saves nothing."""
    form = browser.open(new_lead(browser).links["New invoice"])
    rows = form.button("Add lines")
    assert rows is not None
    longer = browser.press(
        form,
        "Add lines",
        service=["", ""],
        description=["first", "second"],
        quantity=["1", "1"],
        price=["1", "2"],
        taxable=["1"],
    )
    sent = longer.button("Create invoice")
    assert sent is not None
    fields = sent[0].filled(sent[1], {})
    assert fields["description"] == ["first", "second", "", ""]
    assert fields["taxable"] == ["1"]
    browser.press(longer, "Create invoice")
    assert [line.taxable for line in invoice_told(plugin).lines] == [False, True]


def test_edit_and_void(browser: Browser, plugin: TinyPlugin) -> None:
    """An edit and a void are updates; a voided invoice changes no more and takes no payment."""
    page = new_invoice(browser)
    edited = browser.press(browser.open(page.links["Edit"]), "Save invoice", message="Hello")
    assert invoice_told(plugin, "on_invoice_updated").message == "Hello"
    before_void = browser.open(page.links["Edit"])
    browser.press(edited, "Void")
    assert invoice_told(plugin, "on_invoice_updated").status is InvoiceStatus.VOID
    calls = len(plugin.told)
    assert (
        "cannot be changed anymore" in browser.press(before_void, "Save invoice", number="7").text
    )
    assert "cannot take a payment" in browser.press(edited, "Record payment", paid_by="cash").text
    assert len(plugin.told) == calls


def test_a_proposal_makes_one_job(browser: Browser) -> None:
    """Converting a proposal twice gives the same job."""
    form = browser.open(new_lead(browser).links["New proposal"])
    approved = browser.press(browser.press(form, "Send proposal"), "Customer approved")
    first = browser.press(approved, "Convert to job")
    assert browser.press(approved, "Convert to job").url == first.url


@pytest.mark.parametrize("token", [None, "", "made up"])
def test_a_post_without_the_form_token_is_refused(
    browser: Browser, plugin: TinyPlugin, token: str | None
) -> None:
    """Every POST needs the token of its session, also those that reach a plugin's action."""
    browser.open("/")
    data = {} if token is None else {"csrf_token": token}
    for path in ("/leads/new", "/settings/tiny/save", "/sign-in", "/demo/trouble/reset"):
        answer = browser.client.post(path, base_url=BASE, data=data)
        assert answer.status_code == 400
    assert (plugin.told, plugin.asked) == ([], [])


def test_the_token_of_another_session_is_refused(app: Flask, plugin: TinyPlugin) -> None:
    """A token works only in the session that it was made for."""
    form = Browser(app).open("/leads/new")
    other = Browser(app)
    other.open("/")
    other.send(form, "Save lead", {}, status=400)
    assert plugin.told == []


def test_the_panel_and_its_actions(browser: Browser, plugin: TinyPlugin) -> None:
    """A panel is in the menu, gets its query, and its actions get person, form and addresses."""
    home = browser.open("/")
    panel = browser.open(home.links["Tiny"] + "?filter=a%3Cb")
    assert "Filter a<b" in panel.text
    after = browser.press(panel, "Save it", key=["lead-1", "lead-2"])
    assert after.url == f"{BASE}/settings/tiny?saved=1"
    asked = plugin.asked[-1]
    assert asked.form["key"] == ("lead-1", "lead-2")
    assert (asked.page_url, asked.action_url) == (f"{BASE}/settings/tiny",) * 2
    assert (asked.org.id, asked.person.id) == ("blue-ridge-gutters", "dana")


def test_the_callback_is_a_get_action(browser: Browser, plugin: TinyPlugin) -> None:
    """A GET action is reached without a token, with its query; a POST action is not by GET."""
    browser.open("/settings/tiny/callback?code=c&state=s")
    assert plugin.asked[-1].query == {"code": "c", "state": "s"}
    for path in ("/settings/tiny/save", "/settings/tiny/none", "/settings/none/save"):
        assert browser.client.get(path, base_url=BASE).status_code == 404
    assert len(plugin.asked) == 1


def test_an_action_can_answer_with_a_file(browser: Browser) -> None:
    """A download arrives as an attachment under its name."""
    token = browser.open("/leads/new").field("csrf_token")
    answer = browser.client.post("/settings/tiny/export", base_url=BASE, data={"csrf_token": token})
    assert (answer.data, answer.mimetype) == (b"a,b\n", "text/csv")
    assert "attachment" in answer.headers["Content-Disposition"]
    assert "%C3%B6ffice.csv" in answer.headers["Content-Disposition"]


def test_brazil_sees_no_panel(browser: Browser) -> None:
    """A BR organization has no entry in its settings and no such page (rule 13)."""
    home = browser.sign_in("João Ferreira")
    assert "Tiny" not in home.links
    browser.open("/settings/tiny", status=404)
    browser.open("/settings/tiny/callback", status=404)
    assert "No integration is available" in browser.open("/settings/company").text


def test_the_region_can_change(browser: Browser) -> None:
    """An organization that leaves the US loses the entry at once."""
    browser.press(browser.open("/settings/company"), "Save", region="BR")
    assert "Tiny" not in browser.open("/").links


def test_organizations_do_not_see_each_other(browser: Browser) -> None:
    """Another organization's records do not exist, and an id beyond all bounds neither."""
    new_invoice(browser)
    browser.sign_in("Priya Natarajan")
    for path in ("/leads/1", "/leads/1/edit", "/invoices/1", "/invoices/1/edit"):
        browser.open(path, status=404)
    browser.open(f"/leads/{10**30}", status=404)
    assert "Sarah Mitchell" not in browser.open("/leads/").text


def test_cards_reach_their_own_plugin(tmp_path: Path) -> None:
    """With two plugins each card's form leads to the actions of its own panel."""
    store = Store(tmp_path / "crm.sqlite3")
    tiny, other = TinyPlugin("tiny"), TinyPlugin("other")
    plugins = Plugins(create_plugin_manager([tiny, other], load_entry_points=False), lambda: 0.0)
    crm = Crm(store=store, plugins=plugins, clock=lambda: NOW, base_url=BASE)
    browser = Browser(create_app(crm, "key"))
    page = new_lead(browser)
    actions = {form.action for form in page.forms if form.action.endswith("/save")}
    assert actions == {f"{BASE}/settings/tiny/save", f"{BASE}/settings/other/save"}
    assert sorted(page.cards) == [
        f"Card of {slug} lead 1 {BASE}/leads/1 Retry" for slug in ("other", "tiny")
    ]
    fragment = browser.open("/cards/lead/1")
    assert sorted(fragment.cards) == sorted(page.cards)
    browser.open("/cards/nothing/1", status=404)
    store.close()


def test_the_demo_bar_shows_how_long_hooks_took(browser: Browser) -> None:
    """The bar names the last hook and the milliseconds that the CRM waited for it."""
    assert re.search(r"last hook on_lead_saved 1\.00 ms", new_lead(browser).text)


def test_another_name_of_this_machine_leads_to_the_own_address(browser: Browser) -> None:
    """A visitor by another host name is led to the address that callbacks come back to."""
    answer = browser.client.get("/leads/?a=1", base_url="http://127.0.0.1:9")
    assert answer.location == f"{BASE}/leads/?a=1"


def test_the_crm_knows_no_plugin() -> None:
    """Only the launcher knows the emulator, and nothing in the demo imports the plugin."""
    home = Path(dunahub_qbo_plugin.demo.__file__).parent
    imports: dict[str, set[str]] = {}
    for path in home.rglob("*.py"):
        names = [
            name
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
            if isinstance(node, ast.ImportFrom | ast.Import)
            for name in (
                [node.module or ""]
                if isinstance(node, ast.ImportFrom)
                else [alias.name for alias in node.names]
            )
        ]
        imports[path.name] = {
            name.split(".")[1]
            for name in names
            if name.startswith("dunahub_qbo_plugin.") and name.count(".")
        } - {"demo", "stopping"}
    known = {name: found for name, found in imports.items() if found}
    assert known == {"launch.py": {"emulator"}, "kept_world.py": {"emulator"}}


def test_what_a_plugin_tells_is_in_the_mailbox(browser: Browser, plugin: TinyPlugin) -> None:
    """A bell counts what is not over, the page shows it, and an id that comes twice is one mail."""
    store, org = plugin.store, seeds.MEMBERS[0].org_id
    assert store is not None
    begun = Notice(
        id="n1",
        about="n1",
        kind="attention",
        over=False,
        audience=Audience.OFFICE,
        org_id=org,
        panel=None,
        since=NOW,
        title="2 records need attention",
        text="Look there.",
    )
    for _ in range(2):
        store.take_mail(contract.mail(begun, NOW))
    assert (store.open_mails(org), len(store.mails(org)), store.open_mails("other")) == (1, 1, 0)
    store.take_mail(contract.mail(attrs.evolve(begun, id="n1-over", over=True), NOW))
    assert store.open_mails(org) == 0
    everywhere = attrs.evolve(begun, id="n2", about="n2", org_id=None, title="Reads are used up")
    store.take_mail(contract.mail(everywhere, NOW))
    shown = browser.open("/mailbox")
    assert "Reads are used up" in shown.text
    assert "Mailbox 1" in shown.text
