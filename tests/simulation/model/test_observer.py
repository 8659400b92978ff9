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
from dunahub_qbo_plugin.testing import make_invoice, make_lead, make_payment
from tests.simulation.model.observer import Observer
from tests.simulation.model.replay import Forbidden
from tests.support.faulty import FaultyHost

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ANSWERS = {200: "ok", 400: "refused", 401: "not now", 429: "not now"}


class Watched(httpx.BaseTransport):
    """The way to QuickBooks, with somebody at it who tells the observer."""

    def __init__(self, inner: httpx.BaseTransport, host: FaultyHost, observer: Observer) -> None:
        self._inner, self._host, self.observer = inner, host, observer

    @property
    def now(self) -> float:
        """The host's time, which is true."""
        return self._host.clock.now().timestamp()

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
def host(tmp_path: Path) -> Iterator[FaultyHost]:
    """A connected office, watched."""
    bench = FaultyHost(tmp_path)
    engine = sa.create_engine(bench.config.database_url)
    bench.line._inner = Watched(bench.line._inner, bench, Observer(engine))
    yield bench
    engine.dispose()
    bench.close()


def drain(host: FaultyHost) -> int:
    """Send what is due, and look."""
    sent = host.send()
    watched = host.line._inner
    assert isinstance(watched, Watched)
    watched.observer.look(watched.now)
    return sent


def followed(host: FaultyHost) -> int:
    """How many records were followed to their end."""
    watched = host.line._inner
    assert isinstance(watched, Watched)
    return watched.observer.check()


def lose_next(host: FaultyHost) -> None:
    """Have the next request be carried out and its answer be lost."""
    line = host.line
    line.error, line.text, line.delivers = httpx.ReadTimeout, "too late", True


def test_a_day_at_the_office_is_followed(host: FaultyHost) -> None:
    """Creates, edits, a lost answer and a payment keep the rules."""
    host.save(make_lead("l1"), make_invoice("i1", lead=make_lead("l1")))
    assert drain(host) == 2
    host.save(make_invoice("i1", lead=make_lead("l1"), message="Thank you"))
    lose_next(host)
    drain(host)
    host.clock.advance(60)
    assert drain(host) == 1
    host.save(make_payment(id="p1", invoice_id="i1"))
    lose_next(host)
    drain(host)
    host.clock.advance(600)
    assert drain(host) == 1
    assert followed(host) == 3


def test_a_key_that_ends_too_early_is_noticed(
    host: FaultyHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A plugin that takes silence for a refusal is caught before a second object is there."""
    monkeypatch.setattr(Attempt, "keeps_key", lambda _self, _error: False)
    host.save(make_lead("l1"))
    lose_next(host)
    drain(host)
    with pytest.raises(Forbidden, match="settle"):
        followed(host)
