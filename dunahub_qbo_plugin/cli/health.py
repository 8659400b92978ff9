"""Monitoring of a worker process: its figures over HTTP, its log as JSON lines."""

from __future__ import annotations

import json
import logging
import threading
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

from dunahub_qbo_plugin import observe

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from dunahub_qbo_plugin.runtime import Runtime

PATH = "/health"


@contextmanager
def served(runtime: Runtime, working: Callable[[], bool], *, host: str, port: int) -> Iterator[str]:
    """Serve ``GET /health``: 200 while the worker works and reaches its database, 503 otherwise.

    The body is JSON: ``working``, and the figures of `observe.as_json`, which name nobody.

    Args:
        runtime: whose figures.
        working: tells whether the worker still does.
        host: the address to listen at.
        port: 0 for any that is free.

    Yields:
        the address of it.

    Raises:
        OSError: the port is taken.
    """

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path.partition("?")[0] != PATH:
                self.send_error(404)
                return
            code, body = _told(runtime, working=working())
            text = json.dumps(body).encode()
            self.send_response(code)
            self.send_header("Content-Type", "application/json")
            self.send_header("Cache-Control", "no-store")
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, *_words: object) -> None:
            """Say nothing: it is asked every few seconds."""

    with ThreadingHTTPServer((host, port), Handler) as server:
        server.daemon_threads = True
        threading.Thread(
            target=server.serve_forever, name="dunahub-qbo-health", daemon=True
        ).start()
        try:
            yield f"http://{host}:{server.server_port}{PATH}"
        finally:
            server.shutdown()


def _told(runtime: Runtime, *, working: bool) -> tuple[int, dict[str, Any]]:
    snapshot = observe.measure(runtime)
    well = working and snapshot.standing is not None
    return 200 if well else 503, {"working": working, **observe.as_json(snapshot)}


class JsonLines(logging.Formatter):
    """One JSON object a line: ``at``, ``level``, ``logger``, ``message``, and ``error`` if any."""

    def format(self, record: logging.LogRecord) -> str:
        """Return a record as one line."""
        told = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info:
            told["error"] = self.formatException(record.exc_info)
        return json.dumps(told)
