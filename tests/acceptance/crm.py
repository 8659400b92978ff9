"""A small CRM: its own tables on SQLAlchemy, and the values that it tells its plugins."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

from dunahub_hookspecs.host import notify
from dunahub_qbo_plugin.testing import ORG, make_lead

if TYPE_CHECKING:
    from pathlib import Path

    import pluggy


class Base(DeclarativeBase):
    """The CRM's own tables, apart from the plugin's."""


class LeadRow(Base):
    """A lead of the CRM."""

    __tablename__ = "crm_lead"

    id: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str]


def open_crm(file: Path) -> sa.Engine:
    """Open the CRM's database, plainly, as any host would; make its tables."""
    engine = sa.create_engine(f"sqlite:///{file}", connect_args={"timeout": 30})
    Base.metadata.create_all(engine)
    return engine


def save_lead(session: Session, manager: pluggy.PluginManager, local_id: str, name: str) -> None:
    """Save a lead as a host with a shared session does: the row, then the hook, uncommitted."""
    session.merge(LeadRow(id=local_id, name=name))
    notify(manager, "on_lead_saved", org=ORG, lead=make_lead(local_id, name=name), session=session)


def names(engine: sa.Engine) -> dict[str, str]:
    """Return the committed leads, id to name."""
    with Session(engine) as session:
        return {row.id: row.name for row in session.scalars(sa.select(LeadRow))}
