"""The bookkeeper's files of one company, read in parts however much there is."""

from __future__ import annotations

import io
import zipfile
from datetime import UTC
from typing import TYPE_CHECKING, Any

from dunahub_qbo_plugin.errors import MappingError
from dunahub_qbo_plugin.mapping.items import ItemFinder
from dunahub_qbo_plugin.model import Kind
from dunahub_qbo_plugin.review import export
from dunahub_qbo_plugin.review.monthly import monthly_report
from dunahub_qbo_plugin.store import ledger, profiles

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from datetime import date, tzinfo

    import sqlalchemy as sa

    from dunahub_hookspecs import Invoice, LineItem
    from dunahub_qbo_plugin.model import CompanyProfile
    from dunahub_qbo_plugin.store.connection import Connection


def not_sent_files(
    db: sa.Connection,
    connection: Connection,
    kind: Kind,
    *,
    progress: Callable[[int], None] = lambda _: None,
) -> dict[str, bytes]:
    """Write the records of a kind that a disconnect left behind as CSV.

    Invoices come in as many files as QuickBooks' import needs, and those that it cannot take in one
    of their own.

    Args:
        db: a consistent read.
        connection: the company.
        kind: which records.
        progress: told how many are read.

    Returns:
        bodies by name; one at least, with headings alone where nothing was left behind.
    """
    values = _values(db, connection, kind, progress)
    name = f"not-sent-{kind.word}s"
    if kind is Kind.CUSTOMER:
        return {f"{name}.csv": export.customers_csv(values)}
    if kind is Kind.PAYMENT:
        return {f"{name}.csv": export.payments_csv(values)}
    product = _product_names(profiles.load_profile(db, connection.id))
    invoices: list[Invoice] = list(values)
    bodies = {
        f"{name}{'' if number == 1 else f'-{number}'}.csv": export.invoices_csv(
            part, product=product
        )
        for number, part in enumerate(
            export.in_parts(filter(export.can_be_imported, invoices)), start=1
        )
    }
    if by_hand := [one for one in invoices if not export.can_be_imported(one)]:
        bodies[f"{name}-by-hand.csv"] = export.invoices_csv(by_hand, product=product)
    return bodies or {f"{name}.csv": export.invoices_csv([])}


def packed(bodies: Mapping[str, bytes]) -> bytes:
    """Put files into one ZIP file."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", compression=zipfile.ZIP_DEFLATED) as archive:
        for name, body in bodies.items():
            archive.writestr(zipfile.ZipInfo(name), body, zipfile.ZIP_DEFLATED)
    return out.getvalue()


def _product_names(profile: CompanyProfile) -> Callable[[LineItem], str]:
    """Name the QuickBooks product that a line goes to, so that the import makes no new one."""
    finder = ItemFinder(profile=profile)

    def name(line: LineItem) -> str:
        try:
            item = profile.items.get(finder.item_id(line, position=1, where=""))
        except MappingError:
            item = None
        return line.service_name if item is None else item.name

    return name


def months_file(
    db: sa.Connection, connection: Connection, *, today: date, months: int, zone: tzinfo = UTC
) -> bytes:
    """Write this month and the ones before it, added up, as CSV.

    Args:
        db: a consistent read.
        connection: the company.
        today: a day in the organization's time zone.
        months: how many, with this one.
        zone: in which days of disconnected periods are told.
    """
    report = monthly_report(db, connection, today=today, months=months)
    return export.months_csv(report, zone=zone)


def _values(
    db: sa.Connection, connection: Connection, kind: Kind, progress: Callable[[int], None]
) -> Iterator[Any]:
    after = count = 0
    while found := ledger.values_left_behind(db, connection, kind, after=after):
        after = found[-1][0]
        yield from (value for _, value in found)
        count += len(found)
        progress(count)
