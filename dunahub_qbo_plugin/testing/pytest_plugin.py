"""The pytest plugin: `qbo_emulator`, `qbo_replay` and `fake_host`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from dunahub_qbo_plugin.testing.emulator import QboEmulator
    from dunahub_qbo_plugin.testing.host import FakeHost
    from dunahub_qbo_plugin.testing.replay import Replay


@pytest.fixture
def qbo_emulator() -> Iterator[QboEmulator]:
    """Return a QuickBooks and Intuit's sign-in: in this process, and on a port once asked for."""
    from dunahub_qbo_plugin import testing  # noqa: PLC0415  costs every pytest

    emulator = testing.QboEmulator()
    yield emulator
    emulator.close()


@pytest.fixture
def qbo_replay(qbo_emulator: QboEmulator) -> Iterator[Replay]:
    """Return recorded answers; a request that was not recorded fails the test at its end."""
    from dunahub_qbo_plugin import testing  # noqa: PLC0415  as above

    replay = testing.Replay(qbo_emulator)
    yield replay
    try:
        replay.check()
    except AssertionError as error:
        pytest.fail(str(error), pytrace=False)


@pytest.fixture
def fake_host(
    tmp_path: Path, qbo_emulator: QboEmulator, request: pytest.FixtureRequest
) -> Iterator[FakeHost]:
    """Return a host with the plugin; it speaks to `qbo_replay` where the test asks for that."""
    from dunahub_qbo_plugin import testing  # noqa: PLC0415  as above

    transport = None
    if "qbo_replay" in request.fixturenames:
        replay: Replay = request.getfixturevalue("qbo_replay")
        transport = replay.transport()
    host = testing.FakeHost(tmp_path, qbo=qbo_emulator, transport=transport)
    yield host
    host.close()
