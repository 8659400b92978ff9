"""One company's objects together with its clock and switches: what every rule works on."""

from __future__ import annotations

from datetime import date, datetime
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from dunahub_qbo_plugin.emulator.books import business_faults, json_codec, request_faults
from dunahub_qbo_plugin.emulator.books.entities import ENTITIES
from dunahub_qbo_plugin.emulator.books.name_equality import unique_key
from dunahub_qbo_plugin.emulator.books.object_tables import Names, Row, Sequences, Table

if TYPE_CHECKING:
    from collections.abc import Callable
    from decimal import Decimal

    from dunahub_qbo_plugin.emulator.books.company_settings import CompanySettings
    from dunahub_qbo_plugin.emulator.books.schema import Schema

Json = dict[str, Any]

CURRENCY_NAMES = {
    "USD": "United States Dollar",
    "CAD": "Canadian Dollar",
    "EUR": "Euro",
    "GBP": "British Pound Sterling",
    "AUD": "Australian Dollar",
    "MXN": "Mexican Peso",
    "JPY": "Japanese Yen",
    "CHF": "Swiss Franc",
    "INR": "Indian Rupee",
    "NZD": "New Zealand Dollar",
}
_CURRENCY_LETTERS = 3
_PEOPLE = ("Customer", "Vendor", "Employee")


