"""Every recorded exchange of the entities the books hold, replayed against the books."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

import pytest

from tests.support.recorded_compare import differences
from tests.support.recorded_replay import replay
from tests.support.recordings import Recording, out_of_scope, read_recordings

FOLDER = os.environ.get("QBO_RECORDINGS", "")
RECORDINGS = read_recordings(Path(FOLDER)) if FOLDER else []

pytestmark = pytest.mark.skipif(not FOLDER, reason="QBO_RECORDINGS is not set")

_ADDED = "the collector of the recording added the envelope, without the numbers"
_OLD_START = "in 2013 an answer without STARTPOSITION began at 0; since 2015 it begins at 1"
_OLD_INFO = "a company of 2013: coordinates were dropped in 2025, these properties came later"
_MINOR = "recorded under an older minor version; since 2025-08 every request gets version 75"
_BY_HAND = "saved by hand from an object that was not changed: token and amounts are the old ones"

# Where the books answer otherwise than recorded: name, reason, and the differences that are
# expected (each must be there; any other fails).
DEVIATIONS: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    (
        "fault-2010-invoice.qbo-api.01",
        "the list of known properties is today's, recorded in 2020 with 83 in a random order",
        (r"\.Fault\.Error\[0\]\.Detail is",),
    ),
    (
        "fault-610-already-deleted.quickbooks-go.01",
        "one library's test data says invoices for customers; four other recordings do not",
        (r"\.Fault\.Error\[0\]\.Detail is",),
    ),
    (
        "fault-6240-customer-xml.quickbooks-ruby.01",
        "in January 2014 the service showed its own template, $$customer$$",
        (r".*\.Detail\[0\]\.# is",),
    ),
    ("query-customer-xml.quickbooks-ruby.01", _OLD_START, (r".*@startPosition is '1'",)),
    ("query-invoice-xml.quickbooks-ruby.01", _OLD_START, (r".*@startPosition is '1'",)),
    ("query-item-xml.quickbooks-ruby.01", _OLD_START, (r".*@startPosition is '1'",)),
    (
        "query-invoice.quickbooks.01",
        "its collector kept 4 of 100 invoices and the numbers of all",
        (r".*maxResults is 4, recorded 100", r".*totalCount is 4, recorded 100"),
    ),
    ("query-account.qbo-sdk-py.01", _ADDED, (r".*maxResults extra", r".*startPosition extra")),
    ("query-item.fyle-qbo-api.01", _ADDED, (r".*maxResults extra", r".*startPosition extra")),
    (
        "query-taxcode.fyle-qbo-api.01",
        _ADDED,
        (r".*maxResults extra", r".*startPosition extra", r".*totalCount extra"),
    ),
    (
        "query-term-xml.quickbooks-ruby.01",
        "its collector shows one term in the envelope of a read",
        (r".*QueryResponse extra", r".*Term missing"),
    ),
    (
        "invoice-send-xml.quickbooks-ruby.01",
        "sending raises the SyncToken (observed 2026-09); saved by hand with token 0",
        (r".*SyncToken\[0\]\.# is '1', recorded '0'",),
    ),
    (
        "invoice-void-xml.quickbooks-ruby.01",
        _BY_HAND,
        (
            r".*SyncToken\[0\]\.# is '1', recorded '0'",
            r".*Balance\[0\]\.# is '0', recorded '50.00'",
            r".*TotalAmt\[0\]\.# is '0', recorded '50.00'",
            r".*Line\[0\]\.Amount\[0\]\.# is '0', recorded '50.00'",
            r".*Line\[1\]\.Amount\[0\]\.# is '0', recorded '50.00'",
            r".*Qty\[0\]\.# is '0', recorded '1'",
            r".*UnitPrice missing",
        ),
    ),
    (
        "payment-void-xml.quickbooks-ruby.01",
        _BY_HAND,
        (r".*SyncToken\[0\]\.# is '1', recorded '0'",),
    ),
    (
        "companyinfo-get-xml.quickbooks-ruby.01",
        _OLD_INFO,
        (
            r".*Addr\[0\]\.(Lat|Long) missing",
            r".*\.(CustomerCommunicationEmailAddr|DefaultTimeZone|FiscalYearStartMonth) extra",
        ),
    ),
    (
        "query-companyinfo-xml.quickbooks-ruby.01",
        _OLD_INFO,
        (
            r".*Addr\[0\]\.(Lat|Long|Line2|Country) missing",
            r".*Addr\[0\]\.CountrySubDivisionCode extra",
            r".*\.(CustomerCommunicationEmailAddr|DefaultTimeZone|FiscalYearStartMonth) extra",
            r".*WebAddr\[0\]\.(# extra|URI missing)",
        ),
    ),
    (
        "preferences-get.qbo-sdk-py.01",
        _MINOR,
        (
            r".*(FirstMonthOfFiscalYear|TaxYearMonth|TaxForm|UseAccountNumbers) extra",
            r".*(AutoApplyCredit|AutoApplyPayments|EmailCopyToCompany) extra",
            r".*(PartnerTaxEnabled|DefaultDiscountAccount) extra",
            r".*DepartmentTerminology missing",
        ),
    ),
    (
        "query-preferences.exquickbooks.01",
        _MINOR,
        (
            r".*(FirstMonthOfFiscalYear|TaxYearMonth|TaxForm|UseAccountNumbers) extra",
            r".*(AutoApplyCredit|AutoApplyPayments|EmailCopyToCompany) extra",
            r".*PartnerTaxEnabled extra",
            r".*DefaultTerms missing",
        ),
    ),
    (
        "query-preferences-xml.quickbooks-ruby.01",
        "a company without sales tax and without discounts",
        (r".*(TaxGroupCodeRef|DefaultDiscountAccount) extra",),
    ),
)
_EXPECTED = {name: patterns for name, _, patterns in DEVIATIONS}


@pytest.mark.parametrize("recording", RECORDINGS, ids=lambda recording: recording.name)
def test_recorded_exchange(recording: Recording) -> None:
    """The books answer a recorded request with the recorded status, envelope, keys and fault."""
    why = out_of_scope(recording)
    if why:
        pytest.skip(why)
    found = differences(recording, replay(recording))
    patterns = _EXPECTED.get(recording.name, ())
    assert [one for one in found if not any(re.match(p, one) for p in patterns)] == []
    assert [p for p in patterns if not any(re.match(p, one) for one in found)] == []


def test_count_of_deviations(capsys: pytest.CaptureFixture[str]) -> None:
    """Every recording is replayed or named with the reason why it is not; the count is shown."""
    names = {recording.name for recording in RECORDINGS}
    assert _EXPECTED.keys() <= names
    others = [recording for recording in RECORDINGS if out_of_scope(recording)]
    replayed = len(RECORDINGS) - len(others)
    lines = [
        (
            f"{len(RECORDINGS)} recordings: {replayed} replayed, of which "
            f"{replayed - len(DEVIATIONS)} answered the same and {len(DEVIATIONS)} deviate:"
        ),
        *(f"  {name}: {why} ({len(patterns)})" for name, why, patterns in DEVIATIONS),
        f"{len(others)} of other parts of QuickBooks:",
        *(f"  {recording.name}: {out_of_scope(recording)}" for recording in others),
    ]
    with capsys.disabled():
        sys.stdout.write("\n" + "\n".join(lines) + "\n")
