from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from dunahub_hookspecs.host import notify
from dunahub_qbo_plugin.model import RecordState
from dunahub_qbo_plugin.testing import ORG, FakeHost, make_invoice, make_lead, make_payment
from tests.acceptance.crm import LeadRow, names, open_crm, save_lead
from tests.support.host import make_host, rows_of

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
PROGRAM = "tests.acceptance.half_done_host"


@pytest.fixture
def host(tmp_path: Path) -> Iterator[FakeHost]:
    """Return a connected host."""
    bench = make_host(tmp_path)
    bench.connect()
    yield bench
    bench.close()


@pytest.fixture
def shared(host: FakeHost, tmp_path: Path) -> Iterator[sa.Engine]:
    """The CRM's tables in the plugin's own SQLite file."""
    assert host.runtime.database.url.database == str(tmp_path / "dunahub_qbo.sqlite3")
    engine = open_crm(tmp_path / "dunahub_qbo.sqlite3")
    yield engine
    engine.dispose()


@pytest.fixture
def elsewhere(tmp_path: Path) -> Iterator[sa.Engine]:
    """The CRM's tables in a file of their own."""
    engine = open_crm(tmp_path / "crm.sqlite3")
    yield engine
    engine.dispose()


@pytest.fixture
def rings(host: FakeHost) -> list[int]:
    """How many rows there were each time when the worker was woken."""
    seen: list[int] = []
    host.runtime.intake._wake = lambda _org: seen.append(len(rows_of(host)))
    return seen


def synced(host: FakeHost) -> dict[str, str]:
    """Return the names that the plugin's rows hold, by the lead's id."""
    return {row.local_id: json.loads(row.snapshot)["name"] for row in rows_of(host)}


def test_commit_keeps_record_and_row(host: FakeHost, shared: sa.Engine, rings: list[int]) -> None:
    """Record and row become visible together, and the worker is woken by the commit only."""
    with Session(shared) as session:
        save_lead(session, host.manager, "l1", "Ada")
        session.flush()
        assert (names(shared), synced(host), rings) == ({}, {}, [])
        session.commit()
        assert rings == [1]
    assert names(shared) == synced(host) == {"l1": "Ada"}
    assert host.send() == 1


def test_rollback_drops_both(host: FakeHost, shared: sa.Engine, rings: list[int]) -> None:
    """A rollback of the host takes the row with it, and the worker sleeps on."""
    with Session(shared) as session:
        save_lead(session, host.manager, "l1", "Ada")
        session.flush()
        session.rollback()
        assert rings == []
        save_lead(session, host.manager, "l2", "Grace")
        session.commit()
    assert names(shared) == synced(host) == {"l2": "Grace"}
    assert rings == [1]


def test_hook_before_the_first_statement_of_the_host(
    host: FakeHost, shared: sa.Engine, rings: list[int]
) -> None:
    """The row is part of the host's transaction also when the hook's write is its first one."""
    with Session(shared) as session:
        notify(host.manager, "on_lead_saved", org=ORG, lead=make_lead("l1"), session=session)
        assert rows_of(host) == []
        session.rollback()
    assert rows_of(host) == []
    with Session(shared) as session:
        notify(host.manager, "on_lead_saved", org=ORG, lead=make_lead("l1"), session=session)
        session.add(LeadRow(id="l1", name="Ada"))
        session.commit()
    assert len(rows_of(host)) == len(names(shared)) == 1
    assert rings == [1]


def test_savepoint_rollback_drops_what_was_made_in_it(
    host: FakeHost, shared: sa.Engine, rings: list[int]
) -> None:
    """What the host takes back to a savepoint goes in both places; what is around it stays."""
    with Session(shared) as session:
        save_lead(session, host.manager, "before", "Ada")
        session.flush()
        inner = session.begin_nested()
        save_lead(session, host.manager, "inside", "Grace")
        session.flush()
        inner.rollback()
        with session.begin_nested():
            save_lead(session, host.manager, "kept", "Edith")
        assert rings == []
        assert rows_of(host) == []
        session.commit()
    assert names(shared) == synced(host) == {"before": "Ada", "kept": "Edith"}
    assert rings == [2]


