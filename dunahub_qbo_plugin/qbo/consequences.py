"""What follows from a refusal, or from no answer, for the record and for its company."""

from __future__ import annotations

from enum import StrEnum
from typing import Final, Literal

import attrs

from dunahub_qbo_plugin import errors


class Who(StrEnum):
    """Who can resolve it."""

    OFFICE = "office"
    BOOKKEEPER = "bookkeeper"
    OPERATOR = "operator"
    NOBODY = "nobody"


class Meaning(StrEnum):
    """What a refusal means, and when the record is tried again."""

    THROTTLED = "the whole company waits as long as it was told, else a minute"
    PAUSED = "the company is out of order: all of it waits a minute"
    NOT_DONE = "passes by itself: again with back-off, nothing was carried out"
    MAYBE_DONE = "passes by itself: again with back-off, to the letter under the same key"
    LOST = "no answer: again with back-off, to the letter under the same key"
    UNAUTHORIZED = "at once with a new access token; refused again, the company waits 10 minutes"
    FORBIDDEN = "the company waits for a person, and is tried every 10 minutes"
    SUBSCRIPTION = "the company waits for a person, and is tried every hour"
    STALE = "at once, after reading the object anew"
    DUPLICATE_NAME = "never by itself; QuickBooks is asked who holds the name"
    DUPLICATE_NUMBER = "never by itself, unless the holder of the number is this very record"
    DUPLICATE_REQUEST = "by itself: looked for first, under the same key for some minutes"
    BAD_REFERENCE = "never by itself, unless a look shows another object to refer to"
    REFUSED = "never by itself: a person changes something or presses Retry"


@attrs.frozen(kw_only=True)
class Consequence:
    """What becomes of a refused record, unless the reconciler learns more.

    Attributes:
        error: the exception that the client raises.
        becomes: what becomes of the record: ``retry`` and ``paused`` stay due and show as Waiting,
            ``rejected`` needs attention. ``paused`` leaves the record as if it had not been tried.
        maybe_done: True when the request may have been carried out; it is then resent unchanged,
            under the same key.
        pause: seconds for which nothing of the company is sent; None if only the record waits.
    """

    error: type[errors.QboError]
    becomes: Literal["retry", "paused", "rejected"]
    maybe_done: bool = False
    pause: float | None = None


_MINUTE: Final = 60.0
_SELDOM: Final = 600.0
_HOUR: Final = 3600.0

CONSEQUENCES: Final[dict[Meaning, Consequence]] = {
    Meaning.THROTTLED: Consequence(error=errors.Busy, becomes="retry", pause=_MINUTE),
    Meaning.PAUSED: Consequence(error=errors.Busy, becomes="retry", pause=_MINUTE),
    Meaning.NOT_DONE: Consequence(error=errors.Busy, becomes="retry"),
    Meaning.MAYBE_DONE: Consequence(error=errors.Busy, becomes="retry", maybe_done=True),
    Meaning.LOST: Consequence(error=errors.Unreachable, becomes="retry", maybe_done=True),
    Meaning.UNAUTHORIZED: Consequence(error=errors.Unauthorized, becomes="paused", pause=_SELDOM),
    Meaning.FORBIDDEN: Consequence(error=errors.Forbidden, becomes="paused", pause=_SELDOM),
    Meaning.SUBSCRIPTION: Consequence(error=errors.Refused, becomes="paused", pause=_HOUR),
    Meaning.STALE: Consequence(error=errors.Stale, becomes="retry"),
    Meaning.DUPLICATE_NAME: Consequence(error=errors.DuplicateName, becomes="rejected"),
    Meaning.DUPLICATE_NUMBER: Consequence(error=errors.DuplicateNumber, becomes="rejected"),
    Meaning.DUPLICATE_REQUEST: Consequence(
        error=errors.DuplicateRequest, becomes="retry", maybe_done=True
    ),
    Meaning.BAD_REFERENCE: Consequence(error=errors.BadReference, becomes="rejected"),
    Meaning.REFUSED: Consequence(error=errors.Refused, becomes="rejected"),
}
