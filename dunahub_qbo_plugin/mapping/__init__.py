"""Map DunaHub's records to QuickBooks' request bodies: pure functions, no I/O.

A payload is a dict of JSON values in which numbers are ``Decimal`` or ``int``, never floats.
A record that QuickBooks cannot hold raises `MappingError` before anything is sent.
"""
