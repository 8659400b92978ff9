"""The values that a host passes to its plugins: organizations, leads, invoices and payments.

They are permissive about people's data: an empty name or an odd e-mail address is for the plugin to
point out on the record, not a reason to fail the CRM's save. They are strict about programming
errors: a float for money is a ``TypeError`` where it is written.

Money is ``Decimal`` in US dollars; an ``int`` is taken as whole dollars.
"""

from __future__ import annotations

import functools
import logging
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Final

import attrs

log = logging.getLogger(__name__)

LARGEST_EXPONENT: Final = 20
"""Power of ten of the largest amount that is rounded."""

REGIONS: Final = {
    "USA": "US",
    "UNITED STATES": "US",
    "UNITED STATES OF AMERICA": "US",
    "BRA": "BR",
    "BRAZIL": "BR",
    "BRASIL": "BR",
}
"""Other names of a region."""
METHODS: Final = {
    "credit_card": "card",
    "debit_card": "card",
    "credit": "card",
    "debit": "card",
    "ach_debit": "ach",
    "ach_credit": "ach",
    "us_bank_account": "ach",
    "echeck": "ach",
    "e_check": "ach",
}
"""Other names of a method of payment, as processors have them."""


class Region(StrEnum):
    """Where an organization does business. Everything that is neither US nor BR is ``OTHER``.

    Names that are not known are ``OTHER``, too; each is logged once, since plugins for one region
    hide themselves from it.
    """

    US = "US"
    BR = "BR"
    OTHER = "OTHER"

    @classmethod
    def _missing_(cls, value: object) -> Region:
        # Of plain letters only: the upper case of others, such as a long s, is a plain one.
        text = " ".join(str(value).upper().split()) if str(value).isascii() else ""
        text = REGIONS.get(text, text)
        known = next((region for region in cls if region.value == text), None)
        if known is None and str(value).strip():
            _warn_once(f"region {str(value)[:40]!r} is not known and taken for OTHER, not for US")
        return known or cls.OTHER


class PaymentMethod(StrEnum):
    """How a customer paid.

    Usual other names are understood (``credit_card``); what is not known is ``OTHER`` and logged
    once, since it is then neither a card nor an ACH payment.
    """

    CARD = "card"
    ACH = "ach"
    CASH = "cash"
    CHECK = "check"
    BANK_TRANSFER = "bank_transfer"
    OTHER = "other"

    @classmethod
    def _missing_(cls, value: object) -> PaymentMethod:
        text = "_".join(str(value).lower().replace("-", " ").replace("_", " ").split())
        text = METHODS.get(text, text)
        known = next((method for method in cls if method.value == text), None)
        if known is None:
            _warn_once(f"payment method {str(value)[:40]!r} is not known and taken for OTHER")
        return known or cls.OTHER


class InvoiceStatus(StrEnum):
    """Whether an invoice is valid or was voided.

    A draft is not told to plugins at all; one that is sent, paid, part paid or overdue is ``OPEN``,
    since its payments say what is paid; one that is voided, canceled or deleted is ``VOID``. Any
    other text is an error, since guessing would put a canceled invoice into somebody's books.
    """

    OPEN = "open"
    VOID = "void"

    @classmethod
    def _missing_(cls, value: object) -> InvoiceStatus:
        raise ValueError(
            f"an invoice's status is 'open' or 'void', not {str(value)[:40]!r}: map every valid"
            " invoice to 'open', paid or not, and a canceled one to 'void'"
        )


class InvoiceSource(StrEnum):
    """What an invoice was created from; what is not known is ``OTHER``."""

    LEAD = "lead"
    JOB = "job"
    PROPOSAL = "proposal"
    OTHER = "other"

    @classmethod
    def _missing_(cls, value: object) -> InvoiceSource:
        text = str(value).strip().lower()
        return next((source for source in cls if source.value == text), cls.OTHER)


class RecordKind(StrEnum):
    """The three kinds of record that a host shows and a plugin may have a card for."""

    LEAD = "lead"
    INVOICE = "invoice"
    PAYMENT = "payment"


@functools.lru_cache(maxsize=100)
def _warn_once(text: str) -> None:
    """Log something the first time that it is met."""
    log.warning("%s", text)


