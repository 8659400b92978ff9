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
from tests.support.office import ACME, CONTRACTOR, DANA, EMPTY, Office, invoice, lead, payment

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def office(tmp_path: Path, store_url: str | None) -> Iterator[Office]:
    """A connected office on either database."""
    bench = Office(tmp_path, database_url=store_url)
    bench.connect()
    yield bench
    bench.close()


def look(office: Office) -> observe.Standing:
    """Return what the database tells."""
    return observe.standing(office.runtime.database, office.clock)


def test_due_records_and_the_oldest_one(office: Office) -> None:
    """What could be sent is counted, with the time for which the oldest could have been."""
    assert (look(office).gauges.due, look(office).oldest_due) == (0, 0.0)
    office.save(lead())
    office.time.advance(90)
    office.save(invoice())
    seen = look(office)
    assert (seen.gauges.due, seen.oldest_due) == (2, 90.0)
    office.drain()
    assert look(office).gauges.due == 0


def test_states_are_those_that_people_see(office: Office) -> None:
    """The gauges say in numbers what the pages say of each record (rule 21)."""
    office.trouble(TroubleRule.from_text("fail status=400 code=6000 entity=invoice"))
    office.trouble(TroubleRule.from_text("fail status=503 entity=payment times=all"))
    office.save(lead("bad", name=""), lead(), invoice())
    office.save(payment(), payment("cash", method=PaymentMethod.CASH, collected_by_dunahub=False))
    office.drain()
    counted = dict.fromkeys(RecordState, 0)
    with office.runtime.database.read.connect() as db:
        by_kind = records.counts(db, office.connection())
    for by_state in by_kind.values():
        for shown, number in by_state.items():
            counted[shown] += number
    seen = look(office).gauges
    assert seen.attention == counted[RecordState.ATTENTION] == 1
    assert seen.due + seen.waiting == counted[RecordState.WAITING] > 0
    assert seen.not_sent == counted[RecordState.NOT_SENT] == 0
    office.runtime.panel.connection_service.disconnect(ACME, DANA)
    assert (
        look(office).gauges.not_sent
        == counted[RecordState.ATTENTION] + counted[RecordState.WAITING]
    )
    assert look(office).gauges.due == 0


def test_companies_by_state(office: Office) -> None:
    """Connected, resting and disconnected companies are told apart."""
    other = Organization(id="beta", name="Beta Roofing", region=Region.US)
    office.connect(EMPTY, org=other)
    assert look(office).gauges.connected == 2
    office.trouble(TroubleRule.from_text("fail status=429 times=all"))
    office.save(lead())
    office.drain()
    assert look(office).gauges.resting == 1
    office.runtime.panel.connection_service.disconnect(other, DANA)
    seen = look(office).gauges
    assert (seen.connected, seen.disconnected) == (1, 1)
    one = observe.standing(
        office.runtime.database, office.clock, company_id=office.connection().id
    ).gauges
    assert (one.connected, one.resting, one.disconnected) == (1, 1, 0)


def test_age_of_tokens(office: Office) -> None:
    """How long the longest unused token has been idle is told, before Intuit lets it die."""
    assert look(office).idle_token == 0.0
    left = look(office).refresh_left
    assert left is not None
    office.time.advance(timedelta(days=30).total_seconds())
    seen = look(office)
    assert seen.idle_token == pytest.approx(30 * 86400 - 3600)
    assert seen.refresh_left == pytest.approx(left - 30 * 86400)


def test_lease_is_seen_while_a_worker_is_at_it(office: Office) -> None:
    """A company that is being sent counts as leased, and no longer once its worker is done."""
    seen: list[int] = []
    inner = office.runtime.client.write

    def write(*args: Any, **values: Any) -> Any:  # noqa: ANN401  the client's own
        seen.append(look(office).gauges.leased)
        return inner(*args, **values)

    office.runtime.client.write = write  # type: ignore[method-assign]  # to look in mid-drain
    office.save(lead())
    office.drain()
    assert seen == [1]
    assert look(office).gauges.leased == 0


