"""``dunahub-qbo generate-key`` and ``migrate``: what an operator does before the first start."""

from dunahub_qbo_plugin.cli.options import AsJson, DataDir
from dunahub_qbo_plugin.cli.output import note, say, say_json
from dunahub_qbo_plugin.cli.session import open_session
from dunahub_qbo_plugin.store.db.cipher import generate_key as new_key
from dunahub_qbo_plugin.store.db.errors import where


def generate_key() -> None:
    """Make an encryption key for DUNAHUB_QBO_FERNET_KEYS and print it.

    Keep it apart from the database, and keep a copy: without it every organization must connect
    again. To change keys, put the new one first and leave the old one after it, with a comma.

    Exit status: 0 printed.
    """
    say(new_key())


def migrate(*, as_json: AsJson = False, data_dir: DataDir = None) -> None:
    """Make the database or bring its tables up to date. The plugin does so automatically.

    Exit status: 0 the tables are up to date, 2 settings or database.
    """
    with open_session(data_dir, prepared=False) as opened:
        changed = not opened.database.is_ready()
        opened.database.prepare()
        place, schema = where(opened.database), opened.database.schema()
    if as_json:
        say_json({"database": place, "schema": schema, "changed": changed})
    else:
        note(f"The {place} {'was brought' if changed else 'is'} up to date (schema {schema}).")
