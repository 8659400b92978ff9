"""Encryption at rest of realm ids and tokens; the keys come only from the environment."""

from __future__ import annotations

import hashlib
import hmac
from functools import cached_property

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from dunahub_qbo_plugin.errors import ConfigurationError

HOW = "Make one with: dunahub-qbo generate-key, and set it as DUNAHUB_QBO_FERNET_KEYS"


class Cipher:
    """Encrypts with the first key, decrypts with any key.

    The keys are validated when first used, so that a missing key never stops the host.
    """

    def __init__(self, keys: tuple[str, ...]) -> None:
        self._keys = keys

    def __repr__(self) -> str:
        """Return the number of keys, and nothing of the keys themselves."""
        return f"Cipher({len(self._keys)} keys)"

    @cached_property
    def _fernet(self) -> MultiFernet:
        if not self._keys:
            raise ConfigurationError(f"there is no encryption key. {HOW}")
        try:
            return MultiFernet([Fernet(key) for key in self._keys])
        except ValueError:
            # Not chained: the cause's traceback shows the key.
            raise ConfigurationError(f"an encryption key is not a Fernet key. {HOW}") from None

    def check(self) -> None:
        """Raise unless there is a usable key.

        Raises:
            ConfigurationError: no key, or a malformed one; the text has the command that makes one.
        """
        _ = self._fernet

    def encrypt(self, text: str) -> str:
        """Encrypt with the first key."""
        return self._fernet.encrypt(text.encode()).decode()

    def decrypt(self, sealed: str) -> str:
        """Decrypt with whichever key fits.

        Raises:
            ConfigurationError: no key fits.
        """
        try:
            return self._fernet.decrypt(sealed.encode()).decode()
        except InvalidToken:
            raise ConfigurationError(
                "none of the keys in DUNAHUB_QBO_FERNET_KEYS opens the stored QuickBooks access. "
                "Put back the key it was made with, or disconnect and connect again"
            ) from None

    def is_newest(self, sealed: str) -> bool:
        """Return whether the first key decrypts it, so that it needs no new encryption.

        Raises:
            ConfigurationError: there is no usable key.
        """
        self.check()
        try:
            Fernet(self._keys[0]).decrypt(sealed.encode())
        except InvalidToken:
            return False
        return True

    def lookup_keys(self, text: str) -> list[str]:
        """Return what a text is found by without decrypting: one for each key, the newest first.

        Whoever has the database and no key cannot tell the text from it, however short.

        Raises:
            ConfigurationError: there is no usable key.
        """
        self.check()
        return [
            hmac.new(f"lookup:{key}".encode(), text.encode(), hashlib.sha256).hexdigest()
            for key in self._keys
        ]

    def rotate(self, sealed: str) -> str:
        """Encrypt again with the first key.

        Raises:
            ConfigurationError: no key fits.
        """
        return self.encrypt(self.decrypt(sealed))


def generate_key() -> str:
    """Make a new key."""
    return Fernet.generate_key().decode()
