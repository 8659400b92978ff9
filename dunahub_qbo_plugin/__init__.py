"""Sends DunaHub's customers, invoices and payments to QuickBooks Online."""
