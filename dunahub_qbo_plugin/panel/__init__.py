"""The Settings → QuickBooks page, the card on a record, and what can be done from them."""
