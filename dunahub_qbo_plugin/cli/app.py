"""The commands, put together."""

from typing import Annotated, Final

import typer

from dunahub_qbo_plugin.cli import (
    books,
    demo,
    emulator,
    maintenance,
    record,
    records,
    setup,
    status,
    worker,
)

HELP: Final = """Sends DunaHub's customers, invoices and payments to QuickBooks Online.

Settings come from the environment, in variables that start with DUNAHUB_QBO_, the same as for the
plugin in its host. Results go to stdout, messages to stderr.

Exit status of every command: 0 done, 1 in order, but not (all) of it could be done, 2 an operator
must act: settings, database, options or a missing package.
"""


def _version(wanted: bool) -> None:  # noqa: FBT001  typer passes an option's value by position
    if wanted:
        from dunahub_qbo_plugin.runtime import version  # noqa: PLC0415  heavy, and seldom asked for

        typer.echo(f"dunahub-qbo-plugin {version()}")
        raise typer.Exit


def start(
    *,
    version: Annotated[
        bool,
        typer.Option("--version", callback=_version, is_eager=True, help="Show the version."),
    ] = False,
) -> None:
    """Take the options that stand before a command."""
    del version


def build_app() -> typer.Typer:
    """Make the application; a test may make another."""
    app = typer.Typer(
        name="dunahub-qbo",
        no_args_is_help=True,
        add_completion=False,
        rich_markup_mode="markdown",  # paragraphs are filled, not broken where the source is
        # Its tracebacks show local variables, and those can hold tokens.
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback(help=HELP)(start)
    trying, operating = "Try it", "Operate it"
    app.command(rich_help_panel=trying)(demo.demo)
    app.command(rich_help_panel=trying)(emulator.emulator)
    app.command(rich_help_panel=trying)(record.record)
    app.command(rich_help_panel=operating)(setup.generate_key)
    app.command(rich_help_panel=operating)(setup.migrate)
    app.command(rich_help_panel=operating)(status.status)
    app.command(rich_help_panel=operating)(records.failed)
    app.command(rich_help_panel=operating)(records.retry)
    app.command(rich_help_panel=operating)(books.review)
    app.command(rich_help_panel=operating)(books.export)
    app.command(rich_help_panel=operating)(worker.worker)
    app.command(rich_help_panel=operating)(maintenance.rotate_keys)
    app.command(rich_help_panel=operating)(maintenance.support_file)
    app.command(rich_help_panel=operating)(maintenance.after_restore)
    app.command(rich_help_panel=operating)(maintenance.forget_org)
    app.command(rich_help_panel=operating)(maintenance.forget_record)
    return app


app: Final = build_app()
