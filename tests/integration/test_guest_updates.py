"""Updates write what changed in DunaHub; what the bookkeeper did in QuickBooks stays (rule 36)."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import TYPE_CHECKING, Any, cast

import attrs
import pytest

from dunahub_hookspecs import InvoiceStatus
from dunahub_qbo_plugin.model import Kind, RecordKey, RecordState
from dunahub_qbo_plugin.testing import make_invoice, make_lead, make_payment
from tests.support.faulty import FaultyHost, service

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from dunahub_hookspecs import Invoice
    from dunahub_qbo_plugin.emulator.api.company_api import Company

BILL = RecordKey(kind=Kind.INVOICE, local_id="inv-1")
PAID = RecordKey(kind=Kind.PAYMENT, local_id="pay-1")
Json = dict[str, Any]
SWITCHES: dict[str, Json] = {
    "as observed": {},
    "lines keep what is left out": {"line_refs": "keep"},
    "no lines in a sparse update": {"sparse_lines": "fault_2020"},
    "online payment stays": {"sparse_lines": "fault_2020", "online_omitted": "keep"},
    "other empty texts": {"empty_text": "keeps"},
}
"""Disputed facts of QuickBooks: the outcome is the same in each."""


@pytest.fixture
def host(tmp_path: Path) -> Iterator[FaultyHost]:
    """Return a connected host."""
    made = FaultyHost(tmp_path)
    yield made
    made.close()


@pytest.fixture(params=SWITCHES)
def disputed(host: FaultyHost, request: pytest.FixtureRequest) -> FaultyHost:
    """Return it for each setting of what is disputed."""
    for name, value in SWITCHES[request.param].items():
        setattr(host.qbo.company().books.settings, name, value)
    return host


def books(host: FaultyHost) -> Company:
    """Return the company's books, to edit them as a bookkeeper."""
    return host.qbo.company().books


def there(host: FaultyHost, entity: str = "Invoice", id_: str | None = None) -> Json:
    """Return the one object of a kind as QuickBooks has it."""
    rows = books(host).answer_query(f"SELECT * FROM {entity}")[1]  # noqa: S608  ours
    found = [json.loads(row, parse_float=Decimal) for row in rows]
    (one,) = [one for one in found if id_ is None or one["Id"] == id_]
    return cast("Json", one)


def ours(found: Json) -> list[Json]:
    """Return the lines that say something."""
    return [line for line in found["Line"] if line["DetailType"] != "SubTotalLineDetail"]


def two_lines(**changes: Any) -> Invoice:  # noqa: ANN401  any field of an invoice
    """Make an invoice of two lines and a discount."""
    lines = [service("Gutter Cleaning", "50"), service("Repair", "30", quantity=1, key="r")]
    return make_invoice(lines=changes.pop("lines", lines), discount=Decimal(10), **changes)


def class_and_date(host: FaultyHost) -> str:
    """Give the second line a class and a service date, and the discount another account."""
    company = books(host)
    class_id = company.create("Class", {"Name": "Roofing"})["Id"]
    found = there(host)
    for line in found["Line"]:
        if line.get("Id") == ours(found)[1]["Id"]:
            line["SalesItemLineDetail"] |= {"ClassRef": {"value": class_id}}
            line["SalesItemLineDetail"] |= {"ServiceDate": "2026-02-27"}
        if line["DetailType"] == "DiscountLineDetail":
            line["DiscountLineDetail"]["DiscountAccountRef"] = {"value": "48"}
    company.edit("Invoice", found["Id"], {"Line": found["Line"]})
    return str(class_id)


def test_a_word_costs_one_write_and_sends_that_word(host: FaultyHost) -> None:
    """What goes is the message alone, without a read (rules 35 and 36)."""
    host.save(two_lines())
    host.send()
    before = host.mark()
    bodies: list[Json] = []
    host.line.watched = lambda request: bodies.append(json.loads(request.content or b"{}"))
    host.save(two_lines(message="Thank you"))
    host.send()
    assert [(one.write, one.status) for one in host.requests(before)] == [(True, 200)]
    assert [sorted(body) for body in bodies] == [["CustomerMemo", "Id", "SyncToken", "sparse"]]
    assert there(host)["CustomerMemo"] == {"value": "Thank you"}


