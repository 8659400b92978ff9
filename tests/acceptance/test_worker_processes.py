from __future__ import annotations

from typing import TYPE_CHECKING

from tests.acceptance.chaos import REALMS, Chaos
from tests.acceptance.plans import SLOTS

if TYPE_CHECKING:
    from pathlib import Path


def test_two_worker_processes_send_each_record_once(tmp_path: Path) -> None:
    """Hosts and workers on one SQLite file, no failure: one write each (rules 10 and 35)."""
    with Chaos(tmp_path, seed=7, share=0.0, speed=1.0) as calm:
        calm.forget_requests()
        for _ in range(6):
            calm.round(deadly=False)
        calm.settle()
        calm.check()
        wanted = sum(len(calm.held(org)) for org in REALMS)
        requests = calm.requests()
        assert wanted > 3 * len(SLOTS)
        # A record that was changed after it was sent has another write of its own.
        assert wanted <= requests["writes"] <= calm.planner.changes
        # A payment moved its invoice's SyncToken: the one refusal that there is, and a read each
        # at most, since a payment that comes while its invoice is written is only sent again.
        refused = [one for one in requests["requests"] if one["status"] != 200]
        assert {one["status"] for one in refused} <= {400}
        assert requests["metered"] <= len(refused)
