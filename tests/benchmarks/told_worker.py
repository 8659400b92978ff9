"""``dunahub-qbo worker`` that notes in the file that is named when each drain starts."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Any

from dunahub_qbo_plugin.cli import main
from dunahub_qbo_plugin.store.companies import leases


def run(path: Path) -> None:
    """Work until stopped."""
    acquire = leases.acquire

    def noted(*args: Any, **values: Any) -> Any:  # noqa: ANN401  the lease's own
        file.write(f"{time.time()}\n")
        return acquire(*args, **values)

    with path.open("w", encoding="utf-8", buffering=1) as file:
        leases.acquire = noted
        sys.argv[1:] = ["worker"]
        main()


if __name__ == "__main__":
    run(Path(sys.argv[1]))
