"""Choose the QuickBooks product or service that a line goes to (rule 32)."""

from __future__ import annotations

from collections import defaultdict
from functools import cached_property
from typing import TYPE_CHECKING, Final

import attrs

from dunahub_qbo_plugin.errors import MappingError
from dunahub_qbo_plugin.mapping.text import one_line

if TYPE_CHECKING:
    from dunahub_hookspecs import LineItem
    from dunahub_qbo_plugin.model import CompanyProfile, Item

MAX_DESCRIPTION_LENGTH: Final = 100
"""Characters of a line's description that an error is grouped by, and told with."""
_NOT_SOLD: Final = "category"


@attrs.define(kw_only=True, slots=False)
class ItemFinder:
    """Finds items for the lines of one invoice in what is known of the company.

    In this order: the item that the office chose for the service; the only active item whose full
    name (``Roofing:Inspection``, as QuickBooks shows it) is the service's; the only one whose own
    name is, however they are capitalized or spaced; the company's default
    item. A line without a service goes to the default item.

    For an inactive item the one active item of the same name is taken, which replaces it. Without
    one the line is refused, also if only an inactive item has the service's name: putting the line
    on the default item would move income unnoticed.
    """

    profile: CompanyProfile

    def item_id(self, line: LineItem, *, position: int, number: str = "") -> str:
        """Return the id of the item for a line.

        An item that the office chose and that is not in the profile is sent all the same: it may be
        newer than the profile, and QuickBooks will say if it is gone.

        Args:
            line: the line.
            position: its place on the invoice, from 1, a fact of the error.
            number: of the invoice, another one.

        Raises:
            MappingError: no item is found (``item-missing``), several items have the name
                (``item-ambiguous``), or the found one is inactive (``item-inactive``).
        """
        found = (
            self.profile.item_by_service.get(line.service_id or "")
            or self._by_name(line, position, number)
            or self._inactive_by_name(line)
            or self.profile.default_item_id
        )
        if not found:
            raise MappingError(
                "item-missing",
                subject=_subject(line),
                facts={
                    "line": position,
                    "number": number,
                    "service": one_line(line.service_name),
                    "description": one_line(line.description)[:MAX_DESCRIPTION_LENGTH],
                },
            )
        item = self.profile.items.get(found)
        if item is None or item.active:
            return found
        instead = self._ids_by_name.get(_key(item.name), [])
        if len(instead) == 1:
            return instead[0]
        raise MappingError(
            "item-inactive",
            subject=item.name,
            facts={"line": position, "number": number, "item": item.name},
        )

    def _by_name(self, line: LineItem, position: int, number: str) -> str | None:
        name = _key(line.service_name)
        found = self._ids_by_full_name.get(name) or self._ids_by_name.get(name, [])
        if len(found) > 1:
            raise MappingError(
                "item-ambiguous",
                subject=_subject(line),
                facts={
                    "line": position,
                    "number": number,
                    "service": one_line(line.service_name),
                    "items": len(found),
                },
            )
        return found[0] if found else None

    def _inactive_by_name(self, line: LineItem) -> str | None:
        name = _key(line.service_name)
        if not name:
            return None
        return next(
            (
                item.id
                for item in self.profile.items.values()
                if not item.active and _key(item.name) == name
            ),
            None,
        )

    @cached_property
    def _ids_by_full_name(self) -> dict[str, list[str]]:
        by_name: defaultdict[str, list[str]] = defaultdict(list)
        for item in self.profile.items.values():
            if _can_be_sold(item) and (key := _key(item.full_name)):
                by_name[key].append(item.id)
        return dict(by_name)

    @cached_property
    def _ids_by_name(self) -> dict[str, list[str]]:
        by_name: defaultdict[str, list[str]] = defaultdict(list)
        for item in self.profile.items.values():
            if _can_be_sold(item) and (key := _key(item.name)):
                by_name[key].append(item.id)
        return dict(by_name)


def _can_be_sold(item: Item) -> bool:
    """Return whether a line can name the item: categories only group items."""
    return item.active and item.type.casefold() != _NOT_SOLD


def _key(name: str) -> str:
    return ":".join(one_line(part) for part in name.split(":")).casefold()


def _subject(line: LineItem) -> str:
    return one_line(line.service_name) or one_line(line.description)[:MAX_DESCRIPTION_LENGTH]
