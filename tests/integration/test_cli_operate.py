"""`dunahub-qbo status`, `failed`, `retry`, `migrate` and `generate-key` on a real database."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa
from cryptography.fernet import Fernet

from dunahub_hookspecs import Organization, Region
from dunahub_qbo_plugin.clock import SystemClock
from dunahub_qbo_plugin.engine.meter import Meter
from dunahub_qbo_plugin.store.tables import records
from dunahub_qbo_plugin.testing import ORG, PERSON, FakeHost, make_invoice, make_lead, make_payment
from tests.support.cli import Ran, run, variables
from tests.support.host import connection_of, make_host

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    Cli = Callable[..., Ran]

OTHER = Organization(id="beta", name="Beta Roofing", region=Region.US)


@pytest.fixture
def host(tmp_path: Path) -> Iterator[FakeHost]:
    """Return a host whose customer and invoice arrived, and one lead failed."""
    host = make_host(tmp_path)
    host.connect()
    host.save(make_invoice("inv-1"), make_lead("lead-2", name="", company=""))
    host.send()
    yield host
    host.close()


@pytest.fixture
def cli(host: FakeHost, tmp_path: Path) -> Cli:
    """Return a command line with the host's settings."""
    return lambda *arguments: run(*arguments, folder=tmp_path, env=variables(host.config))


class TestStatus:
    """`dunahub-qbo status`."""

    def test_it_tells_a_script_everything(self, host: FakeHost, cli: Cli) -> None:
        """The JSON holds status, company, counts by kind and state, and what is due."""
        host.save(make_payment())
        told = cli("status", "--json")
        assert (told.code, told.err) == (0, "")
        (acme,) = told.json["organizations"]
        assert acme["org"] == "acme"
        assert acme["status"] == "Connected"
        assert acme["company"] == "Blue Ridge Gutters"
        assert acme["records"]["customer"] == {
            "synced": 1,
            "waiting": 0,
            "needs_attention": 1,
            "not_sent": 0,
        }
        assert acme["records"]["invoice"]["synced"] == 1
        assert acme["records"]["payment"]["waiting"] == 1
        assert acme["due"] == 1
        assert acme["oldest_due_at"] == "2026-03-02T09:00:00Z"
        assert acme["paused"] is None

    def test_it_tells_a_person_in_words(self, host: FakeHost, cli: Cli) -> None:
        """Connection, a table of counts, and since when the oldest due record waits."""
        host.save(make_payment())
        told = cli("status")
        assert told.code == 0
        assert (
            f"acme: Connected to Blue Ridge Gutters since 2026-03-02 09:00 UTC by {PERSON.email}"
            in (told.out)
        )
        assert "Needs attention" in told.out
        assert "1 record is due, the oldest for " in told.out

    def test_it_tells_what_other_processes_asked_of_quickbooks(
        self, host: FakeHost, cli: Cli
    ) -> None:
        """Writes, reads and latency are those of the processes that send."""
        metrics = host.runtime.client.metrics
        database = host.runtime.database
        meter = Meter(database=database, clock=SystemClock(), metrics=metrics, owner="sender")
        meter.note(at_once=True)
        asked = cli("status", "--json").json["figures"]["last_day_requests"]
        assert (asked["writes"], asked["reads"]) == (metrics.writes, metrics.reads)
        assert asked["writes"] > 0
        assert asked["latency"]["count"] == metrics.latency.times().count
        assert asked["latency"]["p99_seconds"] >= asked["latency"]["p50_seconds"]
        assert f"Requests: {metrics.writes} writes, {metrics.reads} reads" in cli("status").out
        assert "Requests:" not in cli("status", "--org", "acme").out

    def test_nothing_due_is_said(self, cli: Cli) -> None:
        """With everything sent there is no number to explain."""
        assert "Nothing is due." in cli("status").out

    def test_a_disconnected_organization_is_shown_as_such(self, host: FakeHost, cli: Cli) -> None:
        """What was left behind by a disconnect is not due (rule 18)."""
        host.save(make_payment())
        host.runtime.panel.connection_service.disconnect(ORG, PERSON)
        (acme,) = cli("status", "--json").json["organizations"]
        assert acme["status"] == "Not connected"
        assert (acme["due"], acme["records"]["payment"]["not_sent"]) == (0, 1)
        assert "acme: Not connected, from Blue Ridge Gutters since" in cli("status").out

    def test_one_organization_can_be_asked_for(self, host: FakeHost, cli: Cli) -> None:
        """--org shows one of several; one that never connected is exit status 1."""
        host.connect("empty", org=OTHER)
        both = cli("status", "--json").json["organizations"]
        assert [one["org"] for one in both] == ["acme", "beta"]
        (beta,) = cli("status", "--org", "beta", "--json").json["organizations"]
        assert beta["company"] == "New Company"
        unknown = cli("status", "--org", "gamma")
        assert (unknown.code, unknown.out) == (1, "")
        assert "'gamma' never connected" in unknown.err

    def test_a_key_that_does_not_fit_is_told(self, host: FakeHost, tmp_path: Path) -> None:
        """A wrong key shows in no record, so it is said; the status is shown all the same."""
        env = variables(host.config) | {"DUNAHUB_QBO_FERNET_KEYS": Fernet.generate_key().decode()}
        told = run("status", "--json", folder=tmp_path, env=env)
        assert told.code == 0
        assert told.json["organizations"]
        assert "Warning: none of the keys in DUNAHUB_QBO_FERNET_KEYS" in told.err

    def test_no_secret_is_shown(self, host: FakeHost, cli: Cli) -> None:
        """Neither tokens, keys, secrets nor the company's id are printed (rule 11)."""
        with host.runtime.database.read.connect() as db:
            tokens = host.runtime.connections.tokens(db, connection_of(host).id)
        assert tokens is not None
        secrets = [tokens.access, tokens.refresh, tokens.realm_id, host.config.fernet_keys[0]]
        secrets.append(host.config.client_secret)
        for arguments in (["status"], ["status", "--json"], ["failed"], ["failed", "--json"]):
            told = cli(*arguments)
            assert [secret for secret in secrets if secret in told.out + told.err] == []


