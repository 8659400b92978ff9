"""Threads that carry requests: reused, ended when idle, and no job is lost on the way."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from dunahub_qbo_plugin.sync import carriers
from dunahub_qbo_plugin.sync.carriers import Carriers

if TYPE_CHECKING:
    import pytest


def test_a_lane_keeps_order_and_its_number() -> None:
    """No more jobs of a lane are under way than it says, until it is widened."""
    pool = Carriers()
    lane = pool.lane(1)
    go, begun, order = threading.Event(), threading.Event(), list[int]()

    def job(number: int) -> int:
        order.append(number)
        begun.set()
        assert go.wait(60)
        return number

    futures = [lane.submit(job, number) for number in range(3)]
    assert begun.wait(60)
    assert order == [0]
    go.set()
    assert [future.result(60) for future in futures] == order == [0, 1, 2]
    pool.close()


def test_a_thread_that_is_taken_as_it_is_about_to_end_carries(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Its time is over just when it is taken for the next job: the job is carried all the same."""
    monkeypatch.setattr(carriers, "IDLE", 0.0)
    pool = Carriers()
    for number in range(2000):
        done = threading.Event()
        pool.carry(done.set)
        assert done.wait(60), number
    pool.close()


def test_an_error_is_raised_where_the_answer_is_taken() -> None:
    """A job that fails ends neither its thread nor its lane."""
    pool = Carriers()
    lane = pool.lane(1)
    failed, fine = lane.submit(int, "x"), lane.submit(int, "1")
    assert isinstance(failed.exception(60), ValueError)
    assert fine.result(60) == 1
    pool.close()
