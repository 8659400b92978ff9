"""`rotate-keys`, `support-file`, `forget-org` and `record`, as an operator runs them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import attrs
import pytest
import sqlalchemy as sa

from dunahub_qbo_plugin.engine.queue import Queue, QueueBell
from dunahub_qbo_plugin.errors import ConfigurationError
from dunahub_qbo_plugin.store.companies.connections import Connections
from dunahub_qbo_plugin.store.companies.forget import forget, of_no_organization
from dunahub_qbo_plugin.store.companies.rekey import rekey
from dunahub_qbo_plugin.store.db.cipher import Cipher, generate_key
from dunahub_qbo_plugin.store.tables import connections, metadata
from dunahub_qbo_plugin.testing import ORG, FakeHost, make_invoice, make_lead, make_payment
from dunahub_qbo_plugin.testing.exchanges import load, save
from tests.support.cli import run, variables
from tests.support.host import CONTRACTOR, EMPTY, connection_of, make_host, rows_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from dunahub_qbo_plugin.store.companies.connection import Connection

BETA = attrs.evolve(ORG, id="beta", name="Beta Roofing")
CANARY = "Xanthippe Canary"


@pytest.fixture
def host(tmp_path: Path) -> Iterator[FakeHost]:
    """Return two organizations with records, one of which failed."""
    host = make_host(tmp_path)
    host.connect()
    host.connect("empty", org=BETA)
    person = make_lead(name=CANARY, email="canary@customer.example")
    host.save(
        make_invoice("inv-1", lead=person),
        make_payment(),
        make_lead("lead-2", name=CANARY, email=""),
    )
    host.save(make_lead("lead-9"), org=BETA)
    host.send()
    host.send(org=BETA)
    yield host
    host.close()


def sealed(host: FakeHost) -> list[str]:
    """Return everything that is encrypted."""
    columns = [column for column in connections.c if column.name.endswith("_enc")]
    with host.runtime.database.read.connect() as db:
        return [value for row in db.execute(sa.select(*columns)) for value in row if value]


def opens(key: str, text: str) -> bool:
    """Return whether one key opens it."""
    try:
        Cipher((key,)).decrypt(text)
    except ConfigurationError:
        return False
    return True


def every_company(host: FakeHost) -> list[Connection]:
    """Return every company there is, current or not."""
    with host.runtime.database.read.connect() as db:
        return list(host.runtime.connections.all(db))


def rows_by_company(host: FakeHost, queue: str) -> dict[str, list[str]]:
    """Return the text of every row that bears a company's id or an organization's, by table."""
    tables = [table.name for table in metadata.sorted_tables]
    with host.runtime.database.read.connect() as db:
        return {
            table: [
                *db.execute(sa.text(f"SELECT t::text FROM {table} t ORDER BY t::text")).scalars()  # noqa: S608  our own names
            ]
            for table in (*tables, f"{queue}.procrastinate_jobs")
        }


class TestRotateKeys:
    """`dunahub-qbo rotate-keys`."""

    def test_everything_gets_the_newest_key(self, host: FakeHost, tmp_path: Path) -> None:
        """Afterwards the new key alone opens everything, and the old one nothing; twice is fine."""
        new = generate_key()
        env = variables(attrs.evolve(host.config, fernet_keys=(new, host.config.fernet_keys[0])))
        first = run("rotate-keys", folder=tmp_path, env=env)
        assert (first.code, first.out) == (
            0,
            "Re-encrypted: 2; already had the newest key: 0.\n",
        )
        assert "2 of 2 done." in first.err
        assert all(
            opens(new, text) and not opens(host.config.fernet_keys[0], text)
            for text in sealed(host)
        )
        again = run("rotate-keys", "--json", folder=tmp_path, env=env)
        assert again.json == {"companies": 2, "changed": 0, "unreadable": [], "log_is_empty": True}

    def test_it_goes_on_where_it_was_broken_off(self, host: FakeHost) -> None:
        """Broken off after one company, the next run does the other; both keys work meanwhile."""
        both = Cipher((generate_key(), host.config.fernet_keys[0]))

        def break_off(done: int, companies: int) -> None:
            assert (done, companies) == (1, 2)
            raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            rekey(host.runtime.database, both, progress=break_off)
        assert sum(both.is_newest(text) for text in sealed(host)) == 3
        with host.runtime.database.read.connect() as db:
            for org in (ORG, BETA):
                known = Connections(both)
                current = known.current(db, org.id)
                assert current is not None
                assert known.tokens(db, current.id) is not None
        assert rekey(host.runtime.database, both).changed == 1
        assert all(both.is_newest(text) for text in sealed(host))

    def test_postgresql_gets_the_newest_key_too(self, tmp_path: Path, postgres_url: str) -> None:
        """On PostgreSQL as on SQLite, each company's row being held while it is changed."""
        host = make_host(tmp_path, database_url=postgres_url)
        host.connect()
        new = generate_key()
        env = variables(attrs.evolve(host.config, fernet_keys=(new, host.config.fernet_keys[0])))
        ran = run("rotate-keys", "--json", folder=tmp_path, env=env)
        assert ran.json == {"companies": 1, "changed": 1, "unreadable": [], "log_is_empty": True}
        texts = sealed(host)
        assert len(texts) == 3
        assert all(
            opens(new, text) and not opens(host.config.fernet_keys[0], text) for text in texts
        )
        host.close()

    def test_what_no_key_opens_is_named(self, host: FakeHost, tmp_path: Path) -> None:
        """With a lost key the organizations are named and nothing is changed (rule 11)."""
        before = sealed(host)
        env = variables(attrs.evolve(host.config, fernet_keys=(generate_key(),)))
        ran = run("rotate-keys", folder=tmp_path, env=env)
        assert ran.code == 1
        assert "acme: none of the keys opens it" in ran.err
        assert "beta: none of the keys opens it" in ran.err
        assert sealed(host) == before

    def test_without_a_key_it_says_what_to_do(self, host: FakeHost, tmp_path: Path) -> None:
        """A missing key is one line with the command that makes one."""
        env = variables(host.config) | {"DUNAHUB_QBO_FERNET_KEYS": ""}
        assert "dunahub-qbo generate-key" in run("rotate-keys", folder=tmp_path, env=env).refused()


