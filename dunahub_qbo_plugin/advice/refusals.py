"""Words for every reason for which `mapping` refuses to send a record."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from dunahub_qbo_plugin.advice.wording import SENT_AGAIN, Fix, Wording, fill, quoted
from dunahub_qbo_plugin.model import Kind

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dunahub_qbo_plugin.model import ErrorInfo, Fact

MAX_NUMBER_LENGTH: Final = 21
"""Characters of an invoice's number by which a sentence names it: as many as QuickBooks takes."""
PRODUCTS: Final = "Settings → QuickBooks → Products and services"
"""Where products and the tax code are chosen."""
_CHOSEN: Final = "it is then tried again automatically"


def _edit(title: str, why: str, ask: str) -> Wording:
    return Wording(title, why, f"{ask} {SENT_AGAIN}", Fix.EDIT)


def _too_long(title: str, what: str) -> Wording:
    why = f"{what} has {{length!l}} characters; QuickBooks takes {{limit!n}} at most."
    return _edit(title, why, "Shorten it.")


def _item(title: str, why: str, action: str) -> Wording:
    return Wording(title, why, f"{action}; {_CHOSEN}.", Fix.CHOOSE_ITEM)


def _tax_code(title: str, why: str, action: str) -> Wording:
    return Wording(title, why, f"{action}; {_CHOSEN}.", Fix.CHOOSE_TAX)


# Besides the facts of the code: {kind}, {record} ("invoice 1042"), {Record}, {subject}.
REFUSALS: Final = {
    "name-missing": _edit(
        "This customer has no name",
        "It has neither a name nor a company, and QuickBooks needs one of them.",
        "Enter a name.",
    ),
    "name-colon": _edit(
        "The name of this customer has a colon in it",
        "There is a colon (:) in the {field}, {text!q}. QuickBooks takes no colon in a name.",
        "Write it without one.",
    ),
    "name-too-long": _too_long("The name of this customer is too long", "The name {subject!q}"),
    "no-lines": _edit(
        "There is nothing on this invoice",
        "{Record} has no lines, and QuickBooks needs at least one.",
        "Add what it bills for.",
    ),
    "too-many-lines": _edit(
        "There is too much on this invoice",
        "{Record} has more than {limit!n} lines, or more than 500,000 characters in them; that is "
        "the most that DunaHub sends on one.",
        "Split it into several invoices.",
    ),
    "amount-too-large": _edit(
        "An amount on this {kind} is too large",
        "{Record} has an amount larger than QuickBooks can hold.",
        "Correct it.",
    ),
    "discount-negative": _edit(
        "The discount on this invoice is below zero",
        "The discount on {record} is {amount!m}; QuickBooks takes none below zero.",
        "Correct it.",
    ),
    "discount-too-large": _edit(
        "The discount on this invoice is larger than its lines",
        "The discount on {record} is {amount!m}, and its lines come to {worth!m}. QuickBooks takes "
        "no discount above that.",
        "Lower the discount.",
    ),
    "tax-negative": _edit(
        "The sales tax on this invoice is below zero",
        "The sales tax on {record} is {amount!m}; QuickBooks takes none below zero.",
        "Correct it.",
    ),
    "total-mismatch": _edit(
        "The total of this invoice is not what its lines come to",
        "The total of {record} is {total!m}, but {sum} come to {parts!m}. Nothing was sent, so "
        "your books do not disagree with your invoice.",
        "Correct the lines or the total.",
    ),
    "total-negative": _edit(
        "The total of this invoice is below zero",
        "The total of {record} is {total!m}; QuickBooks takes no invoice below zero.",
        "Correct it. If you owe the customer money, your bookkeeper enters a credit memo in "
        "QuickBooks instead.",
    ),
    "number-too-long": _too_long(
        "The number of this invoice is too long", "The invoice number {subject!q}"
    ),
    "message-too-long": _too_long(
        "The message on this invoice is too long", "The message on {record}"
    ),
    "description-too-long": _too_long(
        "A description on this invoice is too long", "The description of line {line} on {record}"
    ),
    "item-missing": _item(
        "A line on this invoice has no QuickBooks product or service",
        "Line {line} on {record} ({about}) goes to no QuickBooks product or service yet.",
        f"Choose one under {PRODUCTS}, or set a default there",
    ),
    "item-ambiguous": _item(
        "A line on this invoice matches several QuickBooks products or services",
        "QuickBooks has {items!n} products or services named {service!q}, so it is not clear which "
        "one line {line} on {record} goes to.",
        f"Choose one under {PRODUCTS}",
    ),
    "item-inactive": _item(
        "A product or service on this invoice is inactive in QuickBooks",
        "Line {line} on {record} goes to {item!q}, which was made inactive in QuickBooks.",
        f"Make it active there and press Retry, or choose another one under {PRODUCTS}",
    ),
    "tax-code-missing": _tax_code(
        "No sales tax code is chosen for invoices yet",
        "{Record} has {tax!m} of sales tax, and QuickBooks has {codes!n} sales tax codes.",
        f"Ask your bookkeeper which one it goes under, and choose it under {PRODUCTS}",
    ),
    "tax-code-gone": _tax_code(
        "The sales tax code for invoices is gone from QuickBooks",
        "{Record} has {tax!m} of sales tax, and the sales tax code chosen for it was deleted or "
        "made inactive in QuickBooks.",
        f"Choose another one under {PRODUCTS}",
    ),
    "payment-not-positive": _edit(
        "The amount of this payment is not above zero",
        "{Record} is {amount!m}; QuickBooks takes only payments above zero.",
        "Correct the amount. If it is a refund, your bookkeeper enters it in QuickBooks.",
    ),
    "payment-applied-elsewhere": Wording(
        "More of this payment is applied to other invoices than it amounts to",
        "{Record} is {amount!m} now, and in QuickBooks {elsewhere!m} of it is applied to other "
        "invoices. Nothing was changed there.",
        "Ask your bookkeeper to take some of it off the other invoices in QuickBooks. Then press "
        "Retry.",
    ),
    "unusable-id": Wording(
        "DunaHub's own id of this {kind} cannot be stored",
        "The id of {what} has {length!n} characters, or characters that cannot be shown; "
        "{limit!n} that can are the most.",
        "Tell DunaHub support. Once the id is put right and it is saved again, it is sent "
        "automatically.",
    ),
}
"""By `MappingError.code`."""


