"""What is to be done although nobody saved anything: tokens kept alive, old entries let go."""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import TYPE_CHECKING, Final

import attrs

from dunahub_qbo_plugin.errors import (
    ConfigurationError,
    GrantRevoked,
    NotConnected,
    QuickBooksPluginError,
)
from dunahub_qbo_plugin.store.companies.connections import idle_companies
from dunahub_qbo_plugin.store.records import history

if TYPE_CHECKING:
    from dunahub_qbo_plugin.clock import Clock
    from dunahub_qbo_plugin.connect.tokens import TokenKeeper
    from dunahub_qbo_plugin.store.db.database import Database

log = logging.getLogger(__name__)

EVERY: Final = timedelta(minutes=10)
"""How often `Upkeep.run` is to be called."""
IDLE: Final = timedelta(days=14)
"""Tokens that nobody used for so long are renewed. Intuit lets a refresh token die 100 days after
its last use (Intuit's authorization FAQ), which leaves 86 days of trouble to spare."""
AT_A_TIME: Final = 200
"""Tokens that one run renews at most: with `EVERY`, 400,000 companies in `IDLE`."""
GIVE_UP_AFTER: Final = 5
"""Failures in a row that mean Intuit is not to be had just now."""
HISTORY_KEPT: Final = timedelta(days=400)
"""How long what happened to a record is kept: a year, and a month to look at it."""
PRUNED_AT_ONCE: Final = 1000
PRUNING: Final = 20.0
"""Seconds that a run prunes at most: what a large host writes in `EVERY` goes in fewer."""


@attrs.frozen(kw_only=True)
class Done:
    """What a run of `Upkeep` did.

    Attributes:
        renewed: companies whose tokens were renewed.
        failed: companies whose tokens could not be renewed this time.
        ended: companies whose refresh token Intuit refused; they show "Token expired" now.
        pruned: entries of the history that were let go.
    """

    renewed: int = 0
    failed: int = 0
    ended: int = 0
    pruned: int = 0


class Upkeep:
    """Does what time alone makes necessary. Several workers may do it at once."""

    def __init__(self, *, database: Database, tokens: TokenKeeper, clock: Clock) -> None:
        self._database = database
        self._tokens = tokens
        self._clock = clock

    def run(self) -> Done:
        """Renew tokens that have been idle, and prune; it asks Intuit, and may take a while.

        Raises:
            sqlalchemy.exc.SQLAlchemyError: the database cannot be reached.
        """
        done = self._renew_idle()
        return attrs.evolve(done, pruned=self._prune())

    def _prune(self) -> int:
        """Let old history go in small transactions, so that no hook waits for long."""
        before = self._clock.now() - HISTORY_KEPT
        pruned, until = 0, self._clock.monotonic() + PRUNING
        while self._clock.monotonic() <= until:
            with self._database.write.begin() as db:
                gone = history.prune(db, before=before, limit=PRUNED_AT_ONCE)
            pruned += gone
            if gone < PRUNED_AT_ONCE:
                break
        return pruned

    def _renew_idle(self) -> Done:
        before = self._clock.now() - IDLE
        with self._database.read.connect() as db:
            companies = idle_companies(db, before=before, limit=AT_A_TIME)
        renewed = failed = ended = in_a_row = 0
        for company_id in companies:
            try:
                self._tokens.grant(company_id)
            except (GrantRevoked, NotConnected):
                ended += 1
            except ConfigurationError as error:
                log.error("idle tokens cannot be renewed: %s", error)  # noqa: TRY400  an operator's matter
                break
            except QuickBooksPluginError as error:
                failed += 1
                in_a_row += 1
                log.warning("a token could not be renewed (%s)", type(error).__name__)
                if in_a_row >= GIVE_UP_AFTER:
                    break
            else:
                renewed += 1
                in_a_row = 0
        if companies:
            log.info("idle tokens: %d renewed, %d failed, %d ended", renewed, failed, ended)
        return Done(renewed=renewed, failed=failed, ended=ended)
