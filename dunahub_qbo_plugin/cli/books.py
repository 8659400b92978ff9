"""``dunahub-qbo review`` and ``export``: what arrived, and what was not sent; both only read."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import attrs
import typer

from dunahub_qbo_plugin.cli.maintenance import OneOrg
from dunahub_qbo_plugin.cli.options import AsJson, DataDir
from dunahub_qbo_plugin.cli.output import (
    NOTHING_DONE,
    fail,
    note,
    say,
    say_json,
    several,
    write_private,
)
from dunahub_qbo_plugin.cli.session import Session, open_session
from dunahub_qbo_plugin.errors import QuickBooksPluginError
from dunahub_qbo_plugin.model import Kind, Status
from dunahub_qbo_plugin.review.difference_text import difference_text
from dunahub_qbo_plugin.review.files import headings, months_file, not_sent_files
from dunahub_qbo_plugin.store.companies.connection import Connection

if TYPE_CHECKING:
    from dunahub_qbo_plugin.review.compare import Comparison

Days = Annotated[int, typer.Option("--days", min=1, max=30, help="How far to look back.")]
Months = Annotated[int, typer.Option("--months", min=1, max=60, help="Months to add up.")]
Folder = Annotated[
    Path, typer.Option("--folder", metavar="FOLDER", help="Where to put them; made if missing.")
]


def review(
    *, org: OneOrg, days: Days = 30, as_json: AsJson = False, data_dir: DataDir = None
) -> None:
    """Compare what was sent with what QuickBooks has now. Nothing is changed on either side.

    It tells what was edited, deleted, voided or taken off its invoice there, totals that differ,
    and likely duplicates, and how many metered reads of QuickBooks it took.

    Exit status: 0 nothing differs, 1 something differs, or QuickBooks could not be asked,
    2 settings or database.
    """
    with open_session(data_dir) as opened:
        (connection,) = opened.current(org)
        if connection.status is not Status.CONNECTED:
            fail(f"{org} is not connected to QuickBooks", code=NOTHING_DONE)
        try:
            came = _compare(opened, connection, days)
        except QuickBooksPluginError as error:
            fail(f"QuickBooks could not be asked ({type(error).__name__})", code=NOTHING_DONE)
    if as_json:
        differences = [
            {**attrs.asdict(one), "sentence": difference_text(one)} for one in came.differences
        ]
        say_json({**came.to_json(), "differences": differences})
    else:
        for one in came.differences:
            say(f"{one.finding.value:10} {one.key} ({one.label}): {difference_text(one)}")
        compared = ", ".join(several(count, kind) for kind, count in came.compared.items())
        note(f"Compared {compared}: {several(len(came.differences), 'difference')}.")
        note(f"It took {several(came.reads, 'read')} of QuickBooks.")
    if came.differences:
        raise typer.Exit(NOTHING_DONE)


def _compare(opened: Session, connection: Connection, days: int) -> "Comparison":
    from dunahub_qbo_plugin.review.compare import Comparer  # noqa: PLC0415  the other commands start faster without
    from dunahub_qbo_plugin.runtime import build  # noqa: PLC0415  as above

    def progress(done: int, total: int) -> None:
        note(f"{done:,} of {total:,} compared.")

    runtime = build(opened.config)
    try:
        comparer = Comparer(database=runtime.database, client=runtime.client)
        grant = runtime.panel.connection_service.tokens.grant(connection.id)
        return comparer.compare(
            connection, grant, days=days, now=opened.clock.now(), progress=progress
        )
    finally:
        runtime.http.close()
        runtime.database.close()


def export(
    *,
    org: OneOrg,
    folder: Folder = Path(),
    months: Months = 12,
    as_json: AsJson = False,
    data_dir: DataDir = None,
) -> None:
    """Write CSV files: what was not sent, for QuickBooks' own import, and the months added up.

    not-sent-customers.csv, not-sent-invoices.csv and not-sent-payments.csv hold what a disconnect
    left behind; quickbooks-months.csv is for the bookkeeper. Files that are there are replaced.
    QuickBooks imports 100 invoices at a time: more come as not-sent-invoices-2.csv and so on, and
    those that it cannot import, for a discount or sales tax, as not-sent-invoices-by-hand.csv.
    What QuickBooks has as it was before its last change comes as *-changed-since.csv, and what it
    may have, since an answer got lost, as *-look-first.csv: do not enter those again.

    Exit status: 0 written, 1 the organization never connected, 2 settings, database or folder.
    """
    with open_session(data_dir) as opened:
        (connection,) = opened.current(org)
        folder.mkdir(parents=True, exist_ok=True)
        bodies = {f"not-sent-{kind.word}s.csv": headings(kind) for kind in Kind}
        with opened.database.read.connect() as db:
            for kind in Kind:

                def progress(count: int, kind: Kind = kind) -> None:
                    note(f"{several(count, kind.word)} read.")

                bodies |= not_sent_files(db, connection, kind, progress=progress)
            today = opened.clock.now().date()
            bodies["quickbooks-months.csv"] = months_file(
                db, connection, today=today, months=months
            )
        for name, body in bodies.items():
            write_private(folder / name, body)
    if as_json:
        say_json({name: str(folder / name) for name in bodies})
    else:
        say("\n".join(str(folder / name) for name in bodies))