def test_counters_of_a_process(office: Office) -> None:
    """Requests, outcomes by code and metered reads are counted; sending three costs no read."""
    before = observe.counters(office.runtime)
    assert before.sent == 0
    office.trouble(TroubleRule.from_text("fail status=503 entity=invoice"))
    office.save(lead(), invoice(), payment())
    office.drain_until_quiet()
    after = observe.counters(office.runtime)
    assert after.sent == 3
    assert after.outcomes["synced", ""] == 3
    assert sum(n for (word, _), n in after.outcomes.items() if word == "retry") >= 1
    assert after.writes - before.writes == after.latency.count - before.latency.count - (
        after.reads - before.reads
    )
    assert after.writes - before.writes == 4


def test_last_day_tells_outcomes_by_code(office: Office) -> None:
    """What happened in the last day is told from the history, and forgotten after it."""
    office.save(lead(), lead("bad", name=""))
    office.drain()
    assert look(office).lately == {("sent", ""): 1, ("rejected", "name-missing"): 1}
    office.time.advance(25 * 3600)
    assert look(office).lately == {}


def test_another_process_tells_what_was_asked(office: Office, tmp_path: Path) -> None:
    """Requests and their times of all processes are told by one that asked nothing itself."""
    office.save(lead(), invoice(), payment())
    office.drain()
    office.runtime.client.metrics.latency.add(0.7)
    office.runtime.worker_tasks.meter.note(at_once=True)
    other = Office(
        tmp_path,
        clock=office.clock,
        emulator=office.emulator,
        key=office.key,
        database_url=office.config.database_url,
    )
    other.save(lead("lead-2"))
    other.drain()
    other.close()
    seen = look(office).requests
    assert seen is not None
    ours, theirs = office.runtime.client.metrics, other.runtime.client.metrics
    assert theirs.writes == 1
    assert (seen.writes, seen.reads) == (ours.writes + 1, ours.reads + theirs.reads)
    assert seen.latency.count == ours.latency.times().count + theirs.latency.times().count
    assert seen.latency.longest == 0.7
    assert 0.5 < seen.latency.quantile(1.0) <= 0.7


def test_requests_are_told_by_the_hour(office: Office) -> None:
    """Each hour has what was asked in it; after a day it is not told, after two it is gone."""
    meter = office.runtime.worker_tasks.meter
    meter.note(at_once=True)
    office.time.advance(timedelta(hours=25).total_seconds())
    assert look(office).requests == observe.Requests(reads=0, writes=0, latency=Times(buckets=()))
    for number in range(2):
        office.save(lead(f"lead-{number}"))
        office.drain()
        meter.note()
        office.time.advance(20)
    seen = look(office).requests
    assert seen is not None
    assert seen.writes == 2
    office.time.advance(timedelta(hours=30).total_seconds())
    office.save(lead("lead-3"))
    office.drain()
    meter.note()
    with office.runtime.database.read.connect() as db:
        told = db.execute(sa.text("SELECT writes FROM qbo_meter ORDER BY hour")).scalars().all()
    assert told == [2, 1]


def test_figures_are_not_written_for_each_drain(office: Office) -> None:
    """A note is made at most every few seconds, and none where nothing was asked."""
    meter = office.runtime.worker_tasks.meter
    written: list[str] = []
    engine = office.runtime.database.write

    @sa.event.listens_for(engine, "before_cursor_execute")
    def _count(_db: object, _cursor: object, statement: str, *_: object) -> None:
        written.extend([statement] if "INSERT INTO qbo_meter" in statement else [])

    for number in range(5):
        office.save(lead(f"lead-{number}"))
        office.drain()
        meter.note()
    office.time.advance(60)
    meter.note()
    meter.note()
    office.time.advance(60)
    meter.note()
    assert len(written) == 2
    sa.event.remove(engine, "before_cursor_execute", _count)


