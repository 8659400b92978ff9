"""The client and a QuickBooks: what is sent is in the books, what is refused has its error."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from itertools import count
from typing import TYPE_CHECKING, Any

import pytest

from dunahub_qbo_plugin import errors
from dunahub_qbo_plugin.emulator.world.trouble import TroubleRule
from dunahub_qbo_plugin.emulator.world.world import SEEDS
from dunahub_qbo_plugin.model import Intent, Operation, ReadReason, Written
from dunahub_qbo_plugin.qbo import exact_json
from dunahub_qbo_plugin.qbo.company_reads import read_profile
from dunahub_qbo_plugin.qbo.query import select
from tests.support.qbo import Bench

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

WHY = ReadReason.LOOK
KEYS = count(1)


@pytest.fixture
def bench() -> Iterator[Bench]:
    """An emulator with our client."""
    bench = Bench.make()
    with bench.http:
        yield bench


def intent(
    entity: str,
    body: Mapping[str, Any],
    operation: Operation = Operation.CREATE,
    key: str | None = None,
) -> Intent:
    """A write under a key of its own."""
    return Intent(
        entity=entity,
        operation=operation,
        body=exact_json.encode(body),
        request_key=key or f"key-{next(KEYS)}",
        fingerprint="f",
    )


def new_customer(bench: Bench, name: str = "Ada Gutter") -> Written:
    """A customer in the books."""
    return bench.client.write(bench.grant(), intent("customer", {"DisplayName": name}))


def invoice_body(customer: Written, more: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """An invoice of one line."""
    detail = {"ItemRef": {"value": "3"}, "Qty": 1, "UnitPrice": Decimal("149.00")}
    line = {
        "DetailType": "SalesItemLineDetail",
        "Amount": Decimal("149.00"),
        "SalesItemLineDetail": detail,
    }
    return {"CustomerRef": {"value": customer.remote.id}, "Line": [line], **(more or {})}


def new_invoice(bench: Bench, customer: Written, **more: object) -> Written:
    """An invoice in the books."""
    return bench.client.write(bench.grant(), intent("invoice", invoice_body(customer, more)))


def payment_body(customer: Written, invoice: Written, amount: str = "149.00") -> dict[str, Any]:
    """A payment of one invoice."""
    applied = {
        "Amount": Decimal(amount),
        "LinkedTxn": [{"TxnId": invoice.remote.id, "TxnType": "Invoice"}],
    }
    return {
        "CustomerRef": {"value": customer.remote.id},
        "TotalAmt": Decimal(amount),
        "Line": [applied],
    }


def test_creates_what_is_sent(bench: Bench) -> None:
    """Each kind is in the books as sent; its Id, token, total and number come back."""
    customer = new_customer(bench)
    assert customer.total is None
    assert customer.number == ""
    assert customer.intuit_tid
    invoice = new_invoice(bench, customer, DocNumber="INV-7")
    assert (invoice.total, invoice.number) == (Decimal("149.00"), "INV-7")
    payment = bench.client.write(bench.grant(), intent("payment", payment_body(customer, invoice)))
    assert payment.total == Decimal("149.00")
    assert payment.remote.sync_token == "0"
    read = bench.client.read(bench.grant(), "invoice", invoice.remote.id, reason=WHY)
    assert read is not None
    assert read["Balance"] == 0
    assert read["LinkedTxn"] == [{"TxnId": payment.remote.id, "TxnType": "Payment"}]


def test_the_same_key_makes_one_object(bench: Bench) -> None:
    """A resend under the same key and body gives the first result and makes nothing new."""
    customer = new_customer(bench)
    again = intent("invoice", invoice_body(customer), key="same")
    first = bench.client.write(bench.grant(), again)
    second = bench.client.write(bench.grant(), again)
    assert second.remote == first.remote
    assert len(bench.books("invoices")) == 1


@pytest.mark.parametrize("kind", ["lose", "cut"])
@pytest.mark.parametrize("manner", ["reset", "close", "silence"])
def test_a_lost_answer_is_unknown_and_a_resend_settles_it(
    bench: Bench, kind: str, manner: str
) -> None:
    """Carried out but not answered: the outcome is unknown, the resend finds the one object."""
    customer = new_customer(bench)
    rule = {"kind": kind, "manner": manner, "entity": "invoice"}
    bench.emulator.trouble(TroubleRule.from_mapping(rule))
    again = intent("invoice", invoice_body(customer))
    with pytest.raises(errors.Unreachable) as caught:
        bench.client.write(bench.grant(), again)
    assert caught.value.sent
    done = bench.client.write(bench.grant(), again)
    assert [found["id"] for found in bench.books("invoices")] == [done.remote.id]


def test_a_refused_connection_sent_nothing(bench: Bench) -> None:
    """Where no connection is made the error says so, and the books are empty."""
    bench.emulator.trouble(TroubleRule(kind="refuse"))
    with pytest.raises(errors.Unreachable) as caught:
        bench.client.write(bench.grant(), intent("customer", {"DisplayName": "Ada"}))
    assert not caught.value.sent
    assert bench.books("customers") == []


def test_updates_and_stale_tokens(bench: Bench) -> None:
    """An update with the live SyncToken raises it; with an old one it is Stale."""
    customer = new_customer(bench)
    change = {"Id": customer.remote.id, "SyncToken": "0", "sparse": True, "Notes": "Gate 4"}
    done = bench.client.write(bench.grant(), intent("customer", change, Operation.UPDATE))
    assert done.remote.sync_token == "1"
    with pytest.raises(errors.Stale):
        bench.client.write(
            bench.grant(), intent("customer", change | {"Notes": "x"}, Operation.UPDATE)
        )


def test_voids(bench: Bench) -> None:
    """A voided invoice and a voided payment stay in the books with nothing in them."""
    customer = new_customer(bench)
    invoice = new_invoice(bench, customer, DocNumber="INV-8")
    payment = bench.client.write(bench.grant(), intent("payment", payment_body(customer, invoice)))
    body = {"Id": payment.remote.id, "SyncToken": payment.remote.sync_token, "sparse": True}
    void = intent("payment", body, Operation.VOID)
    assert bench.client.write(bench.grant(), void).total == 0
    read = bench.client.read(bench.grant(), "invoice", invoice.remote.id, reason=WHY)
    assert read is not None
    assert read["Balance"] == Decimal(149)
    void = intent("invoice", {"Id": read["Id"], "SyncToken": read["SyncToken"]}, Operation.VOID)
    done = bench.client.write(bench.grant(), void)
    assert (done.total, done.number) == (Decimal(0), "INV-8")


def test_a_taken_name_and_a_taken_number(bench: Bench) -> None:
    """6240 is DuplicateName; 6140 is DuplicateNumber and names the invoice that has the number."""
    customer = new_customer(bench)
    with pytest.raises(errors.DuplicateName):
        new_customer(bench)
    settings = bench.emulator.world.companies[bench.grant().realm_id.reveal()].books.settings
    settings.custom_txn_numbers = True
    first = new_invoice(bench, customer, DocNumber="INV-9")
    with pytest.raises(errors.DuplicateNumber) as caught:
        new_invoice(bench, customer, DocNumber="INV-9")
    assert caught.value.info.subject == first.remote.id


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"CustomerRef": {"value": "99999"}}, "2500"),
        ({"Nonsense": 1}, "2010"),
        ({"Line": []}, "2020"),
        ({"DocNumber": "x" * 22}, "2050"),
    ],
)
def test_definite_refusals(bench: Bench, changes: dict[str, Any], code: str) -> None:
    """A refusal has its code and text, and nothing is in the books."""
    customer = new_customer(bench)
    with pytest.raises((errors.Refused, errors.BadReference)) as caught:
        new_invoice(bench, customer, **changes)
    assert caught.value.info.code == code
    assert caught.value.info.status == 400
    assert caught.value.info.intuit_tid
    assert bench.books("invoices") == []


def test_a_dead_reference_while_reading_is_no_missing_object(bench: Bench) -> None:
    """Only 610 says that the object itself is not there."""
    rule = {"kind": "fail", "status": 400, "code": "2500"}
    bench.emulator.trouble(TroubleRule.from_mapping(rule))
    with pytest.raises(errors.BadReference):
        bench.client.read(bench.grant(), "invoice", "1", reason=WHY)


def test_reads_nothing_as_none(bench: Bench) -> None:
    """An object that QuickBooks does not have reads as None, another refusal does not."""
    assert bench.client.read(bench.grant(), "Invoice", "424242", reason=WHY) is None
    with pytest.raises(errors.Refused):
        bench.client.read(bench.grant(), "invoice", "1.5", reason=WHY)
    with pytest.raises(errors.Busy):  # nothing answers there: no word on any object
        bench.client.read(bench.grant(), "invoice", "1/../../2?x=", reason=WHY)


@pytest.mark.parametrize(
    "name",
    [
        "Amy's Bird Sanctuary",
        'The "Best" Gutters',
        "Smith & Sons + Co. 100% #1 = ok?",
        "Zoë Müller \U0001f642",
        "C:\\Gutters\\".replace(":", ""),
        "O\\'Neil; DROP",
        "x" * 500,
        "日本" * 200,
    ],
)
def test_finds_a_name_whatever_is_in_it(bench: Bench, name: str) -> None:
    """A name with quotes, signs or other alphabets is found as it was sent, long ones by POST."""
    made = new_customer(bench, name)
    statement = select("Customer", [("DisplayName", "=", name)], active="any")
    found = bench.client.query(bench.grant(), statement, reason=WHY)
    assert [(row["Id"], row["DisplayName"]) for row in found] == [(made.remote.id, name)]
    assert (
        bench.client.query(bench.grant(), select("Customer", [("Id", "=", "4242")]), reason=WHY)
        == []
    )


def test_reads_all_pages(bench: Bench) -> None:
    """Every object comes once, inactive ones when asked for, in as few requests as the pages."""
    made = [new_customer(bench, f"Customer {n}").remote.id for n in range(7)]
    bench.emulator.world.companies[bench.grant().realm_id.reveal()].books.deactivate(
        "Customer", made[3]
    )
    grant = bench.grant(company="counted")
    active = bench.client.query_all(grant, "Customer", page=3, reason=WHY)
    assert {row["Id"] for row in active} == set(made) - {made[3]}
    assert bench.client.metrics.of("counted").reads == 3
    everyone = bench.client.query_all(grant, "Customer", active="any", page=3, reason=WHY)
    assert [row["Id"] for row in everyone] == sorted(made, key=int)


def test_tells_what_changed(bench: Bench) -> None:
    """Changes come by entity, deleted ones marked so; an entity without any has an empty list."""
    customer = new_customer(bench)
    kept, gone = new_invoice(bench, customer), new_invoice(bench, customer)
    realm = bench.grant().realm_id.reveal()
    bench.emulator.world.companies[realm].books.delete("Invoice", gone.remote.id)
    since = bench.clock.now() - timedelta(hours=1)
    changes = bench.client.cdc(bench.grant(), ["Invoice", "Payment"], since, reason=WHY)
    assert {row["Id"]: row.get("status") for row in changes["Invoice"]} == {
        kept.remote.id: None,
        gone.remote.id: "Deleted",
    }
    assert changes["Payment"] == []


def test_a_profile_takes_few_requests(bench: Bench) -> None:
    """Company, preferences, items, their accounts, methods, tax codes: six reads, no write."""
    profile = read_profile(bench.client, bench.grant(company="p"), reason=WHY)
    assert profile.name == SEEDS["contractor"][1]
    assert profile.items["3"].name == "Gutter Cleaning"
    assert profile.payment_methods["check"] == "2"
    account = profile.accounts[profile.items["3"].income_account or ""]
    assert (account.name, account.active) == ("Gutter Services", True)
    assert {code.name for code in profile.tax_codes.values()} == {"California", "Tucson"}
    counts = bench.client.metrics.of("p")
    assert (counts.reads, counts.writes) == (6, 0)


def test_tax_codes_are_read_with_classic_sales_tax_only(bench: Bench) -> None:
    """A company without classic sales tax is not asked for tax codes: a read less."""
    bench.emulator.world.companies[SEEDS["contractor"][0]].books.settings.sales_tax = "automated"
    assert read_profile(bench.client, bench.grant(company="p"), reason=WHY).tax_codes == {}
    assert bench.client.metrics.of("p").reads == 5


def test_counts_reads_and_writes_by_company(bench: Bench) -> None:
    """Each request that left is counted for its company, refused ones too."""
    new_customer(bench)
    with pytest.raises(errors.DuplicateName):
        new_customer(bench)
    bench.client.preferences(bench.grant(company="c2"), reason=WHY)
    metrics = bench.client.metrics
    assert (metrics.of("c1").writes, metrics.of("c1").reads) == (2, 0)
    assert (metrics.of("c2").writes, metrics.of("c2").reads) == (0, 1)
    assert (metrics.reads, metrics.writes) == (1, 2)


def test_a_lost_lease_sends_nothing(bench: Bench) -> None:
    """What the check raises comes through, and QuickBooks never hears of the request."""

    def check() -> None:
        raise errors.LeaseLost("taken over")

    body = intent("customer", {"DisplayName": "Ada"})
    with pytest.raises(errors.LeaseLost):
        bench.client.write(bench.grant(), body, check=check)
    assert bench.books("customers") == []
    assert bench.client.metrics.writes == 0


@pytest.mark.parametrize(
    ("offline", "error"),
    [
        ("subscription_ended", errors.Refused),
        ("maintenance", errors.Busy),
        ("locked", errors.Busy),
        ("wrong_cluster", errors.Busy),
    ],
)
def test_a_company_out_of_order(bench: Bench, offline: Any, error: type[errors.QboError]) -> None:  # noqa: ANN401  the emulator's literal
    """Locked, maintained and misplaced companies pass; an ended subscription does not."""
    grant = bench.grant()
    bench.emulator.world.companies[grant.realm_id.reveal()].offline = offline
    with pytest.raises(error) as caught:
        bench.client.write(grant, intent("customer", {"DisplayName": "Ada"}))
    if isinstance(caught.value, errors.Busy):
        assert caught.value.throttled
        assert caught.value.refuses
    else:
        assert caught.value.info.code == "6190"


def test_tokens_that_do_not_fit(bench: Bench) -> None:
    """An expired token is Unauthorized; one for another company Forbidden or Unauthorized."""
    grant = bench.grant()
    bench.emulator.world.tokens.expire()
    with pytest.raises(errors.Unauthorized):
        bench.client.company_info(grant, reason=WHY)
    grant = bench.grant(realm=SEEDS["empty"][0])
    elsewhere = bench.grant()
    wrong = type(grant)(company="c1", realm_id=elsewhere.realm_id, access_token=grant.access_token)
    with pytest.raises(errors.Forbidden):
        bench.client.company_info(wrong, reason=WHY)
    bench.emulator.world.service.wrong_realm = "100"
    with pytest.raises(errors.Unauthorized) as caught:
        bench.client.company_info(wrong, reason=WHY)
    assert caught.value.info.code == "100"
    for secret in wrong.confidential():
        assert secret not in f"{caught.value.info!r}"


@pytest.mark.parametrize("shape", ["fault", "gateway", "xml", "html", "text", "empty"])
@pytest.mark.parametrize(
    ("status", "error"),
    [
        (401, errors.Unauthorized),
        (403, errors.Forbidden),
        (429, errors.Busy),
        (500, errors.Busy),
        (503, errors.Busy),
    ],
)
def test_refusals_in_every_shape(
    bench: Bench, status: int, shape: str, error: type[errors.QboError]
) -> None:
    """The status decides, whichever shape the refusal has."""
    rule = {"kind": "fail", "status": status, "shape": shape}
    bench.emulator.trouble(TroubleRule.from_mapping(rule))
    with pytest.raises(error) as caught:
        bench.client.write(bench.grant(), intent("customer", {"DisplayName": "Ada"}))
    assert caught.value.info.status == status
    assert bench.books("customers") == []


def test_the_limits_hold_at_quickbooks_own_counting(bench: Bench) -> None:
    """600 requests as fast as allowed meet no 429, and need no more than the time they must."""
    grant = bench.grant()
    start = bench.clock.monotonic()
    for _ in range(600):
        bench.client.preferences(grant, reason=WHY)
    assert bench.clock.monotonic() - start < 60 + 13
