"""The demo as a whole: story, JSON, kept folder, and a kill at the worst moment."""

from __future__ import annotations

import io
import json
import os
import stat
import subprocess
import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import attrs
import httpx
import pytest

from dunahub_qbo_plugin.demo.kept_world import KeptWorldError, WorldFile
from dunahub_qbo_plugin.demo.launch import Demo, run_demo, running
from dunahub_qbo_plugin.demo.narrator import Narrator
from dunahub_qbo_plugin.demo.person import Person, StoryError
from dunahub_qbo_plugin.demo.trouble import TROUBLES, EmulatorAdmin
from dunahub_qbo_plugin.emulator.api.api_messages import ApiRequest
from dunahub_qbo_plugin.emulator.server.serve import serve
from dunahub_qbo_plugin.emulator.world.directory import DEFAULT_CLIENT_SECRET
from dunahub_qbo_plugin.emulator.world.world import SEEDS, World

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from dunahub_qbo_plugin.demo.pages import Page

REALM = SEEDS["contractor"][0]
PATIENCE = 90.0
PROGRAM = """
import pathlib, sys
from dunahub_qbo_plugin.demo.launch import run_demo
run_demo(once=False, as_json=False, data_dir=pathlib.Path(sys.argv[1]), crm_port=0,
         emulator_port=0, out=sys.stdout, emulator_url=sys.argv[2] or None, story=False)
"""


def play(
    *, as_json: bool = True, data_dir: Path | None = None, emulator_url: str | None = None
) -> tuple[int, str]:
    """Play the story once; gives the exit status and what was printed."""
    out = io.StringIO()
    status = run_demo(
        once=True,
        as_json=as_json,
        data_dir=data_dir,
        crm_port=0,
        emulator_port=0,
        out=out,
        emulator_url=emulator_url,
    )
    return status, out.getvalue()


def test_the_story_in_words_tells_no_secret(tmp_path: Path) -> None:
    """The story names QuickBooks' numbers; no token or secret is printed, logged or on a page."""
    with serve(World.default()) as emulator:
        status, printed = play(as_json=False, data_dir=tmp_path, emulator_url=emulator.url)
        books = emulator.world.companies[REALM].books.books()
        tokens = emulator.world.tokens
        secrets = [*tokens._access, *tokens._refresh, *tokens._codes, DEFAULT_CLIENT_SECRET]
    assert status == 0
    assert "number 1001, total $2,389.00" in printed
    assert "balance $0.00" in printed
    assert "\x1b" not in printed, "no color where nobody watches"
    assert books["doubles"] == []
    log = (tmp_path / "demo.log").read_text(encoding="utf-8")
    assert len(secrets) > 3
    assert not [secret for secret in secrets if secret in printed or secret in log]


def test_a_terminal_without_arrows() -> None:
    """Where a terminal lacks a character, the story shows a question mark and goes on."""
    bytes_out = io.BytesIO()
    out = io.TextIOWrapper(bytes_out, encoding="ascii")
    Narrator(out).arrives("customer 4")
    assert bytes_out.getvalue() == b"    ? QuickBooks customer 4\n"


def test_a_story_that_cannot_go_on_says_why(tmp_path: Path) -> None:
    """When QuickBooks refuses to connect, the demo says where it stopped and exits with 1."""
    with serve(World.default()) as emulator:
        emulator.world.service.consent = "decline"
        status, printed = play(data_dir=tmp_path, emulator_url=emulator.url)
    assert status == 1
    assert set(json.loads(printed)) == {"error"}


def test_a_kept_folder_goes_on(tmp_path: Path) -> None:
    """With a kept folder the second run finds records, connection and books, and adds to them."""
    folder = tmp_path / "kept"
    assert play(data_dir=folder)[0] == 0
    first = {path.name: path.read_bytes() for path in folder.glob("*.key")}
    status, printed = play(data_dir=folder)
    result = json.loads(printed)
    assert status == 0
    assert {path.name: path.read_bytes() for path in folder.glob("*.key")} == first
    assert result["customer"]["local_id"] == "2", "the first story's lead is still there"
    assert not [one for one in result["requests"] if one["path"] == "/connect/oauth2"]
    with running(data_dir=folder) as demo:
        books = demo.emulator.books(REALM)
    assert books["totals"]["invoices"] == 4
    assert books["doubles"] == []


def test_files_with_secrets_are_the_users_alone(tmp_path: Path) -> None:
    """Keys and the emulator's tokens are readable by the user only."""
    with running(data_dir=tmp_path):
        for name in ("fernet.key", "session.key", "quickbooks.world"):
            assert stat.S_IMODE((tmp_path / name).stat().st_mode) == 0o600


