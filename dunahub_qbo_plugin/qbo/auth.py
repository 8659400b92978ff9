"""Secrets, and the two kinds of credentials that requests carry."""

from __future__ import annotations

import base64
import hmac
from typing import NoReturn

import attrs


class RedactedStr(str):
    """A string on its way into a request, whose ``repr`` is ``'***'``.

    Error reporters record the local variables of every frame, by their ``repr``.
    """

    __slots__ = ()

    def __repr__(self) -> str:
        return "'***'"


class Secret:
    """A string that only `reveal` gives out.

    ``repr``, ``str`` and formatting show ``***``, it cannot be pickled, and comparison takes
    constant time.
    """

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = RedactedStr(value)

    def reveal(self) -> str:
        """Return the secret string."""
        return self._value

    def __repr__(self) -> str:
        return "Secret(***)"

    def __str__(self) -> str:
        return "***"

    def __format__(self, spec: str) -> str:
        return "***"

    def __bool__(self) -> bool:
        return bool(self._value)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret):
            return NotImplemented
        mine, theirs = (
            value.encode("utf-8", "surrogatepass") for value in (self._value, other._value)
        )
        return hmac.compare_digest(mine, theirs)

    def __hash__(self) -> int:
        return hash((Secret, self._value))

    def __reduce__(self) -> NoReturn:
        raise TypeError("a Secret is not pickled")


@attrs.frozen(kw_only=True)
class Grant:
    """The right to work in one QuickBooks company, for one request.

    Attributes:
        company: our own id of the company, used for counting, throttling and logging.
        realm_id: QuickBooks' id of the company, which Intuit wants treated as confidential.
        access_token: valid for an hour; renewing it is the caller's business.
    """

    company: str
    realm_id: Secret
    access_token: Secret

    def bearer(self) -> str:
        """Return the ``Authorization`` header's value."""
        return RedactedStr(f"Bearer {self.access_token.reveal()}")

    def confidential(self) -> tuple[str, ...]:
        """Return what must not appear in any log or error: the access token and the realm id."""
        return (self.access_token.reveal(), self.realm_id.reveal())


@attrs.frozen(kw_only=True)
class ClientAuth:
    """The app's credentials for Intuit's OAuth service (``client_secret_basic``).

    Built here rather than by authlib, whose versions differ in how they quote the pair before
    encoding it; Intuit's own clients do not quote.
    """

    client_id: str
    client_secret: Secret

    def basic(self) -> str:
        """Return the ``Authorization`` header's value."""
        pair = f"{self.client_id}:{self.client_secret.reveal()}"
        return RedactedStr("Basic " + base64.b64encode(pair.encode()).decode("ascii"))
