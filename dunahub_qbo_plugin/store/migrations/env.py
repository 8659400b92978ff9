"""Run by Alembic: our tables only, on the connection that we were given."""

from __future__ import annotations

from alembic import context

from dunahub_qbo_plugin.store.db.database import VERSION_TABLE
from dunahub_qbo_plugin.store.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    version_table=VERSION_TABLE,
    transactional_ddl=False,
    include_object=lambda _object, name, kind, *_: kind != "table" or str(name).startswith("qbo_"),
)
context.run_migrations()
