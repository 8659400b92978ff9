"""A lead becomes a Customer."""

from __future__ import annotations

from typing import Any

import pytest

from dunahub_hookspecs import Address, Lead
from dunahub_qbo_plugin.advice.refusals import REFUSALS
from dunahub_qbo_plugin.errors import MappingError
from dunahub_qbo_plugin.mapping.customer import customer_payload, details_left_out
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
        (Lead(id="1", name="J" * 501), "name-too-long", "501 characters; QuickBooks takes 500"),
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


@pytest.mark.parametrize(
    ("detail", "field", "what"),
    [
        ({"first_name": "A:l"}, "GivenName", "first name"),
        ({"first_name": "A" * 101}, "GivenName", "first name"),
        ({"last_name": "A" * 101}, "FamilyName", "last name"),
        ({"company": "A" * 101}, "CompanyName", "company name"),
        ({"phone": "(512) 555-0142 - call after 5pm"}, "PrimaryPhone", "phone number"),
        ({"email": "a" * 90 + "@example.com"}, "PrimaryEmailAddr", "e-mail address"),
        ({"email": "al"}, "PrimaryEmailAddr", "e-mail address"),
        ({"email": "al@example"}, "PrimaryEmailAddr", "e-mail address"),
        ({"email": "al @example.com"}, "PrimaryEmailAddr", "e-mail address"),
        ({"email": "@example.com"}, "PrimaryEmailAddr", "e-mail address"),
        ({"email": "a@b.co, c@d.co"}, "PrimaryEmailAddr", "e-mail address"),
        ({"email": "a@b.co;c@d.co"}, "PrimaryEmailAddr", "e-mail address"),
        ({"address": Address(line1="x" * 501)}, "Line1", "first address line"),
        ({"address": Address(line2="x" * 501)}, "Line2", "second address line"),
        ({"address": Address(city="x" * 256)}, "City", "city"),
        ({"address": Address(postal_code="x" * 31)}, "PostalCode", "ZIP code"),
    ],
)
def test_a_detail_that_quickbooks_refuses_is_left_out(
    detail: dict[str, Any], field: str, what: str
) -> None:
    """It is named, it is in no create, and an update leaves alone what QuickBooks has (rule 40)."""
    lead = Lead(id="1", name="Al", **detail)
    assert details_left_out(lead) == {field: what}
    assert customer_payload(lead) == {"DisplayName": "Al"}
    update = customer_payload(lead, remote=RemoteRef(id="1", sync_token="0"), sent_fields=[field])
    assert field not in update


@pytest.mark.parametrize("email", ["ann@example.com;", "<ann@example.com>", " ann@example.com, "])
def test_what_stands_around_an_address_is_tidied(email: str) -> None:
    """An address that was copied out of a list is sent without what was around it."""
    payload = customer_payload(Lead(id="1", name="Al", email=email))
    assert payload["PrimaryEmailAddr"] == {"Address": "ann@example.com"}


@pytest.mark.parametrize("unseen", ["\u200b", "\u2060", "\ufeff", "\u202e", "\u3164", "\u00ad"])
def test_what_cannot_be_seen_is_not_sent(unseen: str) -> None:
    """Two names that look alike are one, and one that shows nothing is none (rule 40)."""
    assert customer_payload(Lead(id="1", name=f"Bo{unseen} Chen"))["DisplayName"] == "Bo Chen"
    assert refusal(Lead(id="1", name=unseen * 3)).code == "name-missing"


@pytest.mark.parametrize("email", ["a@b.co", "o'neil+tag@sub.example.com", "é@exämple.com"])
def test_usual_addresses_pass(email: str) -> None:
    """An e-mail address that may well exist is sent as it is."""
    payload = customer_payload(Lead(id="1", name="Al", email=email))
    assert payload["PrimaryEmailAddr"] == {"Address": email}
