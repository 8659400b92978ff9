"""Hosts' sessions of every kind: none loses a record, and none of their commits fails (rule 9)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import (
    DeclarativeBase,
    Mapped,
    Session,
    mapped_column,
    scoped_session,
    sessionmaker,
)

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
    """Give the leads that the plugin holds."""
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
