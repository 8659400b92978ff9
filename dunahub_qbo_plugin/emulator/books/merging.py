"""Two customers made one, which only a person can do, in QuickBooks itself."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from dunahub_qbo_plugin.emulator.books import business_faults
from dunahub_qbo_plugin.emulator.books.entities import ENTITIES
from dunahub_qbo_plugin.emulator.books.people import update_person

if TYPE_CHECKING:
    from dunahub_qbo_plugin.emulator.books.ledger import Ledger
    from dunahub_qbo_plugin.emulator.books.object_tables import Row


def merge_customers(ledger: Ledger, merged: str, into: str) -> Row:
    """Merge one customer into another; return the one that is left.

    As Intuit's help page "Merge duplicate customers" has it: the transactions move to the one that
    is left; the other is saved as inactive and has no history any more, not even when it is made
    active again; neither may have sub-customers. The wording of the refusals is not recorded.

    Args:
        ledger: The books.
        merged: Id of the customer that goes.
        into: Id of the customer that is left.

    Raises:
        QboFaultError: 610 if one of them does not exist, 6000 if they cannot be merged.
    """
    going, staying = ledger.need("Customer", merged), ledger.need("Customer", into)
    _check(ledger, going, staying)
    left = staying.load()
    owed = Decimal(going.load().get("Balance", 0))
    for entity, table in ledger.tables.items():
        if ENTITIES[entity].kind == "transaction":
            for row in table.owned_by(merged):
                data = row.load()
                data["CustomerRef"] = {"value": into, "name": left["DisplayName"]}
                if ledger.settings.merge_bumps_txns:
                    ledger.touch(data)
                ledger.save(entity, data, changed=ledger.settings.merge_bumps_txns)
    ledger.move_balance(merged, -owed)
    ledger.move_balance(into, owed)
    ledger.merged[merged] = into
    update_person(
        ledger,
        "Customer",
        ledger.tables["Customer"].rows[merged],
        {"sparse": True, "Active": False},
        by_accountant=True,
    )
    if ledger.on_change is not None:
        ledger.on_change("Customer", into, "merged", merged)
    return ledger.tables["Customer"].rows[into]


def _check(ledger: Ledger, going: Row, staying: Row) -> None:
    if going.id == staying.id:
        raise business_faults.business("A customer cannot be merged with itself.")
    if not going.active or not staying.active:
        raise business_faults.business("An inactive customer cannot be merged.")
    people = ledger.tables["Customer"]
    if people.owned_by(going.id) or people.owned_by(staying.id):
        raise business_faults.business("A customer with sub-customers cannot be merged.")
    if going.load()["CurrencyRef"] != staying.load()["CurrencyRef"]:
        raise business_faults.business("Customers of different currencies cannot be merged.")
