"""A host as application servers load it: made at import time, and forked or not by the server.

``POST /<number>`` saves an invoice and tells the plugins after the commit that it has not.
"""

from __future__ import annotations

import atexit
import logging
import os
from pathlib import Path
from typing import TYPE_CHECKING

from dunahub_hookspecs import Host
from dunahub_hookspecs.host import create_plugin_manager, notify
from dunahub_qbo_plugin.testing import ORG, make_invoice, make_lead

if TYPE_CHECKING:
    from collections.abc import Iterable
    from wsgiref.types import StartResponse, WSGIEnvironment

logging.basicConfig(level="INFO", format="%(process)d %(levelname)s %(name)s %(message)s")
manager = create_plugin_manager()
folder = Path(os.environ["SERVED_FOLDER"])
notify(manager, "on_startup", host=Host(name="Served", data_dir=folder))


def stop() -> None:
    """End the plugins, as hosts do when a process ends."""
    notify(manager, "on_shutdown")


def application(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """Save an invoice."""
    if environ["REQUEST_METHOD"] == "POST":
        number = environ["PATH_INFO"].strip("/")
        invoice = make_invoice(number, lead=make_lead(f"lead-{number}"), number=number)
        notify(manager, "on_invoice_created", org=ORG, invoice=invoice, session=None)
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [str(os.getpid()).encode()]


def worker_exit(_server: object, _worker: object) -> None:
    """End the plugins, where this file is gunicorn's configuration."""
    stop()


atexit.register(stop)
