"""The switch that makes QuickBooks fail: a client of the emulator's admin API."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import attrs
import httpx

Json = Mapping[str, object]


@attrs.frozen(kw_only=True)
class Trouble:
    """One way in which QuickBooks can fail.

    Attributes:
        name: in the page's addresses.
        label: on its button.
        effect: what it does, for the person about to press it.
        done: what is said after it was pressed.
    """

    name: str
    label: str
    effect: str
    done: str


TROUBLES = (
    Trouble(
        name="outage",
        label="QuickBooks is down",
        effect="Every request is answered with 503 until you reset it.",
        done="QuickBooks now answers 503 to everything.",
    ),
    Trouble(
        name="lose-answer",
        label="Lose the next answer",
        effect="QuickBooks carries out the next create, but its answer never arrives.",
        done="The answer to the next create will be lost.",
    ),
    Trouble(
        name="expire-token",
        label="Expire the access token",
        effect="As after an hour: the plugin has to renew it.",
        done="All access tokens have expired.",
    ),
    Trouble(
        name="revoke-grant",
        label="Revoke the grant",
        effect="As if somebody removed the app at Intuit: a person has to reconnect.",
        done="The app's access was revoked at Intuit.",
    ),
    Trouble(
        name="subscription-ended",
        label="End the subscription",
        effect="The QuickBooks company is closed to everybody until you reset it.",
        done="The QuickBooks subscription has ended.",
    ),
)


class EmulatorError(RuntimeError):
    """The emulator's admin API refused a request or did not answer."""


class EmulatorAdmin:
    """The emulator's admin API.

    Args:
        url: the emulator's base address.
    """

    def __init__(self, url: str) -> None:
        self.url = url.rstrip("/")
        self._http = httpx.Client(base_url=self.url, timeout=10, trust_env=False)

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def books_url(self, realm: str = "") -> str:
        """Return the address of the page that shows a person the books."""
        return f"{self.url}/books/{realm}".rstrip("/")

    def make(self, name: str) -> None:
        """Make QuickBooks fail in one of the ways of `TROUBLES`.

        Raises:
            EmulatorError: there is no such way, or the emulator does not answer.
        """
        match name:
            case "outage":
                self._post("/trouble", {"kind": "fail", "status": 503, "times": None})
            case "lose-answer":
                self.lose_next_answer()
            case "expire-token":
                self._post("/tokens/expire", {})
            case "revoke-grant":
                self._post("/tokens/revoke", {})
            case "subscription-ended":
                self._take_offline("subscription_ended")
            case _:
                raise EmulatorError(f"The demo has no trouble of the name {name!r}.")

    def lose_next_answer(self, entity: str | None = None) -> None:
        """Let the next create (of one entity, such as ``invoice``) succeed, but lose its answer."""
        self._post("/trouble", {"kind": "lose", "method": "POST", "entity": entity})

    def reset(self) -> None:
        """Make QuickBooks work again. A revoked grant stays revoked: a person must reconnect."""
        self._send("DELETE", "/trouble")
        self._take_offline(None)

    def allow_redirect(self, client_id: str, redirect_uri: str) -> None:
        """Register an address to come back to, as one does in Intuit's portal."""
        self._post(f"/apps/{client_id}/redirect_uris", {"redirect_uri": redirect_uri})

    def companies(self) -> dict[str, str]:
        """Return realm id and name of each QuickBooks company."""
        found: list[dict[str, str]] = self._send("GET", "/").json()["companies"]
        return {company["realm"]: company["name"] for company in found}

    def books(self, realm: str) -> dict[str, Any]:
        """Return everything that is in a company's books."""
        books: dict[str, Any] = self._send("GET", f"/books/{realm}").json(parse_float=Decimal)
        return books

    def requests(self, after: int = 0) -> list[dict[str, Any]]:
        """Return the requests that the emulator saw, oldest first, from a running number on."""
        answer = self._send("GET", f"/requests?after={after}").json()
        seen: list[dict[str, Any]] = answer["requests"]
        return seen

    def _take_offline(self, reason: str | None) -> None:
        for realm in self.companies():
            self._post(f"/companies/{realm}/offline", {"reason": reason})

    def _post(self, path: str, values: Json) -> None:
        self._send("POST", path, values)

    def _send(self, method: str, path: str, values: Json | None = None) -> httpx.Response:
        try:
            answer = self._http.request(method, f"/_admin{path}", json=values)
            answer.raise_for_status()
        except httpx.HTTPStatusError as error:
            told = f"status {error.response.status_code}"
            raise EmulatorError(f"The QuickBooks emulator did not do that: {told}") from error
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise EmulatorError(f"The QuickBooks emulator did not do that: {error}") from error
        return answer
