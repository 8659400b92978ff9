"""Each planted bug makes a proof fail: what would not notice it would prove nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from dunahub_qbo_plugin.emulator.world.trouble import TroubleRule
from dunahub_qbo_plugin.testing import make_invoice, make_lead
from tests.acceptance import test_crashes, test_host_transaction, test_races, two_processes
from tests.acceptance.chaos import Chaos
from tests.acceptance.crm import open_crm
from tests.acceptance.planted import BUGS
from tests.support.host import make_host

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def _lost_answer(folder: Path) -> None:
    host = make_host(folder)
    try:
        host.connect()
        host.save(make_lead())
        host.send()
        host.qbo.trouble(TroubleRule(kind="lose", path="/invoice"))
        host.save(make_invoice())
        host.settle()
        assert len(host.books.invoices) == 1
    finally:
        host.close()


def _change_after_a_crash(folder: Path) -> None:
    test_crashes.test_change_after_a_crash(folder, None, after=True, wait=0.0)


def _on_sqlite(test: Callable[[Path, str | None], None]) -> Callable[[Path], None]:
    return lambda folder: test(folder, None)


def _rollback(folder: Path) -> None:
    host = make_host(folder)
    try:
        host.connect()
        engine = open_crm(folder / "dunahub_qbo.sqlite3")
        try:
            test_host_transaction.test_rollback_drops_both(host, engine, [])
        finally:
            engine.dispose()
    finally:
        host.close()


def _crash_proof(folder: Path) -> None:
    with Chaos(folder, seed=11, plant="no_request_key") as chaos:
        for _ in range(25):
            chaos.round()
        chaos.settle()
        chaos.check()


PROOFS: list[tuple[str, Callable[[Path], None]]] = [
    ("no_request_key", _lost_answer),
    ("key_committed_after_sending", _change_after_a_crash),
    ("no_lease", _on_sqlite(test_races.test_second_worker_keeps_off)),
    ("settle_ignores_newer_changes", _on_sqlite(test_races.test_change_during_a_drain_is_sent_too)),
    ("renewal_without_lock", _on_sqlite(test_races.test_two_workers_renew_once)),
    (
        "fence_not_checked",
        _on_sqlite(test_races.test_reconnect_during_a_drain),
    ),
    ("no_look_before_leaving", _on_sqlite(test_races.test_disconnect_during_a_drain)),
    ("late_rows_win", test_races.test_late_row_of_one_process_does_not_undo_a_newer_one),
    ("savepoint_without_transaction", _rollback),
]


@pytest.mark.parametrize(("bug", "proof"), PROOFS, ids=[bug for bug, _ in PROOFS])
def test_proof_notices(
    bug: str, proof: Callable[[Path], None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A safeguard that is taken away makes its proof fail, by an assertion of the proof."""
    monkeypatch.setattr(two_processes, "DEADLINE", 3.0)
    monkeypatch.setattr(test_races, "DEADLINE", 3.0)
    with BUGS[bug](), pytest.raises(AssertionError):
        proof(tmp_path)


def test_crash_proof_notices(tmp_path: Path) -> None:
    """Real processes without request keys leave doubles, and the crash proof finds them."""
    with pytest.raises(AssertionError, match=r"twice|same "):
        _crash_proof(tmp_path)


def test_every_bug_is_tried() -> None:
    """No planted bug is left without a proof."""
    assert {bug for bug, _ in PROOFS} == BUGS.keys()
