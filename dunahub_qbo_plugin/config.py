"""Settings of the plugin, read once from the environment into typed values."""

from __future__ import annotations

import re
from enum import StrEnum
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import urlsplit

import attrs

from dunahub_qbo_plugin.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

PREFIX = "DUNAHUB_QBO_"
MONTHLY_READS = 500_000
"""Metered reads a month that an app has free, for all companies (Intuit's App Partner Program)."""
Choice = TypeVar("Choice", bound=StrEnum)


class Environment(StrEnum):
    """The environment of Intuit's that the app's keys belong to."""

    PRODUCTION = "production"
    SANDBOX = "sandbox"


class Worker(StrEnum):
    """Who sends what is due."""

    EMBEDDED = "embedded"
    """A thread of each process."""
    PROCRASTINATE = "procrastinate"
    """Workers (``dunahub-qbo worker``) on PostgreSQL, which each process rings for."""
    OFF = "off"
    """Nobody in this process: a worker beside the host, or the host's own queue."""


API_URLS = {
    Environment.PRODUCTION: "https://quickbooks.api.intuit.com",
    Environment.SANDBOX: "https://sandbox-quickbooks.api.intuit.com",
}
DISCOVERY_URLS = {
    Environment.PRODUCTION: "https://developer.api.intuit.com/.well-known/openid_configuration",
    Environment.SANDBOX: (
        "https://developer.api.intuit.com/.well-known/openid_sandbox_configuration"
    ),
}
APP_URLS = {
    Environment.PRODUCTION: "https://qbo.intuit.com",
    Environment.SANDBOX: "https://sandbox.qbo.intuit.com",
}


@attrs.frozen(kw_only=True)
class Config:
    """All settings of the operator.

    Attributes:
        client_id, client_secret: the Intuit app's keys; empty until an operator sets them.
        environment: the environment of Intuit's that those keys belong to.
        fernet_keys: the newest first; the first encrypts, all of them decrypt.
        database_url: SQLAlchemy URL of the plugin's database.
        redirect_uri: the address registered at Intuit; empty to use the settings page's own.
        api_url: base of the Accounting API.
        discovery_url: Intuit's OAuth discovery document.
        app_url: base of "Open in QuickBooks" links.
        worker: who sends what is due.
        queue_url: PostgreSQL of the queue, if it is reached by another URL than the database
            (around a pooler, since workers listen); empty for ``database_url``.
        queue_schema: the queue's own PostgreSQL schema.
        queue: the queue's name.
        synchronous: SQLite's durability, ``FULL`` or ``NORMAL``.
        webhook_tokens: verifier tokens of the app's webhooks; without one none is taken.
        notify: a callable that takes notices where no host gives one, as ``module:name``.
        monthly_reads: metered reads that Intuit allows the app in a month, for all companies.
        problem: what is wrong with another setting. Nothing is sent then, and what hooks say is
            stored all the same.
    """

    client_id: str = ""
    client_secret: str = attrs.field(default="", repr=False)
    environment: Environment = Environment.PRODUCTION
    fernet_keys: tuple[str, ...] = attrs.field(default=(), repr=False)
    database_url: str = attrs.field(default="sqlite:///dunahub_qbo.sqlite3", repr=False)
    redirect_uri: str = ""
    api_url: str = API_URLS[Environment.PRODUCTION]
    discovery_url: str = DISCOVERY_URLS[Environment.PRODUCTION]
    app_url: str = APP_URLS[Environment.PRODUCTION]
    worker: Worker = Worker.EMBEDDED
    queue_url: str = attrs.field(default="", repr=False)
    queue_schema: str = "qbo_engine"
    queue: str = "qbo"
    synchronous: str = "FULL"
    monthly_reads: int = MONTHLY_READS
    notify: str = ""
    webhook_tokens: tuple[str, ...] = attrs.field(default=(), repr=False)
    problem: str = ""

    @classmethod
    def from_environ(cls, environ: Mapping[str, str], *, data_dir: Path | None = None) -> Config:
        """Read the variables that start with ``DUNAHUB_QBO_``.

        Args:
            environ: usually ``os.environ``.
            data_dir: where the SQLite file goes when no database address is set; None for the
                current folder.

        Raises:
            ConfigurationError: a variable has an invalid value; the text names the variable.
        """

        def given(name: str, default: str = "") -> str:
            return _given(environ, name) or default

        environment = _choice("ENVIRONMENT", given("ENVIRONMENT", "production"), Environment)
        return cls(
            client_id=given("CLIENT_ID"),
            client_secret=given("CLIENT_SECRET"),
            environment=environment,
            fernet_keys=tuple(key for key in given("FERNET_KEYS").replace(",", " ").split() if key),
            database_url=_database(environ, data_dir),
            redirect_uri=_url("REDIRECT_URI", given("REDIRECT_URI")),
            api_url=_url("API_URL", given("API_URL", API_URLS[environment])),
            discovery_url=_url(
                "DISCOVERY_URL", given("DISCOVERY_URL", DISCOVERY_URLS[environment])
            ),
            app_url=_url("APP_URL", given("APP_URL", APP_URLS[environment])),
            worker=_choice("WORKER", given("WORKER", "embedded"), Worker),
            queue_url=given("QUEUE_URL"),
            queue_schema=_name("QUEUE_SCHEMA", given("QUEUE_SCHEMA", "qbo_engine")),
            queue=_name("QUEUE", given("QUEUE", "qbo")),
            synchronous=_choice("SYNCHRONOUS", given("SYNCHRONOUS", "FULL").upper(), _Synchronous),
            notify=given("NOTIFY"),
            webhook_tokens=tuple(given("WEBHOOK_TOKENS").replace(",", " ").split()),
            monthly_reads=_number("MONTHLY_READS", given("MONTHLY_READS", str(MONTHLY_READS))),
        )

    @classmethod
    def for_storing(
        cls, environ: Mapping[str, str], problem: str, *, data_dir: Path | None = None
    ) -> Config:
        """Return the settings with which hooks store what they are told, and nothing is sent.

        Args:
            environ: usually ``os.environ``; only the database's address is read.
            problem: what is wrong with the others.
            data_dir: as for `from_environ`.
        """
        address = _database(environ, data_dir)
        return cls(database_url=address, worker=Worker.OFF, problem=problem)


