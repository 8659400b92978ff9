"""What every host gets from `dunahub_hookspecs.host`: plugins kept apart from it and each other."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

import attrs
import pluggy
import pytest

from dunahub_hookspecs import (
    PROJECT,
    Action,
    ActionRequest,
    DunaHubSpecs,
    Lead,
    Organization,
    Person,
    RecordCard,
    RecordKind,
    Redirect,
    Region,
    SettingsPanel,
    SettingsRequest,
    hookimpl,
)
from dunahub_hookspecs.host import (
    collect_cards,
    collect_panels,
    create_plugin_manager,
    dispatch,
    notify,
    show_panel,
)
from dunahub_qbo_plugin.plugin import QuickBooksPlugin, plugin

if TYPE_CHECKING:
    from dunahub_hookspecs import Download

ORG = Organization(id="acme", region=Region.US)
DANA = Person(id="dana")
HOOKS = {
    "on_startup": ["host"],
    "on_shutdown": [],
    "on_lead_saved": ["org", "lead", "session"],
    "on_invoice_created": ["org", "invoice", "session"],
    "on_invoice_updated": ["org", "invoice", "session"],
    "on_payment_recorded": ["org", "payment", "session"],
    "on_settings_render": ["org", "request"],
    "on_record_render": ["org", "request", "kind", "record_id"],
    "on_webhook": ["name", "body", "headers"],
}


def request_for(slug: str) -> SettingsRequest:
    """Return a request with the addresses of one panel."""
    address = f"https://crm.example/settings/{slug}"
    return SettingsRequest(person=DANA, page_url=address, action_url=f"{address}/")


@attrs.define(eq=False)
class Panel:
    """A plugin with a panel, an action and a card."""

    slug: str
    heard: list[str] = attrs.field(factory=list)

    @hookimpl
    def on_lead_saved(self, lead: Lead) -> None:
        """Note it."""
        self.heard.append(lead.id)

    @hookimpl
    def on_settings_render(self, request: SettingsRequest) -> SettingsPanel:
        """Show where actions are."""

        def press(asked: ActionRequest) -> Redirect | Download:
            if asked.value("fail"):
                raise ValueError("no")
            return Redirect(url=f"{asked.action_url}/done")

        html = request.action_url if request.render else ""
        press_it = Action(name="press", method="POST", handle=press)
        return SettingsPanel(slug=self.slug, title=self.slug, html=html, actions=(press_it,))

    @hookimpl
    def on_record_render(self, request: SettingsRequest, record_id: str) -> RecordCard:
        """Show where actions are."""
        return RecordCard(title=self.slug, html=f"{request.action_url} {record_id}")


@attrs.define(eq=False)
class Broken:
    """A plugin whose every hook raises."""

    @hookimpl
    def on_lead_saved(self) -> None:
        """Raise."""
        raise RuntimeError("broken")

    @hookimpl
    def on_settings_render(self) -> SettingsPanel:
        """Raise."""
        raise RuntimeError("broken")

    @hookimpl
    def on_record_render(self) -> RecordCard:
        """Raise."""
        raise RuntimeError("broken")


def test_hooks_and_their_arguments_are_pinned() -> None:
    """A host and a plugin can rely on exactly these hooks and arguments."""
    found = {
        name: list(inspect.signature(hook).parameters)[1:]
        for name, hook in vars(DunaHubSpecs).items()
        if name.startswith("on_")
    }
    assert found == HOOKS


@pytest.mark.parametrize("hook", sorted(HOOKS))
def test_every_hook_says_when_it_fires_and_shows_an_example(hook: str) -> None:
    """The documentation of a hook lets a stranger implement or call it."""
    text = inspect.getdoc(getattr(DunaHubSpecs, hook)) or ""
    for part in ("Fires ", "Transaction:", "Returns:", "Example::", f"def {hook}("):
        assert part in text


def test_the_entry_point_is_found_by_plain_pluggy() -> None:
    """A host that knows pluggy only loads us through the entry-point group."""
    manager = pluggy.PluginManager(PROJECT)
    manager.add_hookspecs(DunaHubSpecs)
    assert manager.load_setuptools_entrypoints(PROJECT) >= 1
    assert plugin in manager.get_plugins()
    manager.check_pending()


def test_our_plugin_implements_every_hook() -> None:
    """Nothing of the contract is left out."""
    manager = create_plugin_manager([QuickBooksPlugin()], load_entry_points=False)
    assert all(getattr(manager.hook, hook).get_hookimpls() for hook in HOOKS)


def test_one_plugins_error_reaches_nobody(caplog: pytest.LogCaptureFixture) -> None:
    """A raising plugin stops neither the host nor the plugin beside it; the log has it."""
    first, last = Panel("first"), Panel("last")
    manager = create_plugin_manager([first, Broken(), last], load_entry_points=False)
    notify(manager, "on_lead_saved", org=ORG, lead=Lead(id="7"), session=None)
    assert (first.heard, last.heard) == (["7"], ["7"])
    assert "a plugin failed in on_lead_saved" in caplog.text
    assert [panel.slug for panel in collect_panels(manager, ORG, request_for(""))] == [
        "first",
        "last",
    ]


def test_a_panel_and_a_card_get_their_own_addresses() -> None:
    """With several plugins, each one's forms lead to its own actions."""
    manager = create_plugin_manager([Panel("one"), Broken(), Panel("two")], load_entry_points=False)
    shown = show_panel(manager, ORG, "one", request_for)
    assert shown is not None
    assert shown.html == "https://crm.example/settings/one"
    assert show_panel(manager, ORG, "three", request_for) is None
    cards = collect_cards(manager, ORG, request_for, RecordKind.LEAD, "7")
    assert {card.title: card.html for card in cards} == {
        "one": "https://crm.example/settings/one 7",
        "two": "https://crm.example/settings/two 7",
    }


def press(manager: pluggy.PluginManager, *path: str, method: str = "POST", **form: str) -> Any:  # noqa: ANN401  an answer
    """Press a button."""
    slug, action = path
    address = f"https://crm.example/settings/{slug}"
    asked = ActionRequest(
        org=ORG, person=DANA, page_url=address, action_url=address, form=dict(form)
    )
    return dispatch(manager, slug, action, method, asked)


def test_an_action_runs_only_as_it_was_offered() -> None:
    """Panel, name and method must all fit; a raising action leads back to the panel."""
    manager = create_plugin_manager([Panel("one"), Panel("two")], load_entry_points=False)
    answer = press(manager, "two", "press")
    assert answer == Redirect(url="https://crm.example/settings/two/done")
    assert press(manager, "two", "press", method="GET") is None
    assert press(manager, "two", "other") is None
    assert press(manager, "three", "press") is None
    assert press(manager, "one", "press", fail="yes") == Redirect(
        url="https://crm.example/settings/one"
    )


def test_a_plugin_that_cannot_be_imported_is_left_out(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """One broken installation does not keep the host from starting."""

    class Entry:
        name = "bad"

        def load(self) -> object:
            raise ImportError("gone")

    monkeypatch.setattr("importlib.metadata.entry_points", lambda **_: [Entry()])
    manager = create_plugin_manager([Panel("one")])
    assert len(manager.get_plugins()) == 1
    assert "'bad' could not be loaded" in caplog.text
