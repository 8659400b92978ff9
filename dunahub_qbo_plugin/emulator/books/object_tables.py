"""Where a company's objects are kept, indexed so that no write ever scans.

An object is kept as its JSON text: a hundred thousand invoices cost one string each instead of
twenty small objects each, and a read or a query sends the text as it is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attrs

from dunahub_qbo_plugin.emulator.books import json_codec

if TYPE_CHECKING:
    from datetime import datetime

Json = dict[str, Any]


@attrs.define(kw_only=True)
class Row:
    """One stored object and what the indexes know of it.

    Attributes:
        entity: The entity's name, such as `Invoice`.
        id: The object's Id.
        text: The object as JSON text.
        active: False for an inactive list object.
        updated: When it last changed.
        name_key: Its unique (full) name in lower case, empty if it has none.
        sort_key: Its full name as it is; people are sorted by code point.
        label_key: Its own name in lower case, empty if it has none.
        doc_key: Its document number in lower case, empty if it has none.
        owner: Id of the customer or parent it belongs to, empty if none.
        line_seq: The highest line Id ever given out on it.
    """

    entity: str
    id: str
    text: str
    active: bool
    updated: datetime
    name_key: str = ""
    sort_key: str = ""
    label_key: str = ""
    doc_key: str = ""
    owner: str = ""
    line_seq: int = 0

    def load(self) -> Json:
        """Return the object, as a fresh dictionary the caller may change."""
        loaded: Json = json_codec.decode(self.text)
        return loaded


class Table:
    """The objects of one entity, in the order of their last change, oldest first."""

    def __init__(self) -> None:
        """Start empty."""
        self.rows: dict[str, Row] = {}
        self.by_doc: dict[str, dict[str, None]] = {}
        self.by_owner: dict[str, dict[str, None]] = {}
        self.by_label: dict[str, dict[str, None]] = {}
        self.gone: dict[str, datetime] = {}

    def put(self, row: Row) -> None:
        """Return add or replace a row and move it to the end of the order."""
        old = self.rows.pop(row.id, None)
        if old is not None:
            if old.doc_key != row.doc_key:
                _drop(self.by_doc, old.doc_key, row.id)
            if old.owner != row.owner:
                _drop(self.by_owner, old.owner, row.id)
            if old.label_key != row.label_key:
                _drop(self.by_label, old.label_key, row.id)
        self.rows[row.id] = row
        if row.label_key:
            self.by_label.setdefault(row.label_key, {})[row.id] = None
        if row.doc_key:
            self.by_doc.setdefault(row.doc_key, {})[row.id] = None
        if row.owner:
            self.by_owner.setdefault(row.owner, {})[row.id] = None

    def remove(self, id_: str, when: datetime) -> None:
        """Delete a row, keeping the fact that it existed for change data capture."""
        row = self.rows.pop(id_)
        _drop(self.by_doc, row.doc_key, id_)
        _drop(self.by_owner, row.owner, id_)
        _drop(self.by_label, row.label_key, id_)
        self.gone[id_] = when

    def owned_by(self, owner: str) -> list[Row]:
        """Return the rows that belong to one customer or parent."""
        return [self.rows[id_] for id_ in self.by_owner.get(owner, ())]

    def labelled(self, label_key: str) -> list[Row]:
        """Return the rows with one own name (in lower case)."""
        return [self.rows[id_] for id_ in self.by_label.get(label_key, ())]

    def numbered(self, doc_key: str) -> list[Row]:
        """Return the rows with one document number (in lower case)."""
        return [self.rows[id_] for id_ in self.by_doc.get(doc_key, ())]


class Names:
    """Unique names: who holds a name, in one name space."""

    def __init__(self) -> None:
        """Start empty."""
        self._held: dict[str, tuple[str, str]] = {}

    def holder(self, key: str) -> tuple[str, str] | None:
        """Return the entity and Id that hold the name, if any."""
        return self._held.get(key)

    def move(self, old_key: str, new_key: str, who: tuple[str, str]) -> None:
        """Free the old name if `who` holds it, and take the new one if it is free."""
        if old_key != new_key and self._held.get(old_key) == who:
            del self._held[old_key]
        if new_key:
            self._held.setdefault(new_key, who)


class Sequences:
    """Id counters: names, transactions and each kind of list count on their own."""

    def __init__(self) -> None:
        """Start every counter at zero."""
        self._last: dict[str, int] = {}

    def take(self, name: str) -> str:
        """Return the next Id of a sequence."""
        value = self._last.get(name, 0) + 1
        self._last[name] = value
        return str(value)

    def restart(self, name: str, id_: str) -> None:
        """Let a sequence give this Id next."""
        self._last[name] = int(id_) - 1

    def reserve(self, name: str, id_: str) -> None:
        """Let a sequence continue after an Id that was set from outside."""
        if id_.isdecimal():
            self._last[name] = max(self._last.get(name, 0), int(id_))


def _drop(index: dict[str, dict[str, None]], key: str, id_: str) -> None:
    ids = index.get(key)
    if ids is not None:
        ids.pop(id_, None)
        if not ids:
            del index[key]
