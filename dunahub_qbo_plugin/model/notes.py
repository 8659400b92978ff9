"""What is worth telling of a try besides its outcome."""

from __future__ import annotations

from enum import StrEnum


class Note(StrEnum):
    """What was noticed; the page has the words."""

    FOUND_AGAIN = "found-again"
    """A look found the object whose answer had been lost."""
    ACCEPTED_BEFORE = "accepted-before"
    """A resend was answered as an earlier try would have been."""
    DELETED_MEANWHILE = "deleted-meanwhile"
    """What an earlier try had made was deleted in QuickBooks since."""
    FOUND_VOIDED = "found-voided"
    """What was to be voided was voided in QuickBooks already."""
    VOIDED_THERE = "voided-there"
    """It was voided in QuickBooks although it is valid in DunaHub."""
    CHANGED_SINCE = "changed-since"
    """Somebody changed it in QuickBooks since it was last sent."""
    PAID_SINCE = "paid-since"
    """Payments changed it in QuickBooks since it was last sent."""
    ITEM_REPLACED = "item-replaced"
    """A product was gone, and the list that was read again has another one."""
    UNAPPLIED = "unapplied"
    """Not all of a payment is applied to its invoice."""
    VOIDED_WITH_PAYMENTS = "voided-with-payments"
    """An invoice was voided, and QuickBooks keeps its payments."""
    INVOICE_VOIDED = "invoice-voided"
    """The invoice of a payment was voided, and QuickBooks keeps the payment."""
