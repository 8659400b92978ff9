"""What an operator is told when something is wrong: one line, exit status 2, no secret."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from dunahub_qbo_plugin.store.db.cipher import generate_key
from tests.support.cli import COMMAND, clean_environment, run, started, variables
from tests.support.host import make_host

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dunahub_qbo_plugin.testing import FakeHost

SECRET = "hunter2-canary"


@pytest.fixture
def host(tmp_path: Path) -> Iterator[FakeHost]:
    """Return an organization that is connected."""
    host = make_host(tmp_path)
    host.connect()
    yield host
    host.close()


def settings(**changes: str) -> dict[str, str]:
    """Return settings with one of them changed."""
    values = {"FERNET_KEYS": generate_key(), "CLIENT_SECRET": SECRET} | changes
    return {f"DUNAHUB_QBO_{name}": value for name, value in values.items()}


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        (
            {"ENVIRONMENT": "moon"},
            "DUNAHUB_QBO_ENVIRONMENT is 'moon'; it can be: production, sandbox",
        ),
        ({"DATABASE_URL": f"nothing-{SECRET}"}, "DUNAHUB_QBO_DATABASE_URL cannot be used"),
        ({"DATABASE_URL": f"oracle://u:{SECRET}@h/x"}, "DUNAHUB_QBO_DATABASE_URL cannot be used"),
        ({"DATABASE_URL": f"postgresql://u:p@h:{SECRET}/x"}, "it must be an SQLAlchemy address"),
        ({"API_URL": "ftp://example.com"}, "DUNAHUB_QBO_API_URL must start with https://"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_a_wrong_setting_is_named(tmp_path: Path, changes: dict[str, str], words: str) -> None:
    """The variable is named in one line on stderr, and no secret with it (rule 11)."""
    line = run("status", folder=tmp_path, env=settings(**changes)).refused()
    assert words in line
    assert SECRET not in line


@pytest.mark.parametrize("command", [["failed"], ["retry", "--all"], ["worker"]], ids=" ".join)
def test_no_command_goes_on_with_a_wrong_setting(tmp_path: Path, command: list[str]) -> None:
    """Every command that needs the settings refuses in the same way."""
    assert "'moon'" in run(*command, folder=tmp_path, env=settings(ENVIRONMENT="moon")).refused()


@pytest.mark.parametrize("command", [["status"], ["migrate"], ["worker"]], ids=" ".join)
def test_a_file_that_is_no_database_is_told(tmp_path: Path, command: list[str]) -> None:
    """The database that cannot be used is named, and why."""
    (tmp_path / "notes.txt").write_text("not a database, whatever its name is")
    env = settings(DATABASE_URL=f"sqlite:///{tmp_path / 'notes.txt'}")
    line = run(*command, folder=tmp_path, env=env).refused()
    assert f"the SQLite file {tmp_path / 'notes.txt'} cannot be used: " in line
    assert (tmp_path / "notes.txt").read_text().startswith("not a database")


def test_a_server_that_cannot_be_reached_is_told(tmp_path: Path) -> None:
    """Host and database are named, user and password are not."""
    pytest.importorskip("psycopg")
    env = settings(DATABASE_URL=f"postgresql+psycopg://operator:{SECRET}@127.0.0.1:1/crm")
    line = run("status", folder=tmp_path, env=env).refused()
    assert "the postgresql database crm on 127.0.0.1 cannot be used: " in line
    assert SECRET not in line
    assert "operator" not in line


@pytest.mark.parametrize("command", [["status"], ["retry", "--all"], ["worker"]], ids=" ".join)
def test_a_wrong_folder_is_told_and_left_empty(tmp_path: Path, command: list[str]) -> None:
    """Where there is no database none is made, and it is said how to point to the host's."""
    line = run(*command, folder=tmp_path, env=settings(FERNET_KEYS=generate_key())).refused()
    assert "there is no SQLite file" in line
    assert "--data-dir" in line
    assert list(tmp_path.iterdir()) == []


def test_a_database_without_tables_is_told(tmp_path: Path) -> None:
    """An older or empty database is to be brought up to date, not to be guessed at."""
    with closing(sqlite3.connect(tmp_path / "dunahub_qbo.sqlite3")) as db:
        db.execute("CREATE TABLE other (id)")
    assert "dunahub-qbo migrate" in run("status", folder=tmp_path).refused()
    assert run("migrate", folder=tmp_path).code == 0
    assert run("status", folder=tmp_path).code == 0


