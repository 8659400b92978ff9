"""What is found in QuickBooks is never taken for two records of ours (rule 10)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from dunahub_qbo_plugin.model import Intent, Kind, RecordState, RemoteRef, Synced, Written
from dunahub_qbo_plugin.store.companies import leases
from dunahub_qbo_plugin.store.companies.profiles import load_profile
from dunahub_qbo_plugin.store.records.due import commit_intents, due_claims
from dunahub_qbo_plugin.store.records.settle import Settlement, settle
from dunahub_qbo_plugin.sync.planner import plan
from dunahub_qbo_plugin.testing import FakeHost, make_invoice, make_lead
from tests.support.host import connection_of, make_host

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def host(tmp_path: Path, store_url: str | None) -> Iterator[FakeHost]:
    """Return a host with one invoice in QuickBooks, on SQLite and on PostgreSQL."""
    made = make_host(tmp_path, database_url=store_url)
    made.connect()
    made.save(make_lead(), make_invoice("one", number="77"))
    made.send()
    yield made
    made.close()


def settle_as_found(host: FakeHost, kind: Kind, qbo_id: str) -> None:
    """End the due record of a kind as if a look had found an object for it."""
    database, now = host.runtime.database, host.clock.now()
    company = connection_of(host).id
    with database.write.begin() as db:
        lease = leases.acquire(db, company, owner="test", now=now)
        assert lease is not None
        (claim,) = due_claims(db, lease, kind, now=now, limit=9)
        intent = plan(claim, load_profile(db, company), company_id=company, now=now)
        assert isinstance(intent, Intent)
        lease, _ = commit_intents(db, lease, [(claim, intent)], now=now)
        found = Written(remote=RemoteRef(id=qbo_id, sync_token="0"))
        outcome = Synced(written=found, adopted=True)
        settle(db, lease, [Settlement(claim=claim, intent=intent, outcome=outcome)], now=now)
        leases.release(db, lease)


def test_two_invoices_never_share_one(host: FakeHost) -> None:
    """An invoice that was found, but is another record's, is not adopted; a new one is made."""
    first = host.look("invoice:one").qbo_id
    assert first is not None
    host.save(make_invoice("two", number="77"))
    settle_as_found(host, Kind.INVOICE, first)
    assert host.look("invoice:two").qbo_id is None
    host.settle()
    second = host.look("invoice:two")
    assert second.state is RecordState.SYNCED
    assert second.qbo_id != first
    assert len(host.books.invoices) == 2


def test_two_leads_may_be_one_customer(host: FakeHost) -> None:
    """A customer that was found may be two leads: the same person asked twice."""
    customer = host.look("customer:lead-1").qbo_id
    assert customer is not None
    host.save(make_lead("lead-2"))
    settle_as_found(host, Kind.CUSTOMER, customer)
    assert host.look("customer:lead-2").qbo_id == customer
