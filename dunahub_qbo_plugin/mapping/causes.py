"""Every reason for which `mapping` refuses a record, with the words of one line for it.

The sentence that a `MappingError` carries tells the rest.
"""

from __future__ import annotations

from typing import Final

TITLES: Final = {
    "name-missing": "This customer has no name",
    "name-colon": "The name of this customer has a colon in it",
    "name-too-long": "The name of this customer is too long",
    "first-name-too-long": "The first name of this customer is too long",
    "last-name-too-long": "The last name of this customer is too long",
    "company-too-long": "The company name of this customer is too long",
    "email-several": "This customer has more than one e-mail address",
    "email-invalid": "The e-mail address of this customer is not complete",
    "email-too-long": "The e-mail address of this customer is too long",
    "phone-too-long": "The phone number of this customer is too long",
    "address-too-long": "The address of this customer is too long",
    "no-lines": "There is nothing on this invoice",
    "amount-too-large": "An amount on this {kind} is too large",
    "discount-negative": "The discount on this invoice is below zero",
    "tax-negative": "The sales tax on this invoice is below zero",
    "total-mismatch": "The total of this invoice is not what its lines come to",
    "total-negative": "The total of this invoice is below zero",
    "number-too-long": "The number of this invoice is too long",
    "message-too-long": "The message on this invoice is too long",
    "description-too-long": "A description on this invoice is too long",
    "item-missing": "A line on this invoice has no QuickBooks product or service",
    "item-ambiguous": "A line on this invoice fits several QuickBooks products or services",
    "item-inactive": "A product or service on this invoice is inactive in QuickBooks",
    "tax-code-missing": "It is not chosen yet which sales tax code invoices go under",
    "tax-code-gone": "The sales tax code for invoices is gone from QuickBooks",
    "payment-not-positive": "The amount of this payment is not above zero",
}
"""By `MappingError.code`; ``{kind}`` is the word for the record."""
