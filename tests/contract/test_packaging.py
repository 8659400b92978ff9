"""What is installed: two typed packages, an entry point, and no dependency that is not needed."""

from __future__ import annotations

import re
from importlib import metadata, resources

import pytest

from dunahub_hookspecs import PROJECT, DunaHubSpecs
from dunahub_hookspecs.host import create_plugin_manager
from dunahub_qbo_plugin.plugin import QuickBooksPlugin, plugin

NAME = "dunahub-qbo-plugin"
BASE = {"alembic", "attrs", "authlib", "cryptography", "httpx", "jinja2", "pluggy", "sqlmodel"}


def requirements(extra: str | None) -> dict[str, str]:
    """Return the distribution's requirements of one extra, or its base: name to the rest."""
    found: dict[str, str] = {}
    for text in metadata.requires(NAME) or ():
        requirement, _, marker = text.partition(";")
        named = re.search(r"extra == ['\"]([^'\"]+)['\"]", marker)
        if (named[1] if named else None) == extra:
            name = re.match(r"[\w.-]+", requirement)
            assert name is not None
            found[name[0].lower()] = requirement[name.end() :].strip()
    return found


def test_a_host_gets_what_the_plugin_needs_and_no_more() -> None:
    """The base install has eight dependencies; web servers and command lines are extras."""
    assert set(requirements(None)) == BASE
    assert set(requirements("cli")) == {"typer"}
    assert set(requirements("demo")) == {"cheroot", "flask"}


def test_every_dependency_has_a_lowest_version() -> None:
    """Each is declared with the lowest version that the tests are run with."""
    for extra in (None, "cli", "demo"):
        for name, rest in requirements(extra).items():
            assert ">=" in rest, name


@pytest.mark.parametrize("package", ["dunahub_hookspecs", "dunahub_qbo_plugin"])
def test_types_are_shipped(package: str) -> None:
    """A host's type checker sees the annotations of both packages."""
    assert resources.files(package).joinpath("py.typed").is_file()


def test_the_entry_point_is_the_plugin() -> None:
    """The group has the contract's name, and loading it gives the one plugin object."""
    (entry,) = metadata.entry_points(group=PROJECT, name="quickbooks")
    assert entry.load() is plugin
    assert isinstance(plugin, QuickBooksPlugin)


def test_pluggy_finds_it_and_knows_all_its_hooks() -> None:
    """It implements every hook of the contract, and none that the contract does not have."""
    manager = create_plugin_manager()
    found = manager.get_plugin("quickbooks")
    assert found is plugin
    callers = manager.get_hookcallers(found)
    assert callers is not None
    hooks = {name for name in vars(DunaHubSpecs) if name.startswith("on_")}
    assert {caller.name for caller in callers} == hooks
    manager.check_pending()


def test_python_3_11_is_enough() -> None:
    """The lowest Python is the one that the checks run on."""
    assert metadata.metadata(NAME)["Requires-Python"] == ">=3.11"
