"""Every cause of failure is told in the contractor's words."""

from __future__ import annotations

import ast
import json
import re
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import dunahub_qbo_plugin.mapping as mapping_package
from dunahub_qbo_plugin.advice import Advice, Fix, Who, advise
from dunahub_qbo_plugin.advice.refusals import REFUSALS
from dunahub_qbo_plugin.model import ErrorInfo, HolderKind, Kind, NameHolder
from dunahub_qbo_plugin.qbo.envelope import FaultError
from dunahub_qbo_plugin.qbo.fault_table import Meaning
from dunahub_qbo_plugin.qbo.faults import decide

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dunahub_qbo_plugin.model import Fact

EDIT = Fix.EDIT
# The codes of Intuit's error list and of recorded answers.
DOCUMENTED_TEXT = (
    "100 110 120 130 140 150 500 600 610 620 630 800 1040 2010 2020 2030 2040 2050 2060 2070 2130 "
    "2140 2150 2160 2170 2210 2220 2250 2290 2500 3001 003001 3100 003100 3200 003200 3202 4000 "
    "4001 4002 5000 5010 5020 5030 6000 6002 6041 6070 6080 6090 6100 6130 6140 6160 6170 6180 "
    "6190 6200 6210 6220 6240 6250 6270 6280 6310 6420 6440 6450 6480 6540 10000 10100 10200"
)
OURS_TEXT = (
    "unreachable busy throttled unauthorized forbidden company-maintenance subscription internal "
    "lost-answer unknown-outcome no-answer unreadable discovery lease-lost not-carried-out "
    "replay-of-deleted ambiguous parent-gone item-gone customer-gone gone record-gone "
    "reference-gone name-taken number-taken closed-books deposited configuration stale "
    "not-connected token-expired grant-revoked oauth-token oauth-503"
)
PASSING_TEXT = (
    "unreachable busy throttled 3001 003001 company-maintenance 130 140 150 lost-answer internal "
    "unknown-outcome no-answer unreadable lease-lost not-carried-out replay-of-deleted 600 5010 "
    "10000"
)
DOCUMENTED = DOCUMENTED_TEXT.split()
OURS = OURS_TEXT.split()
GENERIC = "QuickBooks did not accept this"
SAYS_WHAT_QUICKBOOKS_SAYS = {"6000"}
JARGON = re.compile(
    r"\b(API|HTTP|JSON|XML|tokens?|sync ?token|payload|endpoint|request ?id|realm|OAuth|sparse|"
    r"null|faults?|server|query|parameter|exception|entity|reference id)\b",
    re.IGNORECASE,
)
BARE_CODE = re.compile(r"\b\d{3,5}\b")


def texts(advice: Advice) -> list[str]:
    """Return what a person reads."""
    return [advice.title, advice.why, advice.action]


def of(
    code: str,
    kind: Kind = Kind.INVOICE,
    *,
    facts: Mapping[str, Fact] | None = None,
    **others: Any,  # noqa: ANN401  attributes of an ErrorInfo
) -> Advice:
    """Return the advice for a code."""
    return advise(kind, ErrorInfo(code=code, status=400, facts=facts or {}, **others))


@pytest.mark.parametrize("kind", list(Kind))
@pytest.mark.parametrize("code", [*DOCUMENTED, *OURS, *REFUSALS])
def test_words(code: str, kind: Kind) -> None:
    """Each cause has a title, a reason and an action, in whole sentences and without jargon."""
    advice = of(code, kind)
    for text in texts(advice):
        assert text
        assert text[0].isupper()
        assert not JARGON.search(text), text
        assert not BARE_CODE.search(text), text
        assert "{" not in text
        assert "  " not in text
    assert not advice.title.endswith(".")
    assert "\n" not in advice.title
    assert advice.why.endswith(".")
    assert advice.action.endswith(".")


@pytest.mark.parametrize("code", [*DOCUMENTED, *OURS])
def test_no_cause_is_left_to_the_general_row(code: str) -> None:
    """Each documented code has a row of its own; only 6000 says whatever QuickBooks says."""
    generic = of(code).title.startswith(GENERIC + " invoice")
    assert generic is (code in SAYS_WHAT_QUICKBOOKS_SAYS)


@pytest.mark.parametrize("code", [*DOCUMENTED, *OURS, *REFUSALS])
def test_what_retries_itself_needs_nobody(code: str) -> None:
    """Passing troubles ask nothing of people; everything else names somebody (rule 26)."""
    advice = of(code)
    nothing_to_do = advice.action.startswith("Nothing to do")
    assert nothing_to_do is (advice.who is Who.NOBODY)
    if nothing_to_do:
        assert advice.retried
        assert advice.fix is Fix.NONE
    elif advice.retried:
        assert advice.action.endswith("then goes out automatically.")
    else:
        assert (
            "press Retry" in advice.action
            or "automatically" in advice.action
            or (advice.who is Who.OPERATOR)
            or advice.fix is Fix.LINK
        )


