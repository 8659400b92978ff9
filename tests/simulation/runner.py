"""Runs of many numbers on all cores, each on a database of its own in memory.

Promises that a number gives the same run in whichever process it is run. Promises that a run that
hangs, or that ends with an error of the simulation's own, is red and not lost.
"""

from __future__ import annotations

import contextlib
import faulthandler
import logging
import multiprocessing
import os
import shutil
import signal
import sqlite3
import tempfile
import threading
import traceback
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path
from typing import TYPE_CHECKING, Final, Self

import attrs
import sqlalchemy as sa

from dunahub_qbo_plugin.store.db.cipher import generate_key
from dunahub_qbo_plugin.store.db.database import Database
from tests.simulation.checks import AtTheEnd, Finding, OnTheWay
from tests.simulation.planted import planted
from tests.simulation.profile import draw
from tests.simulation.reached import reached
from tests.simulation.scheduler import Scheduler
from tests.simulation.storage import CRM_TABLE
from tests.simulation.threads import cooperative
from tests.simulation.world import World
from tests.support.host import copy_schema
from tests.support.postgres import empty, fresh_database, postgres_server

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

MEMORY: Final = Path("/dev/shm")  # noqa: S108  a file system in memory
HANGS_AFTER: Final = 120
"""Seconds after which a run is said to hang."""
THREADS_OF_DRIVERS: Final = ("dunahub-qbo-connect",)


class Hangs(BaseException):
    """A thread waits for what nobody will give it: a lock of the machine's, held over a switch."""


def _hang(*_: object) -> None:
    raise Hangs


@attrs.frozen(kw_only=True)
class Task:
    """What is to be run.

    Attributes:
        seed: the run's number.
        planted: the name of a bug to work with; empty for none.
        leave_out: events of its plan that do not happen.
        story: tell what happened, step by step.
    """

    seed: int
    planted: str = ""
    leave_out: frozenset[int] = frozenset()
    story: bool = False


@attrs.frozen(kw_only=True)
class Result:
    """What came of a run.

    Attributes:
        digest: of everything that happened, to compare two runs.
        reached: states that it came through.
    """

    seed: int
    steps: int = 0
    kills: int = 0
    faults: int = 0
    events: int = 0
    digest: str = ""
    findings: tuple[Finding, ...] = ()
    reached: frozenset[str] = frozenset()
    story: tuple[str, ...] = ()


def run(task: Task, *, database: str | None = None) -> Result:
    """Run one number in this process.

    Args:
        task: which, and how.
        database: address of a PostgreSQL database that is ours; None for SQLite in memory.

    Raises:
        AttributeError: the bug to work with has lost its place.
    """
    profile = draw(task.seed)
    scheduler = Scheduler(str(task.seed), stickiness=profile.stickiness)
    if task.story:
        scheduler.story = []
    findings: list[Finding] = []
    faulthandler.dump_traceback_later(3 * HANGS_AFTER, exit=True)  # if nothing else helps
    signal.signal(signal.SIGALRM, _hang)
    signal.alarm(HANGS_AFTER)
    before = threading.active_count()
    log = Log()
    world: World | None = None
    came_through: frozenset[str] = frozenset()
    with _place(database) as url, planted(task.planted), cooperative(scheduler), log:
        try:
            world = World(task.seed, profile, scheduler, database_url=url, key=generate_key())
            on_the_way = OnTheWay(world)
            try:
                world.run(task.leave_out)
                findings += AtTheEnd(world).look()
                came_through = reached(world)
            finally:
                findings[:0] = on_the_way.findings
        except Exception as error:  # noqa: BLE001  whatever it is, this number found it
            told = "".join(traceback.format_exception(error)[-4:])
            findings.append(Finding(kind=type(error).__name__, what=f"{error}\n{told}"))
        finally:
            if world is not None:
                world.close()
    signal.alarm(0)
    faulthandler.cancel_dump_traceback_later()
    findings += log.findings()
    if threading.active_count() > before:
        findings.append(Finding(kind="a real thread", what="was started in a simulated process"))
    return Result(
        seed=task.seed,
        steps=scheduler.steps,
        kills=world.kills if world else 0,
        faults=world.net.faults if world else 0,
        events=len(profile.plan),
        digest=scheduler.digest,
        findings=tuple(findings),
        reached=came_through,
        story=tuple(scheduler.story or ()),
    )


