"""QuickBooks accepts requests and never answers: other companies, and the process, go on."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

from dunahub_hookspecs import Organization, Region
from dunahub_qbo_plugin.config import Worker
from dunahub_qbo_plugin.emulator.world.company_seeds import seed_empty
from dunahub_qbo_plugin.engine import embedded
from dunahub_qbo_plugin.engine.turns import COMPANIES_AT_ONCE
from dunahub_qbo_plugin.model import RecordState
from dunahub_qbo_plugin.testing import make_lead
from tests.integration.test_embedded_engine import until
from tests.support.faulty import Line
from tests.support.host import live_qbo, make_host, rows_of, shows

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import httpx

HANGING = COMPANIES_AT_ONCE + 4
PATIENCE = 60.0
"""Seconds; a request that hangs is given up after more than that."""


class Hanging:
    """A host whose organizations' companies hang, but for one."""

    def __init__(self, folder: Path) -> None:
        qbo = live_qbo()
        world = qbo.emulator.world
        line = Line(qbo.transport())
        self.host = make_host(folder, qbo=qbo, transport=line, worker=Worker.EMBEDDED)
        self.host.connect()
        self.hung = threading.Semaphore(0)
        self.let_go = threading.Event()
        realms = {str(9341454838200000 + number) for number in range(HANGING)}
        self.orgs = []
        for number, realm in enumerate(sorted(realms)):
            world.add_company(realm_id=realm, name=f"Company {number}", seed=seed_empty)
            org = Organization(id=f"org-{number}", region=Region.US)
            self.host.connect(realm, org=org)
            self.orgs.append(org)

        def hang(request: httpx.Request) -> None:
            if request.method == "POST" and any(realm in request.url.path for realm in realms):
                self.hung.release()
                self.let_go.wait(PATIENCE)

        line.watched = hang

    def close(self) -> None:
        """Let the requests go, and close."""
        self.let_go.set()
        self.host.close()


@pytest.fixture
def hanging(tmp_path: Path) -> Iterator[Hanging]:
    """Make such an office; each of its companies has something under way that hangs."""
    made = Hanging(tmp_path)
    for org in made.orgs:
        made.host.save(make_lead(), org=org)
    yield made
    made.close()


def test_companies_that_hang_keep_no_other_waiting(hanging: Hanging) -> None:
    """With more companies hanging than are drained at once, a healthy one is sent to (rule 9)."""
    for _ in hanging.orgs:
        assert hanging.hung.acquire(timeout=PATIENCE)
    hanging.host.save(make_lead("healthy"))
    until(
        lambda: shows(hanging.host, "customer:healthy", RecordState.SYNCED),
        seconds=PATIENCE / 2,
    )
    assert not hanging.let_go.is_set()


def test_a_process_ends_although_requests_hang(hanging: Hanging) -> None:
    """Closing waits for seconds at most, and what hangs stays due under its key (rule 10)."""
    assert hanging.hung.acquire(timeout=PATIENCE)
    closing = threading.Thread(target=hanging.host.plugin.on_shutdown, daemon=True)
    closing.start()
    closing.join(embedded.STOP_TIMEOUT + PATIENCE / 4)
    assert not closing.is_alive()
    assert not hanging.let_go.is_set()
    rows = [row for row in rows_of(hanging.host) if row.request_key is not None]
    assert rows
    assert all(row.next_attempt_at is not None for row in rows)