WAITING_MEANINGS = {
    Meaning.THROTTLED,
    Meaning.PAUSED,
    Meaning.NOT_DONE,
    Meaning.MAYBE_DONE,
    Meaning.UNAUTHORIZED,
    Meaning.FORBIDDEN,
    Meaning.STALE,
    Meaning.DUPLICATE_REQUEST,
    Meaning.LOST,
}


@pytest.mark.parametrize("status", [200, 302, 400, 401, 403, 404, 408, 429, 500, 503])
@pytest.mark.parametrize("code", [*DOCUMENTED, "9999"])
def test_words_agree_with_what_is_done(code: str, status: int) -> None:
    """What people are told about a retry is what the client makes of the same answer."""
    row, _ = decide(status, (FaultError(code=code),))
    done_again = row.meaning in WAITING_MEANINGS or row.name == "subscription ended"
    assert advise(Kind.INVOICE, ErrorInfo(code=code, status=status)).retried is done_again


@pytest.mark.parametrize("code", PASSING_TEXT.split())
def test_passing_troubles(code: str) -> None:
    """What passes is tried again automatically (rule 26)."""
    assert of(code).retried


@pytest.mark.parametrize(
    ("code", "who", "fix"),
    [
        ("3200", Who.OFFICE, Fix.RECONNECT),
        ("003100", Who.OFFICE, Fix.RECONNECT),
        ("120", Who.OFFICE, Fix.RECONNECT),
        ("6190", Who.OFFICE, Fix.RETRY),
        ("configuration", Who.OPERATOR, Fix.NONE),
        ("ambiguous", Who.OFFICE, Fix.LINK),
        ("6140", Who.OFFICE, Fix.EDIT),
        ("6210", Who.BOOKKEEPER, Fix.RETRY),
        ("6540", Who.BOOKKEEPER, Fix.RETRY),
        ("2010", Who.OPERATOR, Fix.RETRY),
        ("6070", Who.OFFICE, Fix.EDIT),
        ("item-missing", Who.OFFICE, Fix.CHOOSE_ITEM),
        ("tax-code-missing", Who.OFFICE, Fix.CHOOSE_TAX),
        ("name-missing", Who.OFFICE, Fix.EDIT),
    ],
)
def test_who_and_what(code: str, who: Who, fix: Fix) -> None:
    """Each cause names who mends it and which button helps."""
    advice = of(code)
    assert (advice.who, advice.fix) == (who, fix)


@pytest.mark.parametrize(
    ("holder", "title", "fix"),
    [
        (NameHolder(kind=HolderKind.VENDOR, name="Home Depot"), "a vendor named Home Depot", EDIT),
        (NameHolder(kind=HolderKind.EMPLOYEE, name="Ann"), "an employee named Ann", EDIT),
        (NameHolder(kind=HolderKind.CUSTOMER, name="Ann"), "a customer named Ann", Fix.LINK),
        (
            NameHolder(kind=HolderKind.CUSTOMER, name="Ann", active=False),
            "an inactive customer named Ann",
            Fix.RETRY,
        ),
        (
            NameHolder(kind=HolderKind.VENDOR, name="customer X (y@z.co)", active=False),
            "an inactive vendor named customer X (y@z.co)",
            EDIT,
        ),
        (None, "a customer, vendor or employee with this name", EDIT),
    ],
)
@pytest.mark.parametrize("subject", ["", "1067", "vendor 7"])
def test_taken_name(holder: NameHolder | None, title: str, fix: Fix, subject: str) -> None:
    """A taken name says who has it, and offers a link to a customer only (rule 23)."""
    facts = holder.to_facts() if holder is not None else None
    advice = of("6240", Kind.CUSTOMER, subject=subject, facts=facts)
    assert (advice.title, advice.fix) == (f"QuickBooks already has {title}", fix)
    assert ("Use this customer" in advice.action) is (fix is Fix.LINK)
    assert "DunaHub never changes a name" in advice.why


def test_who_has_a_name_is_kept_as_it_was_found() -> None:
    """What is stored of a holder is read back whole; money stays exact."""
    holder = NameHolder(
        kind=HolderKind.CUSTOMER,
        name="Ann (Jr.), owes $3",
        active=False,
        email="ann@acme.example",
        balance=Decimal("1234.50"),
    )
    stored = json.loads(json.dumps(holder.to_facts()))
    assert NameHolder.from_facts(stored) == holder
    assert NameHolder.from_facts({}) is None


@pytest.mark.parametrize("code", ["610", "2500", "item-gone"])
def test_item_that_is_gone_is_named(code: str) -> None:
    """A deleted product is named, with what to do (rule 24)."""
    advice = of(code, subject="AC tune-up")
    assert advice.why.startswith("AC tune-up was deleted")
    assert advice.fix is Fix.CHOOSE_ITEM


