"""Takes out of a recorded exchange what must not be kept: tokens, realm ids, people's data."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from dunahub_qbo_plugin.testing.exchanges import REALM, TID, TOKEN

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_EMAIL = re.compile(r"[\w.+%-]+@(?!example\.(?:com|org|net)\b)[\w-]+(?:\.[\w-]+)+")
_PHONE = re.compile(r"(?<![\w-])(?:\+?1[ .-]?)?\(?(\d{3})\)?[ .-]?(\d{3})[ .-]?(\d{4})(?![\w-])")
_TID = re.compile(r"\b1-[0-9a-f]{8}-[0-9a-f]{24}\b")
_JWT = re.compile(r"\beyJ[\w-]{8,}(?:\.[\w-]*)*")
_TOKEN = re.compile(r"\b(?:AB11|AB01|RT1-)[\w-]{12,}")
_LONG_NUMBER = re.compile(r"(?<![\w.-])\d{15,20}(?![\w.-])")
_ADDRESS = ("Line1", "Line2", "Line3", "City", "PostalCode", "Lat", "Long")
_OF_COMPANY = ("CompanyAddr", "CustomerCommunicationAddr", "LegalAddr", "ShipFromAddr")
_KEPT_HEADERS = ("content-type", "intuit_tid", "www-authenticate", "retry-after", "location")

_STREET = re.compile(
    r"\b\d{1,5} [A-Z][a-z]+(?: [A-Z][a-z]+)* (?:St|Street|Ave|Avenue|Rd|Road|Way|Blvd|Lane|Dr)\b"
)
KNOWN_STREETS = (
    "12 Oak St",
    "123 Sierra Way",
    "1 Example St",
    "123 Main Street",
    "4581 Finch St",
)
"""Made-up streets: of the builders, of Intuit's sample company and of its API reference."""


def scrub(value: Any, *, token: str = "", realm: str = "") -> Any:  # noqa: ANN401  JSON in, JSON out
    """Scrub a value and everything in it.

    Args:
        value: JSON, or a text.
        token: the access token that was used.
        realm: the company's id.
    """
    match value:
        case str():
            return _text(value, token, realm)
        case dict():
            return {
                _text(key, token, realm): (
                    _company_address(item)
                    if key in _OF_COMPANY
                    else scrub(item, token=token, realm=realm)
                )
                for key, item in value.items()
            }
        case list():
            return [scrub(item, token=token, realm=realm) for item in value]
        case _:
            return value


def headers(given: Mapping[str, str], *, token: str, realm: str) -> dict[str, str]:
    """Keep the headers that mean something to a client, in lower case."""
    lower = {name.lower().replace("intuit-tid", "intuit_tid"): one for name, one in given.items()}
    kept = {name: lower[name] for name in _KEPT_HEADERS if name in lower}
    return {name: str(scrub(one, token=token, realm=realm)) for name, one in kept.items()}


def findings(value: Any, path: str = "") -> Iterator[str]:  # noqa: ANN401  JSON
    """Name what must not be in a fixture; nothing is repeated here, only where it stands."""
    match value:
        case str():
            for what in _in_text(value):
                yield f"{what} in {path}"
        case dict():
            for key, item in value.items():
                yield from findings(key, path)
                yield from findings(item, f"{path}.{key}")
        case list():
            for place, item in enumerate(value):
                yield from findings(item, f"{path}[{place}]")
        case _ if _LONG_NUMBER.fullmatch(str(value)):
            yield f"a number as long as a realm id in {path}"


def _in_text(text: str) -> Iterator[str]:
    if _JWT.search(text) or _TOKEN.search(text):
        yield "a token"
    if _EMAIL.search(text):
        yield "an e-mail address"
    if _LONG_NUMBER.search(text):
        yield "a number as long as a realm id"
    if any(not _is_fictional(*match.groups()) for match in _PHONE.finditer(text)):
        yield "a telephone number"
    if any(found not in KNOWN_STREETS for found in _STREET.findall(text)):
        yield "a street"


def _text(text: str, token: str, realm: str) -> str:
    for secret, stand_in in ((token, TOKEN), (realm, REALM)):
        if secret:
            text = text.replace(secret, stand_in)
    text = _TID.sub(TID, text)
    text = _JWT.sub(TOKEN, text)
    text = _TOKEN.sub(TOKEN, text)
    text = _LONG_NUMBER.sub(REALM, text)
    text = _EMAIL.sub("hidden@example.com", text)
    return _PHONE.sub(_fictional, text)


def _fictional(match: re.Match[str]) -> str:
    return match[0] if _is_fictional(*match.groups()) else "(555) 555-0100"


def _is_fictional(area: str, exchange: str, line: str) -> bool:
    """Tell the numbers that are kept for stories: any area, 555-01xx."""
    return (exchange == "555" and line.startswith("01")) or area == "000"


def _company_address(address: Any) -> Any:  # noqa: ANN401  JSON
    if not isinstance(address, dict):
        return scrub(address)
    made_up = {"Line1": "1 Example St", "City": "Example", "PostalCode": "00000"}
    return {
        key: made_up.get(key, "") if key in _ADDRESS else scrub(item)
        for key, item in address.items()
    }
