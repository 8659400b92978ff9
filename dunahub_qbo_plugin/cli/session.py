"""The settings, the database and the connections that a command works with."""

from __future__ import annotations

import os
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import attrs

from dunahub_qbo_plugin.cli.output import NOTHING_DONE, fail
from dunahub_qbo_plugin.clock import SystemClock
from dunahub_qbo_plugin.config import Config
from dunahub_qbo_plugin.errors import ConfigurationError
from dunahub_qbo_plugin.store.companies.connections import Connections
from dunahub_qbo_plugin.store.db.cipher import Cipher
from dunahub_qbo_plugin.store.db.database import Database
from dunahub_qbo_plugin.store.db.errors import trouble_of, where

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dunahub_qbo_plugin.clock import Clock
    from dunahub_qbo_plugin.store.companies.connection import Connection


@attrs.frozen(kw_only=True)
class Session:
    """The plugin's state, opened for one command."""

    config: Config
    database: Database
    connections: Connections
    clock: Clock

    def current(self, org: str | None) -> list[Connection]:
        """Return the company of each organization, or of the one that is named.

        Raises:
            typer.Exit: the organization that is named never connected.
        """
        with self.database.read.connect() as db:
            if org is None:
                return [one for one in self.connections.all(db) if one.current]
            found = self.connections.current(db, org)
        if found is None:
            fail(f"the organization {org!r} never connected to QuickBooks", code=NOTHING_DONE)
        return [found]


@contextmanager
def open_session(data_dir: Path | None, *, prepared: bool = True) -> Iterator[Session]:
    """Open the plugin's state; whatever an operator must fix is told in one line.

    Args:
        data_dir: the host's data folder; None for the current one.
        prepared: True when the command needs a database that is there and up to date.

    Raises:
        typer.Exit: a setting, the database or its schema is not as it must be.
    """
    with settings_told():
        config = read_config(data_dir)
        database = Database(config.database_url, synchronous=config.synchronous)
    with database_told(database):
        if prepared:
            _require_schema(database)
        yield Session(
            config=config,
            database=database,
            connections=Connections(Cipher(config.fernet_keys)),
            clock=SystemClock(),
        )


def read_config(data_dir: Path | None) -> Config:
    """Read the settings from the environment.

    Raises:
        ConfigurationError: a setting cannot be.
    """
    return Config.from_environ(os.environ, data_dir=data_dir)


@contextmanager
def settings_told() -> Iterator[None]:
    """Turn a wrong setting into a line and an exit status."""
    try:
        yield
    except ConfigurationError as error:
        fail(str(error))
    except ValueError:
        # What it says holds a part of the address, and that may be of its password.
        fail("an address in the DUNAHUB_QBO_ variables cannot be read; look at its port")


@contextmanager
def database_told(database: Database) -> Iterator[None]:
    """Turn trouble with the database into a line and an exit status, and close it at the end."""
    try:
        yield
    except ConfigurationError as error:
        fail(str(error))
    except BrokenPipeError:
        raise  # whoever reads what we print went away; the database is fine
    except OSError as error:
        fail(f"the {where(database)} cannot be used: {error.strerror or type(error).__name__}")
    except Exception as error:
        trouble = trouble_of(error, database)
        if trouble is None:
            raise
        fail(f"the {where(database)} cannot be used: {trouble}")
    finally:
        database.close()


def require_file(database: Database) -> None:
    """Refuse to work on a SQLite file that is not there: the host keeps its own elsewhere.

    Raises:
        ConfigurationError: the file is not there.
    """
    if database.is_sqlite and not Path(str(database.url.database)).exists():
        raise ConfigurationError(
            f"there is no {where(database)} yet. Set DUNAHUB_QBO_DATABASE_URL or --data-dir to "
            "where the host keeps it, or make it with: dunahub-qbo migrate"
        )


def _require_schema(database: Database) -> None:
    if database.is_ready():
        return
    require_file(database)
    with database.read.connect():
        pass  # an unreachable database is told as such, not as one without a schema
    raise ConfigurationError(
        f"the {where(database)} does not have this version's tables. "
        "Bring it up to date with: dunahub-qbo migrate"
    )
