"""The figures that an operator watches: what they count, and what they never say."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import attrs
import pytest
import sqlalchemy as sa
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader

from dunahub_hookspecs import Organization, PaymentMethod, Region
from dunahub_qbo_plugin import observe
from dunahub_qbo_plugin.emulator.world.trouble import TroubleRule
from dunahub_qbo_plugin.model import (
    ErrorInfo,
    Kind,
    RecordKey,
    RecordState,
    Rejected,
    Retry,
    SkipReason,
    Waiting,
)
from dunahub_qbo_plugin.plugin import QuickBooksPlugin
from dunahub_qbo_plugin.qbo.metrics import Histogram, Times
from dunahub_qbo_plugin.store.queries import records
from dunahub_qbo_plugin.sync.outcome_counts import MOST, OTHER, OutcomeCounts
from dunahub_qbo_plugin.testing import ORG, PERSON, FakeHost, make_invoice, make_lead, make_payment
from tests.support.host import CONTRACTOR, connection_of, make_host

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def host(tmp_path: Path, store_url: str | None) -> Iterator[FakeHost]:
    """Return a connected host on either database."""
    made = make_host(tmp_path, database_url=store_url)
    made.connect()
    yield made
    made.close()


def look(host: FakeHost) -> observe.Standing:
    """Return what the database tells."""
    return observe.standing(host.runtime.database, host.clock)


def test_due_records_and_the_oldest_one(host: FakeHost) -> None:
    """What could be sent is counted, with the time for which the oldest could have been."""
    assert (look(host).gauges.due, look(host).oldest_due) == (0, 0.0)
    host.save(make_lead())
    host.clock.advance(90)
    host.save(make_invoice())
    seen = look(host)
    assert (seen.gauges.due, seen.oldest_due) == (2, 90.0)
    host.send()
    assert look(host).gauges.due == 0


def test_states_are_those_that_people_see(host: FakeHost) -> None:
    """The gauges say in numbers what the pages say of each record (rule 21)."""
    host.qbo.trouble(TroubleRule.from_text("fail status=400 code=6000 entity=invoice"))
    host.qbo.trouble(TroubleRule.from_text("fail status=503 entity=payment times=all"))
    host.save(make_lead("bad", name=""), make_lead(), make_invoice())
    host.save(
        make_payment(),
        make_payment(id="cash", method=PaymentMethod.CASH, collected_by_dunahub=False),
    )
    host.send()
    counted = dict.fromkeys(RecordState, 0)
    with host.runtime.database.read.connect() as db:
        by_kind = records.counts(db, connection_of(host))
    for by_state in by_kind.values():
        for shown, number in by_state.items():
            counted[shown] += number
    seen = look(host).gauges
    assert seen.attention == counted[RecordState.ATTENTION] == 1
    assert seen.due + seen.waiting == counted[RecordState.WAITING] > 0
    assert seen.not_sent == counted[RecordState.NOT_SENT] == 0
    host.runtime.panel.connection_service.disconnect(ORG, PERSON)
    assert (
        look(host).gauges.not_sent == counted[RecordState.ATTENTION] + counted[RecordState.WAITING]
    )
    assert look(host).gauges.due == 0


def test_companies_by_state(host: FakeHost) -> None:
    """Connected, resting and disconnected companies are told apart."""
    other = Organization(id="beta", name="Beta Roofing", region=Region.US)
    host.connect("empty", org=other)
    assert look(host).gauges.connected == 2
    host.qbo.trouble(TroubleRule.from_text("fail status=429 times=all"))
    host.save(make_lead())
    host.send()
    assert look(host).gauges.resting == 1
    host.runtime.panel.connection_service.disconnect(other, PERSON)
    seen = look(host).gauges
    assert (seen.connected, seen.disconnected) == (1, 1)
    one = observe.standing(
        host.runtime.database, host.clock, company_id=connection_of(host).id
    ).gauges
    assert (one.connected, one.resting, one.disconnected) == (1, 1, 0)


def test_age_of_tokens(host: FakeHost) -> None:
    """How long the longest unused token has been idle is told, before Intuit lets it die."""
    assert look(host).idle_token == 0.0
    left = look(host).refresh_left
    assert left is not None
    host.clock.advance(timedelta(days=30).total_seconds())
    seen = look(host)
    assert seen.idle_token == pytest.approx(30 * 86400 - 3600)
    assert seen.refresh_left == pytest.approx(left - 30 * 86400)


def test_lease_is_seen_while_a_worker_is_at_it(host: FakeHost) -> None:
    """A company that is being sent counts as leased, and no longer once its worker is done."""
    seen: list[int] = []
    inner = host.runtime.client.write

    def write(*args: Any, **values: Any) -> Any:  # noqa: ANN401  the client's own
        seen.append(look(host).gauges.leased)
        return inner(*args, **values)

    host.runtime.client.write = write  # type: ignore[method-assign]  # to look in mid-drain
    host.save(make_lead())
    host.send()
    assert seen == [1]
    assert look(host).gauges.leased == 0


def test_counters_of_a_process(host: FakeHost) -> None:
    """Requests, outcomes by code and metered reads are counted; sending three costs no read."""
    before = observe.counters(host.runtime)
    assert before.sent == 0
    host.qbo.trouble(TroubleRule.from_text("fail status=503 entity=invoice"))
    host.save(make_lead(), make_invoice(), make_payment())
    host.settle()
    after = observe.counters(host.runtime)
    assert after.sent == 3
    assert after.outcomes["synced", ""] == 3
    assert sum(n for (word, _), n in after.outcomes.items() if word == "retry") >= 1
    assert after.writes - before.writes == after.latency.count - before.latency.count - (
        after.reads - before.reads
    )
    assert after.writes - before.writes == 4


def test_last_day_tells_outcomes_by_code(host: FakeHost) -> None:
    """What happened in the last day is told from the history, and forgotten after it."""
    host.save(make_lead(), make_lead("bad", name=""))
    host.send()
    assert look(host).lately == {("sent", ""): 1, ("rejected", "name-missing"): 1}
    host.clock.advance(25 * 3600)
    assert look(host).lately == {}


def test_another_process_tells_what_was_asked(host: FakeHost, tmp_path: Path) -> None:
    """Requests and their times of all processes are told by one that asked nothing itself."""
    host.save(make_lead(), make_invoice(), make_payment())
    host.send()
    host.runtime.client.metrics.latency.add(0.7)
    host.runtime.worker_tasks.meter.note(at_once=True)
    other = make_host(
        tmp_path,
        qbo=host.qbo,
        fernet_keys=host.config.fernet_keys,
        database_url=host.config.database_url,
    )
    other.save(make_lead("lead-2"))
    other.send()
    ours, theirs = host.runtime.client.metrics, other.runtime.client.metrics
    other.close()
    seen = look(host).requests
    assert seen is not None
    assert theirs.writes == 1
    assert (seen.writes, seen.reads) == (ours.writes + 1, ours.reads + theirs.reads)
    assert seen.latency.count == ours.latency.times().count + theirs.latency.times().count
    assert seen.latency.longest == 0.7
    assert 0.5 < seen.latency.quantile(1.0) <= 0.7


def test_requests_are_told_by_the_hour(host: FakeHost) -> None:
    """Each hour has what was asked in it; after a day it is not told, after two it is gone."""
    meter = host.runtime.worker_tasks.meter
    meter.note(at_once=True)
    host.clock.advance(timedelta(hours=25).total_seconds())
    assert look(host).requests == observe.Requests(reads=0, writes=0, latency=Times(buckets=()))
    for number in range(2):
        host.save(make_lead(f"lead-{number}"))
        host.send()
        meter.note()
        host.clock.advance(20)
    seen = look(host).requests
    assert seen is not None
    assert seen.writes == 2
    host.clock.advance(timedelta(hours=30).total_seconds())
    host.save(make_lead("lead-3"))
    host.send()
    meter.note()
    with host.runtime.database.read.connect() as db:
        told = db.execute(sa.text("SELECT writes FROM qbo_meter ORDER BY hour")).scalars().all()
    assert told == [2, 1]


def test_figures_are_not_written_for_each_drain(host: FakeHost) -> None:
    """A note is made at most every few seconds, and none where nothing was asked."""
    meter = host.runtime.worker_tasks.meter
    written: list[str] = []
    engine = host.runtime.database.write

    @sa.event.listens_for(engine, "before_cursor_execute")
    def _count(_db: object, _cursor: object, statement: str, *_: object) -> None:
        written.extend([statement] if "INSERT INTO qbo_meter" in statement else [])

    for number in range(5):
        host.save(make_lead(f"lead-{number}"))
        host.send()
        meter.note()
    host.clock.advance(60)
    meter.note()
    meter.note()
    host.clock.advance(60)
    meter.note()
    assert len(written) == 1  # besides the one at connect
    sa.event.remove(engine, "before_cursor_execute", _count)


def test_figures_that_cannot_be_noted_stop_nothing(host: FakeHost) -> None:
    """The table is locked or gone: a drain ends as ever, and the figures come with a later note."""
    host.save(make_lead())
    with host.runtime.database.write.begin() as db:
        db.exec_driver_sql("ALTER TABLE qbo_meter RENAME TO elsewhere")
    assert host.runtime.worker_tasks.drain(connection_of(host).id) is False
    host.runtime.worker_tasks.meter.note(at_once=True)
    assert host.look("customer:lead-1").state is RecordState.SYNCED
    with host.runtime.database.write.begin() as db:
        db.exec_driver_sql("ALTER TABLE elsewhere RENAME TO qbo_meter")
    host.runtime.worker_tasks.meter.note(at_once=True)
    seen = look(host).requests
    assert seen is not None
    assert seen.writes == 1


def test_spill_is_told(tmp_path: Path) -> None:
    """Records that memory holds are told, and what was ever lost."""
    host = make_host(tmp_path)
    host.connect()
    with host.runtime.database.write.begin():
        host.save(make_lead())
        seen = observe.counters(host.runtime)
    assert (seen.in_memory, seen.spilled, seen.dropped) == (1, 1, 0)
    host.runtime.intake.flush()
    assert observe.counters(host.runtime).in_memory == 0
    host.close()


def test_a_database_that_is_not_there(tmp_path: Path) -> None:
    """Without a database the counters are told all the same."""
    host = make_host(tmp_path)
    plugin = QuickBooksPlugin(
        config=attrs.evolve(host.config, database_url=f"sqlite:///{tmp_path / 'none.sqlite3'}")
    )
    snapshot = observe.measure(plugin.runtime())
    assert snapshot.standing is None
    assert observe.as_json(snapshot)["database"] is None
    assert not (tmp_path / "none.sqlite3").exists()
    plugin.on_shutdown()
    host.close()


def collected(reader: InMemoryMetricReader) -> dict[str, dict[tuple[tuple[str, Any], ...], float]]:
    """Return what an exporter would send: instrument, labels, value."""
    data = reader.get_metrics_data()
    found: dict[str, dict[tuple[tuple[str, Any], ...], float]] = {}
    if data is None:
        return found
    for resource in data.resource_metrics:
        for scope in resource.scope_metrics:
            for metric in scope.metrics:
                points = found.setdefault(metric.name, {})
                for point in metric.data.data_points:
                    labels = tuple(sorted(dict(point.attributes or {}).items()))
                    points[labels] = point.value  # type: ignore[union-attr]  # no histogram here
    return found


def test_opentelemetry_reads_the_figures(host: FakeHost) -> None:
    """An exporter gets counters and gauges, of few labels, without a name or a secret in them."""
    reader = InMemoryMetricReader()
    meter = MeterProvider(metric_readers=[reader]).get_meter("host")
    assert observe.export_to_opentelemetry(host.plugin, meter=meter)
    host.save(make_lead(), make_invoice(), make_payment(), make_lead("bad", name=""))
    host.send()
    host.save(make_lead("later"))
    host.clock.advance(10)
    told = collected(reader)
    assert told["dunahub.qbo.records"][("state", "due"),] == 1
    assert told["dunahub.qbo.records"][("state", "attention"),] == 1
    assert told["dunahub.qbo.due.age"][()] == 10
    assert told["dunahub.qbo.requests"][("kind", "write"),] == 3
    assert told["dunahub.qbo.outcomes"][("code", ""), ("outcome", "synced")] == 3
    assert told["dunahub.qbo.companies"][("state", "connected"),] == 1
    text = json.dumps({name: [[*map(list, labels)] for labels in told[name]] for name in told})
    with host.runtime.database.read.connect() as db:
        tokens = host.runtime.connections.tokens(db, connection_of(host).id)
    assert tokens is not None
    for secret in (CONTRACTOR, tokens.access, tokens.refresh, ORG.id, connection_of(host).id):
        assert secret not in text
        assert secret not in json.dumps(observe.as_json(observe.measure(host.runtime)))
    assert sum(len(points) for points in told.values()) < 60


def test_one_look_serves_all_instruments(tmp_path: Path) -> None:
    """A collection of all instruments reads the database once, not once for each."""
    host = make_host(tmp_path)
    host.connect()
    reader = InMemoryMetricReader()
    meter = MeterProvider(metric_readers=[reader]).get_meter("host")
    observe.export_to_opentelemetry(host.plugin, meter=meter)
    looks: list[str] = []

    @sa.event.listens_for(host.runtime.database.write, "before_cursor_execute")
    def _count(_c: object, _cursor: object, statement: str, *_rest: object) -> None:
        looks.append(statement)

    collected(reader)
    assert 0 < len([one for one in looks if one.startswith("SELECT")]) <= 7
    host.close()


def test_nothing_is_told_before_the_first_use() -> None:
    """Registering the instruments opens nothing, and an exporter then gets nothing."""
    plugin = QuickBooksPlugin()
    reader = InMemoryMetricReader()
    meter = MeterProvider(metric_readers=[reader]).get_meter("host")
    assert observe.export_to_opentelemetry(plugin, meter=meter)
    assert all(not points for points in collected(reader).values())
    assert plugin.running() is None


def test_codes_do_not_grow_without_end() -> None:
    """However many codes QuickBooks thinks of, labels stay few, and odd texts are none."""
    tally = OutcomeCounts()
    for number in range(3 * MOST):
        tally.count(Rejected(info=ErrorInfo(code=str(number))))
    tally.count(Retry(info=ErrorInfo(code="<b>Sarah Jones</b>")))
    tally.count(Waiting(parent=RecordKey(kind=Kind.CUSTOMER, local_id="1")))
    counts = tally.counts()
    assert len(counts) <= MOST + 3
    assert counts["rejected", OTHER] == 2 * MOST
    assert counts["retry", OTHER] == 1
    assert sum(counts.values()) == 3 * MOST + 2
    assert SkipReason.INELIGIBLE.value not in {code for _, code in counts}


def test_quantiles_are_within_their_bucket() -> None:
    """The histogram's quantiles are right within the width of its buckets."""
    histogram = Histogram()
    assert histogram.times().quantile(0.5) == 0.0
    for milliseconds in range(1, 1001):
        histogram.add(milliseconds / 1000)
    times = histogram.times()
    assert (times.count, times.longest) == (1000, 1.0)
    assert times.total == pytest.approx(500.5)
    assert times.quantile(0.5) == pytest.approx(0.5, abs=0.05)
    assert times.quantile(0.99) == pytest.approx(0.99, abs=0.02)
    assert times.quantile(1.0) == 1.0
    histogram.add(500.0)
    assert histogram.times().quantile(1.0) == 500.0
