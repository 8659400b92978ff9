"""A child that is forked while a thread of its parent is inside SQLite is no worse off (rule 9)."""

from __future__ import annotations

import subprocess
import sys
import threading
from typing import TYPE_CHECKING

from dunahub_qbo_plugin.store.db import fork_guard
from dunahub_qbo_plugin.store.db.fork_guard import ForkGuard

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

FORKS = 60
FORKING = """
import os, sys, threading
from sqlalchemy.exc import OperationalError
from dunahub_qbo_plugin.store.db.database import Database

address, forks = sys.argv[1], int(sys.argv[2])
database = Database(address)
database.prepare()


def work():
    while True:
        with database.write.connect() as db:
            db.exec_driver_sql("SELECT count(*) FROM qbo_record").scalar()
        database.change_counter()
        database.close()


def opened():
    while True:
        try:
            return Database(address).is_ready()
        except OperationalError:  # whoever closes the last connection locks the file for a moment
            pass


threading.Thread(target=work, daemon=True).start()
for _ in range(forks):
    child = os.fork()
    if not child:
        database.abandon()
        os._exit(0 if opened() else 1)
    assert os.waitpid(child, 0)[1] == 0
print("done")
"""


def test_children_can_open_the_database(tmp_path: Path) -> None:
    """Every one of many children that are forked beside a busy thread opens SQLite at once."""
    address = f"sqlite:///{tmp_path / 'qbo.sqlite3'}"
    told = subprocess.run(  # noqa: S603  our own text
        [sys.executable, "-c", FORKING, address, str(FORKS)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (told.returncode, told.stdout.strip()) == (0, "done"), told.stderr


def test_a_fork_waits_for_who_is_inside() -> None:
    """It begins once the last thread is out; meanwhile nobody new gets in."""
    gate, said = ForkGuard(), []
    gate.enter("a transaction")

    def fork() -> None:
        gate.before_fork()
        said.append("forked")
        gate.after_fork(in_child=False)

    def come() -> None:
        gate.enter("another")
        said.append("came")
        gate.leave("another")

    forking = threading.Thread(target=fork)
    forking.start()
    while not gate._forking:
        threading.Event().wait(0.001)
    coming = threading.Thread(target=come)
    coming.start()
    assert said == []
    gate.leave("a transaction")
    forking.join(5)
    coming.join(5)
    assert said == ["forked", "came"]


def test_neither_waits_for_long(monkeypatch: pytest.MonkeyPatch) -> None:
    """A fork does not wait for the caller's own transaction at all, and a hook not long for it."""
    monkeypatch.setattr(fork_guard, "MAX_FORK_WAIT", 3600.0)
    gate = ForkGuard()
    gate.enter("its own")
    gate.before_fork()
    gate.enter("one more of its own")
    monkeypatch.setattr(fork_guard, "MAX_FORK_WAIT", 0.01)
    came = threading.Event()

    def come() -> None:
        with gate.inside():
            came.set()

    coming = threading.Thread(target=come)
    coming.start()
    coming.join()
    assert came.is_set()
    gate.after_fork(in_child=True)
    assert gate._inside == {}
    gate.leave("its own")
