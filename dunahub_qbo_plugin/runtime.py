"""The composition root: from configuration to the objects that do the work."""

from __future__ import annotations

import contextlib
import os
import pkgutil
import secrets
import socket
from functools import partial
from importlib import metadata
from typing import TYPE_CHECKING, cast

import attrs

from dunahub_qbo_plugin.clock import SystemClock
from dunahub_qbo_plugin.connect.profile import ProfileReader
from dunahub_qbo_plugin.connect.service import ConnectionService
from dunahub_qbo_plugin.connect.tokens import TokenKeeper
from dunahub_qbo_plugin.connect.upkeep import Upkeep
from dunahub_qbo_plugin.connect.webhooks import Webhooks
from dunahub_qbo_plugin.engine import select
from dunahub_qbo_plugin.engine.embedded import EmbeddedEngine
from dunahub_qbo_plugin.engine.meter import Meter
from dunahub_qbo_plugin.engine.tasks import TaskRunner
from dunahub_qbo_plugin.engine.worker_tasks import WorkerTasks
from dunahub_qbo_plugin.errors import ConfigurationError
from dunahub_qbo_plugin.notices.teller import Teller
from dunahub_qbo_plugin.panel.context import PanelContext
from dunahub_qbo_plugin.qbo.auth import Secret
from dunahub_qbo_plugin.qbo.client import QboClient
from dunahub_qbo_plugin.qbo.oauth import IntuitOAuth
from dunahub_qbo_plugin.qbo.throttle import Throttles
from dunahub_qbo_plugin.qbo.transport import DeferredClient, http_client
from dunahub_qbo_plugin.review.compare import Comparer
from dunahub_qbo_plugin.review.task import COMPARE, CompareTask
from dunahub_qbo_plugin.store.companies.connections import Connections
from dunahub_qbo_plugin.store.db.cipher import Cipher
from dunahub_qbo_plugin.store.db.database import Database
from dunahub_qbo_plugin.sync.carriers import Carriers
from dunahub_qbo_plugin.sync.drain import Drainer
from dunahub_qbo_plugin.sync.intake import Intake
from dunahub_qbo_plugin.sync.reconciler import Reconciler

if TYPE_CHECKING:
    from collections.abc import Callable

    import httpx

    from dunahub_hookspecs import Notice
    from dunahub_qbo_plugin.clock import Clock
    from dunahub_qbo_plugin.config import Config
    from dunahub_qbo_plugin.engine.select import Engine, WorkerEngine


@attrs.define(kw_only=True, eq=False)
class Runtime:
    """The objects that work together in one process.

    Attributes:
        pid: the process that it was built in; after a fork it must not be used.
    """

    config: Config
    clock: Clock
    database: Database
    connections: Connections
    http: DeferredClient
    client: QboClient
    drainer: Drainer
    tasks: TaskRunner
    intake: Intake
    worker_tasks: WorkerTasks
    engine: Engine
    embedded: EmbeddedEngine
    panel: PanelContext
    webhooks: Webhooks
    pid: int = attrs.field(factory=os.getpid)

    def worker(self, *, concurrency: int | None = None) -> WorkerEngine:
        """Return what a worker process runs: the queue's worker, or the embedded engine's loop.

        Args:
            concurrency: companies at once; None for the usual. The embedded engine has its own.
        """
        return select.worker(self.config, self.worker_tasks, self.embedded, concurrency=concurrency)

    def close(self) -> None:
        """Stop the worker, write spilled rows, close files and connections."""
        with contextlib.ExitStack() as steps:  # each is done, whatever becomes of the others
            steps.callback(self.database.close)
            steps.callback(self.http.close)
            steps.callback(self.worker_tasks.carriers.close)
            steps.callback(self.worker_tasks.meter.note, at_once=True)
            steps.callback(self.intake.close)
            steps.callback(self.engine.stop)

    def abandon(self) -> None:
        """Drop connections that belong to the parent process, without closing them."""
        self.database.abandon()


