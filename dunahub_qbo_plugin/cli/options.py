"""Options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

DataDir = Annotated[
    Path | None,
    typer.Option(
        "--data-dir",
        metavar="FOLDER",
        help="The host's data folder, where the database is unless DUNAHUB_QBO_DATABASE_URL "
        "says otherwise. Without it: the current folder.",
    ),
]
AsJson = Annotated[
    bool, typer.Option("--json", help="Print JSON on stdout; messages stay on stderr.")
]
Org = Annotated[
    str | None, typer.Option("--org", metavar="ID", help="Only this organization of the host.")
]
Port = Annotated[int, typer.Option("--port", min=0, max=65535, help="Port; 0 takes a free one.")]
