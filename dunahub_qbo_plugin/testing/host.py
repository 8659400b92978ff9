"""A CRM of a few lines, which loads the plugin and does with it what a host does."""

from __future__ import annotations

import atexit
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import attrs

from dunahub_hookspecs import (
    ActionRequest,
    Host,
    Invoice,
    Lead,
    Payment,
    RecordKind,
    Redirect,
    SettingsRequest,
)
from dunahub_hookspecs.host import (
    collect_cards,
    collect_panels,
    create_plugin_manager,
    dispatch,
    notify,
    show_panel,
)
from dunahub_qbo_plugin.model import Kind, RecordKey
from dunahub_qbo_plugin.plugin import QuickBooksPlugin
from dunahub_qbo_plugin.testing.builders import ORG, PERSON
from dunahub_qbo_plugin.testing.emulator import QboEmulator

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    import httpx
    import pluggy

    from dunahub_hookspecs import Download, Notice, Organization, Person
    from dunahub_qbo_plugin.clock import Clock
    from dunahub_qbo_plugin.config import Config
    from dunahub_qbo_plugin.runtime import Runtime
    from dunahub_qbo_plugin.store.queries.records import RecordView
    from dunahub_qbo_plugin.testing.books import Books

    Value = Lead | Invoice | Payment
    Record = Value | RecordKey | str

SETTINGS = "https://crm.example/settings"
SLUG = "quickbooks"
LOOK = 60.0
"""Seconds that `FakeHost.settle` lets pass between two looks."""
HOST_KINDS = {
    Kind.CUSTOMER: RecordKind.LEAD,
    Kind.INVOICE: RecordKind.INVOICE,
    Kind.PAYMENT: RecordKind.PAYMENT,
}


@attrs.define(eq=False)
class InProcessPlugin(QuickBooksPlugin):
    """The plugin with a test's clock and a test's way to QuickBooks."""

    clock: Clock = attrs.field(kw_only=True)
    transport: httpx.BaseTransport = attrs.field(kw_only=True)

    def _build(self, config: Config) -> Runtime:
        from dunahub_qbo_plugin.runtime import build  # noqa: PLC0415  not for every pytest

        return build(
            config,
            clock=self.clock,
            transport=self.transport,
            host_bell=self.bell,
            notify=self._notify_host(),
        )


