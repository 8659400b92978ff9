"""The addresses of the page, its actions, the host's records and QuickBooks' objects."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qsl, quote, urlencode, urlsplit, urlunsplit

import attrs

from dunahub_hookspecs import RecordKind
from dunahub_qbo_plugin.model import Kind

if TYPE_CHECKING:
    from collections.abc import Callable

    from dunahub_hookspecs import SettingsRequest
    from dunahub_qbo_plugin.config import Config
    from dunahub_qbo_plugin.model import RecordKey

KIND_OF: Final = {
    RecordKind.LEAD: Kind.CUSTOMER,
    RecordKind.INVOICE: Kind.INVOICE,
    RecordKind.PAYMENT: Kind.PAYMENT,
}
"""The host's kinds of record and ours."""
_HOST_KIND: Final = {ours: theirs for theirs, ours in KIND_OF.items()}
_IN_QUICKBOOKS: Final = {
    Kind.CUSTOMER: "/app/customerdetail?nameId=",
    Kind.INVOICE: "/app/invoice?txnId=",
    Kind.PAYMENT: "/app/recvpayment?txnId=",
}
OURS: Final = frozenset(
    {"qbo", "confirm", "kind", "result", "q", "before", "open", "causes", "left"}
)
"""Query parameters of the page that are ours; a host's own ones are carried along."""


def page_address(page_url: str, anchor: str = "", **query: str) -> str:
    """Return the page's address with parameters of ours in place of earlier ones."""
    parts = urlsplit(page_url)
    kept = [pair for pair in parse_qsl(parts.query) if pair[0] not in OURS]
    given = [(name, value) for name, value in query.items() if value]
    return urlunsplit(parts._replace(query=urlencode(kept + given), fragment=anchor))


def host_record(record_url: Callable[[str, str], str | None] | None, key: RecordKey) -> str | None:
    """Return the address of a record's page in the host, None where it has none."""
    return None if record_url is None else record_url(_HOST_KIND[key.kind].value, key.local_id)


@attrs.frozen(kw_only=True)
class Links:
    """The addresses that one page uses."""

    request: SettingsRequest
    app_url: str

    @classmethod
    def of(cls, config: Config, request: SettingsRequest) -> Links:
        """Return the links of a page, from the host's request and the settings."""
        return cls(request=request, app_url=config.app_url)

    @property
    def hidden(self) -> list[tuple[str, str]]:
        """The hidden fields of every form that posts, for the host."""
        return list(self.request.hidden_fields.items())

    @property
    def form_address(self) -> str:
        """The address of a form that only reads (GET); its fields make the query."""
        return urlunsplit(urlsplit(self.request.page_url)._replace(query="", fragment=""))

    @property
    def form_fields(self) -> list[tuple[str, str]]:
        """The host's own query parameters, which such a form keeps."""
        pairs = parse_qsl(urlsplit(self.request.page_url).query)
        return [pair for pair in pairs if pair[0] not in OURS]

    def page(self, anchor: str = "", **query: str) -> str:
        """Return the page's address with parameters of ours."""
        return page_address(self.request.page_url, anchor, **query)

    def action(self, name: str) -> str:
        """Return an action's address."""
        return f"{self.request.action_url}/{name}"

    def record(self, key: RecordKey) -> str | None:
        """Return the address of a record's page in the host, None where it has none."""
        return host_record(self.request.record_url, key)

    def quickbooks(self, kind: Kind, qbo_id: str | None) -> str | None:
        """Return the address of an object in QuickBooks, None while it is not there."""
        if not qbo_id:
            return None
        return f"{self.app_url}{_IN_QUICKBOOKS[kind]}{quote(qbo_id, safe='')}"
