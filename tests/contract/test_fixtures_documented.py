"""Intuit's own samples, from the pages of its API reference, used three times as far as they go.

Names and addresses of people in them are replaced by made-up ones. Each file pins how far the
sample and we agree (``given.agreed``), and where the emulator answers otherwise, and why
(``given.otherwise``).
"""

from __future__ import annotations

from copy import deepcopy
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from dunahub_qbo_plugin.emulator import SEEDS, Emulator, World
from dunahub_qbo_plugin.testing.clock import SteeredClock
from dunahub_qbo_plugin.testing.exchanges import body_bytes
from dunahub_qbo_plugin.testing.recorder import START
from tests.contract.test_fixtures import DOCUMENTED, EXCHANGES, played

if TYPE_CHECKING:
    from collections.abc import Iterator

REALM = SEEDS["contractor"][0]
EACH = pytest.mark.parametrize("name", DOCUMENTED)


def leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:  # noqa: ANN401  JSON
    """Return each single value in a body with the way to it."""
    if isinstance(value, dict | list) and value:
        items = value.items() if isinstance(value, dict) else enumerate(value)
        for key, item in items:
            yield from leaves(item, f"{path}.{key}".lstrip("."))
    else:
        yield path, value


@EACH
def test_the_client_asks_in_the_sample_s_terms(name: str) -> None:
    """For the same record it asks the same address, and agrees on every value it sends besides.

    What only the sample has (a title, a note) a host's record does not; what only we send (dates,
    our own number) the sample leaves to QuickBooks.
    """
    exchange = EXCHANGES[name]
    asked, _ = played(exchange)[0].seen()
    for part in ("method", "path", "headers"):
        assert asked[part] == exchange.request[part]
    ours, theirs = dict(leaves(asked["body"])), dict(leaves(exchange.request["body"]))
    agreed = [path for path in ours if path in theirs and ours[path] == theirs[path]]
    assert agreed == exchange.given["agreed"]
    apart = [path for path in ours if path in theirs and ours[path] != theirs[path]]
    assert [path for path in apart if path != "CustomerRef.value"] == []  # an id of another company


@EACH
def test_the_emulator_answers_as_the_page_says(name: str) -> None:
    """Given the sample's request, every value of its answer comes back, but for those named."""
    exchange = EXCHANGES[name]
    emulator = Emulator(World.default(clock=SteeredClock(START).now))
    answer = ask(emulator, exchange.request, exchange.response["body"])
    entity = exchange.given["record"]["kind"].capitalize()
    given = dict(leaves(answer[entity]))
    told = dict(leaves(exchange.response["body"][entity]))
    otherwise = exchange.given["otherwise"]
    assert {path for path in told if given.get(path) != told[path]} == set(otherwise)
    assert all(otherwise.values())
    assert len(told) > len(otherwise)


def ask(emulator: Emulator, request: Any, sample: Any) -> Any:  # noqa: ANN401  JSON
    """Send a sample to the emulator, with the customer that it names being there."""
    token = emulator.world.connect(realm=REALM).access_token
    headers = {**request["headers"], "Authorization": f"Bearer {token}"}
    body = deepcopy(request["body"])
    with emulator.client() as http:

        def post(path: str, values: Any) -> Any:  # noqa: ANN401  JSON
            answer = http.post(path, headers=headers, content=body_bytes(values))
            assert answer.status_code == httpx.codes.OK, answer.text
            return answer.json()

        if "CustomerRef" in body:
            (entity,) = (one for one in sample.values() if isinstance(one, dict))
            made = {"DisplayName": entity["CustomerRef"]["name"]}
            if "BillAddr" in entity:
                kept = ("Line1", "City", "PostalCode", "CountrySubDivisionCode")
                made["BillAddr"] = {key: entity["BillAddr"][key] for key in kept}
            customers = request["path"].rpartition("/")[0] + "/customer"
            found = post(customers.replace("{realm}", REALM), made)
            body["CustomerRef"]["value"] = found["Customer"]["Id"]
        return post(request["path"].replace("{realm}", REALM), body)


def test_each_kind_has_a_sample() -> None:
    """Customer, invoice and payment are there, each with the page and its section."""
    assert {name.partition("/")[0] for name in DOCUMENTED} == {"customer", "invoice", "payment"}
    for name in DOCUMENTED:
        source = EXCHANGES[name].source
        assert source["page"].startswith("https://developer.intuit.com/app/developer/qbo/docs/api/")
        assert source["section"]
