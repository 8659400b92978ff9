"""Who there is on Intuit's side: people, registered apps and companies."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import attrs

if TYPE_CHECKING:
    from collections.abc import Callable

    from dunahub_qbo_plugin.emulator.api.company_api import Company

Environment = Literal["production", "sandbox"]
Offline = Literal["subscription_ended", "maintenance", "locked", "wrong_cluster"]

ACCOUNTING = "com.intuit.quickbooks.accounting"
PAYMENT = "com.intuit.quickbooks.payment"
KNOWN_SCOPES = frozenset({ACCOUNTING, PAYMENT, "openid", "profile", "email", "phone", "address"})

PLAYGROUND_REDIRECT = "https://developer.intuit.com/v2/OAuth2Playground/RedirectUrl"
"""The redirect address that Intuit's developer portal gives each new app."""

DEFAULT_CLIENT_ID = "ABemulatorDemoClient0000000000000000000000000000000"
DEFAULT_CLIENT_SECRET = "emulatorDemoSecret0000000000000000000000"  # noqa: S105  a public demo value


@attrs.frozen(kw_only=True)
class User:
    """A person with an Intuit account.

    Attributes:
        sub: Intuit's id of the person.
        given_name: First name.
        family_name: Last name.
        email: Address of the account.
        phone: Phone number of the account.
    """

    sub: str
    given_name: str
    family_name: str
    email: str
    phone: str = "+1 5550100200"

    @property
    def name(self) -> str:
        """The name QuickBooks shows, as in the text of a stale-object fault."""
        return f"{self.given_name} {self.family_name}"


@attrs.frozen(kw_only=True)
class OAuthApp:
    """An app registered at Intuit's developer portal.

    Attributes:
        client_id: Public id.
        client_secret: Secret of the app.
        name: Name on the consent page.
        redirect_uris: Addresses that may be used, compared character by character.
        environment: Development keys work for sandbox companies only and production keys for
            real companies only.
    """

    client_id: str
    client_secret: str = attrs.field(repr=False)
    name: str
    redirect_uris: frozenset[str] = frozenset()
    environment: Environment = "production"


@attrs.define(kw_only=True)
class HostedCompany:
    """A company, and what Intuit's side knows about it besides its books.

    Attributes:
        books: The company itself.
        build: Makes the company anew, for a reset.
        environment: Real company or sandbox company.
        offline: Why the company cannot be used at present, or None.
    """

    books: Company
    build: Callable[[], Company]
    environment: Environment = "production"
    offline: Offline | None = None