class TestFailed:
    """`dunahub-qbo failed`."""

    def test_each_record_comes_with_what_to_do(self, cli: Cli) -> None:
        """What happened, why and what to do stand with the record (rule 22)."""
        (row,) = cli("failed", "--json").json
        assert (row["org"], row["record"], row["code"]) == (
            "acme",
            "customer:lead-2",
            "name-missing",
        )
        assert row["who"] == "office"
        text = cli("failed").out
        assert "acme  customer:lead-2" in text
        assert [
            part for part in (row["title"], row["why"], row["action"]) if part not in text
        ] == []

    def test_it_says_when_there_are_more(self, host: FakeHost, cli: Cli) -> None:
        """A limit is never silent."""
        host.save(make_lead("lead-3", name="", company=""))
        host.send()
        told = cli("failed", "--limit", "1", "--json")
        assert len(told.json) == 1
        assert "There are more than 1 record" in told.err

    def test_none_is_no_error(self, host: FakeHost, cli: Cli) -> None:
        """With nothing to mend it prints nothing and says so on stderr."""
        host.save(make_lead("lead-2"))
        host.send()
        told = cli("failed")
        assert (told.code, told.out) == (0, "")
        assert "No record needs attention." in told.err
        assert cli("failed", "--json").json == []


class TestRetry:
    """`dunahub-qbo retry`."""

    def test_all_that_failed_is_tried_again(self, host: FakeHost, cli: Cli) -> None:
        """--all makes every record that needs attention due, and only those (rule 25)."""
        told = cli("retry", "--all", "--json")
        assert (told.code, told.json["retried"]) == (0, 1)
        assert host.look("customer:lead-2").next_attempt_at is not None
        assert host.look("invoice:inv-1").next_attempt_at is None

    def test_what_asks_a_question_is_left_out_and_told(self, host: FakeHost, cli: Cli) -> None:
        """--all answers no question about one record, and says so (rule 42)."""
        with host.runtime.database.write.begin() as db:
            db.execute(
                sa.update(records)
                .where(records.c.local_id == "lead-2")
                .values(error_code="ambiguous", error_cause=None)
            )
        told = cli("retry", "--all")
        assert (told.code, told.out) == (0, "0 records are tried again.\n")
        assert "acme: 1 record asks a question and was left out" in told.err

    def test_a_second_press_is_safe(self, host: FakeHost, cli: Cli) -> None:
        """Asking twice is as good as once: nothing is sent a second time (rule 25)."""
        cli("retry", "--all")
        assert cli("retry", "--all").out == "0 records are tried again.\n"
        assert len(host.books.customers) == len(
            {customer["name"] for customer in host.books.customers}
        )

    def test_a_record_is_named_by_the_host_s_id(self, host: FakeHost, cli: Cli) -> None:
        """--record takes kind and id, also the host's word for a customer."""
        told = cli("retry", "--record", "lead:lead-2")
        assert (told.code, told.out) == (0, "1 record is tried again.\n")
        assert host.look("customer:lead-2").next_attempt_at is not None

    @pytest.mark.parametrize(
        ("record", "words"),
        [
            ("invoice:nope", "acme: there is no invoice nope."),
            ("invoice:inv-1", "acme: invoice inv-1 is synced already."),
        ],
    )
    def test_what_cannot_be_tried_is_said(self, cli: Cli, record: str, words: str) -> None:
        """A record that is unknown or done gives a sentence and exit status 1; others still go."""
        told = cli("retry", "--record", record, "--record", "customer:lead-2")
        assert (told.code, told.out) == (1, "1 record is tried again.\n")
        assert told.err.strip() == words

    def test_a_disconnected_organization_is_left_alone(self, host: FakeHost, cli: Cli) -> None:
        """What a disconnect left behind is sent only from the settings page (rule 18)."""
        host.runtime.panel.connection_service.disconnect(ORG, PERSON)
        told = cli("retry", "--record", "customer:lead-2")
        assert (told.code, told.out) == (1, "0 records are tried again.\n")
        assert "acme: it is not connected to QuickBooks." in told.err

    def test_several_organizations_need_a_name(self, host: FakeHost, cli: Cli) -> None:
        """Ids may repeat: no record of another organization is touched (rule 12)."""
        host.connect("empty", org=OTHER)
        assert "--org ID" in cli("retry", "--record", "customer:lead-2").refused()
        assert cli("retry", "--org", "beta", "--record", "customer:lead-2").code == 1
        assert host.look("customer:lead-2").next_attempt_at is None

    @pytest.mark.parametrize(
        "arguments",
        [
            [],
            ["--all", "--record", "invoice:1"],
            ["--record", "estimate:1"],
            ["--record", "invoice"],
        ],
    )
    def test_what_to_retry_must_be_said(self, cli: Cli, arguments: list[str]) -> None:
        """Neither, both, or something that is no record is exit status 2 and changes nothing."""
        told = cli("retry", *arguments)
        assert (told.code, told.out) == (2, "")
        assert "Traceback" not in told.err


class TestSetup:
    """`dunahub-qbo generate-key` and `migrate`."""

    def test_the_key_is_usable(self, tmp_path: Path) -> None:
        """Only the key is printed, a new one each time."""
        first, second = (run("generate-key", folder=tmp_path) for _ in range(2))
        assert first.code == 0
        Fernet(first.out.strip())
        assert first.out != second.out

    def test_the_database_is_made_where_the_host_has_it(self, tmp_path: Path) -> None:
        """File and tables are made in the host's data folder, once."""
        first = run("migrate", "--json", "--data-dir", "var", folder=tmp_path)
        assert (first.code, first.json["changed"]) == (0, True)
        assert (tmp_path / "var" / "dunahub_qbo.sqlite3").exists()
        assert (
            run("migrate", "--json", "--data-dir", "var", folder=tmp_path).json["changed"] is False
        )
        status = run("status", "--json", "--data-dir", "var", folder=tmp_path)
        assert (status.code, status.json["organizations"]) == (0, [])
