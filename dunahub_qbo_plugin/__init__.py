"""Sends DunaHub's customers, invoices and payments to QuickBooks Online.

How it works, its words and its numbered rules are in this folder's ``README.md``: "rule 18" in a
docstring, a comment or a test is the rule of that number there.
"""
