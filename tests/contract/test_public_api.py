"""What others may import, and the documentation of the test harness, which runs as it stands."""

from __future__ import annotations

import re
import sys
from importlib import import_module, metadata, resources
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import pytest

import dunahub_hookspecs
import dunahub_hookspecs.host
from dunahub_qbo_plugin import plugin, testing
from dunahub_qbo_plugin.testing import FakeHost, QboEmulator, Replay, make_lead
from tests.acceptance.hosts import flask_host

if TYPE_CHECKING:
    from collections.abc import Iterator

README = Path(testing.__file__).with_name("README.md").read_text(encoding="utf-8")
CONTRACT = """
    PROJECT Action ActionRequest Address Audience Download DunaHubSpecs Host Invoice
    InvoiceSource InvoiceStatus Lead LineItem Notice Organization Payment PaymentMethod Person
    RecordCard RecordKind Redirect Region SettingsPanel SettingsRequest hookimpl hookspec
    round_cents
"""
HOST = """
    collect_cards collect_panels create_plugin_manager deliver_webhook dispatch notify show_panel
"""
HARNESS = """
    ORG PERSON Books Exchange FakeHost QboEmulator Replay SteeredClock make_invoice make_lead
    make_line make_org make_payment said
"""


def test_the_contract_is_pinned() -> None:
    """What a plugin or a host imports from the contract stays importable; growing it is on purpose.

    A name that is taken away breaks others: it goes with a new major version only.
    """
    assert sorted(dunahub_hookspecs.__all__) == sorted(CONTRACT.split())
    for name in HOST.split():
        assert callable(getattr(dunahub_hookspecs.host, name))


def test_the_plugin_is_pinned() -> None:
    """The entry point names an object of a public class, which takes its settings."""
    (entry,) = (one for one in metadata.entry_points(group="dunahub") if one.name == "quickbooks")
    assert entry.value == "dunahub_qbo_plugin.plugin:plugin"
    assert isinstance(plugin.plugin, plugin.QuickBooksPlugin)
    assert plugin.QuickBooksPlugin(config=None).config is None


def test_the_harness_is_pinned() -> None:
    """Every public name of the harness can be imported, and no other."""
    assert sorted(testing.__all__) == sorted(HARNESS.split())
    for name in testing.__all__:
        assert getattr(testing, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        _ = testing.nonsense
    assert all(f"`{name}`" in README or f"`{name}(" in README for name in ("FakeHost", "Books"))


def test_the_harness_is_a_pytest_plugin() -> None:
    """With the package installed the fixtures are there without a line of set-up."""
    entries = {entry.name: entry.value for entry in metadata.entry_points(group="pytest11")}
    assert entries["dunahub_qbo"] == "dunahub_qbo_plugin.testing.pytest_plugin"


@pytest.mark.parametrize("package", ["dunahub_hookspecs", "dunahub_qbo_plugin"])
def test_types_are_shipped(package: str) -> None:
    """Type checkers of others use our annotations."""
    assert resources.files(import_module(package)).joinpath("py.typed").is_file()


def block(name: str) -> str:
    """Return the code block below a comment of the README."""
    found = re.search(rf"<!-- {re.escape(name)} -->\n```python\n(.*?)```", README, re.DOTALL)
    assert found is not None
    return found.group(1)


def functions(name: str) -> dict[str, Any]:
    """Return the tests that a block defines."""
    defined: dict[str, Any] = {"__name__": "readme"}
    exec(compile(block(name), f"README, {name}", "exec"), defined)  # noqa: S102  our own text
    return {key: value for key, value in defined.items() if key.startswith("test_")}


@pytest.fixture
def my_crm(monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    """Stand for the reader's own application."""
    started = []

    def create_app(folder: Path) -> Any:  # noqa: ANN401  a Flask
        app = flask_host.create_app(folder)
        started.append(app)
        return app

    module = ModuleType("my_crm")
    module.create_app = create_app  # type: ignore[attr-defined]  # made up here
    module.BASE = flask_host.BASE  # type: ignore[attr-defined]  # as above
    monkeypatch.setitem(sys.modules, "my_crm", module)
    yield module
    for app in started:
        app.extensions["stop"]()


def test_the_ten_lines_are_ten_and_run(fake_host: FakeHost) -> None:
    """Copied from the README, the shortest test of a host passes as it stands."""
    assert len([line for line in block("ten lines").splitlines() if line]) <= 10
    ((_, test),) = functions("ten lines").items()
    test(fake_host)


def test_the_own_host_of_the_readme_runs(
    qbo_emulator: QboEmulator, my_crm: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Copied from the README, the test of a host of one's own passes with such a host."""
    assert my_crm.BASE
    ((_, test),) = functions("own host").items()
    test(qbo_emulator, tmp_path, monkeypatch)


@pytest.mark.parametrize("name", functions("trouble"))
def test_trouble_of_the_readme_runs(name: str, fake_host: FakeHost) -> None:
    """Copied from the README, the tests of a QuickBooks in trouble pass."""
    functions("trouble")[name](fake_host)


def test_the_replay_of_the_readme_runs(fake_host: FakeHost, qbo_replay: Replay) -> None:
    """Copied from the README, the test with recorded answers passes."""
    ((_, test),) = functions("replay").items()
    test(fake_host, qbo_replay)
    assert qbo_replay.unexpected == []


def test_an_unexpected_request_shows_the_nearest(qbo_emulator: QboEmulator, tmp_path: Path) -> None:
    """A request that was not recorded is told with what differs from the nearest recorded one."""
    replay = Replay(qbo_emulator)
    host = FakeHost(tmp_path, qbo=qbo_emulator, transport=replay.transport())
    host.connect()
    replay.check()
    replay.serve("customer/create")
    host.save(make_lead(name="Sarah Michell"))
    host.send()
    with pytest.raises(AssertionError) as failure:
        replay.check()
    text = str(failure.value)
    assert "The nearest is customer/create:" in text
    assert '-    "DisplayName": "Sarah Mitchell"' in text
    assert '+    "DisplayName": "Sarah Michell"' in text
    with pytest.raises(KeyError, match="there are: company/accounts"):
        replay.serve("customer/nonsense")
    host.close()


def test_the_books_say_what_is_there_instead(fake_host: FakeHost) -> None:
    """An assertion on the books that fails names what is in them."""
    fake_host.books.assert_empty()
    fake_host.connect()
    fake_host.save(make_lead(name="Ann"))
    fake_host.settle()
    with pytest.raises(AssertionError, match=r"0 customers have the name 'Bob'; there are: 'Ann'"):
        fake_host.books.assert_customer("Bob")
    with pytest.raises(AssertionError, match=r"'Ann' has email='lead-1@example.com', not 'x'"):
        fake_host.books.assert_customer("Ann", email="x")
    with pytest.raises(AssertionError, match="hold 1 entries"):
        fake_host.books.assert_empty()
    with pytest.raises(AssertionError, match="none at all"):
        fake_host.books.wait_for(lambda books: books.assert_invoice("1"), seconds=0)