def test_the_environment_is_left_as_it_was() -> None:
    """The plugin's settings are in the environment only while the demo runs."""
    before = dict(os.environ)
    with running():
        assert os.environ["DUNAHUB_QBO_REDIRECT_URI"].endswith("/settings/quickbooks/callback")
    assert dict(os.environ) == before


def test_an_accepted_create_is_kept_before_its_answer_leaves(tmp_path: Path) -> None:
    """The file holds what was accepted, and the key under which a repeat gets the same answer."""
    file = tmp_path / "quickbooks.world"
    create = ApiRequest(
        method="POST",
        path=("customer",),
        query={"requestid": "one"},
        body=b'{"DisplayName": "Sarah"}',
        content_type="application/json",
        accept="application/json",
    )
    world = WorldFile(file).open()
    with serve(world) as emulator:
        token = world.connect(realm=REALM).access_token
        answer = httpx.post(
            f"{emulator.url}/v3/company/{REALM}/customer?requestid=one&minorversion=75",
            content=create.body,
            headers={"Authorization": f"Bearer {token}", "Content-Type": "application/json"},
            trust_env=False,
        )
    assert answer.status_code == 200
    books = WorldFile(file).open().companies[REALM].books
    assert [one["name"] for one in books.books()["customers"]].count("Sarah") == 1
    assert books.handle(create).body == answer.content


def test_a_file_of_another_version_is_named(tmp_path: Path) -> None:
    """A kept file that cannot be read leads to a sentence that says what to do."""
    file = tmp_path / "quickbooks.world"
    file.write_bytes(b"nonsense")
    with pytest.raises(KeptWorldError, match="Remove it"):
        WorldFile(file).open()


@attrs.frozen(kw_only=True)
class Process:
    """A demo in a process of its own."""

    process: subprocess.Popen[str]
    crm_url: str
    books_url: str

    def kill(self) -> None:
        """Kill it at once, as a power cut would."""
        self.process.kill()
        self.process.wait()


