"""Connect to Intuit, confirm, check and disconnect: the actions of the office, without HTML."""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import TYPE_CHECKING, Final

import attrs

from dunahub_qbo_plugin.connect import security_log
from dunahub_qbo_plugin.connect.results import (
    CallbackKind,
    CallbackResult,
    FailureReason,
    OtherCurrency,
    WrongCompany,
    failed,
    why_of,
)
from dunahub_qbo_plugin.connect.tokens import stored_tokens
from dunahub_qbo_plugin.errors import (
    Busy,
    Forbidden,
    QuickBooksPluginError,
    ReadsRefused,
    Refused,
    Unauthorized,
)
from dunahub_qbo_plugin.model import ErrorInfo, ReadReason
from dunahub_qbo_plugin.qbo.auth import Grant, RedactedStr, Secret
from dunahub_qbo_plugin.qbo.company_reads import read_profile
from dunahub_qbo_plugin.qbo.consequences import Meaning
from dunahub_qbo_plugin.qbo.fault_table import row_of
from dunahub_qbo_plugin.store import tasks
from dunahub_qbo_plugin.store.companies import oauth_states, pauses, region

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from dunahub_hookspecs import Organization, Person
    from dunahub_qbo_plugin.clock import Clock
    from dunahub_qbo_plugin.connect.profile import ProfileReader
    from dunahub_qbo_plugin.connect.tokens import TokenKeeper
    from dunahub_qbo_plugin.model import CompanyProfile
    from dunahub_qbo_plugin.qbo.client import QboClient
    from dunahub_qbo_plugin.qbo.oauth import IntuitOAuth
    from dunahub_qbo_plugin.store.companies.connection import Arrival, Tokens
    from dunahub_qbo_plugin.store.companies.connections import Connections
    from dunahub_qbo_plugin.store.db.cipher import Cipher
    from dunahub_qbo_plugin.store.db.database import Database

log = logging.getLogger(__name__)

MAX_REALM_LENGTH: Final = 32
"""Digits of a realm id at most."""
CHECK: Final = "check"
READ_LISTS: Final = "read-lists"
HOUR: Final = timedelta(hours=1)
LOOKS_IN_AN_HOUR: Final = {CHECK: 30, READ_LISTS: 10}
"""How often a company's people can have QuickBooks asked, whose reads all organizations share."""
ARRIVING: Final = "arriving"
"""What requests of companies that are not stored yet are counted and throttled under."""
MAX_PAUSE_WAIT: Final = 3.0
"""Seconds of a company's pause that a person's request, in a thread of the host, waits for."""


