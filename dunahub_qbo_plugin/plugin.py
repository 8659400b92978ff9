"""The plugin object with its hooks, each of which logs any exception and returns."""

from __future__ import annotations

import atexit
import logging
import os
import threading
from typing import TYPE_CHECKING

import attrs

from dunahub_hookspecs import Region, hookimpl
from dunahub_qbo_plugin.config import Config, Worker
from dunahub_qbo_plugin.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from sqlalchemy.orm import Session

    from dunahub_hookspecs import (
        Host,
        Invoice,
        Lead,
        Notice,
        Organization,
        Payment,
        RecordCard,
        RecordKind,
        SettingsPanel,
        SettingsRequest,
    )
    from dunahub_qbo_plugin.runtime import Runtime

log = logging.getLogger(__name__)


@attrs.define(eq=False)
class QuickBooksPlugin:
    """Sends an organization's customers, invoices and payments to QuickBooks Online.

    Creating one does nothing; files, connections and the worker thread come with the first use.

    Attributes:
        config: settings; None to read them from the environment at the first use.
        bell: for a host with a queue of its own (and ``DUNAHUB_QBO_WORKER=off``): queues a call of
            `drain` with the company id that it is passed. It is called after the commit, in a
            thread of the plugin's, and again a second later if it raises. Set it before the first
            use.
    """

    config: Config | None = attrs.field(default=None, repr=False)
    bell: Callable[[str], None] | None = attrs.field(default=None, repr=False)
    _host: Host | None = attrs.field(default=None, init=False, repr=False)
    _runtime: Runtime | None = attrs.field(default=None, init=False, repr=False)
    _lock: threading.Lock = attrs.field(factory=threading.Lock, init=False, repr=False)

    @hookimpl
    def on_startup(self, host: Host) -> None:
        """Remember the host. Nothing is started here: this process may be one that is forked.

        The first hook, page or card of each process starts what sends there; what was left due
        when the host last stopped goes on then, too.
        """
        self._host = host

    @hookimpl
    def on_shutdown(self) -> None:
        """Stop the worker and close everything; a later hook starts again.

        In a child that was forked after the first use, and never used the plugin itself, there is
        nothing to stop: what is open belongs to the parent, and is let go of.
        """
        with self._lock:
            runtime, self._runtime = self._runtime, None
        if runtime is None:
            return
        try:
            if runtime.pid == os.getpid():
                runtime.close()
            else:
                runtime.abandon()
        except Exception:
            log.exception("the QuickBooks plugin could not close cleanly")

    def start(self) -> None:
        """Start sending in this process without waiting for a first hook.

        For a host that does not fork after it.

        Raises:
            ConfigurationError: a setting cannot be.
        """
        runtime = self.runtime()
        if runtime.database.is_ready():
            runtime.engine.ring()

    @hookimpl
    def on_lead_saved(self, org: Organization, lead: Lead, session: Session | None) -> None:
        """Store a lead to be sent (rule 3)."""
        try:
            if self._is_us(org):
                self.runtime().intake.lead(org.id, lead, session)
        except Exception:
            log.exception("a lead could not be taken in")

    @hookimpl
    def on_invoice_created(
        self, org: Organization, invoice: Invoice, session: Session | None
    ) -> None:
        """Store an invoice to be sent, with its lead (rules 4 and 8)."""
        self._take_invoice(org, invoice, session)

    @hookimpl
    def on_invoice_updated(
        self, org: Organization, invoice: Invoice, session: Session | None
    ) -> None:
        """Store a change or a void of an invoice to be sent (rule 4)."""
        self._take_invoice(org, invoice, session)

    def _take_invoice(self, org: Organization, invoice: Invoice, session: Session | None) -> None:
        try:
            if self._is_us(org):
                self.runtime().intake.invoice(org.id, invoice, session)
        except Exception:
            log.exception("an invoice could not be taken in")

    @hookimpl
    def on_payment_recorded(
        self, org: Organization, payment: Payment, session: Session | None
    ) -> None:
        """Store a payment to be sent (rule 5)."""
        try:
            if self._is_us(org):
                self.runtime().intake.payment(org.id, payment, session)
        except Exception:
            log.exception("a payment could not be taken in")

    @hookimpl
    def on_settings_render(
        self, org: Organization, request: SettingsRequest
    ) -> SettingsPanel | None:
        """Return Settings → QuickBooks, for organizations in the US only (rule 13)."""
        try:
            if not self._is_us(org):
                return None
            from dunahub_qbo_plugin.connect.region import enter  # noqa: PLC0415  as above
            from dunahub_qbo_plugin.panel.page import settings_panel  # noqa: PLC0415  a host that never shows the page need not load it

            runtime = self.runtime()
            try:
                enter(runtime.database, org.id)
            except Exception:
                log.exception("an organization could not be let go on")  # the page says why
            self._wake(runtime)
            return settings_panel(runtime.panel, org, request)
        except Exception as error:
            log.exception("the QuickBooks settings could not be shown")
            return self._problem(error) if org.region is Region.US else None

    @staticmethod
    def _problem(error: Exception) -> SettingsPanel | None:
        """Return a panel that says what an operator must do; None if that fails too."""
        try:
            from dunahub_qbo_plugin.panel.page import trouble_panel  # noqa: PLC0415  as above

            return trouble_panel(error)
        except Exception:
            log.exception("the QuickBooks page could not be made at all")
            return None

    @hookimpl
    def on_webhook(self, name: str, body: bytes, headers: Mapping[str, str]) -> int | None:
        """Note what Intuit says was changed in QuickBooks; off until there is a verifier token."""
        if name != "quickbooks" or not self.runtime().config.webhook_tokens:
            return None
        try:
            runtime = self.runtime()
            runtime.database.prepare()
            return runtime.webhooks.receive(body, headers)
        except Exception:
            log.exception("a webhook could not be taken; Intuit delivers it again")
            return 503

    @hookimpl
    def on_record_render(
        self, org: Organization, request: SettingsRequest, kind: RecordKind, record_id: str
    ) -> RecordCard | None:
        """Return the QuickBooks card of a lead, an invoice or a payment (rule 21)."""
        try:
            if not self._is_us(org):
                return None
            from dunahub_qbo_plugin.panel.card import record_card  # noqa: PLC0415  as above

            runtime = self.runtime()
            self._wake(runtime)
            return record_card(runtime.panel, org, request, kind, record_id)
        except Exception:
            log.exception("the QuickBooks card could not be shown")
            return None

    @staticmethod
    def _wake(runtime: Runtime) -> None:
        """Start what sends in this process, where a page is the first that it hears of the host."""
        try:
            if runtime.database.is_ready():
                runtime.engine.start()
        except Exception as error:  # noqa: BLE001  no thread can be started: a hook will try again
            log.warning("the worker could not be started: %s", error)

    def drain(self, company_id: str) -> bool:
        """Send what a company has due; for a task of the host's own queue (Celery, RQ ...).

        It may be called for any company at any time, also concurrently: the second call returns
        immediately, and nothing is sent twice. It ends after half a minute at the latest, so that
        companies take turns.

        Args:
            company_id: as passed to `bell` or returned by `due_companies`.

        Returns:
            True if there is more to send: queue the company again.

        Raises:
            ConfigurationError: a setting is invalid.
        """
        return self.runtime().worker_tasks.drain(company_id)

    def due_companies(self) -> list[str]:
        """Return the companies that have something due and are not being drained; up to 500.

        For a periodic task of the host's own queue, every few seconds: it finds retries whose time
        has come, and what a worker that died has left.

        Raises:
            ConfigurationError: a setting is invalid.
            sqlalchemy.exc.SQLAlchemyError: the database cannot be reached.
        """
        return self.runtime().worker_tasks.sweep().companies

    def flush(self) -> int:
        """Write what hooks kept in this process' memory because the database was busy.

        For a host without a session that must know that what it saved is durable: a hook does not
        wait for a lock, and what is in memory only is lost with the process.

        Returns:
            how many records there were.

        Raises:
            sqlalchemy.exc.SQLAlchemyError: the database still cannot be written.
        """
        return self.runtime().intake.flush()

    def forget_record(self, org_id: str, kind: RecordKind, record_id: str) -> int:
        """Delete what is stored of one person, as ``dunahub-qbo forget-record`` does.

        For a host that deletes a lead because its person asked for it: after the lead is deleted
        there, since what is saved again is stored again.

        Args:
            org_id: whose record it is.
            kind: of the record; of a lead its invoices and payments are meant as well.
            record_id: the host's id of it.

        Returns:
            how many records it was about.

        Raises:
            RuntimeError: one of them is just being sent; nothing was changed. Call it again in
                some minutes.
            ConfigurationError: a setting is invalid.
            sqlalchemy.exc.SQLAlchemyError: the database cannot be reached.
        """
        from dunahub_qbo_plugin.model import RecordKey  # noqa: PLC0415  seldom needed
        from dunahub_qbo_plugin.panel.links import KIND_OF  # noqa: PLC0415  as above
        from dunahub_qbo_plugin.store.records import forget_person  # noqa: PLC0415  as above

        runtime = self.runtime()
        runtime.intake.flush()
        key = RecordKey(kind=KIND_OF[kind], local_id=record_id)
        return forget_person.forget_record(runtime.database, org_id, key)

    def upkeep(self) -> None:
        """Renew idle tokens, prune the history, run what pages asked for, and tell the host.

        For a periodic task of the host's own queue, every minute.

        Raises:
            ConfigurationError: a setting is invalid.
            sqlalchemy.exc.SQLAlchemyError: the database cannot be reached.
        """
        self.runtime().worker_tasks.tasks.run_waiting()
        self.runtime().worker_tasks.teller.run()
        self.runtime().worker_tasks.upkeep.run()

    def runtime(self) -> Runtime:
        """Return this process' runtime, built at the first call and after a fork.

        Raises:
            ConfigurationError: a setting is invalid.
        """
        runtime = self._runtime
        if runtime is not None and runtime.pid == os.getpid():
            return runtime
        with self._lock:
            if self._runtime is not None and self._runtime.pid != os.getpid():
                self._runtime.abandon()
                self._runtime = None
            if self._runtime is None:
                self._runtime = self._made()
                # What is under way winds down before the interpreter takes its own threads apart.
                atexit.unregister(self.on_shutdown)
                atexit.register(self.on_shutdown)
            return self._runtime

    def _made(self) -> Runtime:
        """Build from the settings; where one of them is wrong, only what stores (rule 9).

        A hook that took nothing in for a mistyped address would lose what it was told.
        """
        data_dir = self._host.data_dir if self._host else None
        try:
            return self._build(self.config or Config.from_environ(os.environ, data_dir=data_dir))
        except ConfigurationError as error:
            log.error("nothing is sent to QuickBooks, what is saved is kept: %s", error)  # noqa: TRY400  the text says it all
            if self.config is not None:
                storing = attrs.evolve(self.config, worker=Worker.OFF, problem=str(error))
            else:
                storing = Config.for_storing(os.environ, str(error), data_dir=data_dir)
            return self._build(storing)

    def _build(self, config: Config) -> Runtime:
        """Put the objects together; a test's plugin brings its clock and its network."""
        from dunahub_qbo_plugin.runtime import build  # noqa: PLC0415  keeps the host's start quick

        return build(config, host_bell=self.bell, notify=self._notify_host())

    def _notify_host(self) -> Callable[[Notice], None] | None:
        """Return what takes notices: the host's callable."""
        return None if self._host is None else self._host.notify

    def running(self) -> Runtime | None:
        """Return this process' runtime, None before the first use and after the shutdown."""
        runtime = self._runtime
        return runtime if runtime is not None and runtime.pid == os.getpid() else None

    def _is_us(self, org: Organization) -> bool:
        """Return whether an organization is in the US; if not, stop its sending (rule 13)."""
        if org.region is Region.US:
            return True
        from dunahub_qbo_plugin.connect.region import leave  # noqa: PLC0415  seldom needed

        leave(self.runtime().database, org.id, now=self.runtime().clock.now())
        return False


plugin = QuickBooksPlugin()
"""The object that the entry point names; inert until a host calls a hook."""
