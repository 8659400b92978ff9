"""The table of faults: what each refusal by QuickBooks, and each missing answer, means.

The first matching row counts. Rows match by status first, then by code: texts are localized and
decide only where one code stands for several things (6000). Each row says what follows (`Meaning`,
spelled out in `consequences`), who must act, and under which cause `dunahub_qbo_plugin.advice` has
the words. Sources: Intuit's list of error codes, and recorded answers.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

import attrs

from dunahub_qbo_plugin.model.reads import READS_REST, READS_USED_UP
from dunahub_qbo_plugin.qbo.consequences import CONSEQUENCES, Consequence, Meaning, Who
from dunahub_qbo_plugin.qbo.envelope import FaultError

if TYPE_CHECKING:
    from collections.abc import Collection

    from dunahub_qbo_plugin.model import ErrorInfo

__all__ = ["NAMES", "OK", "TABLE", "Meaning", "Row", "Who", "row_of"]


@attrs.frozen(kw_only=True)
class Row:
    """One row of the table.

    Attributes:
        name: stable, for tests and documents.
        meaning: what follows from it.
        cause: the key of the words for it.
        who: who must act.
        statuses: HTTP statuses that match; empty for any.
        codes: QuickBooks' codes that match, without leading zeros ("" for none); empty for any.
        text: what message or detail must contain as well, if anything.
        note: why.
    """

    name: str
    meaning: Meaning
    cause: str
    who: Who
    statuses: Collection[int] = ()
    codes: Collection[str] = ()
    text: re.Pattern[str] | None = None
    note: str = ""

    def fits(self, status: int, error: FaultError) -> bool:
        """Return whether an error of an answer matches."""
        return (
            (not self.statuses or status in self.statuses)
            and (not self.codes or error.number in self.codes)
            and (self.text is None or bool(self.text.search(f"{error.message}\n{error.detail}")))
        )

    @property
    def consequence(self) -> Consequence:
        """What follows from it."""
        return CONSEQUENCES[self.meaning]


def _row(
    name: str,
    meaning: Meaning,
    cause: str,
    who: Who,
    codes: str = "",
    *,
    statuses: Collection[int] = (),
    text: str = "",
    note: str = "",
) -> Row:
    return Row(
        name=name,
        meaning=meaning,
        cause=cause,
        who=who,
        statuses=statuses,
        codes=frozenset("" if code == "none" else code for code in codes.split()),
        text=re.compile(f"(?i){text}") if text else None,
        note=note,
    )


OK: Final = range(200, 300)
NO_FAULT: Final = "nofault"
"""Stands for a code where an answer holds no Fault at all."""
_REDIRECT: Final = range(300, 400)
_SERVER_ERROR: Final = range(500, 600)

_M, _NOBODY, _OFFICE = Meaning, Who.NOBODY, Who.OFFICE
_BOOKKEEPER, _OPERATOR = Who.BOOKKEEPER, Who.OPERATOR

TABLE: Final = (
    # Passing, for a record or for the whole company.
    _row("too many requests", _M.THROTTLED, "throttled", _NOBODY, statuses={429}),
    _row(
        "throttled in words",
        _M.THROTTLED,
        "throttled",
        _NOBODY,
        "3001",
        note="recorded with HTTP 403 in 2016",
    ),
    _row(
        "server error",
        _M.MAYBE_DONE,
        "busy",
        _NOBODY,
        statuses=_SERVER_ERROR,
        note="whatever the body says; Intuit: send it again",
    ),
    _row("request time-out", _M.MAYBE_DONE, "busy", _NOBODY, statuses={408}),
    _row(
        "redirected",
        _M.LOST,
        "no-answer",
        _NOBODY,
        statuses=_REDIRECT,
        note="QuickBooks does not redirect: something between us does",
    ),
    # Access to the company.
    _row(
        "user lost access",
        _M.FORBIDDEN,
        "forbidden",
        _OFFICE,
        "120",
        note="the person who connected is no longer in the company",
    ),
    _row(
        "wrong cluster",
        _M.PAUSED,
        "busy",
        _NOBODY,
        "130",
        note="QuickBooks looked for the company in the wrong place",
    ),
    _row("company locked", _M.PAUSED, "company-maintenance", _NOBODY, "140"),
    _row("company under maintenance", _M.PAUSED, "company-maintenance", _NOBODY, "150"),
    _row(
        "authentication failed",
        _M.UNAUTHORIZED,
        "unauthorized",
        _OFFICE,
        statuses={401},
        note="also 100 and 110: recorded for an expired token as well as for a wrong company",
    ),
    _row(
        "authentication failed in words",
        _M.UNAUTHORIZED,
        "unauthorized",
        _OFFICE,
        "100 110 3200",
    ),
    _row("not allowed", _M.FORBIDDEN, "forbidden", _OFFICE, statuses={403}),
    _row("not allowed in words", _M.FORBIDDEN, "forbidden", _OFFICE, "3100"),
    _row(
        "subscription ended",
        _M.SUBSCRIPTION,
        "subscription",
        _OFFICE,
        "6190",
        note="recorded with HTTP 400 and 200; concerns every record of the company",
    ),
    # One code that stands for every business rule: only its text tells.
    _row(
        "system failure",
        _M.MAYBE_DONE,
        "busy",
        _NOBODY,
        "10000",
        note="recorded with HTTP 500 and with HTTP 200",
    ),
    _row(
        "QuickBooks' own failure",
        _M.MAYBE_DONE,
        "busy",
        _NOBODY,
        "6000",
        text=r"wait a few minutes|\(-30\d\d\d\)|unexpected internal error|accessing or saving",
        note="HTTP 400, yet it passes; payments had been booked all the same (reported 2017)",
    ),
    _row(
        "nothing answers there",
        _M.NOT_DONE,
        "busy",
        _NOBODY,
        "500",
        text="could not find resource",
        note="HTTP 400 of an outage, on addresses that are right (reported 2018)",
    ),
    _row(
        "one name at a time",
        _M.NOT_DONE,
        "busy",
        _NOBODY,
        "6000",
        text="one name at a time",
        note="somebody else writes a name at this moment",
    ),
    _row(
        "inactive object",
        _M.BAD_REFERENCE,
        "gone",
        _BOOKKEEPER,
        "6000",
        text="cannot modify a list element that has been deleted",
        note="the customer that we would update was made inactive",
    ),
    _row(
        "no longer available",
        _M.BAD_REFERENCE,
        "reference-gone",
        _BOOKKEEPER,
        "6000",
        text="required is no longer available",
    ),
    _row(
        "closed books in words",
        _M.REFUSED,
        "closed-books",
        _BOOKKEEPER,
        "6000",
        text="prior to the closing date",
    ),
    # Examined further before a person is asked.
    _row("stale object", _M.STALE, "stale", _NOBODY, "5010"),
    _row("duplicate name", _M.DUPLICATE_NAME, "name-taken", _OFFICE, "6240"),
    _row("duplicate number", _M.DUPLICATE_NUMBER, "number-taken", _OFFICE, "6140"),
    _row("duplicate request", _M.DUPLICATE_REQUEST, "no-answer", _NOBODY, "600"),
    _row("dead reference", _M.BAD_REFERENCE, "reference-gone", _BOOKKEEPER, "610 2500"),
    _row("dead customer", _M.BAD_REFERENCE, "customer-gone", _BOOKKEEPER, "6250 6310"),
    _row("dead transaction", _M.BAD_REFERENCE, "parent-gone", _BOOKKEEPER, "620"),
    # The books say no.
    _row("closed books", _M.REFUSED, "closed-books", _BOOKKEEPER, "6200 6210"),
    _row("deposited", _M.REFUSED, "deposited", _BOOKKEEPER, "6450 6480 6540"),
    _row("sales tax", _M.REFUSED, "tax-setup", _BOOKKEEPER, "6100 6160 6170"),
    _row(
        "tied",
        _M.REFUSED,
        "tied",
        _BOOKKEEPER,
        "630 800 2220 5020 5030 6130 6180 6220 6270 6280 6440 10200",
    ),
    # The record itself.
    _row("too long", _M.REFUSED, "too-long", _OFFICE, "2050"),
    _row("characters", _M.REFUSED, "characters", _OFFICE, "2040"),
    _row("e-mail", _M.REFUSED, "email", _OFFICE, "2210 4002 6420"),
    _row("incomplete", _M.REFUSED, "incomplete", _OFFICE, "2250 6080"),
    _row("amount", _M.REFUSED, "amount", _OFFICE, "2140 2150 2160 2290 6090"),
    _row("amount of a line", _M.REFUSED, "line-amount", _OFFICE, "6070"),
    _row("date", _M.REFUSED, "date", _OFFICE, "2060 2070"),
    # Mistakes of the plugin.
    _row(
        "our mistake",
        _M.REFUSED,
        "refused",
        _OPERATOR,
        "500 1040 2010 2020 2030 2130 2170 3202 4000 4001 5000 6002 6041 10100",
    ),
    _row(
        "unreadable answer",
        _M.LOST,
        "no-answer",
        _NOBODY,
        f"none {NO_FAULT}",
        statuses=OK,
        note="cut, empty, a page, or a fault without a code, though the status is good",
    ),
    _row(
        "no fault",
        _M.LOST,
        "no-answer",
        _NOBODY,
        NO_FAULT,
        statuses=range(400, 500),
        note="a page of something between us, or nothing: QuickBooks refuses with a Fault",
    ),
    _row(
        "any other refusal",
        _M.REFUSED,
        "said",
        _OFFICE,
        note="QuickBooks' own words are shown; 6000 first of all",
    ),
)
"""Refusals by QuickBooks."""

NAMES: Final = (
    # No answer at all.
    _row(
        "not sent",
        _M.NOT_DONE,
        "unreachable",
        _NOBODY,
        "unreachable discovery",
        note="no connection was made: refused, no such host, TLS, a time-out before it was sent",
    ),
    _row(
        "answer lost",
        _M.LOST,
        "no-answer",
        _NOBODY,
        "no-answer unreadable lost-answer unknown-outcome request-running",
        note="a time-out or a break after sending, half a body, an answer without an Id",
    ),
    # Named by the plugin.
    _row("ours", _M.MAYBE_DONE, "internal", _NOBODY, "internal"),
    _row("unwritable", _M.REFUSED, "unwritable", _OFFICE, "unwritable"),
    _row("taken over", _M.NOT_DONE, "internal", _NOBODY, "lease-lost"),
    _row("renewal elsewhere", _M.NOT_DONE, "busy", _NOBODY, "busy"),
    _row("again", _M.NOT_DONE, "not-carried-out", _NOBODY, "not-carried-out replay-of-deleted"),
    _row("rest", _M.THROTTLED, "throttled", _NOBODY, "throttled"),
    _row("reads rest", _M.NOT_DONE, "reads-rest", _NOBODY, READS_REST),
    _row("reads used up", _M.NOT_DONE, "reads-used-up", _NOBODY, READS_USED_UP),
    _row("maintenance", _M.PAUSED, "company-maintenance", _NOBODY, "company-maintenance"),
    _row("stale", _M.STALE, "stale", _NOBODY, "stale"),
    _row(
        "no access",
        _M.UNAUTHORIZED,
        "unauthorized",
        _OFFICE,
        "unauthorized not-connected token-expired grant-revoked",
    ),
    _row("no rights", _M.FORBIDDEN, "forbidden", _OFFICE, "forbidden"),
    _row("unpaid", _M.SUBSCRIPTION, "subscription", _OFFICE, "subscription"),
    _row("other currency", _M.SUBSCRIPTION, "home-currency", _OFFICE, "home-currency"),
    _row("configuration", _M.PAUSED, "configuration", _OPERATOR, "configuration"),
    _row("ambiguous", _M.REFUSED, "ambiguous", _OFFICE, "ambiguous"),
    _row("voided there", _M.REFUSED, "voided-there", _OFFICE, "voided"),
    _row("both changed", _M.REFUSED, "both-changed", _OFFICE, "both-changed"),
    _row("parent unknown", _M.REFUSED, "parent-unknown", _OFFICE, "parent-unknown"),
    _row("name taken", _M.DUPLICATE_NAME, "name-taken", _OFFICE, "name-taken"),
    _row("number taken", _M.DUPLICATE_NUMBER, "number-taken", _OFFICE, "number-taken"),
    _row("item gone", _M.BAD_REFERENCE, "item-gone", _OFFICE, "item-gone"),
    _row("customer gone", _M.BAD_REFERENCE, "customer-gone", _BOOKKEEPER, "customer-gone"),
    _row("gone", _M.BAD_REFERENCE, "gone", _BOOKKEEPER, "gone record-gone"),
    _row("parent gone", _M.BAD_REFERENCE, "parent-gone", _BOOKKEEPER, "parent-gone invoice-gone"),
    _row("parent withheld", _M.REFUSED, "parent-withheld", _OFFICE, "parent-withheld"),
    _row("something gone", _M.BAD_REFERENCE, "reference-gone", _BOOKKEEPER, "reference-gone"),
    _row("closed", _M.REFUSED, "closed-books", _BOOKKEEPER, "closed-books"),
    _row("on a deposit", _M.REFUSED, "deposited", _BOOKKEEPER, "deposited"),
)
"""Errors without a code of QuickBooks', by the plugin's own names."""

_BY_NAME: Final = {row.name: row for row in TABLE}
_BY_CODE: Final = {code: row for row in NAMES for code in row.codes}


def row_of(info: ErrorInfo) -> Row:
    """Return the row of an error: the one that was stored with it, or that of a name of ours."""
    if info.cause in _BY_NAME:
        return _BY_NAME[info.cause]
    if info.code.startswith("oauth-"):
        return NAMES[0]
    if info.code in _BY_CODE:
        return _BY_CODE[info.code]
    error = FaultError(code=info.code, detail=info.text)
    return next(row for row in TABLE if row.fits(info.status or 0, error))
