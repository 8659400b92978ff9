"""Find the choices by which lines go to a product that is gone. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

from dunahub_hookspecs import Invoice
from dunahub_qbo_plugin.errors import MappingError
from dunahub_qbo_plugin.mapping.items import ItemFinder
from dunahub_qbo_plugin.mapping.text import one_line

if TYPE_CHECKING:
    from collections.abc import Mapping

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

    def plus(self, other: AffectedMappings) -> AffectedMappings:
        """Return both together."""
        return AffectedMappings(
            services={**self.services, **other.services}, default=self.default or other.default
        )


def affected_mappings(value: Value, profile: CompanyProfile, subject: str) -> AffectedMappings:
    """Return the choices by which lines of an invoice go to what its error is about.

    Args:
        value: the record; only an invoice has lines.
        profile: of the company.
        subject: of the error: the name of the product that is gone, or of a service without one.
    """
    meant = AffectedMappings()
    if not isinstance(value, Invoice):
        return meant
    finder = ItemFinder(profile=profile)
    for position, line in enumerate(value.lines, start=1):
        if _is_about(line, position, finder, subject):
            meant = meant.plus(_chooser(line, profile))
    return meant


def _is_about(line: LineItem, position: int, finder: ItemFinder, subject: str) -> bool:
    try:
        found = finder.item_id(line, position=position)
    except MappingError as error:
        return name_key(error.subject) == name_key(subject)
    item = finder.profile.items.get(found)
    if item is None:
        return subject == found
    return name_key(item.name) == name_key(subject)


def _chooser(line: LineItem, profile: CompanyProfile) -> AffectedMappings:
    """Return the choice that decides over a line: that of its service, or the default."""
    if not line.service_id:
        return AffectedMappings(default=True)
    default = profile.items.get(profile.default_item_id or "")
    own = profile.item_by_service.get(line.service_id)
    named = any(
        name_key(item.name) == name_key(line.service_name) for item in profile.items.values()
    )
    if own is None and not named and default is not None:
        return AffectedMappings(default=True)
    return AffectedMappings(services={line.service_id: line.service_name})


def name_key(name: str) -> str:
    """Return a name as it is compared: on one line, in any case."""
    return one_line(name).casefold()
