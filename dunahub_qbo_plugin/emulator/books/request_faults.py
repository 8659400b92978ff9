"""The faults of QuickBooks Online's own layer, with its codes and wording.

Wording is as recorded from the live service where a recording exists, else as in Intuit's
published error tables; a text of which only the meaning is published says so.
"""

from __future__ import annotations

from typing import Self

import attrs

_INACTIVE = (
    "Something you're trying to use has been made inactive. Check the fields with accounts, "
    "customers, items, vendors or employees."
)


@attrs.frozen(kw_only=True)
class FaultError:
    """One entry of `Fault.Error`; an `element` of None leaves the key out."""

    message: str
    detail: str
    code: str
    element: str | None = None


class QboFaultError(Exception):
    """A refused request.

    Attributes:
        errors: What is wrong; several for several bad fields.
        type: `ValidationFault` or `SystemFault`.
        status: HTTP status.
        timed: Whether the JSON envelope carries `time` (an invalid Id's does not).
    """

    def __init__(
        self,
        *errors: FaultError,
        type_: str = "ValidationFault",
        status: int = 400,
        timed: bool = True,
    ) -> None:
        super().__init__("; ".join(f"{e.code} {e.detail}" for e in errors))
        self.errors = errors
        self.type = type_
        self.status = status
        self.timed = timed

    @classmethod
    def of(cls, code: str, message: str, detail: str, element: str | None = None) -> Self:
        """Return a validation fault with one error."""
        return cls(FaultError(message=message, detail=detail, code=code, element=element))


def unsupported_operation(detail: str, element: str | None = None) -> QboFaultError:
    """Return fault 500: no such path or operation (recorded 2020)."""
    return QboFaultError.of(
        "500", "Unsupported Operation", f"Operation {detail} is not supported.", element
    )


def feature_not_supported(entity: str) -> QboFaultError:
    """Return fault 5030, as listed: an entity of Intuit's whose books are not kept here."""
    return QboFaultError.of(
        "5030",
        "Feature Not Supported Error",
        f"Feature Not Supported Error : {entity} is not kept in these books.",
        entity,
    )


def duplicate_request_id(request_id: str) -> QboFaultError:
    """Return fault 600, as listed; never recorded."""
    return QboFaultError.of(
        "600",
        "Duplicate Request ID",
        f"RequestId already exists in the system, duplicate request is detected: {request_id}",
    )


def not_found() -> QboFaultError:
    """Return fault 610: no object with that Id, or it was deleted (recorded 2017 to 2020)."""
    return QboFaultError.of("610", "Object Not Found", f"Object Not Found : {_INACTIVE}", "")


def deleted_transaction() -> QboFaultError:
    """Return fault 610 for a link to a transaction that was deleted.

    Intuit's list of common errors.
    """
    return QboFaultError.of(
        "610",
        "Object Not Found",
        "Object Not Found : Another user has deleted this transaction.",
        "",
    )


def cannot_link(txn_id: str) -> QboFaultError:
    """Return fault 620: the linked transaction does not exist.

    Listed; wording of Intuit's table.
    """
    return QboFaultError.of(
        "620",
        "Txn ID Cannot Be Linked",
        f"The Txn ID {txn_id} you're trying to use can't be linked.",
        "Line.LinkedTxn",
    )


def cannot_delete() -> QboFaultError:
    """Return fault 800: something depends on the object (listed; wording of Intuit's table)."""
    return QboFaultError.of(
        "800",
        "Cannot delete object",
        "The object can't be deleted due to existing dependencies. "
        "Delete those dependencies first.",
        "",
    )


def parent_is_child() -> QboFaultError:
    """Return fault 900: an object would be its own ancestor (listed; wording of Intuit's table)."""
    return QboFaultError.of(
        "900",
        "Parent cannot be child",
        "The same object can't be the parent or child of itself.",
        "ParentRef",
    )


def batch_too_big(limit: int) -> QboFaultError:
    """Return fault 1040: more items than a batch may have."""
    return QboFaultError.of(
        "1040",
        "Batch size exceeds allowed limit",
        f"Batch size for batch request or BatchItemRequest is too big. Limit is {limit}.",
    )


def bad_content_type(content_type: str) -> QboFaultError:
    """Return fault 1050: the body is neither JSON nor XML (listed)."""
    return QboFaultError.of(
        "1050", "Invalid Content Type", f"Invalid Content Type. Supplied value:{content_type}"
    )


def bad_property(what: str) -> QboFaultError:
    """Return fault 2010 with the reader's own complaint in the middle (recorded 2020 to 2026)."""
    return QboFaultError.of(
        "2010",
        "Request has invalid or unsupported property",
        f"Property Name:{what} specified is unsupported or invalid",
    )


def unreadable() -> QboFaultError:
    """Return fault 2010 for a body the service cannot read (recorded 2026-07)."""
    return bad_property("failed to parse json object; a property")


def missing(parameter: str) -> QboFaultError:
    """Return fault 2020: a required property is absent (recorded 2017)."""
    return QboFaultError(missing_error(parameter))


def missing_error(parameter: str) -> FaultError:
    """Return the single error of a 2020 fault."""
    return FaultError(
        message="Required param missing, need to supply the required value for the API",
        detail=f"Required parameter {parameter} is missing in the request",
        code="2020",
        element=parameter,
    )