class Log(logging.Handler):
    """Keeps what the plugin logs as an error that it did not expect; a context manager."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self._texts: dict[str, str] = {}
        self._logger = logging.getLogger("dunahub_qbo_plugin")

    def emit(self, record: logging.LogRecord) -> None:
        """Keep one, the first of its kind; that a database is busy is no mistake."""
        if record.exc_info and isinstance(record.exc_info[1], sa.exc.SQLAlchemyError):
            return
        told = traceback.format_exception(*record.exc_info)[-3:] if record.exc_info else []
        self._texts.setdefault(str(record.msg), "\n".join([record.getMessage(), *told]))

    def findings(self) -> list[Finding]:
        """Return them."""
        return [Finding(kind="logged", what=text) for text in self._texts.values()]

    def __enter__(self) -> Self:
        self._logger.addHandler(self)
        self._before = (self._logger.level, self._logger.propagate)
        self._logger.setLevel(logging.ERROR)
        self._logger.propagate = False
        return self

    def __exit__(self, *_: object) -> None:
        self._logger.removeHandler(self)
        self._logger.level, self._logger.propagate = self._before


@contextlib.contextmanager
def _place(database: str | None) -> Iterator[str]:
    """Give the address of an empty database with the schema in it."""
    if database is not None:
        empty(database)
        yield database
        return
    folder = Path(tempfile.mkdtemp(dir=MEMORY if MEMORY.is_dir() else None))
    try:
        path = folder / "qbo.sqlite3"
        copy_schema(path)
        with contextlib.closing(sqlite3.connect(path)) as connection:
            connection.execute(f"CREATE TABLE {CRM_TABLE} (text TEXT)")
            connection.commit()
        yield f"sqlite:///{path}"
    finally:
        shutil.rmtree(folder)


_database: str | None = None


def _begin(server: str | None) -> None:
    """Prepare a process of the pool."""
    global _database  # noqa: PLW0603  a process of the pool has no other place for it
    if server is None:
        return
    _database = fresh_database(server).__enter__()  # dropped with the server
    database = Database(_database)
    database.prepare()
    database.close()
    with contextlib.closing(sa.create_engine(_database).connect()) as connection:
        connection.execute(sa.text(f"CREATE TABLE {CRM_TABLE} (text TEXT)"))
        connection.commit()


def _run(task: Task) -> Result:
    return run(task, database=_database)


class Fleet:
    """Processes that run numbers; a context manager.

    Args:
        jobs: how many; None for one on each core.
        postgres: on PostgreSQL instead of SQLite.
    """

    def __init__(self, *, jobs: int | None = None, postgres: bool = False) -> None:
        self._jobs = jobs or os.cpu_count()
        self._postgres = postgres
        self._stack = contextlib.ExitStack()

    def __enter__(self) -> Self:
        # The order of a set of texts is another in each process, unless it is told.
        os.environ["PYTHONHASHSEED"] = "0"
        server = self._stack.enter_context(postgres_server()) if self._postgres else None
        self._pool = self._stack.enter_context(
            ProcessPoolExecutor(
                self._jobs,
                mp_context=multiprocessing.get_context("spawn"),
                initializer=_begin,
                initargs=(server,),
            )
        )
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def run(self, tasks: Iterable[Task]) -> Iterator[Result]:
        """Run numbers; gives each as soon as it is done."""
        for done in as_completed([self._pool.submit(_run, task) for task in tasks]):
            yield done.result()
