"""The crash proof: hosts and workers that are killed at random, and books that must be right.

Everything that is random comes from one seed; only when processes and threads get their turn
does not.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import parse_qs, urlsplit

import httpx

from dunahub_qbo_plugin.config import Config
from dunahub_qbo_plugin.emulator.world.directory import DEFAULT_CLIENT_ID, DEFAULT_CLIENT_SECRET
from dunahub_qbo_plugin.runtime import build
from dunahub_qbo_plugin.store.db.cipher import generate_key
from dunahub_qbo_plugin.store.db.database import Database
from dunahub_qbo_plugin.testing import PERSON
from dunahub_qbo_plugin.testing.emulator import REDIRECT_URI
from tests.acceptance.audit import PluginDatabase, compare
from tests.acceptance.fast_clock import SPEED, FastClock, Impatient
from tests.acceptance.ledger import Change, open_ledger, organization, records
from tests.acceptance.plans import SLOTS, Planner, Slot

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType


ROOT = Path(__file__).parents[2]
SHARE = 0.2
"""How many of the requests go wrong."""
REALMS = {
    "acme": "9341454838118721",
    "zeta": "9341454838118722",
    "beta": "9341454838118723",
}
WORKERS = {"embedded": 2, "procrastinate": 4}
"""Worker processes, by engine."""
SETTLING = 120.0
"""Real seconds that the end may take, once nothing goes wrong any more."""
LOOK_EVERY = 0.05


class Child:
    """A Python program of ours that is talked to in lines."""

    def __init__(self, module: str, arguments: dict[str, Any], log: Path) -> None:
        self._log = log.open("a")
        self.process = subprocess.Popen(  # noqa: S603  our own program
            [sys.executable, "-m", module, json.dumps(arguments)],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            text=True,
        )

    def read(self) -> str:
        """Return its next line."""
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line, f"it ended: {Path(self._log.name).read_text()[-2000:]}"
        return line.strip()

    def ask(self, order: dict[str, Any]) -> int:
        """Send a line and give the number that comes back."""
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(order) + "\n")
        self.process.stdin.flush()
        return int(self.read())

    def close(self) -> None:
        """End it."""
        with contextlib.suppress(OSError):
            self.process.communicate(timeout=10)
        self._log.close()


class Chaos:
    """One run of the crash proof.

    Args:
        folder: for databases and logs.
        seed: of everything that is random.
        plant: a bug to work with, see `tests.acceptance.planted`.
        share: how many of the requests go wrong.
        speed: of the clocks.
        postgres: address of an empty PostgreSQL database; None for SQLite in the folder. On
            PostgreSQL procrastinate's workers send, and the hosts that send by themselves on
            SQLite ring for them instead.
    """

    def __init__(
        self,
        folder: Path,
        *,
        seed: int,
        plant: str | None = None,
        share: float = SHARE,
        speed: float = SPEED,
        postgres: str | None = None,
    ) -> None:
        self.dice = random.Random(seed)  # noqa: S311  replayable, not secret
        self.kills = 0
        self.planner = Planner(self.dice)
        self._folder = folder
        self._sends = "embedded" if postgres is None else "procrastinate"
        clock = {"start": time.time(), "speed": speed}
        self._quickbooks = Child(
            "tests.acceptance.books_process",
            clock | {"seed": seed, "share": share, "realms": list(REALMS.values())},
            folder / "quickbooks.log",
        )
        self._url = self._quickbooks.read()
        self._http = httpx.Client(base_url=self._url, timeout=30)
        self._database = postgres or f"sqlite:///{folder / 'qbo.sqlite3'}"
        self._rows = PluginDatabase(self._database)
        environ = {
            "DUNAHUB_QBO_CLIENT_ID": DEFAULT_CLIENT_ID,
            "DUNAHUB_QBO_CLIENT_SECRET": DEFAULT_CLIENT_SECRET,
            "DUNAHUB_QBO_FERNET_KEYS": generate_key(),
            "DUNAHUB_QBO_DATABASE_URL": self._database,
            "DUNAHUB_QBO_REDIRECT_URI": REDIRECT_URI,
            "DUNAHUB_QBO_API_URL": self._url,
            "DUNAHUB_QBO_DISCOVERY_URL": f"{self._url}/.well-known/openid_configuration",
        }
        self._connect(environ, FastClock(**clock))
        self._ledgers = {slot.prefix: open_ledger(self._ledger_url(slot)) for slot in SLOTS}
        self._nursery = Child(
            "tests.acceptance.nursery",
            clock | {"config": environ, "plant": plant},
            folder / "nursery.log",
        )
        self._workers = [self._worker() for _ in range(WORKERS[self._sends])]
        self._http.post("/_admin/trouble", json={"kind": "fail"}).raise_for_status()

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Kill and close everything."""
        for pid in self._workers:
            self._kill(pid)
        self._nursery.close()
        self._quickbooks.close()
        self._http.close()
        for ledger in self._ledgers.values():
            ledger.dispose()

    def _ledger_url(self, slot: Slot) -> str:
        apart = f"sqlite:///{self._folder / f'crm-{slot.prefix}.sqlite3'}"
        return self._database if slot.shared else apart

    def _connect(self, environ: dict[str, str], clock: FastClock) -> None:
        """Go through the consent page for each organization, before the trouble begins."""
        off = Config.from_environ(environ | {"DUNAHUB_QBO_WORKER": "off"})
        database = Database(off.database_url)
        database.prepare()
        database.close()
        runtime = build(off, clock=clock, transport=Impatient())
        user = self._http.get("/_admin/").json()["users"][0]["sub"]
        for org, realm in REALMS.items():
            address = runtime.panel.connection_service.begin(
                organization(org), PERSON, REDIRECT_URI
            )
            asked = {name: value[0] for name, value in parse_qs(urlsplit(address).query).items()}
            answer = self._http.post(
                "/connect/oauth2",
                data=asked | {"user": user, "realm": realm, "decision": "connect"},
            )
            back = parse_qs(urlsplit(answer.headers["location"]).query)
            query = {name: value[0] for name, value in back.items()}
            finished = runtime.panel.connection_service.finish(organization(org), PERSON, query)
            assert finished.kind == "connected", finished
        runtime.close()

    # A round.

    def round(self, *, deadly: bool = True) -> None:
        """Let two hosts save some records while processes die, unless it is not deadly."""
        hosts = [self._host(slot, self._bursts(slot)) for slot in self.dice.sample(SLOTS, 2)]
        fates: list[Callable[[], None]] = []
        fates += [lambda pid=pid: self._kill(pid) for pid in hosts if self.dice.random() < 0.5]  # type: ignore[misc]  # mypy cannot infer a lambda's default
        if self.dice.random() < 0.3:
            fates.append(self._kill_a_worker)
        if self.dice.random() < 0.1:
            fates.append(self._freeze_a_worker)
        if self.dice.random() < 0.15:
            fates.append(self._expire_a_token)
        self.dice.shuffle(fates)
        for fate in fates if deadly else ():
            time.sleep(self.dice.uniform(0, 0.12))  # the random moment, not a wait for anything
            fate()
        for pid in hosts:
            code = self._nursery.ask({"reap": pid})
            assert code in {0, -signal.SIGKILL}, f"a host ended with {code}: {self.logs()}"

    def _bursts(self, slot: Slot) -> list[list[Change]]:
        return self.planner.bursts(slot, records(self._ledgers[slot.prefix], slot.org))

    def _host(self, slot: Slot, bursts: list[list[Change]]) -> int:
        return self._nursery.ask(
            {
                "role": "host",
                "ledger": self._ledger_url(slot),
                "org": slot.org,
                "engine": self._sends if slot.sends else "off",
                "shared": slot.shared,
                "mine": [slot.prefix],
                "seed": self.dice.getrandbits(32),
                "bursts": bursts,
            }
        )

    def _kill(self, pid: int) -> None:
        self.kills += 1
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)

    def _worker(self) -> int:
        engine = "off" if self._sends == "embedded" else self._sends
        return self._nursery.ask({"role": "worker", "engine": engine})

    def _kill_a_worker(self) -> None:
        index = self.dice.randrange(len(self._workers))
        self._kill(self._workers[index])
        self._nursery.ask({"reap": self._workers[index]})
        self._workers[index] = self._worker()

    def _freeze_a_worker(self) -> None:
        """Stop a worker for longer than its lease, as a virtual machine that is moved."""
        pid = self.dice.choice(self._workers)
        os.kill(pid, signal.SIGSTOP)
        time.sleep(self.dice.uniform(0.5, 1.5))  # how long it stands still
        os.kill(pid, signal.SIGCONT)

    def _expire_a_token(self) -> None:
        realm = self.dice.choice(list(REALMS.values()))
        self._http.post("/_admin/tokens/expire", json={"realm": realm}).raise_for_status()

    # The end.

    def settle(self) -> None:
        """Stop the trouble, start each host once more, and wait until nothing is due."""
        self._http.delete("/_admin/trouble").raise_for_status()
        for slot in SLOTS:
            pid = self._host(slot, [])
            assert self._nursery.ask({"reap": pid}) == 0, self.logs()
        deadline = time.monotonic() + SETTLING
        while (due := self._rows.due()) and time.monotonic() < deadline:
            time.sleep(LOOK_EVERY)
        assert not due, f"still due: {due}"

    def check(self) -> None:
        """Compare CRM and books, record by record and to the cent.

        Raises:
            AssertionError: they differ.
        """
        for org, realm in REALMS.items():
            held = self.held(org)
            books = self._http.get(f"/_admin/books/{realm}").json()
            try:
                assert books["doubles"] == [], books["doubles"]
                compare(held, books)
            except AssertionError as error:
                raise AssertionError(f"{error}\n{self._rows.story(str(error))}") from error
        assert (wrong := self._rows.wrong()) == [], wrong

    def held(self, org: str) -> list[Change]:
        """Return what the CRM holds of an organization."""
        return [
            one
            for prefix in (slot.prefix for slot in SLOTS if slot.org == org)
            for one in records(self._ledgers[prefix], org)
            if one["id"].startswith(prefix)
        ]

    def forget_requests(self) -> None:
        """Have QuickBooks forget which requests there were until now."""
        self._http.delete("/_admin/requests").raise_for_status()

    def requests(self) -> dict[str, Any]:
        """Return what QuickBooks was asked, with counts."""
        asked: dict[str, Any] = self._http.get("/_admin/requests").json()
        return asked

    def totals(self) -> Counter[str]:
        """Count what stands in all books."""
        totals: Counter[str] = Counter()
        for realm in REALMS.values():
            books = self._http.get(f"/_admin/books/{realm}").json()
            totals.update(
                {name: len(books[name]) for name in ("customers", "invoices", "payments")}
            )
        return totals

    def logs(self) -> str:
        """Return the ends of the processes' error outputs."""
        return "".join(path.read_text()[-2000:] for path in sorted(self._folder.glob("*.log")))