def test_a_database_of_a_newer_version_is_left_as_it_is(tmp_path: Path) -> None:
    """After a downgrade the tables are not touched."""
    run("migrate", folder=tmp_path)
    with closing(sqlite3.connect(tmp_path / "dunahub_qbo.sqlite3")) as db:
        db.execute("UPDATE qbo_alembic_version SET version_num = '9999'")
        db.commit()
    assert "up to date (schema 9999)" in run("migrate", folder=tmp_path).err  # it may be used
    with closing(sqlite3.connect(tmp_path / "dunahub_qbo.sqlite3")) as db:
        db.execute("UPDATE qbo_schema SET oldest_writer = '9999'")
        db.commit()
    assert "9999" in run("migrate", folder=tmp_path).refused()


@pytest.mark.parametrize(
    ("keys", "words"),
    [("", "there is no encryption key"), (SECRET, "an encryption key is not a Fernet key")],
)
def test_a_worker_without_a_key_does_not_start(tmp_path: Path, keys: str, words: str) -> None:
    """It is said with the command that makes a key, and the wrong one is not shown."""
    line = run("worker", folder=tmp_path, env=settings(FERNET_KEYS=keys)).refused()
    assert words in line
    assert "dunahub-qbo generate-key" in line
    assert SECRET not in line


def without(package: str) -> tuple[str, ...]:
    """Return a command line on a machine that does not have a package."""
    code = (
        f"import sys; sys.modules[{package!r}] = None; "
        "from dunahub_qbo_plugin.cli import main; main()"
    )
    return (sys.executable, "-c", code)


def test_without_typer_the_extra_is_named(tmp_path: Path) -> None:
    """The console script exists in a base install too, and says what to install."""
    told = run("status", folder=tmp_path, command=without("typer"))
    assert (told.code, told.out) == (2, "")
    assert 'pip install "dunahub-qbo-plugin[cli]"' in told.err
    assert "Traceback" not in told.err


@pytest.mark.parametrize(
    ("package", "command"), [("flask", ["demo", "--once"]), ("cheroot", ["emulator"])]
)
def test_without_flask_the_extra_is_named(tmp_path: Path, package: str, command: list[str]) -> None:
    """Demo and emulator say which extra they need."""
    told = run(*command, folder=tmp_path, command=without(package))
    assert 'pip install "dunahub-qbo-plugin[cli,demo]"' in told.refused()


def test_the_plugin_needs_none_of_it(tmp_path: Path) -> None:
    """A host that loads the plugin imports neither command line, demo nor emulator."""
    code = (
        "import sys\n"
        "import dunahub_qbo_plugin.plugin, dunahub_qbo_plugin.runtime\n"
        "heavy = ('typer', 'click', 'rich', 'flask', 'werkzeug', 'cheroot', 'procrastinate',"
        " 'psycopg', 'dunahub_qbo_plugin.cli', 'dunahub_qbo_plugin.demo',"
        " 'dunahub_qbo_plugin.emulator')\n"
        "print([name for name in heavy if name in sys.modules])"
    )
    told = run(folder=tmp_path, command=(sys.executable, "-c", code))
    assert (told.code, told.out.strip()) == (0, "[]"), told.err


def test_a_reader_that_goes_away_is_no_trouble_of_the_database(host: FakeHost) -> None:
    """`dunahub-qbo status | head` ends without a word when nobody reads on."""
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "wb") as nobody:
        done = subprocess.run(  # noqa: S603  our own command
            [*COMMAND, "status"],
            env=clean_environment(variables(host.config)),
            stdout=nobody,
            stderr=subprocess.PIPE,
            text=True,
            timeout=60,
            check=False,
        )
    assert (done.returncode, done.stderr) == (1, "")


def test_a_reader_that_goes_away_is_no_trouble_of_the_demo(tmp_path: Path) -> None:
    """`dunahub-qbo demo --once | head` does not say that the demo could not start."""
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "wb") as nobody:
        done = subprocess.run(  # noqa: S603  our own command
            [*COMMAND, "demo", "--once"],
            cwd=tmp_path,
            env=clean_environment({}),
            stdout=nobody,
            stderr=subprocess.PIPE,
            text=True,
            timeout=60,
            check=False,
        )
    assert (done.returncode, done.stderr) == (1, "")


