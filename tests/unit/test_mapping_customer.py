"""A lead becomes a Customer."""

from __future__ import annotations

import pytest

from dunahub_hookspecs import Address, Lead
from dunahub_qbo_plugin.advice.refusals import REFUSALS
from dunahub_qbo_plugin.errors import MappingError
from dunahub_qbo_plugin.mapping.customer import customer_payload
from dunahub_qbo_plugin.model import Kind, RemoteRef
from tests.support.words import told

REMOTE = RemoteRef(id="58", sync_token="3")
LEAD = Lead(
    id="7",
    name="  Dana  O'Brien ",
    first_name="Dana",
    last_name="O'Brien",
    company="O'Brien & Sons <Gutters>",
    email=" dana@example.com ",
    phone="(555) 010-0100",
    address=Address(
        line1="1 Main St", line2="Unit 2", city="Austin", state="TX", postal_code="78701"
    ),
)


def refusal(lead: Lead) -> MappingError:
    """Return the error for a lead that cannot be sent."""
    with pytest.raises(MappingError) as caught:
        customer_payload(lead)
    assert caught.value.code in REFUSALS
    return caught.value


def test_create_holds_all_we_know() -> None:
    """A new customer gets name, e-mail, phone, company and address (rule 3)."""
    assert customer_payload(LEAD) == {
        "DisplayName": "Dana O'Brien",
        "GivenName": "Dana",
        "FamilyName": "O'Brien",
        "CompanyName": "O'Brien & Sons <Gutters>",
        "PrimaryEmailAddr": {"Address": "dana@example.com"},
        "PrimaryPhone": {"FreeFormNumber": "(555) 010-0100"},
        "BillAddr": {
            "Line1": "1 Main St",
            "Line2": "Unit 2",
            "City": "Austin",
            "CountrySubDivisionCode": "TX",
            "PostalCode": "78701",
        },
    }


def test_create_leaves_out_what_we_do_not_know() -> None:
    """A new customer gets no empty field."""
    assert customer_payload(Lead(id="7", name="Ann")) == {"DisplayName": "Ann"}


def test_update_blanks_what_the_lead_lost() -> None:
    """An update is sparse and clears what we had filled in and the lead no longer has."""
    ours = {"GivenName", "PrimaryEmailAddr", "PrimaryPhone", "BillAddr"}
    assert customer_payload(Lead(id="7", name="Ann"), remote=REMOTE, sent_fields=ours) == {
        "Id": "58",
        "SyncToken": "3",
        "sparse": True,
        "DisplayName": "Ann",
        "GivenName": "",
        "PrimaryEmailAddr": {"Address": ""},
        "PrimaryPhone": {"FreeFormNumber": ""},
        "BillAddr": {
            "Line1": "",
            "Line2": "",
            "City": "",
            "CountrySubDivisionCode": "",
            "PostalCode": "",
            "Country": "",
        },
    }


def test_update_clears_nothing_that_we_did_not_write() -> None:
    """What the bookkeeper knows of a customer, a linked one say, is left as it is."""
    payload = customer_payload(Lead(id="7", name="Ann"), remote=REMOTE)
    assert payload == {"Id": "58", "SyncToken": "3", "sparse": True, "DisplayName": "Ann"}


@pytest.mark.parametrize(
    ("lead", "name"),
    [
        (Lead(id="1", company=" ACME\tHeating\n"), "ACME Heating"),
        (Lead(id="1", name="Zoë 🏠 \u201cRoof\u201d"), "Zoë 🏠 \u201cRoof\u201d"),
        (Lead(id="1", name="An\x00n\ud800 Lee"), "Ann Lee"),
        (Lead(id="1", name="<script>alert(1)</script>"), "<script>alert(1)</script>"),
        (Lead(id="1", name="J" * 500), "J" * 500),
    ],
)
def test_names_are_sent_as_written(lead: Lead, name: str) -> None:
    """Spaces are tidied and control characters dropped; no spelling is invented (rule 23)."""
    assert customer_payload(lead)["DisplayName"] == name


