from __future__ import annotations

import re
from importlib import resources

import attrs
import pytest

from dunahub_qbo_plugin.emulator.emulator import Emulator
from dunahub_qbo_plugin.emulator.world.grants import OAuthSettings
from dunahub_qbo_plugin.emulator.world.recorded_failures import RECORDED
from dunahub_qbo_plugin.emulator.world.throttle import ThrottleSettings
from dunahub_qbo_plugin.emulator.world.trouble import TroubleRule
from dunahub_qbo_plugin.emulator.world.world import SEEDS, ServiceSettings, World

README = resources.files("dunahub_qbo_plugin.emulator").joinpath("README.md").read_text("utf-8")


@pytest.mark.parametrize("kind", [OAuthSettings, ServiceSettings, ThrottleSettings])
def test_every_switch_is_documented_with_its_default(kind: type[attrs.AttrsInstance]) -> None:
    """Each switch has a row in the README, and its default there is the real one."""
    rows = dict(re.findall(r"^\| `(\w+)` \| (.+?) \|", README, re.MULTILINE))
    for name, value in attrs.asdict(kind()).items():
        shown = {None: "`null`", False: "`false`"}.get(value, f"{value}")
        shown = f'`"{value}"`' if isinstance(value, str) else shown
        assert rows[name] == (shown if value != 0.0 or value is False else "0")


def test_every_field_of_a_rule_is_documented() -> None:
    """Each field of a trouble rule is named in the README."""
    chapter = README.partition("## Trouble on demand")[2].partition("\n## ")[0]
    for name in attrs.fields_dict(TroubleRule):
        assert re.search(rf"`{name}\b|`{name.capitalize()}\b|\| {name.capitalize()} ", chapter), (
            name
        )


def test_every_recorded_failure_is_documented() -> None:
    """Each recorded failure has a row with its status and code."""
    rows = dict(re.findall(r"^\| `(\w+)` \| (.+?) \|", README, re.MULTILINE))
    for name, failure in RECORDED.items():
        assert f"{failure.status}, " in rows[name]
        assert failure.code in rows[name]


def test_every_address_of_the_administration_is_documented() -> None:
    """Each route below /_admin/ has its row in the README."""
    table = README.partition("## Administration")[2]
    for rule in Emulator().app.url_map.iter_rules():
        if rule.rule.startswith("/_admin/"):
            last = re.sub(r"<[^>]+>", "", rule.rule).rstrip("/").rpartition("/")[2]
            for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}:
                assert last in table, rule.rule
                assert method in table


def test_first_example_of_the_readme_runs(capsys: pytest.CaptureFixture[str]) -> None:
    """The README's first example, and then its second, work as written."""
    first, second = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    names: dict[str, object] = {}
    exec(first, names)  # noqa: S102  the README's own code
    exec(second, names)  # noqa: S102  as above
    assert capsys.readouterr().out.startswith("http://127.0.0.1:")


def test_seeds_of_the_readme_are_the_real_ones() -> None:
    """The README's table has each seed's company id."""
    for name, (realm, _, _) in SEEDS.items():
        assert f"| `{name}` | {realm} |" in README
    assert set(World.default().companies) == {realm for realm, _, _ in SEEDS.values()}
