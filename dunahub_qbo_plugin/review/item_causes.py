"""Find the choices by which lines go to a product that is gone. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

from dunahub_hookspecs import Invoice
from dunahub_qbo_plugin.errors import MappingError
from dunahub_qbo_plugin.mapping.items import ItemFinder
from dunahub_qbo_plugin.mapping.text import one_line

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from dunahub_hookspecs import LineItem
    from dunahub_qbo_plugin.model import CompanyProfile, Value


@attrs.frozen(kw_only=True)
class AffectedMappings:
    """The choices that have to be made again.

    Attributes:
        services: the host's id of each service, and its name.
        default: True when the default product is meant.
    """

    services: Mapping[str, str] = attrs.field(factory=dict)
    default: bool = False


def affected_mappings(value: Value, profile: CompanyProfile, subject: str) -> AffectedMappings:
    """Return the choices by which lines of an invoice go to what its error is about.

    Args:
        value: the record; only an invoice has lines.
        profile: of the company.
        subject: of the error: the name of the product that is gone, or of a service without one.
    """
    if not isinstance(value, Invoice):
        return AffectedMappings()
    finder = ItemFinder(profile=profile)
    names = {name_key(item.name) for item in profile.items.values()}
    services: dict[str, str] = {}
    default = False
    for position, line in enumerate(value.lines, start=1):
        if _is_about(line, position, finder, subject):
            if line.service_id and _decides(line, line.service_id, profile, names):
                services[line.service_id] = line.service_name
            else:
                default = True
    return AffectedMappings(services=services, default=default)


def _is_about(line: LineItem, position: int, finder: ItemFinder, subject: str) -> bool:
    try:
        found = finder.item_id(line, position=position)
    except MappingError as error:
        return name_key(error.subject) == name_key(subject)
    item = finder.profile.items.get(found)
    if item is None:
        return subject == found
    return name_key(item.name) == name_key(subject)


def _decides(line: LineItem, service: str, profile: CompanyProfile, names: Collection[str]) -> bool:
    """Return whether the choice for its service decides over a line, or else the default does."""
    if service in profile.item_by_service or name_key(line.service_name) in names:
        return True
    return profile.items.get(profile.default_item_id or "") is None


def name_key(name: str) -> str:
    """Return a name as it is compared: on one line, in any case."""
    return one_line(name).casefold()
