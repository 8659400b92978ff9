"""Refuse what another site's page has a browser send to an emulator of this machine."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from flask import Response, jsonify, request

if TYPE_CHECKING:
    from flask import Flask

LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})
"""Names of this machine, as seen from itself."""
ADMINISTRATION: Final = "/_admin"
SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS"})


def refuse_foreign(app: Flask, *, local_only: bool) -> None:
    """Have an application refuse requests that come from pages of other sites.

    A browser names the page's site in ``Origin``; programs send none. A site that has its own name
    lead to this machine (DNS rebinding) names itself in ``Host`` as well.

    Args:
        app: pages and administration.
        local_only: True when it listens on this machine alone, whose names are known.
    """

    @app.before_request
    def check() -> tuple[Response, int] | None:
        if local_only and not _is_local(request.host):
            return _refused("Host", request.host)
        origin = request.headers.get("Origin")
        changes = request.method not in SAFE and request.path.startswith(ADMINISTRATION)
        if not changes or origin is None or _authority(origin) == request.host.lower():
            return None
        return _refused("Origin", origin)


def _refused(header: str, value: str) -> tuple[Response, int]:
    return jsonify(error=f"{header} {value[:100]!r} is another site's; nothing was done."), 403


def _authority(origin: str) -> str:
    return urlsplit(origin).netloc.lower()


def _is_local(host: str) -> bool:
    try:
        name = urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return False
    return name in LOOPBACK or name.endswith(".localhost")