@pytest.mark.parametrize("change", ["message", "price", "line more", "line less", "discount"])
def test_class_date_and_accounts_of_lines_stay(disputed: FaultyHost, change: str) -> None:
    """The bookkeeper's class, service date and discount account outlive each of our changes."""
    host = disputed
    host.save(two_lines())
    host.send()
    class_id = class_and_date(host)
    first, second, third = ours(there(host))
    cleaning, repair = two_lines().lines
    bill = {
        "message": two_lines(message="Thank you"),
        "price": two_lines(lines=[service("Gutter Cleaning", "55"), repair]),
        "line more": two_lines(lines=[service("Haul away", "5", key="h"), cleaning, repair]),
        "line less": two_lines(lines=[repair]),
        "discount": attrs.evolve(two_lines(), discount=Decimal(15), total=Decimal(115)),
    }[change]
    host.save(bill)
    host.send()
    found = there(host)
    assert found["TotalAmt"] == bill.total
    assert host.look(bill).state is RecordState.SYNCED
    by_id = {line.get("Id"): line for line in ours(found)}
    kept = by_id[second["Id"]]["SalesItemLineDetail"]
    assert kept["ClassRef"]["value"] == class_id
    assert kept["ServiceDate"] == "2026-02-27"
    assert by_id[None]["DiscountLineDetail"]["DiscountAccountRef"]["value"] == "48"
    assert third["DiscountLineDetail"]["DiscountAccountRef"]["value"] == "48"
    assert (first["Id"] in by_id) is (change != "line less")


def test_what_was_read_once_costs_no_read_again(host: FaultyHost) -> None:
    """One read after somebody's change; the next change of a line costs a write."""
    host.save(two_lines())
    host.send()
    class_id = class_and_date(host)
    host.save(two_lines(message="Thank you"))
    host.send()
    before = host.mark()
    cleaning, _ = two_lines().lines
    lines = [cleaning, service("Repair", "35", quantity=1, key="r")]
    host.save(two_lines(message="Thank you", lines=lines))
    host.send()
    assert not any(not one.write for one in host.requests(before))
    (_, repair, _) = ours(there(host))
    assert repair["SalesItemLineDetail"]["ClassRef"]["value"] == class_id
    assert repair["Amount"] == Decimal("35.00")


def test_an_invoice_stays_under_the_project_it_was_moved_to(host: FaultyHost) -> None:
    """Only what changed is written: the customer did not (B1)."""
    host.save(two_lines())
    host.send()
    found = there(host)
    project = books(host).create(
        "Customer",
        {"DisplayName": "Kitchen", "Job": True, "ParentRef": found["CustomerRef"]},
    )
    books(host).edit("Invoice", found["Id"], {"CustomerRef": {"value": project["Id"]}})
    cleaning, _ = two_lines().lines
    host.save(two_lines(message="Thank you"))
    host.send()
    host.save(two_lines(lines=[cleaning]))
    host.send()
    assert there(host)["CustomerRef"]["value"] == project["Id"]
    assert there(host)["TotalAmt"] == Decimal("90.00")


def test_a_line_of_the_bookkeepers_stays(host: FaultyHost) -> None:
    """A line that the bookkeeper added is in place after a change of ours that keeps the total."""
    host.save(two_lines())
    host.send()
    found = there(host)
    note = {"DetailType": "DescriptionOnly", "Description": "Warranty: one year"}
    books(host).edit("Invoice", found["Id"], {"Line": [found["Line"][0], note, *found["Line"][1:]]})
    lines = [attrs.evolve(line, description=f"{line.description}!") for line in two_lines().lines]
    host.save(two_lines(lines=lines))
    host.send()
    told = [line.get("Description") for line in ours(there(host))]
    assert told == ["Gutter Cleaning!", "Warranty: one year", "Repair!", None]


