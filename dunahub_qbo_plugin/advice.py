"""What went wrong, in the words of the people who run the office, and what they can do about it.

One row of words for each cause. Which answer has which cause, who must act and whether it is tried
again is said by `dunahub_qbo_plugin.qbo.fault_table`, from which the client acts. QuickBooks' own
code and text are not shown here: the page folds them underneath for support (rule 22).
"""

from __future__ import annotations

import re
from enum import StrEnum
from typing import Final

import attrs

from dunahub_qbo_plugin.mapping.causes import TITLES
from dunahub_qbo_plugin.mapping.text import SENT_AGAIN, THEN_RETRY, one_line
from dunahub_qbo_plugin.model import ErrorInfo, Kind
from dunahub_qbo_plugin.qbo.consequences import Who
from dunahub_qbo_plugin.qbo.fault_table import row_of

__all__ = ["Advice", "Fix", "Who", "advise"]


class Fix(StrEnum):
    """Which button helps."""

    RETRY = "retry"
    LINK = "link"
    CHOOSE_ITEM = "choose-item"
    CHOOSE_TAX = "choose-tax"
    EDIT = "edit"
    RECONNECT = "reconnect"
    NONE = "none"


@attrs.frozen(kw_only=True)
class Advice:
    """What to tell people about one failed try. Plain text: escape it in a page.

    Attributes:
        title: one line: what happened, to which kind of record.
        why: the reason, one or two sentences.
        action: what to do, or that there is nothing to do.
        retried: True when it is tried again by itself.
        who: who can mend it.
        fix: which button helps.
    """

    title: str
    why: str
    action: str
    retried: bool
    who: Who
    fix: Fix


@attrs.frozen
class _Row:
    title: str
    why: str
    action: str
    fix: Fix = Fix.RETRY


_WAIT: Final = "Nothing to do: it is tried again by itself."
_ONE_NAME: Final = "A name can be used only once there, and DunaHub never changes one by itself."
_CORRECT: Final = "Correct it in DunaHub and save; it is then sent again by itself."


def _passing(title: str, why: str, action: str = _WAIT) -> _Row:
    return _Row(title, why, action, Fix.NONE)


def _edit(title: str, why: str, action: str = _CORRECT) -> _Row:
    return _Row(title, why, action, Fix.EDIT)


