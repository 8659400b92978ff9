"""Another user of the machine, a thief of a file, a spreadsheet, and pages of other sites."""

from __future__ import annotations

import csv
import io
import json
import os
import stat
from typing import TYPE_CHECKING

import httpx
import pytest

from dunahub_hookspecs import ActionRequest, Download, Redirect, Region
from dunahub_hookspecs.host import dispatch
from dunahub_qbo_plugin.config import Config
from dunahub_qbo_plugin.emulator import Emulator
from dunahub_qbo_plugin.errors import ConfigurationError
from dunahub_qbo_plugin.store.companies.rekey import rekey
from dunahub_qbo_plugin.store.db.cipher import Cipher, generate_key
from dunahub_qbo_plugin.store.db.database import Database
from dunahub_qbo_plugin.testing import ORG, PERSON, FakeHost, make_lead
from tests.support.cli import run, variables
from tests.support.host import make_host

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def host(tmp_path: Path) -> Iterator[FakeHost]:
    """Return a connected host."""
    made = make_host(tmp_path)
    made.connect()
    yield made
    made.close()


def test_the_database_is_its_owners_alone(tmp_path: Path) -> None:
    """Whatever the umask, the file, its log and the log's index are for one user."""
    before = os.umask(0o022)
    try:
        database = Database(f"sqlite:///{tmp_path / 'new' / 'qbo.sqlite3'}")
        database.prepare()
        with database.write.begin():
            modes = {
                path.name: stat.S_IMODE(path.stat().st_mode)
                for path in (tmp_path / "new").iterdir()
            }
        database.close()
    finally:
        os.umask(before)
    assert modes == dict.fromkeys(("qbo.sqlite3", "qbo.sqlite3-wal", "qbo.sqlite3-shm"), 0o600)


FORMULAS = (
    "=1+1",
    "\n=1+1",
    " =1+1",
    "\ufeff=1+1",
    "\u200b=1+1",
    "\u2066=1+1",
    "\u200d=1+1",
    "\uff1d1+1",
    "\uff0b1+1",
    "\uff0d1+1",
    "\uff20SUM(A1)",
    "\t@SUM(A1)",
    "\u2212(1)",
)


def test_no_cell_is_a_formula(host: FakeHost) -> None:
    """Whatever stands before it that is not seen, a formula is written as text."""
    host.press("disconnect")
    host.save(*(make_lead(f"l{at}", name="Al", company=text) for at, text in enumerate(FORMULAS)))
    host.save(make_lead("fine", name="Zo\u00eb O\u2019Neil", phone="+1 (512) 555-0100"))
    file = host.press("export-customers", method="GET")
    assert isinstance(file, Download)
    assert isinstance(file.body, bytes)
    rows = list(csv.DictReader(io.StringIO(file.body.decode("utf-8-sig"))))
    companies = [row["Company"] for row in rows if row["Name"] == "Al"]
    assert len(companies) == len(FORMULAS)
    assert all(one.startswith("'") and one[1:2].strip() for one in companies)
    (fine,) = (row for row in rows if row["Name"] != "Al")
    assert (fine["Name"], fine["Phone"]) == ("Zo\u00eb O\u2019Neil", "+1 (512) 555-0100")


def _log(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in folder.glob("*.sqlite3*"))


def _sealed(host: FakeHost) -> bytes:
    with host.runtime.database.read.connect() as db:
        found = db.exec_driver_sql("SELECT refresh_enc FROM qbo_connection").scalar_one()
    return found if isinstance(found, bytes) else str(found).encode()


def test_disconnecting_leaves_no_token_in_the_files(host: FakeHost, tmp_path: Path) -> None:
    """What was encrypted is neither in the database's pages nor in its log."""
    sealed = _sealed(host)
    assert sealed in _log(tmp_path)
    host.press("disconnect")
    assert sealed not in _log(tmp_path)


def test_a_reader_keeps_old_keys_in_the_log_and_that_is_said(
    host: FakeHost, tmp_path: Path
) -> None:
    """While somebody reads, the log cannot be emptied; once nobody does, it is."""
    sealed = _sealed(host)
    fresh = generate_key()
    cipher = Cipher((fresh, *host.config.fernet_keys))
    with host.runtime.database.read.connect() as reader:
        reader.exec_driver_sql("SELECT count(*) FROM qbo_record").scalar()
        assert not rekey(host.runtime.database, cipher).log_is_empty
        assert sealed in _log(tmp_path)
    assert rekey(host.runtime.database, cipher).log_is_empty
    assert sealed not in _log(tmp_path)


def test_a_support_file_is_its_owners_alone(host: FakeHost, tmp_path: Path) -> None:
    """Files of the command line are written for one user."""
    host.save(make_lead())
    target = tmp_path / "support.json"
    before = os.umask(0o022)
    try:
        ran = run(
            *("support-file", "--org", ORG.id, "--record", "customer:lead-1"),
            *("--output", str(target)),
            folder=tmp_path,
            env=variables(host.config),
        )
    finally:
        os.umask(before)
    assert ran.code == 0, ran
    assert json.loads(target.read_text())["record"]
    assert stat.S_IMODE(target.stat().st_mode) == 0o600


@pytest.mark.parametrize("made_up", ["customer:../../logout", "customer:nobody", "invoice://evil"])
def test_a_card_field_leads_to_a_record_of_ones_own_only(host: FakeHost, made_up: str) -> None:
    """An id that a person made up does not become a part of the host's addresses."""
    host.save(make_lead())

    def press(card: str) -> str:
        request = ActionRequest(
            org=ORG,
            person=PERSON,
            page_url="/settings/quickbooks",
            action_url="/settings/quickbooks",
            form={"key": "customer:lead-1", "card": card},
            record_url=lambda kind, record_id: f"/records/{kind}/{record_id}",
        )
        answer = dispatch(host.manager, "quickbooks", "retry", "POST", request)
        assert isinstance(answer, Redirect)
        return answer.url

    assert press(made_up).startswith("/settings/quickbooks?")
    assert press("customer:lead-1") == "/records/lead/lead-1"


@pytest.mark.parametrize(
    "address",
    [
        "http://quickbooks.api.intuit\u3002com",
        "http://quickbooks\uff0eapi\uff0eintuit\uff0ecom",
        "https://quickbooks.api.intuit.com\u2044x",
    ],
)
def test_an_address_of_other_letters_is_refused(address: str) -> None:
    """A full stop of another script is a plain one to those who send, and was none to the check."""
    with pytest.raises(ConfigurationError, match="DUNAHUB_QBO_API_URL"):
        Config.from_environ({"DUNAHUB_QBO_API_URL": address})


@pytest.mark.parametrize("text", ["U\u017f", "\uff35\uff33", "us\u200b", ""])
def test_a_region_of_other_letters_is_not_the_us(text: str) -> None:
    """What only becomes US by changing its case is another region."""
    assert Region(text) is Region.OTHER
    assert Region(" us ") is Region.US


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Host": "evil.example"},
        {"Host": "127.0.0.1.evil.example"},
    ],
)
def test_another_sites_page_resets_no_emulator(headers: dict[str, str]) -> None:
    """A browser that is on another site changes nothing in an emulator of this machine."""
    with Emulator().serve() as running, httpx.Client(base_url=running.url) as client:
        refused = client.post("/_admin/throttle", json={"per_minute": 1}, headers=headers)
        assert refused.status_code == 403
        assert client.post("/_admin/throttle", json={"per_minute": 7}).is_success
        own = {"Origin": running.url}
        assert client.post("/_admin/throttle", json={"per_minute": 8}, headers=own).is_success
