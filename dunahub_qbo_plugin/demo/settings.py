"""What a demo keeps in its folder, and the environment variables that reach the plugin."""

from __future__ import annotations

import os
import secrets
from contextlib import contextmanager
from typing import TYPE_CHECKING

import attrs
from cryptography.fernet import Fernet

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

_LOOPBACK = "127.0.0.1,localhost"


@attrs.frozen(kw_only=True)
class Secrets:
    """The secrets of one demo, which are created once.

    Attributes:
        session_key: signs the CRM's session cookies.
        fernet_key: encrypts the plugin's tokens.
    """

    session_key: str = attrs.field(repr=False)
    fernet_key: str = attrs.field(repr=False)

    @classmethod
    def of(cls, folder: Path) -> Secrets:
        """Read the secrets of a folder, or create them; only the user may read their files."""
        return cls(
            session_key=_secret(folder / "session.key", secrets.token_urlsafe),
            fernet_key=_secret(folder / "fernet.key", lambda: Fernet.generate_key().decode()),
        )


def _secret(path: Path, make: Callable[[], str]) -> str:
    try:
        return path.read_text(encoding="ascii").strip()
    except FileNotFoundError:
        value = make()
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(value + "\n")
    return value


def plugin_variables(
    *,
    client_id: str,
    client_secret: str,
    fernet_key: str,
    database: Path,
    redirect_uri: str,
    emulator_url: str,
) -> dict[str, str]:
    """Return the plugin's settings the way an operator sets them."""
    return {
        "DUNAHUB_QBO_CLIENT_ID": client_id,
        "DUNAHUB_QBO_CLIENT_SECRET": client_secret,
        "DUNAHUB_QBO_ENVIRONMENT": "production",
        "DUNAHUB_QBO_FERNET_KEYS": fernet_key,
        "DUNAHUB_QBO_DATABASE_URL": f"sqlite:///{database}",
        "DUNAHUB_QBO_REDIRECT_URI": redirect_uri,
        "DUNAHUB_QBO_API_URL": emulator_url,
        "DUNAHUB_QBO_DISCOVERY_URL": f"{emulator_url}/.well-known/openid_configuration",
        "DUNAHUB_QBO_APP_URL": emulator_url,
        # A proxy that the machine is set up for knows nothing of this machine's own ports.
        "NO_PROXY": _LOOPBACK,
        "no_proxy": _LOOPBACK,
    }


@contextmanager
def environment(variables: Mapping[str, str]) -> Iterator[None]:
    """Set environment variables, and restore them at the end."""
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
