"""What the bookkeeper does in QuickBooks: edits, voids, deletes, merges, re-links, deposits.

Promises that it is done as a person would do it there, without the plugin. Promises that each act
is noted, so that a check can tell the bookkeeper's last word from ours.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from dunahub_qbo_plugin.emulator.books.request_faults import QboFaultError
from tests.simulation import crm
from tests.simulation.crm import INVOICES, LEADS

if TYPE_CHECKING:
    import random
    from collections.abc import Callable

    from dunahub_qbo_plugin.emulator.api.company_api import Company
    from tests.simulation.books import Json, Place
    from tests.simulation.world import World


BACKDATED = "2026-03-01"
REPRICED = Decimal("77.00")
MEMO = "Seen by Ann"


def _some(world: World, dice: random.Random, entity: str) -> Place | None:
    """Choose an object of ours that is there."""
    found = [place for place in world.net.owners if place[1] == entity]
    found = [place for place in found if world.books.is_alive(place)]
    return found[dice.randrange(len(found))] if found else None


def _do(
    world: World,
    place: Place | None,
    what: str,
    act: Callable[[Company, str], Any],
    stands: Callable[[Json], bool] | None = None,
) -> None:
    """Do something to an object, unless QuickBooks refuses it."""
    if place is None:
        return
    realm, _, id_ = place
    try:
        act(world.quickbooks.companies[realm].books, id_)
    except QboFaultError:
        return
    world.books.touch(place, what, stands)


def _change(world: World, place: Place | None, what: str, changes: Json) -> None:
    """Change fields of an object."""
    if place is None:
        return
    entity = place[1].capitalize()
    _do(
        world,
        place,
        what,
        lambda books, id_: books.edit(entity, id_, changes),
        lambda found: all(_is(found.get(name), value) for name, value in changes.items()),
    )


def _is(found: Any, value: Any) -> bool:  # noqa: ANN401  JSON values
    """Return whether a field has a value; of a reference the Id alone counts."""
    return bool(
        found == value or (isinstance(found, dict) and found.get("value") == value["value"])
    )


def _ours(found: Json) -> list[Json]:
    return [line for line in found["Line"] if line["DetailType"] == "SalesItemLineDetail"]


def note_invoice(world: World, dice: random.Random) -> None:
    """Write a message on an invoice."""
    changes = {"CustomerMemo": {"value": "Thank you"}}
    _change(world, _some(world, dice, "invoice"), "note", changes)


def redate_invoice(world: World, dice: random.Random) -> None:
    """Change an invoice's day."""
    _change(world, _some(world, dice, "invoice"), "date", {"TxnDate": BACKDATED})


def reprice_invoice(world: World, dice: random.Random) -> None:
    """Change what an invoice amounts to."""
    detail = {"ItemRef": {"value": "1"}}
    line = {"DetailType": "SalesItemLineDetail", "Amount": REPRICED}
    changes = {"Line": [line | {"SalesItemLineDetail": detail}]}
    _do(
        world,
        _some(world, dice, "invoice"),
        "total",
        lambda books, id_: books.edit("Invoice", id_, changes),
        lambda found: Decimal(found["TotalAmt"]) == REPRICED,
    )


def date_line(world: World, dice: random.Random) -> None:
    """Say of an invoice's first line when it was done."""
    place = _some(world, dice, "invoice")
    found = None if place is None else world.books.load(place)
    if place is None or found is None or not _ours(found):
        return
    line = _ours(found)[0]
    line["SalesItemLineDetail"]["ServiceDate"] = BACKDATED
    changes = {"Line": found["Line"]}
    _do(
        world,
        place,
        "service date",
        lambda books, id_: books.edit("Invoice", id_, changes),
        lambda now: any(
            one["SalesItemLineDetail"].get("ServiceDate") == BACKDATED for one in _ours(now)
        ),
    )


def note_payment(world: World, dice: random.Random) -> None:
    """Write a word into a payment's memo, and choose another bank account for it."""
    place = _some(world, dice, "payment")
    found = None if place is None else world.books.load(place)
    if place is None or found is None:
        return
    changes = {
        "PrivateNote": f"{found.get('PrivateNote', '')} {MEMO}",
        "DepositToAccountRef": {"value": "35"},
    }
    _do(
        world,
        place,
        "memo",
        lambda books, id_: books.edit("Payment", id_, changes),
        lambda now: MEMO in now["PrivateNote"] and _is(now["DepositToAccountRef"], {"value": "35"}),
    )


def void_invoice(world: World, dice: random.Random) -> None:
    """Void an invoice there."""
    place = _some(world, dice, "invoice")
    _do(world, place, "void", lambda books, id_: books.void("Invoice", id_))


def delete_invoice(world: World, dice: random.Random) -> None:
    """Delete an invoice there."""
    place = _some(world, dice, "invoice")
    _do(world, place, "delete", lambda books, id_: books.delete("Invoice", id_))


