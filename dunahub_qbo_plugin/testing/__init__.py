"""For those who build a host: its tests with a QuickBooks of their own. See README.md beside this.

As a pytest plugin it gives the fixtures `qbo_emulator`, `qbo_replay` and `fake_host`; what they
are is `QboEmulator`, `Replay` and `FakeHost`. It needs the extra ``demo``.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dunahub_qbo_plugin.testing.books import Books
    from dunahub_qbo_plugin.testing.builders import (
        ORG,
        PERSON,
        make_invoice,
        make_lead,
        make_line,
        make_org,
        make_payment,
    )
    from dunahub_qbo_plugin.testing.clock import SteeredClock
    from dunahub_qbo_plugin.testing.emulator import QboEmulator
    from dunahub_qbo_plugin.testing.exchanges import Exchange
    from dunahub_qbo_plugin.testing.host import FakeHost, said
    from dunahub_qbo_plugin.testing.replay import Replay

__all__ = [
    "ORG",
    "PERSON",
    "Books",
    "Exchange",
    "FakeHost",
    "QboEmulator",
    "Replay",
    "SteeredClock",
    "make_invoice",
    "make_lead",
    "make_line",
    "make_org",
    "make_payment",
    "said",
]

OF_THE_EXTRA = ("flask", "werkzeug", "cheroot")
_HOMES = {
    "Books": "books",
    "Exchange": "exchanges",
    "FakeHost": "host",
    "QboEmulator": "emulator",
    "Replay": "replay",
    "SteeredClock": "clock",
    "said": "host",
}


def __getattr__(name: str) -> Any:  # noqa: ANN401  whichever is asked for
    """Import a public name when it is first used: every run of pytest loads this package."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        home = import_module(f"{__name__}.{_HOMES.get(name, 'builders')}")
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in OF_THE_EXTRA:
            raise
        extra = "pip install 'dunahub-qbo-plugin[demo]'"
        raise ImportError(f"{__name__}.{name} needs the extra demo: {extra}") from error
    return getattr(home, name)
