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
from tests.support.office import Office, lead

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
def office(tmp_path: Path) -> Iterator[Office]:
    """An office that is connected."""
    bench = Office(tmp_path)
    bench.connect()
    yield bench
    bench.close()


@pytest.fixture(params=["our database", "another database"])
def host(request: pytest.FixtureRequest, office: Office, tmp_path: Path) -> Iterator[sa.Engine]:
    """The CRM's way to its data, beside our tables or elsewhere."""
    ours = office.config.database_url
    engine = sa.create_engine(
        ours if request.param == "our database" else f"sqlite:///{tmp_path / 'crm.sqlite3'}"
    )
    Base.metadata.create_all(engine)
    yield engine
    engine.dispose()


def notes(host: sa.Engine) -> int:
    """Count what the CRM has committed."""
    with Session(host) as session:
        return session.scalar(sa.select(sa.func.count()).select_from(Note)) or 0


def save(office: Office, session: Any, local_id: str = "lead-1") -> None:  # noqa: ANN401  any session
    """Save a note and a lead as a host does, in one transaction."""
    session.add(Note())
    office.notify("on_lead_saved", lead=lead(local_id), session=session)


def saved(office: Office) -> list[str]:
    """Return the leads that the plugin holds."""
    return [row.local_id for row in office.rows()]


def test_a_scoped_session(office: Office, host: sa.Engine) -> None:
    """A registry, as Flask's ``db.session``: records are kept, and other sessions left alone."""
    maker = sessionmaker(host)
    scoped = scoped_session(maker)
    for local_id in ("a", "b"):
        save(office, scoped, local_id)
        scoped.commit()
        scoped.remove()
    save(office, scoped, "gone")
    scoped.rollback()
    with maker() as other:  # a request that never came to a hook
        other.add(Note())
        other.commit()
    assert (saved(office), notes(host)) == (["a", "b"], 3)


def test_a_session_that_knows_its_database_by_table(office: Office, host: sa.Engine) -> None:
    """With ``binds`` and no engine of its own, the record comes after the commit, and only then."""
    with Session(binds={Base: host}) as session:
        office.notify("on_lead_saved", lead=lead("gone"), session=session)
        session.rollback()
        save(office, session)
        assert saved(office) == []
        session.commit()
    assert (saved(office), notes(host)) == (["lead-1"], 1)


def test_a_bell_that_breaks(
    office: Office,
    host: sa.Engine,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """No thread can be started to send: commit and record are none the worse, and all are rung."""
    rung: list[str] = []

    def broken(org_id: str) -> None:
        rung.append(org_id)
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(office.runtime.intake, "_wake", broken)
    other = Organization(id="other", region=Region.US)
    with Session(host) as session:
        save(office, session)
        office.notify("on_lead_saved", org=other, lead=lead("b"), session=session)
        session.commit()
    assert (saved(office), notes(host)) == (["lead-1"], 1)
    assert {"acme", "other"} == set(rung)
    office.save(lead("no session"))
    assert "could not be taken in" not in caplog.text


def test_an_async_session(office: Office, postgres_url: str) -> None:
    """A hook that is called from a coroutine leaves the record for after the commit."""

    async def request() -> None:
        engine = create_async_engine(postgres_url)
        async with AsyncSession(engine) as session:
            office.notify("on_lead_saved", lead=lead("gone"), session=session)
            await session.rollback()
            await session.execute(sa.text("SELECT 1"))
            office.notify("on_lead_saved", lead=lead(), session=session)
            assert saved(office) == []
            await session.commit()
        await engine.dispose()

    with ThreadPoolExecutor(1) as host:  # this thread may have a loop already: a browser's
        host.submit(lambda: asyncio.run(request())).result()
    assert saved(office) == ["lead-1"]