class _Synchronous(StrEnum):
    FULL = "FULL"
    NORMAL = "NORMAL"


def _choice(name: str, value: str, choices: type[Choice]) -> Choice:
    try:
        return choices(value)
    except ValueError as error:
        allowed = ", ".join(choices)
        raise ConfigurationError(f"{PREFIX}{name} is {value!r}; it can be: {allowed}") from error


def _number(name: str, value: str) -> int:
    if not (value.isascii() and value.isdecimal()):
        raise ConfigurationError(f"{PREFIX}{name} is {value!r}; it must be a whole number")
    return int(value)


def _name(name: str, value: str) -> str:
    if re.fullmatch(r"[a-z_][a-z0-9_]{0,40}", value) is None:
        raise ConfigurationError(
            f"{PREFIX}{name} must be a plain name: small letters, digits and underscores"
        )
    return value


def _url(name: str, value: str) -> str:
    if not value:
        return value
    try:
        parts = urlsplit(value)
        host = (parts.hostname or "").rstrip(".")
    except ValueError:  # brackets without an address in them
        host = ""
    intuits = f".{host}".endswith(".intuit.com")
    # http is accepted only for other hosts, such as an emulator: each request carries tokens.
    # Of plain letters only: clients turn a full stop of another script into a plain one.
    if (
        not host
        or not value.isascii()
        or parts.scheme not in ({"https"} if intuits else {"http", "https"})
    ):
        raise ConfigurationError(
            f"{PREFIX}{name} must start with https:// and the name of a host "
            "(or with http:// for an emulator of your own)"
        )
    return value.rstrip("/")


def _given(environ: Mapping[str, str], name: str) -> str:
    return environ.get(PREFIX + name, "").strip()


def _database(environ: Mapping[str, str], data_dir: Path | None) -> str:
    if address := _given(environ, "DATABASE_URL"):
        return address
    if data_dir is None:
        return "sqlite:///dunahub_qbo.sqlite3"
    return f"sqlite:///{data_dir / 'dunahub_qbo.sqlite3'}"
