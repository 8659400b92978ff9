"""``dunahub-qbo demo``: a contractor's story in a CRM and a QuickBooks on one's own machine."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from dunahub_qbo_plugin.cli.extra import extra_told
from dunahub_qbo_plugin.cli.options import Port
from dunahub_qbo_plugin.cli.output import fail


def demo(
    *,
    once: Annotated[bool, typer.Option("--once", help="Play the story and exit.")] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="With --once: print the result as one JSON object.")
    ] = False,
    story: Annotated[
        bool, typer.Option("--story/--no-story", help="Play the story, or only serve.")
    ] = True,
    data_dir: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help="Keep everything here; without it nothing is kept."),
    ] = None,
    port: Port = 0,
    emulator_port: Annotated[
        int, typer.Option(min=0, max=65535, help="The emulator's port; 0 takes a free one.")
    ] = 0,
    emulator_url: Annotated[
        str | None, typer.Option(metavar="URL", help="An emulator that runs already.")
    ] = None,
) -> None:
    """Start a demo CRM and a QuickBooks on this machine, and play a contractor's story in them.

    A homeowner calls, gets a proposal, a job, an invoice, and pays by card; each arrives in
    QuickBooks. Then an answer of QuickBooks is lost, and still nothing is there twice. Afterwards
    both addresses are printed and served until Ctrl-C. Nothing leaves this machine.

    Exit status: 0 played and stopped, 1 the story could not be played to its end, 2 options, a
    port that is taken, or a package that is missing.
    """
    if as_json and not once:
        raise typer.BadParameter("--json goes with --once")
    if once and not story:
        raise typer.BadParameter("--once plays the story, so it does not go with --no-story")
    with extra_told():
        from dunahub_qbo_plugin.demo.kept_world import KeptWorldError  # noqa: PLC0415  needs the extra
        from dunahub_qbo_plugin.demo.launch import run_demo  # noqa: PLC0415  as above
        from dunahub_qbo_plugin.demo.trouble import EmulatorError  # noqa: PLC0415  as above
    try:
        code = run_demo(
            once=once,
            as_json=as_json,
            story=story,
            data_dir=data_dir,
            crm_port=port,
            emulator_port=emulator_port,
            emulator_url=emulator_url,
            out=sys.stdout,
        )
    except KeptWorldError as error:
        fail(str(error))
    except EmulatorError as error:
        where = emulator_url or "the one that it started"
        fail(f"the demo could not start: its emulator ({where}) does not answer as one ({error})")
    except BrokenPipeError:
        raise  # whoever reads what we print went away; the demo is fine
    except OSError as error:
        fail(f"the demo could not start: {error}")
    raise typer.Exit(code)
