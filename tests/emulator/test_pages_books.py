from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest

from dunahub_qbo_plugin.emulator.pages import routes
from dunahub_qbo_plugin.emulator.world.world import SEEDS

if TYPE_CHECKING:
    from dunahub_qbo_plugin.emulator.world.world import World

    from .conftest import Caller


def make(caller: Caller, path: str, body: dict[str, Any]) -> dict[str, Any]:
    """Create something through the API."""
    answer = caller.api("POST", path, json=body)
    assert answer.status_code == 200, answer.text
    created: dict[str, Any] = next(iter(answer.json().values()))
    return created


def invoice(caller: Caller, customer: str, amount: str, **more: Any) -> dict[str, Any]:  # noqa: ANN401  JSON
    """Create an invoice of one line."""
    line = {
        "DetailType": "SalesItemLineDetail",
        "Amount": float(amount),
        "Description": "Clean gutters",
        "SalesItemLineDetail": {"ItemRef": {"value": "3"}, "Qty": 1, "UnitPrice": float(amount)},
    }
    return make(caller, "/invoice", {"CustomerRef": {"value": customer}, "Line": [line]} | more)


def text_of(page: str) -> str:
    """Return what a person reads on the page."""
    body = re.sub(r"<style>.*?</style>", "", page, flags=re.DOTALL)
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", body))


def test_home_shows_companies_apps_and_requests(caller: Caller, world: World) -> None:
    """The first page lists companies with counts, the app without its secret, latest requests."""
    make(caller, "/customer", {"DisplayName": "Ann"})
    page = caller.http.get("/").text
    for hosted in world.companies.values():
        assert hosted.books.name in page
    assert caller.client_id in page
    assert caller.client_secret not in page
    assert "POST /customer" in page
    assert caller.http.get("/books").text.count("<h2>") == page.count("<h2>")


def test_books_show_everything_and_link_to_it(caller: Caller) -> None:
    """The books page shows customers, invoices and payments with what they are applied to."""
    customer = make(caller, "/customer", {"DisplayName": "Ann's Roofs"})
    bill = invoice(caller, customer["Id"], "149.50", DocNumber="DH-7")
    paid = make(
        caller,
        "/payment",
        {
            "CustomerRef": {"value": customer["Id"]},
            "TotalAmt": 100,
            "Line": [{"Amount": 100, "LinkedTxn": [{"TxnId": bill["Id"], "TxnType": "Invoice"}]}],
        },
    )
    page = caller.http.get(f"/books/{caller.realm}")
    assert page.status_code == 200
    words = text_of(page.text)
    assert "Ann&#39;s Roofs" in words
    assert "Partly paid 149.50 49.50" in words
    assert f"Invoice {bill['Id']} 100.00 0.00" in words
    for kind, one in (("customer", customer), ("invoice", bill), ("payment", paid)):
        address = f"/books/{caller.realm}/{kind}/{one['Id']}"
        assert f'href="{address}"' in page.text
        assert caller.http.get(address).status_code == 200


def test_invoice_page_has_lines_balance_and_payments(caller: Caller) -> None:
    """An invoice's page shows its lines, its state, and the payment that was applied to it."""
    customer = make(caller, "/customer", {"DisplayName": "Ann"})
    bill = invoice(caller, customer["Id"], "80", PrivateNote="Job 12")
    make(
        caller,
        "/payment",
        {
            "CustomerRef": {"value": customer["Id"]},
            "TotalAmt": 80,
            "Line": [{"Amount": 80, "LinkedTxn": [{"TxnId": bill["Id"], "TxnType": "Invoice"}]}],
        },
    )
    page = caller.http.get(f"/books/{caller.realm}/invoice/{bill['Id']}").text
    words = text_of(page)
    assert "Clean gutters 1 80 NON 80.00" in words
    assert "Paid" in words
    assert "Job 12" in words
    assert f'href="/books/{caller.realm}/payment/' in page
    raw = re.search(r"<pre[^>]*>(.*?)</pre>", page, re.DOTALL)
    assert raw is not None
    shown = json.loads(raw[1].replace("&#34;", '"').replace("&#39;", "'"))
    assert shown["Id"] == bill["Id"]


def test_doubles_are_pointed_out(caller: Caller) -> None:
    """Invoices of one number, or of one customer, amount and day, are called doubles."""
    customer = make(caller, "/customer", {"DisplayName": "Ann"})
    clean = caller.http.get(f"/books/{caller.realm}").text
    assert "No doubles" in clean
    first = invoice(caller, customer["Id"], "80", DocNumber="A1")
    second = invoice(caller, customer["Id"], "80", DocNumber="A1")
    words = text_of(caller.http.get(f"/books/{caller.realm}").text)
    assert "Possible doubles" in words
    assert "same number" in words
    assert "amount and day" in words
    assert {first["Id"], second["Id"]} <= set(re.findall(r"\d+", words))
    doubles = caller.http.get(f"/_admin/books/{caller.realm}").json()["doubles"]
    assert len(doubles) == 2


