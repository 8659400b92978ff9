"""A host that saves one lead, then another, and waits before it commits that to be killed.

Arguments: the plugin's SQLite file, the CRM's, the Fernet key.
"""

from __future__ import annotations

import sys
from pathlib import Path

from sqlalchemy.orm import Session

from dunahub_hookspecs.host import create_plugin_manager
from dunahub_qbo_plugin.config import Config, Worker
from dunahub_qbo_plugin.plugin import QuickBooksPlugin
from tests.acceptance.crm import open_crm, save_lead


def main() -> None:
    """Save, say so, and wait."""
    plugin_file, crm_file, key = sys.argv[1:]
    config = Config(database_url=f"sqlite:///{plugin_file}", fernet_keys=(key,), worker=Worker.OFF)
    manager = create_plugin_manager([QuickBooksPlugin(config=config)], load_entry_points=False)
    with Session(open_crm(Path(crm_file))) as session:
        save_lead(session, manager, "committed", "Ada")
        session.commit()
        _say("one is committed")
        save_lead(session, manager, "lost", "Grace")
        session.flush()
        _say("another is saved and flushed")
        sys.stdin.read()


def _say(words: str) -> None:
    sys.stdout.write(f"{words}\n")
    sys.stdout.flush()


main()
