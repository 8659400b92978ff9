"""Bodies of refusals that do not come from a company's books.

QuickBooks answers in four shapes: `Fault` from the accounting application, a lower-case
`fault` from the gateway in front of it, XML whatever was asked for, and HTML or bare text
from proxies. The lower-case one and the throttle's XML are as recorded in 2017 to 2020.
"""

from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone
from typing import Literal
from xml.sax.saxutils import escape, quoteattr

import attrs

Shape = Literal["fault", "gateway", "xml", "html", "text", "empty", "oauth"]

_PACIFIC = timezone(timedelta(hours=-8))
_BUSY = (
    "Business Validation Error: An unexpected error occurred while accessing or saving your data. "
    "Please wait a few minutes and try again. If the problem persists, contact customer support."
)

# code -> Message, Detail: the texts that were recorded or that Intuit's error list gives.
TEXTS: dict[str, tuple[str, str]] = {
    "100": (
        "General Authentication Error",
        "AuthenticationErrorGeneral: SRV-110-Authentication Failure , statusCode: 401",
    ),
    "120": (
        "Authorization Failure",
        "AuthorizationFailure: -11014-You do not have access to this company, statusCode: 403",
    ),
    "130": ("Accessing Wrong Cluster", "WrongClusterError: -11017, statusCode: 401"),
    "140": ("Company Locked Out", "Company Locked Out"),
    "150": ("Company Under Maintenance", "Company Under Maintenance"),
    "600": ("Duplicate Request ID", "Duplicate Request ID"),
    "610": (
        "Object Not Found",
        (
            "Object Not Found : Something you're trying to use has been made inactive. Check the "
            "fields with accounts, customers, items, vendors or employees."
        ),
    ),
    "3001": (
        "message=ThrottleExceeded; errorCode=003001; statusCode=429",
        "The request limit was reached.  Try again later",
    ),
    "3100": ("message=ApplicationAuthorizationFailed; errorCode=003100; statusCode=403", ""),
    "3200": (
        "message=AuthenticationFailed; errorCode=003200; statusCode=401",
        "Malformed bearer token: too short or too long",
    ),
    "5010": (
        "Stale Object Error",
        (
            "Stale Object Error : You and Sandbox User were working on this at the same time. "
            "Sandbox User finished before you did, so your work was not saved."
        ),
    ),
    "6000": ("A business validation error has occurred while processing your request", _BUSY),
    "6190": (
        "Subscription period has ended or canceled or there was a billing problem",
        (
            "Subscription period has ended or canceled or there was a billing problem : You can't "
            "add data to QuickBooks Online Plus because your trial or subscription period ended."
        ),
    ),
    "6240": ("Duplicate Name Exists Error", "The name supplied already exists. : null"),
    "6540": (
        "Deposited Transaction cannot be changed",
        (
            "This transaction has been deposited. If you want to change or delete it, you must "
            "edit the deposit it appears on and remove it first."
        ),
    ),
    "10000": (
        "An application error has occurred while processing your request",
        "System Failure Error: Unexpected Internal Error.",
    ),
}

_HTML_TITLES = {
    400: "Bad Request",
    403: "Forbidden",
    404: "Not Found",
    413: "Request Entity Too Large",
    500: "Internal Server Error",
    502: "Bad Gateway",
    503: "Service Temporarily Unavailable",
    504: "Gateway Time-out",
}


@attrs.frozen(kw_only=True)
class Body:
    """A body and its media type."""

    content_type: str
    content: bytes


def default_code(status: int) -> str:
    """Return the fault code that belongs to a status when none was asked for."""
    by_status = {401: "3200", 403: "3100", 429: "3001", 400: "6000"}
    return by_status.get(status, "10000")


def texts(code: str) -> tuple[str, str]:
    """Message and Detail of a fault code, as far as QuickBooks' own are known."""
    return TEXTS.get(code, (f"Error {code}", f"Error {code}"))


def _fault_type(status: int) -> str:
    if status >= 500:  # noqa: PLR2004  the server's own errors
        return "SystemFault"
    return "AuthenticationFault" if status in {401, 403} else "ValidationFault"


