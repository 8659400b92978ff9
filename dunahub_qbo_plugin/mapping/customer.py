"""Map a lead to QuickBooks' Customer.

Limits and rules are those of Intuit's API reference, Customer.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from dunahub_qbo_plugin.errors import MappingError
from dunahub_qbo_plugin.mapping.text import check_length, one_line
from dunahub_qbo_plugin.model.snapshot import display_name

if TYPE_CHECKING:
    from collections.abc import Collection

    from dunahub_hookspecs import Address, Lead
    from dunahub_qbo_plugin.mapping.body import Payload
    from dunahub_qbo_plugin.model import RemoteRef

# QuickBooks' older pages and error texts say 100 for DisplayName; for a name in between QuickBooks
# decides.
DISPLAY_NAME_LIMIT: Final = 500
NAME_LIMIT: Final = 100
EMAIL_LIMIT: Final = 100
PHONE_LIMIT: Final = 30
ADDRESS_LINE_LIMIT: Final = 500
CITY_LIMIT: Final = 255
POSTAL_LIMIT: Final = 30

_EMAIL: Final = re.compile(r"[^\s@,;<>()\[\]\"]+@[^\s@,;<>()\[\]\"]+\.[^\s@,;<>()\[\]\".]+")
_BETWEEN: Final = re.compile(r"[\s,;/&]")


def customer_payload(
    lead: Lead, *, remote: RemoteRef | None = None, sent_fields: Collection[str] = ()
) -> Payload:
    """Return the Customer that a lead becomes.

    An update is sparse, so that other fields of the bookkeeper's stay. A field that the lead no
    longer has is sent as an empty text, since a sparse update keeps what it leaves out; but only
    if an earlier write of ours filled it in.

    Names are sent as they are written; only spaces are tidied.

    Args:
        lead: the lead.
        remote: the customer to update; None to create one.
        sent_fields: the fields that our last write filled in.

    Raises:
        MappingError: QuickBooks would refuse it.
    """
    name = _checked_name(lead)
    payload: Payload = {} if remote is None else _update_head(remote)
    payload["DisplayName"] = name
    for field, code, what, text in (
        ("GivenName", "first-name", "first name", lead.first_name),
        ("FamilyName", "last-name", "last name", lead.last_name),
        ("CompanyName", "company", "company name", lead.company),
    ):
        value = one_line(text)
        if field != "CompanyName":
            _refuse_colon(value, what, name)
        check_length(
            value, NAME_LIMIT, code=f"{code}-too-long", subject=name, facts={"field": what}
        )
        if value or field in sent_fields:
            payload[field] = value
    email = _checked_email(lead.email, name)
    if email or "PrimaryEmailAddr" in sent_fields:
        payload["PrimaryEmailAddr"] = {"Address": email}
    phone = one_line(lead.phone)
    check_length(
        phone, PHONE_LIMIT, code="phone-too-long", subject=name, facts={"field": "phone number"}
    )
    if phone or "PrimaryPhone" in sent_fields:
        payload["PrimaryPhone"] = {"FreeFormNumber": phone}
    address = _address(lead.address, name)
    had_address = "BillAddr" in sent_fields
    if any(address.values()) or had_address:
        payload["BillAddr"] = {part: text for part, text in address.items() if text or had_address}
    return payload


def _update_head(remote: RemoteRef) -> Payload:
    return {"Id": remote.id, "SyncToken": remote.sync_token, "sparse": True}


def _checked_name(lead: Lead) -> str:
    name = one_line(display_name(lead))
    if not name:
        raise MappingError("name-missing")
    _refuse_colon(name, "name", name)
    check_length(name, DISPLAY_NAME_LIMIT, code="name-too-long", subject=name)
    return name


def _refuse_colon(text: str, field: str, name: str) -> None:
    if ":" in text:
        raise MappingError("name-colon", subject=name, facts={"field": field, "text": text})


def _checked_email(text: str, name: str) -> str:
    email = one_line(text)
    if not email:
        return ""
    # From the first sign to the last: a pattern for all of it would try each pair of them.
    if _BETWEEN.search(email, email.find("@"), max(email.rfind("@"), 0)):
        raise MappingError("email-several", subject=name, facts={"email": email})
    if not _EMAIL.fullmatch(email):
        raise MappingError("email-invalid", subject=name, facts={"email": email})
    check_length(
        email, EMAIL_LIMIT, code="email-too-long", subject=name, facts={"field": "e-mail address"}
    )
    return email


def _address(address: Address, name: str) -> dict[str, str]:
    parts = (
        ("Line1", address.line1, ADDRESS_LINE_LIMIT, "first address line"),
        ("Line2", address.line2, ADDRESS_LINE_LIMIT, "second address line"),
        ("City", address.city, CITY_LIMIT, "city"),
        ("CountrySubDivisionCode", address.state, CITY_LIMIT, "state"),
        ("PostalCode", address.postal_code, POSTAL_LIMIT, "ZIP code"),
        ("Country", address.country, CITY_LIMIT, "country"),
    )
    result = {}
    for field, text, limit, what in parts:
        value = one_line(text)
        check_length(value, limit, code="address-too-long", subject=name, facts={"field": what})
        result[field] = value
    return result