class TestSupportFile:
    """`dunahub-qbo support-file`."""

    def test_it_tells_what_happened_and_nobodys_data(self, host: FakeHost, tmp_path: Path) -> None:
        """Codes, times and texts are in it; no name, address, amount, token or id is (rule 11)."""
        file = tmp_path / "support.json"
        ran = run(
            *("support-file", "--org", "acme", "--record", "lead:lead-2", "--output", str(file)),
            folder=tmp_path,
            env=variables(host.config),
        )
        assert (ran.code, ran.out) == (0, "")
        told = json.loads(file.read_text(encoding="utf-8"))
        assert told["state"] == "Needs attention"
        assert told["error"]["code"] == "6240"
        assert told["error"]["intuit_tid"].startswith("1-")
        assert told["record"]["shape"]["name"] == "16 characters"
        assert [entry["event"] for entry in told["history"]] == ["rejected"]
        text = file.read_text(encoding="utf-8").casefold()
        tokens = host.qbo.emulator.world.tokens
        secrets = [host.config.fernet_keys[0], *tokens._access, *tokens._refresh]
        private = [CANARY, "Xanthippe", "canary", "512", "Oak St", "Austin", "Blue Ridge", "dana"]
        for planted in (*private, "9341454838118701", *secrets):
            assert str(planted).casefold() not in text, planted

    def test_it_tells_no_amount(self, host: FakeHost, tmp_path: Path) -> None:
        """Whatever QuickBooks says of money is hidden as names are."""
        detail = "Balance 1,234.56 is below $99; of 2389.00 only -14.74 is left"
        host.qbo.trouble(f'fail status=400 code=6000 entity=customer detail="{detail}"')
        host.save(make_lead("lead-5", name=CANARY + " Junior"))
        host.send()
        ran = run(
            *("support-file", "--org", "acme", "--record", "lead:lead-5"),
            folder=tmp_path,
            env=variables(host.config),
        )
        said = ran.json["error"]["text"]
        assert "is below" in said
        assert not [figure for figure in ("1,234", "99", "2389", "14.74") if figure in said]

    def test_an_unknown_record_is_told(self, host: FakeHost, tmp_path: Path) -> None:
        """A record that is not there is a line and exit status 1."""
        ran = run(
            *("support-file", "--org", "acme", "--record", "invoice:none"),
            folder=tmp_path,
            env=variables(host.config),
        )
        assert (ran.code, ran.out) == (1, "")
        assert "has no invoice none" in ran.err


