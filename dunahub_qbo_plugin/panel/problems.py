"""What only an operator can fix, with the command."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import attrs

from dunahub_qbo_plugin.errors import ConfigurationError
from dunahub_qbo_plugin.store.db.cipher import Cipher

if TYPE_CHECKING:
    import sqlalchemy as sa

    from dunahub_qbo_plugin.panel.context import PanelContext
    from dunahub_qbo_plugin.store.companies.connection import Connection


@attrs.frozen(kw_only=True)
class Problem:
    """Something that an operator must do.

    Attributes:
        sentence: what is wrong and what helps.
        command: what to type, if anything.
    """

    sentence: str
    command: str = ""


DATABASE: Final = Problem(
    sentence="The database of the QuickBooks plugin cannot be used. Check that it runs and that "
    "DUNAHUB_QBO_DATABASE_URL is its address; the log names the cause. This command shows whether "
    "it works:",
    command="dunahub-qbo status",
)
NO_APP: Final = Problem(
    sentence="The keys of the Intuit app are missing. Create an app at developer.intuit.com, then "
    "set DUNAHUB_QBO_CLIENT_ID and DUNAHUB_QBO_CLIENT_SECRET and restart DunaHub."
)


def setup_problem(
    context: PanelContext, db: sa.Connection, connection: Connection | None
) -> Problem | None:
    """Return the setting that is missing or wrong; None if all are right."""
    config = context.config
    if config.problem:
        return Problem(sentence=as_sentence(config.problem))
    has_app = bool(config.client_id and config.client_secret)
    try:
        Cipher(config.fernet_keys).check()
        if connection is not None:
            context.connections.tokens(db, connection.id)
    except ConfigurationError as error:
        missing = as_sentence(str(error))
        return Problem(sentence=missing if has_app else f"{missing} {NO_APP.sentence}")
    if not has_app:
        return NO_APP
    try:
        context.connection_service.ready()
    except ConfigurationError as error:
        return Problem(sentence=str(error))
    return None


def as_sentence(text: str) -> str:
    """Return a message with a capital letter and a period."""
    text = text.strip()
    return f"{text[:1].upper()}{text[1:]}{'' if text.endswith('.') else '.'}"
