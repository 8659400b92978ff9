"""A payment becomes a Payment on its invoice, or says why not."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import attrs
import pytest

from dunahub_hookspecs import Payment, PaymentMethod
from dunahub_qbo_plugin.errors import MappingError
from dunahub_qbo_plugin.mapping.merge import Known
from dunahub_qbo_plugin.mapping.payment import (
    ineligible_words,
    is_eligible,
    payment_marker,
    payment_payload,
    payment_update,
    reference_number,
)
from dunahub_qbo_plugin.model import CompanyProfile, Kind
from tests.support.words import told

REFERENCE = "pi_3OaBcDeFgHiJkLmNoPqRsT"
PROFILE = CompanyProfile(payment_methods={"cash": "1", "credit card": "4", "visa": "5", "ach": "9"})
PAYMENT = Payment(
    id="3",
    invoice_id="12",
    invoice_number="1042",
    amount=Decimal("100.5"),
    method=PaymentMethod.CARD,
    collected_by_dunahub=True,
    paid_on=date(2026, 5, 5),
    reference=REFERENCE,
)


def test_payment_is_applied_to_its_invoice() -> None:
    """A payment goes out whole, applied to its invoice (rule 5)."""
    assert payment_payload(PAYMENT, customer_id="58", invoice_id="130", profile=PROFILE) == {
        "CustomerRef": {"value": "58"},
        "TotalAmt": Decimal("100.50"),
        "TxnDate": "2026-05-05",
        "PaymentRefNum": "pi_3OaBcDeFgHiJkLmNoP",
        "PaymentMethodRef": {"value": "4"},
        "PrivateNote": f"[DunaHub payment 3] Reference: {REFERENCE}",
        "Line": [
            {
                "Amount": Decimal("100.50"),
                "LinkedTxn": [{"TxnId": "130", "TxnType": "Invoice"}],
            }
        ],
    }


def test_update_is_the_whole_object() -> None:
    """An update of a payment names everything again, also where nothing changed."""
    create = payment_payload(PAYMENT, customer_id="58", invoice_id="130", profile=PROFILE)
    update = payment_update(create, Known(sent=create, now=create), number="1042")
    assert update.body == create
    assert not update.changes


def test_update_has_room_for_both_sides_notes() -> None:
    """A new reference takes the old one's place in the note; what the bookkeeper wrote stays."""
    create = payment_payload(PAYMENT, customer_id="58", invoice_id="130", profile=PROFILE)
    now = create | {"PrivateNote": f"Cleared. {create['PrivateNote']} Ask Ann."}
    paid = attrs.evolve(PAYMENT, reference="pi_new")
    wanted = payment_payload(paid, customer_id="58", invoice_id="130", profile=PROFILE)
    update = payment_update(wanted, Known(sent=create, now=now, before=create), number="1042")
    note = "Cleared. [DunaHub payment 3] Reference: pi_new Ask Ann."
    assert (update.body["PrivateNote"], update.conflicts) == (note, ())


def test_multicurrency_companies_are_told_the_currency() -> None:
    """Where a company keeps several currencies, a payment says that it is in US dollars."""
    profile = attrs.evolve(PROFILE, multicurrency=True)
    payload = payment_payload(PAYMENT, customer_id="58", invoice_id="130", profile=profile)
    assert payload["CurrencyRef"] == {"value": "USD"}


@pytest.mark.parametrize(
    ("method", "known", "expected"),
    [
        (PaymentMethod.CARD, {"Credit  Card": "4"}, "4"),
        (PaymentMethod.CARD, {"card": "8", "credit card": "4"}, "4"),
        (PaymentMethod.CARD, {"visa": "5", "check": "2"}, None),
        (PaymentMethod.ACH, {"e-check": "7", "check": "2"}, "7"),
        (PaymentMethod.ACH, {"bank transfer": "6", "ach": "9"}, "9"),
        (PaymentMethod.ACH, {"check": "2"}, None),
        (PaymentMethod.CARD, {}, None),
    ],
)
def test_only_a_sure_payment_method_is_named(
    method: PaymentMethod, known: dict[str, str], expected: str | None
) -> None:
    """The method is named when one of QuickBooks' surely is the same, and left out otherwise."""
    payload = payment_payload(
        attrs.evolve(PAYMENT, method=method),
        customer_id="58",
        invoice_id="130",
        profile=CompanyProfile(payment_methods=known),
    )
    assert payload.get("PaymentMethodRef") == (None if expected is None else {"value": expected})


