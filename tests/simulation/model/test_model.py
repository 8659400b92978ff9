"""The model holds, and each of its rules is needed.

Promise: no order of events with up to two hostile ones (`python -m tests.simulation.model` tries
three, `--luck 4` four) makes a record twice, loses an edit, or leaves one waiting for ever. Taking
any one rule away does, so that none of them stands there for show.
"""

from __future__ import annotations

import pytest

from tests.simulation.model.search import MACHINES, RULES, search, without


@pytest.mark.parametrize("name", MACHINES)
def test_nothing_goes_wrong_in_any_order_of_events(name: str) -> None:
    """Whatever two misfortunes meet, and in whatever order, the rules hold."""
    result = search(MACHINES[name], luck=2)
    assert result.whole
    assert result.fault == "", result.path
    assert result.states > 10_000


@pytest.mark.parametrize("name", RULES)
def test_each_rule_is_needed(name: str) -> None:
    """Without a rule there is an order of events that goes wrong."""
    _, rule = RULES[name]
    result = without(rule)
    assert result.fault, f"nothing goes wrong without {name}"
    assert result.path