# In each text: {kind} the record, {subject} what it is about ({named} the same in brackets, or
# nothing; {where} on which line), {said} QuickBooks' own words, {length} how long a text is and may
# be.
_ROWS: Final = {
    # Passing by themselves (rule 26).
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
    "unwritable": _Row(
        "DunaHub could not put this {kind} into words",
        "Something in it is not as it should be. Nothing was sent, and nothing is lost.",
        "Open it in DunaHub, correct it and save. If it stays, tell whoever runs DunaHub.",
        fix=Fix.EDIT,
    ),
    "not-carried-out": _passing(
        "This {kind} is sent once more",
        "An earlier try did not get into QuickBooks, or was deleted there since.",
    ),
    # Access.
    "unauthorized": _Row(
        "QuickBooks no longer accepts our access",
        "The connection expired or was removed in QuickBooks, so this {kind} waits.",
        "Press Reconnect and choose the same company; what is waiting then goes out by itself.",
        fix=Fix.RECONNECT,
    ),
    "forbidden": _Row(
        "QuickBooks does not let DunaHub into this company",
        "The person who connected it has no access to these books any more, or too little.",
        "Have an administrator press Reconnect; what is waiting then goes out by itself.",
        fix=Fix.RECONNECT,
    ),
    "subscription": _Row(
        "Your QuickBooks subscription has ended or was not paid",
        "QuickBooks takes no new records until it is renewed.",
        "Renew it under Billing and subscription; what is waiting then goes out by itself.",
    ),
    "configuration": _Row(
        "DunaHub's QuickBooks setup is incomplete",
        "A setting on our side is missing or wrong. Your records are fine.",
        "Tell DunaHub support; what is waiting then goes out by itself.",
        Fix.NONE,
    ),
    # Is it there already?
    "ambiguous": _Row(
        "QuickBooks may already have this {kind}",
        "Something very much like it is there{named}, but not all details agree.",
        "Open it in QuickBooks. If it is the same, link it here; if it is not, press Retry.",
        fix=Fix.LINK,
    ),
    "number-taken": _edit(
        "This invoice number is already used in QuickBooks",
        "QuickBooks holds another invoice or receipt under the same number{named}.",
        "Change this number in DunaHub and save (it is then sent again by itself), or change the "
        "other one in QuickBooks and press Retry.",
    ),
    "name-taken": _edit(
        "QuickBooks already has {holder}",
        _ONE_NAME,
        "Change this name in DunaHub and save (it is then sent again by itself), or change the "
        "other one in QuickBooks and press Retry.",
    ),
    "name-taken-customer": _Row(
        "QuickBooks already has {holder}",
        _ONE_NAME,
        "If it is the same customer, press Use this customer. If it is not, change the name in "
        "DunaHub and save; it is then sent again by itself.",
        fix=Fix.LINK,
    ),
    "name-taken-inactive": _Row(
        "QuickBooks already has {holder}",
        _ONE_NAME,
        "Make that customer active in QuickBooks and press Retry, or change the name in DunaHub "
        "and save; it is then sent again by itself.",
    ),
    # Something it needs is gone.
    "item-gone": _Row(
        "A product or service on this {kind} is gone from QuickBooks",
        "{subject}{where} was deleted or made inactive there.",
        "Make it active again in QuickBooks, or choose another one under Settings → QuickBooks → "
        "Products and services. Then press Retry.",
        fix=Fix.CHOOSE_ITEM,
    ),
    "customer-gone": _Row(
        "The customer of this {kind} is gone from QuickBooks",
        "The customer{named} was deleted, merged or made inactive there.",
        "Make the customer active again in QuickBooks. Then press Retry.",
    ),
    "gone": _Row(
        "This {kind} is no longer in QuickBooks",
        "Somebody deleted it there or made it inactive, so it cannot be changed.",
        "Ask your bookkeeper why. To have it in QuickBooks as it is in DunaHub, press Retry: it is "
        "made anew there. The payments of an invoice are put on the new one; the invoices of a "
        "customer that is gone stay with the old one.",
    ),
    "parent-gone": _Row(
        "This payment could not be put on its invoice",
        "The invoice{named} was deleted or voided in QuickBooks, or takes no payment any more.",
        "Open the invoice in QuickBooks. Once it is right, press Retry.",
    ),
    "parent-withheld": _Row(
        "The invoice of this payment is not in QuickBooks",
        "Its invoice{named} was dismissed, or voided before QuickBooks had it, so there is nothing "
        "there that this payment could pay.",
        "To have both in QuickBooks, undo the dismissal of the invoice: this payment then goes out "
        "after it. If not, dismiss this payment too, and tell your bookkeeper about the money.",
    ),
    "customer-withheld": _Row(
        "The customer of this invoice is not in QuickBooks",
        "The customer{named} was dismissed, so QuickBooks has nobody to bill.",
        "To have both in QuickBooks, undo the dismissal of the customer: this invoice then goes "
        "out after it. If not, dismiss this invoice too.",
    ),
    "reference-gone": _Row(
        "Something that this {kind} uses is gone from QuickBooks",
        "A customer, product, service or invoice{named} was deleted or made inactive there.",
        "Make it active again in QuickBooks, or choose another one. Then press Retry.",
    ),
    # The books say no.
    "closed-books": _Row(
        "The books are closed for the date of this {kind}",
        "Your bookkeeper closed that period, so nothing in it can be added or changed from here.",
        "Ask your bookkeeper to open the period, then press Retry. If your bookkeeper enters it "
        "there instead, dismiss it here, so that it does not get in twice.",
    ),
    "deposited": _Row(
        "This {kind} is part of a bank deposit in QuickBooks",
        "QuickBooks keeps what was deposited, settled or matched with the bank as it is.",
        "Your bookkeeper first takes it out of the deposit in QuickBooks. Then press Retry.",
    ),
    "tax-setup": _Row(
        "QuickBooks did not accept the sales tax of this {kind}",
        "The sales tax settings in QuickBooks do not fit what was sent.",
        "Press Check connection under Settings → QuickBooks. Then press Retry.",
    ),
    "tied": _Row(
        "Something in QuickBooks stands in the way of this {kind}",
        "{said}",
        "Your bookkeeper puts it in order in QuickBooks. Then press Retry.",
    ),
    # The record itself.
    "too-long": _edit(
        "A text on this {kind} is longer than QuickBooks takes",
        "{length}",
        "Shorten it in DunaHub and save; it is then sent again by itself.",
    ),
    "characters": _edit(
        "A text on this {kind} has a character that QuickBooks does not take",
        "A name, for example, may hold no colon.",
        "Write it without such a character and save; it is then sent again by itself.",
    ),
    "email": _edit(
        "QuickBooks did not accept the e-mail address",
        "It is missing, incomplete, or more than one.",
        "Put one complete address on the customer and save; it is then sent again by itself.",
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
        "Quantity times price must give the amount of the line to the cent.",
    ),
    "date": _edit(
        "QuickBooks did not accept a date on this {kind}", "One of its days is missing or wrong."
    ),
    # Ours to mend.
    "refused": _Row(
        "QuickBooks did not understand what DunaHub sent",
        "That is a mistake on our side, not in your {kind}.",
        "Send the support details below to DunaHub support.",
    ),
    "said": _Row(
        "QuickBooks did not accept this {kind}",
        "{said}",
        "Correct what it names, then press Retry. If that is not clear, ask your bookkeeper.",
    ),
}

