"""What is mutated, and the tests that answer for it: quick ones, in one process, on SQLite."""

from __future__ import annotations

from typing import Final

import attrs

_BOOKS: Final = ("test_adoption", "test_unknown_outcomes", "test_request_keys")
_RECORDS: Final = (
    "test_dependents",
    "test_skipped_in_flight",
    "test_waiting",
    "test_reverted_changes",
    "test_odd_moments",
)


@attrs.frozen
class Part:
    """A part of the code where money moves.

    Attributes:
        files: glob patterns of what is mutated, below `dunahub_qbo_plugin`.
        tests: files below `tests`.
    """

    files: tuple[str, ...]
    tests: tuple[str, ...]


def _integration(*names: str) -> tuple[str, ...]:
    return tuple(f"integration/{name}.py" for name in dict.fromkeys(names))


PARTS: Final = {
    "mapping": Part(
        ("mapping/*",),
        (
            *(f"unit/test_mapping_{name}.py" for name in ("customer", "invoice", "money")),
            *(f"unit/test_mapping_{name}.py" for name in ("payment", "schema")),
            "unit/test_advice.py",
        ),
    ),
    "planner": Part(
        ("sync/planner.py",), _integration(*_BOOKS, *_RECORDS, "test_conflicts", "test_faults")
    ),
    "lookup": Part(("sync/lookup.py",), _integration(*_BOOKS, "test_conflicts", "test_faults")),
    "reconciler": Part(
        ("sync/reconciler.py", "sync/attempt.py"),
        _integration(*_BOOKS, "test_conflicts", "test_faults", *_RECORDS),
    ),
    "records": Part(
        ("store/records/*",),
        _integration(*_BOOKS, *_RECORDS, "test_hook_promises", "test_host_sessions"),
    ),
}
