"""The mailbox: what plugins told the CRM of their own accord, as a bell and a page."""

from __future__ import annotations

from flask import Blueprint, render_template

from dunahub_qbo_plugin.demo.web.context import crm, office

PAGES = Blueprint("mailbox", __name__)


@PAGES.get("/mailbox")
def index() -> str:
    """Show what concerns the organization or the whole CRM, newest first."""
    return render_template("mailbox.html", mails=crm().store.mails(office().company.id))


def bell() -> int:
    """Return how much was told that is not over yet."""
    return crm().store.open_mails(office().company.id)
