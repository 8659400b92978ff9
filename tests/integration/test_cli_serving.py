"""`dunahub-qbo worker`, `emulator` and `demo`, as processes of their own."""

from __future__ import annotations

import json
import re
import signal
import socket
import threading
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING
from unittest import mock

import httpx
import pytest

from dunahub_qbo_plugin.cli.health import served
from dunahub_qbo_plugin.config import Config
from dunahub_qbo_plugin.emulator.server.serve import serve
from dunahub_qbo_plugin.emulator.world.directory import DEFAULT_CLIENT_SECRET
from dunahub_qbo_plugin.emulator.world.trouble import TroubleRule
from dunahub_qbo_plugin.model import RecordState
from dunahub_qbo_plugin.testing import FakeHost, make_invoice, make_lead, make_payment
from tests.support.cli import run, started, variables
from tests.support.host import CONTRACTOR, live_qbo, make_host

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from dunahub_qbo_plugin.emulator.world.journal import Entry
    from dunahub_qbo_plugin.emulator.world.world import World

PATIENCE = 60.0
"""Seconds in which a process must have done what is waited for."""


@contextmanager
def patience(process: subprocess.Popen[str]) -> Iterator[None]:
    """End a process that keeps a test waiting for too long."""
    timer = threading.Timer(PATIENCE, process.kill)
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def first_line(stream: IO[str] | None, process: subprocess.Popen[str]) -> str:
    """Wait for the first line of a process."""
    assert stream is not None
    with patience(process):
        return stream.readline()


def up_to(words: str, process: subprocess.Popen[str]) -> str:
    """Wait for some words in the output of a process; gives it up to the end of their line."""
    assert process.stdout is not None
    lines: list[str] = []
    with patience(process):
        for line in process.stdout:
            lines.append(line)
            if words in line:
                break
    return "".join(lines)


def ended(process: subprocess.Popen[str]) -> tuple[str, str]:
    """Wait for the end of a process; gives what is left of its output and of its messages."""
    assert process.stdout is not None
    assert process.stderr is not None
    with patience(process):
        out, err = process.stdout.read(), process.stderr.read()
        process.wait()
    return out, err


def seen(world: World, wanted: Callable[[Entry], bool]) -> threading.Event:
    """Return an event that is set when the emulator has seen a request."""
    event = threading.Event()
    world.journal.watch(lambda entry: event.set() if wanted(entry) else None)
    return event


