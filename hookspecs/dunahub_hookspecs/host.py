"""Helpers for hosts: load plugins, call their hooks, run their actions.

A plugin's failure affects nobody else: a broken import, a raising hook or a raising action is
logged, and neither another plugin nor the host notices.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from importlib import metadata
from typing import TYPE_CHECKING, Any

import attrs
import pluggy

from dunahub_hookspecs.markers import PROJECT
from dunahub_hookspecs.settings import RecordCard, Redirect, SettingsPanel, SettingsRequest
from dunahub_hookspecs.specs import DunaHubSpecs

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from dunahub_hookspecs.settings import ActionRequest, Download
    from dunahub_hookspecs.values import Organization, RecordKind

log = logging.getLogger(__name__)


def create_plugin_manager(
    plugins: Iterable[object] = (), *, load_entry_points: bool = True
) -> pluggy.PluginManager:
    """Create a plugin manager with DunaHub's hooks and every installed plugin.

    Entry points of the group ``dunahub`` are loaded one by one: one that fails to import, or that
    implements a hook with unknown arguments, is logged and left out.

    Args:
        plugins: further plugin objects, which are registered before the entry points.
        load_entry_points: False to register only what is passed (in tests).
    """
    manager = pluggy.PluginManager(PROJECT)
    manager.add_hookspecs(DunaHubSpecs)
    for plugin in plugins:
        manager.register(plugin)
    for entry_point in metadata.entry_points(group=PROJECT) if load_entry_points else ():
        try:
            plugin = entry_point.load()
            if not manager.is_registered(plugin):
                manager.register(plugin, name=entry_point.name)
        except Exception:
            log.exception("plugin %r could not be loaded and is left out", entry_point.name)
    for problem in _unknown_hooks(manager):
        log.warning("%s", problem)
    return manager


def _unknown_hooks(manager: pluggy.PluginManager) -> list[str]:
    """Return problems with hooks that DunaHub does not have (a misspelling, say)."""
    try:
        manager.check_pending()
    except pluggy.PluginValidationError as error:
        return [str(error)]
    return []


def notify(manager: pluggy.PluginManager, hook: str, **arguments: Any) -> list[Any]:  # noqa: ANN401  whatever the hook takes
    """Call one hook on every plugin, and log what a plugin raises.

    Returns:
        the plugins' results without None, first registered plugin last (pluggy's order).
    """
    answers: list[Any] = []
    for _, caller in _callers(manager, hook):
        answers += _call(caller, hook, arguments)
    return answers


def _callers(
    manager: pluggy.PluginManager, hook: str
) -> Iterator[tuple[object, pluggy.HookCaller]]:
    """Yield each plugin that implements a hook, with a caller for that plugin alone."""
    caller: pluggy.HookCaller = getattr(manager.hook, hook)
    plugins = [implementation.plugin for implementation in caller.get_hookimpls()]
    if len(plugins) == 1:
        yield plugins[0], caller
        return
    for plugin in reversed(plugins):
        others = [other for other in plugins if other is not plugin]
        yield plugin, manager.subset_hook_caller(hook, others)


def _call(caller: pluggy.HookCaller, hook: str, arguments: Mapping[str, Any]) -> list[Any]:
    try:
        answers: list[Any] = caller(**arguments)
    except Exception:
        log.exception("a plugin failed in %s", hook)
        return []
    return answers


RequestFor = Callable[[str], SettingsRequest]
"""Returns the request for the panel with a slug; its addresses are that panel's own."""


def collect_panels(
    manager: pluggy.PluginManager, org: Organization, request: SettingsRequest
) -> list[SettingsPanel]:
    """Return every plugin's settings panel for an organization, sorted by title.

    For a menu, pass a request with ``render=False``: no plugin then renders its page.
    """
    answers = notify(manager, "on_settings_render", org=org, request=request)
    panels = [panel for panel in answers if isinstance(panel, SettingsPanel)]
    return sorted(panels, key=lambda panel: (panel.title, panel.slug))


def show_panel(
    manager: pluggy.PluginManager, org: Organization, slug: str, request_for: RequestFor
) -> SettingsPanel | None:
    """Return one panel with its page; None if the organization has no such panel."""
    for _, caller, panel in _panels(manager, org, request_for):
        if panel.slug == slug:
            arguments = {"org": org, "request": request_for(slug)}
            answers = _call(caller, "on_settings_render", arguments)
            return next((one for one in answers if isinstance(one, SettingsPanel)), None)
    return None


def collect_cards(
    manager: pluggy.PluginManager,
    org: Organization,
    request_for: RequestFor,
    kind: RecordKind,
    record_id: str,
) -> list[RecordCard]:
    """Return every plugin's card for the page of one record.

    Each plugin gets the addresses of its own panel, so that the forms on its card reach its own
    actions. A plugin without a panel for this organization has no card either.
    """
    cards: list[RecordCard] = []
    owners = {id(plugin): panel for plugin, _, panel in _panels(manager, org, request_for)}
    for plugin, caller in _callers(manager, "on_record_render"):
        panel = owners.get(id(plugin))
        if panel is not None:
            arguments = {
                "org": org,
                "request": request_for(panel.slug),
                "kind": kind,
                "record_id": record_id,
            }
            answers = _call(caller, "on_record_render", arguments)
            cards += [card for card in answers if isinstance(card, RecordCard)]
    return cards


def _panels(
    manager: pluggy.PluginManager, org: Organization, request_for: RequestFor
) -> Iterator[tuple[object, pluggy.HookCaller, SettingsPanel]]:
    """Yield each plugin that has a panel for this organization, without its page."""
    look = attrs.evolve(request_for(""), render=False)
    for plugin, caller in _callers(manager, "on_settings_render"):
        for answer in _call(caller, "on_settings_render", {"org": org, "request": look}):
            if isinstance(answer, SettingsPanel):
                yield plugin, caller, answer


def deliver_webhook(
    manager: pluggy.PluginManager, name: str, body: bytes, headers: Mapping[str, str]
) -> int:
    """Pass a webhook on to the plugin that it is for, and return the HTTP status of the answer.

    Args:
        manager: the host's plugin manager.
        name: the last part of the address, by which a plugin knows its own.
        body: the raw bytes of the request.
        headers: the request's headers.

    Returns:
        the plugin's status; 404 when no plugin takes it, 500 when one failed.
    """
    for _, caller in _callers(manager, "on_webhook"):
        try:
            answers = caller(name=name, body=body, headers=dict(headers))
        except Exception:
            log.exception("a plugin failed in on_webhook")
            return 500
        for status in answers:
            return int(status)
    return 404


def dispatch(
    manager: pluggy.PluginManager, slug: str, action: str, method: str, request: ActionRequest
) -> Redirect | Download | None:
    """Run an action of a panel.

    For POST the host has checked its CSRF token and the person's rights before.

    Args:
        manager: the host's plugin manager.
        slug: the panel's slug.
        action: the action's name.
        method: the HTTP method of the person's request.
        request: the person, the organization and the form.

    Returns:
        the response; None (a 404) if this organization has no such panel or action, or the method
        differs. An action that raises is logged and redirects to the panel.
    """
    look = SettingsRequest(
        person=request.person,
        page_url=request.page_url,
        action_url=request.action_url,
        render=False,
    )
    for panel in collect_panels(manager, request.org, look):
        for candidate in panel.actions if panel.slug == slug else ():
            if (candidate.name, candidate.method) == (action, method.upper()):
                try:
                    return candidate.handle(request)
                except Exception:
                    log.exception("the action %s of the panel %s failed", action, slug)
                    return Redirect(url=request.page_url)
    return None
