"""Secrets that can be told from everything else, and a net for all places they could end up in.

The whole suite runs with them (`tests/conftest.py`): every token, code, state and key that is made
bears a mark, and the app's secret and the companies' ids are known. After each test the net says
where one of them was seen in clear.
"""

from __future__ import annotations

import logging
import subprocess
from contextlib import ExitStack, contextmanager
from secrets import token_urlsafe
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, Final
from unittest.mock import patch

import sqlalchemy as sa
from cryptography.fernet import Fernet

from dunahub_hookspecs import Redirect
from dunahub_qbo_plugin.emulator.world import grants
from dunahub_qbo_plugin.emulator.world.directory import DEFAULT_CLIENT_SECRET
from dunahub_qbo_plugin.emulator.world.world import SEEDS
from dunahub_qbo_plugin.errors import QuickBooksPluginError
from dunahub_qbo_plugin.panel.templating import Templates
from dunahub_qbo_plugin.store.companies import oauth_states

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MARK: Final = "QzCanaryZq"
SECRETS: Final = (MARK, MARK.lower(), DEFAULT_CLIENT_SECRET, SEEDS["contractor"][0][:-2])
"""What no test may leave anywhere: marked secrets, the app's secret, ids of companies."""
_IN_BYTES: Final = tuple(secret.encode() for secret in SECRETS)
LOGS: Final = (
    *("dunahub_qbo_plugin", "dunahub_hookspecs"),
    *("alembic", "authlib", "httpcore", "httpx", "procrastinate", "psycopg", "sqlalchemy"),
)
"""The plugin's own, and those of what it hands its secrets to."""
SHOWN: Final = 70
LARGEST: Final = 64_000_000
"""Bytes of a file that is looked through."""
MEANT: Final = ("fernet.key", "quickbooks.world")
"""Files whose purpose is to hold secrets: of the demo, on the developer's own machine."""


class Net(logging.Handler):
    """Looks at whatever comes out and remembers where a secret was.

    As a handler of logs it looks at each message with its traceback.

    Attributes:
        leaks: where secrets were seen since the last `take`.
    """

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.leaks: list[str] = []
        self.looked: set[str] = set()

    def look(self, place: str, text: str | bytes) -> None:
        """Look for secrets in something that people, other programs or a disk get."""
        self.looked.add(place.partition(" ")[0])
        secrets: Any = _IN_BYTES if isinstance(text, bytes) else SECRETS
        for secret in secrets:
            if (start := text.find(secret)) >= 0:
                before = text[max(0, start - SHOWN) : start + len(secret)]
                self.leaks.append(f"{place}: …{before!r}…")

    def emit(self, record: logging.LogRecord) -> None:
        """Look at a message of a log."""
        try:
            text = logging.Formatter("%(name)s %(message)s").format(record)
        except Exception:  # noqa: BLE001  a message that cannot be put together is not our matter
            return
        self.look(f"log {record.name}", text)

    def look_through(self, folder: Path) -> None:
        """Look at every file of a test: databases, exports, support files, logs."""
        for path in folder.rglob("*"):
            if path.is_file() and path.name not in MEANT and path.stat().st_size < LARGEST:
                self.look(f"file {path.name}", path.read_bytes())

    def look_at_database(self, address: str) -> None:
        """Look at every row of every table of a PostgreSQL database."""
        engine = sa.create_engine(address, poolclass=sa.NullPool)
        with engine.connect() as db:
            tables = db.execute(
                sa.text(
                    "SELECT format('%I.%I', table_schema, table_name)"
                    " FROM information_schema.tables WHERE table_type = 'BASE TABLE'"
                    " AND table_schema NOT IN ('pg_catalog', 'information_schema')"
                )
            )
            for table in tables.scalars().all():
                rows = db.execute(sa.text(f"SELECT t::text FROM {table} t LIMIT 2000"))  # noqa: S608  a name that the database quoted
                self.look(f"table {table}", "\n".join(rows.scalars()))

    def take(self) -> list[str]:
        """Return what was found, once."""
        found, self.leaks = self.leaks, []
        return found


@contextmanager
def spread(net: Net) -> Iterator[Net]:
    """Mark every secret that is made from now on, and look wherever one could come out."""
    with ExitStack() as stack:
        for where, name, stand_in in (*_marked(), *_watched(net)):
            stack.enter_context(patch.object(where, name, stand_in))
        for name in LOGS:
            stack.callback(logging.getLogger(name).removeHandler, net)
            logging.getLogger(name).addHandler(net)
        yield net


def _marked() -> Iterator[tuple[Any, str, Any]]:
    """Name what makes secrets, with what makes marked ones in its place."""
    unmarked, key = grants._random, Fernet.generate_key
    yield grants, "_random", lambda length: MARK + unmarked(length - len(MARK))
    yield oauth_states, "secrets", SimpleNamespace(token_urlsafe=lambda n: MARK + token_urlsafe(n))
    yield Fernet, "generate_key", staticmethod(lambda: MARK.encode() + key()[len(MARK) :])


def _watched(net: Net) -> Iterator[tuple[Any, str, Any]]:
    """Name what lets something out, with what looks at it on its way."""
    render, lead, communicate = Templates.render, Redirect.__init__, subprocess.Popen.communicate

    def watched_render(self: Templates, name: str, values: Any) -> str:  # noqa: ANN401  a template's
        html = render(self, name, values)
        net.look(f"page {name}", html)
        return html

    def watched_lead(self: Redirect, url: str) -> None:
        lead(self, url=url)
        to_consent = f"state={MARK}" in url  # the one address that bears a state, and nothing else
        net.look("address", url.replace(f"state={MARK}", "") if to_consent else url)

    def watched_error(self: QuickBooksPluginError, *values: object) -> None:
        Exception.__init__(self, *values)
        net.look(f"error {type(self).__name__}", f"{self} {values!r}")

    # The emulator's command prints its own companies and the app's keys, which work nowhere else.
    def watched_output(self: Any, *values: Any, **named: Any) -> Any:  # noqa: ANN401  as there
        printed = communicate(self, *values, **named)
        for stream in printed if "emulator" not in self.args else ():
            net.look(f"output of {self.args!r:.60}", stream or "")
        return printed

    yield Templates, "render", watched_render
    yield Redirect, "__init__", watched_lead
    yield QuickBooksPluginError, "__init__", watched_error
    yield subprocess.Popen, "communicate", watched_output
