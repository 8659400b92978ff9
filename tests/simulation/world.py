"""One run: organizations, processes, QuickBooks, and what happens to them.

Promises that a run is the same whenever its number is. Promises that at its end everything was
given time: nothing goes wrong any more, clocks are right, and workers run until nothing is due.
"""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import parse_qs, urlsplit

import sqlalchemy as sa

from dunahub_hookspecs import Person
from dunahub_qbo_plugin.config import Config
from dunahub_qbo_plugin.emulator.emulator import Emulator
from dunahub_qbo_plugin.emulator.world.company_seeds import seed_empty
from dunahub_qbo_plugin.emulator.world.directory import (
    ACCOUNTING,
    DEFAULT_CLIENT_ID,
    DEFAULT_CLIENT_SECRET,
)
from dunahub_qbo_plugin.emulator.world.world import World as QuickBooks
from dunahub_qbo_plugin.store.companies import leases
from dunahub_qbo_plugin.store.convert import to_ms
from dunahub_qbo_plugin.store.db.cipher import Cipher
from dunahub_qbo_plugin.store.tables import history, records
from tests.simulation import office
from tests.simulation.backup import Backup
from tests.simulation.books import Books
from tests.simulation.crm import Org
from tests.simulation.ending import give_time
from tests.simulation.host import Hosts
from tests.simulation.network import Network
from tests.simulation.process import Process
from tests.simulation.profile import EVENTS, Profile
from tests.simulation.storage import WriteLock
from tests.simulation.watch import Watch

if TYPE_CHECKING:
    from collections.abc import Callable, Collection
    from datetime import datetime

    from dunahub_qbo_plugin.model import RecordKey
    from tests.simulation.scheduler import Scheduler

Result = TypeVar("Result")

ORGS = {
    "acme": ("9341454838118711", "9341454838118712"),
    "zeta": ("9341454838118713",),
}
REDIRECT = "https://crm.example/settings/quickbooks/callback"
DANA = Person(id="dana", name="Dana", email="dana@acme.example")
IN_VAIN = 60
"""Looks of all workers after which what is due still is left alone for longer."""
PATIENCE, SHORT = 3 * 86_400.0, 3600.0
"""Seconds that everything is given to come to rest, and what is left of them once it did not."""


