"""Schema changes, in order, run by Alembic from inside the process: no files to set up."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext

from dunahub_qbo_plugin.store.db.database import VERSION_TABLE
from dunahub_qbo_plugin.store.migrations import pre_release

if TYPE_CHECKING:
    from sqlalchemy import Engine

ADVISORY_LOCK = 0x71626F  # "qbo"


def alembic_config(connection: sa.Connection | None = None) -> Config:
    """Make Alembic's configuration for our own scripts, on a connection that is open already."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent))
    config.attributes["connection"] = connection
    return config


def upgrade(engine: Engine, revision: str = "head") -> None:
    """Bring the schema up to date; several processes may try at once.

    Raises:
        sqlalchemy.exc.SQLAlchemyError: the database cannot be reached.
    """
    with engine.begin() as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(sa.select(sa.func.pg_advisory_xact_lock(ADVISORY_LOCK)))
        config = alembic_config(connection)
        if (
            MigrationContext.configure(
                connection, opts={"version_table": VERSION_TABLE}
            ).get_current_revision()
            in pre_release.REVISIONS
        ):
            pre_release.bring_along(connection)
            command.stamp(config, "0003", purge=True)
        command.upgrade(config, revision)
