"""``dunahub-qbo worker``: sends what is due, in a process of its own."""

import logging
import os
import sys
import threading
from contextlib import ExitStack
from typing import Annotated

import typer

from dunahub_qbo_plugin.cli.health import JsonLines, served
from dunahub_qbo_plugin.cli.options import DataDir
from dunahub_qbo_plugin.cli.output import NOTHING_DONE, fail, note
from dunahub_qbo_plugin.cli.session import database_told, read_config, require_file, settings_told
from dunahub_qbo_plugin.stopping import until_stopped
from dunahub_qbo_plugin.store.db.cipher import Cipher
from dunahub_qbo_plugin.store.db.errors import where

POLL_SECONDS = 1.0
"""Seconds between looks whether the work has ended."""

Grace = Annotated[
    float,
    typer.Option("--grace", min=0, help="Seconds to finish what is under way when stopped."),
]
Concurrency = Annotated[
    int | None,
    typer.Option(
        "--concurrency",
        min=1,
        max=40,
        help="Companies to send for at once, with DUNAHUB_QBO_WORKER=procrastinate. Default: 10.",
    ),
]
Verbose = Annotated[
    bool, typer.Option("--verbose", "-v", help="Log what is done, not only trouble.")
]

HealthPort = Annotated[
    int | None,
    typer.Option(
        "--health-port",
        min=0,
        max=65535,
        help="Serve GET /health there: 200 while all is well, with figures as JSON. 0: any port.",
    ),
]
HealthHost = Annotated[
    str, typer.Option("--health-host", help="The address that /health listens at.")
]
LogJson = Annotated[bool, typer.Option("--log-json", help="Log one JSON object a line.")]


def worker(
    *,
    concurrency: Concurrency = None,
    grace: Grace = 30.0,
    verbose: Verbose = False,
    health_port: HealthPort = None,
    health_host: HealthHost = "127.0.0.1",
    log_json: LogJson = False,
    data_dir: DataDir = None,
) -> None:
    """Send what is due until stopped by SIGTERM or Ctrl-C.

    For hosts with DUNAHUB_QBO_WORKER=off, or beside the host's own worker thread: several at once
    never send anything twice. With DUNAHUB_QBO_WORKER=procrastinate and PostgreSQL it is told by
    the hosts what to send, on as many machines as are needed. Logs go to stderr.

    Exit status: 0 stopped in order, 1 stopped before all that was under way was finished (it is
    safe: it is taken up again at the next start), 2 settings or database.
    """
    _log_to_stderr(verbose=verbose, as_json=log_json)
    with settings_told():
        config = read_config(data_dir)
        Cipher(config.fernet_keys).check()
        from dunahub_qbo_plugin.runtime import build  # noqa: PLC0415  the other commands start faster without

        runtime = build(config)
        engine = runtime.worker(concurrency=concurrency)
    with database_told(runtime.database), until_stopped() as stopped, ExitStack() as stack:
        require_file(runtime.database)
        runtime.database.prepare()
        thread = threading.Thread(target=engine.run, name="dunahub-qbo-worker", daemon=True)
        health = ""
        if health_port is not None:
            try:
                address = served(runtime, thread.is_alive, host=health_host, port=health_port)
                health = f" Health: {stack.enter_context(address)}."
            except OSError as error:
                fail(f"/health cannot listen at {health_host}:{health_port}: {error.strerror}")
        thread.start()
        note(f"Working on the {where(runtime.database)}.{health} Ctrl-C stops.")
        while thread.is_alive() and not stopped.wait(POLL_SECONDS):
            pass
        finished = engine.stop(grace)
        if thread.is_alive() or not finished:
            note("Stopped with records under way; they are taken up again at the next start.")
            sys.stderr.flush()
            os._exit(NOTHING_DONE)  # its threads would keep the process for as long as they take
        runtime.close()
        note("Stopped.")


def _log_to_stderr(*, verbose: bool, as_json: bool) -> None:
    plain = logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s")
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines() if as_json else plain)
    logging.basicConfig(level=logging.INFO if verbose else logging.WARNING, handlers=[handler])
    for chatty in ("httpx", "httpcore"):
        logging.getLogger(chatty).setLevel(logging.WARNING)  # their lines hold the company's id
