"""What the CRM of the crash proof does: drawn by dice, on what it holds."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import attrs

if TYPE_CHECKING:
    import random

    from tests.acceptance.ledger import Change


@attrs.frozen(kw_only=True)
class Slot:
    """A place for a host process: what it is in charge of, and how it works.

    Attributes:
        prefix: of the ids of its records.
        sends: the host sends by itself as well, or rings for those who do; without, a worker finds
            what it saved.
        shared: it saves in the plugin's database, in one transaction with the hook.
    """

    org: str
    prefix: str
    sends: bool = False
    shared: bool = False


SLOTS = (
    Slot(org="acme", prefix="a", sends=True),
    Slot(org="acme", prefix="b"),
    Slot(org="zeta", prefix="z", sends=True),
    Slot(org="beta", prefix="s", shared=True),
)


class Planner:
    """Plans transactions of the CRM.

    Args:
        dice: decide.

    Attributes:
        changes: how many records were planned to be saved.
    """

    def __init__(self, dice: random.Random) -> None:
        self.changes = 0
        self._dice = dice
        self._cents = 0
        self._families: Counter[str] = Counter()

    def bursts(self, slot: Slot, holds: list[Change]) -> list[list[Change]]:
        """Plan a few transactions of the CRM.

        Args:
            slot: whose.
            holds: what the CRM holds of the organization now.
        """
        held = {(one["kind"], one["id"]): one for one in holds}
        held = {key: one for key, one in held.items() if key[1].startswith(slot.prefix)}
        bursts = []
        for _ in range(self._dice.randint(1, 3)):
            burst = self._burst(slot, held)
            held |= {(one["kind"], one["id"]): one for one in burst}
            bursts.append(burst)
            self.changes += len(burst)
        return bursts

    def _burst(self, slot: Slot, held: dict[tuple[str, str], Change]) -> list[Change]:
        leads = [one for one in held.values() if one["kind"] == "customer"]
        invoices = [one for one in held.values() if one["kind"] == "invoice" and not one["void"]]
        payments = [one for one in held.values() if one["kind"] == "payment"]
        paid = {one["invoice"] for one in payments}
        unpaid = [one for one in invoices if one["id"] not in paid]
        what = self._dice.choice(
            (
                "family",
                "family",
                "invoice",
                "invoice",
                "raise",
                "raise",
                "pay",
                "lead",
                "void",
                "fix",
            )
        )
        if what == "invoice" and leads:
            return [self._invoice(slot, self._dice.choice(leads)["id"])]
        if what == "raise" and invoices:
            return [self._dice.choice(invoices) | {"cents": self._amount(1_000_00)}]
        if what == "pay" and unpaid:
            return [self._payment(slot, self._dice.choice(unpaid)["id"])]
        if what == "lead" and leads:
            lead = self._dice.choice(leads)
            return [lead | {"version": lead["version"] + 1}]
        if what == "void" and unpaid:
            return [self._dice.choice(unpaid) | {"void": True}]
        if what == "fix" and payments:
            return [self._dice.choice(payments) | {"cents": self._amount(1_00)}]
        lead = {"kind": "customer", "id": self._id(slot, "L"), "version": 0}
        invoice = self._invoice(slot, lead["id"])
        return [lead, invoice, self._payment(slot, invoice["id"])]

    def _invoice(self, slot: Slot, lead: str) -> Change:
        return {
            "kind": "invoice",
            "id": self._id(slot, "I"),
            "lead": lead,
            "cents": self._amount(1_000_00),
            "void": False,
        }

    def _payment(self, slot: Slot, invoice: str) -> Change:
        return {
            "kind": "payment",
            "id": self._id(slot, "P"),
            "invoice": invoice,
            "cents": self._amount(1_00),
        }

    def _id(self, slot: Slot, letter: str) -> str:
        self._families[slot.prefix] += 1
        return f"{slot.prefix}{letter}{self._families[slot.prefix]}"

    def _amount(self, least: int) -> int:
        """Return cents that no other amount has, so that nothing looks like a double by chance."""
        self._cents += 1
        return least + self._cents