def test_a_full_disk_behind_stdout_is_told(host: FakeHost) -> None:
    """`dunahub-qbo status > file` blames the file that cannot be written, not the database."""
    full = Path("/dev/full")
    if not full.exists():
        pytest.skip("this system has no device that is always full")
    with full.open("w") as out:
        done = subprocess.run(  # noqa: S603  our own command
            [*COMMAND, "status", "--json"],
            env=clean_environment(variables(host.config)),
            stdout=out,
            stderr=subprocess.PIPE,
            text=True,
            timeout=60,
            check=False,
        )
    line = "dunahub-qbo: the output cannot be written: No space left on device.\n"
    assert (done.returncode, done.stderr) == (2, line)


@pytest.mark.parametrize("url", ["http://127.0.0.1:1", "http://127.0.0.1:99999"])
def test_an_emulator_that_is_not_there_is_told(tmp_path: Path, url: str) -> None:
    """The demo names the address in one line, and ends: no thread of its CRM keeps it."""
    line = run("demo", "--once", "--emulator-url", url, folder=tmp_path).refused()
    assert f"its emulator ({url}) does not answer as one" in line


def test_an_address_that_is_no_emulator_is_told(tmp_path: Path) -> None:
    """The same for another server, such as the demo's own CRM."""
    with started("demo", "--no-story", folder=tmp_path) as other:
        assert other.stdout is not None
        url = next(line.split()[-1] for line in other.stdout if "The CRM" in line)
        line = run("demo", "--once", "--emulator-url", url, folder=tmp_path).refused()
    assert f"its emulator ({url}) does not answer as one" in line


def test_a_second_interrupt_tells_no_traceback(tmp_path: Path) -> None:
    """Ctrl-C while the interpreter waits for the last threads ends it at once, without a word."""
    code = (
        "import os, signal, sys, threading\n"
        "def late():\n"
        "    threading.main_thread().join()\n"
        "    os.kill(os.getpid(), signal.SIGINT)\n"
        "    threading.Event().wait(5)\n"
        "threading.Thread(target=late).start()\n"
        "from dunahub_qbo_plugin.cli import main; main()"
    )
    told = run("--version", folder=tmp_path, command=(sys.executable, "-c", code))
    assert (told.code, told.err) == (-signal.SIGINT, "")


@pytest.mark.parametrize(
    ("command", "words"),
    [(("demo", "--no-story"), "stops both"), (("emulator", "--port", "0"), "stops it")],
    ids=["demo", "emulator"],
)
def test_an_impatient_second_interrupt_ends_it(
    tmp_path: Path, command: tuple[str, ...], words: str
) -> None:
    """Ctrl-C twice in a row leaves no process behind that waits for threads nobody stops."""
    with started(*command, folder=tmp_path) as demo:
        assert demo.stdout is not None
        assert any(f"Ctrl-C {words}" in line for line in demo.stdout)
        demo.send_signal(signal.SIGINT)
        demo.stdout.readline()  # it has begun to stop
        demo.send_signal(signal.SIGINT)
        _, err = demo.communicate(timeout=60)
    assert demo.returncode in {0, -signal.SIGINT}
    assert "Traceback" not in err


def test_the_emulator_says_what_a_newcomer_misses(tmp_path: Path) -> None:
    """Without a callback's address it names the option; with a proxy, the variable to set."""
    told = {}
    for name, more in {"bare": (), "whole": ("--redirect-uri", "http://127.0.0.1:1/x")}.items():
        proxy = {"HTTP_PROXY": "http://proxy.example:3128" if name == "bare" else ""}
        with started("emulator", "--port", "0", *more, folder=tmp_path, env=proxy) as process:
            assert process.stdout is not None
            assert "QuickBooks and its books" in process.stdout.readline()
            process.terminate()
            told[name] = process.communicate(timeout=60)[1]
    assert "--redirect-uri http://127.0.0.1:8000/settings/quickbooks/callback" in told["bare"]
    assert "export NO_PROXY=127.0.0.1" in told["bare"]
    assert told["whole"] == ""
