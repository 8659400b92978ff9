"""The metrics as JSON, and in words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from dunahub_qbo_plugin.advice.reads import read_for

if TYPE_CHECKING:
    from dunahub_qbo_plugin.observe.figures import Counters, Reads, Requests, Snapshot, Standing
    from dunahub_qbo_plugin.qbo.metrics import Times
    from dunahub_qbo_plugin.store.queries.gauges import Gauges

QUANTILES: Final = (0.5, 0.9, 0.99)


def as_json(snapshot: Snapshot) -> dict[str, Any]:
    """Return the metrics as JSON values, for a health page or a log line."""
    database = None if snapshot.standing is None else standing_as_json(snapshot.standing)
    return {
        "process": _counters_as_json(snapshot.counters),
        "database": database,
    }


def _counters_as_json(counted: Counters) -> dict[str, Any]:
    return {
        "reads": counted.reads,
        "writes": counted.writes,
        "latency": _latency_as_json(counted.latency),
        "sent": counted.sent,
        "outcomes": _by_code(counted.outcomes),
        "in_memory": counted.in_memory,
        "spilled": counted.spilled,
        "dropped": counted.dropped,
    }


def _latency_as_json(latency: Times) -> dict[str, Any]:
    return {
        "count": latency.count,
        "total_seconds": round(latency.total, 3),
        "longest_seconds": round(latency.longest, 3),
        **{
            f"p{quantile * 100:g}_seconds": round(latency.quantile(quantile), 4)
            for quantile in QUANTILES
        },
    }


def standing_as_json(found: Standing) -> dict[str, Any]:
    """Return the state of companies as JSON values; durations in seconds."""
    seen, left = found.gauges, found.refresh_left
    return {
        "due": seen.due,
        "oldest_due_seconds": round(found.oldest_due, 3),
        "waiting": seen.waiting,
        "attention": seen.attention,
        "not_sent": seen.not_sent,
        "companies": companies(seen),
        "resting": seen.resting,
        "leased": seen.leased,
        "idle_token_seconds": round(found.idle_token),
        "refresh_token_left_seconds": None if left is None else round(left),
        "last_day": _by_code(found.lately),
        "last_day_requests": None
        if (asked := found.requests) is None
        else {
            "reads": asked.reads,
            "writes": asked.writes,
            "latency": _latency_as_json(asked.latency),
        },
        "month_reads": {
            "used": found.reads.used,
            "by_reason": {reason.value: n for reason, n in found.reads.by_reason.items()},
            "forecast": found.reads.forecast,
            "allowed_for_all": found.reads.allowed,
            "used_up_since": None
            if (since := found.reads.used_up_since) is None
            else f"{since:%Y-%m-%dT%H:%M:%SZ}",
            "records_delayed": found.reads.delayed,
        },
    }


def lines(found: Standing) -> list[str]:
    """Return the state of all companies in a few lines for a person."""
    seen = found.gauges
    states = ", ".join(f"{number:,} {state}" for state, number in companies(seen).items())
    happened = ", ".join(
        f"{number:,} {event}{f' ({code})' if code else ''}"
        for (event, code), number in sorted(found.lately.items())
    )
    left = found.refresh_left
    days = "" if left is None else f"; the first refresh token ends in {left / 86400:,.0f} days"
    queue = (
        f"Queue: {seen.due:,} due (oldest {found.oldest_due:,.0f} s), {seen.waiting:,} waiting, "
        f"{seen.attention:,} need attention, {seen.not_sent:,} not sent"
    )
    return [
        f"Companies: {states}; {seen.leased:,} being sent, {seen.resting:,} resting",
        queue,
        f"Last 24 hours: {happened or 'nothing'}",
        *([] if found.requests is None else [_requests_in_words(found.requests)]),
        _reads_in_words(found.reads, all_companies=found.requests is not None),
        f"Tokens: longest unused for {found.idle_token / 86400:,.1f} days{days}",
    ]


def _reads_in_words(reads: Reads, *, all_companies: bool) -> str:
    of = f" of {reads.allowed:,}" if all_companies else ""
    spent = f" ({read_for(reads.by_reason)})" if reads.by_reason else ""
    text = f"Reads this month: {reads.used:,}{of}{spent}; about {reads.forecast:,} by its end"
    if reads.used_up_since is None:
        return text
    return (
        f"{text}. USED UP: QuickBooks has refused reads since {reads.used_up_since:%Y-%m-%d %H:%M} "
        f"UTC and is asked once an hour, until the next month at the latest; writes go on, and "
        f"{reads.delayed:,} records wait for a look"
    )


def _requests_in_words(asked: Requests) -> str:
    text = f"Requests: {asked.writes:,} writes, {asked.reads:,} reads (metered) in these 24 hours"
    if not asked.latency.count:
        return text
    middle, most = (asked.latency.quantile(share) * 1000 for share in (0.5, 0.99))
    return f"{text}; half took at most {middle:,.0f} ms, 99 of 100 at most {most:,.0f} ms"


def companies(seen: Gauges) -> dict[str, int]:
    """Return the number of companies in each state of their connection."""
    return {
        "connected": seen.connected,
        "expired": seen.expired,
        "stopped": seen.stopped,
        "unconfirmed": seen.unconfirmed,
        "disconnected": seen.disconnected,
    }


def _by_code(counts: dict[tuple[str, str], int]) -> dict[str, dict[str, int]]:
    """Return counts nested by word and code; "" is for those without a code."""
    told: dict[str, dict[str, int]] = {}
    for (word, code), number in sorted(counts.items()):
        told.setdefault(word, {})[code] = number
    return told
