"""What people can do from the page and the record card. Each answers with a redirect to the page.

An action works in the current company of the organization that the host passed, and the store
changes records of that company only: a key of somebody else's record finds nothing.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final

import attrs

from dunahub_hookspecs import Action, Redirect
from dunahub_qbo_plugin.errors import ConfigurationError, NotConnected
from dunahub_qbo_plugin.model import RecordKey
from dunahub_qbo_plugin.panel.flash import Said
from dunahub_qbo_plugin.panel.links import page_address
from dunahub_qbo_plugin.panel.status import may_resume
from dunahub_qbo_plugin.store import asks, gate

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from datetime import datetime

    import sqlalchemy as sa

    from dunahub_hookspecs import ActionRequest, Download, Person
    from dunahub_qbo_plugin.panel.context import PanelContext
    from dunahub_qbo_plugin.store.connections import Connection

    Ask = Callable[[sa.Connection, Connection, Sequence[RecordKey]], int]
    Handler = Callable[["Actions", ActionRequest], "Said | Redirect"]

log = logging.getLogger(__name__)

LONGEST_REASON: Final = 200
_BATCH: Final = 400
"""Keys in one statement: SQLite refuses conditions that are nested deeper than 1,000."""
_MOST_KEYS: Final = 5000


def panel_actions(context: PanelContext) -> tuple[Action, ...]:
    """Give every action of the panel."""
    actions = Actions(context=context)
    return tuple(
        Action(
            name=name,
            method="GET" if name == "callback" else "POST",
            handle=_guarded(actions, name, handler),
        )
        for name, handler in _HANDLERS.items()
    )


def _guarded(
    actions: Actions, name: str, handler: Handler
) -> Callable[[ActionRequest], Redirect | Download]:
    """Turn whatever goes wrong into a sentence on the page; only the log learns the details."""

    def handle(request: ActionRequest) -> Redirect:
        try:
            actions.context.database.prepare()
            answer = handler(actions, request)
        except ConfigurationError as error:
            log.warning("the action %s needs an operator: %s", name, error)
            answer = Said.SETUP
        except NotConnected:
            answer = Said.NOT_CONNECTED
        except Exception:
            log.exception("the action %s failed for organization %s", name, request.org.id)
            answer = Said.TROUBLE
        if isinstance(answer, Redirect):
            return answer
        return Redirect(url=page_address(request.page_url, qbo=answer.value))

    return handle


@attrs.frozen(kw_only=True)
class Actions:
    """The actions, one method each; what they return is said on the page."""

    context: PanelContext

    def connect(self, request: ActionRequest) -> Said | Redirect:
        """Send the person to Intuit's consent page."""
        back = self.context.config.redirect_uri or f"{request.action_url}/callback"
        return Redirect(url=self.context.linking.begin(request.org, request.person, back))

    def callback(self, request: ActionRequest) -> Said:
        """Take what Intuit's consent page sent back; ``state`` guards it."""
        finished = self.context.linking.finish(request.org, request.person, request.query)
        return Said(finished.kind.value)

    def disconnect(self, request: ActionRequest) -> Said:
        """Stop sending, and give the access back."""
        self.context.linking.disconnect(request.org, request.person)
        return Said.DISCONNECTED

    def check(self, request: ActionRequest) -> Said:
        """Ask QuickBooks whether the connection works, without making a record."""
        checked = self.context.linking.check(request.org)
        return Said.CHECKED if checked.ok else Said.CHECK_FAILED

    def confirm_company(self, request: ActionRequest) -> Said:
        """Go over to the other company that was chosen."""
        self.context.linking.confirm(request.org, request.person)
        return Said.CONFIRMED

    def cancel_company(self, request: ActionRequest) -> Said:
        """Let go of the other company that was chosen."""
        self.context.linking.cancel(request.org, request.person)
        return Said.CANCELED

    def retry(self, request: ActionRequest) -> Said:
        """Try the named records again."""

        def ask(db: sa.Connection, connection: Connection, keys: Sequence[RecordKey]) -> int:
            self._resume(db, connection)
            return asks.retry(db, connection, keys, by=_by(request.person), now=self._now)

        return self._ask(request, ask, Said.RETRIED, Said.NOTHING_TO_RETRY)

    def retry_all(self, request: ActionRequest) -> Said:
        """Try everything again that needs attention, and what waits for the company."""
        with self.context.database.write.begin() as db:
            connection = self._connection(db, request)
            self._resume(db, connection)
            found = asks.retry(db, connection, None, by=_by(request.person), now=self._now)
        self.context.wake()
        return Said.RETRIED if found else Said.NOTHING_TO_RETRY

    def resume(self, request: ActionRequest) -> Said:
        """Cut a company's pause short, after what caused it was mended."""
        with self.context.database.write.begin() as db:
            self._resume(db, self._connection(db, request))
        self.context.wake()
        return Said.RETRIED

    def link(self, request: ActionRequest) -> Said:
        """Link a record to the object that QuickBooks has already."""

        def ask(db: sa.Connection, connection: Connection, keys: Sequence[RecordKey]) -> int:
            by = _by(request.person)
            return sum(asks.link(db, connection, key, by=by, now=self._now) for key in keys)

        return self._ask(request, ask, Said.LINKED, Said.NOT_LINKED)

    def send(self, request: ActionRequest) -> Said:
        """Send the named records that a disconnect left behind."""

        def ask(db: sa.Connection, connection: Connection, keys: Sequence[RecordKey]) -> int:
            return asks.send(db, connection, keys, by=_by(request.person), now=self._now)

        return self._ask(request, ask, Said.SENDING, Said.NOTHING_TO_SEND)

    def dismiss(self, request: ActionRequest) -> Said:
        """Decide not to send the named records, for a reason."""
        reason = _reason(request.value("reason"))
        if not reason:
            return Said.NO_REASON

        def ask(db: sa.Connection, connection: Connection, keys: Sequence[RecordKey]) -> int:
            by = _by(request.person)
            return asks.dismiss(db, connection, keys, reason=reason, by=by, now=self._now)

        return self._ask(request, ask, Said.DISMISSED, Said.NOT_DISMISSED, connected=False)

    def undo(self, request: ActionRequest) -> Said:
        """Take a dismissal back."""

        def ask(db: sa.Connection, connection: Connection, keys: Sequence[RecordKey]) -> int:
            by = _by(request.person)
            return sum(asks.undo_dismiss(db, connection, key, by=by, now=self._now) for key in keys)

        return self._ask(request, ask, Said.UNDONE, Said.NOT_UNDONE, connected=False)

    @property
    def _now(self) -> datetime:
        return self.context.clock.now()

    def _ask(
        self,
        request: ActionRequest,
        ask: Ask,
        done: Said,
        nothing: Said,
        *,
        connected: bool = True,
    ) -> Said:
        keys = _keys(request)
        if not keys:
            return Said.UNKNOWN_RECORD
        with self.context.database.write.begin() as db:
            connection = self._connection(db, request, connected=connected)
            found = sum(ask(db, connection, batch) for batch in _batches(keys))
        self.context.wake()
        return done if found else nothing

    def _connection(
        self, db: sa.Connection, request: ActionRequest, *, connected: bool = True
    ) -> Connection:
        """Give the organization's own company.

        Raises:
            NotConnected: it has none, or none that is connected where that is needed.
        """
        connection = self.context.connections.current(db, request.org.id)
        if connection is None or (connected and connection.disconnected_at is not None):
            raise NotConnected("the organization is not connected")
        return connection

    @staticmethod
    def _resume(db: sa.Connection, connection: Connection) -> None:
        if connection.paused_until is not None and may_resume(connection):
            gate.resume(db, connection.id)


