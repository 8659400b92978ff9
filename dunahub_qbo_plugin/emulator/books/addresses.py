"""Postal addresses as the service keeps them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dunahub_qbo_plugin.emulator.books.ledger import Ledger

Json = dict[str, Any]

_ISO3 = {
    "united states": "USA",
    "united states of america": "USA",
    "us": "USA",
    "u.s.": "USA",
    "u.s.a.": "USA",
    "usa": "USA",
    "canada": "CAN",
    "ca": "CAN",
    "mexico": "MEX",
    "mx": "MEX",
    "united kingdom": "GBR",
    "uk": "GBR",
    "gb": "GBR",
    "australia": "AUS",
    "au": "AUS",
    "france": "FRA",
    "germany": "DEU",
    "india": "IND",
}
_NORMALISED_SINCE = 2026
_READ_ONLY = frozenset({"Id", "Lat", "Long"})


def store_address(ledger: Ledger, sent: Json, old: Json | None) -> Json:
    """Return an address as it comes back: with an Id, without what cannot be written.

    The country comes back as an ISO 3166 alpha-3 code since 2025 (Intuit's announcement of
    2025-08-13); coordinates are no longer given to new addresses.
    """
    content = {key: value for key, value in sent.items() if key not in _READ_ONLY}
    if old is not None and {k: v for k, v in old.items() if k not in _READ_ONLY} == content:
        return old
    if ledger.settings.replies_as_of >= _NORMALISED_SINCE and "Country" in content:
        content["Country"] = _ISO3.get(content["Country"].strip().lower(), content["Country"])
        if old is not None and {k: v for k, v in old.items() if k not in _READ_ONLY} == content:
            return old
    id_ = old["Id"] if old is not None and "Id" in old else ledger.next_address_id()
    return {"Id": id_, **content}