def invalid_id(value: str) -> QboFaultError:
    """Return fault 2030: an Id that is not a number; its JSON envelope has no time.

    Recorded 2020.
    """
    return QboFaultError(
        FaultError(
            message="Invalid ID",
            detail=f"Id should be a valid number. Supplied value:{value}",
            code="2030",
            element="Id",
        ),
        timed=False,
    )


def bad_string(value: str, element: str) -> FaultError:
    """Return fault 2040: characters the field does not take.

    Listed; the wording is not recorded.
    """
    return FaultError(
        message="Invalid String",
        detail=f"Invalid String. The string contains unsupported characters. "
        f"Supplied value:{value}",
        code="2040",
        element=element,
    )


def bad_length(length: int, limit: int, element: str) -> FaultError:
    """Return fault 2050: a string that is too long; numbers carry thousands separators.

    Recorded.
    """
    return FaultError(
        message="String length is either shorter or longer than supported by specification",
        detail="String length specified does not match the supported length. "
        f"Min:0 Max:{limit:,} supported. Supplied length:{length:,}",
        code="2050",
        element=element,
    )


def empty_string(element: str) -> FaultError:
    """Return fault 2050 for an empty text where there was one; whether that exists is not known."""
    return FaultError(
        message="String length is either shorter or longer than supported by specification",
        detail="String length specified does not match the supported length. "
        "Min:1 supported. Supplied length:0",
        code="2050",
        element=element,
    )


def bad_date(value: str, element: str, *, format_: bool) -> QboFaultError:
    """Return fault 2060 for a wrong format, 2070 for a day that does not exist (listed)."""
    code, message = ("2060", "Invalid Date Format") if format_ else ("2070", "Invalid Date")
    return QboFaultError.of(code, message, f"{message}. Supplied value:{value}", element)


def bad_amount(value: str, element: str) -> FaultError:
    """Return fault 2140: an amount the service cannot hold (listed)."""
    return FaultError(
        message="Invalid Amount",
        detail=f"Invalid Amount. Supplied value:{value}",
        code="2140",
        element=element,
    )


def bad_percent(value: str, element: str) -> FaultError:
    """Return fault 2150: a percentage outside 0 to 100 (listed)."""
    return FaultError(
        message="Invalid Percent",
        detail=f"Invalid Percent. Supplied value:{value}",
        code="2150",
        element=element,
    )


def bad_quantity(value: str, element: str) -> FaultError:
    """Return fault 2160: a quantity the service cannot hold (listed)."""
    return FaultError(
        message="Invalid Quantity",
        detail=f"Invalid Quantity. Supplied value:{value}",
        code="2160",
        element=element,
    )


def bad_enumeration(value: str, element: str) -> QboFaultError:
    """Return fault 2170: a value that is not in the enumeration (Intuit's list of top errors)."""
    return QboFaultError.of(
        "2170", "Invalid Enumeration", f"Invalid Enumeration : {value}", element
    )


def bad_email(value: str, element: str) -> FaultError:
    """Return fault 2210: not one e-mail address (recorded)."""
    return FaultError(
        message="Email Address is not valid",
        detail="Email Address does not conform to the syntax rules of RFC 822. "
        f"Supplied value: {value}",
        code="2210",
        element=element,
    )


def bad_currency(value: str) -> QboFaultError:
    """Return fault 2220: not a currency (listed)."""
    return QboFaultError.of(
        "2220", "Invalid Currency Type", f"Invalid Currency Type. Supplied value:{value}"
    )


def negative_line(value: str, element: str) -> FaultError:
    """Return fault 2290: a line that may not be negative is (listed)."""
    return FaultError(
        message="Negative amounts are not allowed on lines",
        detail=f"Negative amounts are not allowed on lines. Supplied value:{value}",
        code="2290",
        element=element,
    )


def reference_not_found(kind: str, id_: str, element: str) -> QboFaultError:
    """Return fault 2500: a reference to an Id that does not exist (recorded).

    Args:
        kind: The service's own name of the list: Names, Accounts, Klasses, Depts.
        id_: The Id sent.
        element: Where it stood.
    """
    return QboFaultError.of(
        "2500",
        "Invalid Reference Id",
        f"Invalid Reference Id : {kind} element id {id_} not found",
        element,
    )


def item_not_found(element: str) -> QboFaultError:
    """Return fault 2500: a line's item does not exist.

    Quickbooks-ruby #251, 2015; PHP SDK #102, 2017.
    """
    return QboFaultError.of(
        "2500", "Invalid Reference Id", f"Invalid Reference Id : {element}", element
    )


def category_sold() -> QboFaultError:
    """Return fault 2500: a line's item is a category (quickbooks-php #178, 2017)."""
    return QboFaultError.of(
        "2500",
        "Invalid Reference Id",
        "Invalid Reference Id : Categories cannot be used in transactions.",
        "",
    )


def reference_inactive() -> QboFaultError:
    """Return fault 2500: a reference to an inactive list object (recorded 2017)."""
    return QboFaultError.of(
        "2500", "Invalid Reference Id", f"Invalid Reference Id : {_INACTIVE}", ""
    )


def query_syntax(detail: str) -> QboFaultError:
    """Return fault 4000: the query cannot be parsed (recorded 2017 and 2019)."""
    return QboFaultError.of("4000", "Error parsing query", f"QueryParserError: {detail}")


def query_invalid(detail: str) -> QboFaultError:
    """Return fault 4001: the query parses but names something that does not exist.

    Recorded 2013 to 2020.
    """
    return QboFaultError.of("4001", "Invalid query", f"QueryValidationError: {detail}")
