"""The queue in PostgreSQL, used as a doorbell: a job only says that a company has something due.

All state is in the plugin's rows, so a job may be lost, doubled or late: the next sweep makes up
for it. Therefore no job is ever retried or scheduled: a future job with a lock would hold back
every later job of its company (procrastinate's issue 1599).
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

import attrs
import procrastinate
from procrastinate.exceptions import AlreadyEnqueued
from procrastinate.schema import SchemaManager

from dunahub_qbo_plugin.store.db import postgres, queue_schema

if TYPE_CHECKING:
    from collections.abc import Iterable

    from dunahub_qbo_plugin.config import Config

DRAIN_JOB: Final = "qbo.drain"
TASKS_JOB: Final = "qbo.tasks"
QUEUE_CONNECT_TIMEOUT: Final = 5.0
"""Seconds to wait for a connection to the queue."""

WAITING_JOBS: Final = (
    "SELECT queueing_lock FROM procrastinate_jobs"
    " WHERE status = 'todo' AND queueing_lock = ANY(%(locks)s)"
)


@attrs.frozen(kw_only=True)
class Queue:
    """Where the queue is.

    Attributes:
        url: an SQLAlchemy address; PostgreSQL itself or a pooler that keeps sessions, since
            workers listen.
        schema: a schema of its own, so that a host that uses procrastinate itself never sees our
            jobs, nor we the host's.
        name: the queue's name.
    """

    url: str = attrs.field(repr=False)
    schema: str
    name: str

    @classmethod
    def of(cls, config: Config) -> Queue:
        """Return the one that the operator set."""
        url = config.queue_url or config.database_url
        return cls(url=url, schema=config.queue_schema, name=config.queue)

    @property
    def conninfo(self) -> str:
        """Return libpq's address."""
        return postgres.conninfo(postgres.address(self.url), schema=self.schema)

    def prepare(self) -> None:
        """Create the schema, or bring it up to date.

        Raises:
            sqlalchemy.exc.SQLAlchemyError: the database cannot be reached, or forbids it.
        """
        folder = Path(SchemaManager.get_migrations_path())
        files = sorted(folder.glob("*.sql"))
        queue_schema.prepare(
            self.url,
            self.schema,
            whole=SchemaManager.get_schema(),
            migrations=[(file.name, file.read_text(encoding="utf-8")) for file in files],
        )


class QueueBell:
    """Puts jobs into the queue; for threads that may block, never for a hook."""

    def __init__(self, queue: Queue) -> None:
        self._queue = queue
        self._app: procrastinate.App | None = None

    def ring(self, companies: Iterable[str], *, tasks: bool = False) -> int:
        """Queue a job for each company that has none waiting; return how many were queued.

        Args:
            companies: our ids.
            tasks: True to queue a job for the long tasks that people asked for.

        Raises:
            procrastinate.exceptions.ConnectorException: the database cannot be reached, or no
                worker has made the queue's schema yet.
        """
        wanted = {f"qbo:{company}": {"company": company} for company in companies}
        if tasks:
            wanted[TASKS_JOB] = {}
        if not wanted:
            return 0
        app = self._opened()
        # Queried first, since PostgreSQL logs a kilobyte for each refused insert.
        rows = app.connector.get_sync_connector().execute_query_all(
            WAITING_JOBS, locks=list(wanted)
        )
        waiting = {row["queueing_lock"] for row in rows}
        return sum(
            self._put(app, lock, arguments)
            for lock, arguments in wanted.items()
            if lock not in waiting
        )

    def _put(self, app: procrastinate.App, lock: str, arguments: dict[str, str]) -> bool:
        name = DRAIN_JOB if arguments else TASKS_JOB
        job = app.configure_task(name, queue=self._queue.name, lock=lock, queueing_lock=lock)
        try:
            job.defer(**arguments)
        except AlreadyEnqueued:
            return False
        return True

    def _opened(self) -> procrastinate.App:
        if self._app is None:
            connector = procrastinate.SyncPsycopgConnector(
                conninfo=self._queue.conninfo, min_size=0, max_size=2, timeout=QUEUE_CONNECT_TIMEOUT
            )
            app = procrastinate.App(connector=connector)
            app.open()
            self._app = app
        return self._app

    def close(self) -> None:
        """Close the connections."""
        app, self._app = self._app, None
        if app is not None:
            app.close()