class TestWorker:
    """`dunahub-qbo worker`."""

    @pytest.fixture
    def host(self, tmp_path: Path) -> Iterator[FakeHost]:
        """Return a host without a worker of its own, connected to a QuickBooks."""
        host = make_host(tmp_path, qbo=live_qbo())
        host.connect()
        yield host
        host.close()

    @pytest.mark.parametrize("stop", [signal.SIGTERM, signal.SIGINT], ids=lambda one: one.name)
    def test_it_sends_what_a_host_left_due(
        self, host: FakeHost, tmp_path: Path, stop: signal.Signals
    ) -> None:
        """What hooks of another process wrote goes out, in order; a signal ends it in order."""
        paid = seen(host.qbo.emulator.world, lambda entry: entry.path.startswith("/payment"))
        host.save(make_invoice(), make_payment())
        with (
            serve(host.qbo.emulator.world) as running,
            started(
                "worker", "--verbose", folder=tmp_path, env=variables(host.config, running.url)
            ) as worker,
        ):
            assert "Working on the SQLite file" in first_line(worker.stderr, worker)
            assert paid.wait(PATIENCE)
            worker.send_signal(stop)
            out, err = ended(worker)
        assert (worker.returncode, out) == (0, "")
        assert err.endswith("Stopped.\n")
        assert [CONTRACTOR in err, host.config.client_secret in err] == [False, False]
        books = host.books.read()
        assert [entry["total"] for entry in books["invoices"]] == ["100.00"]
        assert books["totals"]["payments"] == 1
        assert host.look("payment:pay-1").state is RecordState.SYNCED

    def test_it_tells_its_health_and_logs_json(self, host: FakeHost, tmp_path: Path) -> None:
        """Whoever watches gets figures and a status over HTTP, and a log that programs read."""
        sent = seen(host.qbo.emulator.world, lambda entry: entry.path.startswith("/customer"))
        options = ("worker", "--health-port", "0", "--log-json", "--verbose")
        host.save(make_lead())
        with (
            serve(host.qbo.emulator.world) as running,
            started(*options, folder=tmp_path, env=variables(host.config, running.url)) as worker,
        ):
            hello = first_line(worker.stderr, worker)
            address = hello.partition("Health: ")[2].partition(". ")[0]
            assert sent.wait(PATIENCE)
            with httpx.Client(trust_env=False) as http:
                told = http.get(address)
                while told.json()["process"]["sent"] == 0:
                    told = http.get(address)
                nowhere = http.get(address.replace("/health", "/"))
            worker.send_signal(signal.SIGTERM)
            _, err = ended(worker)
        assert (told.status_code, nowhere.status_code) == (200, 404)
        figures = told.json()
        assert figures["working"] is True
        assert figures["process"]["writes"] == figures["process"]["latency"]["count"] >= 1
        assert figures["database"]["due"] == 0
        assert CONTRACTOR not in told.text
        lines = [json.loads(line) for line in err.splitlines() if line.startswith("{")]
        assert all({"at", "level", "logger", "message"} <= line.keys() for line in lines)

    def test_it_is_not_well_without_its_database(self, host: FakeHost) -> None:
        """A worker that cannot reach its database, or has ended, says so by its status."""
        runtime = host.runtime
        with served(runtime, lambda: False, host="127.0.0.1", port=0) as address:
            ended_one = httpx.get(address, trust_env=False)
        assert (ended_one.status_code, ended_one.json()["working"]) == (503, False)
        with (
            mock.patch.object(runtime.database, "is_ready", return_value=False),
            served(runtime, lambda: True, host="127.0.0.1", port=0) as address,
        ):
            lost = httpx.get(address, trust_env=False)
        assert (lost.status_code, lost.json()["database"]) == (503, None)

    def test_a_taken_health_port_is_told(self, host: FakeHost, tmp_path: Path) -> None:
        """A port that somebody else has is told in one line, before anything is sent."""
        with served(host.runtime, lambda: True, host="127.0.0.1", port=0) as address:
            port = address.rpartition(":")[2].partition("/")[0]
            ran = run("worker", "--health-port", port, folder=tmp_path, env=variables(host.config))
        assert f"cannot listen at 127.0.0.1:{port}" in ran.refused()

    def test_it_does_not_wait_for_ever(self, host: FakeHost, tmp_path: Path) -> None:
        """With a request under way it ends after --grace; the record stays due."""
        world = host.qbo.emulator.world
        late = seen(world, lambda entry: entry.fate == "late")
        world.trouble.add(TroubleRule(kind="late", seconds=600, entity="customer"))
        host.save(make_lead())
        with (
            serve(world) as running,
            started(
                "worker", "--grace", "0", folder=tmp_path, env=variables(host.config, running.url)
            ) as worker,
        ):
            first_line(worker.stderr, worker)
            assert late.wait(PATIENCE)
            worker.send_signal(signal.SIGTERM)
            _, err = ended(worker)
        assert worker.returncode == 1
        assert "taken up again at the next start" in err
        assert host.look("customer:lead-1").next_attempt_at is not None


class TestEmulator:
    """`dunahub-qbo emulator`."""

    def test_it_prints_the_settings_that_reach_it(self, tmp_path: Path) -> None:
        """What it prints is what the plugin needs; SIGTERM ends it with exit status 0."""
        arguments = ("emulator", "--port", "0", "--seed", "empty", "--redirect-uri", "http://a.b")
        with started(*arguments, folder=tmp_path) as process:
            address = first_line(process.stdout, process).split()[-1]
            found = httpx.get(f"{address}/.well-known/openid_configuration", trust_env=False)
            process.send_signal(signal.SIGTERM)
            out, err = ended(process)
        assert found.json()["token_endpoint"].startswith(address)
        assert (process.returncode, err) == (0, "")
        assert f"export DUNAHUB_QBO_API_URL={address}" in out
        names = set(re.findall(r"export (\w+)=", out))
        assert names <= set(variables(Config()))
        assert "New Company" in out
        assert "Blue Ridge Gutters" not in out

    def test_a_client_brings_its_own_company_and_tokens(self, tmp_path: Path) -> None:
        """With a company and tokens named, a client that has them in its settings is let in."""
        arguments = (
            "emulator",
            "--port",
            "0",
            "--seed",
            "empty=123",
            "--seed",
            "sample=4620816365",
        )
        tokens = ("--access-token", "mine", "--refresh-token", "again", "--refresh-grace", "60")
        chosen = ("--company", "4620816365", "--consent", "accept")
        with started(*arguments, *tokens, *chosen, folder=tmp_path) as process:
            address = first_line(process.stdout, process).split()[-1]
            bearer = {"Authorization": "Bearer mine", "Accept": "application/json"}
            path = f"{address}/v3/company/4620816365/customer/1"
            found = httpx.get(path, headers=bearer, trust_env=False)
            settings = httpx.get(f"{address}/_admin/", trust_env=False).json()
            process.send_signal(signal.SIGTERM)
            ended(process)
        assert found.json()["Customer"]["DisplayName"] == "Amy's Bird Sanctuary"
        assert [company["realm"] for company in settings["companies"]] == ["123", "4620816365"]
        assert settings["oauth"]["refresh_grace"] == 60
        assert settings["service"]["consent_company"] == "4620816365"

    @pytest.mark.parametrize(
        ("arguments", "words"),
        [
            (["--seed", "bakery"], "there is no seed 'bakery'; choose from contractor"),
            (["--trouble", "explode"], "kind must be one of fail, fail_after, lose, late, cut"),
            (["--offline", "1=locked"], "there is no company '1'"),
            (["--company", "1"], "there is no company '1'"),
            (["--seed", "empty=mine"], "a company's id is a number, not 'mine'"),
        ],
    )
    def test_a_wrong_option_is_told(self, tmp_path: Path, arguments: list[str], words: str) -> None:
        """What does not fit is told with what would."""
        refused = run("emulator", "--port", "0", *arguments, folder=tmp_path).refused()
        assert words in refused

    def test_a_taken_port_is_told(self, tmp_path: Path) -> None:
        """The address that cannot be had is named."""
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
            told = run("emulator", "--port", str(port), folder=tmp_path).refused()
        assert f"127.0.0.1:{port}" in told


