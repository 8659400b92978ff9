"""Sends a recorded request to books that are prepared for it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from tests.support.recorded_books import books_for
from tests.support.recorded_state import before, prepare
from tests.support.recordings import Json, Recording, objects_in, unchanged

if TYPE_CHECKING:
    from dunahub_qbo_plugin.emulator.api.api_messages import ApiReply

Request = tuple[str, str, Any, dict[str, str]]


def replay(recording: Recording) -> ApiReply:
    """The books' reply to the recorded request."""
    books = books_for(recording)
    method, path, body, query = _request(recording)
    prepare(books, recording, path, query)
    is_text = isinstance(body, str)
    return books.ask(
        method,
        path,
        body,
        accept="application/xml" if recording.is_xml else "application/json",
        content_type="application/xml" if is_text else "application/json",
        **query,
    )


def _request(recording: Recording) -> Request:
    request = recording.request
    if request and (request.get("body") is not None or request["method"] == "GET"):
        path = request["path"].partition("/company/")[2].partition("/")[2]
        return request["method"], path, request.get("body"), request.get("query") or {}
    return _derived(recording)


def _derived(recording: Recording) -> Request:
    """The request a reply saved without one answers."""
    entity = recording.entity
    path = entity.lower()
    found = objects_in(recording, entity) if entity else []
    one = found[0] if found else {}
    for pattern, request in _REQUESTS.items():
        if re.fullmatch(pattern, recording.kind):
            return _numbered(request, recording)
    token = one.get("SyncToken", "0")
    if not unchanged(recording, one):
        token = before(token)
    reference = {"Id": one.get("Id", "1"), "SyncToken": token}
    verb = recording.kind.split(".")[1]
    if verb in {"create", "update"}:
        return "POST", path, _sent(one) | (reference if verb == "update" else {}), {}
    if verb in {"void", "deactivate", "send"}:
        return _derived_change(verb, path, reference)
    if entity == "Preferences" and not recording.is_xml:
        return "GET", "preferences", None, {}
    if verb == "get":
        return "GET", f"{path}/{one['Id']}", None, {}
    return "GET", "query", None, {"query": _ALL % entity}


def _derived_change(verb: str, path: str, reference: Json) -> Request:
    if verb == "send":
        return "POST", f"{path}/{reference['Id']}/send", None, {"sendTo": "test@intuit.com"}
    if verb == "deactivate":
        return "POST", path, {**reference, "sparse": True, "Active": False}, {}
    if path == "payment":
        options = {"operation": "update", "include": "void"}
    else:
        options = {"operation": "void"}
    return "POST", path, {**reference, "sparse": True}, options


def _numbered(request: Request, recording: Recording) -> Request:
    number = re.search(r"DocNumber=(\S+) ", recording.text)
    method, path, body, query = request
    return method, path, {**body, "DocNumber": number[1]} if number else body, query


_ALL = "select * from %s maxresults 1000"
_STALE = {"Id": "1", "SyncToken": "0", "sparse": True}
_SALE = {"Line": [{"Amount": 1, "SalesItemLineDetail": {"ItemRef": {"value": "1"}}}]}
_REQUESTS: dict[str, Request] = {
    r"fault\.2020\.item": ("POST", "item", {"Type": "Service"}, {}),
    r"fault\.2020\.salesreceipt": ("POST", "salesreceipt", _SALE, {}),
    r"fault\.4000\.query": ("GET", "query", None, {"query": "SELECT * FROM NULL"}),
    r"fault\.4001\.query\.xml": (
        "GET",
        "query",
        None,
        {"query": "select * from Customer STARTPOSITION 0"},
    ),
    r"fault\.5010\.item": ("POST", "item", {**_STALE, "Description": "New"}, {}),
    r"fault\.5010\.salesreceipt-void": ("POST", "salesreceipt", _STALE, {"operation": "void"}),
    r"fault\.610\.item": ("POST", "item", {"Id": "99", "SyncToken": "0", "Name": "X"}, {}),
    r"fault\.610\.already-deleted": (
        "POST",
        "invoice",
        {"Id": "99", "SyncToken": "0"},
        {"operation": "delete"},
    ),
    r"fault\.6140\.invoice": (
        "POST",
        "invoice",
        {
            "DocNumber": "X",
            "CustomerRef": {"value": "1"},
            "Line": [
                {
                    "Amount": 1,
                    "DetailType": "SalesItemLineDetail",
                    "SalesItemLineDetail": {"ItemRef": {"value": "1"}},
                }
            ],
        },
        {},
    ),
    r"fault\.6240\.customer\.xml": (
        "POST",
        "customer",
        {"Id": "1", "SyncToken": "0", "DisplayName": "Taken"},
        {},
    ),
    r"fault\.preferences": ("POST", "preferences", {"SyncToken": "7"}, {}),
}


_OURS = frozenset({"domain", "sparse", "Id", "SyncToken", "MetaData", "time"})


def _sent(one: Json) -> Json:
    out = {key: value for key, value in one.items() if key not in _OURS}
    if "Line" in out:
        out["Line"] = [
            line for line in out["Line"] if line.get("DetailType") != "SubTotalLineDetail"
        ]
    return out