class FakeHost:
    """A host with an organization, a person and an emulated QuickBooks, on one clock.

    Nothing is sent before `send` or `settle`, so that a test decides about time, unless a worker
    is among the settings. Where a method takes a record, it takes a lead, an invoice, a payment,
    or a text such as ``invoice:inv-1``.

    Args:
        folder: where the plugin's database goes.
        qbo: the emulator; None for a new one.
        transport: a way to QuickBooks other than to the emulator (see `Replay`).
        plugins: further plugins to load.
        bell: puts a company into the host's own queue (see `QuickBooksPlugin`).
        notify: takes what the plugin has to tell (see `Host.notify`); `tell` calls for it.
        settings: any attribute of the plugin's `Config`, such as ``database_url`` or ``worker``.
            A second host with the ``qbo``, ``database_url`` and ``fernet_keys`` of a first is
            another process of the same application.

    Attributes:
        config: the plugin's settings.
        plugin: ours.
        manager: the host's plugin manager.
    """

    plugin: InProcessPlugin
    manager: pluggy.PluginManager

    def __init__(
        self,
        folder: Path,
        *,
        qbo: QboEmulator | None = None,
        transport: httpx.BaseTransport | None = None,
        plugins: Iterable[object] = (),
        bell: Callable[[str], None] | None = None,
        notify: Callable[[Notice], None] | None = None,
        **settings: Any,  # noqa: ANN401  Config's own
    ) -> None:
        self.qbo = qbo or QboEmulator()
        self.clock = self.qbo.clock
        self.config = attrs.evolve(self.qbo.config(folder), **settings)
        self._transport = transport
        self._plugins = tuple(plugins)
        self._bell = bell
        self._host = Host(name="a test's host", notify=notify)
        self._start()

    def _start(self) -> None:
        self.plugin = InProcessPlugin(
            config=self.config,
            bell=self._bell,
            clock=self.clock,
            transport=self._transport or self.qbo.transport(),
        )
        self.manager = create_plugin_manager([self.plugin, *self._plugins], load_entry_points=False)
        notify(self.manager, "on_startup", host=self._host)
        self.runtime.database.prepare()

    def restart(self, transport: httpx.BaseTransport | None = None) -> None:
        """Start anew, as after the host's process was killed: what was only in memory is lost.

        Args:
            transport: another way to QuickBooks; None for the same as before.
        """
        self.runtime.http.close()
        self.runtime.database.close()
        atexit.unregister(self.plugin.on_shutdown)
        self._transport = transport or self._transport
        self._start()

    def close(self) -> None:
        """Shut the plugins down."""
        notify(self.manager, "on_shutdown")

    @property
    def runtime(self) -> Runtime:
        """What the plugin is made of; none of it is promised to stay as it is."""
        return self.plugin.runtime()

    @property
    def books(self) -> Books:
        """The books of the contractor's company."""
        return self.qbo.books

    # What the office does.

    def connect(
        self, company: str = "contractor", *, org: Organization = ORG, person: Person = PERSON
    ) -> str:
        """Press Connect, choose a company on Intuit's page, and come back.

        Returns:
            what it came to, as it stands in the page's address: ``connected``, ``confirm`` ...

        Raises:
            AssertionError: the plugin led somewhere else than to Intuit's page.
        """
        asked = self.press("connect", org=org, person=person)
        if not isinstance(asked, Redirect) or "state=" not in asked.url:
            raise AssertionError(f"Connect led to {asked!r}, not to Intuit's page")
        back = self.qbo.approve(asked.url, company)
        query = {name: values[0] for name, values in parse_qs(urlsplit(back).query).items()}
        return said(self.press("callback", method="GET", org=org, person=person, query=query))

    def press(
        self,
        action: str,
        *records: Record,
        org: Organization = ORG,
        person: Person = PERSON,
        method: str = "POST",
        query: dict[str, str] | None = None,
        **form: Any,  # noqa: ANN401  values of form fields
    ) -> Redirect | Download | None:
        """Press a button of the plugin's page; gives the answer (see `said`).

        Args:
            action: its name, such as ``retry``.
            records: which records it is about.
            org: whose page it is.
            person: who presses it.
            method: GET for the OAuth callback.
            query: of the address.
            form: further fields.

        Raises:
            LookupError: the organization's page has no such button.
        """
        address = f"{SETTINGS}/{SLUG}"
        if records:
            form["key"] = [one if isinstance(one, str) else str(key_of(one)) for one in records]
        request = ActionRequest(
            org=org,
            person=person,
            page_url=address,
            action_url=address,
            query=query or {},
            form=form,
        )
        answer = dispatch(self.manager, SLUG, action, method, request)
        if answer is None:
            self._check_button(org, action, method)
        return answer

    def _check_button(self, org: Organization, action: str, method: str) -> None:
        """Name the buttons there are, where a page has none of that name."""
        look = attrs.evolve(self._request(SLUG), render=False)
        for panel in collect_panels(self.manager, org, look):
            known = sorted({one.name for one in panel.actions if one.method == method.upper()})
            if panel.slug == SLUG and action not in known:
                raise LookupError(f"no {method} button {action!r} on the page; it has {known}")

    def save(self, *records: Value, org: Organization = ORG, session: Any = None) -> None:  # noqa: ANN401  the host's own
        """Tell the plugins of records, each through its hook, as after the host's commit.

        Args:
            records: leads, invoices and payments.
            org: whose they are.
            session: the host's open SQLAlchemy session, to be called before the commit instead.

        Raises:
            TypeError: something is no record.
        """
        for record in records:
            common: dict[str, Any] = {"org": org, "session": session}
            if isinstance(record, Lead):
                notify(self.manager, "on_lead_saved", lead=record, **common)
            elif isinstance(record, Invoice):
                notify(self.manager, "on_invoice_updated", invoice=record, **common)
            elif isinstance(record, Payment):
                notify(self.manager, "on_payment_recorded", payment=record, **common)
            else:
                kind = type(record).__name__
                raise TypeError(f"save takes Lead, Invoice and Payment values, not {kind}")

    # What time does.

    def send(self, *, org: Organization | None = None) -> int:
        """Send what is due now; gives how many attempts were made.

        Args:
            org: whose records; None for every organization's.
        """
        self.runtime.intake.flush()
        return sum(self.runtime.drainer.drain(company) for company in self._companies(org))

    def settle(self, hours: float = 24.0) -> None:
        """Let time pass and send, until nothing is due any more.

        Raises:
            AssertionError: something is still due after so many hours.
        """
        until = self.clock.monotonic() + hours * 3600
        self.send()
        while self._due():
            if self.clock.monotonic() > until:
                raise AssertionError(f"records are still due after {hours} hours")
            self.clock.advance(LOOK)
            self.send()

    def tell(self) -> int:
        """Tell the host what is to be told now; gives how many notices it took."""
        return self.runtime.worker_tasks.teller.run()

    # What can be seen.

    def state(self, record: Record, *, org: Organization = ORG) -> str:
        """Return where a record stands, in the words that people see (``Synced``)."""
        return self.look(record, org=org).state.value

    def problem(self, record: Record, *, org: Organization = ORG) -> str:
        """Return what happened to a record, in the office's words; empty when nothing did."""
        from dunahub_qbo_plugin.advice import advise  # noqa: PLC0415  not for every pytest

        view = self.look(record, org=org)
        return "" if view.error is None else advise(view.key.kind, view.error).title

    def look(self, record: Record, *, org: Organization = ORG) -> RecordView:
        """Return everything that is known of a record.

        Raises:
            AssertionError: the plugin has no such record of this organization.
        """
        from dunahub_qbo_plugin.store.queries import records as views  # noqa: PLC0415  not for every pytest

        key = key_of(record)
        with self.runtime.database.read.connect() as db:
            connection = self.runtime.connections.current(db, org.id)
            view = None if connection is None else views.one(db, connection, key)
        if view is None:
            raise AssertionError(f"the plugin has no {key} of organization {org.id!r}")
        return view

    def page(self, *, org: Organization = ORG, **query: str) -> str:
        """Return the plugin's settings page; empty where this organization has none."""
        panel = show_panel(self.manager, org, SLUG, lambda slug: self._request(slug, query))
        return "" if panel is None else panel.html

    def card(self, record: Record, *, org: Organization = ORG) -> str:
        """Return what the plugins show on a record's own page."""
        key = key_of(record)
        cards = collect_cards(self.manager, org, self._request, HOST_KINDS[key.kind], key.local_id)
        return "\n".join(card.html for card in cards)

    def _request(self, slug: str, query: dict[str, str] | None = None) -> SettingsRequest:
        address = f"{SETTINGS}/{slug}"
        return SettingsRequest(
            person=PERSON, page_url=address, action_url=address, query=query or {}
        )

    def _companies(self, org: Organization | None) -> list[str]:
        with self.runtime.database.read.connect() as db:
            every = [one for one in self.runtime.connections.all(db) if one.current]
        return [one.id for one in every if org is None or one.org_id == org.id]

    def _due(self) -> bool:
        from dunahub_qbo_plugin.store.companies import leases  # noqa: PLC0415  not for every pytest

        with self.runtime.database.read.connect() as db:
            return bool(leases.due_companies(db, now=self.clock.now()))


def said(answer: Redirect | Download | None) -> str:
    """Return what an action came to, as it stands in the address it leads back to."""
    if not isinstance(answer, Redirect):
        return ""
    return parse_qs(urlsplit(answer.url).query).get("qbo", [""])[0]


def key_of(record: Record) -> RecordKey:
    """Return the key under which the plugin keeps a record.

    Raises:
        ValueError: a text names no kind of record.
    """
    match record:
        case Lead():
            return RecordKey(kind=Kind.CUSTOMER, local_id=record.id)
        case Invoice():
            return RecordKey(kind=Kind.INVOICE, local_id=record.id)
        case Payment():
            return RecordKey(kind=Kind.PAYMENT, local_id=record.id)
        case str():
            return RecordKey.parse(record)
        case _:
            return record
