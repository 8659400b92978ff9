"""Every test of the suite runs with marked secrets; here each place where one could come out does.

`tests/support/canaries.py` has the marks and the net, `tests/conftest.py` the check after each
test (rule 11).
"""

from __future__ import annotations

import logging
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from dunahub_hookspecs import Redirect
from dunahub_qbo_plugin.errors import NotConnected
from dunahub_qbo_plugin.panel.problems import Problem
from dunahub_qbo_plugin.panel.templating import Templates
from dunahub_qbo_plugin.store.db.cipher import generate_key
from dunahub_qbo_plugin.testing import FakeHost, make_invoice, make_payment
from tests.support.canaries import MARK, SECRETS
from tests.support.host import make_host

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.canaries import Net


def test_every_secret_is_marked(fake_host: FakeHost) -> None:
    """Tokens, codes, states, keys, the app's secret and company ids can all be recognized."""
    asked = fake_host.press("connect")
    assert isinstance(asked, Redirect)
    assert f"state={MARK}" in asked.url
    assert "code=XAB11" in (back := fake_host.qbo.approve(asked.url))
    assert MARK in back.partition("code=")[2].partition("&")[0]
    fake_host.connect()
    config = fake_host.plugin.runtime().config
    desk = fake_host.qbo.emulator.world.tokens
    for secret in (
        *desk._access,
        *desk._refresh,
        *config.fernet_keys,
        config.client_secret,
        *fake_host.qbo.emulator.world.companies,
        generate_key(),
    ):
        assert any(known in secret for known in SECRETS), secret


def test_the_net_hangs_where_things_come_out(
    fake_host: FakeHost, secret_net: Net, tmp_path: Path
) -> None:
    """In a usual day pages, addresses, logs and errors are looked at, and nothing is found."""
    secret_net.looked.clear()
    fake_host.connect()
    bill = make_invoice()
    fake_host.save(bill, make_payment(bill))
    fake_host.qbo.trouble("fail status=401 times=2")
    fake_host.settle()
    fake_host.page()
    secret_net.look_through(tmp_path)
    assert secret_net.looked >= {"page", "address", "log", "error", "file"}
    assert secret_net.take() == []


def _a_log(secret: str, _: Path) -> None:
    logging.getLogger("dunahub_qbo_plugin.qbo.client").debug("sent with %s", secret)


def _a_traceback(secret: str, _: Path) -> None:
    try:
        int(secret + "!")
    except ValueError:
        logging.getLogger("dunahub_qbo_plugin.plugin").exception("a hook failed")


def _an_error(secret: str, _: Path) -> None:
    NotConnected(f"no company {secret}")


def _a_page(secret: str, _: Path) -> None:
    Templates().render("problem.html", {"problem": Problem(sentence=secret), "flash": None})


def _an_address(secret: str, _: Path) -> None:
    Redirect(url=f"https://crm.example/settings/quickbooks?token={secret}")


def _a_file(secret: str, folder: Path) -> None:
    (folder / "deep").mkdir()
    (folder / "deep" / "x.sqlite3-wal").write_bytes(b"\x00\xff" + secret.encode() + b"\x00")


def _output(secret: str, _: Path) -> None:
    subprocess.run([sys.executable, "-c", f"print('{secret}')"], check=True, capture_output=True)  # noqa: S603  our own


@pytest.mark.parametrize(
    ("leak", "place"),
    [
        (_a_log, "log dunahub_qbo_plugin.qbo.client"),
        (_a_traceback, "log dunahub_qbo_plugin.plugin"),
        (_an_error, "error NotConnected"),
        (_a_page, "page problem.html"),
        (_an_address, "address"),
        (_a_file, "file x.sqlite3-wal"),
        (_output, "output of"),
    ],
)
@pytest.mark.parametrize("kind", ["token", "company"])
def test_a_leak_fails_the_test_that_made_it(
    leak: object, place: str, kind: str, secret_net: Net, tmp_path: Path
) -> None:
    """Whatever lets a secret out is named; without the last line this very test would fail."""
    assert callable(leak)
    leak({"token": generate_key(), "company": "9341454838118701"}[kind], tmp_path)
    secret_net.look_through(tmp_path)
    found = secret_net.take()
    assert any(one.startswith(place) for one in found), found
    for path in tmp_path.rglob("*.sqlite3-wal"):
        path.unlink()


def test_a_leak_into_postgresql_is_found(
    postgres_url: str, secret_net: Net, tmp_path: Path
) -> None:
    """Rows of every table are looked at, where nothing is in the clear after a connect."""
    host = make_host(tmp_path, database_url=postgres_url)
    host.connect()
    secret_net.look_at_database(postgres_url)
    assert "table" in secret_net.looked
    assert secret_net.take() == []
    with host.runtime.database.write.begin() as db:
        db.execute(
            sa.text("UPDATE qbo_connection SET pause_text = company_name || :s"), {"s": MARK}
        )
    secret_net.look_at_database(postgres_url)
    (found,) = secret_net.take()
    assert found.startswith("table public.qbo_connection")
    with host.runtime.database.write.begin() as db:
        db.execute(sa.text("UPDATE qbo_connection SET pause_text = NULL"))
    host.close()