@contextmanager
def demo_process(folder: Path, emulator_url: str = "") -> Iterator[Process]:
    """Run a demo that plays no story in a process of its own."""
    process = subprocess.Popen(  # noqa: S603  our own program
        [sys.executable, "-c", PROGRAM, str(folder), emulator_url],
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        found: dict[str, str] = {}
        while "QuickBooks' books" not in found:
            line = process.stdout.readline()
            assert line, "the demo did not start"
            what, _, url = line.strip().rpartition(" ")
            found[what.strip()] = url
        yield Process(
            process=process, crm_url=found["The CRM"], books_url=found["QuickBooks' books"]
        )
    finally:
        process.terminate()
        process.wait(30)
        if process.stdout is not None:
            process.stdout.close()


@contextmanager
def person_at(url: str) -> Iterator[Person]:
    """Put somebody at a browser."""
    person = Person(url, time.sleep, time.perf_counter)
    try:
        yield person
    finally:
        person.close()


def connect(person: Person) -> None:
    """Connect QuickBooks."""
    panel = person.open("/settings/quickbooks")
    assert (
        "Connected to" in person.press(person.press(panel, "Connect to QuickBooks"), "Connect").text
    )


def bill(person: Person) -> Page:
    """Make an invoice for a new lead."""
    lead = person.press(person.open("/leads/new"), "Save lead", name="Sarah Mitchell")
    form = person.open(lead.links["New invoice"])
    return person.press(
        form,
        "Create invoice",
        service=["gutter-cleaning"],
        description=[""],
        quantity=["1"],
        price=[""],
    )


@pytest.mark.thorough
@pytest.mark.parametrize("own_process", [True, False], ids=["CRM killed", "both killed"])
def test_a_kill_after_quickbooks_accepted(tmp_path: Path, *, own_process: bool) -> None:
    """Killed between "QuickBooks accepted" and "we noted it", one invoice is left (rule 10)."""
    folder = tmp_path / "kept"
    with serve(World.default()) as emulator:
        url = emulator.url if own_process else ""
        with demo_process(folder, url) as demo, person_at(demo.crm_url) as person:
            connect(person)
            admin = EmulatorAdmin(demo.books_url.removesuffix("/books"))
            late = {"kind": "late", "seconds": 600, "entity": "invoice"}
            httpx.post(f"{admin.url}/_admin/trouble", json=late, trust_env=False)
            bill(person)
            until = time.monotonic() + PATIENCE
            while "late" not in [seen["fate"] for seen in admin.requests()]:
                assert time.monotonic() < until, "QuickBooks was not asked"
            assert admin.books(REALM)["totals"]["invoices"] == 1, "QuickBooks has accepted it"
            assert person.state("invoice", "1") == "Waiting"
            demo.kill()
            admin.close()
        with demo_process(folder, url) as demo, person_at(demo.crm_url) as person:
            assert person.wait_for_card("invoice", "1", {"Synced"}, PATIENCE) == "Synced"
            admin = EmulatorAdmin(demo.books_url.removesuffix("/books"))
            books = admin.books(REALM)
            admin.close()
    assert books["totals"]["invoices"] == 1
    assert books["doubles"] == []


def wait_for_words(person: Person, kind: str, record_id: str, words: str) -> None:
    """Look at a record's card until it says something."""
    until = time.monotonic() + PATIENCE
    while words not in " ".join(said := person.card(kind, record_id).cards):
        assert time.monotonic() < until, f"the card says {said}"


def make_trouble(person: Person, name: str) -> None:
    """Press a switch of the demo bar."""
    label = next(trouble.label for trouble in TROUBLES if trouble.name == name)
    done = next(trouble.done for trouble in TROUBLES if trouble.name == name)
    assert done in person.press(person.open("/"), label).text


def synced(person: Person) -> bool:
    """Wait until the invoice has arrived."""
    return person.wait_for_card("invoice", "1", {"Synced"}, PATIENCE) == "Synced"


def answers(demo: Demo, method: str, path: str) -> list[tuple[int, str]]:
    """Return status and fate of the requests of a kind, as the emulator saw them."""
    return [
        (seen["status"], seen["fate"])
        for seen in demo.emulator.requests()
        if (seen["method"], seen["path"]) == (method, path)
    ]


@pytest.fixture
def connected() -> Iterator[tuple[Demo, Person]]:
    """Return a demo that is connected to QuickBooks, and somebody at its browser."""
    with running() as demo, person_at(demo.crm.base_url) as person:
        connect(person)
        yield demo, person


def test_switch_outage(connected: tuple[Demo, Person]) -> None:
    """While QuickBooks is down a record waits; when it works again the record goes out."""
    demo, person = connected
    make_trouble(person, "outage")
    bill(person)
    wait_for_words(person, "lead", "1", "tried again automatically")
    assert (503, "answered") in answers(demo, "POST", "/customer")
    assert person.state("invoice", "1") == "Waiting"
    assert (
        "QuickBooks works again." in person.press(person.open("/"), "QuickBooks works again").text
    )
    assert synced(person)


def test_switch_lost_answer(connected: tuple[Demo, Person]) -> None:
    """A create whose answer was lost is in the books once (rule 10)."""
    demo, person = connected
    make_trouble(person, "lose-answer")
    bill(person)
    assert synced(person)
    assert answers(demo, "POST", "/customer") == [(200, "lost"), (200, "answered")]
    assert demo.emulator.books(REALM)["totals"]["customers"] == 1


def test_switch_expired_token(connected: tuple[Demo, Person]) -> None:
    """An expired access token is renewed quietly (rule 16)."""
    demo, person = connected
    make_trouble(person, "expire-token")
    bill(person)
    assert synced(person)
    assert len(answers(demo, "POST", "/oauth2/v1/tokens/bearer")) == 2


def test_switch_revoked_grant(connected: tuple[Demo, Person]) -> None:
    """A revoked grant shows Token expired; what waits goes out after Reconnect (rule 16)."""
    _, person = connected
    make_trouble(person, "revoke-grant")
    bill(person)
    wait_for_words(person, "invoice", "1", "reconnected")
    panel = person.open("/settings/quickbooks")
    assert "Token expired" in panel.text
    person.press(person.press(panel, "Reconnect"), "Connect")
    assert synced(person)


def test_switch_ended_subscription(connected: tuple[Demo, Person]) -> None:
    """An ended subscription is named on the settings page; Retry sends when it is renewed."""
    _, person = connected
    make_trouble(person, "subscription-ended")
    bill(person)
    wait_for_words(person, "lead", "1", "It is tried again")
    assert "subscription has ended" in person.open("/settings/quickbooks").text
    person.press(person.open("/"), "QuickBooks works again")
    person.press(person.open("/settings/quickbooks"), "Retry")
    assert synced(person)


def test_without_an_emulator_the_switch_says_so() -> None:
    """A switch whose emulator is gone gives a sentence, not an error page."""
    with running() as demo, person_at(demo.crm.base_url) as person:
        gone = EmulatorAdmin("http://127.0.0.1:9")
        demo.crm.emulator = gone
        page = person.press(person.open("/"), "QuickBooks is down")
        gone.close()
    assert "The QuickBooks emulator did not do that" in page.text


def test_a_missing_button_is_named() -> None:
    """Somebody who looks for a button that is not there gets its name and the page's words."""
    with (
        running() as demo,
        person_at(demo.crm.base_url) as person,
        pytest.raises(StoryError, match="There is no button “Fly”"),
    ):
        person.press(person.open("/"), "Fly")