def refusal_words(kind: Kind, info: ErrorInfo) -> dict[str, Any]:
    """Return the words for the templates of a code."""
    record = _record(kind, str(info.facts.get("number", "")))
    return {
        **info.facts,
        "kind": kind.word,
        "record": record,
        "Record": record[:1].upper() + record[1:],
        "subject": info.subject,
        "about": _about(info.facts),
        "sum": _sum(info.facts),
    }


def _record(kind: Kind, number: str) -> str:
    known = 0 < len(number) <= MAX_NUMBER_LENGTH
    if kind is Kind.PAYMENT:
        return f"the payment on invoice {number}" if known else "this payment"
    return f"{kind.word} {number}" if known else f"this {kind.word}"


def _about(facts: Mapping[str, Fact]) -> str:
    if service := str(facts.get("service", "")):
        return f"the service {quoted(service)}"
    description = str(facts.get("description", ""))
    return quoted(description) if description else "a line without text"


def _sum(facts: Mapping[str, Fact]) -> str:
    """Return what the total of an invoice is compared with."""
    if "lines" not in facts:
        return ""
    parts = ["its lines ({lines!m})"]
    parts += [" minus the discount ({discount!m})"] * (Decimal(facts["discount"]) != 0)
    parts += [" plus the sales tax ({tax!m})"] * (Decimal(facts["tax"]) != 0)
    return fill("".join(parts), facts)
