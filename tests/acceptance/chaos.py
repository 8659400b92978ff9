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
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import parse_qs, urlsplit

import attrs
import httpx

from dunahub_qbo_plugin.config import Config
from dunahub_qbo_plugin.emulator.directory import DEFAULT_CLIENT_ID, DEFAULT_CLIENT_SECRET
from dunahub_qbo_plugin.runtime import build
from dunahub_qbo_plugin.store.cipher import generate_key
from tests.acceptance.fast import SPEED, FastClock, Impatient
from tests.acceptance.ledger import Change, lead_name, open_ledger, organization, records
from tests.support.office import DANA, REDIRECT

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
WORKERS = 2
SETTLING = 120.0
"""Real seconds that the end may take, once nothing goes wrong any more."""
LOOK_EVERY = 0.05


@attrs.frozen(kw_only=True)
class Slot:
    """A place for a host process: what it is in charge of, and how it works.

    Attributes:
        prefix: of the ids of its records.
        engine: ``embedded`` where the host sends by itself as well, ``off`` where it does not.
        shared: it saves in the plugin's file, in one transaction with the hook.
    """

    org: str
    prefix: str
    engine: str
    shared: bool = False


SLOTS = (
    Slot(org="acme", prefix="a", engine="embedded"),
    Slot(org="acme", prefix="b", engine="off"),
    Slot(org="zeta", prefix="z", engine="embedded"),
    Slot(org="beta", prefix="s", engine="off", shared=True),
)


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
        """Give its next line."""
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
    """

    def __init__(
        self,
        folder: Path,
        *,
        seed: int,
        plant: str | None = None,
        share: float = SHARE,
        speed: float = SPEED,
    ) -> None:
        self.dice = random.Random(seed)  # noqa: S311  replayable, not secret
        self.kills = self.changes = 0
        self._folder = folder
        self._cents = 0
        self._families: Counter[str] = Counter()
        clock = {"start": time.time(), "speed": speed}
        self._quickbooks = Child(
            "tests.acceptance.books_process",
            clock | {"seed": seed, "share": share, "realms": list(REALMS.values())},
            folder / "quickbooks.log",
        )
        self._url = self._quickbooks.read()
        self._http = httpx.Client(base_url=self._url, timeout=30)
        self._file = folder / "qbo.sqlite3"
        environ = {
            "DUNAHUB_QBO_CLIENT_ID": DEFAULT_CLIENT_ID,
            "DUNAHUB_QBO_CLIENT_SECRET": DEFAULT_CLIENT_SECRET,
            "DUNAHUB_QBO_FERNET_KEYS": generate_key(),
            "DUNAHUB_QBO_DATABASE_URL": f"sqlite:///{self._file}",
            "DUNAHUB_QBO_REDIRECT_URI": REDIRECT,
            "DUNAHUB_QBO_API_URL": self._url,
            "DUNAHUB_QBO_DISCOVERY_URL": f"{self._url}/.well-known/openid_configuration",
        }
        self._connect(environ, FastClock(**clock))
        self._ledgers = {slot.prefix: open_ledger(self._ledger_file(slot)) for slot in SLOTS}
        self._nursery = Child(
            "tests.acceptance.nursery",
            clock | {"config": environ, "plant": plant},
            folder / "nursery.log",
        )
        self._workers = [self._nursery.ask({"role": "worker"}) for _ in range(WORKERS)]
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

    def _ledger_file(self, slot: Slot) -> Path:
        return self._file if slot.shared else self._folder / f"crm-{slot.prefix}.sqlite3"

    def _connect(self, environ: dict[str, str], clock: FastClock) -> None:
        """Go through the consent page for each organization, before the trouble begins."""
        off = Config.from_environ(environ | {"DUNAHUB_QBO_WORKER": "off"})
        runtime = build(off, clock=clock, transport=Impatient())
        user = self._http.get("/_admin/").json()["users"][0]["sub"]
        for org, realm in REALMS.items():
            address = runtime.panel.linking.begin(organization(org), DANA, REDIRECT)
            asked = {name: value[0] for name, value in parse_qs(urlsplit(address).query).items()}
            answer = self._http.post(
                "/connect/oauth2",
                data=asked | {"user": user, "realm": realm, "decision": "connect"},
            )
            back = parse_qs(urlsplit(answer.headers["location"]).query)
            query = {name: value[0] for name, value in back.items()}
            finished = runtime.panel.linking.finish(organization(org), DANA, query)
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

    def _host(self, slot: Slot, bursts: list[list[Change]]) -> int:
        return self._nursery.ask(
            {
                "role": "host",
                "ledger": str(self._ledger_file(slot)),
                "org": slot.org,
                "engine": slot.engine,
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

    def _kill_a_worker(self) -> None:
        index = self.dice.randrange(WORKERS)
        self._kill(self._workers[index])
        self._nursery.ask({"reap": self._workers[index]})
        self._workers[index] = self._nursery.ask({"role": "worker"})

    def _freeze_a_worker(self) -> None:
        """Stop a worker for longer than its lease, as a virtual machine that is moved."""
        pid = self.dice.choice(self._workers)
        os.kill(pid, signal.SIGSTOP)
        time.sleep(self.dice.uniform(0.5, 1.5))  # how long it stands still
        os.kill(pid, signal.SIGCONT)

    def _expire_a_token(self) -> None:
        realm = self.dice.choice(list(REALMS.values()))
        self._http.post("/_admin/tokens/expire", json={"realm": realm}).raise_for_status()

    # What the CRM does.

    def _bursts(self, slot: Slot) -> list[list[Change]]:
        """Plan a few transactions of the CRM, on what it holds now."""
        held = {
            (one["kind"], one["id"]): one for one in records(self._ledgers[slot.prefix], slot.org)
        }
        held = {key: one for key, one in held.items() if key[1].startswith(slot.prefix)}
        bursts = []
        for _ in range(self.dice.randint(1, 3)):
            burst = self._burst(slot, held)
            held |= {(one["kind"], one["id"]): one for one in burst}
            bursts.append(burst)
            self.changes += len(burst)
        return bursts

    def _burst(self, slot: Slot, held: dict[tuple[str, str], Change]) -> list[Change]:
        leads = [one for one in held.values() if one["kind"] == "customer"]
        invoices = [one for one in held.values() if one["kind"] == "invoice" and not one["void"]]
        payments = [one for one in held.values() if one["kind"] == "payment"]
        paid = {one["invoice"] for one in payments}
        unpaid = [one for one in invoices if one["id"] not in paid]
        what = self.dice.choice(
            (
                "family",
                "family",
                "invoice",
                "invoice",
                "raise",
                "raise",
                "pay",
                "lead",
                "void",
                "fix",
            )
        )
        if what == "invoice" and leads:
            return [self._invoice(slot, self.dice.choice(leads)["id"])]
        if what == "raise" and invoices:
            return [self.dice.choice(invoices) | {"cents": self._amount(1_000_00)}]
        if what == "pay" and unpaid:
            return [self._payment(slot, self.dice.choice(unpaid)["id"])]
        if what == "lead" and leads:
            lead = self.dice.choice(leads)
            return [lead | {"version": lead["version"] + 1}]
        if what == "void" and unpaid:
            return [self.dice.choice(unpaid) | {"void": True}]
        if what == "fix" and payments:
            return [self.dice.choice(payments) | {"cents": self._amount(1_00)}]
        lead = {"kind": "customer", "id": self._id(slot, "L"), "version": 0}
        invoice = self._invoice(slot, lead["id"])
        return [lead, invoice, self._payment(slot, invoice["id"])]

    def _invoice(self, slot: Slot, lead: str) -> Change:
        return {
            "kind": "invoice",
            "id": self._id(slot, "I"),
            "lead": lead,
            "cents": self._amount(1_000_00),
            "void": False,
        }

    def _payment(self, slot: Slot, invoice: str) -> Change:
        return {
            "kind": "payment",
            "id": self._id(slot, "P"),
            "invoice": invoice,
            "cents": self._amount(1_00),
        }

    def _id(self, slot: Slot, letter: str) -> str:
        self._families[slot.prefix] += 1
        return f"{slot.prefix}{letter}{self._families[slot.prefix]}"

    def _amount(self, least: int) -> int:
        """Give cents that no other amount has, so that nothing looks like a double by chance."""
        self._cents += 1
        return least + self._cents

    # The end.

    def settle(self) -> None:
        """Stop the trouble, start each host once more, and wait until nothing is due."""
        self._http.delete("/_admin/trouble").raise_for_status()
        for slot in SLOTS:
            pid = self._host(slot, [])
            assert self._nursery.ask({"reap": pid}) == 0, self.logs()
        deadline = time.monotonic() + SETTLING
        while (due := self._due()) and time.monotonic() < deadline:
            time.sleep(LOOK_EVERY)
        assert not due, f"still due: {due}"

    def _due(self) -> list[tuple[Any, ...]]:
        with contextlib.closing(sqlite3.connect(self._file, timeout=30)) as db:
            return db.execute(
                "SELECT r.org_id, kind, local_id, attempts, error_code, paused_until"
                " FROM qbo_record r JOIN qbo_connection c ON c.id = r.company_id"
                " WHERE due_at IS NOT NULL OR waiting"
            ).fetchall()

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
                raise AssertionError(f"{error}\n{self._story(str(error))}") from error
        with contextlib.closing(sqlite3.connect(self._file)) as db:
            wrong = db.execute(
                "SELECT org_id, kind, local_id, error_code, hold FROM qbo_record"
                " WHERE error_code IS NOT NULL"
                " OR (synced_fingerprint IS NOT fingerprint AND hold IS NULL)"
            ).fetchall()
        assert wrong == [], wrong

    def held(self, org: str) -> list[Change]:
        """Give what the CRM holds of an organization."""
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
        """Give what QuickBooks was asked, with counts."""
        asked: dict[str, Any] = self._http.get("/_admin/requests").json()
        return asked

    def _story(self, error: str) -> str:
        """Tell what the plugin knows of the records that an error names."""
        lines = []
        with contextlib.closing(sqlite3.connect(self._file)) as db:
            db.row_factory = sqlite3.Row
            for row in db.execute("SELECT * FROM qbo_record ORDER BY id").fetchall():
                if f"'{row['local_id']}'" in error or f" {row['local_id']}]" in error:
                    lines.append(str({name: row[name] for name in row.keys() if row[name]}))  # noqa: SIM118  sqlite3.Row iterates over values
                    history = db.execute(
                        "SELECT at, event, operation, qbo_id, code, text FROM qbo_history"
                        " WHERE record_id = ? ORDER BY id",
                        (row["id"],),
                    )
                    lines += [f"  {tuple(entry)}" for entry in history]
        return "\n".join(lines) or "the plugin knows nothing of it"

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
        """Give the ends of the processes' error outputs."""
        return "".join(path.read_text()[-2000:] for path in sorted(self._folder.glob("*.log")))