class TestForgetOrg:
    """`dunahub-qbo forget-org`."""

    def test_everything_of_one_organization_goes(self, host: FakeHost, tmp_path: Path) -> None:
        """Not a byte of it is left in the file, and the other organization is as it was."""
        kept = [row for row in rows_of(host) if row.org_id == BETA.id]
        ran = run(
            "forget-org", "--org", "acme", "--yes", folder=tmp_path, env=variables(host.config)
        )
        assert ran.code == 0, ran
        assert "of organization 'acme' deleted" in ran.out
        assert rows_of(host) == kept
        with host.runtime.database.read.connect() as db:
            assert host.runtime.connections.current(db, ORG.id) is None
            assert host.runtime.connections.current(db, BETA.id) is not None
        host.runtime.database.close()
        left = b"".join(path.read_bytes() for path in tmp_path.glob("dunahub_qbo.sqlite3*"))
        assert CANARY.encode() not in left
        assert b"canary@customer.example" not in left
        again = run(
            "forget-org", "--org", "acme", "--yes", folder=tmp_path, env=variables(host.config)
        )
        assert again.code == 1
        assert "nothing is stored of an organization 'acme'" in again.err

    def test_nothing_is_left_in_postgresql_and_its_queue(
        self, tmp_path: Path, postgres_url: str
    ) -> None:
        """Every table and the queue of jobs lose what is the organization's, and nothing else."""
        host = make_host(tmp_path, database_url=postgres_url)
        queue = Queue.of(host.config)
        queue.prepare()
        bell = QueueBell(queue)
        for org, realm in ((ORG, CONTRACTOR), (BETA, EMPTY)):
            host.connect(realm, org=org)
            host.save(make_invoice(lead=make_lead(name=CANARY)), make_payment(), org=org)
            host.send(org=org)
            connection_of(host, org=org)
        host.connect("automated_tax")  # a second company of the same organization
        ids = {one.id: one.org_id for one in every_company(host)}
        assert bell.ring(ids) == len(ids) == 3
        before = rows_by_company(host, queue.schema)
        env = variables(host.config)
        ran = run("forget-org", "--org", "acme", "--yes", "--json", folder=tmp_path, env=env)
        assert ran.code == 0, ran
        assert ran.json["deleted"]["queue"] == 2
        assert {"qbo_record", "qbo_history", "qbo_connection"} < set(ran.json["deleted"])
        assert rows_by_company(host, queue.schema) == {
            table: [row for row in rows if any(id_ in row for id_ in ids if ids[id_] == BETA.id)]
            for table, rows in before.items()
            if table not in of_no_organization()
        } | {table: before[table] for table in of_no_organization()}
        again = run("forget-org", "--org", "acme", "--yes", folder=tmp_path, env=env)
        assert again.code == 1
        bell.close()
        host.close()

    def test_it_asks_first(self, host: FakeHost, tmp_path: Path) -> None:
        """Without a yes nothing is deleted."""
        before = rows_of(host)
        ran = run("forget-org", "--org", "acme", folder=tmp_path, env=variables(host.config))
        assert ran.code == 1
        assert rows_of(host) == before

    def test_a_hook_afterwards_stores_nothing(self, host: FakeHost) -> None:
        """An organization that was forgotten is one that never connected (rule 18)."""
        forget(host.runtime.database, ORG.id)
        host.save(make_lead())
        host.runtime.intake.flush()
        assert [row.org_id for row in rows_of(host)] == [BETA.id]

    def test_every_table_is_somebodys(self) -> None:
        """A table that is added later is found by its columns, or this test says so."""
        # What each process counts, what Intuit told, and which versions may write.
        assert of_no_organization() == ["qbo_condition", "qbo_event", "qbo_meter", "qbo_schema"]
        assert len(metadata.sorted_tables) >= 7


