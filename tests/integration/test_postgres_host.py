"""Hooks within the host's own transaction on PostgreSQL: its data is never at risk (rule 9)."""

from __future__ import annotations

import json
import threading
import time
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from dunahub_hookspecs.host import notify
from dunahub_qbo_plugin.model import RecordState
from dunahub_qbo_plugin.testing import ORG, FakeHost, make_invoice, make_lead
from tests.support.host import make_host, rows_of
from tests.support.queue import until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def host(tmp_path: Path, postgres_url: str) -> Iterator[FakeHost]:
    """Return a connected host on PostgreSQL without a worker of its own."""
    made = make_host(tmp_path, database_url=postgres_url)
    made.connect()
    yield made
    made.close()


@pytest.fixture
def crm(postgres_url: str) -> Iterator[sa.Engine]:
    """The host's own way to the same database, with a table of its own."""
    engine = sa.create_engine(postgres_url)
    with engine.begin() as db:
        db.execute(sa.text("CREATE TABLE crm_lead (id text PRIMARY KEY)"))
    yield engine
    with engine.begin() as db:
        db.execute(sa.text("DROP TABLE crm_lead"))
    engine.dispose()


def save(session: Session, host: FakeHost, local_id: str, **changes: str) -> None:
    """Save a lead as a host does: its own row, then the hook, in one transaction."""
    statement = sa.text("INSERT INTO crm_lead VALUES (:id) ON CONFLICT DO NOTHING")
    session.execute(statement, {"id": local_id})
    host.save(make_lead(local_id, **changes), session=session)


def leads(crm: sa.Engine) -> list[str]:
    """Return what the host has committed."""
    with crm.connect() as db:
        return list(db.execute(sa.text("SELECT id FROM crm_lead ORDER BY id")).scalars())


def kept(host: FakeHost) -> dict[str, str]:
    """Return the phone of each lead that the plugin holds."""
    return {row.local_id: json.loads(row.snapshot)["phone"] for row in rows_of(host)}


def test_both_or_neither(host: FakeHost, crm: sa.Engine) -> None:
    """The host's row and ours are committed together, or rolled back together."""
    with Session(crm) as session:
        save(session, host, "gone")
        session.rollback()
        save(session, host, "stays")
        session.commit()
    assert leads(crm) == ["stays"]
    assert list(kept(host)) == ["stays"]


def test_an_error_of_ours_costs_the_host_nothing(host: FakeHost, crm: sa.Engine) -> None:
    """Our statement fails in the host's transaction: its data is there, and ours comes after."""
    with crm.begin() as db:
        db.execute(sa.text("ALTER TABLE qbo_record RENAME TO qbo_record_away"))
    with Session(crm) as session:
        save(session, host, "lead-1")
        session.commit()
        assert leads(crm) == ["lead-1"]
        assert host.runtime.intake.waiting == 1
    with crm.begin() as db:
        db.execute(sa.text("ALTER TABLE qbo_record_away RENAME TO qbo_record"))
    until(lambda: list(kept(host)) == ["lead-1"], what="the row")


def test_a_row_that_is_locked_is_written_after_the_commit(host: FakeHost, crm: sa.Engine) -> None:
    """The host's own lock time-out strikes our row: the host goes on, our newest state wins."""
    host.save(make_lead(phone="0"))
    with host.runtime.database.write.begin() as db, Session(crm) as session:
        db.execute(sa.text("SELECT 1 FROM qbo_record FOR UPDATE"))
        session.execute(sa.text("SET LOCAL lock_timeout = '50ms'"))
        save(session, host, "lead-1", phone="1")
        save(session, host, "lead-1", phone="2")
        save(session, host, "lead-2", phone="3")
        db.rollback()
        session.commit()
    assert leads(crm) == ["lead-1", "lead-2"]
    until(lambda: host.runtime.intake.waiting == 0, what="the write")
    assert kept(host) == {"lead-1": "2", "lead-2": "3"}


@pytest.mark.parametrize("prepares", [5, 0], ids=["as usual", "prepares all"])
def test_no_lock_is_waited_for(host: FakeHost, postgres_url: str, prepares: int) -> None:
    """A row that others hold costs the hook no time, and the host keeps its own time-out (rule 9).

    The row comes after the commit, and the usual hook costs the host no more round trips than a
    savepoint does.
    """
    host.save(make_lead(phone="0"))
    engine = sa.create_engine(postgres_url, connect_args={"prepare_threshold": prepares})
    sent: list[str] = []
    sa.event.listen(engine, "before_cursor_execute", lambda *given: sent.append(given[2]))
    with host.runtime.database.write.begin() as db, Session(engine) as session:
        session.execute(sa.text("SET LOCAL lock_timeout = '7s'"))
        db.execute(sa.text("SELECT 1 FROM qbo_record FOR UPDATE"))
        sent.clear()
        host.save(make_lead("free"), session=session)
        assert len(sent) == (3 if prepares else 6)
        assert session.execute(sa.text("SHOW lock_timeout")).scalar() == "7s"
        host.save(make_lead(phone="1"), session=session)
        assert session.execute(sa.text("SHOW lock_timeout")).scalar() == "7s"
        db.rollback()
        session.commit()
        assert session.execute(sa.text("SHOW lock_timeout")).scalar() == "0"
    engine.dispose()
    until(lambda: host.runtime.intake.waiting == 0, what="the write")
    assert kept(host) == {"free": make_lead().phone, "lead-1": "1"}


def test_a_deadlock_ends_with_both_records(host: FakeHost, crm: sa.Engine) -> None:
    """Two requests save the same two leads in opposite order: both are committed and kept."""
    half = threading.Barrier(2, timeout=10)
    trouble: list[Exception] = []

    def request(mine: str, other: str) -> None:
        try:
            with Session(crm) as session:
                host.save(make_lead(mine, phone=mine), session=session)
                half.wait()
                host.save(make_lead(other, phone=mine), session=session)
                session.commit()
        except Exception as error:  # noqa: BLE001  told below
            trouble.append(error)

    threads = [threading.Thread(target=request, args=names) for names in (("a", "b"), ("b", "a"))]
    for one in threads:
        one.start()
    for one in threads:
        one.join(20)
    assert trouble == []
    until(lambda: host.runtime.intake.waiting == 0, what="the write")
    assert set(kept(host)) == {"a", "b"}


def test_several_commits_of_one_session(host: FakeHost, crm: sa.Engine) -> None:
    """A session that lives on rings once after each commit, and never raises in one."""
    rung: list[str] = []
    host.runtime.intake._wake = rung.append
    with Session(crm) as session:
        for number in range(3):
            save(session, host, f"lead-{number}")
            save(session, host, f"lead-{number}", phone="1")
            assert len(rung) == number
            session.commit()
    assert rung == [ORG.id] * 3
    assert len(kept(host)) == 3


def test_two_invoices_of_one_customer_do_not_wait(host: FakeHost, crm: sa.Engine) -> None:
    """Two requests bill the same, unchanged customer at once: neither waits for the other."""
    host.save(make_invoice("first"))
    host.send()
    with Session(crm) as session:
        bill = make_invoice("second")
        notify(host.manager, "on_invoice_created", org=ORG, invoice=bill, session=session)
        started = time.monotonic()
        host.save(make_invoice("third"))
        assert time.monotonic() - started < 0.2
        assert host.runtime.intake.spilled == 0
        session.commit()
    assert host.send() == 2
    assert host.look("invoice:second").state is RecordState.SYNCED