def _gateway_type(status: int) -> str:
    return "AUTHENTICATION" if status == 401 else "SERVICE"  # noqa: PLR2004  Unauthorized


def fault(
    *, status: int, code: str, message: str, detail: str, now: datetime, type_: str | None = None
) -> Body:
    """Return the accounting application's envelope, with capital letters."""
    content = {
        "Fault": {
            "Error": [{"Message": message, "Detail": detail, "code": code, "element": ""}],
            "type": type_ or _fault_type(status),
        },
        "time": _local(now),
    }
    return Body(content_type="application/json", content=_json(content))


def gateway_fault(
    *, status: int, code: str, message: str, detail: str | None, now: datetime
) -> Body:
    """Return the gateway's envelope: lower case, and the time as milliseconds since 1970."""
    content: dict[str, object] = {
        "warnings": None,
        "intuitObject": None,
        "fault": {
            "error": [{"message": message, "detail": detail, "code": code, "element": None}],
            "type": _gateway_type(status),
        },
        "report": None,
        "queryResponse": None,
        "batchItemResponse": [],
        "attachableResponse": [],
        "syncErrorResponse": None,
        "requestId": None,
        "time": int(now.timestamp() * 1000),
        "status": None,
        "cdcresponse": [],
    }
    return Body(content_type="application/json", content=_json(content))


def xml_fault(*, fault_type: str, code: str, message: str, detail: str, now: datetime) -> Body:
    """Return the XML envelope that some refusals have even where JSON was asked for."""
    text = (
        '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>'
        f'<IntuitResponse time="{_local(now)}" xmlns="http://schema.intuit.com/finance/v3">'
        f"<Fault type={quoteattr(fault_type)}><Error code={quoteattr(code)}>"
        f"<Message>{escape(message)}</Message><Detail>{escape(detail)}</Detail>"
        "</Error></Fault></IntuitResponse>"
    )
    return Body(content_type="application/xml", content=text.encode())


def html_page(status: int) -> Body:
    """Return a proxy's error page."""
    title = f"{status} {_HTML_TITLES.get(status, 'Error')}"
    text = (
        f"<html>\r\n<head><title>{title}</title></head>\r\n<body>\r\n"
        f"<center><h1>{title}</h1></center>\r\n<hr><center>nginx</center>\r\n</body>\r\n</html>\r\n"
    )
    return Body(content_type="text/html", content=text.encode())


def shaped(
    shape: Shape,
    *,
    status: int,
    code: str,
    message: str,
    detail: str | None,
    now: datetime,
    type_: str | None = None,
) -> Body:
    """Return the refusal in the shape asked for.

    Args:
        shape: Which of QuickBooks' shapes.
        status: HTTP status, which decides the fault's type unless it is given.
        code: Fault code.
        message: Message of the fault.
        detail: Detail of the fault; the gateway's may be None.
        now: The time.
        type_: The fault's type where it is not the usual one.
    """
    body = Body(content_type="", content=b"")
    if shape == "gateway":
        return gateway_fault(status=status, code=code, message=message, detail=detail, now=now)
    detail = detail or ""
    if shape == "fault":
        body = fault(status=status, code=code, message=message, detail=detail, now=now, type_=type_)
    elif shape == "xml":
        usual = _gateway_type(status) if code.startswith("3") else _fault_type(status)
        kind = type_ or usual
        body = xml_fault(fault_type=kind, code=code, message=message, detail=detail, now=now)
    elif shape == "html":
        body = html_page(status)
    elif shape == "oauth":
        content = {"error_description": detail, "error": code} if detail else {"error": code}
        body = Body(content_type="application/json", content=_json(content))
    elif shape == "text":
        body = Body(content_type="text/plain", content=(detail or "stream timeout").encode())
    return body


def _json(content: object) -> bytes:
    return json.dumps(content, separators=(",", ":")).encode()


def _local(now: datetime) -> str:
    return now.astimezone(_PACIFIC).isoformat(timespec="milliseconds")
