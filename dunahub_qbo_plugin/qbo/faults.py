"""Tell a successful answer from a refusal, and build the refusal's error. Pure functions.

What a refusal means is data: see `dunahub_qbo_plugin.qbo.fault_table`.
"""

from __future__ import annotations

import re
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from dunahub_qbo_plugin import errors
from dunahub_qbo_plugin.model import ErrorInfo
from dunahub_qbo_plugin.qbo import envelope
from dunahub_qbo_plugin.qbo.answer import retry_after, tid_of
from dunahub_qbo_plugin.qbo.consequences import CONSEQUENCES, Meaning
from dunahub_qbo_plugin.qbo.fault_table import NO_FAULT, OK, TABLE, Row
from dunahub_qbo_plugin.qbo.redact import redact

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from dunahub_qbo_plugin.qbo.answer import Answer


MAX_DETAIL_LENGTH = 10_000
"""Characters of a detail that are searched at most."""

_FOR_A_PERSON = (Meaning.REFUSED, Meaning.SUBSCRIPTION)
_THROTTLE_TEXT = re.compile(r"errorCode=0*3001\b|ThrottleExceeded")
_SUBJECTS = {
    "6140": re.compile(r"TxnId=(\w+)"),
    "6240": re.compile(r"\bId=(\d+)"),
    "2500": re.compile(r"\b(\w{1,40} element id \S{1,40}) not found"),
}


def examine(
    answer: Answer, *, now: datetime, secrets: Iterable[str] = ()
) -> Mapping[str, Any] | errors.QboError:
    """Return the payload of a successful answer, or the error to raise for any other.

    Args:
        answer: status, headers and body.
        now: for a ``Retry-After`` that is a date.
        secrets: values to hide from the error's texts.
    """
    reading = envelope.read(answer.body)
    good = answer.status in OK
    if good and not reading.errors and reading.payload is not None:
        return reading.payload
    said = f"QuickBooks answered, but {reading.problem}." if good else reading.text
    unread = envelope.FaultError(code=_throttled(reading.text) or NO_FAULT, detail=said)
    nameless = "unreadable" if good else f"http-{answer.status}"
    return _refusal(
        answer.status,
        reading.errors or (unread,),
        is_fault=bool(reading.errors),
        nameless=nameless,
        tid=tid_of(answer.headers),
        wait=retry_after(answer.headers, now),
        secrets=secrets,
    )


def refused_item(
    item: Mapping[str, Any], *, tid: str, secrets: Iterable[str] = ()
) -> errors.QboError | None:
    """Return the error of one item of a batch, None if it succeeded."""
    found = tuple(envelope.errors_in(item))
    if not found:
        return None
    return _refusal(
        HTTPStatus.OK,
        found,
        is_fault=True,
        nameless="unreadable",
        tid=tid,
        wait=None,
        secrets=secrets,
    )


def _refusal(
    status: int,
    found: tuple[envelope.FaultError, ...],
    *,
    is_fault: bool,
    nameless: str,
    tid: str,
    wait: float | None,
    secrets: Iterable[str],
) -> errors.QboError:
    row, error = decide(status, found)
    info = ErrorInfo(
        code=nameless if error.number in {"", NO_FAULT} else error.number,
        text=redact(_text(error), secrets=secrets, suspicious=status == HTTPStatus.UNAUTHORIZED),
        status=int(status),
        element=redact(error.element, secrets=secrets),
        intuit_tid=tid,
        subject=_subject(error),
        cause=row.name,
    )
    return _make(row.meaning, info, wait, is_fault=is_fault)


def decide(status: int, found: tuple[envelope.FaultError, ...]) -> tuple[Row, envelope.FaultError]:
    """Choose among several errors: one that needs a person outweighs one that passes."""
    decided = [(next(row for row in TABLE if row.fits(status, error)), error) for error in found]
    refused = (pair for pair in decided if pair[0].meaning in _FOR_A_PERSON)
    return next(refused, decided[0])


def _make(
    meaning: Meaning, info: ErrorInfo, wait: float | None, *, is_fault: bool
) -> errors.QboError:
    follows = CONSEQUENCES[meaning]
    refuses = is_fault and not follows.maybe_done
    if follows.error is errors.Busy:
        throttled = meaning in (Meaning.THROTTLED, Meaning.PAUSED)
        return errors.Busy(info, retry_after=wait, throttled=throttled, refuses=refuses)
    if follows.error is errors.Unreachable:
        return errors.Unreachable(info, sent=follows.maybe_done)
    return follows.error(info, refuses=refuses)


def _throttled(text: str) -> str:
    """Recognize throttling in a text that is no fault (a proxy's page around it)."""
    return "3001" if _THROTTLE_TEXT.search(text) else ""


def _text(error: envelope.FaultError) -> str:
    message, detail = error.message.strip(), error.detail.strip()
    if not message or detail.startswith(message):
        return detail
    return f"{message}: {detail}" if detail else message


def _subject(error: envelope.FaultError) -> str:
    """Find what the error is about: a transaction's or a name's Id, a dead reference."""
    pattern = _SUBJECTS.get(error.number)
    match = pattern.search(error.detail[:MAX_DETAIL_LENGTH]) if pattern else None
    return match[1][:100] if match else ""