class World:
    """Everything of one run.

    Args:
        seed: its number.
        profile: what it is made of.
        scheduler: runs it.
        database_url: an empty database with the schema in it.
        key: a Fernet key.

    Attributes:
        asked: at which steps a person asked for a record by its name.
        asked_for_all: at which steps a person asked for all of an organization that was left.
        dismissed: records of which a person said once that they are not to be sent.
        kept_back: those of which that still is so, and since which step.
        ended: companies to which Intuit was made to end access.
        forgetful: processes that died with records in their memory only.
        tell_again_since: what the CRM saved from this step on may be lost: a backup was restored.
        kills: how many processes were stopped for ever.
    """

    def __init__(
        self, seed: int, profile: Profile, scheduler: Scheduler, *, database_url: str, key: str
    ) -> None:
        self.profile = profile
        self.scheduler = scheduler
        self.dice = random.Random(f"{seed}/world")  # noqa: S311  replayable, not secret
        self.quickbooks = QuickBooks.default(
            seeds=(), clock=self.scheduler.now, redirect_uris=(REDIRECT,)
        )
        for realms in ORGS.values():
            for realm in realms:
                books = self.quickbooks.add_company(
                    realm_id=realm, name=f"Company {realm[-2:]}", seed=seed_empty
                )
                for name, value in profile.quickbooks.items():
                    assert hasattr(books.settings, name), name
                    setattr(books.settings, name, value)
        emulator = Emulator(self.quickbooks)
        self.net = Network(
            self.scheduler,
            emulator.transport(),
            seed=str(seed),
            share=0.0,
            fates=profile.fates,
        )
        base = emulator.base_url
        self.config = Config(
            client_id=DEFAULT_CLIENT_ID,
            client_secret=DEFAULT_CLIENT_SECRET,
            fernet_keys=(key,),
            database_url=database_url,
            redirect_uri=REDIRECT,
            api_url=base,
            discovery_url=f"{base}/.well-known/openid_configuration",
            app_url=base,
            synchronous="NORMAL",
        )
        self.person = DANA
        self.orgs = {name: Org(name, realms) for name, realms in ORGS.items()}
        self.host_engine = sa.create_engine(database_url, poolclass=sa.NullPool)
        self.watch = Watch(self.host_engine, scheduler, self.net, Cipher((key,)).decrypt)
        self.books = Books(self.quickbooks, self.net, scheduler)
        self.backup = Backup(self, database_url)
        self.lock = WriteLock(scheduler, lingers=profile.lingers)
        self.asked: dict[tuple[str, RecordKey], list[int]] = {}
        self.asked_for_all: dict[str, list[int]] = {}
        self.kept_back: dict[tuple[str, RecordKey], int] = {}
        self.ended: set[str] = set()
        self.dismissed: set[tuple[str, RecordKey]] = set()
        self.forgetful: set[str] = set()
        self.tell_again_since: int | None = None
        self.kills = 0
        self._patience = PATIENCE
        self._number = 0
        self.web: list[Process] = []
        self.workers: list[Process] = []
        self.start_all()
        self.hosts = Hosts(self, sessions=profile.sessions, rollbacks=profile.rollbacks)

    def close(self) -> None:
        """End all that is left."""
        for process in (*self.web, *self.workers):
            process.kill()
        self.watch.close()
        self.host_engine.dispose()

    # Who there is.

    def some_org(self, dice: random.Random) -> Org:
        """Choose an organization; the first is the busier one."""
        return self.orgs["acme" if dice.random() < 0.75 else "zeta"]

    def some_host(self, dice: random.Random) -> Process:
        """Choose a process that answers requests."""
        return self.web[dice.randrange(len(self.web))]

    def _start(self, *, sends: bool) -> Process:
        self._number += 1
        return Process(
            f"p{self._number}",
            self.config,
            scheduler=self.scheduler,
            net=self.net,
            lock=self.lock,
            sends=sends,
            committed=self.watch.look,
        )

    def start_all(self) -> None:
        """Start two processes of the host, and two workers, which begin to send with the run."""
        begun = bool(self.workers)
        self.web = [self._start(sends=self.profile.hosts_send) for _ in range(2)]
        self.workers = [self._start(sends=True) for _ in range(2)]
        for worker in self.workers if begun else ():
            worker.work()

    def some_realm(self, dice: random.Random) -> str:
        """Choose the company that an organization is connected to."""
        org = self.some_org(dice)
        current = self.watch.current(org.id)
        return org.realms[0] if current is None else current.realm

    def stop(self, process: Process) -> None:
        """Stop a process in good order, and start another one in its place."""
        name = f"{process.name}.stop"

        def end() -> None:
            process.end()
            self.scheduler.at(0.0, process.kill)

        self._in_place_of(process)
        self.scheduler.spawn(name, process.life, end)

    def replace(self, process: Process) -> None:
        """Stop a process for ever, and start another one in its place."""
        self.kills += 1
        self.kill(process)
        self._in_place_of(process)

    def kill(self, process: Process) -> None:
        """Stop a process for ever; what only its memory held is gone."""
        if process.unwritten:
            self.scheduler.reached.add("a process died with records in its memory")
            self.forgetful.add(process.life.name)
        process.kill()

    def _in_place_of(self, process: Process) -> None:
        group = self.web if process in self.web else self.workers
        fresh = self._start(sends=group is self.workers or self.profile.hosts_send)
        group[group.index(process)] = fresh
        if group is self.workers:
            fresh.work()

    # What happens.

    def run(self, leave_out: Collection[int] = ()) -> None:
        """Let everything of the plan happen, then give it time.

        Args:
            leave_out: events of the plan, by number, that do not happen.
        """
        for org in self.orgs.values():
            self.connect(org, org.realms[0])
        for worker in self.workers:
            worker.work()
        self.net.share = self.profile.share
        for number, event in enumerate(self.profile.plan):
            if number in leave_out:
                continue
            for _ in range(self.dice.randrange(self.profile.burst)):
                if not self.scheduler.step():
                    self.scheduler.idle()
            self.scheduler.note(f"event {number} {event.name}")
            EVENTS[event.name](self, random.Random(event.seed))  # noqa: S311  replayable
        give_time(self)

    def connect(self, org: Org, realm: str) -> None:
        """Go through Intuit's consent page, before anything goes wrong."""
        host = self.web[0]
        said = self.call(host, lambda: office.connect(self, host, org, realm))
        assert said == "connected", said

    def call(self, process: Process, does: Callable[[], Result]) -> Result:
        """Have something done in a thread of a process, and wait for it."""
        came: list[Result] = []
        task = self.scheduler.spawn(
            f"{process.name}.call", process.life, lambda: came.append(does())
        )
        while not task.done:
            if not self.scheduler.step():
                self.scheduler.idle()
        return came[0]

    def consented(self, address: str, realm: str) -> str:
        """Return the address that Intuit's page leads back to once a person agreed."""
        state = parse_qs(urlsplit(address).query)["state"][0]
        return self.quickbooks.consented(
            client_id=DEFAULT_CLIENT_ID,
            redirect_uri=REDIRECT,
            realm=realm,
            scopes=frozenset({ACCOUNTING}),
            state=state,
        )

    def machine_time(self) -> datetime:
        """Return what the machines' clock says."""
        return self.web[0].runtime.clock.now()

    def run_for(self, seconds: float) -> None:
        """Let everybody work while time passes."""
        until = self.scheduler.monotonic + seconds
        for _ in range(400):
            if self.scheduler.monotonic >= until:
                return
            if not self.scheduler.step():
                self.scheduler.idle(most=seconds / 20)
        self.scheduler.advance(max(until - self.scheduler.monotonic, 0.0))

    def rest(self) -> None:
        """Let everybody work until nothing is due any more, or for days."""
        until = self.scheduler.monotonic + self._patience
        rounds = 0
        while self.scheduler.monotonic < until:
            while self.scheduler.step():
                pass
            wait = self._until_due()
            if wait is None and not self._under_way():
                return
            rounds += 1
            # What was due for so long and is due still is tried in vain.
            shortest = 0.6 if rounds < IN_VAIN else 21_600.0
            self.scheduler.advance(max(wait or 0.0, shortest))
        self._patience = SHORT  # what is due by now is due for ever; the checks say what it is

    def due(self) -> dict[str, int]:
        """Return when each company next has something due, as the engine looks for it."""
        with self.web[0].runtime.database.read.connect() as db:
            return leases.due_companies(db, now=self.scheduler.now())

    @property
    def snapshots(self) -> dict[int, str]:
        """What is stored of each record, by the id of its row."""
        asked = sa.select(records.c.id, records.c.snapshot)
        with self.host_engine.connect() as db:
            return {row.id: row.snapshot for row in db.execute(asked)}

    def told_of(self, local_id: str) -> tuple[set[str], set[str]]:
        """Return the codes, and QuickBooks' Ids, that the history of a record has."""
        asked = (
            sa.select(history.c.code, history.c.qbo_id)
            .join(records, records.c.id == history.c.record_id)
            .where(records.c.local_id == local_id)
        )
        with self.host_engine.connect() as db:
            rows = list(db.execute(asked))
        return {row.code for row in rows if row.code}, {row.qbo_id for row in rows if row.qbo_id}

    def _until_due(self) -> float | None:
        due = self.due()
        if not due:
            return None
        return max((min(due.values()) - to_ms(self.scheduler.now())) / 1000, 0.0)

    def _under_way(self) -> bool:
        idle = ("main", "dunahub-qbo", "dunahub-qbo-waker")
        return any(task.partition(".")[2] not in idle for task in self.scheduler.waiting())

    def database(self) -> Any:  # noqa: ANN401  a context manager of a transaction
        """Begin a transaction with which a check or an operator writes."""
        return self.web[0].runtime.database.write.begin()
