"""Every hook that DunaHub calls on its plugins.

Rules that hold for all of them:

- Arguments are passed by name; an implementation may leave out those that it does not need.
- The host calls them through `dunahub_hookspecs.host`, which keeps one plugin's error from
  reaching another plugin or the host. An implementation still catches its own errors.
- An event hook returns at once. It does local work only: no network, no waiting.
- ``session`` is the host's open SQLAlchemy session, or None. With a session the host is **inside
  its own transaction, which has not been committed yet**: what the plugin writes through it commits
  or rolls back together with the record. With None the record **has been committed already**, and
  the plugin keeps what it needs in a store of its own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dunahub_hookspecs.markers import hookspec

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy.orm import Session

    from dunahub_hookspecs.settings import Host, RecordCard, SettingsPanel, SettingsRequest
    from dunahub_hookspecs.values import Invoice, Lead, Organization, Payment, RecordKind


class DunaHubSpecs:
    """The hook specifications. Implementations carry the same names under `hookimpl`."""

    @hookspec
    def on_startup(self, host: Host) -> None:
        """Fires once, when the host has loaded its plugins and before it takes requests.

        Transaction: none. Returns: nothing. A plugin may read its configuration here; it opens
        files and connections only when it first needs them.

        Example::

            @hookimpl
            def on_startup(self, host: Host) -> None:
                self.data_dir = host.data_dir
        """

    @hookspec
    def on_shutdown(self) -> None:
        """Fires once, when the host stops. Everything that was opened is closed.

        Transaction: none. Returns: nothing. It may take a few seconds to finish what is under way.

        Example::

            @hookimpl
            def on_shutdown(self) -> None:
                self.worker.stop()
        """

    @hookspec
    def on_lead_saved(self, org: Organization, lead: Lead, session: Session | None) -> None:
        """Fires after each save of a lead, new or changed, also when nothing differs.

        Transaction: inside the host's with ``session``, after its commit with None.
        Returns: nothing. The same lead may come twice, and late.

        Example::

            @hookimpl
            def on_lead_saved(self, org: Organization, lead: Lead) -> None:
                log.info("lead %s of %s was saved", lead.id, org.id)
        """

    @hookspec
    def on_invoice_created(
        self, org: Organization, invoice: Invoice, session: Session | None
    ) -> None:
        """Fires when an invoice was created, whatever it was made from.

        Transaction: inside the host's with ``session``, after its commit with None.
        Returns: nothing. The same invoice may come twice.

        Example::

            @hookimpl
            def on_invoice_created(self, org: Organization, invoice: Invoice) -> None:
                log.info("invoice %s over %s", invoice.number, invoice.total)
        """

    @hookspec
    def on_invoice_updated(
        self, org: Organization, invoice: Invoice, session: Session | None
    ) -> None:
        """Fires when an invoice changed, or was voided (``status`` is then ``VOID``).

        Transaction: inside the host's with ``session``, after its commit with None.
        Returns: nothing. It may come without an ``on_invoice_created`` before it, when the plugin
        was installed later.

        Example::

            @hookimpl
            def on_invoice_updated(self, org: Organization, invoice: Invoice) -> None:
                if invoice.status is InvoiceStatus.VOID:
                    log.info("invoice %s was voided", invoice.number)
        """

    @hookspec
    def on_payment_recorded(
        self, org: Organization, payment: Payment, session: Session | None
    ) -> None:
        """Fires when a payment was recorded on an invoice, however it was collected.

        Transaction: inside the host's with ``session``, after its commit with None.
        Returns: nothing. The same payment may come twice, and before its invoice.

        Example::

            @hookimpl
            def on_payment_recorded(self, org: Organization, payment: Payment) -> None:
                log.info("%s paid by %s", payment.amount, payment.method)
        """

    @hookspec
    def on_webhook(self, name: str, body: bytes, headers: Mapping[str, str]) -> int | None:
        """Fires when another service calls the host's address for a plugin's webhooks.

        Transaction: none. ``body`` is the raw bytes, unparsed: a signature is of these. Returns:
        the HTTP status of the answer, at once; None when the name is not the plugin's, or it takes
        none. No session, no CSRF token and no sign-in belong to such a call.

        Example::

            @hookimpl
            def on_webhook(self, name: str, body: bytes, headers: Mapping[str, str]) -> int | None:
                return self.take(body, headers) if name == "hello" else None
        """

    @hookspec
    def on_settings_render(
        self, org: Organization, request: SettingsRequest
    ) -> SettingsPanel | None:
        """Fires when the settings menu or a plugin's page in it is shown, and before an action.

        Transaction: none. Returns: the plugin's panel, or None when it has none for this
        organization (it is then not in the menu, and its actions do not exist).

        Example::

            @hookimpl
            def on_settings_render(
                self, org: Organization, request: SettingsRequest
            ) -> SettingsPanel | None:
                return SettingsPanel(slug="hello", title="Hello", html="<p>Hello</p>")
        """

    @hookspec
    def on_record_render(
        self, org: Organization, request: SettingsRequest, kind: RecordKind, record_id: str
    ) -> RecordCard | None:
        """Fires when the page of a lead, an invoice or a payment is shown.

        Transaction: none. ``request`` is the settings request of this person, so that the card's
        forms reach the panel's actions. Returns: a card, or None when there is nothing to say.

        Example::

            @hookimpl
            def on_record_render(self, kind: RecordKind, record_id: str) -> RecordCard | None:
                return RecordCard(title="Hello", html=f"<p>{kind} {escape(record_id)}</p>")
        """