def build(
    config: Config,
    *,
    clock: Clock | None = None,
    transport: httpx.BaseTransport | None = None,
    throttles: Throttles | None = None,
    host_bell: Callable[[str], None] | None = None,
    notify: Callable[[Notice], None] | None = None,
) -> Runtime:
    """Build the objects. Nothing is opened and no thread is started.

    Args:
        config: the operator's settings.
        clock: the operating system's by default.
        transport: a replacement of the network, for tests.
        throttles: other rate limits, for tests.
        notify: takes what the host is to be told; None where nobody does in this process.
        host_bell: puts a company into the host's own queue; used when no worker is configured.

    Raises:
        ConfigurationError: the database URL cannot be used, or not with this worker.
    """
    clock = clock or SystemClock()
    agent = f"dunahub-qbo-plugin/{version()}"
    owner = f"{socket.gethostname()}.{os.getpid()}.{secrets.token_hex(4)}"
    database = Database(config.database_url, synchronous=config.synchronous)
    cipher = Cipher(config.fernet_keys)
    connections = Connections(cipher)
    http = DeferredClient(
        partial(http_client, user_agent=agent, transport=transport), problem=config.problem
    )
    throttles = throttles or Throttles(clock)
    client = QboClient(api_url=config.api_url, http=http, throttles=throttles, user_agent=agent)
    oauth = IntuitOAuth(
        client_id=config.client_id,
        client_secret=Secret(config.client_secret),
        discovery_url=config.discovery_url,
        http=http,
        clock=clock,
    )
    tokens = TokenKeeper(
        database=database, connections=connections, oauth=oauth, clock=clock, owner=owner
    )
    reader = ProfileReader(database=database, client=client, clock=clock)
    meter = Meter(
        database=database, clock=clock, metrics=client.metrics, owner=owner, gate=client.reads
    )
    carriers = Carriers()
    drainer = Drainer(
        database=database,
        reconciler=Reconciler(client),
        tokens=tokens,
        clock=clock,
        reader=reader,
        owner=owner,
        carriers=carriers,
    )
    bell = _Bell()
    intake = Intake(database=database, clock=clock, wake=bell.ring)
    task_runner = TaskRunner(
        database=database,
        clock=clock,
        handlers={
            COMPARE: CompareTask(
                database=database,
                connections=connections,
                tokens=tokens,
                comparer=Comparer(database=database, client=client),
                clock=clock,
            )
        },
        owner=owner,
    )
    worker_tasks = WorkerTasks(
        database=database,
        intake=intake,
        drainer=drainer,
        carriers=carriers,
        tasks=task_runner,
        upkeep=Upkeep(database=database, tokens=tokens, clock=clock),
        meter=meter,
        teller=Teller(
            database=database,
            connections=connections,
            clock=clock,
            notify=notify or _named(config.notify),
        ),
        clock=clock,
    )
    embedded = EmbeddedEngine(worker_tasks)
    engine = select.engine(config, worker_tasks, embedded, host_bell)
    bell.engine = engine
    connection_service = ConnectionService(
        database=database,
        connections=connections,
        cipher=cipher,
        oauth=oauth,
        client=client,
        reader=reader,
        tokens=tokens,
        clock=clock,
        environment=config.environment.value,
        wake=bell.ring,
        note_reads=lambda: meter.note(at_once=True),
    )
    panel = PanelContext(
        config=config,
        database=database,
        connections=connections,
        connection_service=connection_service,
        clock=clock,
        wake=bell.ring,
    )
    return Runtime(
        config=config,
        clock=clock,
        database=database,
        connections=connections,
        http=http,
        client=client,
        drainer=drainer,
        tasks=task_runner,
        intake=intake,
        worker_tasks=worker_tasks,
        engine=engine,
        embedded=embedded,
        panel=panel,
        webhooks=Webhooks(
            database=database,
            connections=connections,
            clock=clock,
            tokens=config.webhook_tokens,
        ),
    )


def _named(name: str) -> Callable[[Notice], None] | None:
    """Return the callable that a setting names.

    Raises:
        ConfigurationError: there is none of that name.
    """
    if not name:
        return None
    try:
        found = pkgutil.resolve_name(name)
    except (ImportError, AttributeError, ValueError) as error:
        raise ConfigurationError(f"DUNAHUB_QBO_NOTIFY names {name!r}: {error}") from error
    if not callable(found):
        raise ConfigurationError(f"DUNAHUB_QBO_NOTIFY names {name!r}, which cannot be called")
    return cast("Callable[[Notice], None]", found)


class _Bell:
    """Passes rings on to the engine, which is built after the objects that ring."""

    engine: Engine | None = None

    def ring(self, org_id: str | None = None) -> None:
        if self.engine is not None:
            self.engine.ring(org_id)


def version() -> str:
    """Return the version of the installed package."""
    try:
        return metadata.version("dunahub-qbo-plugin")
    except metadata.PackageNotFoundError:
        return "0"