def test_a_void_taken_back_restores_our_amounts_under_their_ids(host: FaultyHost) -> None:
    """What was voided holds nothing to keep but what is not ours."""
    host.save(two_lines())
    host.send()
    class_id = class_and_date(host)
    before = [line.get("Id") for line in ours(there(host))]
    host.save(two_lines(status=InvoiceStatus.VOID))
    host.send()
    host.save(two_lines())
    host.send()
    found = there(host)
    assert (found["TotalAmt"], [line.get("Id") for line in ours(found)]) == (120, before)
    assert ours(found)[1]["SalesItemLineDetail"]["ClassRef"]["value"] == class_id


def test_a_payments_memo_method_and_account_stay(host: FaultyHost) -> None:
    """A payment goes whole, with what the bookkeeper chose in it (B6)."""
    host.save(make_invoice(), make_payment())
    host.send()
    found = there(host, "Payment")
    changes = {
        "PrivateNote": f"{found['PrivateNote']} Checked by Ann",
        "PaymentMethodRef": {"value": "2"},
        "DepositToAccountRef": {"value": "35"},
    }
    books(host).edit("Payment", found["Id"], changes)
    host.save(make_payment(amount=Decimal(60)))
    host.send()
    found = there(host, "Payment")
    assert found["TotalAmt"] == 60
    assert found["PrivateNote"].endswith("Checked by Ann")
    assert found["PaymentMethodRef"]["value"] == "2"
    assert found["DepositToAccountRef"]["value"] == "35"


def test_money_that_was_applied_elsewhere_stays_there(host: FaultyHost) -> None:
    """The loose part went to another invoice; ours is raised, and is open by the rest (B4)."""
    other = make_invoice("inv-2", total="20.00")
    host.save(make_invoice(), other, make_payment(amount=Decimal(120)))
    host.send()
    found = there(host, "Payment")
    links = {"Amount": 20, "LinkedTxn": [{"TxnId": host.look(other).qbo_id, "TxnType": "Invoice"}]}
    (own,) = found["Line"]
    del own["LineEx"]
    books(host).edit("Payment", found["Id"], {"Line": [own, links]})
    host.save(make_invoice(total="110.00"))
    for _ in range(5):
        host.send()
        host.clock.advance(600)
    balances = {one["number"]: one["balance"] for one in host.books.invoices}
    assert balances == {"D-inv-1": "10.00", "D-inv-2": "0.00"}
    assert host.look(PAID).state is RecordState.SYNCED


def test_a_payment_that_was_voided_there_does_not_come_back(host: FaultyHost) -> None:
    """Its invoice is voided and made valid again: a person decides about the money (B5)."""
    host.save(make_invoice(), make_payment())
    host.send()
    books(host).void("Payment", there(host, "Payment")["Id"])
    host.save(make_invoice(status=InvoiceStatus.VOID))
    host.send()
    host.save(make_invoice())
    for _ in range(5):
        host.send()
        host.clock.advance(600)
    host.retry(None)
    host.send()
    assert there(host, "Payment")["TotalAmt"] == 0
    assert host.look(PAID).state is RecordState.ATTENTION


def test_a_customers_other_parts_of_an_address_stay(host: FaultyHost) -> None:
    """Of an address only the part that changed is ours to change."""
    lead = make_lead()
    host.save(lead)
    host.send()
    id_ = str(host.look(lead).qbo_id)
    address = there(host, "Customer", id_).get("BillAddr", {})
    address = {name: text for name, text in address.items() if name != "Id"}
    books(host).edit("Customer", id_, {"BillAddr": address | {"Line3": "Gate 4"}})
    host.save(attrs.evolve(lead, address=attrs.evolve(lead.address, postal_code="78702")))
    host.send()
    found = there(host, "Customer", id_)["BillAddr"]
    assert (found["Line3"], found["PostalCode"]) == ("Gate 4", "78702")