@attrs.frozen(kw_only=True)
class ConnectionService:
    """Connects organizations to QuickBooks companies and disconnects them.

    Attributes:
        environment: which of Intuit's worlds the app's keys are of.
        wake: rings the worker.
        note_reads: stores how many reads this process made.
    """

    database: Database
    connections: Connections
    cipher: Cipher
    oauth: IntuitOAuth
    client: QboClient
    reader: ProfileReader
    tokens: TokenKeeper
    clock: Clock
    environment: str
    wake: Callable[[], None]
    note_reads: Callable[[], None]

    def ready(self) -> None:
        """Raise what keeps anything from being sent, as far as settings tell.

        Raises:
            ConfigurationError: an operator must act.
        """
        self.oauth.check()

    def begin(self, org: Organization, person: Person, redirect_uri: str) -> str:
        """Return the address of Intuit's consent page for this person.

        Raises:
            ConfigurationError: a key is missing or wrong; said before the consent, not after it.
            QboError: Intuit's discovery document could not be fetched.
        """
        self.cipher.check()
        self.database.prepare()
        with self.database.write.begin() as db:
            state = oauth_states.issue(
                db,
                org_id=org.id,
                person_id=person.id,
                redirect_uri=redirect_uri,
                now=self.clock.now(),
            )
        address = self.oauth.authorization_url(redirect_uri, state)
        security_log.note("connect", "asked", org, person)
        return address

    def finish(self, org: Organization, person: Person, query: Mapping[str, str]) -> CallbackResult:
        """Handle the callback of Intuit's consent page."""
        result = self._finish(org, person, query)
        why = "" if result.why is None else f" ({result.why.value})"
        refused = result.kind is CallbackKind.FAILED
        security_log.note("callback", f"{result.kind.value}{why}", org, person, refused=refused)
        return result

    def _finish(
        self, org: Organization, person: Person, query: Mapping[str, str]
    ) -> CallbackResult:
        with self.database.write.begin() as db:
            redirect_uri = oauth_states.use(
                db,
                RedactedStr(query.get("state", "")),
                org_id=org.id,
                person_id=person.id,
                now=self.clock.now(),
            )
        if redirect_uri is None:
            return failed(FailureReason.LATE)
        if query.get("error") == "access_denied":
            return CallbackResult(kind=CallbackKind.DECLINED)
        code = RedactedStr(query.get("code", ""))
        realm_id = RedactedStr(query.get("realmId", ""))
        if (
            not code
            or not (realm_id.isascii() and realm_id.isdecimal())
            or len(realm_id) > MAX_REALM_LENGTH
        ):
            return failed(FailureReason.NO_COMPANY)
        try:
            arrival = self._arrive(org, person, Secret(code), realm_id, redirect_uri)
        except QuickBooksPluginError as error:
            log.warning("connecting failed: %s", type(error).__name__)
            return failed(why_of(error))
        if arrival.pending:
            return CallbackResult(kind=CallbackKind.CONFIRM)
        self.wake()
        if arrival.reconnected:
            return CallbackResult(kind=CallbackKind.RECONNECTED)
        return CallbackResult(kind=CallbackKind.CONNECTED)

    def _arrive(
        self, org: Organization, person: Person, code: Secret, realm_id: str, redirect_uri: str
    ) -> Arrival:
        asked_at = self.clock.now()
        fetched = self.oauth.exchange(code, redirect_uri)
        tokens = stored_tokens(fetched, realm_id=realm_id, asked_at=asked_at)
        try:
            read = self._read_first(realm_id, fetched.access_token)
        except ReadsRefused:
            # Whoever must reconnect while reads are used up would wait for the next month. The
            # first write shows whether the tokens are this company's, as it does any day.
            if not self._is_current(org.id, realm_id):
                raise
            read = None
        if read is not None and not read.is_in_dollars:
            self._revoke(tokens)
            raise OtherCurrency
        with self.database.write.begin() as db:
            arrival = self.connections.arrive(
                db,
                org_id=org.id,
                tokens=tokens,
                environment=self.environment,
                by=person.email or person.name,
                now=self.clock.now(),
            )
            region.open_region(db, org.id)
        self._revoke(arrival.let_go)
        self.client.metrics.move(ARRIVING, arrival.connection.id)
        if read is not None:
            self.reader.keep(arrival.connection.id, read)
        self.note_reads()
        return arrival

    def _is_current(self, org_id: str, realm_id: str) -> bool:
        """Return whether an organization sends to this very company already."""
        with self.database.read.connect() as db:
            current = self.connections.current(db, org_id)
            return current is not None and current.id in self.connections.of_realm(db, realm_id)

    def _read_first(self, realm_id: str, access_token: Secret) -> CompanyProfile | None:
        """Ask the company itself who it is, before anything is stored.

        Its id comes by the address of the callback, which the person can change: what it answers
        shows that the tokens are its own.

        Returns:
            what is to be known of it; None where it told no more than who it is.

        Raises:
            WrongCompany: the tokens are another company's.
            QuickBooksPluginError: it could not be asked.
        """
        grant = Grant(company=ARRIVING, realm_id=Secret(realm_id), access_token=access_token)
        reason = ReadReason.CONNECT
        try:
            company = self.client.company_info(grant, reason=reason)
        except (Unauthorized, Forbidden, Refused):
            raise WrongCompany from None
        try:
            return read_profile(self.client, grant, reason=reason, company=company)
        except QuickBooksPluginError as error:
            # The worker reads it before it first sends.
            log.warning("the company's settings could not be read: %s", type(error).__name__)
            return None

    def confirm(self, org: Organization, person: Person, company_id: str) -> bool:
        """Switch to the company that awaits confirmation.

        Args:
            org: the organization.
            person: who confirms.
            company_id: our id of the company that the person was asked about. Somebody else may
                have chosen another one meanwhile, which nobody has confirmed.

        Returns:
            True when that company is the organization's now.
        """
        with self.database.write.begin() as db:
            left = self.connections.confirm(
                db, org.id, company_id, by=person.email or person.name, now=self.clock.now()
            )
            current = self.connections.current(db, org.id)
        self._revoke(left)
        self.wake()
        done = current is not None and current.id == company_id
        security_log.note("confirm", "switched" if done else "nothing", org, person)
        return done

    def cancel(self, org: Organization, person: Person) -> None:
        """Discard the company that awaits confirmation."""
        with self.database.write.begin() as db:
            declined = self.connections.decline(db, org.id)
        self._revoke(declined)
        security_log.note("cancel", "kept the company as it was", org, person)

    def disconnect(self, org: Organization, person: Person) -> bool:
        """Stop at once, delete the tokens, and revoke the access at Intuit.

        The tokens are deleted even if Intuit cannot be reached (rule 17), and so are those of a
        company that still awaits confirmation.

        Returns:
            True when the access was revoked at Intuit; False when it is deleted here only.
        """
        with self.database.write.begin() as db:
            tokens = self.connections.disconnect(
                db, org.id, by=person.email or person.name, now=self.clock.now()
            )
            declined = self.connections.decline(db, org.id)
        revoked = all([self._revoke(tokens), self._revoke(declined)])
        if not self._empty_log():
            security_log.note("disconnect", "tokens still in the database's log", org, person)
        security_log.note("disconnect", "revoked" if revoked else "deleted here only", org, person)
        return revoked

    def check(self, org: Organization, person: Person) -> FailureReason | None:
        """Read the company's settings from QuickBooks; write no record (rule 31).

        It costs one metered read, two where the company keeps its own sales tax rates.

        Returns:
            why the connection does not work; None when it does.
        """
        with self.database.read.connect() as db:
            connection = self.connections.current(db, org.id)
        if connection is None or connection.disconnected_at is not None:
            return FailureReason.NOT_CONNECTED
        if not self._may_ask(connection.id, CHECK, person):
            return FailureReason.TOO_OFTEN
        try:
            self._ask(connection.id, self._read_settings)
        except QuickBooksPluginError as error:
            return why_of(error)
        paused = row_of(connection.paused_by)
        with self.database.write.begin() as db:
            # Reads work without a subscription: only a write shows that it was renewed.
            if paused.meaning is not Meaning.SUBSCRIPTION:
                pauses.resume(db, connection.id)
        self.wake()
        return None

    def _empty_log(self) -> bool:
        """Take the old tokens, encrypted as they are, out of the database's log as well."""
        try:
            return self.database.empty_log()
        except Exception as error:  # noqa: BLE001  it is disconnected whatever becomes of this
            log.warning("the database's log could not be emptied: %s", type(error).__name__)
            return False

    def _may_ask(self, company_id: str, name: str, person: Person) -> bool:
        """Note that a person has QuickBooks asked; return whether that is within the limit."""
        with self.database.write.begin() as db:
            return tasks.spend(
                db,
                company_id,
                name,
                most=LOOKS_IN_AN_HOUR[name],
                within=HOUR,
                by=person.email or person.name,
                now=self.clock.now(),
            )

    def read_lists(self, org: Organization, person: Person) -> FailureReason | None:
        """Read the company's settings and lists afresh, because a person wants to see them.

        Returns:
            why they could not be read; None when they were.
        """
        with self.database.read.connect() as db:
            connection = self.connections.current(db, org.id)
        if connection is None or connection.disconnected_at is not None:
            return FailureReason.NOT_CONNECTED
        if not self._may_ask(connection.id, READ_LISTS, person):
            return FailureReason.TOO_OFTEN
        try:
            self.read_profile(connection.id, reason=ReadReason.OFFICE)
        except QuickBooksPluginError as error:
            return why_of(error)
        self.wake()
        return None

    def read_profile(self, company_id: str, *, reason: ReadReason) -> None:
        """Read a company's settings and lists afresh.

        Raises:
            QuickBooksPluginError: not connected, expired, or QuickBooks did not answer.
        """
        self._ask(company_id, lambda grant: self.reader.whole(grant, reason=reason))

    def _read_settings(self, grant: Grant) -> CompanyProfile:
        return self.reader.settings(grant, reason=ReadReason.OFFICE)

    def _ask(self, company_id: str, read: Callable[[Grant], CompanyProfile]) -> None:
        if self.client.wait(company_id) > MAX_PAUSE_WAIT:
            raise Busy(ErrorInfo(code="rest"))
        grant = self.tokens.grant(company_id)
        try:
            read(grant)
        except Unauthorized:  # access may have been taken away in QuickBooks: the renewal tells
            read(self.tokens.grant(company_id, refused=grant))
        finally:
            self.note_reads()

    def _revoke(self, tokens: Tokens | None) -> bool:
        if tokens is None:
            return True
        try:
            self.oauth.revoke(Secret(tokens.refresh))
        except QuickBooksPluginError as error:
            log.warning("access could not be revoked at Intuit: %s", type(error).__name__)
            return False
        return True