def compare(held: list[Change], books: dict[str, Any]) -> None:
    """Compare what the CRM holds of one organization with its company's books."""
    by_id = {(one["kind"], one["id"]): one for one in held}
    customers = {entry["name"]: entry for entry in books["customers"]}
    assert len(customers) == len(books["customers"])
    leads = [one for one in held if one["kind"] == "customer"]
    assert customers.keys() == {lead_name(one["id"]) for one in leads}
    for one in leads:
        entry = customers[lead_name(one["id"])]
        assert entry["email"] == f"v{one['version']}@{one['id']}.example", (one, entry)
    standing = {
        kind: _by_marker(
            kind, books[f"{kind}s"], {one["id"] for one in held if one["kind"] == kind}
        )
        for kind in ("invoice", "payment")
    }
    for (kind, local_id), one in by_id.items():
        if kind == "customer":
            continue
        entry = standing[kind].get(local_id)
        if kind == "invoice" and one["void"]:
            # It may have been voided before QuickBooks ever had it.
            assert entry is None or (entry["voided"], entry["total"]) == (True, "0.00"), (
                one,
                entry,
            )
            continue
        assert entry is not None, f"{one} is not in the books"
        assert Decimal(entry["total"]) * 100 == one["cents"], (one, entry)
        if kind == "invoice":
            assert entry["customer_id"] == customers[lead_name(one["lead"])]["id"], (one, entry)
        else:
            invoice = standing["invoice"][one["invoice"]]
            assert entry["links"] == [f"Invoice {invoice['id']}"], (one, entry, invoice)
            assert entry["unapplied"] == "0.00", (one, entry)


def _by_marker(
    kind: str, entries: list[dict[str, Any]], ids: set[str]
) -> dict[str, dict[str, Any]]:
    """Tell by its note which record each entry is; each is one, and none is there twice."""
    found: dict[str, dict[str, Any]] = {}
    for entry in entries:
        local_id = entry["note"].partition(f"[DunaHub {kind} ")[2].partition("]")[0]
        assert local_id in ids, f"nobody saved this: {entry}"
        assert local_id not in found, f"twice: {found[local_id]} and {entry}"
        found[local_id] = entry
    return found
