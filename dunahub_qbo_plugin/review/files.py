"""The CSV files of one company, read in batches."""

from __future__ import annotations

import io
import zipfile
from datetime import UTC
from typing import TYPE_CHECKING, Any, Final

from dunahub_qbo_plugin.errors import MappingError
from dunahub_qbo_plugin.mapping.items import ItemFinder
from dunahub_qbo_plugin.model import Kind
from dunahub_qbo_plugin.review import export
from dunahub_qbo_plugin.review.monthly import monthly_report
from dunahub_qbo_plugin.store.companies import profiles
from dunahub_qbo_plugin.store.queries import sent

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from datetime import date, tzinfo

    import sqlalchemy as sa

    from dunahub_hookspecs import LineItem
    from dunahub_qbo_plugin.model import CompanyProfile
    from dunahub_qbo_plugin.store.companies.connection import Connection
    from dunahub_qbo_plugin.store.queries.sent import LeftBehind

CHANGED: Final = "changed-since"
"""In the name of a file: QuickBooks has these records, as they were before their last change."""
LOOK_FIRST: Final = "look-first"
"""In the name of a file: QuickBooks may have these records."""


def not_sent_files(
    db: sa.Connection,
    connection: Connection,
    kind: Kind,
    *,
    progress: Callable[[int], None] = lambda _: None,
) -> dict[str, bytes]:
    """Return the records of a kind that a disconnect left behind, as CSV files.

    Invoices come in as many files as QuickBooks' import needs, and those that it cannot take in one
    of their own. So does, of any kind, what QuickBooks has as it was before its last change, and
    what it may have, since an answer was lost: neither is to be entered again.

    Args:
        db: a consistent read.
        connection: the company.
        kind: which records.
        progress: told how many are read.

    Returns:
        bodies by name; one at least, with headings alone where nothing was left behind.
    """
    name = f"not-sent-{kind.word}s"
    product = _product_names(profiles.load_profile(db, connection.id))
    new: list[Any] = []
    there: list[Any] = []
    perhaps: list[Any] = []
    for one in _left_behind(db, connection, kind, progress):
        (there if one.there else perhaps if one.perhaps else new).append(one.value)
    bodies = _to_enter(name, kind, new, product)
    # To enter these again would make them twice.
    for values, what in ((there, CHANGED), (perhaps, LOOK_FIRST)):
        if values:
            bodies[f"{name}-{what}.csv"] = _table(kind, values, product)
    return bodies or {f"{name}.csv": headings(kind)}


def _to_enter(
    name: str, kind: Kind, values: list[Any], product: Callable[[LineItem], str]
) -> dict[str, bytes]:
    """Return the files of what QuickBooks surely lacks: those it can import, and the rest."""
    if kind is not Kind.INVOICE:
        return {f"{name}.csv": _table(kind, values, product)} if values else {}
    parts = export.import_batches(filter(export.can_be_imported, values))
    bodies = {
        f"{name}{'' if number == 1 else f'-{number}'}.csv": _table(kind, part, product)
        for number, part in enumerate(parts, start=1)
    }
    if by_hand := [one for one in values if not export.can_be_imported(one)]:
        bodies[f"{name}-by-hand.csv"] = _table(kind, by_hand, product)
    return bodies


def _table(kind: Kind, values: Iterable[Any], product: Callable[[LineItem], str]) -> bytes:
    if kind is Kind.CUSTOMER:
        return export.customers_csv(values)
    if kind is Kind.PAYMENT:
        return export.payments_csv(values)
    return export.invoices_csv(values, product=product)


def headings(kind: Kind) -> bytes:
    """Return the file of a kind of which nothing was left behind."""
    return _table(kind, [], lambda line: line.service_name)


def packed(bodies: Mapping[str, bytes]) -> bytes:
    """Return files as one ZIP file."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", compression=zipfile.ZIP_DEFLATED) as archive:
        for name, body in bodies.items():
            archive.writestr(zipfile.ZipInfo(name), body, zipfile.ZIP_DEFLATED)
    return out.getvalue()


def _product_names(profile: CompanyProfile) -> Callable[[LineItem], str]:
    """Return a function that names a line's product, so that the import creates none."""
    finder = ItemFinder(profile=profile)

    def name(line: LineItem) -> str:
        try:
            item = profile.items.get(finder.item_id(line, position=1))
        except MappingError:
            item = None
        return line.service_name if item is None else item.name

    return name


def months_file(
    db: sa.Connection, connection: Connection, *, today: date, months: int, zone: tzinfo = UTC
) -> bytes:
    """Return the totals of this month and the ones before it, as CSV.

    Args:
        db: a consistent read.
        connection: the company.
        today: a day in the organization's time zone.
        months: how many, with this one.
        zone: in which days of disconnected periods are told.
    """
    report = monthly_report(db, connection, today=today, months=months)
    return export.months_csv(report, zone=zone)


def _left_behind(
    db: sa.Connection, connection: Connection, kind: Kind, progress: Callable[[int], None]
) -> Iterator[LeftBehind]:
    after = count = 0
    while found := sent.values_left_behind(db, connection, kind, after=after):
        after = found[-1].id
        yield from found
        count += len(found)
        progress(count)
