"""OpenID Connect's id token, signed with a key that the emulator makes when first asked."""

from __future__ import annotations

import json
import threading
from base64 import urlsafe_b64encode
from functools import cached_property
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256

if TYPE_CHECKING:
    from collections.abc import Mapping

_KEY_ID = "r4p5SbL2qaFehFzhj8gI"
_EXPONENT = 65_537
_BITS = 2048


class Signer:
    """An RS256 key that signs claims and is published."""

    def __init__(self) -> None:
        self._lock = threading.Lock()

    def sign(self, claims: Mapping[str, object]) -> str:
        """Return the claims as a signed JSON Web Token."""
        header = {"kid": _KEY_ID, "typ": "JWT", "alg": "RS256"}
        content = f"{_encode(header)}.{_encode(claims)}"
        signature = self._private_key().sign(content.encode(), padding.PKCS1v15(), SHA256())
        return f"{content}.{_base64(signature)}"

    def jwks(self) -> dict[str, list[dict[str, str]]]:
        """Return the public key as a JSON Web Key Set."""
        numbers = self._private_key().public_key().public_numbers()
        key = {
            "kty": "RSA",
            "e": _base64(numbers.e.to_bytes(3, "big")),
            "use": "sig",
            "kid": _KEY_ID,
            "alg": "RS256",
            "n": _base64(numbers.n.to_bytes(_BITS // 8, "big")),
        }
        return {"keys": [key]}

    def _private_key(self) -> rsa.RSAPrivateKey:
        with self._lock:
            return self._key

    @cached_property
    def _key(self) -> rsa.RSAPrivateKey:
        return rsa.generate_private_key(public_exponent=_EXPONENT, key_size=_BITS)


def _encode(value: Mapping[str, object]) -> str:
    return _base64(json.dumps(value, separators=(",", ":")).encode())


def _base64(value: bytes) -> str:
    return urlsafe_b64encode(value).decode().rstrip("=")
