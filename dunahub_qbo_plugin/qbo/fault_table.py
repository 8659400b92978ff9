"""One table: what each refusal of QuickBooks means for a request.

Read from the top, the first row that fits counts. By status first, then by code: texts are
localized and decide only where one code stands for two things (6000). Sources: Intuit's list of
error codes, and recorded answers.
"""

from __future__ import annotations

import re
from enum import StrEnum
from typing import TYPE_CHECKING

import attrs

if TYPE_CHECKING:
    from collections.abc import Collection

    from dunahub_qbo_plugin.qbo.envelope import FaultError


class Meaning(StrEnum):
    """What a refusal amounts to; `faults.examine` makes the error of it."""

    THROTTLED = "Busy: throttled, not carried out, the whole company waits"
    PAUSED = "Busy: the company is out of order, not carried out, all of it waits"
    NOT_DONE = "Busy: passes by itself, not carried out"
    MAYBE_DONE = "Busy: passes by itself, unknown whether it was carried out"
    UNAUTHORIZED = "Unauthorized"
    FORBIDDEN = "Forbidden"
    STALE = "Stale"
    DUPLICATE_NAME = "DuplicateName"
    DUPLICATE_NUMBER = "DuplicateNumber"
    DUPLICATE_REQUEST = "DuplicateRequest"
    BAD_REFERENCE = "BadReference"
    REFUSED = "Refused"
    LOST = "Unreachable: unknown whether it was carried out"


@attrs.frozen(kw_only=True)
class Row:
    """One row of the table.

    Attributes:
        name: stable, for tests and documents.
        meaning: what follows from it.
        statuses: HTTP statuses that it is about; empty for any.
        codes: QuickBooks' codes that it is about, without leading zeros ("" for none); empty for
            any.
        text: what message or detail must contain besides, if anything.
        note: why.
    """

    name: str
    meaning: Meaning
    statuses: Collection[int] = ()
    codes: Collection[str] = ()
    text: re.Pattern[str] | None = None
    note: str = ""

    def fits(self, status: int, error: FaultError) -> bool:
        """Tell whether an error of an answer is this row's."""
        return (
            (not self.statuses or status in self.statuses)
            and (not self.codes or error.number in self.codes)
            and (self.text is None or bool(self.text.search(f"{error.message}\n{error.detail}")))
        )


OK = range(200, 300)
REDIRECT = range(300, 400)
SERVER_ERROR = range(500, 600)

TABLE = (
    Row(name="too many requests", statuses={429}, meaning=Meaning.THROTTLED),
    Row(
        name="throttled in words",
        codes={"3001"},
        meaning=Meaning.THROTTLED,
        note="recorded with HTTP 403 in 2016",
    ),
    Row(
        name="server error",
        statuses=SERVER_ERROR,
        meaning=Meaning.MAYBE_DONE,
        note="whatever the body says; Intuit: send it again",
    ),
    Row(name="request time-out", statuses={408}, meaning=Meaning.MAYBE_DONE),
    Row(
        name="redirected",
        statuses=REDIRECT,
        meaning=Meaning.LOST,
        note="QuickBooks does not redirect: something between us does",
    ),
    Row(
        name="user lost access",
        codes={"120"},
        meaning=Meaning.FORBIDDEN,
        note="the person who connected is no longer in the company",
    ),
    Row(
        name="wrong cluster",
        codes={"130"},
        meaning=Meaning.PAUSED,
        note="QuickBooks looked for the company in the wrong place",
    ),
    Row(name="company locked", codes={"140"}, meaning=Meaning.PAUSED),
    Row(name="company under maintenance", codes={"150"}, meaning=Meaning.PAUSED),
    Row(
        name="authentication failed",
        statuses={401},
        meaning=Meaning.UNAUTHORIZED,
        note="also 100 and 110: recorded for an expired token as well as for a wrong company",
    ),
    Row(
        name="authentication failed in words",
        codes={"100", "110", "3200"},
        meaning=Meaning.UNAUTHORIZED,
    ),
    Row(name="not allowed", statuses={403}, meaning=Meaning.FORBIDDEN),
    Row(name="not allowed in words", codes={"3100"}, meaning=Meaning.FORBIDDEN),
    Row(
        name="subscription ended",
        codes={"6190"},
        meaning=Meaning.REFUSED,
        note="recorded with HTTP 200; concerns every record of the company",
    ),
    Row(
        name="system failure",
        codes={"10000"},
        meaning=Meaning.MAYBE_DONE,
        note="recorded with HTTP 500 and with HTTP 200",
    ),
    Row(
        name="passing internal error",
        codes={"6000"},
        text=re.compile(r"(?i)wait a few minutes|\(-30000\)"),
        meaning=Meaning.NOT_DONE,
        note="HTTP 400, yet it passes",
    ),
    Row(
        name="one name at a time",
        codes={"6000"},
        text=re.compile(r"(?i)one name at a time"),
        meaning=Meaning.NOT_DONE,
        note="somebody else writes a name at this moment",
    ),
    Row(
        name="inactive object",
        codes={"6000"},
        text=re.compile(r"(?i)cannot modify a list element that has been deleted"),
        meaning=Meaning.BAD_REFERENCE,
        note="the customer that we would update was made inactive",
    ),
    Row(name="stale object", codes={"5010"}, meaning=Meaning.STALE),
    Row(name="duplicate name", codes={"6240"}, meaning=Meaning.DUPLICATE_NAME),
    Row(name="duplicate number", codes={"6140"}, meaning=Meaning.DUPLICATE_NUMBER),
    Row(name="duplicate request", codes={"600"}, meaning=Meaning.DUPLICATE_REQUEST),
    Row(name="dead reference", codes={"610", "2500"}, meaning=Meaning.BAD_REFERENCE),
    Row(
        name="unreadable answer",
        statuses=OK,
        codes={""},
        meaning=Meaning.LOST,
        note="cut, empty, a page, or a fault without a code, though the status is good",
    ),
    Row(name="any other refusal", meaning=Meaning.REFUSED),
)