_CHOICES: Final = {"item-": Fix.CHOOSE_ITEM, "tax-code-": Fix.CHOOSE_TAX}
"""How the codes begin for which something is to be chosen on the settings page."""
_HOLDER: Final = re.compile(r"(?P<what>(inactive )?(customer|vendor|employee)) (?P<name>.+)")
_INTERNAL: Final = re.compile(r"\d+|.* element id .*")
_THEIR_PREFIX: Final = re.compile(r"^.*Business Validation Error:\s*", re.DOTALL)
_LENGTHS: Final = re.compile(r"Max:(?P<most>[\d,]+).*Supplied length:(?P<given>[\d,]+)", re.DOTALL)


def advise(kind: Kind, info: ErrorInfo) -> Advice:
    """Say what happened to a record and what to do.

    Args:
        kind: the kind of the record that failed.
        info: why. Its ``subject`` names the item that is gone, the record that it waits for, or
            who holds a name, as ``vendor Home Depot`` or ``inactive customer John Smith``.
    """
    if info.code in TITLES:
        return _own(kind, info.code, info)
    row = row_of(info)
    subject = _subject(info)
    said = _ROWS[_cause(kind, row.cause, subject, info)]
    words = {
        "kind": kind.word,
        "subject": subject or "A product or service",
        "where": f", on {info.element.lower()}," if info.element.startswith("Line") else "",
        "named": f" ({subject})" if subject else "",
        "holder": _holder(subject),
        "said": _said(info),
        "length": _length_words(info),
    }
    return Advice(
        title=said.title.format(**words),
        why=said.why.format(**words),
        action=said.action.format(**words),
        retried=row.consequence.becomes != "rejected",
        who=row.who,
        fix=said.fix,
    )


def _cause(kind: Kind, cause: str, subject: str, info: ErrorInfo) -> str:
    """Choose among words for one cause: by who or what it is about."""
    if cause == "name-taken" and subject.startswith(("customer ", "inactive customer ")):
        return f"name-taken-{subject.partition(' ')[0]}"
    if kind is Kind.INVOICE and subject and info.code in {"610", "2500"}:
        return "item-gone"
    if kind is Kind.INVOICE and cause in {"parent-gone", "parent-withheld"}:
        return cause.replace("parent", "customer")
    return cause


def _subject(info: ErrorInfo) -> str:
    """Return what people can make sense of: not an id of QuickBooks' own."""
    subject = one_line(info.subject)
    return "" if info.code.isdigit() and _INTERNAL.fullmatch(subject) else subject


def _holder(subject: str) -> str:
    found = _HOLDER.fullmatch(subject)
    if found is None:
        return f"a customer, vendor or employee {f'named {subject}' if subject else 'so named'}"
    article = "an" if found["what"][0] in "ei" else "a"
    return f"{article} {found['what']} named {found['name']}"


def _said(info: ErrorInfo) -> str:
    text = one_line(_THEIR_PREFIX.sub("", info.text))
    if not text:
        return "QuickBooks gave no reason."
    return f"QuickBooks says: {text}{'' if text.endswith(('.', '!', '?')) else '.'}"


def _length_words(info: ErrorInfo) -> str:
    """Read how long a text may be (code 2050: ``Max:1,000 ... Supplied length:1,016``)."""
    found = _LENGTHS.search(info.text)
    if found is None:
        return "One of its texts has more characters than QuickBooks has room for."
    field = one_line(info.element) or "The text"
    return f"{field} has {found['given']} characters; QuickBooks takes {found['most']} at most."


def _own(kind: Kind, code: str, info: ErrorInfo) -> Advice:
    """Pass on what `mapping` wrote, its last two sentences as what to do."""
    fix = next((one for start, one in _CHOICES.items() if code.startswith(start)), Fix.EDIT)
    action = SENT_AGAIN if fix is Fix.EDIT else THEN_RETRY
    title = TITLES[code].format(kind=kind.word)
    text = info.text.removesuffix(action).strip()
    why, end, ask = text.rpartition(". ")
    if end:
        text, action = f"{why}.", f"{ask} {action}"
    return Advice(
        title=title,
        why=text or f"{title}.",
        action=action,
        retried=False,
        who=Who.OFFICE,
        fix=fix,
    )
