"""Hosts' sessions of every kind: none loses a record, and none of their commits fails (rule 9)."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine
from sqlalchemy.orm import (
    DeclarativeBase,
    Mapped,
    Session,
    mapped_column,
    scoped_session,
    sessionmaker,
)

from dunahub_hookspecs import Organization, Region
from dunahub_qbo_plugin.testing import FakeHost, make_lead
from tests.support.host import make_host, rows_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class Base(DeclarativeBase):
    """The CRM's tables."""


class Note(Base):
    """Something of the CRM's own."""

    __tablename__ = "crm_note"
    id: Mapped[int] = mapped_column(primary_key=True)


@pytest.fixture
def host(tmp_path: Path) -> Iterator[FakeHost]:
    """Return a connected host."""
    made = make_host(tmp_path)
    made.connect()
    yield made
    made.close()


@pytest.fixture(params=["our database", "another database"])
def crm(request: pytest.FixtureRequest, host: FakeHost, tmp_path: Path) -> Iterator[sa.Engine]:
    """The CRM's way to its data, beside our tables or elsewhere."""
    ours = host.config.database_url
    engine = sa.create_engine(
        ours if request.param == "our database" else f"sqlite:///{tmp_path / 'crm.sqlite3'}"
    )
    Base.metadata.create_all(engine)
    yield engine
    engine.dispose()


def notes(crm: sa.Engine) -> int:
    """Count what the CRM has committed."""
    with Session(crm) as session:
        return session.scalar(sa.select(sa.func.count()).select_from(Note)) or 0


def save(host: FakeHost, session: Any, local_id: str = "lead-1") -> None:  # noqa: ANN401  any session
    """Save a note and a lead as a host does, in one transaction."""
    session.add(Note())
    host.save(make_lead(local_id), session=session)


def saved(host: FakeHost) -> list[str]:
    """Return the leads that the plugin holds."""
    return [row.local_id for row in rows_of(host)]


def test_a_scoped_session(host: FakeHost, crm: sa.Engine) -> None:
    """A registry, as Flask's ``db.session``: records are kept, and other sessions left alone."""
    maker = sessionmaker(crm)
    scoped = scoped_session(maker)
    for local_id in ("a", "b"):
        save(host, scoped, local_id)
        scoped.commit()
        scoped.remove()
    save(host, scoped, "gone")
    scoped.rollback()
    with maker() as other:  # a request that never came to a hook
        other.add(Note())
        other.commit()
    assert (saved(host), notes(crm)) == (["a", "b"], 3)


def test_a_session_that_knows_its_database_by_table(host: FakeHost, crm: sa.Engine) -> None:
    """With ``binds`` and no engine of its own, the record comes after the commit, and only then."""
    with Session(binds={Base: crm}) as session:
        host.save(make_lead("gone"), session=session)
        session.rollback()
        save(host, session)
        assert saved(host) == []
        session.commit()
    assert (saved(host), notes(crm)) == (["lead-1"], 1)


def test_a_bell_that_breaks(
    host: FakeHost,
    crm: sa.Engine,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """No thread can be started to send: commit and record are none the worse, and all are rung."""
    rung: list[str] = []

    def broken(org_id: str) -> None:
        rung.append(org_id)
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(host.runtime.intake, "_wake", broken)
    other = Organization(id="other", region=Region.US)
    with Session(crm) as session:
        save(host, session)
        host.save(make_lead("b"), org=other, session=session)
        session.commit()
    assert (saved(host), notes(crm)) == (["lead-1"], 1)
    assert {"acme", "other"} == set(rung)
    host.save(make_lead("no session"))
    assert "could not be taken in" not in caplog.text


def test_an_async_session(host: FakeHost, postgres_url: str) -> None:
    """A hook that is called from a coroutine leaves the record for after the commit."""

    async def request() -> None:
        engine = create_async_engine(postgres_url)
        async with AsyncSession(engine) as session:
            host.save(make_lead("gone"), session=session)
            await session.rollback()
            await session.execute(sa.text("SELECT 1"))
            host.save(make_lead(), session=session)
            assert saved(host) == []
            await session.commit()
        await engine.dispose()

    with ThreadPoolExecutor(1) as apart:  # this thread may have a loop already: a browser's
        apart.submit(lambda: asyncio.run(request())).result()
    assert saved(host) == ["lead-1"]
