"""Encryption at rest of realm ids and tokens, with keys from the environment only."""

from __future__ import annotations

from functools import cached_property

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from dunahub_qbo_plugin.errors import ConfigurationError

HOW = "Make one with: dunahub-qbo generate-key, and set it as DUNAHUB_QBO_FERNET_KEYS"


class Cipher:
    """Encrypts with the first key, decrypts with any of them.

    The keys are looked at when they are first needed, so that a missing key never stops the host.
    """

    def __init__(self, keys: tuple[str, ...]) -> None:
        self._keys = keys

    def __repr__(self) -> str:
        """Tell how many keys there are, and nothing of them."""
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
        """Raise unless there is a key that can be used.

        Raises:
            ConfigurationError: no key, or not one; the text holds the command that makes one.
        """
        _ = self._fernet

    def encrypt(self, text: str) -> str:
        """Encrypt with the newest key."""
        return self._fernet.encrypt(text.encode()).decode()

    def decrypt(self, sealed: str) -> str:
        """Decrypt with whichever key fits.

        Raises:
            ConfigurationError: none of the keys fits.
        """
        try:
            return self._fernet.decrypt(sealed.encode()).decode()
        except InvalidToken:
            raise ConfigurationError(
                "none of the keys in DUNAHUB_QBO_FERNET_KEYS opens the stored QuickBooks access. "
                "Put back the key it was made with, or disconnect and connect again"
            ) from None

    def is_newest(self, sealed: str) -> bool:
        """Return whether the newest key opens it, so that it need not be encrypted anew.

        Raises:
            ConfigurationError: there is no usable key.
        """
        self.check()
        try:
            Fernet(self._keys[0]).decrypt(sealed.encode())
        except InvalidToken:
            return False
        return True

    def rotate(self, sealed: str) -> str:
        """Encrypt anew with the newest key.

        Raises:
            ConfigurationError: none of the keys fits.
        """
        return self.encrypt(self.decrypt(sealed))


def generate_key() -> str:
    """Make a new key."""
    return Fernet.generate_key().decode()