@pytest.mark.parametrize("amount", ["0", "-5", "0.004", "-0.004"])
def test_no_payment_without_money(amount: str) -> None:
    """A payment of nothing or less is refused in words and not sent."""
    with pytest.raises(MappingError) as caught:
        payment_payload(
            attrs.evolve(PAYMENT, amount=Decimal(amount)),
            customer_id="58",
            invoice_id="130",
            profile=PROFILE,
        )
    assert caught.value.code == "payment-not-positive"
    assert "The payment on invoice 1042 is " in told(Kind.PAYMENT, caught.value)


def test_absurd_amounts_are_refused() -> None:
    """An amount that no books can hold is refused in words."""
    with pytest.raises(MappingError) as caught:
        payment_payload(
            attrs.evolve(PAYMENT, amount=Decimal("1E+99"), invoice_number=""),
            customer_id="58",
            invoice_id="130",
            profile=PROFILE,
        )
    assert caught.value.code == "amount-too-large"
    assert "This payment has an amount larger" in told(Kind.PAYMENT, caught.value)


def test_reference() -> None:
    """The reference number is at most 21 characters; without a reference there is none."""
    assert reference_number(PAYMENT) == REFERENCE[:21]
    bare = attrs.evolve(PAYMENT, reference=" ")
    payload = payment_payload(bare, customer_id="58", invoice_id="130", profile=PROFILE)
    assert "PaymentRefNum" not in payload
    assert payload["PrivateNote"] == payment_marker("3")


def test_notes_stay_within_the_limit() -> None:
    """An endless reference does not make the note too long, and the marker survives."""
    payload = payment_payload(
        attrs.evolve(PAYMENT, reference="x" * 5000),
        customer_id="58",
        invoice_id="130",
        profile=PROFILE,
    )
    assert len(payload["PrivateNote"]) == 4000
    assert payload["PrivateNote"].startswith(payment_marker("3"))


def test_markers_do_not_hold_each_other() -> None:
    """The marker of payment 3 is not found in the note of payment 31."""
    assert payment_marker("3") not in payment_marker("31")


@pytest.mark.parametrize("collected", [True, False])
@pytest.mark.parametrize("method", list(PaymentMethod))
def test_only_dunahubs_own_card_and_ach_payments_are_sent(
    method: PaymentMethod,
    collected: bool,  # noqa: FBT001  a parameter of the test
) -> None:
    """A payment is sent only when DunaHub collected it by card or ACH; words say so (rule 5)."""
    payment = attrs.evolve(PAYMENT, method=method, collected_by_dunahub=collected)
    sent = collected and method in {PaymentMethod.CARD, PaymentMethod.ACH}
    assert is_eligible(payment) is sent
    words = ineligible_words(payment)
    if sent:
        assert words == ""
    else:
        assert words.startswith("Paid ")
        assert words.endswith(
            "Only card and ACH payments collected through DunaHub are sent to QuickBooks."
        )


def test_words_for_cash_and_for_a_card_elsewhere() -> None:
    """The reason names how it was paid."""
    cash = attrs.evolve(PAYMENT, method=PaymentMethod.CASH)
    elsewhere = attrs.evolve(PAYMENT, collected_by_dunahub=False)
    assert ineligible_words(cash).startswith("Paid in cash. ")
    assert ineligible_words(elsewhere).startswith("Paid by card outside DunaHub. ")
