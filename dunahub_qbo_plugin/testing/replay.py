"""Recorded exchanges served as if they were QuickBooks."""

from __future__ import annotations

import difflib
import threading
from typing import TYPE_CHECKING, Any

import attrs

from dunahub_hookspecs import Invoice, Lead
from dunahub_qbo_plugin.testing import exchanges as kept
from dunahub_qbo_plugin.testing.exchanges import REALM, Exchange, pretty

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import httpx

    from dunahub_qbo_plugin.model import Value
    from dunahub_qbo_plugin.testing.emulator import QboEmulator

API = "/v3/company/"
ALWAYS = "company/"
"""Exchanges of this entity are served from the start: the plugin reads them when it connects."""


class Replay:
    """Answers the plugin's requests with recorded answers.

    Only what `serve` names is served, besides what is read at connect. A request that was not
    recorded gets no answer, and `check` tells which recorded one is nearest.

    Args:
        sign_in: an emulator that answers for Intuit's sign-in, which is not recorded.
        folder: of the exchanges; None for those that come with the plugin.

    Attributes:
        exchanges: everything that is recorded, by name (``invoice/create``).
        served: the names of what was answered, in order.
        unexpected: what was asked and not recorded.
    """

    def __init__(self, sign_in: QboEmulator, folder: Path | None = None) -> None:
        self.exchanges: Mapping[str, Exchange] = {
            name: one for name, one in kept.load(folder).items() if one.is_recorded
        }
        self.served: list[str] = []
        self.unexpected: list[dict[str, Any]] = []
        self._sign_in = sign_in
        self._lock = threading.Lock()
        self._queue = [one for name, one in self.exchanges.items() if name.startswith(ALWAYS)]

    def serve(self, *names: str) -> None:
        """Serve these exchanges; of several that fit a request, first the one named first.

        Raises:
            KeyError: there is no such exchange; the text lists those there are.
        """
        for name in names:
            if name not in self.exchanges:
                raise KeyError(f"no exchange {name!r}; there are: {', '.join(self.exchanges)}")
            self._queue.append(self.exchanges[name])

    def record(self, name: str) -> Value:
        """Return the lead, invoice or payment that an exchange was recorded with."""
        from dunahub_qbo_plugin.testing.scenes import record_of  # noqa: PLC0415  seldom needed

        exchange = self.exchanges[name]
        record = record_of(exchange)[1]
        if isinstance(record, Invoice):  # what is kept of an invoice names its lead only
            lead = self.record(exchange.given["parent"])
            assert isinstance(lead, Lead)  # noqa: S101  an invoice's parent is one
            return attrs.evolve(record, lead=lead)
        return record

    def transport(self) -> httpx.BaseTransport:
        """Return the way to it."""
        import httpx  # noqa: PLC0415  not for every pytest

        return httpx.MockTransport(self._answer)

    def check(self) -> None:
        """Hold that nothing was asked but what is recorded.

        Raises:
            AssertionError: something was; the text shows it beside the nearest recorded request.
        """
        if self.unexpected:
            raise AssertionError("\n\n".join(self._told(asked) for asked in self.unexpected))

    def _answer(self, request: httpx.Request) -> httpx.Response:
        import httpx  # noqa: PLC0415  not for every pytest

        if not request.url.path.startswith(API):
            return self._sign_in.transport().handle_request(request)
        asked = self._asked(request)
        with self._lock:
            found = self._take(asked)
            if found is None:
                self.unexpected.append(asked)
            else:
                self.served.append(found.name)
        if found is None:
            raise httpx.ConnectError("this request is not recorded", request=request)
        headers = dict(found.response.get("headers") or {})
        return httpx.Response(found.response["status"], headers=headers, content=found.answer_body)

    def _take(self, asked: Mapping[str, Any]) -> Exchange | None:
        """Find what fits; the last one that fits stays, for whoever asks again."""
        fitting = [one for one in self._queue if _comparable(one.request) == _comparable(asked)]
        if len(fitting) > 1:
            self._queue.remove(fitting[0])
        return fitting[0] if fitting else None

    @staticmethod
    def _asked(request: httpx.Request) -> dict[str, Any]:
        from dunahub_qbo_plugin.testing.recorder import scrubbed_request  # noqa: PLC0415  heavy

        realm = request.url.path.removeprefix(API).partition("/")[0]
        return scrubbed_request(request, realm=realm)

    def _told(self, asked: Mapping[str, Any]) -> str:
        text = pretty(_comparable(asked))
        head = f"QuickBooks was asked what is not recorded (or not served): {_line(asked)}"
        best = max(
            self.exchanges.values(),
            key=lambda one: (
                one in self._queue,
                difflib.SequenceMatcher(None, pretty(_comparable(one.request)), text).ratio(),
            ),
            default=None,
        )
        if best is None:
            return head
        difference = difflib.unified_diff(
            pretty(_comparable(best.request)).splitlines(),
            text.splitlines(),
            f"recorded {best.name}",
            "asked",
            lineterm="",
        )
        shown = "\n".join(difference) or "(the same request; name it in qbo_replay.serve)"
        return f"{head}\nThe nearest is {best.name}:\n{shown}"


def _comparable(request: Mapping[str, Any]) -> dict[str, Any]:
    """Return what makes a request: not its headers, nor under which key it is sent."""
    query = {name: one for name, one in request["query"].items() if name != "requestid"}
    return {
        "method": request["method"],
        "path": request["path"],
        "query": query,
        "body": request.get("body"),
    }


def _line(request: Mapping[str, Any]) -> str:
    return f"{request['method']} {str(request['path']).replace(REALM, '…')}"
