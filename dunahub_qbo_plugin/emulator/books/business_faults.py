"""The faults of QuickBooks Online's business rules: codes from 5000 on, with its wording.

As in `faults`, wording is as recorded where a recording exists, else as in Intuit's tables.
"""

from __future__ import annotations

from dunahub_qbo_plugin.emulator.books.request_faults import FaultError, QboFaultError


def stale(user: str) -> QboFaultError:
    """Return fault 5010: the SyncToken is not the current one (recorded 2017 to 2020)."""
    return QboFaultError.of(
        "5010",
        "Stale Object Error",
        f"Stale Object Error : You and {user} were working on this at the same time. "
        f"{user} finished before you did, so your work was not saved.",
        "",
    )


def business(text: str) -> QboFaultError:
    """Return fault 6000: a business rule."""
    return QboFaultError.of(
        "6000",
        "A business validation error has occurred while processing your request",
        f"Business Validation Error: {text}",
        "",
    )


def request_id_too_long(request_id: str) -> QboFaultError:
    """Return fault 6000 for a request id of more than 50 characters (recorded 2022)."""
    return business(
        "You cannot enter more than 50 characters in the request_id field. "
        f"You tried entering {request_id[:10]}..., which is {len(request_id)} characters."
    )


def amount_mismatch(amount: str) -> FaultError:
    """Return fault 6070: Amount is not UnitPrice times Qty (recorded 2022 and 2026-09)."""
    return FaultError(
        message="Amount calculation incorrect in the request.",
        detail=f"Amount is not equal to UnitPrice * Qty. Supplied value:{amount}",
        code="6070",
        element="Line.Amount",
    )


def no_name() -> QboFaultError:
    """Return fault 6080: none of the name parts was sent (wording of Intuit's table)."""
    return QboFaultError.of(
        "6080",
        "No Name Provided",
        "Title, GivenName, MiddleName, FamilyName, DisplayName, Suffix - "
        "one of these must be non-empty",
    )


def bad_discount() -> FaultError:
    """Return fault 6090: a discount line with neither amount nor percent.

    Wording of Intuit's table.
    """
    return FaultError(
        message="Discount Line missing required info.",
        detail="Discount amount or percent should be provided.",
        code="6090",
        element="Line.DiscountLineDetail",
    )


def bad_line_tax_code(value: str) -> QboFaultError:
    """Return fault 6100: a US line takes only TAX or NON (recorded 2026-08)."""
    return QboFaultError.of(
        "6100",
        "Invalid Line TaxCode in the request",
        f"Valid line TaxCodes for US should be TAX or NON. Supplied value: {value}",
    )


def custom_sales_tax() -> QboFaultError:
    """Return fault 6160: the service's own placeholder cannot be used as a tax code (listed)."""
    return QboFaultError.of(
        "6160",
        "CustomSalesTax cannot be used",
        "CustomSalesTax Id cannot be used in TxnTaxCodeRef",
        "TxnTaxDetail.TxnTaxCodeRef",
    )


def tax_not_applicable() -> QboFaultError:
    """Return fault 6170: tax sent on a form that says it has none (listed)."""
    return QboFaultError.of(
        "6170",
        "TxnTaxDetail is not allowed",
        "TxnTaxDetail cannot be specified when GlobalTaxCalculation is NotApplicable",
        "TxnTaxDetail",
    )


def has_balance(entity: str) -> QboFaultError:
    """Return fault 6220: a name with an open balance cannot be made inactive (recorded 2017)."""
    return QboFaultError.of(
        "6220",
        "Delete List Has Balance Error",
        "The entity you are trying to delete has an open balance. : "
        f"This {entity.lower()} cannot be deleted because it has a non-zero balance",
        "",
    )


def parent_and_job() -> QboFaultError:
    """Return fault 6150: a sub-customer has a parent and is a job (recorded 2017 to 2019)."""
    return QboFaultError.of(
        "6150",
        "ParentRef Required Error",
        "ParentRef is either required or not if Job is true or false.",
        "Job",
    )


def discount_too_big() -> QboFaultError:
    """Return fault 6000: a discount is more than what it is taken off (a connector's help page)."""
    return business("The discount amount can't be greater than the subtotal")


def too_deep() -> QboFaultError:
    """Return fault 6180: sub-customers nest at most five levels (listed)."""
    return QboFaultError.of(
        "6180", "Nesting level exceeded", "You can nest names up to 5 levels.", ""
    )


def duplicate_number(doc_number: str, txn_type: str, txn_id: str) -> QboFaultError:
    """Return fault 6140: the number is taken; the Detail names the document (recorded 2026-04)."""
    return QboFaultError.of(
        "6140",
        "Duplicate Document Number Error",
        "Duplicate Document Number Error : You must specify a different number. This number "
        f"has already been used. DocNumber={doc_number} is assigned to TxnType={txn_type} "
        f"with TxnId={txn_id}",
        "",
    )


def books_closed(*, password: bool) -> QboFaultError:
    """Return fault 6200, or 6210 where the closing date carries a password.

    Listed; 6210 recorded.
    """
    return QboFaultError.of(
        "6210" if password else "6200",
        "Account Period Closed, Cannot Update Through Services API",
        "The account period has closed and the account books cannot be updated through through "
        "the QBO Services API. Please use the QBO website to make these changes.",
        "",
    )


def duplicate_name(who: str, element: str | None = None) -> QboFaultError:
    """Return fault 6240: the name is taken; what follows the colon differs by entity and year."""
    return QboFaultError.of(
        "6240",
        "Duplicate Name Exists Error",
        f"The name supplied already exists. : {who}",
        element,
    )


def inventory_date() -> QboFaultError:
    """Return fault 6270: the document is older than the stock of an item on it (recorded 2019)."""
    return QboFaultError.of(
        "6270",
        "Transaction date is prior to start date for inventory item",
        "Transactions with inventory (QOH) products cant be dated earlier than the Inventory "
        "Start Date for the product",
        "",
    )


def email_required() -> QboFaultError:
    """Return fault 6420: to be e-mailed, but without an address (listed)."""
    return QboFaultError.of(
        "6420",
        "Email address is required",
        "Email Address is required if delivery type is email",
        "BillEmail",
    )


def line_needs_item() -> QboFaultError:
    """Return fault 6440: a line with an amount but no product or service (listed)."""
    return QboFaultError.of(
        "6440",
        "Transaction Detail Information Required",
        "You must select a product or service or an account for each split line that has "
        "an amount.",
        "",
    )


def deposited() -> QboFaultError:
    """Return fault 6540: a deposited payment is frozen (Intuit's list of top errors)."""
    return QboFaultError.of(
        "6540",
        "Deposited Transaction cannot be changed",
        "This transaction has been deposited. If you want to change or delete it, you must edit "
        "the deposit it appears on and remove it first.",
        "",
    )
