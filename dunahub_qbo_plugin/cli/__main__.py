"""``python -m dunahub_qbo_plugin.cli``, for where the script is not on the path."""

from __future__ import annotations

from dunahub_qbo_plugin.cli import main

main()
