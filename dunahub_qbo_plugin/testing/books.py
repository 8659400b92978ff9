"""What is in a QuickBooks company, with assertions that say what is there instead."""

from __future__ import annotations

import threading
import time
from decimal import Decimal
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    Entry = dict[str, Any]
    Amount = Decimal | int | str

POLL = 0.02
"""Seconds between two looks while waiting for a host's own worker."""


class Books:
    """The books of one company of an emulator.

    Args:
        read: gives everything in the company as it is now.
    """

    def __init__(self, read: Callable[[], dict[str, Any]]) -> None:
        self._read = read

    def read(self) -> dict[str, Any]:
        """Return everything in the company as it is now: each list, ``totals``, ``doubles``."""
        return self._read()

    @property
    def customers(self) -> list[Entry]:
        """Customers, oldest first: ``name``, ``email``, ``balance``, ``active``."""
        return list(self._read()["customers"])

    @property
    def invoices(self) -> list[Entry]:
        """Invoices, oldest first: ``number``, ``customer``, ``total``, ``balance``, ``voided``."""
        return list(self._read()["invoices"])

    @property
    def payments(self) -> list[Entry]:
        """Payments, oldest first: ``number`` (the reference), ``total``, ``links``."""
        return list(self._read()["payments"])

    @property
    def totals(self) -> Entry:
        """Counts and sums: ``customers``, ``invoices``, ``payments``, ``open``, ``unapplied``."""
        return dict(self._read()["totals"])

    @property
    def doubles(self) -> list[str]:
        """What is in the books twice, in sentences."""
        return list(self._read()["doubles"])

    def assert_customer(self, name: str, **expected: object) -> Entry:
        """There is exactly one customer of this name, with what is expected of it.

        Raises:
            AssertionError: there is none, or several, or something differs.
        """
        return _one("customer", "name", name, self.customers, expected)

    def assert_invoice(
        self,
        number: str,
        *,
        total: Amount | None = None,
        paid: bool | None = None,
        **expected: object,
    ) -> Entry:
        """There is exactly one invoice of this number, with what is expected of it.

        Args:
            number: as the host numbered it.
            total: dollars.
            paid: whether nothing is left to pay.
            expected: any other value of the entry, such as ``customer`` or ``voided``.

        Raises:
            AssertionError: there is none, or several, or something differs.
        """
        found = _one("invoice", "number", number, self.invoices, expected)
        _same_amount(f"the total of invoice {number}", found["total"], total)
        if paid is not None and (Decimal(found["balance"]) == 0) is not paid:
            raise AssertionError(f"invoice {number} has a balance of {found['balance']}")
        return found

    def assert_payment(
        self, reference: str, *, total: Amount | None = None, **expected: object
    ) -> Entry:
        """There is exactly one payment of this reference, with what is expected of it.

        Raises:
            AssertionError: there is none, or several, or something differs.
        """
        found = _one("payment", "number", reference, self.payments, expected)
        _same_amount(f"the amount of payment {reference}", found["total"], total)
        return found

    def assert_empty(self) -> None:
        """Nothing was sent to this company.

        Raises:
            AssertionError: something was.
        """
        there = [*self.customers, *self.invoices, *self.payments]
        if there:
            raise AssertionError(f"the books hold {len(there)} entries: {there}")

    def assert_no_doubles(self) -> None:
        """Nothing is in the books twice.

        Raises:
            AssertionError: something is.
        """
        if doubles := self.doubles:
            raise AssertionError(f"in the books twice: {doubles}")

    def wait_for(self, check: Callable[[Books], object], *, seconds: float = 10.0) -> None:
        """Wait for a host's own worker, until a check passes.

        Args:
            check: may call the assertions above.
            seconds: the longest to wait.

        Raises:
            AssertionError: of the check, when time is up.
        """
        until = time.monotonic() + seconds
        while True:
            try:
                check(self)
            except AssertionError:
                if time.monotonic() > until:
                    raise
            else:
                return
            threading.Event().wait(POLL)


def _one(
    kind: str, field: str, value: str, entries: list[Entry], expected: dict[str, object]
) -> Entry:
    found = [entry for entry in entries if entry[field] == value]
    if len(found) != 1:
        there = ", ".join(repr(entry[field]) for entry in entries) or "none at all"
        raise AssertionError(f"{len(found)} {kind}s have the {field} {value!r}; there are: {there}")
    for name, wanted in expected.items():
        if found[0].get(name) != wanted:
            raise AssertionError(
                f"{kind} {value!r} has {name}={found[0].get(name)!r}, not {wanted!r}"
            )
    return found[0]


def _same_amount(what: str, found: str, wanted: Amount | None) -> None:
    if wanted is not None and Decimal(found) != Decimal(wanted):
        raise AssertionError(f"{what} is {found}, not {wanted}")
