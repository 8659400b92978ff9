"""The settings page, as a fragment for the host's page."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final

import attrs

from dunahub_hookspecs import SettingsPanel
from dunahub_qbo_plugin.advice.reads import read_for
from dunahub_qbo_plugin.errors import ConfigurationError
from dunahub_qbo_plugin.mapping.money import amount_text
from dunahub_qbo_plugin.model import HolderKind, Kind, RecordState, Status, forecast, month_end
from dunahub_qbo_plugin.panel import formats as writing
from dunahub_qbo_plugin.panel.actions import panel_actions
from dunahub_qbo_plugin.panel.activity import read_activity
from dunahub_qbo_plugin.panel.attention import Attention, read_attention
from dunahub_qbo_plugin.panel.flash import flash
from dunahub_qbo_plugin.panel.formats import Formats
from dunahub_qbo_plugin.panel.links import Links
from dunahub_qbo_plugin.panel.not_sent import read_not_sent
from dunahub_qbo_plugin.panel.problems import DATABASE, Problem, as_sentence, setup_problem
from dunahub_qbo_plugin.panel.products import read_products
from dunahub_qbo_plugin.panel.record_line import record_line
from dunahub_qbo_plugin.panel.review_section import read_review
from dunahub_qbo_plugin.panel.status import StatusView, status_view
from dunahub_qbo_plugin.panel.steps import read_steps
from dunahub_qbo_plugin.panel.templating import Templates
from dunahub_qbo_plugin.panel.view_context import ViewContext
from dunahub_qbo_plugin.review.checks import check_company
from dunahub_qbo_plugin.store.companies import disconnections, profiles
from dunahub_qbo_plugin.store.queries import reads, records
from dunahub_qbo_plugin.store.queries.attention import number

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    import sqlalchemy as sa

    from dunahub_hookspecs import Organization, SettingsRequest
    from dunahub_qbo_plugin.panel.activity import Activity
    from dunahub_qbo_plugin.panel.context import PanelContext
    from dunahub_qbo_plugin.panel.not_sent import NotSent
    from dunahub_qbo_plugin.panel.products import Products
    from dunahub_qbo_plugin.panel.record_line import RecordLine
    from dunahub_qbo_plugin.panel.review_section import Review
    from dunahub_qbo_plugin.panel.steps import Step
    from dunahub_qbo_plugin.review.checks import Check

log = logging.getLogger(__name__)

SLUG: Final = "quickbooks"
TITLE: Final = "QuickBooks"
NO_CAUSES: Final = Attention(causes=())
MAX_WAITING_LISTED: Final = 50
"""Waiting records that are listed; the rest is a number."""


@attrs.frozen(kw_only=True)
class Unread:
    """What it means that QuickBooks answers no reads any more this month.

    Attributes:
        since: from when on it did not.
        until: when the next month begins, and it answers again at the latest.
        delayed: records of the company that wait for a look in QuickBooks.
    """

    since: datetime
    until: datetime
    delayed: int


@attrs.frozen(kw_only=True)
class _Read:
    """What the page shows, from one read of the database."""

    status: StatusView
    counts: Mapping[Kind, Mapping[RecordState, int]]
    checks: tuple[Check, ...] = ()
    steps: tuple[Step, ...] = ()
    attention: Attention = NO_CAUSES
    waiting: tuple[RecordLine, ...] = ()
    not_sent: NotSent | None = None
    activity: Activity | None = None
    products: Products | None = None
    review: Review | None = None
    problem: Problem | None = None
    reads: str = ""
    unread: Unread | None = None


def settings_panel(
    context: PanelContext, org: Organization, request: SettingsRequest
) -> SettingsPanel:
    """Return the panel of an organization; its page never fails, it says what is wrong.

    Args:
        context: what the page stands on.
        org: whose page it is; nothing of another organization is read or changed.
        request: who looks, from where, at what part.
    """
    html = _html(context, org, request) if request.render else ""
    return SettingsPanel(
        slug=SLUG,
        title=TITLE,
        html=html,
        actions=panel_actions(context),
        count=_count(context, org),
    )


def _count(context: PanelContext, org: Organization) -> int:
    """Return how much waits for a person; 0 where the database does not tell, as the page says."""
    try:
        if not context.database.is_ready():
            return 0
        with context.database.read.connect() as db:
            connection = context.connections.current(db, org.id)
            if connection is None:
                return 0
            lost = connection.status is Status.TOKEN_EXPIRED
            return number(db, connection) + lost
    except Exception as error:  # noqa: BLE001  the menu is shown whatever happens
        log.warning("what waits for a person could not be counted: %s", type(error).__name__)
        return 0


def problem_panel(templates: Templates, sentence: str) -> SettingsPanel:
    """Return a panel that only says what an operator must do.

    Args:
        templates: of a context, or made for this one panel.
        sentence: what is wrong and which command helps.
    """
    return _only(templates, Problem(sentence=sentence))


def trouble_panel(error: Exception) -> SettingsPanel:
    """Return a panel that says why the page cannot be shown."""
    told = isinstance(error, ConfigurationError)
    problem = Problem(sentence=as_sentence(str(error))) if told else DATABASE
    return _only(Templates(), problem)


def _only(templates: Templates, problem: Problem) -> SettingsPanel:
    html = templates.render("problem.html", {"problem": problem, "flash": None})
    return SettingsPanel(slug=SLUG, title=TITLE, html=html)


def _html(context: PanelContext, org: Organization, request: SettingsRequest) -> str:
    formats = Formats.of(org.timezone, context.clock.now())
    links = Links.of(context.config, request)
    try:
        context.database.prepare()
        with context.database.read.connect() as db:
            read = _read(context, db, org, request, formats, links)
    except Exception as error:
        log.exception("the settings page of organization %s could not be read", org.id)
        problem = (
            Problem(sentence=str(error)) if isinstance(error, ConfigurationError) else DATABASE
        )
        values = {"problem": problem, "flash": None, "nonce": request.style_nonce}
        return context.templates.render("problem.html", values)
    return context.templates.render("page.html", _values(read, request, formats, links))


def _values(
    read: _Read, request: SettingsRequest, formats: Formats, links: Links
) -> Mapping[str, object]:
    calm = not any(
        by_state[shown]
        for by_state in read.counts.values()
        for shown in (RecordState.WAITING, RecordState.ATTENTION, RecordState.NOT_SENT)
    )
    confirm = request.query.get("confirm") == "disconnect" and (
        read.status.status is not Status.NOT_CONNECTED
    )
    return {
        **attrs.asdict(read, recurse=False),
        "flash": flash(request.query.get("qbo", ""), read.status),
        "calm": calm,
        "confirm_disconnect": confirm,
        "f": formats,
        "links": links,
        "RecordState": RecordState,
        "Kind": Kind,
        "HolderKind": HolderKind,
        "Status": Status,
        "plural": writing.plural,
        "money": amount_text,
        "listed": writing.listed,
        "kinds": writing.kinds,
        "opened": request.query.get("open", ""),
        "nonce": request.style_nonce,
    }


def _read(
    context: PanelContext,
    db: sa.Connection,
    org: Organization,
    request: SettingsRequest,
    formats: Formats,
    links: Links,
) -> _Read:
    connection = context.connections.current(db, org.id)
    pending = context.connections.pending(db, org.id)
    problem = setup_problem(context, db, connection)
    if connection is None:
        none = dict.fromkeys(Kind, dict.fromkeys(RecordState, 0))
        status = status_view(None, pending, none, formats)
        return _Read(status=status, counts=none, problem=problem)
    away = tuple(disconnections.of_company(db, connection.id))
    view_context = ViewContext(
        connection=connection, disconnections=away, formats=formats, links=links
    )
    whole = context.totals.of(db, connection, now=formats.now)
    counts = records.counts(db, connection, whole=whole)
    profile = profiles.load_profile(db, connection.id)
    opened = request.query.get("open", "")
    waiting: tuple[RecordLine, ...] = ()
    if any(by_state[RecordState.WAITING] for by_state in counts.values()):
        found = records.of_state(db, connection, RecordState.WAITING, limit=MAX_WAITING_LISTED)
        waiting = tuple(record_line(view, view_context) for view in found)
    status = status_view(
        connection,
        pending,
        counts,
        formats,
        last_sent=records.last_sent(db, connection),
        disconnected_by=away[0].started_by if away and connection.disconnected_at else "",
    )
    return _Read(
        status=status,
        counts=counts,
        checks=tuple(check_company(profile)) if profile.name else (),
        steps=read_steps(db, connection, profile, status, counts),
        attention=read_attention(db, view_context, request.query)
        if status.attention
        else NO_CAUSES,
        waiting=waiting,
        not_sent=read_not_sent(db, view_context, request.query, some=status.left_behind > 0),
        activity=read_activity(db, view_context, request.query),
        products=read_products(db, view_context, profile),
        review=read_review(db, view_context, opened=opened == "review"),
        problem=problem,
        reads=_reads(db, connection.id, formats),
        unread=_unread(db, connection.id, formats),
    )


def _reads(db: sa.Connection, company_id: str, formats: Formats) -> str:
    """Tell what was read of the company this month; empty for nothing."""
    used, before = reads.this_month(db, now=formats.now, company_id=company_id)
    number = sum(used.values())
    if not number:
        return ""
    expected = forecast(number, before, formats.now)
    return (
        f"DunaHub read from QuickBooks {writing.plural(number, 'time')} this month: "
        f"{read_for(used)}. At this rate it will be about {expected:,} by the end of the month. "
        "Sending a record costs no reading."
    )


def _unread(db: sa.Connection, company_id: str, formats: Formats) -> Unread | None:
    since = reads.used_up_since(db, now=formats.now)
    if since is None:
        return None
    until = month_end(formats.now)
    return Unread(since=since, until=until, delayed=reads.delayed(db, company_id))
