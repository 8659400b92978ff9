"""Gives birth to hosts and workers: real processes that can be killed, quick to make.

It loads everything once and forks. Reads JSON lines ``{"role": …, …}`` and answers each with the
pid of a new process; ``{"reap": pid}`` is answered with its exit status once it has ended.
Arguments, as one JSON object: ``start`` and ``speed`` of the clock, ``config`` as environment
variables, and ``plant``: a bug of `tests.acceptance.planted` to work with, or null.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import logging
import os
import random
import signal
import sys
import traceback
from typing import Any

from dunahub_hookspecs.host import create_plugin_manager
from dunahub_qbo_plugin.config import Config
from dunahub_qbo_plugin.engine import procrastinate
from dunahub_qbo_plugin.plugin import QuickBooksPlugin
from dunahub_qbo_plugin.runtime import Runtime, build
from tests.acceptance import planted
from tests.acceptance.fast_clock import FastClock, Impatient
from tests.acceptance.ledger import Host, open_ledger

Fields = dict[str, Any]
QUEUE = {"HEARTBEAT": 0.2, "STALLED": 1.0, "SWEEP_CRON": "* * * * * *", "POLL": 0.2}
"""What the queue's workers wait for, in seconds, and when they sweep."""


def main() -> None:
    """Read orders until the input ends."""
    asked = json.loads(sys.argv[1])
    with planted.BUGS[asked["plant"]]() if asked["plant"] else contextlib.nullcontext():
        _obey(asked)


def _obey(asked: Fields) -> None:
    _warm_up()
    for line in sys.stdin:
        order = json.loads(line)
        if "reap" in order:
            _, status = os.waitpid(order["reap"], 0)
            _say(os.waitstatus_to_exitcode(status))
            continue
        pid = os.fork()
        if pid == 0:
            _live(asked, order)
        _say(pid)


def _warm_up() -> None:
    """Import what a process would import at its first use."""
    importlib.import_module("authlib.oauth2.client")
    # Its heart beats in real time, which the fast clock cannot hurry.
    for name, value in QUEUE.items():
        setattr(procrastinate, name, value)
    logging.basicConfig(level=logging.ERROR, filename=os.devnull)


def _live(asked: Fields, order: Fields) -> None:
    code = 1
    try:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        os.close(0)
        runtime = _runtime(asked, worker=order["engine"])
        if order["role"] == "worker":
            runtime.worker().run()
        else:
            _host(runtime, order)
        code = 0
    except BaseException:  # noqa: BLE001  told, and seen in the exit code
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(code)


def _runtime(asked: Fields, *, worker: str) -> Runtime:
    config = Config.from_environ(asked["config"] | {"DUNAHUB_QBO_WORKER": worker})
    return build(config, clock=FastClock(asked["start"], asked["speed"]), transport=Impatient())


def _host(runtime: Runtime, order: Fields) -> None:
    plugin = QuickBooksPlugin(config=runtime.config)
    plugin._runtime = runtime
    manager = create_plugin_manager([plugin], load_entry_points=False)
    host = Host(
        ledger=open_ledger(order["ledger"]),
        org=order["org"],
        manager=manager,
        kept=lambda: not runtime.intake.waiting,
        shared=order["shared"],
    )
    dice = random.Random(order["seed"])  # noqa: S311  replayable, not secret
    host.start(order["mine"])
    for burst in order["bursts"]:
        host.change(burst, seed=dice.getrandbits(32))
    manager.hook.on_shutdown()
    host.end()


def _say(value: int) -> None:
    sys.stdout.write(f"{value}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
