"""Each company just under QuickBooks' limits, and no company in another's way (rule 35)."""

from __future__ import annotations

import threading
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from dunahub_hookspecs import Organization, Region
from dunahub_qbo_plugin.emulator.world.trouble import TroubleRule
from dunahub_qbo_plugin.model import RecordState
from dunahub_qbo_plugin.testing import ORG, make_invoice, make_lead, make_payment
from tests.support.faulty import FaultyHost, many
from tests.support.host import CONTRACTOR, connection_of, rows_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ALLOWED_PER_MINUTE = 500
HARBOR = Organization(id="harbor", name="Harbor Light", region=Region.US)


@pytest.fixture
def host(tmp_path: Path) -> Iterator[FaultyHost]:
    """Return a connected host."""
    made = FaultyHost(tmp_path)
    yield made
    made.close()


def seconds_of(host: FaultyHost, since: int) -> float:
    """Seconds from the first request to the last."""
    asked = host.requests(since)
    return float((asked[-1].at - asked[0].at).total_seconds())


def test_a_thousand_records_drain_just_under_the_limit(host: FaultyHost) -> None:
    """1,000 records: not one 429, at least 95 % of what the limit allows, and no read."""
    host.clock.advance(120)
    for number in range(250):
        tag = f"t{number}"
        person = make_lead(tag)
        host.save(make_invoice(tag, lead=person))
        for part in ("a", "b"):
            host.save(
                make_payment(
                    id=f"{tag}{part}",
                    invoice_id=tag,
                    invoice_number=f"D-{tag}",
                    amount=make_invoice().total / (2 if part == "a" else 4),
                )
            )
    before = host.mark()
    assert host.drain_all() == 1000
    asked = host.requests(before)
    assert len(asked) == 1000
    assert {one.status for one in asked} == {200}
    assert [one for one in asked if not one.write or one.metered] == []
    # The time until one request more could leave: the limit counts by the minute.
    per_minute = 1000 / (seconds_of(host, before) / 60)
    assert 0.95 * ALLOWED_PER_MINUTE <= per_minute <= ALLOWED_PER_MINUTE
    stamps = [one.at for one in asked]
    for place in range(len(stamps) - ALLOWED_PER_MINUTE):
        assert stamps[place + ALLOWED_PER_MINUTE] - stamps[place] >= timedelta(seconds=60)
    first_minute = [stamp for stamp in stamps if stamp - stamps[0] < timedelta(seconds=60)]
    assert len(first_minute) >= 0.95 * ALLOWED_PER_MINUTE


class Gauge(httpx.BaseTransport):
    """Holds requests until several are under way, and notes how many there were at once."""

    def __init__(self, inner: httpx.BaseTransport, *, together: int) -> None:
        self._inner = inner
        self._together = together
        self._lock = threading.Condition()
        self._now: dict[str, int] = {}
        self.most: dict[str, int] = {}

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Pass a request on once it has company, or after a moment without."""
        entity = request.url.path.rpartition("/")[2]
        with self._lock:
            self._now[entity] = self._now.get(entity, 0) + 1
            self.most[entity] = max(self.most.get(entity, 0), self._now[entity])
            self._lock.notify_all()
            self._lock.wait_for(lambda: self.most[entity] >= self._together, timeout=0.05)
        try:
            return self._inner.handle_request(request)
        finally:
            with self._lock:
                self._now[entity] -= 1


def test_names_go_one_at_a_time_and_others_at_most_ten(host: FaultyHost) -> None:
    """Customers are written one by one, invoices several at once, ten at most."""
    line = host.line
    gauge = Gauge(line._inner, together=8)
    line._inner = gauge
    host.save(*many(30))
    assert host.send() == 30
    for person in many(30):
        host.save(make_invoice(person.id, lead=person))
    assert host.send() == 30
    assert gauge.most["customer"] == 1
    assert 4 <= gauge.most["invoice"] <= 10
    assert max(host.qbo.emulator.world.throttle.most_at_once().values()) <= 10


@pytest.mark.parametrize(("retry_after", "rest"), [(None, 60), (7, 7), (0, 1), (300, 300)])
def test_429_rests_the_whole_company(host: FaultyHost, retry_after: int | None, rest: int) -> None:
    """One 429 stops all of the company for as long as it was told, then all goes out."""
    host.save(make_lead())
    host.send()
    for number in range(20):
        host.save(make_invoice(f"i{number}"))
    host.qbo.trouble(
        TroubleRule(kind="fail", status=429, entity="invoice", times=None, retry_after=retry_after)
    )
    before = host.mark()
    assert host.send() == 0
    asked = len(host.requests(before))
    assert asked <= 8
    paused = connection_of(host).paused_until
    assert paused is not None
    wait = (paused - host.clock.now()).total_seconds()
    assert rest <= wait + 0.001
    assert wait <= max(rest, 2) + 1
    host.clock.advance(wait - 0.5)
    assert host.send() == 0
    assert len(host.requests(before)) == asked
    host.qbo.emulator.world.trouble.clear()
    host.clock.advance(301)
    assert host.send() == 20
    assert {row.synced_fingerprint == row.fingerprint for row in rows_of(host)} == {True}


def test_outage_is_noticed_and_not_tried_with_every_record(host: FaultyHost) -> None:
    """While QuickBooks is out of order, a few records learn it, not all hundred (rule 26)."""
    host.qbo.trouble(TroubleRule(kind="fail", status=503, times=None, retry_after=5))
    for person in many(100):
        host.save(person)
    before = host.mark()
    host.send()
    assert len(host.requests(before)) <= 12
    assert {host.look(f"customer:lead-{n}").state for n in range(100)} == {RecordState.WAITING}
    host.qbo.emulator.world.trouble.clear()
    host.settle()
    assert host.books.totals["customers"] == 100


def test_companies_do_not_slow_each_other(host: FaultyHost) -> None:
    """While one company rests after a 429, another drains at its full speed."""
    host.connect("automated_tax", org=HARBOR)
    host.qbo.trouble(TroubleRule(kind="fail", status=429, realm=CONTRACTOR, times=None))
    host.save(make_lead())
    host.send()
    assert connection_of(host).paused_until is not None
    for person in many(200):
        host.save(person, org=HARBOR)
    before = host.mark()
    started = host.clock.now()
    assert host.send(org=HARBOR) == 200
    assert (host.clock.now() - started).total_seconds() <= 200 / 8 + 2
    assert {one.status for one in host.requests(before)} == {200}
    assert connection_of(host, org=ORG).paused_until is not None


def test_batches_keep_below_their_own_limit(host: FaultyHost) -> None:
    """A hundred taken names in a row: their looks stay below QuickBooks' 40 batches a minute."""
    host.qbo.emulator.world.throttle.settings.batch_per_minute = 40
    company = host.qbo.company().books
    for number in range(100):
        company.create("Vendor", {"DisplayName": f"Sarah Mitchell lead-{number}"})
    for person in many(100):
        host.save(person)
    before = host.mark()
    for _ in range(20):
        host.send()
        host.clock.advance(5)
    asked: list[Any] = host.requests(before)
    assert {one.status for one in asked} == {200, 400}
    assert sum(1 for one in asked if one.path == "/batch") == 100
    assert {host.look(f"customer:lead-{n}").state for n in range(100)} == {RecordState.ATTENTION}