@pytest.mark.parametrize("mark", ["\t", "\n", "\r", "\r\n", "\v", "\f", "\x85", "\u2028"])
def test_a_pasted_line_break_keeps_words_apart(mark: str) -> None:
    """A break of any kind, as word processors leave them, becomes a space (rule 3)."""
    pasted = Lead(
        id="1",
        name=f"Ann{mark}Lee",
        company=f"Lee{mark}Roofs",
        address=Address(line1=f"1{mark}Elm"),
    )
    payload = customer_payload(pasted)
    assert (payload["DisplayName"], payload["CompanyName"]) == ("Ann Lee", "Lee Roofs")
    assert payload["BillAddr"] == {"Line1": "1 Elm"}


@pytest.mark.parametrize(
    ("lead", "code", "words"),
    [
        (Lead(id="1"), "name-missing", "neither a name nor a company"),
        (Lead(id="1", name=" \x00 "), "name-missing", "neither a name nor a company"),
        (Lead(id="1", name="Smith: John"), "name-colon", "name, “Smith: John”"),
        (Lead(id="1", name="Al", first_name="A:l"), "name-colon", "first name, “A:l”"),
        (Lead(id="1", name="J" * 501), "name-too-long", "501 characters; QuickBooks takes 500"),
        (Lead(id="1", name="Al", first_name="A" * 101), "first-name-too-long", "first name"),
        (Lead(id="1", name="Al", last_name="A" * 101), "last-name-too-long", "last name"),
        (Lead(id="1", name="Al", company="A" * 101), "company-too-long", "company name"),
        (Lead(id="1", name="Al", phone="5" * 31), "phone-too-long", "phone number"),
        (Lead(id="1", name="Al", email="a" * 90 + "@example.com"), "email-too-long", "e-mail"),
        (Lead(id="1", name="Al", address=Address(line1="x" * 501)), "address-too-long", "first"),
        (Lead(id="1", name="Al", address=Address(line2="x" * 501)), "address-too-long", "second"),
        (Lead(id="1", name="Al", address=Address(city="x" * 256)), "address-too-long", "city"),
        (
            Lead(id="1", name="Al", address=Address(postal_code="x" * 31)),
            "address-too-long",
            "ZIP",
        ),
        (Lead(id="1", name="Al", email="al"), "email-invalid", "“al”"),
        (Lead(id="1", name="Al", email="al@example"), "email-invalid", "not a complete address"),
        (Lead(id="1", name="Al", email="al @example.com"), "email-invalid", "al @example.com"),
        (Lead(id="1", name="Al", email="@example.com"), "email-invalid", "@example.com"),
        (Lead(id="1", name="Al", email="al@example."), "email-invalid", "al@example."),
        (Lead(id="1", name="Al", email="a@b.co, c@d.co"), "email-several", "QuickBooks takes one"),
        (Lead(id="1", name="Al", email="a@b.co c@d.co"), "email-several", "QuickBooks takes one"),
        (Lead(id="1", name="Al", email="a@b.co;c@d.co"), "email-several", "QuickBooks takes one"),
    ],
)
def test_what_quickbooks_refuses_is_not_sent(lead: Lead, code: str, words: str) -> None:
    """A lead that QuickBooks would refuse is refused here, in words (rule 22)."""
    error = refusal(lead)
    assert error.code == code
    assert words in told(Kind.CUSTOMER, error)
    assert told(Kind.CUSTOMER, error).endswith(
        "Once you save it in DunaHub, it is sent again automatically."
    )


def test_errors_are_grouped_by_customer() -> None:
    """An error carries the name of the customer that it is about."""
    assert refusal(Lead(id="1", name="Al", email="x")).subject == "Al"


@pytest.mark.parametrize("email", ["a@b.co", "o'neil+tag@sub.example.com", "é@exämple.com"])
def test_usual_addresses_pass(email: str) -> None:
    """An e-mail address that may well exist is sent as it is."""
    payload = customer_payload(Lead(id="1", name="Al", email=email))
    assert payload["PrimaryEmailAddr"] == {"Address": email}
