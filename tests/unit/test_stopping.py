"""How a command that serves is asked to stop."""

from __future__ import annotations

import signal

import pytest

from dunahub_qbo_plugin.stopping import until_stopped


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.timeout(30)
def test_signal_on_the_way_into_waiting(number: signal.Signals) -> None:
    """A signal that comes while the event is locked by the thread it interrupts still stops it."""
    with until_stopped() as stopped:
        with stopped._cond:  # type: ignore[attr-defined]  # what wait() holds for a moment
            signal.raise_signal(number)
        assert stopped.wait(30)


def test_handlers_are_put_back() -> None:
    """Afterwards signals do what they did before."""
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    with until_stopped():
        assert signal.getsignal(signal.SIGINT) is not before[0]
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == before