def test_access_is_given_back_when_an_organization_is_forgotten(
    host: FakeHost, tmp_path: Path
) -> None:
    """Tokens are revoked at Intuit before they are deleted (rule 17)."""
    with host.qbo.emulator.serve() as running:
        config = attrs.evolve(
            host.config,
            api_url=running.url,
            discovery_url=f"{running.url}/.well-known/openid_configuration",
        )
        env = variables(config) | {"NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1"}
        ran = run("forget-org", "--org", "beta", "--yes", folder=tmp_path, env=env)
    assert "revoked at Intuit" in ran.out, ran
    paths = [entry.path for entry in host.qbo.emulator.world.journal.entries()]
    assert paths[-1] == "/v2/oauth2/tokens/revoke"


def test_record_fills_in_what_is_given(tmp_path: Path) -> None:
    """From title and given alone, request, response, meaning and source are recorded."""
    folder = tmp_path / "mine"
    whole = load()["customer/create"]
    (folder / "customer").mkdir(parents=True)
    bare = {"title": whole.title, "given": dict(whole.given)}
    (folder / "customer" / "create.json").write_text(json.dumps(bare), encoding="utf-8")
    ran = run("record", "--folder", str(folder), folder=tmp_path)
    assert ran.code == 0, ran
    made = load(folder)["customer/create"]
    assert (made.request, made.response) == (whole.request, whole.response)
    assert made.source["against"] == "emulator"
    unknown = run("record", "customer/none", "--folder", str(folder), folder=tmp_path)
    assert (unknown.code, unknown.out) == (1, "")


def test_record_keeps_nobodys_data(tmp_path: Path) -> None:
    """What cannot be taken out by itself, such as a street, is told and not written."""
    folder = tmp_path / "mine"
    whole = load()["customer/create"]
    given = json.loads(json.dumps(whole.given, default=str).replace("12 Oak St", "9 Elm Street"))
    (folder / "customer").mkdir(parents=True)
    file = folder / "customer" / "create.json"
    file.write_text(json.dumps({"title": whole.title, "given": given}), encoding="utf-8")
    before = file.read_bytes()
    ran = run("record", "--folder", str(folder), folder=tmp_path)
    assert (ran.code, ran.out) == (1, f"0 of 1 recorded into {folder}.\n")
    assert "customer/create: not kept, since there is a street in .given.record.value" in ran.err
    assert file.read_bytes() == before


def test_record_works_in_a_sandbox_again_and_again(host: FakeHost, tmp_path: Path) -> None:
    """Over HTTP, in a company that remembers: each time the same comes of each exchange."""
    with host.runtime.database.write.begin() as db:
        db.execute(sa.update(connections).values(environment="sandbox"))
    names = (
        "customer/update",
        "customer/look-up",
        "invoice/update",
        "invoice/void",
        "payment/create",
    )
    with host.qbo.emulator.serve() as running:
        config = attrs.evolve(
            host.config,
            api_url=running.url,
            discovery_url=f"{running.url}/.well-known/openid_configuration",
        )
        env = variables(config) | {"NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1"}
        for time in ("first", "second"):
            folder = tmp_path / time
            for name in names:
                save(load()[name], folder)
            for name in ("customer/create", "invoice/create"):  # what the others build on
                save(load()[name], folder)
            ran = run(
                "record", *names, "--org", "acme", "--folder", str(folder), folder=tmp_path, env=env
            )
            assert ran.code == 0, ran
            made = load(folder)
            for name in names:
                assert made[name].response["status"] == 200, name
                assert made[name].source["against"] == "sandbox"
                assert made[name].request["query"] == load()[name].request["query"]
    assert "Sarah Mitchell" in str(made["customer/update"].response["body"])


def test_record_makes_nothing_in_real_books(host: FakeHost, tmp_path: Path) -> None:
    """Against anything but Intuit's sandbox it refuses before it asks for a token."""
    before = len(host.qbo.emulator.world.journal.entries())
    ran = run("record", "--org", "acme", folder=tmp_path, env=variables(host.config))
    assert "not connected to a company of Intuit's sandbox" in ran.refused()
    assert len(host.qbo.emulator.world.journal.entries()) == before
