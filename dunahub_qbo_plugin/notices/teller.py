"""Notice what needs a person, and tell the host: at least once, with an id, and its end as well."""

from __future__ import annotations

import logging
import secrets
import threading
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from dunahub_qbo_plugin.errors import ConfigurationError
from dunahub_qbo_plugin.model.conditions import Condition, ConditionKind, StoredNotice
from dunahub_qbo_plugin.notices.words import notice_of
from dunahub_qbo_plugin.store import notices
from dunahub_qbo_plugin.store.queries import conditions

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from dunahub_hookspecs import Notice
    from dunahub_qbo_plugin.clock import Clock
    from dunahub_qbo_plugin.store.companies.connections import Connections
    from dunahub_qbo_plugin.store.db.database import Database

log = logging.getLogger(__name__)

LOOK_INTERVAL: Final = 60.0
"""Seconds between two looks for what is to be told."""
GATHER: Final = timedelta(minutes=5)
"""Time for which records that need attention are gathered before the first notice of them, so that
it has their number; what is mended meanwhile was never told."""
AT_ONCE: Final = 100
"""Notices that one look tells."""
FIRST_DELAY: Final = timedelta(minutes=1)
"""Time after which what the host did not take is told again; twice as long after each further."""
LONGEST_DELAY: Final = timedelta(hours=1)
DATABASE_AWAY: Final = 120.0
"""Seconds for which the database must have been away before that is told."""


class Teller:
    """Tells the host; safe to use from several threads and processes. Never called by a hook.

    Args:
        database: where what is to be told is kept.
        connections: decrypts tokens, which shows whether the keys fit.
        clock: the time.
        notify: the host's callable; None where this process has none: then what is to be told is
            noticed and kept, and a process that has one tells it.
    """

    def __init__(
        self,
        *,
        database: Database,
        connections: Connections,
        clock: Clock,
        notify: Callable[[Notice], None] | None,
    ) -> None:
        self._database = database
        self._connections = connections
        self._clock = clock
        self._notify = notify
        self._lock = threading.Lock()
        self._next = 0.0
        self._away_since: tuple[float, datetime] | None = None
        self._told_away: StoredNotice | None = None

    @property
    def is_due(self) -> bool:
        """Whether it is time for a look."""
        return self._clock.monotonic() >= self._next

    def run(self) -> int:
        """Notice what began and what is over, and tell the host; return how many it took.

        Raises:
            sqlalchemy.exc.SQLAlchemyError: the database cannot be used.
        """
        if not self._lock.acquire(blocking=False):
            return 0
        try:
            self._next = self._clock.monotonic() + LOOK_INTERVAL
            self._notice()
            return 0 if self._notify is None else self._tell(self._notify)
        finally:
            self._lock.release()

    def _notice(self) -> None:
        now = self._clock.now()
        with self._database.read.connect() as db:
            found = {one.key: one for one in conditions.current(db, now=now)}
            if (key := self._key()) is not None:
                found[key.key] = key
            known = notices.open_keys(db)
        if not found and not known:
            return
        with self._database.write.begin() as db:
            for condition in found.values():
                gathers = condition.kind is ConditionKind.ATTENTION
                notices.begin(db, condition, tell_at=now + GATHER if gathers else now, now=now)
            notices.end(db, known - found.keys(), now=now)
            notices.prune(db, now=now)

    def _key(self) -> Condition | None:
        try:
            with self._database.read.connect() as db:
                self._connections.check_key(db)
        except ConfigurationError:
            return Condition(kind=ConditionKind.KEY, since=self._clock.now())
        return None

    def _tell(self, notify: Callable[[Notice], None]) -> int:
        """Tell what is to be told; that it began before that it is over."""
        taken = 0
        for _ in range(2):  # an end becomes due by its beginning having been told
            with self._database.write.begin() as db:
                claimed = notices.claim(db, now=self._clock.now(), limit=AT_ONCE)
            for one in claimed:
                taken += self._tell_one(notify, one)
        return taken

    def _tell_one(self, notify: Callable[[Notice], None], stored: StoredNotice) -> bool:
        try:
            notify(notice_of(stored))
        except Exception as error:  # noqa: BLE001  whatever the host raises, it is told again
            log.warning("the host did not take a notice (%s): %s", stored.condition.kind, error)
            delay = min(FIRST_DELAY * 2 ** min(stored.attempts, 10), LONGEST_DELAY)
            with self._database.write.begin() as db:
                notices.failed(db, stored, again_at=self._clock.now() + delay)
            return False
        with self._database.write.begin() as db:
            notices.told(db, stored, now=self._clock.now())
        return True

    # What the database cannot keep, since it is about the database.

    def database_away(self) -> None:
        """Note that the database cannot be used; after a while, tell the host."""
        now = self._clock.monotonic()
        if self._away_since is None:
            self._away_since = (now, self._clock.now())
        began, since = self._away_since
        if self._told_away is None and now - began >= DATABASE_AWAY:
            condition = Condition(kind=ConditionKind.DATABASE, since=since)
            self._told_away = StoredNotice(
                id=secrets.token_hex(16), over=False, condition=condition
            )
            self._tell_unstored(self._told_away)

    def database_back(self) -> None:
        """Note that the database can be used again."""
        self._away_since = None
        told, self._told_away = self._told_away, None
        if told is not None:
            over = StoredNotice(
                id=told.id, over=True, condition=told.condition, until=self._clock.now()
            )
            self._tell_unstored(over)

    def _tell_unstored(self, stored: StoredNotice) -> None:
        if self._notify is None:
            return
        try:
            self._notify(notice_of(stored))
        except Exception as error:  # noqa: BLE001  as above
            log.warning("the host did not take a notice (database): %s", error)