class Ledger:
    """The books: tables, names and counters, at one moment at a time.

    `begin` freezes the moment: every stamp and "today" of one request is the same.
    """

    def __init__(
        self, *, settings: CompanySettings, clock: Callable[[], datetime], schema: Schema
    ) -> None:
        """Start with empty books."""
        self.settings = settings
        self.schema = schema
        self.tables = {name: Table() for name in ENTITIES}
        self.sequences = Sequences()
        self._clock = clock
        self._names: dict[str, Names] = {}
        self._names_ignore: tuple[str, ...] = ()
        self._index_names()
        self.merged: dict[str, str] = {}
        self.on_change: Callable[[str, str, str, str], None] | None = None
        self._order = {name: schema.types[name].json_order for name in ENTITIES}
        self._zone = ZoneInfo(settings.timezone)
        self.now = clock().astimezone(self._zone)
        self.stamp = self.now.isoformat(timespec="seconds")

    def begin(self) -> None:
        """Take the time, once at the start of every request."""
        if self._zone.key != self.settings.timezone:
            self._zone = ZoneInfo(self.settings.timezone)
        if self._names_ignore != self.settings.names_ignore:
            self._index_names()
        self.now = self._clock().astimezone(self._zone)
        self.stamp = self.now.isoformat(timespec="seconds")

    def time(self) -> str:
        """Return the envelope's `time`: the request's start, with milliseconds."""
        return self.now.isoformat(timespec="milliseconds")

    def today(self) -> date:
        """Return the company's own date."""
        return self.now.date()

    def holder(self, entity: str, name: str) -> tuple[str, str] | None:
        """Return the entity and Id of whoever holds a name in the entity's name space."""
        return self._names[entity].holder(unique_key(name, self._names_ignore))

    def row(self, entity: str, id_: str) -> Row | None:
        """Return a stored object's row, if it exists."""
        return self.tables[entity].rows.get(id_)

    def need(self, entity: str, id_: str) -> Row:
        """Return a stored object's row.

        Raises:
            QboFaultError: 2030 if the Id is not a number, 610 if no such object exists.
        """
        row = self.tables[entity].rows.get(id_)
        if row is not None and not self.hidden(row):
            return row
        if not id_.isascii() or not id_.isdigit():
            raise request_faults.invalid_id(id_)
        raise request_faults.not_found()

    def hidden(self, row: Row) -> bool:
        """Return whether an object is there no more for whoever asks for it."""
        return self.is_merged(row) and self.settings.merged_read == "fault_610"

    def is_merged(self, row: Row) -> bool:
        """Return whether an object is a customer that was merged into another."""
        return row.entity == "Customer" and row.id in self.merged and not row.active

    def new(self, entity: str) -> Json:
        """Return the frame of a new object: its Id, first SyncToken and times."""
        return {
            "domain": "QBO",
            "sparse": False,
            "Id": self.sequences.take(ENTITIES[entity].sequence),
            "SyncToken": "0",
            "MetaData": {"CreateTime": self.stamp, "LastUpdatedTime": self.stamp},
        }

    def next_id_is(self, entity: str, id_: str | None) -> None:
        """Let the next new object of an entity have this Id; with None it takes its turn."""
        if id_ is not None:
            self.sequences.restart(ENTITIES[entity].sequence, id_)

    def touch(self, data: Json, *, raise_token: bool = True) -> None:
        """Mark an object as changed now, by a write (which raises its token) or in passing."""
        if raise_token:
            data["SyncToken"] = str(int(data["SyncToken"]) + 1)
        meta = data["MetaData"]
        data["MetaData"] = {**meta, "LastUpdatedTime": self.stamp}

    def save(self, entity: str, data: Json, *, line_seq: int = 0, changed: bool = True) -> Row:
        """Store an object and keep every index in step.

        Args:
            entity: The object's entity.
            data: The object.
            line_seq: The highest line Id given out on it.
            changed: False for what the service does to an object in passing: neither order nor
                change data capture tell of it.
        """
        text = json_codec.encode({key: data[key] for key in self._order[entity] if key in data})
        table = self.tables[entity]
        id_ = data["Id"]
        old = table.rows.get(id_)
        name = data.get("FullyQualifiedName") or data.get("DisplayName") or data.get("Name") or ""
        owner = data.get("CustomerRef") or data.get("ParentRef") or {}
        row = Row(
            entity=entity,
            id=id_,
            text=text,
            active=data.get("Active", True),
            updated=self.now if changed or old is None else old.updated,
            name_key=name.lower(),
            sort_key=name,
            label_key=(data.get("DisplayName") or data.get("Name") or "").lower(),
            doc_key=data.get("DocNumber", "").lower(),
            owner=owner.get("value", ""),
            line_seq=max(line_seq, old.line_seq if old else 0),
        )
        if ENTITIES[entity].kind != "transaction":
            self._rename(old, row)
        table.put(row)
        if changed and self.on_change is not None:
            self.on_change(entity, id_, _operation(old, row), "")
        return row

    def load(self, entity: str, data: Json) -> None:
        """Store an object exactly as it is, and let the counters go on after it."""
        row = self.save(entity, data)
        changed = data.get("MetaData", {}).get("LastUpdatedTime")
        if changed:
            row.updated = datetime.fromisoformat(changed)
        row.line_seq = max(
            (int(line["Id"]) for line in data.get("Line", []) if line.get("Id", "").isdigit()),
            default=0,
        )
        self.sequences.reserve(ENTITIES[entity].sequence, data["Id"])
        for key in ("BillAddr", "ShipAddr"):
            self.sequences.reserve("addresses", data.get(key, {}).get("Id", ""))

    def remove(self, entity: str, id_: str) -> None:
        """Delete an object for good."""
        row = self.tables[entity].rows[id_]
        self._rename(row, None)
        self.tables[entity].remove(id_, self.now)
        if self.on_change is not None:
            self.on_change(entity, id_, "deleted", "")

    def _rename(self, old: Row | None, new: Row | None) -> None:
        row = new or old
        if row is not None:
            was, now = (self._key(one) if one is not None else "" for one in (old, new))
            self._names[row.entity].move(was, now, (row.entity, row.id))

    def _key(self, row: Row) -> str:
        return unique_key(row.sort_key, self._names_ignore)

    def _index_names(self) -> None:
        """Index all names anew, by what the company's switch leaves out of account."""
        people = Names()
        self._names_ignore = self.settings.names_ignore
        self._names = {name: people if name in _PEOPLE else Names() for name in ENTITIES}
        for name, table in self.tables.items():
            if ENTITIES[name].kind != "transaction":
                for row in table.rows.values():
                    self._rename(None, row)

    def reference(self, entity: str, ref: Json | None, element: str) -> Json | None:
        """Return the object a reference points at, decoded; None for no reference.

        Raises:
            QboFaultError: 2500 if it does not exist or is inactive.
        """
        if not ref or not ref.get("value"):
            return None
        row = self.tables[entity].rows.get(ref["value"])
        if row is None:
            if entity == "Item":
                raise request_faults.item_not_found(element)
            raise request_faults.reference_not_found(ENTITIES[entity].label, ref["value"], element)
        if not row.active:
            raise request_faults.reference_inactive()
        return row.load()

    def currency(self, code: str | None = None) -> Json:
        """Return a `CurrencyRef`, the home currency's by default."""
        code = code or self.settings.home_currency
        return {"value": code, "name": CURRENCY_NAMES.get(code, code)}

    def check_currency(self, ref: Json | None) -> Json:
        """Return the currency a new object gets.

        Raises:
            QboFaultError: 2220 for something that is no currency code, 6000 for a foreign
                currency in a company with one currency.
        """
        code = (ref or {}).get("value") or self.settings.home_currency
        if len(code) != _CURRENCY_LETTERS or not code.isalpha():
            raise request_faults.bad_currency(code)
        if code != self.settings.home_currency and not self.settings.multicurrency:
            raise business_faults.business(
                "Multi Currency should be enabled to perform this operation."
            )
        return self.currency(code)

    def check_open(self, *dates: str) -> None:
        """Refuse to change what lies in closed books.

        Raises:
            QboFaultError: 6200, or 6210 if the closing date carries a password.
        """
        closed = self.settings.book_close_date
        if closed is None:
            return
        limit = closed.isoformat()
        if any(day and day <= limit for day in dates):
            raise business_faults.books_closed(password=self.settings.book_close_password)

    def move_balance(self, customer_id: str, delta: Decimal) -> None:
        """Move a customer's balance; its time of change moves, its SyncToken does not.

        Recorded 2026-05: a payment moves `LastUpdatedTime` of a customer whose token stays 0.
        """
        at = customer_id
        own = True
        seen: set[str] = set()
        while at and at not in seen:
            seen.add(at)
            row = self.tables["Customer"].rows.get(at)
            if row is None:
                return
            data = row.load()
            if own:
                data["Balance"] = json_codec.cents(data.get("Balance", 0) + delta)
            data["BalanceWithJobs"] = json_codec.cents(data.get("BalanceWithJobs", 0) + delta)
            self.touch(data, raise_token=False)
            self.save("Customer", data)
            own = False
            at = data.get("ParentRef", {}).get("value", "")

    def next_address_id(self) -> str:
        """Return the next Id of an address; addresses count on their own."""
        return self.sequences.take("addresses")


def _operation(old: Row | None, new: Row) -> str:
    """Name what became of an object; one of a list that is made inactive counts as deleted."""
    if old is None:
        return "created"
    if old.active and not new.active:
        return "deleted"
    voided = '"PrivateNote":"Voided'
    return "void" if voided in new.text and voided not in old.text else "updated"
