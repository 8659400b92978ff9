"""A database that a newer version of the plugin has brought up to date."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from dunahub_hookspecs import SettingsRequest
from dunahub_qbo_plugin.plugin import QuickBooksPlugin
from dunahub_qbo_plugin.store.db.database import VERSION_TABLE
from dunahub_qbo_plugin.store.tables import records, schema_mark
from dunahub_qbo_plugin.testing import ORG, PERSON, FakeHost, make_lead
from tests.support.host import make_host

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

NEWER = "9999"


def upgraded(host: FakeHost, *, oldest_writer: str) -> None:
    """Have the office's database be one of a newer version."""
    with host.runtime.database.write.begin() as db:
        db.execute(sa.text(f"UPDATE {VERSION_TABLE} SET version_num = :new"), {"new": NEWER})  # noqa: S608  a constant
        db.execute(sa.update(schema_mark).values(oldest_writer=oldest_writer))
        if oldest_writer != NEWER:  # such a version has added something that may be empty
            db.execute(sa.text("ALTER TABLE qbo_record ADD COLUMN newer VARCHAR"))


@pytest.fixture
def host(tmp_path: Path, store_url: str | None) -> Iterator[FakeHost]:
    """Return a connected host on either database, which is then as the next test expects it."""
    made = make_host(tmp_path, database_url=store_url)
    made.connect()
    yield made
    with made.runtime.database.write.begin() as db:
        if "newer" in {one["name"] for one in sa.inspect(db).get_columns(records.name)}:
            db.execute(sa.text("ALTER TABLE qbo_record DROP COLUMN newer"))
        db.execute(sa.text(f"UPDATE {VERSION_TABLE} SET version_num = '0003'"))  # noqa: S608
        db.execute(sa.update(schema_mark).values(oldest_writer="0003"))
    made.close()


def test_what_a_newer_version_added_is_no_obstacle(host: FakeHost) -> None:
    """After a downgrade from an additive schema everything is recorded and sent."""
    upgraded(host, oldest_writer="0003")
    plugin = QuickBooksPlugin(host.config)
    plugin.on_lead_saved(ORG, make_lead(), None)
    plugin.runtime().intake.flush()
    assert plugin.runtime().intake.waiting == 0
    plugin.on_shutdown()
    assert host.send() == 1


def test_where_nothing_can_be_recorded_everybody_is_told(
    host: FakeHost, caplog: pytest.LogCaptureFixture
) -> None:
    """Page, log and the end of the process say so, and which record is lost."""
    upgraded(host, oldest_writer=NEWER)
    plugin = QuickBooksPlugin(host.config)
    plugin.on_lead_saved(ORG, make_lead("lost-1"), None)
    request = SettingsRequest(person=PERSON, page_url="/p", action_url="/a/")
    shown = plugin.on_settings_render(ORG, request)
    assert shown is not None
    assert "Nothing is being recorded" in shown.html
    with caplog.at_level(logging.WARNING):
        plugin.on_shutdown()
    assert "Nothing is being recorded" in caplog.text
    assert "customer:lost-1 of organization acme was not stored and is lost" in caplog.text
    with host.runtime.database.read.connect() as db:
        assert db.execute(sa.select(records.c.id)).first() is None
