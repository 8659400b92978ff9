"""A host whose plugin can die at any request and be started again, all in this process.

Nothing runs in other threads: requests leave one after another, so that the same steps always
give the same run.
"""

from __future__ import annotations

import itertools
import threading
from typing import TYPE_CHECKING
from unittest import mock

import attrs
import httpx
import sqlalchemy as sa

from dunahub_qbo_plugin import runtime
from dunahub_qbo_plugin.emulator.world.company_seeds import seed_empty
from dunahub_qbo_plugin.emulator.world.world import World
from dunahub_qbo_plugin.store.companies import leases
from dunahub_qbo_plugin.store.convert import from_ms
from dunahub_qbo_plugin.sync.carriers import Carriers
from dunahub_qbo_plugin.testing import FakeHost, QboEmulator, SteeredClock
from tests.support.host import START, database, rows_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

LONGEST_SETTLING = 400
"""Drains after which a company that still has something due is said never to come to rest."""


class Died(BaseException):
    """The process was killed; nothing that is written for errors may catch it."""


class InlineCarriers(Carriers):
    """Carries whatever it is given at once, in the caller's thread."""

    def carry(self, job: Callable[[], None]) -> None:
        """Carry it out."""
        job()


@attrs.define(kw_only=True, eq=False)
class Wire(httpx.BaseTransport):
    """The way to QuickBooks, on which a process can die.

    Attributes:
        dies_at: number of requests from now on until the process dies; None for never.
        after: it dies after QuickBooks carried the request out, not before.
        answered: requests since the process began to drain.
        lost: writes that may have been carried out unknown to the process: path and body.
    """

    inner: httpx.BaseTransport
    dies_at: int | None = None
    after: bool = False
    dead: bool = False
    answered: list[tuple[str, str]] = attrs.field(factory=list)
    lost: list[tuple[str, str]] = attrs.field(factory=list)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Carry a request to QuickBooks, or die of it."""
        if self.dead:
            raise Died
        dies = self.dies_at == 0
        if self.dies_at is not None:
            self.dies_at -= 1
        if dies and not self.after:
            self.dead = True
            raise Died
        sent = (request.url.path, request.content.decode())
        try:
            response = self.inner.handle_request(request)
        except httpx.ConnectError:
            raise
        except httpx.TransportError:
            self.lost.append(sent)
            raise
        self.answered.append(sent)
        if dies:
            self.dead = True
            raise Died
        return response


class MortalHost(FakeHost):
    """A host with companies of several organizations, whose process can die.

    Args:
        folder: where the database goes.
        realms: the QuickBooks companies there are.
        database_url: another database than SQLite in the folder.
    """

    def __init__(
        self, folder: Path, *, realms: tuple[str, ...], database_url: str | None = None
    ) -> None:
        clock = SteeredClock(START)
        world = World.default(seeds=(), clock=clock.now)
        for realm in realms:
            world.add_company(realm_id=realm, name=f"Company {realm[-2:]}", seed=seed_empty)
        qbo = QboEmulator(clock, world=world)
        self.wire = Wire(inner=qbo.transport())
        url = database(folder, database_url)
        super().__init__(
            folder, qbo=qbo, transport=self.wire, synchronous="NORMAL", database_url=url
        )

    def _start(self) -> None:
        with mock.patch.object(runtime, "Carriers", InlineCarriers):
            super()._start()
        self._watch()

    def start_again(self) -> None:
        """Start the plugin's process anew, on what the one before left behind."""
        self.wire = Wire(inner=self.wire.inner, lost=self.wire.lost)
        self.restart(self.wire)

    def _watch(self) -> None:
        wire = self.wire

        @sa.event.listens_for(self.runtime.database.write, "begin")
        def _dead_processes_write_nothing(_: sa.Connection) -> None:
            if wire.dead:
                raise Died

    def crash(self, company_id: str, *, request: int, after: bool) -> None:
        """Drain until the process dies at one of its requests, and start another one."""
        self.wire.dies_at, self.wire.after = request, after
        self.wire.answered.clear()
        try:
            self.runtime.drainer.drain(company_id)
        except Died:
            # What it had heard died with it, unless it had been written down.
            self.wire.lost += self.wire.answered
            self.start_again()
        self.wire.dies_at = None

    def due(self) -> dict[str, int]:
        """Return what a worker would see as due, as the engine looks for it."""
        database = self.runtime.database
        with database.read.connect() as db:
            return leases.due_companies(db, now=self.clock.now())

    def come_to_rest(self) -> None:
        """Let time pass and drain, until no company has anything due any more.

        Raises:
            AssertionError: that never happens.
        """
        for _ in range(LONGEST_SETTLING):
            due = self.due()
            if not due:
                return
            now = self.clock.now()
            if (wait := from_ms(min(due.values())) - now).total_seconds() > 0:
                self.clock.advance(wait.total_seconds())
            sent = sum(
                self.runtime.drainer.drain(company_id)
                for company_id, next_attempt_at in due.items()
                if from_ms(next_attempt_at) <= self.clock.now()
            )
            if not sent:
                self.clock.advance(1)
        raise AssertionError(f"there is always something due: {self.due()}, {self._due_rows()}")

    def _due_rows(self) -> list[tuple[str, str, int | None, str | None]]:
        return [
            (row.kind, row.local_id, row.next_attempt_at, row.error_code)
            for row in rows_of(self)
            if row.next_attempt_at is not None
        ]


_numbers = itertools.count(1)
_lock = threading.Lock()


def fresh_folder(parent: Path) -> Path:
    """Make a folder for one run."""
    with _lock:
        folder = parent / f"run-{next(_numbers)}"
    folder.mkdir()
    return folder
