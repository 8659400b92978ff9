"""The metrics as OpenTelemetry's observable instruments."""

from __future__ import annotations

import threading
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from dunahub_qbo_plugin.observe.figures import counters, measure
from dunahub_qbo_plugin.observe.words import QUANTILES, companies

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from dunahub_qbo_plugin.observe.figures import Counters, Snapshot, Standing
    from dunahub_qbo_plugin.plugin import QuickBooksPlugin

    Labels = dict[str, str]
    Readings = Iterable[tuple[float, Labels]]

GAUGE_LIFETIME: Final = timedelta(seconds=5)
"""How long one query of the database serves all instruments."""


def export_to_opentelemetry(plugin: QuickBooksPlugin, *, meter: Any = None) -> bool:  # noqa: ANN401  OpenTelemetry's Meter, which need not be installed
    """Register the metrics as observable instruments with OpenTelemetry.

    Call it once, after the host has set its meter provider. Metrics are read when the exporter
    collects them: counters from memory, gauges from the database, at most once in five seconds.
    Every process of a host reports the same gauges: use one of them, or their maximum, and the sum
    of the counters.

    Args:
        plugin: the plugin; before its first use nothing is reported.
        meter: the host's; None for one named ``dunahub_qbo_plugin``.

    Returns:
        False if ``opentelemetry-api`` is not installed, so that nothing was registered.
    """
    try:
        from opentelemetry import metrics  # noqa: PLC0415  hosts without it do without
    except ImportError:
        return False
    instruments = meter or metrics.get_meter("dunahub_qbo_plugin")
    source = _Source(plugin)

    def callback(read: Callable[[_Source], Readings]) -> Callable[[Any], list[Any]]:
        def observe(_options: object) -> list[Any]:
            return [metrics.Observation(value, labels) for value, labels in read(source)]

        return observe

    for name, unit, text, read in _COUNTERS:
        instruments.create_observable_counter(
            f"dunahub.qbo.{name}", [callback(read)], unit=unit, description=text
        )
    for name, unit, text, read in _GAUGES:
        instruments.create_observable_gauge(
            f"dunahub.qbo.{name}", [callback(read)], unit=unit, description=text
        )
    return True


class _Source:
    """Reads a plugin's metrics, and caches those from the database for `GAUGE_LIFETIME`."""

    def __init__(self, plugin: QuickBooksPlugin) -> None:
        self._plugin = plugin
        self._lock = threading.Lock()
        self._kept: Snapshot | None = None
        self._kept_at = 0.0

    def counters(self) -> Counters | None:
        runtime = self._plugin.running()
        return None if runtime is None else counters(runtime)

    def standing(self) -> Standing | None:
        runtime = self._plugin.running()
        if runtime is None:
            return None
        with self._lock:
            now = runtime.clock.monotonic()
            if self._kept is None or not 0 <= now - self._kept_at < GAUGE_LIFETIME.total_seconds():
                self._kept, self._kept_at = measure(runtime), now
            return self._kept.standing


def _requests(source: _Source) -> Readings:
    if (seen := source.counters()) is not None:
        yield seen.reads, {"kind": "read"}
        yield seen.writes, {"kind": "write"}


def _outcomes(source: _Source) -> Readings:
    if (seen := source.counters()) is not None:
        for (outcome, code), number in seen.outcomes.items():
            yield number, {"outcome": outcome, "code": code}


def _counter(read: Callable[[Counters], float]) -> Callable[[_Source], Readings]:
    def readings(source: _Source) -> Readings:
        if (seen := source.counters()) is not None:
            yield read(seen), {}

    return readings


def _gauge(read: Callable[[Standing], float | None]) -> Callable[[_Source], Readings]:
    def readings(source: _Source) -> Readings:
        seen = source.standing()
        if seen is not None and (value := read(seen)) is not None:
            yield value, {}

    return readings


def _quantiles(source: _Source) -> Readings:
    if (seen := source.counters()) is not None and seen.latency.count:
        for quantile in QUANTILES:
            yield seen.latency.quantile(quantile), {"quantile": f"{quantile:g}"}


def _records(source: _Source) -> Readings:
    if (seen := source.standing()) is not None:
        yield seen.gauges.due, {"state": "due"}
        yield seen.gauges.waiting, {"state": "waiting"}
        yield seen.gauges.attention, {"state": "attention"}
        yield seen.gauges.not_sent, {"state": "not_sent"}


def _by_state(source: _Source) -> Readings:
    if (seen := source.standing()) is not None:
        for state, number in companies(seen.gauges).items():
            yield number, {"state": state}


_COUNTERS: Final[tuple[tuple[str, str, str, Callable[[_Source], Readings]], ...]] = (
    ("requests", "{request}", "Requests to QuickBooks; Intuit meters reads", _requests),
    ("outcomes", "{try}", "How tries to send a record ended", _outcomes),
    ("request.count", "{request}", "Requests timed", _counter(lambda seen: seen.latency.count)),
    ("request.seconds", "s", "Time spent in requests", _counter(lambda seen: seen.latency.total)),
    ("spill.records", "{record}", "Records kept in memory", _counter(lambda seen: seen.spilled)),
    ("spill.dropped", "{record}", "Records lost in memory", _counter(lambda seen: seen.dropped)),
)
_GAUGES: Final[tuple[tuple[str, str, str, Callable[[_Source], Readings]], ...]] = (
    ("request.duration", "s", "How long requests take, since the start", _quantiles),
    ("spill.size", "{record}", "Records in memory now", _counter(lambda seen: seen.in_memory)),
    ("records", "{record}", "Records that QuickBooks does not have yet", _records),
    ("due.age", "s", "Age of the oldest due record", _gauge(lambda seen: seen.oldest_due)),
    ("companies", "{company}", "Companies by the state of their connection", _by_state),
    ("resting", "{company}", "Companies that rest", _gauge(lambda seen: seen.gauges.resting)),
    ("leases", "{company}", "Companies being sent", _gauge(lambda seen: seen.gauges.leased)),
    ("token.idle", "s", "Longest time without a use", _gauge(lambda seen: seen.idle_token)),
    ("token.left", "s", "Until the first one ends", _gauge(lambda seen: seen.refresh_left)),
)
