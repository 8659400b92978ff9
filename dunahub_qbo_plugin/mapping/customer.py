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

    from dunahub_hookspecs import Lead
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
_AROUND: Final = " ,;<>"
"""What is left around an address that was copied out of a list."""
_NAMES: Final = frozenset({"GivenName", "FamilyName"})
_ADDRESS: Final = ("Line1", "Line2", "City", "CountrySubDivisionCode", "PostalCode", "Country")
_LIMITS: Final = {
    "GivenName": ("first name", NAME_LIMIT),
    "FamilyName": ("last name", NAME_LIMIT),
    "CompanyName": ("company name", NAME_LIMIT),
    "PrimaryEmailAddr": ("e-mail address", EMAIL_LIMIT),
    "PrimaryPhone": ("phone number", PHONE_LIMIT),
    "Line1": ("first address line", ADDRESS_LINE_LIMIT),
    "Line2": ("second address line", ADDRESS_LINE_LIMIT),
    "City": ("city", CITY_LIMIT),
    "CountrySubDivisionCode": ("state", CITY_LIMIT),
    "PostalCode": ("ZIP code", POSTAL_LIMIT),
    "Country": ("country", CITY_LIMIT),
}
"""What people call a field, and how many characters QuickBooks takes."""


def customer_payload(
    lead: Lead, *, remote: RemoteRef | None = None, sent_fields: Collection[str] = ()
) -> Payload:
    """Return the Customer that a lead becomes.

    An update is sparse, so that other fields of the bookkeeper's stay. A field that the lead no
    longer has is sent as an empty text, since a sparse update keeps what it leaves out; but only
    if an earlier write of ours filled it in.

    Names are sent as they are written; only spaces and what cannot be seen are tidied. What
    QuickBooks would refuse of the rest is left out (`details_left_out`).

    Args:
        lead: the lead.
        remote: the customer to update; None to create one.
        sent_fields: the fields that our last write filled in.

    Raises:
        MappingError: QuickBooks would refuse the name.
    """
    name = _checked_name(lead)
    details, left_out = _details(lead), details_left_out(lead)
    payload: Payload = {} if remote is None else _update_head(remote)
    payload["DisplayName"] = name
    for field in ("GivenName", "FamilyName", "CompanyName"):
        if field not in left_out and (details[field] or field in sent_fields):
            payload[field] = details[field]
    for field, part in (("PrimaryEmailAddr", "Address"), ("PrimaryPhone", "FreeFormNumber")):
        if field not in left_out and (details[field] or field in sent_fields):
            payload[field] = {part: details[field]}
    address = {part: details[part] for part in _ADDRESS if part not in left_out}
    had_address = "BillAddr" in sent_fields
    if any(address.values()) or had_address:
        payload["BillAddr"] = {part: text for part, text in address.items() if text or had_address}
    return payload


def details_left_out(lead: Lead) -> dict[str, str]:
    """Return what of a lead QuickBooks would refuse, by field, and what people call it.

    It is left out, and the page says so: a telephone number with a remark does not hold up money
    (rule 40). An update leaves alone what QuickBooks has of it.
    """
    details = _details(lead)
    return {
        field: what
        for field, (what, limit) in _LIMITS.items()
        if len(details[field]) > limit
        or (field in _NAMES and ":" in details[field])
        or (field == "PrimaryEmailAddr" and details[field] and not _is_email(details[field]))
    }


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


def _details(lead: Lead) -> dict[str, str]:
    """Return what may be left out, tidied, by QuickBooks' field."""
    return {
        "GivenName": one_line(lead.first_name),
        "FamilyName": one_line(lead.last_name),
        "CompanyName": one_line(lead.company),
        "PrimaryEmailAddr": one_line(lead.email).strip(_AROUND),
        "PrimaryPhone": one_line(lead.phone),
        "Line1": one_line(lead.address.line1),
        "Line2": one_line(lead.address.line2),
        "City": one_line(lead.address.city),
        "CountrySubDivisionCode": one_line(lead.address.state),
        "PostalCode": one_line(lead.address.postal_code),
        "Country": one_line(lead.address.country),
    }


def _is_email(text: str) -> bool:
    # From the first sign to the last: a pattern for all of it would try each pair of them.
    several = _BETWEEN.search(text, text.find("@"), max(text.rfind("@"), 0))
    return not several and bool(_EMAIL.fullmatch(text))
