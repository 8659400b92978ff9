"""Ids of the host's that no index takes: their records need somebody who corrects them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dunahub_hookspecs import Invoice
from dunahub_qbo_plugin.errors import MappingError
from dunahub_qbo_plugin.model import MAX_ID_LENGTH, storable_id

if TYPE_CHECKING:
    from dunahub_qbo_plugin.model import Fact, Value


def check_ids(value: Value) -> None:
    """Refuse a record with an id that is too long, or holds what is no text.

    Raises:
        MappingError: it has one.
    """
    if storable_id(value.id) != value.id:
        raise _unusable("this record", value.id)
    for position, line in enumerate(value.lines if isinstance(value, Invoice) else (), start=1):
        if len(line.service_id or "") > MAX_ID_LENGTH:
            raise _unusable(f"the service on line {position}", line.service_id or "")


def _unusable(what: str, host_id: str) -> MappingError:
    facts: dict[str, Fact] = {"what": what, "length": len(host_id), "limit": MAX_ID_LENGTH}
    return MappingError("unusable-id", facts=facts)
