"""Search for records by the beginning of any word of their label or number.

The beginning of a label is in an index of the records themselves. Its further words are in a table
of their own, which the worker fills after QuickBooks' answer, so that the hook's write does not
grow. Records that were not tried yet are scanned.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from dunahub_qbo_plugin.model import Kind
from dunahub_qbo_plugin.store.tables import records, words

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

MAX_FOUND: Final = 200
"""Records that each query returns at most; a longer text finds the rest."""
MAX_SCANNED: Final = 5000
"""Records of one kind without an answer of QuickBooks that are scanned at most."""
MAX_WORDS_PER_LABEL: Final = 8
"""Words of one label that are stored; names have fewer."""
MAX_WORD_LENGTH: Final = 80
"""Characters of a stored suffix; people type less."""
_LAST: Final = "\U0010ffff"
"""A character that sorts after all that people type."""
_WORD: Final = re.compile(r"[^\W_]+")


def beginnings(label: str) -> tuple[str, ...]:
    """Return the suffixes of a label that begin at its second and later words.

    ``Sarah Jones, Jr`` gives ``jones, jr`` and ``jr``, so that a text of several consecutive words
    is found. The whole label is not among them.
    """
    text = label.casefold()
    starts = [found.start() for found in _WORD.finditer(text) if found.start() > 0]
    return tuple(
        dict.fromkeys(
            text[start : start + MAX_WORD_LENGTH] for start in starts[:MAX_WORDS_PER_LABEL]
        )
    )


def note(db: sa.Connection, company_id: str, labels: Mapping[int, str]) -> None:
    """Store the words of records' present labels, by our ids."""
    if not labels:
        return
    wanted = {(id_, word) for id_, label in labels.items() for word in beginnings(label)}
    statement = sa.select(words.c.record_id, words.c.word).where(
        words.c.record_id.in_(list(labels))
    )
    known = {(row.record_id, row.word) for row in db.execute(statement)}
    for id_, word in known - wanted:
        gone = (words.c.record_id == id_, words.c.word == word)
        db.execute(sa.delete(words).where(*gone))
    if new := sorted(wanted - known):
        insert = postgresql.insert if db.dialect.name == "postgresql" else sqlite.insert
        rows = [{"company_id": company_id, "record_id": id_, "word": word} for id_, word in new]
        db.execute(insert(words).on_conflict_do_nothing(), rows)


def find(db: sa.Connection, company_id: str, text: str) -> tuple[list[int], bool]:
    """Return ids of records with a word that begins with a text, and whether some are left out.

    Args:
        db: a consistent read.
        company_id: whose records.
        text: the typed text, in any case; several words must be consecutive.
    """
    ids: set[int] = set()
    cut = False
    row = records.c
    mine = row.company_id == company_id
    ways: list[sa.Select[Any]] = [
        _first(db, sa.select(row.id).where(mine), sa.func.lower(row.label), text),
        _first(
            db,
            sa.select(row.id).where(mine, row.qbo_number.is_not(None)),
            sa.func.lower(row.qbo_number),
            text,
        ),
        _first(
            db,
            sa.select(words.c.record_id).where(words.c.company_id == company_id),
            words.c.word,
            text.casefold(),
        ),
    ]
    if text.isdecimal():
        kinds = row.kind.in_([kind.value for kind in Kind])
        ways.append(sa.select(row.id).where(mine, kinds, row.qbo_id == text))
    for way in ways:
        found = db.execute(way).scalars().all()
        cut = cut or len(found) > MAX_FOUND
        ids.update(found[:MAX_FOUND])
    for kind in Kind:
        found, some = _untried(db, company_id, kind, text.casefold())
        cut = cut or some
        ids.update(found)
    return sorted(ids), cut


def _first(
    db: sa.Connection, statement: sa.Select[Any], key: sa.ColumnElement[Any], text: str
) -> sa.Select[Any]:
    return statement.where(*_begins(db, key, text)).limit(MAX_FOUND + 1)


def _begins(
    db: sa.Connection, key: sa.ColumnElement[Any], text: str
) -> Iterable[sa.ColumnElement[bool]]:
    """Return the condition in the form for which the dialect uses the index."""
    if db.dialect.name == "postgresql":
        return [key.like(sa.func.lower(_escaped(text)) + "%", escape="/")]
    low = sa.func.lower(text)
    return [key >= low, key < low + _LAST]


def _untried(db: sa.Connection, company_id: str, kind: Kind, text: str) -> tuple[list[int], bool]:
    """Scan the records without an answer of QuickBooks since their last change."""
    row = records.c
    statement = sa.select(row.id, row.label).where(
        row.company_id == company_id,
        row.kind == kind.value,
        row.is_open,
        row.skip_reason.is_(None),
        row.error_code.is_(None),
    )
    looked = db.execute(statement.limit(MAX_SCANNED + 1)).all()
    found = [
        one.id
        for one in looked
        if text in one.label.casefold()
        and any(start.startswith(text) for start in beginnings(one.label))
    ]
    return found[:MAX_FOUND], len(looked) > MAX_SCANNED or len(found) > MAX_FOUND


def _escaped(text: str) -> str:
    return text.replace("/", "//").replace("%", "/%").replace("_", "/_")