def test_figures_that_cannot_be_noted_stop_nothing(office: Office) -> None:
    """The table is locked or gone: a drain ends as ever, and the figures come with a later note."""
    office.save(lead())
    with office.runtime.database.write.begin() as db:
        db.exec_driver_sql("ALTER TABLE qbo_meter RENAME TO elsewhere")
    assert office.runtime.worker_tasks.drain(office.connection().id) is False
    office.runtime.worker_tasks.meter.note(at_once=True)
    assert office.view(Kind.CUSTOMER, "lead-1").state is RecordState.SYNCED
    with office.runtime.database.write.begin() as db:
        db.exec_driver_sql("ALTER TABLE elsewhere RENAME TO qbo_meter")
    office.runtime.worker_tasks.meter.note(at_once=True)
    seen = look(office).requests
    assert seen is not None
    assert seen.writes == 1


def test_spill_is_told(tmp_path: Path) -> None:
    """Records that memory holds are told, and what was ever lost."""
    office = Office(tmp_path)
    office.connect()
    with office.runtime.database.write.begin():
        office.save(lead())
        seen = observe.counters(office.runtime)
    assert (seen.in_memory, seen.spilled, seen.dropped) == (1, 1, 0)
    office.runtime.intake.flush()
    assert observe.counters(office.runtime).in_memory == 0
    office.close()


def test_a_database_that_is_not_there(tmp_path: Path) -> None:
    """Without a database the counters are told all the same."""
    office = Office(tmp_path)
    plugin = QuickBooksPlugin(
        config=attrs.evolve(office.config, database_url=f"sqlite:///{tmp_path / 'none.sqlite3'}")
    )
    snapshot = observe.measure(plugin.runtime())
    assert snapshot.standing is None
    assert observe.as_json(snapshot)["database"] is None
    assert not (tmp_path / "none.sqlite3").exists()
    plugin.on_shutdown()
    office.close()


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


def test_opentelemetry_reads_the_figures(office: Office) -> None:
    """An exporter gets counters and gauges, of few labels, without a name or a secret in them."""
    reader = InMemoryMetricReader()
    meter = MeterProvider(metric_readers=[reader]).get_meter("host")
    assert observe.export_to_opentelemetry(office.plugin, meter=meter)
    office.save(lead(), invoice(), payment(), lead("bad", name=""))
    office.drain()
    office.save(lead("later"))
    office.time.advance(10)
    told = collected(reader)
    assert told["dunahub.qbo.records"][("state", "due"),] == 1
    assert told["dunahub.qbo.records"][("state", "attention"),] == 1
    assert told["dunahub.qbo.due.age"][()] == 10
    assert told["dunahub.qbo.requests"][("kind", "write"),] == 3
    assert told["dunahub.qbo.outcomes"][("code", ""), ("outcome", "synced")] == 3
    assert told["dunahub.qbo.companies"][("state", "connected"),] == 1
    text = json.dumps({name: [[*map(list, labels)] for labels in told[name]] for name in told})
    with office.runtime.database.read.connect() as db:
        tokens = office.runtime.connections.tokens(db, office.connection().id)
    assert tokens is not None
    for secret in (CONTRACTOR, tokens.access, tokens.refresh, ACME.id, office.connection().id):
        assert secret not in text
        assert secret not in json.dumps(observe.as_json(observe.measure(office.runtime)))
    assert sum(len(points) for points in told.values()) < 60


def test_one_look_serves_all_instruments(tmp_path: Path) -> None:
    """A collection of all instruments reads the database once, not once for each."""
    office = Office(tmp_path)
    office.connect()
    reader = InMemoryMetricReader()
    meter = MeterProvider(metric_readers=[reader]).get_meter("host")
    observe.export_to_opentelemetry(office.plugin, meter=meter)
    looks: list[str] = []

    @sa.event.listens_for(office.runtime.database.write, "before_cursor_execute")
    def _count(_c: object, _cursor: object, statement: str, *_rest: object) -> None:
        looks.append(statement)

    collected(reader)
    assert 0 < len([one for one in looks if one.startswith("SELECT")]) <= 5
    office.close()


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
