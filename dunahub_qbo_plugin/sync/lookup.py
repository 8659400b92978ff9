"""Looking in QuickBooks before writing again: was an unanswered create carried out after all?

An object is ours when it bears our marker and agrees in its number, or in customer and total: the
bookkeeper may have changed the rest since. Without a marker everything that identifies it must
agree. When only some of it agrees, a person is asked.
"""

from __future__ import annotations

import re
from datetime import timedelta
from decimal import Decimal
from enum import IntEnum
from typing import TYPE_CHECKING, Any, Final

import attrs

from dunahub_qbo_plugin.model import Kind, ReadReason, Written
from dunahub_qbo_plugin.qbo.exact_json import decode
from dunahub_qbo_plugin.qbo.payloads import written_of
from dunahub_qbo_plugin.qbo.query import select

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from dunahub_qbo_plugin.model import Intent
    from dunahub_qbo_plugin.qbo.client import QboClient
    from dunahub_qbo_plugin.qbo.query import Condition
    from dunahub_qbo_plugin.sync.attempt import Attempt

    Entity = Mapping[str, Any]

_MARKER: Final = re.compile(r"\[DunaHub (?:invoice|payment) [^\]]*\]")
CREATED_WITHIN: Final = timedelta(days=1)
"""How far from our own time of sending an object may say that it was created: no clock is off by
more, and a day's documents of one company fit into one answer."""
MOST_CREATED: Final = 1000


class Agreement(IntEnum):
    """How far what was found agrees with what was sent."""

    NONE = 0
    SOME = 1
    OURS = 2
    ALL = 3


@attrs.frozen(kw_only=True)
class Found:
    """What a look came to.

    Attributes:
        name: how QuickBooks calls the object.
        marked: True when it bears our marker of this very record.
    """

    agreement: Agreement
    written: Written | None = None
    name: str = ""
    marked: bool = False

    @property
    def is_ours(self) -> bool:
        """Whether it surely is what was sent."""
        return self.agreement >= Agreement.OURS


NOTHING: Final = Found(agreement=Agreement.NONE)


def look_for(client: QboClient, attempt: Attempt) -> Found:
    """Look for the object that a create would have made, in one to three requests.

    Raises:
        QboError: QuickBooks could not be asked.
    """
    sent = decode(attempt.intent.body.encode())
    best, best_rank = NOTHING, (Agreement.NONE, 0)
    for statement in _statements(attempt, sent):
        for candidate in client.query(
            attempt.grant, statement, reason=ReadReason.LOOK, check=attempt.check
        ):
            declined = str(candidate.get("Id")) == attempt.claim.declined
            if declined and not _marks(sent) & _marks(candidate):
                continue
            found = compare(attempt.intent, candidate)
            # Of a copy that was made in QuickBooks the original is the older one.
            rank = (found.agreement, -_number(candidate.get("Id")))
            if found.agreement and rank > best_rank:
                best, best_rank = found, rank
        if best.is_ours:
            return best
    return best


def compare(intent: Intent, candidate: Entity) -> Found:
    """Compare one object with what a create would have made."""
    sent = decode(intent.body.encode())
    agreement = _COMPARED[Kind(intent.entity)](sent, candidate)
    if not agreement:
        return NOTHING
    name = candidate.get("DisplayName") or candidate.get("DocNumber") or candidate["Id"]
    written = written_of(candidate, intent.entity)
    marked = bool(_marks(sent) & _marks(candidate))
    return Found(agreement=agreement, written=written, name=str(name), marked=marked)


