"""What is worth telling of a try besides its outcome."""

from __future__ import annotations

from enum import StrEnum


class Note(StrEnum):
    """What was noticed; the page has the words."""

    FOUND_AGAIN = "found-again"
    """A look found the object whose answer had been lost."""
    ACCEPTED_BEFORE = "accepted-before"
    """A resend was answered as an earlier try would have been."""
    SENT_BEFORE = "sent-before"
    """A look found what was sent before a backup was taken, or by an earlier installation."""
    FOUND_CHANGED = "found-changed"
    """A look found what was sent before, changed in QuickBooks since."""
    FOUND_VOIDED = "found-voided"
    """What was to be voided was voided in QuickBooks already."""
    CHANGED_SINCE = "changed-since"
    """Somebody changed it in QuickBooks since it was last sent."""
    PAID_SINCE = "paid-since"
    """Payments changed it in QuickBooks since it was last sent."""
    ITEM_REPLACED = "item-replaced"
    """A product was gone, and the list that was read again has another one."""
    DETAILS_LEFT_OUT = "details-left-out"
    """A customer was sent without a contact detail that QuickBooks would have refused."""
    UNAPPLIED = "unapplied"
    """Not all of a payment is applied to its invoice."""
    VOIDED_WITH_PAYMENTS = "voided-with-payments"
    """An invoice was voided, and QuickBooks keeps its payments."""
    INVOICE_VOIDED = "invoice-voided"
    """The invoice of a payment was voided, and QuickBooks keeps the payment."""
