"""Encrypt everything again with the newest key, while the old ones still decrypt it.

Each company has a transaction of its own, and those with the newest key are skipped: interrupted
and started again, it continues where it was. A host that runs meanwhile needs both keys; what it
stores in between is left as it is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attrs
import sqlalchemy as sa

from dunahub_qbo_plugin.errors import ConfigurationError
from dunahub_qbo_plugin.store.tables import connections

if TYPE_CHECKING:
    from collections.abc import Callable

    from dunahub_qbo_plugin.store.db.cipher import Cipher
    from dunahub_qbo_plugin.store.db.database import Database

    Progress = Callable[[int, int], None]

SEALED = tuple(column for column in connections.c if column.name.endswith("_enc"))
"""The encrypted columns: realm id and tokens."""


@attrs.frozen(kw_only=True)
class Rekeyed:
    """The result of a key rotation.

    Attributes:
        companies: how many there are.
        changed: how many were encrypted again.
        unreadable: the organization of each company that no key decrypts.
        log_is_empty: False when SQLite's log still has what the old key encrypted, since somebody
            reads the database.
    """

    companies: int
    changed: int
    unreadable: tuple[str, ...] = ()
    log_is_empty: bool = True


def rekey(database: Database, cipher: Cipher, *, progress: Progress | None = None) -> Rekeyed:
    """Encrypt realm ids and tokens of every company with the newest key.

    Args:
        database: the plugin's.
        cipher: the newest key first, then those that may be in use.
        progress: called after each company with the number done and the number of all.

    Raises:
        ConfigurationError: there is no usable key.
    """
    cipher.check()
    with database.read.connect() as db:
        ids = list(db.execute(sa.select(connections.c.id).order_by(connections.c.id)).scalars())
    changed = 0
    unreadable: list[str] = []
    for done, company_id in enumerate(ids, start=1):
        with database.write.begin() as db:
            row = _held(db, company_id)
            try:
                changed += row is not None and _rekey(db, row, cipher)
            except ConfigurationError:
                unreadable.append(row.org_id)
        if progress is not None:
            progress(done, len(ids))
    return Rekeyed(
        companies=len(ids),
        changed=changed,
        unreadable=tuple(unreadable),
        log_is_empty=database.empty_log(),
    )


def _held(db: sa.Connection, company_id: str) -> Any:  # noqa: ANN401  a Row, None when it is gone
    statement = sa.select(connections).where(connections.c.id == company_id).with_for_update()
    return db.execute(statement).one_or_none()


def _rekey(db: sa.Connection, row: Any, cipher: Cipher) -> bool:  # noqa: ANN401  a Row
    sealed = {column.name: getattr(row, column.name) for column in SEALED}
    fresh = {
        name: cipher.rotate(value)
        for name, value in sealed.items()
        if value is not None and not cipher.is_newest(value)
    }
    if "realm_enc" in fresh:
        fresh["realm_key"] = cipher.lookup_keys(cipher.decrypt(row.realm_enc))[0]
    if fresh:
        db.execute(sa.update(connections).where(connections.c.id == row.id).values(fresh))
    return bool(fresh)
