"""What is read of a company, in as few reads as it takes: all of it, one list, or what changed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from dunahub_qbo_plugin.model import SalesTax
from dunahub_qbo_plugin.qbo import profile as profiles

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from datetime import datetime

    from dunahub_qbo_plugin.model import CompanyProfile, ReadReason
    from dunahub_qbo_plugin.qbo.auth import Grant
    from dunahub_qbo_plugin.qbo.client import QboClient
    from dunahub_qbo_plugin.qbo.query import Condition

MAX_IDS_PER_QUERY: Final = 200
"""Ids in one ``IN`` condition."""
MAX_CHANGES: Final = 1000
"""Objects in one answer of change data capture; it does not say when it leaves some out."""
CHANGING: Final = ("Item", "Account", "PaymentMethod")
"""The lists whose changes are captured; settings and tax codes are not (Intuit's reference)."""


def read_profile(
    client: QboClient,
    grant: Grant,
    *,
    reason: ReadReason,
    company: Mapping[str, Any] | None = None,
) -> CompanyProfile:
    """Read a company's profile: five reads, six with classic sales tax.

    Company, preferences, items (inactive ones too, so that a line can name its inactive item),
    their income accounts, payment methods, tax codes; one more for each further 1,000 items or
    200 accounts. The office's choices (item mapping, default item, tax code) are not in it.

    Args:
        client: whom to ask.
        grant: for the company.
        reason: as which it is counted.
        company: its ``CompanyInfo``, where that was read already.

    Raises:
        QboError: QuickBooks could not be reached, or refused.
    """
    if company is None:
        company = client.company_info(grant, reason=reason)
    preferences = client.preferences(grant, reason=reason)
    items = client.query_all(grant, "Item", active="any", reason=reason)
    accounts = _accounts(client, grant, profiles.income_accounts(items), reason)
    classic = profiles.sales_tax(preferences) is SalesTax.CLASSIC
    return profiles.company_profile(
        company=company,
        preferences=preferences,
        items=items,
        accounts=accounts,
        payment_methods=client.query_all(grant, "PaymentMethod", reason=reason),
        tax_codes=client.query_all(grant, "TaxCode", reason=reason) if classic else (),
    )


def read_items(
    client: QboClient, grant: Grant, known: CompanyProfile, *, reason: ReadReason
) -> CompanyProfile:
    """Read the list of items again, and their income accounts: two reads.

    Raises:
        QboError: as above.
    """
    items = client.query_all(grant, "Item", active="any", reason=reason)
    accounts = _accounts(client, grant, profiles.income_accounts(items), reason)
    return profiles.with_items(known, items, accounts)


def read_settings(
    client: QboClient, grant: Grant, known: CompanyProfile, *, reason: ReadReason
) -> CompanyProfile:
    """Read the preferences again, and the tax codes with classic sales tax: one read, or two.

    Raises:
        QboError: as above.
    """
    preferences = client.preferences(grant, reason=reason)
    classic = profiles.sales_tax(preferences) is SalesTax.CLASSIC
    codes = client.query_all(grant, "TaxCode", reason=reason) if classic else ()
    return profiles.with_settings(known, preferences, tax_codes=codes)


def read_changes(
    client: QboClient, grant: Grant, known: CompanyProfile, since: datetime, *, reason: ReadReason
) -> CompanyProfile | None:
    """Read what changed in a company's lists: one read, and one more for accounts that are new.

    Args:
        client: whom to ask.
        grant: for the company.
        known: what was known.
        since: as of when; QuickBooks looks back thirty days.
        reason: as which it is counted.

    Returns:
        what is known now; None when the answer may have left something out.

    Raises:
        QboError: as above.
    """
    changes = client.cdc(grant, CHANGING, since, reason=reason)
    if sum(map(len, changes.values())) >= MAX_CHANGES:
        return None
    profile = profiles.with_changes(known, changes)
    unknown = set(profiles.used_accounts(profile.items.values())) - profile.accounts.keys()
    if not unknown:
        return profile
    found = _accounts(client, grant, sorted(unknown), reason)
    return profiles.with_changes(profile, {"Account": found})


def _accounts(
    client: QboClient, grant: Grant, ids: Collection[str], reason: ReadReason
) -> list[dict[str, Any]]:
    wanted, found = list(ids), []
    for start in range(0, len(wanted), MAX_IDS_PER_QUERY):
        where: list[Condition] = [("Id", "IN", wanted[start : start + MAX_IDS_PER_QUERY])]
        found += client.query_all(grant, "Account", where, active="any", reason=reason)
    return found