class TestDemo:
    """`dunahub-qbo demo`."""

    def test_the_story_gives_one_json_object(self, tmp_path: Path) -> None:
        """All records arrive, and the invoice whose answer was lost is there once (rule 10)."""
        told = run("demo", "--once", "--json", folder=tmp_path)
        assert (told.code, told.err) == (0, "")
        result = told.json
        for kind in ("customer", "invoice", "payment", "outage"):
            record = result[kind]
            assert record["local_id"]
            assert record["qbo_id"]
            assert record["state"] == "Synced"
        assert result["invoice_total"] == result["qbo_total"] == 2389.00
        assert result["qbo_balance"] == 0
        assert result["outage"]["lost_answers"] == 1
        assert result["outage"]["attempts"] > 1
        assert result["outage"]["in_books"] == 1
        assert result["outage"]["qbo_id"] != result["invoice"]["qbo_id"]
        assert len(result["hook_ms"]) == 4
        assert all(one > 0 for one in result["hook_ms"])
        writes = [
            request["path"]
            for request in result["requests"]
            if request["method"] == "POST" and "oauth2" not in request["path"]
        ]
        assert writes == ["/customer", "/invoice", "/payment", "/invoice", "/invoice"]
        assert DEFAULT_CLIENT_SECRET not in told.out
        assert list(tmp_path.iterdir()) == []

    def test_it_tells_the_story_and_serves_until_it_is_stopped(self, tmp_path: Path) -> None:
        """A person reads the QuickBooks numbers, then opens both addresses; Ctrl-C ends it."""
        with started("demo", "--data-dir", "kept", folder=tmp_path) as process:
            told = up_to("Ctrl-C", process)
            addresses = re.findall(r"http://127\.0\.0\.1:\d+\S*", told)
            pages = [httpx.get(address, trust_env=False) for address in addresses]
            process.send_signal(signal.SIGINT)
            _, err = ended(process)
        assert (process.returncode, err) == (0, "")
        assert re.search(r"QuickBooks invoice \d+, number \d+, total \$[\d,.]+", told)
        assert re.search(r"sent 2 times, 1 in the books", told)
        assert len(pages) == 2
        assert {page.status_code for page in pages} == {httpx.codes.OK}
        status = run("status", "--json", folder=tmp_path, env=kept(tmp_path / "kept"))
        (company,) = status.json["organizations"]
        assert company["records"]["invoice"]["synced"] == 2

    @pytest.mark.parametrize("arguments", [["--json"], ["--once", "--no-story"]], ids=" ".join)
    def test_options_that_contradict_each_other_are_told(
        self, tmp_path: Path, arguments: list[str]
    ) -> None:
        """Nothing is started."""
        told = run("demo", *arguments, folder=tmp_path)
        assert (told.code, told.out) == (2, "")
        assert "Traceback" not in told.err

    def test_a_taken_port_is_told(self, tmp_path: Path) -> None:
        """The demo does not start on a port of somebody else."""
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
            told = run("demo", "--once", "--port", str(port), folder=tmp_path).refused()
        assert "the demo could not start" in told


def kept(folder: Path) -> dict[str, str]:
    """Return settings for the database that a demo left in its folder."""
    return {
        "DUNAHUB_QBO_DATABASE_URL": f"sqlite:///{folder / 'plugin.sqlite3'}",
        "DUNAHUB_QBO_FERNET_KEYS": (folder / "fernet.key").read_text().strip(),
    }
