"""Periodic upkeep: renew idle tokens, prune the history."""

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

UPKEEP_INTERVAL: Final = timedelta(minutes=10)
"""Time between two calls of `Upkeep.run`."""
RENEW_IDLE_AFTER: Final = timedelta(days=14)
"""Time without use after which tokens are renewed. A refresh token expires 100 days after its last
use (Intuit's authorization FAQ), which leaves 86 days for outages."""
MAX_RENEWALS_PER_RUN: Final = 200
"""Renewals in one run; with `UPKEEP_INTERVAL`, 400,000 companies in `RENEW_IDLE_AFTER`."""
GIVE_UP_AFTER: Final = 5
"""Failures in a row after which a run stops renewing: Intuit is probably down."""
HISTORY_KEPT: Final = timedelta(days=400)
"""Age up to which the history is kept: a year, and a month to look at it."""
PRUNE_BATCH: Final = 1000
PRUNE_TIME_LIMIT: Final = 20.0
"""Seconds for pruning in one run; a large host's entries of one `UPKEEP_INTERVAL` take less."""


@attrs.frozen(kw_only=True)
class Done:
    """What a run of `Upkeep` did.

    Attributes:
        renewed: companies whose tokens were renewed.
        failed: companies whose tokens could not be renewed this time.
        ended: companies whose refresh token Intuit refused; they show "Token expired" now.
        pruned: entries of the history that were deleted.
    """

    renewed: int = 0
    failed: int = 0
    ended: int = 0
    pruned: int = 0


class Upkeep:
    """Renews idle tokens and prunes the history. Several workers may run it at once."""

    def __init__(self, *, database: Database, tokens: TokenKeeper, clock: Clock) -> None:
        self._database = database
        self._tokens = tokens
        self._clock = clock

    def run(self) -> Done:
        """Renew idle tokens at Intuit and prune the history; this may take a while.

        Raises:
            sqlalchemy.exc.SQLAlchemyError: the database cannot be reached.
        """
        done = self._renew_idle()
        return attrs.evolve(done, pruned=self._prune())

    def _prune(self) -> int:
        """Delete old history in small transactions, so that no hook waits for long."""
        before = self._clock.now() - HISTORY_KEPT
        pruned, until = 0, self._clock.monotonic() + PRUNE_TIME_LIMIT
        while self._clock.monotonic() <= until:
            with self._database.write.begin() as db:
                gone = history.prune(db, before=before, limit=PRUNE_BATCH)
            pruned += gone
            if gone < PRUNE_BATCH:
                break
        return pruned

    def _renew_idle(self) -> Done:
        before = self._clock.now() - RENEW_IDLE_AFTER
        with self._database.read.connect() as db:
            companies = idle_companies(db, before=before, limit=MAX_RENEWALS_PER_RUN)
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