def test_an_item_that_is_gone_says_on_which_lines_it_is() -> None:
    """The lines are named, and an item without a name by its reference (rule 24)."""
    one = of("item-gone", subject="AC tune-up", facts={"lines": "2"})
    assert one.why == "AC tune-up, on line 2, was deleted or made inactive there."
    nameless = of("item-gone", subject="17", facts={"lines": "2, 5", "unnamed": 1})
    assert nameless.why.startswith("A product or service (reference 17), on lines 2, 5, was")


@pytest.mark.parametrize(
    ("code", "subject"), [("6140", "17984"), ("2500", "Names element id 75"), ("610", "75")]
)
def test_ids_of_quickbooks_are_not_shown(code: str, subject: str) -> None:
    """An id that only QuickBooks knows is no word for people."""
    assert of(code, subject=subject) == of(code)


def test_parent_that_is_gone_is_of_the_records_kind() -> None:
    """A payment lost its invoice, an invoice its customer."""
    payment = of("parent-gone", Kind.PAYMENT, subject="1042")
    assert payment.why.startswith("The invoice (1042) was deleted")
    assert of("parent-gone").title == "The customer of this invoice is gone from QuickBooks"


@pytest.mark.parametrize(
    ("text", "title"),
    [
        ("Unexpected Internal Error. (-30000)", "QuickBooks had a problem of its own"),
        ("Please wait a few minutes and try again", "QuickBooks had a problem of its own"),
        ("You can only add or edit one name at a time", "QuickBooks had a problem of its own"),
        (
            "The transaction date is prior to the closing date",
            "The books are closed for the date of this invoice",
        ),
        (
            "You cannot modify a list element that has been deleted.",
            "This invoice is no longer in QuickBooks",
        ),
        ("You must select a customer", "QuickBooks did not accept this invoice"),
    ],
)
def test_business_rules_by_their_text(text: str, title: str) -> None:
    """The code that stands for every business rule is told apart by its text."""
    advice = of("6000", text=f"Business Validation Error: {text}")
    assert advice.title == title


def test_business_rule_in_quickbooks_words() -> None:
    """A business rule that we do not know is QuickBooks' own sentence, without its preface."""
    text = "A validation error has occurred: Business Validation Error: You must select a customer"
    assert of("6000", text=text).why == "QuickBooks says: You must select a customer."


@pytest.mark.parametrize("code", ["9999", "new-cause", "", "0"])
def test_unknown_code_shows_quickbooks_words(code: str) -> None:
    """An unknown code shows QuickBooks' text, and asks people to act (rule 22)."""
    advice = of(code, text="Gutters are {not} allowed!\nAt all")
    assert advice.why == "QuickBooks says: Gutters are {not} allowed! At all."
    assert not advice.retried
    assert of(code).why == "QuickBooks gave no reason."


@pytest.mark.parametrize(
    ("code", "status", "retried", "fix"),
    [
        ("", 503, True, Fix.NONE),
        ("500", 500, True, Fix.NONE),
        ("http-502", 502, True, Fix.NONE),
        ("http-429", 429, True, Fix.NONE),
        ("http-302", 302, True, Fix.NONE),
        ("http-408", 408, True, Fix.NONE),
        ("6240", 503, True, Fix.NONE),
        ("", 401, True, Fix.RECONNECT),
        ("http-403", 403, True, Fix.RECONNECT),
        ("500", 400, False, Fix.RETRY),
        ("http-404", 404, False, Fix.RETRY),
    ],
)
def test_answers_that_only_a_status_explains(
    code: str,
    status: int,
    retried: bool,  # noqa: FBT001  a parameter of the test
    fix: Fix,
) -> None:
    """Without a known code the HTTP status decides; code 500 of QuickBooks is not HTTP's 500."""
    advice = advise(Kind.INVOICE, ErrorInfo(code=code, status=status))
    assert (advice.retried, advice.fix) == (retried, fix)


def test_too_long_a_text_says_how_long_it_may_be() -> None:
    """The limit and the length are read from QuickBooks' answer."""
    advice = of(
        "2050",
        text="String length specified does not match the supported length. Min:0 Max:1,000 "
        "supported. Supplied length:1,016",
        element="Customer Memo",
    )
    assert advice.why == "Customer Memo has 1,016 characters; QuickBooks takes 1,000 at most."


def test_a_refusal_without_its_facts_says_what_it_can() -> None:
    """The history keeps no facts: then the title stands for the reason."""
    bare = of("name-colon", Kind.CUSTOMER)
    assert bare.why == "The name of this customer has a colon in it."
    whole = of("name-colon", Kind.CUSTOMER, facts={"field": "first name", "text": "{x}: A"})
    assert "in the first name, “{x}: A”." in whole.why


def test_every_refusal_can_happen() -> None:
    """All words belong to a code that the mapping can raise (the reverse is in its tests)."""
    written = {
        node.value
        for path in Path(mapping_package.__path__[0]).glob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
    unused = [code for code in REFUSALS if not {code, code.removesuffix("-too-long")} & written]
    assert unused == []