def void_payment(world: World, dice: random.Random) -> None:
    """Void a payment there."""
    place = _some(world, dice, "payment")
    _do(world, place, "void", lambda books, id_: books.void("Payment", id_))


def delete_payment(world: World, dice: random.Random) -> None:
    """Delete a payment there."""
    place = _some(world, dice, "payment")
    _do(world, place, "delete", lambda books, id_: books.delete("Payment", id_))


def relink_payment(world: World, dice: random.Random) -> None:
    """Put a payment on another invoice of the same customer, or on none."""
    place = _some(world, dice, "payment")
    data = None if place is None else world.books.load(place)
    if place is None or data is None:
        return
    customer = data["CustomerRef"]["value"]
    tables = world.quickbooks.companies[place[0]].books._ledger.tables
    others = [
        row.id
        for row in tables["Invoice"].owned_by(customer)
        if Decimal(row.load().get("Balance", 0)) > 0
    ]
    lines = [
        {
            "Amount": data["TotalAmt"],
            "LinkedTxn": [{"TxnId": others[0], "TxnType": "Invoice"}],
        }
        for _ in others[:1]
    ]
    _do(world, place, "links", lambda books, id_: books.edit("Payment", id_, {"Line": lines}))


def deposit_payment(world: World, dice: random.Random) -> None:
    """Put a payment into a bank deposit."""
    place = _some(world, dice, "payment")
    _do(world, place, "deposit", lambda books, id_: books.deposit(id_))


def note_customer(world: World, dice: random.Random) -> None:
    """Write a note on a customer."""
    place = _some(world, dice, "customer")
    _change(world, place, "note", {"Notes": "Pays late"})


def deactivate_customer(world: World, dice: random.Random) -> None:
    """Make a customer inactive, as QuickBooks' own "delete" does."""
    place = _some(world, dice, "customer")
    _do(world, place, "inactive", lambda books, id_: books.deactivate("Customer", id_))


def merge_customers(world: World, dice: random.Random) -> None:
    """Merge a customer into another: its documents move, it becomes inactive."""
    place = _some(world, dice, "customer")
    other = _some(world, dice, "customer")
    if place is None or other is None or place == other or place[0] != other[0]:
        return
    realm, _, id_ = place
    books, into = world.quickbooks.companies[realm].books, {"value": other[2]}
    moved = [
        (realm, entity.lower(), row.id)
        for entity in ("Payment", "Invoice")
        for row in books._ledger.tables[entity].owned_by(id_)
    ]
    try:
        books.merge_customers(id_, other[2])
    except QboFaultError:
        return
    for one in moved:
        world.books.touch(one, "customer", lambda found: _is(found["CustomerRef"], into))
    world.books.touch(place, "inactive")
    world.books.touch(other, "merged into")


def move_invoice(world: World, dice: random.Random) -> None:
    """Put an unpaid invoice on another customer."""
    place, other = _some(world, dice, "invoice"), _some(world, dice, "customer")
    if place is None or other is None or place[0] != other[0]:
        return
    _change(world, place, "customer", {"CustomerRef": {"value": other[2]}})


def enter_customer(world: World, dice: random.Random) -> None:
    """Enter a customer or a vendor by hand that has the name of a lead."""
    org = world.some_org(dice)
    local_id = f"{org.id}-customer-{dice.randrange(LEADS)}"
    entity = dice.choice(("Customer", "Customer", "Vendor"))
    for realm in org.realms:
        try:
            world.quickbooks.companies[realm].books.create(entity, {"DisplayName": local_id})
        except QboFaultError:
            continue
        world.books.rivals.add((realm, local_id))


def enter_invoice(world: World, dice: random.Random) -> None:
    """Enter an invoice by hand that the CRM has, too."""
    org, number = world.some_org(dice), dice.randrange(INVOICES)
    bill = org.invoice(number) or crm.invoice(org, number, (number + 1) * 100_00)
    for realm in org.realms:
        books = world.quickbooks.companies[realm].books
        owners = world.net.owners
        customers = [place[2] for place in owners if owners[place] == bill.lead.id]
        if not customers:
            continue
        detail = {"ItemRef": {"value": "1"}}
        line = {"DetailType": "SalesItemLineDetail", "Amount": bill.total}
        try:
            books.create(
                "Invoice",
                {
                    "CustomerRef": {"value": customers[0]},
                    "DocNumber": bill.number,
                    "TxnDate": bill.issued_on.isoformat(),
                    "Line": [line | {"SalesItemLineDetail": detail}],
                },
            )
        except QboFaultError:
            continue
        world.books.rivals.add((realm, bill.id))


EVENTS = (
    note_invoice,
    redate_invoice,
    reprice_invoice,
    date_line,
    note_payment,
    void_invoice,
    delete_invoice,
    void_payment,
    delete_payment,
    relink_payment,
    deposit_payment,
    note_customer,
    deactivate_customer,
    merge_customers,
    move_invoice,
    enter_customer,
    enter_invoice,
)
"""What the bookkeeper does now and then."""
