"""What one recorded exchange needs to find in the books."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from dunahub_qbo_plugin.emulator.books.entities import ENTITIES
from tests.support.recorded_books import frame, refer
from tests.support.recordings import Json, Raw, Recording, objects_in, unchanged

if TYPE_CHECKING:
    from tests.support.books import Books


def prepare(books: Books, recording: Recording, path: str, query: dict[str, str]) -> None:
    """What the exchange needs to find in the books."""
    if recording.kind.startswith("fault"):
        _prepare_fault(books, recording)
        return
    if path == "batch":
        _prepare_batch(books, recording)
        return
    entity = recording.entity
    found = objects_in(recording, entity)
    if path in {"query", "cdc"}:
        _prepare_query(books, recording, entity, found, query.get("query", ""))
        return
    if path.endswith("/pdf"):
        load_sale(books, path.split("/")[1])
        return
    creates = not recording.request.get("body") and "create" in recording.kind
    if ENTITIES[entity].sales_form and "create" in recording.kind:
        copy_addresses(books, found[0])
    if creates or "create" in recording.kind or ENTITIES[entity].kind == "single":
        return
    if recording.kind.endswith(".delete") or ".delete" in recording.kind:
        load_sale(books, found[0]["Id"])
        return
    books.company.load(entity, _earlier(recording, entity, found[0]))


def copy_addresses(books: Books, sale: Json) -> None:
    """The customer has the addresses its sale came back with."""
    id_ = sale.get("CustomerRef", {}).get("value")
    if id_:
        customer = books.company._ledger.tables["Customer"].rows[id_].load()
        addresses = {key: sale[key] for key in ("BillAddr", "ShipAddr") if key in sale}
        books.company.load("Customer", customer | addresses)


def load_sale(books: Books, id_: str) -> None:
    """Put an invoice of 100 into the books."""
    refer(books, [("CustomerRef", {"value": "1"}), ("ItemRef", {"value": "1"})])
    line: Json = {
        "Id": "1",
        "LineNum": 1,
        "Amount": 100,
        "DetailType": "SalesItemLineDetail",
        "SalesItemLineDetail": {"ItemRef": {"value": "1"}, "TaxCodeRef": {"value": "NON"}},
    }
    sale: Json = {**frame(id_), "TxnDate": "2015-01-01", "TotalAmt": 100, "Balance": 100}
    books.company.load("Invoice", {**sale, "Line": [line], "CustomerRef": {"value": "1"}})


def _earlier(recording: Recording, entity: str, after: Json) -> Json:
    """The object as it must have been before the exchange."""
    old = {"domain": "QBO", **after}
    verb = recording.kind.split(".")[1]
    request = recording.request.get("body")
    if verb == "get" or (unchanged(recording, after) and not request):
        return old
    old["SyncToken"] = _sent_token(request, verb, old["SyncToken"])
    if verb == "deactivate" and not request:
        return _activated(old)
    if verb == "void":
        return _unvoided(old)
    if verb == "update":
        old |= {"Notes": "old"} if ENTITIES[entity].kind == "name" else {"PrivateNote": "old"}
        return _older_lines(old)
    if verb == "send":
        old |= {"EmailStatus": "NotSet"}
        old.pop("DeliveryInfo", None)
    return old


def _sent_token(request: Raw, verb: str, after: str) -> str:
    if isinstance(request, dict):
        return str(request["SyncToken"])
    if isinstance(request, str):
        return str(re.findall(r"<SyncToken>(\d+)", request)[0])
    return after if verb == "send" else before(after)


def _activated(old: Json) -> Json:
    out = old | {"Active": True}
    for key in ("DisplayName", "FullyQualifiedName", "Name"):
        if key in out:
            out[key] = out[key].removesuffix(" (deleted)")
    return out


def _unvoided(old: Json) -> Json:
    old.pop("PrivateNote", None)
    lines = [dict(line) for line in old.get("Line", [])]
    for line in lines:
        line["Amount"] = 100
    return old | {"TotalAmt": 100, "Line": lines}


def _older_lines(old: Json) -> Json:
    if "Line" not in old:
        return old
    lines = [dict(line) for line in old["Line"]]
    ids = [int(line["Id"]) for line in lines if "Id" in line]
    for line in lines:
        if "Id" in line:
            line["Id"] = str(int(line["Id"]) - len(ids))
    return old | {"Line": lines}


def _prepare_query(
    books: Books, recording: Recording, entity: str, found: list[Json], text: str
) -> None:
    ids = re.findall(r"'(\d+)'", text) if " IN ('" in text else []
    start = re.search(r"STARTPOSITION (\d+)", text)
    skipped = int(start[1]) - 1 if start else 0
    total = _total(recording)
    taken = {one["Id"] for one in found}
    free = [id_ for id_ in ids if id_ not in taken] + [str(900_000 + n) for n in range(100)]
    if ENTITIES[entity].kind == "single":
        return
    for number in range(total if not found else skipped):
        if recording.kind.endswith(("empty", "empty.xml")):
            break
        name = f"! {number:03}"
        books.company.load(
            entity,
            {**frame(free[number]), "DisplayName": name, "FullyQualifiedName": name},
        )
    newest_first = ENTITIES[entity].kind == "transaction"
    for one in reversed(found) if newest_first else found:
        books.company.load(entity, one)


def _total(recording: Recording) -> int:
    counted = re.search(r'"totalCount": (\d+)', recording.text)
    return int(counted[1]) if counted else 0


def _prepare_batch(books: Books, recording: Recording) -> None:
    for one in objects_in(recording, "SalesReceipt"):
        books.company.load("SalesReceipt", one)
    books.company.load("Vendor", {**frame("70"), "DisplayName": "Somebody"})


def _prepare_fault(books: Books, recording: Recording) -> None:
    person = {"DisplayName": "Taken", "FullyQualifiedName": "Taken", "Balance": 0}
    refer(books, [("CustomerRef", {"value": "1"}), ("ItemRef", {"value": "1"})])
    kind = recording.kind
    body = recording.request.get("body")
    if "6240" in kind:
        name, id_, token = _wanted_name(body)
        holder = "Vendor" if "customer, vendor" in recording.text else "Customer"
        if recording.entity == "Vendor":
            holder = "Customer"
        taken = {"DisplayName": name, "FullyQualifiedName": name}
        books.company.load(holder, {**frame("5001"), **person, **taken})
        if id_:
            own = {"DisplayName": "Own", "FullyQualifiedName": "Own"}
            books.company.load("Customer", {**frame(id_, int(token)), **person, **own})
    elif "5010" in kind:
        entity = "Item" if "item" in kind else "SalesReceipt"
        item = {"Name": "Stale", "Type": "Service"}
        books.company.load(entity, {**frame("1", 3), **item, "Line": [], "TotalAmt": 0})
    elif "6140" in kind:
        books.settings.custom_txn_numbers = True
        number, id_ = re.findall(r"DocNumber=(\S+) .*TxnId=(\d+)", recording.text)[0]
        load_sale(books, id_)
        sale = books.company._ledger.tables["Invoice"].rows[id_].load()
        books.company.load("Invoice", sale | {"DocNumber": number})
    elif "6270" in kind:
        _prepare_stock(books, recording)


def _wanted_name(body: Raw) -> tuple[str, str, str]:
    if isinstance(body, dict):
        return body["DisplayName"], "", ""
    if not body:
        return "Taken", "1", "0"
    name = re.findall(r"<DisplayName>(.*?)<", body)[0]
    id_ = re.findall(r"<Id>(\d+)", body)
    token = re.findall(r"<SyncToken>(\d+)", body)
    return name, id_[0] if id_ else "", token[0] if token else ""


def _prepare_stock(books: Books, recording: Recording) -> None:
    text = recording.request["body"]
    for id_ in re.findall(r"<ItemRef[^>]*>(\d+)", text):
        stock = {"Type": "Inventory", "InvStartDate": "2099-01-01", "Active": True}
        item = {"Name": f"Stock {id_}", "FullyQualifiedName": f"Stock {id_}"}
        books.company.load("Item", {**frame(id_), **item, **stock})
    id_ = re.search(r"<Id>(\d+)</Id>\s*<SyncToken>(\d+)", text)
    if id_:
        load_sale(books, id_[1])
        sale = books.company._ledger.tables["Invoice"].rows[id_[1]].load()
        books.company.load("Invoice", sale | {"SyncToken": id_[2]})


def before(token: str) -> str:
    """The SyncToken before a write."""
    return str(max(int(token) - 1, 0))
