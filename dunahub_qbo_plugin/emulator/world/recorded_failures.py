"""Failures of the service itself, word for word as somebody recorded them."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

import attrs

from dunahub_qbo_plugin.emulator.world.fault_bodies import TEXTS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dunahub_qbo_plugin.emulator.world.fault_bodies import Shape

_BUSINESS = "A business validation error has occurred while processing your request"


@attrs.frozen(kw_only=True)
class RecordedFailure:
    """One failure that the service was seen to answer with.

    Attributes:
        status: HTTP status.
        code: Fault code.
        message: Message of the fault.
        detail: Detail of the fault; `{path}` stands for the path and `{url}` for the whole
            address of the request.
        shape: Shape of the body.
        type: Fault type where it is not the usual one of the shape.
    """

    status: int
    code: str
    message: str
    detail: str | None
    shape: Shape = "fault"
    type: str | None = None


RECORDED: Mapping[str, RecordedFailure] = MappingProxyType(
    {
        # zao-woocommerce-quickbooks-online-integration #12, 2017-10: the invoice was created.
        "internal_30003": RecordedFailure(
            status=400,
            code="6000",
            message=_BUSINESS,
            detail="Business Validation Error: Unexpected Internal Error. (-30003)",
        ),
        # node-quickbooks #48, 2016-03.
        "internal_30000": RecordedFailure(
            status=400,
            code="6000",
            message=_BUSINESS,
            detail="Business Validation Error: Unexpected Internal Error. (-30000)",
        ),
        "accessing_or_saving": RecordedFailure(
            status=400, code="6000", message=_BUSINESS, detail=TEXTS["6000"][1]
        ),
        # qbo_api #81, outage of 2018-04-03, on a path that was right.
        "no_resource": RecordedFailure(
            status=400,
            code="500",
            message="Unsupported Operation",
            detail="Operation Could not find resource for relative : {path} "
            "of full path: https://c10.qbo.intuit.com/qbo10{url} is not supported.",
        ),
        # The same outage, and python-quickbooks #106, 2018-02.
        "internal_3100": RecordedFailure(
            status=500,
            code="3100",
            message="message=InternalServerError; errorCode=003100; statusCode=500",
            detail=None,
            shape="gateway",
        ),
        # qbo_api #96, 2019-02: now and then, with a token that was good. The type is Intuit's
        # own spelling; whether it came as XML is not known.
        "unknown_120": RecordedFailure(
            status=500,
            code="120",
            message="Authorization Failure",
            detail="AuthorizationFailure: Unknown Error during Authentication, statusCode: 500",
            shape="xml",
            type="AuthorizatonFault",
        ),
    }
)
"""Name -> failure, for `TroubleRule.recorded`."""