def _money(value: Decimal | int) -> Decimal:
    """Convert to `Decimal`; refuse floats, which cannot represent cents."""
    if isinstance(value, bool) or not isinstance(value, Decimal | int):
        raise TypeError(f"money and quantities are Decimal, not {type(value).__name__}")
    amount = Decimal(value)
    if not amount.is_finite():
        raise ValueError("money and quantities are finite numbers")
    return amount


def _text(value: str | None) -> str:
    """Check a text; None means empty."""
    if value is None:
        return ""
    if not isinstance(value, str):
        raise TypeError(f"expected a text, not {type(value).__name__}")
    return value


def _identifier(value: str | int) -> str:
    """Convert a host's id to text; it is never empty."""
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise TypeError(f"an id is a text or a whole number, not {type(value).__name__}")
    text = str(value)
    if not text:
        raise ValueError("an id is never empty")
    return text


def _optional_identifier(value: str | int | None) -> str | None:
    return None if value in (None, "") else _identifier(value)


def _day(value: date) -> date:
    """Check a calendar day; a datetime is refused, since its day depends on a time zone."""
    if isinstance(value, datetime) or not isinstance(value, date):
        raise TypeError(f"expected a date, not {type(value).__name__}")
    return value


def _lines(value: tuple[LineItem, ...] | list[LineItem]) -> tuple[LineItem, ...]:
    lines = tuple(value)
    if not all(isinstance(line, LineItem) for line in lines):
        raise TypeError("an invoice's lines are LineItem values")
    return lines


@attrs.frozen(kw_only=True)
class Organization:
    """One customer of DunaHub: a contractor's company.

    Attributes:
        id: the host's id, by which a plugin separates what it stores.
        name: as the contractor writes it.
        region: decides which plugins are available.
        timezone: an IANA name; dates and times on pages are in it.
    """

    id: str = attrs.field(converter=_identifier)
    name: str = attrs.field(default="", converter=_text)
    region: Region = attrs.field(converter=Region)
    timezone: str = attrs.field(default="America/New_York", converter=_text)


@attrs.frozen(kw_only=True)
class Person:
    """A member of the office who is signed in to the host."""

    id: str = attrs.field(converter=_identifier)
    name: str = attrs.field(default="", converter=_text)
    email: str = attrs.field(default="", converter=_text)


@attrs.frozen(kw_only=True)
class Address:
    """A postal address in the United States, in the usual parts."""

    line1: str = attrs.field(default="", converter=_text)
    line2: str = attrs.field(default="", converter=_text)
    city: str = attrs.field(default="", converter=_text)
    state: str = attrs.field(default="", converter=_text)
    postal_code: str = attrs.field(default="", converter=_text)
    country: str = attrs.field(default="", converter=_text)


@attrs.frozen(kw_only=True)
class Lead:
    """A person or company that the contractor works for, or may work for.

    Attributes:
        id: the host's id.
        name: the person's full name as one text.
        first_name, last_name: the same in parts, where the host knows them.
        company: the firm's name, where the lead is one.
    """

    id: str = attrs.field(converter=_identifier)
    name: str = attrs.field(default="", converter=_text)
    first_name: str = attrs.field(default="", converter=_text)
    last_name: str = attrs.field(default="", converter=_text)
    company: str = attrs.field(default="", converter=_text)
    email: str = attrs.field(default="", converter=_text)
    phone: str = attrs.field(default="", converter=_text)
    address: Address = attrs.field(factory=Address, validator=attrs.validators.instance_of(Address))


@attrs.frozen(kw_only=True)
class LineItem:
    """One line of an invoice.

    Attributes:
        description: what was done, for the customer's eyes.
        quantity: how many; may have decimals (2.5 hours).
        unit_price: dollars for one; may have more than two decimals.
        amount: dollars for the line; by default quantity times unit price, to the cent.
        service_id: the host's id of the service sold, None for a free-text line.
        service_name: that service's name as the office knows it.
        taxable: whether sales tax applies to the line.
    """

    description: str = attrs.field(default="", converter=_text)
    quantity: Decimal = attrs.field(default=Decimal(1), converter=_money)
    unit_price: Decimal = attrs.field(converter=_money)
    amount: Decimal = attrs.field(
        default=attrs.Factory(lambda line: line.quantity_times_price, takes_self=True),
        converter=_money,
    )
    service_id: str | None = attrs.field(default=None, converter=_optional_identifier)
    service_name: str = attrs.field(default="", converter=_text)
    taxable: bool = attrs.field(default=False, validator=attrs.validators.instance_of(bool))

    @property
    def quantity_times_price(self) -> Decimal:
        """Dollars that quantity and price come to, to the cent."""
        return round_cents(self.quantity * self.unit_price)