def _statements(attempt: Attempt, sent: Entity) -> Iterator[str]:
    """Ask by number or name, then for what was created about the time of sending.

    What people change of an object leaves the time of its creation as it was. After restoring a
    backup nobody knows when it was sent: then by day, first with the customer, who may be merged
    into another since.
    """
    entity = attempt.intent.entity.capitalize()
    if entity == "Customer":
        yield select(entity, [("DisplayName", "=", sent["DisplayName"])], max=10)
        return
    if sent.get("DocNumber"):
        yield select(entity, [("DocNumber", "=", sent["DocNumber"])], max=20)
    if attempt.is_resend:
        first = attempt.claim.intent_at or attempt.now
        last = attempt.claim.intent_sent_at or attempt.now
        created: list[Condition] = [
            ("MetaData.CreateTime", ">=", first - CREATED_WITHIN),
            ("MetaData.CreateTime", "<=", last + CREATED_WITHIN),
        ]
        yield select(entity, created, max=MOST_CREATED)
    else:
        that_day: Condition = ("TxnDate", "=", sent["TxnDate"])
        yield select(entity, [("CustomerRef", "=", _value(sent, "CustomerRef")), that_day], max=100)
        yield select(entity, [that_day], max=MOST_CREATED)


def _number(text: object) -> int:
    return int(str(text)) if str(text).isascii() and str(text).isdecimal() else 0


def _value(entity: Entity, field: str) -> str:
    ref = entity.get(field)
    return str(ref.get("value", "")) if isinstance(ref, dict) else ""


def _words(value: object) -> str:
    return " ".join(str(value or "").split()).casefold()


def _net(entity: Entity) -> Decimal:
    """Return a total without sales tax, which QuickBooks may compute in its own way."""
    tax = Decimal((entity.get("TxnTaxDetail") or {}).get("TotalTax", 0))
    if "TotalAmt" in entity:
        return Decimal(entity["TotalAmt"]) - tax
    total = Decimal(0)
    for line in entity.get("Line", ()):
        sign = -1 if line.get("DetailType") == "DiscountLineDetail" else 1
        total += sign * Decimal(line.get("Amount", 0))
    return total


def _marks(entity: Entity) -> set[str]:
    return set(_MARKER.findall(str(entity.get("PrivateNote") or "")))


def _invoices(sent: Entity, candidate: Entity) -> Agreement:
    return _transactions(sent, candidate, number="DocNumber")


def _payments(sent: Entity, candidate: Entity) -> Agreement:
    return _transactions(sent, candidate, number="PaymentRefNum")


def _transactions(sent: Entity, candidate: Entity, *, number: str) -> Agreement:
    """Compare number or reference, customer, total and date; our marker counts more than these."""
    ours, theirs = _marks(sent), _marks(candidate)
    marked = bool(ours & theirs)
    if theirs and not marked:
        return Agreement.NONE  # it is another record of ours
    told = str(sent.get(number) or "")
    named = told == str(candidate.get(number) or "") if told else marked
    same_customer = _value(sent, "CustomerRef") == _value(candidate, "CustomerRef")
    same_total = _net(sent) == _net(candidate)
    if named and same_customer and same_total and sent.get("TxnDate") == candidate.get("TxnDate"):
        return Agreement.ALL
    if marked and ((told and named) or (same_customer and same_total)):
        return Agreement.OURS
    return Agreement.SOME if marked or (named and same_customer) else Agreement.NONE


def _customers(sent: Entity, candidate: Entity) -> Agreement:
    """Compare name and e-mail; where neither has an e-mail, the telephone stands for it."""
    if _words(sent.get("DisplayName")) != _words(candidate.get("DisplayName")):
        return Agreement.NONE
    for field, part in (("PrimaryEmailAddr", "Address"), ("PrimaryPhone", "FreeFormNumber")):
        ours = _words((sent.get(field) or {}).get(part))
        theirs = _words((candidate.get(field) or {}).get(part))
        if ours or theirs:
            return Agreement.ALL if ours == theirs else Agreement.SOME
    return Agreement.SOME


_COMPARED: Final[dict[Kind, Callable[[Entity, Entity], Agreement]]] = {
    Kind.CUSTOMER: _customers,
    Kind.INVOICE: _invoices,
    Kind.PAYMENT: _payments,
}
