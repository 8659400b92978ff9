"""``dunahub-qbo record``: makes the recorded exchanges that tests replay."""

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import attrs
import typer

from dunahub_qbo_plugin.cli.extra import extra_told
from dunahub_qbo_plugin.cli.options import DataDir
from dunahub_qbo_plugin.cli.output import NOTHING_DONE, fail, note, say
from dunahub_qbo_plugin.cli.session import open_session, read_config
from dunahub_qbo_plugin.config import Environment
from dunahub_qbo_plugin.errors import QuickBooksPluginError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dunahub_qbo_plugin.testing.exchanges import Exchange

Folder = Annotated[
    Path | None,
    typer.Option(
        "--folder",
        help="Where the exchanges are, one file entity/case.json each. Without it: those that "
        "come with the plugin are recorded into ./fixtures/qbo.",
    ),
]
Only = Annotated[
    list[str] | None,
    typer.Argument(metavar="[ENTITY/CASE]...", help="Which to record. Without any: all."),
]
Org = Annotated[
    str | None,
    typer.Option(
        "--org",
        metavar="ID",
        help="Record against the company that this organization has connected, which must be one "
        "of Intuit's sandbox: it makes customers, invoices and payments there.",
    ),
]


def record(
    only: Only = None, *, folder: Folder = None, org: Org = None, data_dir: DataDir = None
) -> None:
    """Record exchanges with QuickBooks: against the emulator, or against Intuit's sandbox.

    Each file says under "given" what to do; request, response, what it means and where it is from
    are filled in. Tokens, company ids, e-mail addresses and telephone numbers are taken out; what
    still looks like somebody's data is not kept. In a sandbox each exchange makes records of its
    own, however often it is recorded there.

    Exit status: 0 recorded, 1 something could not be, 2 settings, database, options or a package
    that is missing.
    """
    with extra_told():
        from dunahub_qbo_plugin.testing.exchanges import load, save  # noqa: PLC0415  needs the extra
        from dunahub_qbo_plugin.testing.scrub import findings  # noqa: PLC0415  as above
    try:
        exchanges = load(folder)
    except (ValueError, FileNotFoundError) as error:
        fail(str(error))
    for name in only or ():
        if name not in exchanges:
            fail(f"there is no exchange {name!r}", code=NOTHING_DONE)
    target = folder or Path("fixtures") / "qbo"
    wanted = only or list(exchanges)
    made, private = 0, False
    try:
        for exchange in _recorded(exchanges, wanted, org, data_dir):
            if found := list(findings(attrs.asdict(exchange, recurse=False))):
                private = True
                note(f"{exchange.name}: not kept, since there is {', '.join(found)}.")
                continue
            save(exchange, target)
            made += 1
            refusal = f" {exchange.means['error']}" if exchange.means else ""
            note(f"{exchange.name}: {exchange.response['status']}{refusal}")
    except (ValueError, QuickBooksPluginError) as error:
        fail(str(error), code=NOTHING_DONE)
    say(f"{made} of {len(wanted)} recorded into {target}.")
    if made < len(wanted):
        note("The others are documented, or need trouble that only the emulator makes on purpose.")
    if private:
        raise typer.Exit(NOTHING_DONE)


def _recorded(
    exchanges: "dict[str, Exchange]", wanted: list[str], org: str | None, data_dir: Path | None
) -> "Iterator[Exchange]":
    from dunahub_qbo_plugin.testing.recorder import (  # noqa: PLC0415  needs the extra
        record_emulator,
        record_sandbox,
        sandbox,
    )

    today = datetime.now(UTC).date()
    if org is None:
        yield from record_emulator(exchanges, today=today, only=wanted)
        return
    with open_session(data_dir) as opened:
        (connection,) = opened.current(org)
        if connection.environment != Environment.SANDBOX.value:
            fail(f"organization {org!r} is not connected to a company of Intuit's sandbox")
    with sandbox(read_config(data_dir), connection.id) as bench:
        yield from record_sandbox(exchanges, bench, against="sandbox", today=today, only=wanted)