@attrs.frozen(kw_only=True)
class Invoice:
    """A bill to a lead.

    Attributes:
        id: the host's id.
        number: the number that the customer sees.
        lead: the lead that it bills, complete and as it is now, which makes up for a missed event.
        lines: the billed lines.
        discount: dollars taken off the sum of the lines, before tax.
        tax: dollars of sales tax.
        total: dollars to pay; by default lines minus discount plus tax, each to the cent.
        issued_on, due_on: calendar days in the organization's time zone.
        message: a note that the customer sees on the invoice.
        status: VOID once it was voided in the host.
        source: what it was created from.
    """

    id: str = attrs.field(converter=_identifier)
    number: str = attrs.field(default="", converter=_text)
    lead: Lead = attrs.field(validator=attrs.validators.instance_of(Lead))
    lines: tuple[LineItem, ...] = attrs.field(converter=_lines)
    discount: Decimal = attrs.field(default=Decimal(0), converter=_money)
    tax: Decimal = attrs.field(default=Decimal(0), converter=_money)
    total: Decimal = attrs.field(
        default=attrs.Factory(lambda invoice: invoice.sum_of_lines, takes_self=True),
        converter=_money,
    )
    issued_on: date = attrs.field(converter=_day)
    due_on: date | None = attrs.field(default=None, converter=attrs.converters.optional(_day))
    message: str = attrs.field(default="", converter=_text)
    status: InvoiceStatus = attrs.field(default=InvoiceStatus.OPEN, converter=InvoiceStatus)
    source: InvoiceSource = attrs.field(default=InvoiceSource.OTHER, converter=InvoiceSource)

    @property
    def sum_of_lines(self) -> Decimal:
        """Dollars that the lines come to, less the discount and with the tax, each to the cent."""
        lines = sum((round_cents(line.amount) for line in self.lines), Decimal(0))
        return lines - round_cents(self.discount) + round_cents(self.tax)


@attrs.frozen(kw_only=True)
class Payment:
    """Money that a customer paid on an invoice.

    Attributes:
        id: the host's id.
        invoice_id: the invoice that it pays.
        invoice_number: that invoice's number, so that a message can name it.
        amount: dollars.
        method: how it was paid.
        collected_by_dunahub: True when it went through DunaHub's own card or ACH flow.
        paid_on: the calendar day in the organization's time zone.
        reference: the processor's id of the payment.
        invoice: the invoice that it pays, whole and as it is now, where the host has it at hand: a
            payment of an invoice that a plugin never heard of brings it along. None otherwise.

    Raises:
        ValueError: the invoice is another one than ``invoice_id`` says.
    """

    id: str = attrs.field(converter=_identifier)
    invoice_id: str = attrs.field(converter=_identifier)
    invoice_number: str = attrs.field(default="", converter=_text)
    amount: Decimal = attrs.field(converter=_money)
    method: PaymentMethod = attrs.field(converter=PaymentMethod)
    collected_by_dunahub: bool = attrs.field(validator=attrs.validators.instance_of(bool))
    paid_on: date = attrs.field(converter=_day)
    reference: str = attrs.field(default="", converter=_text)
    invoice: Invoice | None = attrs.field(
        default=None, validator=attrs.validators.optional(attrs.validators.instance_of(Invoice))
    )

    @invoice.validator
    def _is_the_one_it_pays(self, _attribute: object, value: Invoice | None) -> None:
        if value is not None and value.id != self.invoice_id:
            raise ValueError("the invoice of a payment is the one that invoice_id names")


def round_cents(amount: Decimal) -> Decimal:
    """Round dollars to cents, half up, as an invoice does.

    A number with more digits than any books hold is returned unchanged.
    """
    if amount.adjusted() > LARGEST_EXPONENT:
        return amount
    return amount.quantize(Decimal("0.01"), rounding="ROUND_HALF_UP")