def test_failed_flush_drops_both(host: FakeHost, shared: sa.Engine) -> None:
    """When the host's own write fails after the hook, nothing of either stays."""
    with Session(shared) as session:
        session.add(LeadRow(id="l1", name="Ada"))
        session.commit()
        save_lead(session, host.manager, "l2", "Grace")
        session.execute(sa.insert(LeadRow).values(id="l3", name="Edith"))
        with pytest.raises(sa.exc.IntegrityError):
            session.execute(sa.insert(LeadRow).values(id="l1", name="Twice"))
        session.rollback()
    assert names(shared) == {"l1": "Ada"}
    assert synced(host) == {}


def test_whole_family_in_one_transaction(host: FakeHost, shared: sa.Engine) -> None:
    """A lead, an invoice and a payment of one transaction are sent in order after its commit."""
    with Session(shared) as session:
        for hook, values in (
            ("on_payment_recorded", {"payment": make_payment()}),
            ("on_invoice_created", {"invoice": make_invoice()}),
            ("on_lead_saved", {"lead": make_lead()}),
        ):
            notify(host.manager, hook, org=ORG, session=session, **values)
        session.add(LeadRow(id="lead-1", name="Ada"))
        assert rows_of(host) == []
        session.commit()
    assert host.send() == 3
    assert host.look("payment:pay-1").state is RecordState.SYNCED


def test_other_database_is_written_after_the_commit_only(
    host: FakeHost, elsewhere: sa.Engine, rings: list[int]
) -> None:
    """With a session of another database the row follows the commit, and only the commit."""
    with Session(elsewhere) as session:
        save_lead(session, host.manager, "l1", "Ada")
        session.flush()
        assert (rows_of(host), rings) == ([], [])
        session.rollback()
        assert (rows_of(host), rings) == ([], [])
        save_lead(session, host.manager, "l2", "Grace")
        session.commit()
    assert names(elsewhere) == synced(host) == {"l2": "Grace"}
    assert rings == [1]


def test_other_database_savepoint_rollback(
    host: FakeHost, elsewhere: sa.Engine, rings: list[int]
) -> None:
    """A savepoint that the host took back leaves no row behind; a released one waits for the end.

    The savepoints lie within each other, since a host's helpers open their own.
    """
    with Session(elsewhere) as session:
        save_lead(session, host.manager, "before", "Ada")
        outer = session.begin_nested()
        save_lead(session, host.manager, "outer", "Grace")
        with session.begin_nested():
            save_lead(session, host.manager, "inner", "Edith")
        assert (rows_of(host), rings) == ([], [])
        outer.rollback()
        with session.begin_nested():
            save_lead(session, host.manager, "kept", "Joan")
        assert (rows_of(host), rings) == ([], [])
        session.commit()
    assert names(elsewhere) == synced(host) == {"before": "Ada", "kept": "Joan"}
    assert len(rings) == 1


def test_one_session_many_transactions(host: FakeHost, shared: sa.Engine, rings: list[int]) -> None:
    """A session that lives on rings once for each commit with a record in it, and never else."""
    with Session(shared) as session:
        for number in range(3):
            save_lead(session, host.manager, f"l{number}", "Ada")
            session.commit()
        session.add(LeadRow(id="silent", name="No hook"))
        session.commit()
    assert rings == [1, 2, 3]


def test_session_closed_without_commit(
    host: FakeHost, elsewhere: sa.Engine, rings: list[int]
) -> None:
    """A session that is closed and used again forgets what it had not committed."""
    session = Session(elsewhere)
    save_lead(session, host.manager, "l1", "Ada")
    session.close()
    save_lead(session, host.manager, "l2", "Grace")
    session.commit()
    session.close()
    assert names(elsewhere) == synced(host) == {"l2": "Grace"}
    assert len(rings) == 1


@pytest.mark.parametrize("place", ["shared", "elsewhere"])
def test_kill_between_hook_and_commit(host: FakeHost, tmp_path: Path, place: str) -> None:
    """A host that dies by ``kill -9`` between hook and commit leaves neither record nor row."""
    crm_file = tmp_path / ("dunahub_qbo.sqlite3" if place == "shared" else "crm.sqlite3")
    arguments = [str(tmp_path / "dunahub_qbo.sqlite3"), str(crm_file), host.config.fernet_keys[0]]
    command = [sys.executable, "-m", PROGRAM, *arguments]
    with subprocess.Popen(  # noqa: S603  our own program
        command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "one is committed\n"
        assert process.stdout.readline() == "another is saved and flushed\n"
        process.kill()
        assert process.wait() == -signal.SIGKILL
    crm = open_crm(crm_file)
    assert names(crm) == synced(host) == {"committed": "Ada"}
    crm.dispose()
    assert host.send() == 1
