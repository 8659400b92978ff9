"""The CRM's side of the plugin contract: pluggy and `dunahub_hookspecs`, and no plugin by name."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

import attrs

from dunahub_hookspecs import ActionRequest, SettingsRequest
from dunahub_hookspecs.host import (
    collect_cards,
    collect_panels,
    dispatch,
    notify,
    show_panel,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import pluggy

    from dunahub_hookspecs import (
        Download,
        Host,
        Organization,
        Person,
        RecordCard,
        RecordKind,
        Redirect,
        SettingsPanel,
    )

_REMEMBERED = 500


@attrs.frozen(kw_only=True)
class HookCall:
    """One event hook that the CRM called, and how long it took."""

    org_id: str
    hook: str
    subject: str
    milliseconds: float


@attrs.frozen(kw_only=True)
class Visitor:
    """The person at the browser, with what a plugin's page needs to know of the host.

    Attributes:
        settings_url: the address of the settings, absolute, without a slash at the end.
        hidden_fields: what every form must carry.
        record_url: gives the address of a record's page.
    """

    org: Organization
    person: Person
    settings_url: str
    hidden_fields: Mapping[str, str] = attrs.field(repr=False)
    record_url: Callable[[str, str], str | None]

    def request(
        self, slug: str = "", query: Mapping[str, str] | None = None, *, render: bool = True
    ) -> SettingsRequest:
        """Return the request for the page of one panel."""
        url = f"{self.settings_url}/{slug}" if slug else self.settings_url
        return SettingsRequest(
            person=self.person,
            page_url=url,
            action_url=url,
            query=query or {},
            hidden_fields=self.hidden_fields,
            record_url=self.record_url,
            render=render,
        )


class Plugins:
    """Every installed plugin, as one.

    Args:
        manager: with the plugins in it.
        timer: seconds from a steady clock, for the times shown in the demo bar.
    """

    def __init__(self, manager: pluggy.PluginManager, timer: Callable[[], float]) -> None:
        self._manager = manager
        self._timer = timer
        self._calls: deque[HookCall] = deque(maxlen=_REMEMBERED)

    def start(self, host: Host) -> None:
        """Call every plugin's ``on_startup``."""
        notify(self._manager, "on_startup", host=host)

    def stop(self) -> None:
        """Call every plugin's ``on_shutdown``."""
        notify(self._manager, "on_shutdown")

    @property
    def calls(self) -> list[HookCall]:
        """The event hooks that were called recently, oldest first."""
        return list(self._calls)

    def tell(self, org: Organization, hook: str, subject: str, **arguments: object) -> None:
        """Call an event hook after the CRM's commit, and record how long it took.

        Args:
            org: whose record it is.
            hook: its name.
            subject: what it is about, for the demo bar.
            arguments: what the hook takes besides ``org`` and ``session``.
        """
        begun = self._timer()
        notify(self._manager, hook, org=org, session=None, **arguments)
        took = (self._timer() - begun) * 1000
        self._calls.append(HookCall(org_id=org.id, hook=hook, subject=subject, milliseconds=took))

    def menu(self, visitor: Visitor) -> list[SettingsPanel]:
        """Return the panels that plugins contribute for this organization, without their pages."""
        return collect_panels(self._manager, visitor.org, visitor.request(render=False))

    def panel(self, visitor: Visitor, slug: str, query: Mapping[str, str]) -> SettingsPanel | None:
        """Return one panel with its page; None when this organization has no such panel."""
        return show_panel(
            self._manager, visitor.org, slug, lambda asked: visitor.request(asked, query)
        )

    def act(
        self,
        visitor: Visitor,
        slug: str,
        action: str,
        method: str,
        *,
        query: Mapping[str, str],
        form: Mapping[str, list[str]],
    ) -> Redirect | Download | None:
        """Run an action of a panel; None when there is none of that name and method."""
        url = f"{visitor.settings_url}/{slug}"
        request = ActionRequest(
            org=visitor.org,
            person=visitor.person,
            page_url=url,
            action_url=url,
            query=query,
            form={name: tuple(values) for name, values in form.items()},
            record_url=visitor.record_url,
        )
        return dispatch(self._manager, slug, action, method, request)

    def cards(self, visitor: Visitor, kind: RecordKind, record_id: str) -> list[RecordCard]:
        """Return the plugins' cards for the page of a record."""
        return collect_cards(self._manager, visitor.org, visitor.request, kind, record_id)
