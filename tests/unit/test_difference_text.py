"""Every difference between DunaHub and QuickBooks is told in a sentence."""

from __future__ import annotations

import json
from typing import Any

import attrs
import pytest

from dunahub_qbo_plugin.review.difference_text import difference_text
from dunahub_qbo_plugin.review.findings import Difference, Field, Finding

SAID: dict[tuple[Finding, str], tuple[dict[str, str], str]] = {
    (Finding.DELETED, ""): ({}, "It was deleted in QuickBooks."),
    (Finding.INACTIVE, ""): ({}, "It was made inactive in QuickBooks."),
    (Finding.VOIDED, ""): ({}, "It was voided in QuickBooks."),
    (Finding.TOTAL, ""): (
        {"ours": "1000.00", "theirs": "1080.50"},
        "QuickBooks has $1,080.50, DunaHub sent $1,000.00.",
    ),
    (Finding.EDITED, Field.NAME): (
        {"ours": "Ann Lee", "theirs": "A. Lee"},
        "The name is “A. Lee” in QuickBooks and “Ann Lee” in DunaHub.",
    ),
    (Finding.EDITED, Field.EMAIL): (
        {"ours": "a@lee.example"},
        "The e-mail is empty in QuickBooks and “a@lee.example” in DunaHub.",
    ),
    (Finding.EDITED, Field.PHONE): (
        {"ours": "1", "theirs": "2"},
        "The phone is “2” in QuickBooks and “1” in DunaHub.",
    ),
    (Finding.EDITED, Field.NUMBER): (
        {"ours": "1042", "theirs": "7"},
        "The number is “7” in QuickBooks and “1042” in DunaHub.",
    ),
    (Finding.EDITED, Field.DATE): (
        {"ours": "2026-11-03", "theirs": "2026-12-01"},
        "The date is Dec 1, 2026 in QuickBooks and Nov 3, 2026 in DunaHub.",
    ),
    (Finding.EDITED, Field.CUSTOMER): (
        {"ours": "4", "theirs": "5"},
        "It bills another customer in QuickBooks.",
    ),
    (Finding.UNLINKED, ""): (
        {"ours": "1042"},
        "It is no longer applied to invoice 1042 in QuickBooks.",
    ),
    (Finding.UNAPPLIED, ""): (
        {"theirs": "30.00"},
        "$30.00 of it is not applied to an invoice in QuickBooks.",
    ),
    (Finding.DUPLICATE, Field.EMAIL): (
        {"theirs": "A. Lee"},
        "“A. Lee” (reference 12) in QuickBooks has the same e-mail.",
    ),
}


def difference(finding: Finding, field: str = "", **others: Any) -> Difference:  # noqa: ANN401  texts
    """Return a difference as it is read back from where it was stored."""
    made = Difference(
        finding=finding, key="invoice:1", label="1042", qbo_id="12", field=field, **others
    )
    return Difference.from_json(json.loads(json.dumps(attrs.asdict(made))))


@pytest.mark.parametrize(("finding", "field"), list(SAID))
def test_each_difference_says_both_sides(finding: Finding, field: str) -> None:
    """What DunaHub has and what QuickBooks has are told apart (rule 29)."""
    values, said = SAID[finding, field]
    assert difference_text(difference(finding, field, **values)) == said


def test_no_difference_is_without_words() -> None:
    """Every sort of difference, and every field that can be changed, is among those above."""
    assert {finding for finding, _ in SAID} == set(Finding)
    assert {field for finding, field in SAID if finding is Finding.EDITED} == set(Field)


def test_odd_values_do_not_keep_the_page_from_being_shown() -> None:
    """A date that is none is told as it is; a payment whose invoice has no number, too."""
    odd = difference(Finding.EDITED, Field.DATE, ours="2026-11-03", theirs="soon")
    assert difference_text(odd) == "The date is “soon” in QuickBooks and Nov 3, 2026 in DunaHub."
    assert "applied to its invoice" in difference_text(difference(Finding.UNLINKED))
