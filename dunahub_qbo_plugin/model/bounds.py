"""What of a record is taken in, at most: the one place where strangers' texts are cut and cleaned.

Anybody may fill in a contractor's web form, and a host passes on what it was given. What comes
after, a pattern, a row, a page or a file, need not be ready for megabytes, or for half a character.
Every bound is beyond what QuickBooks takes: what is cut here is refused later, in words, as before.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final, TypeVar

import attrs

if TYPE_CHECKING:
    from collections.abc import Iterable

    from dunahub_hookspecs import Address, Invoice, Lead, LineItem, Payment

_T = TypeVar("_T", bound="Address | Invoice | Lead | LineItem | Payment")

MAX_TEXT: Final = 5000
"""Characters of one text; QuickBooks takes 4,000 of its longest."""
MAX_LINES: Final = 1000
"""Lines of an invoice that is sent. QuickBooks takes 750 of a taxable one (Intuit's API reference,
Invoice), and imports files of 1,000 rows."""

MAX_LINES_TEXT: Final = 500_000
"""Characters of all lines of an invoice together; as JSON they can be twelve times as many."""

UNSTORABLE: Final = re.compile("[\0\ud800-\udfff]")
"""What PostgreSQL does not take, and no file or page in UTF-8: NUL, and half a character."""

_IDS: Final = frozenset({"id", "invoice_id", "service_id"})
_ADDRESS: Final = ("line1", "line2", "city", "state", "postal_code", "country")
_LEAD: Final = ("id", "name", "first_name", "last_name", "company", "email", "phone")
_LINE: Final = ("description", "service_id", "service_name")
_INVOICE: Final = ("id", "number", "message")
_PAYMENT: Final = ("id", "invoice_id", "invoice_number", "reference")


def lead(value: Lead) -> Lead:
    """Return a lead within bounds; itself if it is."""
    return _with(value, _changes(value, _LEAD) | _if_other("address", value.address, address))


def address(value: Address) -> Address:
    """Return an address within bounds; itself if it is."""
    return _with(value, _changes(value, _ADDRESS))


def invoice(value: Invoice) -> Invoice:
    """Return an invoice within bounds, with its lead; itself if it is.

    Of one with too many lines one more than `MAX_LINES` is kept, enough to refuse it by; of one
    with too much text in them as many bare ones.
    """
    changes = _changes(value, _INVOICE) | _if_other("lead", value.lead, lead)
    lines = [_line(line) for line in value.lines[: MAX_LINES + 1]]
    if sum(len(line.description) + len(line.service_name) for line in lines) > MAX_LINES_TEXT:
        lines = [attrs.evolve(lines[0], description="", service_name="")] * (MAX_LINES + 1)
    if len(lines) < len(value.lines) or not _same(lines, value.lines):
        changes["lines"] = lines
    return _with(value, changes)


def payment(value: Payment) -> Payment:
    """Return a payment within bounds; itself if it is. The invoice that it carries is left out."""
    changes = _changes(value, _PAYMENT)
    if value.invoice is not None:
        changes["invoice"] = None
    return _with(value, changes)


def text(value: str, limit: int = MAX_TEXT) -> str:
    """Return a text that any database, index, page and file takes, cut to a length."""
    cut = value if len(value) <= limit else value[: limit * 2]
    if cut.isascii() and "\0" not in cut:
        return cut[:limit]
    return UNSTORABLE.sub("", cut)[:limit]


def _line(value: LineItem) -> LineItem:
    return _with(value, _changes(value, _LINE))


def _changes(value: object, names: Iterable[str]) -> dict[str, Any]:
    """Return the fields that are not within bounds, as they are to be."""
    found: dict[str, Any] = {}
    for name in names:
        was = getattr(value, name)
        if was is None:
            continue
        # An id's characters are told apart, and refused, where ids are: what is dropped could be
        # the difference between two.
        now = was[:MAX_TEXT] if name in _IDS else text(was)
        if now is not was and now != was:
            found[name] = now
    return found


def _if_other(name: str, was: Any, bounded: Any) -> dict[str, Any]:  # noqa: ANN401  a value and its function
    now = bounded(was)
    return {} if now is was else {name: now}


def _same(these: Iterable[object], those: Iterable[object]) -> bool:
    return all(this is that for this, that in zip(these, those, strict=True))


def _with(value: _T, changes: dict[str, Any]) -> _T:
    return attrs.evolve(value, **changes) if changes else value
