"""The demo bar: makes QuickBooks fail on demand, and shows how long hooks took."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from flask import Blueprint, flash, redirect, request, url_for

from dunahub_qbo_plugin.demo.trouble import TROUBLES, EmulatorError
from dunahub_qbo_plugin.demo.web.context import crm, found, signed_in

if TYPE_CHECKING:
    from werkzeug import Response

    from dunahub_qbo_plugin.demo.web.context import Crm

PAGES = Blueprint("demo", __name__, url_prefix="/demo")

_SHOWN_CALLS = 6


def state(shown: Crm) -> dict[str, object]:
    """Return what the bar shows."""
    own = [call for call in shown.plugins.calls if call.org_id == signed_in().org_id]
    return {
        "troubles": TROUBLES if shown.emulator else (),
        "books_url": shown.emulator.books_url() if shown.emulator else "",
        "calls": own[: -_SHOWN_CALLS - 1 : -1],
    }


@PAGES.post("/trouble/<name>")
def make_trouble(name: str) -> Response:
    """Make QuickBooks fail in one way, or work again."""
    emulator = found(crm().emulator)
    trouble = next((one for one in TROUBLES if one.name == name), None)
    try:
        if name == "reset":
            emulator.reset()
            flash("QuickBooks works again.", "demo")
        else:
            emulator.make(found(trouble).name)
            flash(found(trouble).done, "demo")
    except EmulatorError as error:
        flash(str(error), "problem")
    return redirect(_back(), code=303)


def _back() -> str:
    """Return the path of the page that the button was on."""
    there = urlsplit(request.referrer or "")
    own = urlsplit(crm().base_url)
    if there.netloc != own.netloc or not there.path.startswith("/"):
        return url_for("home")
    return "/" + there.path.lstrip("/")