def test_big_company_is_looked_through_only_when_asked(
    caller: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The books page of a big company is quick: it looks for doubles on request."""
    monkeypatch.setattr(routes, "_QUICK", 3)
    customer = make(caller, "/customer", {"DisplayName": "Ann"})
    for _ in range(2):
        invoice(caller, customer["Id"], "80", DocNumber="A1")
    page = caller.http.get(f"/books/{caller.realm}").text
    assert "Possible doubles" not in page
    assert "No doubles" not in page
    link = re.search(r'href="([^"]+)">Look for doubles', page)
    assert link is not None
    assert "Possible doubles" in caller.http.get(link[1]).text


@pytest.mark.parametrize("name", ["<script>alert(1)</script>", "A & B \"C\" 'D'", "名前 🏠 Łódź"])
def test_names_are_text_on_every_page(caller: Caller, name: str) -> None:
    """Markup in a name stays text, and every alphabet is shown."""
    customer = make(caller, "/customer", {"DisplayName": name})
    bill = invoice(caller, customer["Id"], "1", CustomerMemo={"value": name})
    for path in ("", f"/customer/{customer['Id']}", f"/invoice/{bill['Id']}", "/customer"):
        page = caller.http.get(f"/books/{caller.realm}{path}").text
        assert "<script>" not in page
        assert name.split(maxsplit=1)[0].replace("<", "&lt;").replace(">", "&gt;") in page


def test_long_lists_have_pages(caller: Caller) -> None:
    """The books show the first of a long list and lead to all of it, page by page."""
    books = caller.world.companies[caller.realm].books
    for number in range(130):
        books.create("Customer", {"DisplayName": f"Customer {number:03}"})
    page = caller.http.get(f"/books/{caller.realm}").text
    assert "All 130 customers" in page
    first = caller.http.get(f"/books/{caller.realm}/customer").text
    second = caller.http.get(f"/books/{caller.realm}/customer", params={"page": 2}).text
    assert "Customer 099" in first
    assert "1 to 100 of 130" in first
    assert "101 to 130 of 130" in second
    assert "Customer 129" in second
    assert "Next" not in second


def test_inactive_and_offline_are_said(caller: Caller, world: World) -> None:
    """An inactive customer stays visible as such, and an offline company says why."""
    customer = make(caller, "/customer", {"DisplayName": "Gone"})
    world.companies[caller.realm].books.deactivate("Customer", customer["Id"])
    world.companies[caller.realm].offline = "maintenance"
    words = text_of(caller.http.get(f"/books/{caller.realm}").text)
    assert "Gone (deleted)" in words
    assert "Inactive" in words
    assert "under maintenance" in words


@pytest.mark.parametrize(
    "path",
    ["/books/1", "/books/{realm}/spaceship", "/books/{realm}/invoice/999", "/nothing", "/app/x"],
)
def test_what_is_not_there_is_404(caller: Caller, path: str) -> None:
    """Unknown companies, kinds, ids and pages get a 404 page that leads back."""
    answer = caller.http.get(path.format(realm=caller.realm))
    assert answer.status_code == 404
    assert "There is nothing here" in answer.text


def test_quickbooks_own_deep_links(caller: Caller) -> None:
    """Links as QuickBooks has them lead to the object's page."""
    customer = make(caller, "/customer", {"DisplayName": "Ann"})
    bill = invoice(caller, customer["Id"], "5")
    paid = make(caller, "/payment", {"CustomerRef": {"value": customer["Id"]}, "TotalAmt": 5})
    for link, target in (
        (f"/app/invoice?txnId={bill['Id']}", f"invoice/{bill['Id']}"),
        (f"/app/customerdetail?nameId={customer['Id']}", f"customer/{customer['Id']}"),
        (f"/app/recvpayment?txnId={paid['Id']}", f"payment/{paid['Id']}"),
    ):
        answer = caller.http.get(link)
        assert answer.status_code == 302
        assert answer.headers["location"] == f"/books/{caller.realm}/{target}"
    assert caller.http.get("/app/invoice?txnId=999").status_code == 404


def test_deep_link_that_fits_two_companies_asks(caller: Caller, world: World) -> None:
    """An id that two companies have leads to a choice, unless the link names the company."""
    other = SEEDS["empty"][0]
    mine = make(caller, "/customer", {"DisplayName": "Ann"})
    for number in range(int(mine["Id"])):
        world.companies[other].books.create("Customer", {"DisplayName": f"B{number}"})
    link = f"/app/customerdetail?nameId={mine['Id']}"
    asked = caller.http.get(link)
    assert asked.status_code == 300
    assert asked.text.count("/books/") >= 2
    named = caller.http.get(f"{link}&deeplinkcompanyid={other}")
    assert named.headers["location"] == f"/books/{other}/customer/{mine['Id']}"


def test_pages_load_nothing_from_elsewhere(caller: Caller) -> None:
    """No page refers to another host."""
    for path in ("/", f"/books/{caller.realm}", f"/books/{caller.realm}/item/3"):
        page = caller.http.get(path).text
        assert not re.search(r"(src|href|action|url\()\s*=?\s*[\"']?(https?:)?//", page)
