"""The queue's schema: made once, brought up to date, apart from everything else."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import attrs
import pytest
from procrastinate.schema import SchemaManager

from dunahub_qbo_plugin.config import Config, Worker
from dunahub_qbo_plugin.engine.queue import Queue, QueueBell
from dunahub_qbo_plugin.errors import ConfigurationError
from dunahub_qbo_plugin.store.db import queue_schema
from tests.support.queue import Look

if TYPE_CHECKING:
    from collections.abc import Iterator

NOTED = f"SELECT name FROM {queue_schema.VERSION_TABLE}"  # noqa: S608  a constant


@pytest.fixture
def queue(postgres_url: str) -> Queue:
    """Return a queue whose schema is not there yet."""
    return Queue(url=postgres_url, schema="qbo_engine", name="qbo")


@pytest.fixture
def bell(queue: Queue) -> Iterator[QueueBell]:
    """Return a bell of the queue."""
    made = QueueBell(queue)
    yield made
    made.close()


def test_many_workers_make_it_at_once(queue: Queue, bell: QueueBell, postgres_url: str) -> None:
    """Workers that start at the same time make the schema once, and it works."""
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: queue.prepare(), range(4)))
    assert bell.ring(["a", "b"]) == 2
    assert bell.ring(["b", "c"], tasks=True) == 2
    look = Look(postgres_url)
    assert sorted(one.queueing_lock for one in look.jobs()) == ["qbo:a", "qbo:b", "qbo:c"]
    assert len(look.jobs("qbo.tasks")) == 1
    assert len(look.rows(NOTED)) == 1


def test_a_newer_queue_brings_its_schema_up_to_date(queue: Queue, postgres_url: str) -> None:
    """Migrations that came since are run in order, once; those before are not run again."""
    queue.prepare()
    look = Look(postgres_url)
    newest = max(file.name for file in Path(SchemaManager.get_migrations_path()).glob("*.sql"))
    assert look.rows(NOTED) == [(newest,)]
    ours = [
        ("00.00.01_old.sql", "SELECT 1 / 0"),
        (newest, "SELECT 1 / 0"),
        ("98.00.00_01.sql", "CREATE TABLE probe (one int); CREATE INDEX ON probe (one);"),
        ("99.00.00_01.sql", "ALTER TABLE probe ADD COLUMN two int;"),
    ]
    for changed in (True, False):
        done = queue_schema.prepare(postgres_url, queue.schema, whole="", migrations=ours)
        assert done is changed
    assert look.rows("SELECT one, two FROM probe") == []
    queue.prepare()
    assert look.rows(NOTED) == [("99.00.00_01.sql",)]


def test_a_schema_and_a_queue_of_the_operators_choice(postgres_url: str) -> None:
    """Both names come from the environment, and must be plain ones."""
    environ = {
        "DUNAHUB_QBO_DATABASE_URL": postgres_url,
        "DUNAHUB_QBO_WORKER": "procrastinate",
        "DUNAHUB_QBO_QUEUE_SCHEMA": "acme_jobs",
        "DUNAHUB_QBO_QUEUE": "books",
    }
    config = Config.from_environ(environ)
    assert config.worker is Worker.PROCRASTINATE
    queue = Queue.of(config)
    assert (queue.url, queue.schema, queue.name) == (postgres_url, "acme_jobs", "books")
    elsewhere = attrs.evolve(config, queue_url="postgresql://direct/db")
    assert Queue.of(elsewhere).url == "postgresql://direct/db"
    with pytest.raises(ConfigurationError, match="DUNAHUB_QBO_QUEUE_SCHEMA"):
        Config.from_environ(environ | {"DUNAHUB_QBO_QUEUE_SCHEMA": 'x"; DROP'})


def test_addresses_keep_what_the_operator_asked_for() -> None:
    """Options in the operator's address stand beside ours, and no password is in a repr."""
    queue = Queue(
        url="postgresql://u:secret@h:6432/d?options=-cjit%3Doff&sslmode=require",
        schema="qbo_engine",
        name="qbo",
    )
    assert "options='-cjit=off -csearch_path=qbo_engine'" in queue.conninfo
    assert "sslmode=require" in queue.conninfo
    assert "port=6432" in queue.conninfo
    assert "secret" not in repr(queue)
