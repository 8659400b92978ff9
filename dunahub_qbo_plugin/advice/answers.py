"""Words for what QuickBooks answers, and for what keeps it from answering.

Which answer has which cause, who must act and whether it is tried again is decided by
`dunahub_qbo_plugin.qbo.fault_table`, from which the client acts.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from dunahub_qbo_plugin.advice.both_sides import both_sides
from dunahub_qbo_plugin.advice.wording import Fix, Wording
from dunahub_qbo_plugin.mapping.text import one_line
from dunahub_qbo_plugin.model import HolderKind, Kind, NameHolder

if TYPE_CHECKING:
    from dunahub_qbo_plugin.model import ErrorInfo

_WAIT: Final = "Nothing to do: it is tried again automatically."
_ONE_NAME: Final = "QuickBooks uses a name only once, and DunaHub never changes a name on its own."
_CORRECT: Final = "Correct it in DunaHub and save; it is then sent again automatically."
_THEN_OUT: Final = "what is waiting then goes out automatically"


def _passing(title: str, why: str, action: str = _WAIT) -> Wording:
    return Wording(title, why, action, Fix.NONE)


def _edit(title: str, why: str, action: str = _CORRECT) -> Wording:
    return Wording(title, why, action, Fix.EDIT)


# In each text: {kind} the record, {item} and {lines} the product that is gone and where it is,
# {named} what else it is about, in brackets after a space, or nothing; {holder} who has the name,
# {both} what both sides changed, {said}
# QuickBooks' own words, {length} how long a text is and may be.
ANSWERS: Final = {
    # These pass (rule 26).
    "unreachable": _passing(
        "QuickBooks could not be reached",
        "There was no connection to QuickBooks when this {kind} was due.",
    ),
    "busy": _passing(
        "QuickBooks had a problem of its own",
        "QuickBooks could not take this {kind} just now. Your records are fine.",
    ),
    "throttled": _passing(
        "QuickBooks asked for a short pause",
        "More was sent than QuickBooks takes in one minute, so this {kind} waits a little.",
    ),
    "reads-rest": _passing(
        "QuickBooks is not answering questions right now",
        "Before this {kind} is sent, DunaHub has to look something up in QuickBooks, and "
        "QuickBooks asked for a pause of a minute. What needs no look is sent meanwhile.",
    ),
    "reads-used-up": _passing(
        "QuickBooks answers no more questions of DunaHub's this month",
        "Before this {kind} is sent, DunaHub has to look something up in QuickBooks. Intuit limits "
        "how often all of DunaHub may do so in a month, and that limit is reached. What needs no "
        "look is sent as always.",
        "Nothing to do: it is sent automatically once QuickBooks answers again, when the next "
        "month begins at the latest.",
    ),
    "company-maintenance": _passing(
        "QuickBooks is working on your company's books",
        "QuickBooks has closed your company's books for maintenance, so this {kind} waits.",
    ),
    "no-answer": _passing(
        "QuickBooks' answer got lost",
        "This {kind} was sent, but the answer did not arrive, so it may be in QuickBooks already.",
        "Nothing to do: before it is sent again, DunaHub makes sure that it does not get in twice.",
    ),
    "stale": _passing(
        "This {kind} was being changed in QuickBooks at the same time",
        "Somebody, or QuickBooks itself, changed it there while it was being sent.",
    ),
    "internal": _passing(
        "DunaHub had a problem of its own",
        "This {kind} could not be sent just now. Nothing is lost.",
    ),
    "unwritable": Wording(
        "DunaHub could not prepare this {kind} for QuickBooks",
        "Something in it is not as it should be. Nothing was sent, and nothing is lost.",
        "Open it in DunaHub, correct it and save. If that does not help, tell DunaHub support.",
        fix=Fix.EDIT,
    ),
    "not-carried-out": _passing(
        "This {kind} is sent once more",
        "An earlier try did not get into QuickBooks, or it was deleted there since.",
    ),
    # Access.
    "unauthorized": Wording(
        "QuickBooks no longer accepts our access",
        "The connection expired or was removed in QuickBooks, so this {kind} waits.",
        f"Press Reconnect and choose the same company; {_THEN_OUT}.",
        fix=Fix.RECONNECT,
    ),
    "forbidden": Wording(
        "QuickBooks does not let DunaHub into this company",
        "The person who connected it no longer has access to these books, or not enough.",
        f"Have an administrator of the books press Reconnect; {_THEN_OUT}.",
        fix=Fix.RECONNECT,
    ),
    "subscription": Wording(
        "Your QuickBooks subscription has ended or was not paid",
        "QuickBooks takes no new records until it is renewed.",
        f"Renew it in QuickBooks under Billing and subscription; {_THEN_OUT}.",
    ),
    "home-currency": Wording(
        "These QuickBooks books are not kept in US dollars",
        "DunaHub bills in US dollars; QuickBooks would take each amount for one in its own "
        "currency. So nothing is sent, and nothing is lost.",
        "Connect a QuickBooks company that keeps its books in US dollars.",
        Fix.RECONNECT,
    ),
    "configuration": Wording(
        "DunaHub's QuickBooks setup is incomplete",
        "A setting on our side is missing or wrong. Your records are fine.",
        f"Tell DunaHub support; {_THEN_OUT}.",
        Fix.NONE,
    ),
    # Is it there already?
    "ambiguous": Wording(
        "QuickBooks may already have this {kind}",
        "Something very much like it is there{named}, but not every detail matches.",
        "Open it in QuickBooks. If it is the same, press Use this {kind}; if it is not, press "
        "Retry.",
        fix=Fix.LINK,
    ),
    "number-taken": _edit(
        "This invoice number is already used in QuickBooks",
        "QuickBooks has another invoice or receipt with the same number{named}.",
        "Change this number in DunaHub and save (it is then sent again automatically), or change "
        "the other one in QuickBooks and press Retry.",
    ),
    "name-taken": _edit(
        "QuickBooks already has {holder}",
        _ONE_NAME,
        "Change this name in DunaHub and save (it is then sent again automatically), or change the "
        "other one in QuickBooks and press Retry.",
    ),
    "name-taken-customer": Wording(
        "QuickBooks already has {holder}",
        _ONE_NAME,
        "If it is the same customer, press Use this customer. If it is not, change the name in "
        "DunaHub and save; it is then sent again automatically.",
        fix=Fix.LINK,
    ),
    "name-taken-inactive": Wording(
        "QuickBooks already has {holder}",
        _ONE_NAME,
        "Make that customer active in QuickBooks and press Retry, or change the name in DunaHub "
        "and save; it is then sent again automatically.",
    ),
    # Something it needs is gone.
    "item-gone": Wording(
        "A product or service on this {kind} is gone from QuickBooks",
        "{item}{lines} was deleted or made inactive there.",
        "Make it active again in QuickBooks and press Retry, or choose another one under Settings "
        "→ QuickBooks → Products and services; it is then tried again automatically.",
        fix=Fix.CHOOSE_ITEM,
    ),
    "customer-gone": Wording(
        "The customer of this {kind} is gone from QuickBooks",
        "The customer{named} was deleted, merged or made inactive there.",
        "Make the customer active again in QuickBooks. Then press Retry.",
    ),
    "gone": Wording(
        "This {kind} is no longer in QuickBooks",
        "Somebody deleted it there or made it inactive, so it cannot be changed.",
        "Ask your bookkeeper why. To have it in QuickBooks as it is in DunaHub, press Retry: it is "
        "created again there. The payments of an invoice are applied to the new one; the invoices "
        "of a customer that is gone stay with the old one.",
    ),
    "voided-there": Wording(
        "This {kind} was voided in QuickBooks",
        "Somebody voided it there, so DunaHub no longer changes it.",
        "Ask your bookkeeper why. If it is not to count, void it in DunaHub too, or dismiss it "
        "here. To have it in QuickBooks as it is in DunaHub, press Retry: its amounts are entered "
        "there again.",
    ),
    "both-changed": Wording(
        "This {kind} was changed in DunaHub and in QuickBooks",
        "{both}",
        "Press Use DunaHub's to have it in QuickBooks as it is in DunaHub, or Keep QuickBooks' to "
        "leave there what is there. Until then nothing of it is changed.",
        fix=Fix.CHOOSE_SIDE,
    ),
    "parent-unknown": Wording(
        "DunaHub never told of the invoice of this payment",
        "A payment is applied to its invoice, and the invoice{named} did not come with it.",
        "Open the invoice in DunaHub and save it: this payment then goes out after it. If it was "
        "entered in QuickBooks by hand, enter the payment there too, and dismiss it here.",
    ),
    "parent-gone": Wording(
        "This payment could not be applied to its invoice",
        "The invoice{named} was deleted or voided in QuickBooks, or takes no more payments.",
        "Open the invoice in QuickBooks. Once it is right, press Retry.",
    ),
    "parent-withheld": Wording(
        "The invoice of this payment is not in QuickBooks",
        "Its invoice{named} was dismissed, or voided before QuickBooks had it, so there is nothing "
        "there to apply this payment to.",
        "To have both in QuickBooks, undo the dismissal of the invoice: this payment then goes out "
        "after it. If not, dismiss this payment too, and tell your bookkeeper about the money.",
    ),
    "customer-withheld": Wording(
        "The customer of this invoice is not in QuickBooks",
        "The customer{named} was dismissed, so QuickBooks has nobody to bill.",
        "To have both in QuickBooks, undo the dismissal of the customer: this invoice then goes "
        "out after it. If not, dismiss this invoice too.",
    ),
    "reference-gone": Wording(
        "Something that this {kind} uses is gone from QuickBooks",
        "A customer, product, service or invoice{named} was deleted or made inactive there.",
        "Make it active again in QuickBooks, or choose another one. Then press Retry.",
    ),
    # The books say no.
    "closed-books": Wording(
        "The books are closed for the date of this {kind}",
        "Your bookkeeper closed that period, so nothing in it can be added or changed from here.",
        "Ask your bookkeeper to open the period, then press Retry. If your bookkeeper enters it "
        "there instead, dismiss it here, so that it does not get in twice.",
    ),
    "deposited": Wording(
        "This {kind} is part of a bank deposit in QuickBooks",
        "QuickBooks does not change what was deposited, settled or matched with the bank.",
        "Ask your bookkeeper to take it out of the deposit in QuickBooks. Then press Retry.",
    ),
    "tax-setup": Wording(
        "QuickBooks did not accept the sales tax of this {kind}",
        "The sales tax settings in QuickBooks do not match what was sent.",
        "Press Check connection under Settings → QuickBooks. Then press Retry.",
    ),
    "tied": Wording(
        "Something in QuickBooks blocks this {kind}",
        "{said}",
        "Ask your bookkeeper to fix it in QuickBooks. Then press Retry.",
    ),
    # The record itself.
    "too-long": _edit(
        "A text on this {kind} is longer than QuickBooks takes",
        "{length}",
        "Shorten it in DunaHub and save; it is then sent again automatically.",
    ),
    "characters": _edit(
        "A text on this {kind} has a character that QuickBooks does not take",
        "A name, for example, cannot have a colon in it.",
        "Write it without that character and save; it is then sent again automatically.",
    ),
    "email": _edit(
        "QuickBooks did not accept the e-mail address",
        "It is missing, incomplete, or more than one.",
        "Enter one complete address for the customer and save; it is then sent again "
        "automatically.",
    ),
    "incomplete": _edit(
        "This {kind} is not complete",
        "QuickBooks needs a name or a company on a customer and at least one line on an invoice.",
    ),
    "amount": _edit(
        "QuickBooks did not accept an amount on this {kind}",
        "A quantity, a price or an amount is not one that QuickBooks takes; it may be negative.",
    ),
    "line-amount": _edit(
        "The amount of a line on this {kind} does not add up for QuickBooks",
        "Quantity times price must equal the amount of the line to the cent.",
    ),
    "date": _edit(
        "QuickBooks did not accept a date on this {kind}", "One of its dates is missing or wrong."
    ),
    # Ours to fix.
    "refused": Wording(
        "QuickBooks did not understand what DunaHub sent",
        "That is a mistake on our side, not in your {kind}.",
        "Send the support details below to DunaHub support.",
    ),
    "said": Wording(
        "QuickBooks did not accept this {kind}",
        "{said}",
        "Correct what it names, then press Retry. If that is not clear, ask your bookkeeper.",
    ),
}
"""By cause, as `fault_table` names it."""

# QuickBooks' own texts.
_INTERNAL: Final = re.compile(r"\d+|.* element id .*")
_THEIR_PREFIX: Final = re.compile(r"^.*Business Validation Error:\s*", re.DOTALL)
_LENGTHS: Final = re.compile(r"Max:(?P<most>[\d,]+).*Supplied length:(?P<given>[\d,]+)", re.DOTALL)


def cause_of(kind: Kind, cause: str, info: ErrorInfo) -> str:
    """Return the key of the words for a cause, by who or what it is about."""
    if cause == "name-taken":
        holder = NameHolder.from_facts(info.facts)
        if holder is not None and holder.kind is HolderKind.CUSTOMER:
            return "name-taken-customer" if holder.active else "name-taken-inactive"
    elif kind is Kind.INVOICE and info.code in {"610", "2500"} and _subject(info):
        return "item-gone"
    elif kind is Kind.INVOICE and cause in {"parent-gone", "parent-withheld"}:
        return cause.replace("parent", "customer")
    return cause


def answer_words(kind: Kind, info: ErrorInfo) -> dict[str, Any]:
    """Return the words for the templates."""
    subject = _subject(info)
    return {
        "kind": kind.word,
        "item": _item(info, subject),
        "lines": _lines(str(info.facts.get("lines", ""))),
        "named": f" ({subject})" if subject else "",
        "holder": _holder(NameHolder.from_facts(info.facts)),
        "said": _said(info),
        "length": _length(info),
        "both": both_sides(info),
    }


def _subject(info: ErrorInfo) -> str:
    """Return the subject, without an Id that only QuickBooks knows."""
    if info.facts.get("unnamed"):
        return f"reference {info.subject}"
    subject = one_line(info.subject)
    return "" if info.code.isdigit() and _INTERNAL.fullmatch(subject) else subject


def _item(info: ErrorInfo, subject: str) -> str:
    if not subject:
        return "A product or service"
    return f"A product or service ({subject})" if info.facts.get("unnamed") else subject


def _lines(lines: str) -> str:
    if not lines:
        return ""
    return f", on line{'s' if ',' in lines else ''} {lines},"


def _holder(holder: NameHolder | None) -> str:
    if holder is None:
        return "a customer, vendor or employee with this name"
    kind = holder.kind.value if holder.active else f"inactive {holder.kind.value}"
    return f"{'an' if kind[0] in 'ei' else 'a'} {kind} named {holder.name}"


def _said(info: ErrorInfo) -> str:
    text = one_line(_THEIR_PREFIX.sub("", info.text))
    if not text:
        return "QuickBooks gave no reason."
    return f"QuickBooks says: {text}{'' if text.endswith(('.', '!', '?')) else '.'}"


def _length(info: ErrorInfo) -> str:
    """Read how long a text may be (code 2050: ``Max:1,000 ... Supplied length:1,016``)."""
    found = _LENGTHS.search(info.text)
    if found is None:
        return "One of its texts has more characters than QuickBooks has room for."
    field = one_line(info.element) or "The text"
    return f"{field} has {found['given']} characters; QuickBooks takes {found['most']} at most."
