"""The real plugin, watched from outside, does what the model allows.

Promise: the observer sees enough of a running plugin to follow it, and a plugin that breaks a rule
is caught by its trace alone, whatever comes of it in the books.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import httpx
import pytest
import sqlalchemy as sa

from dunahub_qbo_plugin.sync.attempt import Attempt
from tests.simulation.model.observer import Observer
from tests.simulation.model.replay import Forbidden
from tests.support.faulty import Bench
from tests.support.office import invoice, lead, payment

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ANSWERS = {200: "ok", 400: "refused", 401: "not now", 429: "not now"}


class Watched(httpx.BaseTransport):
    """The way to QuickBooks, with somebody at it who tells the observer."""

    def __init__(self, inner: httpx.BaseTransport, office: Bench, observer: Observer) -> None:
        self._inner, self._office, self.observer = inner, office, observer

    @property
    def now(self) -> float:
        """The bench's time, which is true."""
        return self._office.time.now().timestamp()

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Pass a request on."""
        self.observer.look(self.now)
        key = request.url.params.get("requestid", "")
        if key:
            self.observer.left(self.now, key)
        response = self._inner.handle_request(request)
        if key:
            answer = ANSWERS.get(response.status_code, "failed")
            body = json.loads(response.content) if answer == "ok" else {}
            made = [one["Id"] for one in body.values() if isinstance(one, dict) and "Id" in one]
            self.observer.arrived(self.now, key, answer, made[0] if made else "")
        return response


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Bench]:
    """A connected office, watched."""
    bench = Bench(tmp_path)
    engine = sa.create_engine(bench.config.database_url)
    bench.faulty.line._inner = Watched(bench.faulty.line._inner, bench, Observer(engine))
    yield bench
    engine.dispose()
    bench.close()


def drain(office: Bench) -> int:
    """Send what is due, and look."""
    sent = office.drain()
    watched = office.faulty.line._inner
    assert isinstance(watched, Watched)
    watched.observer.look(watched.now)
    return sent


def followed(office: Bench) -> int:
    """How many records were followed to their end."""
    watched = office.faulty.line._inner
    assert isinstance(watched, Watched)
    return watched.observer.check()


def lose_next(office: Bench) -> None:
    """Have the next request be carried out and its answer be lost."""
    line = office.faulty.line
    line.error, line.text, line.delivers = httpx.ReadTimeout, "too late", True


def test_a_day_at_the_office_is_followed(office: Bench) -> None:
    """Creates, edits, a lost answer and a payment keep the rules."""
    office.save(lead("l1"), invoice("i1", lead=lead("l1")))
    assert drain(office) == 2
    office.save(invoice("i1", lead=lead("l1"), message="Thank you"))
    lose_next(office)
    drain(office)
    office.time.advance(60)
    assert drain(office) == 1
    office.save(payment("p1", invoice_id="i1"))
    lose_next(office)
    drain(office)
    office.time.advance(600)
    assert drain(office) == 1
    assert followed(office) == 3


def test_a_key_that_ends_too_early_is_noticed(
    office: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A plugin that takes silence for a refusal is caught before a second object is there."""
    monkeypatch.setattr(Attempt, "keeps_key", lambda _self, _error: False)
    office.save(lead("l1"))
    lose_next(office)
    drain(office)
    with pytest.raises(Forbidden, match="settle"):
        followed(office)
