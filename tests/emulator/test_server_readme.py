from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import date
from importlib import resources
from typing import Any, Literal, get_args, get_origin, get_type_hints

import attrs
import pytest

from dunahub_qbo_plugin.emulator.books.company_settings import CompanySettings
from dunahub_qbo_plugin.emulator.emulator import Emulator
from dunahub_qbo_plugin.emulator.world.grants import OAuthSettings
from dunahub_qbo_plugin.emulator.world.recorded_failures import RECORDED
from dunahub_qbo_plugin.emulator.world.throttle import ThrottleSettings
from dunahub_qbo_plugin.emulator.world.trouble import TroubleRule
from dunahub_qbo_plugin.emulator.world.webhooks import WebhookSettings
from dunahub_qbo_plugin.emulator.world.world import DEFAULT_SEEDS, SEEDS, ServiceSettings, World

README = resources.files("dunahub_qbo_plugin.emulator").joinpath("README.md").read_text("utf-8")


@pytest.mark.parametrize(
    "kind",
    [CompanySettings, OAuthSettings, ServiceSettings, ThrottleSettings, WebhookSettings],
)
def test_every_switch_is_documented_with_its_default(kind: type[attrs.AttrsInstance]) -> None:
    """Each switch has a row in the README with its real default and all it can be."""
    rows = dict(re.findall(r"^\| `(\w+)` \| (.+) \|$", README, re.MULTILINE))
    hints = get_type_hints(kind, localns={"date": date, "Mapping": Mapping})
    for name, value in attrs.asdict(kind()).items():
        default, _, meaning = rows[name].removesuffix(" |").partition(" | ")
        if not isinstance(value, Mapping):
            assert default == shown(value), name
        for option in options(hints[name]):
            assert f"{option}" in default + meaning, (name, option)


def shown(value: object) -> str:
    """A default as the README shows it."""
    if isinstance(value, tuple):
        value = list(value)
    if isinstance(value, int | float) and not isinstance(value, bool):
        return f"{value:g}" if isinstance(value, float) else f"{value}"
    return f"`{json.dumps(value)}`"


def options(hint: Any) -> list[object]:  # noqa: ANN401  any annotation
    """What a switch can be, if it is one of several texts or numbers."""
    literals = [hint, *get_args(hint)]
    return [one for part in literals if get_origin(part) is Literal for one in get_args(part)]


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
    default = [SEEDS[name][0] for name in DEFAULT_SEEDS]
    assert list(World.default().companies) == default == [s[0] for s in SEEDS.values()][:3]