def _keys(request: ActionRequest) -> list[RecordKey]:
    """Read the records that a form names; what is none of ours is left out."""
    keys: dict[RecordKey, None] = {}
    for text in request.form.get("key", ())[:_MOST_KEYS]:
        try:
            keys[RecordKey.parse(text)] = None
        except ValueError:
            continue
    return list(keys)


def _batches(keys: Sequence[RecordKey]) -> Iterator[Sequence[RecordKey]]:
    for start in range(0, len(keys), _BATCH):
        yield keys[start : start + _BATCH]


def _by(person: Person) -> str:
    """Name a person in the history; brackets would end the name there."""
    name = person.email or person.name or person.id
    return " ".join(name.replace("(", " ").replace(")", " ").split())


def _reason(text: str) -> str:
    plain = "".join(character if character.isprintable() else " " for character in text)
    return " ".join(plain.split())[:LONGEST_REASON]


_HANDLERS: Final[dict[str, Handler]] = {
    "connect": Actions.connect,
    "callback": Actions.callback,
    "disconnect": Actions.disconnect,
    "check": Actions.check,
    "confirm-company": Actions.confirm_company,
    "cancel-company": Actions.cancel_company,
    "retry": Actions.retry,
    "retry-all": Actions.retry_all,
    "resume": Actions.resume,
    "link": Actions.link,
    "send": Actions.send,
    "dismiss": Actions.dismiss,
    "undo": Actions.undo,
}
