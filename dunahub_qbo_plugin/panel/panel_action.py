"""Declare and run the actions of the panel."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final, Literal

import attrs

from dunahub_hookspecs import ActionRequest, Download, Redirect
from dunahub_qbo_plugin.errors import NotConnected
from dunahub_qbo_plugin.panel import form_input
from dunahub_qbo_plugin.panel.context import PanelContext

if TYPE_CHECKING:
    from datetime import datetime

    import sqlalchemy as sa

    from dunahub_qbo_plugin.panel.flash import ActionResult
    from dunahub_qbo_plugin.store.companies.connection import Connection

PIECE: Final = 1000
"""Records that one transaction changes, so that no hook and no host waits long for it."""
Answer = str | Redirect | Download
"""What an action answers: a code of the page's messages, or somewhere else to go."""
Run = Callable[[PanelContext, ActionRequest], Answer]


class Refusal(Exception):
    """The form asks for something that cannot be; the transaction is rolled back.

    Attributes:
        result: what the page says.
    """

    def __init__(self, result: ActionResult) -> None:
        super().__init__(result.value)
        self.result = result


@attrs.frozen(kw_only=True)
class PanelAction:
    """One thing that people can do from the page or from a record's card.

    Attributes:
        name: the last part of its address.
        run: does it: `InTransaction`, `InRead`, or a function of its own.
        method: ``GET`` changes nothing, but for the callback, which its ``state`` guards.
        stays_open: the section that is shown unfolded afterwards; empty for none.
    """

    name: str
    run: Run
    method: Literal["GET", "POST"] = "POST"
    stays_open: str = ""


@attrs.frozen(kw_only=True)
class Transaction:
    """A transaction on the company that an organization is connected to.

    A form can name records of that company only: a key of another one's finds nothing in it.

    Attributes:
        db: open; committed when the action returns.
        by: who asks, as the history names people.
    """

    db: sa.Connection
    connection: Connection
    request: ActionRequest
    by: str
    now: datetime

    @classmethod
    def of(
        cls, context: PanelContext, db: sa.Connection, request: ActionRequest, *, connected: bool
    ) -> Transaction:
        """Find the organization's company.

        Raises:
            NotConnected: it has none, or none that is connected where that is needed.
        """
        connection = context.connections.current(db, request.org.id)
        if connection is None or (connected and connection.disconnected_at is not None):
            raise NotConnected("the organization is not connected")
        return cls(
            db=db,
            connection=connection,
            request=request,
            by=form_input.by(request.person),
            now=context.clock.now(),
        )


@attrs.frozen(kw_only=True)
class InTransaction:
    """Changes something in one transaction and wakes the worker, which acts on it.

    Attributes:
        change: makes the change; returns how many records it found, 0 for none.
        done: the answer when it found some.
        nothing: the answer when it found none.
        connected: True when the company must be connected.
    """

    change: Callable[[Transaction], int]
    done: ActionResult
    nothing: ActionResult
    connected: bool = True

    def __call__(self, context: PanelContext, request: ActionRequest) -> Answer:
        """Run it.

        Raises:
            NotConnected: the organization is not connected.
            Refusal: the form asks for what cannot be; nothing is changed.
        """
        with context.database.write.begin() as db:
            found = self.change(Transaction.of(context, db, request, connected=self.connected))
        context.wake()
        return self.done if found else self.nothing


@attrs.frozen(kw_only=True)
class InPieces(InTransaction):
    """Changes any number of records, `PIECE` in a transaction, so that nobody waits for it long.

    Attributes:
        change: makes the change for as many as are left, and at most a piece; returns how many.
    """

    def __call__(self, context: PanelContext, request: ActionRequest) -> Answer:
        """Run it.

        Raises:
            NotConnected: the organization is not connected.
            Refusal: the form asks for what cannot be; nothing is changed.
        """
        total = in_pieces(context, request, self.change, connected=self.connected)
        context.wake()
        return self.done if total else self.nothing


def in_pieces(
    context: PanelContext,
    request: ActionRequest,
    change: Callable[[Transaction], int],
    *,
    connected: bool,
) -> int:
    """Make a change again and again, each in a transaction, until it finds less than a piece."""
    total = 0
    while True:
        with context.database.write.begin() as db:
            # Read again each time: a disconnect in between ends it.
            found = change(Transaction.of(context, db, request, connected=connected))
        total += found
        if found < PIECE:
            return total


@attrs.frozen
class InRead:
    """Makes a file of what the company has, disconnected or not.

    Attributes:
        read: makes it.
    """

    read: Callable[[Transaction], Download]

    def __call__(self, context: PanelContext, request: ActionRequest) -> Answer:
        """Run it.

        Raises:
            NotConnected: the organization never connected.
        """
        with context.database.read.connect() as db:
            return self.read(Transaction.of(context, db, request, connected=False))
