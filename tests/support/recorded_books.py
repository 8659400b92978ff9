"""Books as they must have been before a recorded exchange, built from the recording itself."""

from __future__ import annotations

from dunahub_qbo_plugin.emulator.api.xml_codec import XmlCodec
from dunahub_qbo_plugin.emulator.books.company_settings import CompanySettings
from dunahub_qbo_plugin.emulator.books.entities import ENTITIES
from tests.support.books import Books
from tests.support.recordings import SCHEMA, Json, Raw, Recording, objects_in, out_of_scope

_REFERENCES = {
    "ItemRef": "Item",
    "GroupItemRef": "Item",
    "CustomerRef": "Customer",
    "ParentRef": "Customer",
    "IncomeAccountRef": "Account",
    "ExpenseAccountRef": "Account",
    "AssetAccountRef": "Account",
    "DepositToAccountRef": "Account",
    "DiscountAccountRef": "Account",
    "PaymentMethodRef": "PaymentMethod",
    "SalesTermRef": "Term",
    "TaxRateRef": "TaxRate",
    "DepartmentRef": "Department",
}


def books_for(recording: Recording) -> Books:
    """Books of the recording's year, at its moment, with everything it refers to."""
    books = Books(settings=_settings(recording), now=recording.moment)
    entity = recording.entity
    refer(books, find_references(recording.request.get("body")))
    if isinstance(recording.request.get("body"), str) and entity:
        raw = XmlCodec(SCHEMA).read(recording.request["body"].encode(), entity)
        refer(books, find_references(raw))
    for name in ENTITIES:
        for one in objects(recording, name):
            refer(books, find_references(one))
    return books


def _settings(recording: Recording) -> CompanySettings:
    settings = CompanySettings(sales_tax="classic")
    sales = [name for name, entity in ENTITIES.items() if entity.sales_form]
    forms = [one for name in sales for one in objects(recording, name)]
    if forms and not any("TxnTaxDetail" in one for one in forms):
        settings.sales_tax = "none"
    settings.replies_as_of = 2019 if recording.year < 2020 else 2020
    settings.sales_custom_fields = tuple(
        dict.fromkeys(
            one["Name"]
            for name in ENTITIES
            for found in objects(recording, name)
            for one in found.get("CustomField", [])
            if isinstance(one, dict) and "Name" in one
        )
    )
    return settings


def objects(recording: Recording, entity: str) -> list[Json]:
    """The objects of an entity in a reply, none for one that is out of scope."""
    return [] if out_of_scope(recording) else objects_in(recording, entity)


def find_references(value: Raw) -> list[tuple[str, Json]]:
    """Every reference in an object, by the name of its property."""
    out: list[tuple[str, Json]] = []
    if isinstance(value, dict):
        for key, inner in value.items():
            if key in _REFERENCES and isinstance(inner, dict) and inner.get("value"):
                out.append((key, inner))
            else:
                out += find_references(inner)
    elif isinstance(value, list):
        for inner in value:
            out += find_references(inner)
    return out


def refer(books: Books, references: list[tuple[str, Json]]) -> None:
    """Put what is referred to into the books, under the names the recording gives."""
    for key, reference in references:
        entity = _REFERENCES[key]
        name = reference.get("name", "").rpartition(":")[2] or f"{entity} {reference['value']}"
        data: Json = {**frame(reference["value"]), "Active": True}
        if entity == "Customer":
            data |= {"DisplayName": name, "FullyQualifiedName": name, "Balance": 0}
        else:
            data |= {"Name": name, "FullyQualifiedName": reference.get("name", name)}
        if entity == "Account":
            kind = "Income" if key == "IncomeAccountRef" else "Other Current Asset"
            data |= {"AccountType": kind}
        if entity == "Item":
            data |= {"Type": "Service"}
        held = books.company._ledger.row(entity, reference["value"])
        if held is None or reference.get("name"):
            books.company.load(entity, data)


def frame(id_: str, revision: int = 0) -> Json:
    """What every object has."""
    times = {"CreateTime": "2015-01-01T00:00:00-08:00"}
    return {
        "domain": "QBO",
        "sparse": False,
        "Id": id_,
        "SyncToken": str(revision),
        "MetaData": {**times, "LastUpdatedTime": times["CreateTime"]},
    }
