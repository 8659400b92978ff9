"""The two objects a company has one of: CompanyInfo and Preferences."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dunahub_qbo_plugin.emulator.books import business_faults, request_faults
from dunahub_qbo_plugin.emulator.books.field_checks import without_blanks

if TYPE_CHECKING:
    from dunahub_qbo_plugin.emulator.books.ledger import Ledger

Json = dict[str, Any]

_OWN = (
    "CompanyName",
    "LegalName",
    "CompanyAddr",
    "LegalAddr",
    "CustomerCommunicationAddr",
    "CustomerCommunicationEmailAddr",
    "PrimaryPhone",
    "FiscalYearStartMonth",
    "Email",
    "WebAddr",
)
# Of the preferences, what the company's switches decide, and what an update does not change.
_SWITCHED = frozenset(
    {
        "CustomTxnNumbers",
        "AllowDiscount",
        "AutoApplyCredit",
        "AutoApplyPayments",
        "BookCloseDate",
        "ClassTrackingPerTxn",
        "ClassTrackingPerTxnLine",
        "ETransactionPaymentEnabled",
        "TrackDepartments",
    }
)
_FIXED = frozenset({"TaxPrefs", "CurrencyPrefs", "OtherPrefs"})
_MESSAGES = {
    "InvoiceMessage": "Invoice",
    "EstimateMessage": "Estimate",
    "SalesReceiptMessage": "Sales Receipt",
    "StatementMessage": "Statement",
}


class Singletons:
    """CompanyInfo, kept as it was changed, and Preferences, which always show the switches."""

    def __init__(self, ledger: Ledger, *, realm_id: str, name: str) -> None:
        """Describe one company."""
        self._ledger = ledger
        self._created = ledger.stamp
        self._changed = {"CompanyInfo": ledger.stamp, "Preferences": ledger.stamp}
        self._tokens = {"CompanyInfo": 0, "Preferences": 0}
        self._realm_id = realm_id
        self.name = name
        self._info: Json = {}
        self._chosen: Json = {}

    def read(self, entity: str) -> Json:
        """Return the current object."""
        if entity == "CompanyInfo":
            body = self._company_info()
        else:
            body = _over(self._preferences(), self._chosen)
        return {
            **body,
            "domain": "QBO",
            "sparse": False,
            "Id": "1",
            "SyncToken": str(self._tokens[entity]),
            "MetaData": {
                "CreateTime": self._created,
                "LastUpdatedTime": self._changed[entity],
            },
        }

    def update(self, entity: str, body: Json, *, user: str) -> Json:
        """Change the object; of the preferences, what the books obey.

        Raises:
            QboFaultError: 5010 for a stale token.
        """
        if "SyncToken" not in body:
            raise request_faults.missing("SyncToken")
        if body["SyncToken"] != str(self._tokens[entity]):
            raise business_faults.stale(user)
        if entity == "CompanyInfo":
            for key in _OWN:
                value = body.get(key)
                if isinstance(value, dict):
                    value = without_blanks(value)
                if value:
                    self._info[key] = value
            self.name = self._info.get("CompanyName", self.name)
        else:
            self._obey(body)
        self._tokens[entity] += 1
        self._changed[entity] = self._ledger.stamp
        return self.read(entity)

    def _obey(self, body: Json) -> None:
        known = self._preferences()
        changes = {key: body[key] for key in known if key in body and key not in _FIXED}
        self._chosen = _over(self._chosen, changes)
        settings = self._ledger.settings
        sales = body.get("SalesFormsPrefs", {})
        settings.custom_txn_numbers = sales.get("CustomTxnNumbers", settings.custom_txn_numbers)
        settings.allow_discount = sales.get("AllowDiscount", settings.allow_discount)
        settings.auto_apply_payments = sales.get("AutoApplyPayments", settings.auto_apply_payments)
        settings.online_default = sales.get("ETransactionPaymentEnabled", settings.online_default)
        if "AutoApplyCredit" in sales:
            settings.auto_apply_credit = "on_create" if sales["AutoApplyCredit"] else "off"
        self._obey_tracking(body.get("AccountingInfoPrefs", {}))

    def _obey_tracking(self, wanted: Json) -> None:
        settings = self._ledger.settings
        settings.track_locations = wanted.get("TrackDepartments", settings.track_locations)
        if wanted.get("ClassTrackingPerTxnLine"):
            settings.class_tracking = "per_line"
        elif wanted.get("ClassTrackingPerTxn"):
            settings.class_tracking = "per_transaction"
        elif wanted.keys() & {"ClassTrackingPerTxn", "ClassTrackingPerTxnLine"}:
            settings.class_tracking = "off"

    def _company_info(self) -> Json:
        address = {"Id": "1", **self._ledger.settings.company_address}
        pairs = {
            "NeoEnabled": "true",
            "IndustryType": "Landscaping Services",
            "IndustryCode": "541320",
            "SubscriptionStatus": "PAID",
            "OfferingSku": "QuickBooks Online Plus",
            "PayrollFeature": "false",
            "AccountantFeature": "false",
        }
        return {
            "CompanyName": self.name,
            "LegalName": self.name,
            "CompanyAddr": address,
            "CustomerCommunicationAddr": address,
            "LegalAddr": address,
            "CustomerCommunicationEmailAddr": {"Address": "books@example.com"},
            "PrimaryPhone": {"FreeFormNumber": "(650) 555-0144"},
            "CompanyStartDate": self._created[:10],
            "FiscalYearStartMonth": "January",
            "Country": self._ledger.settings.country,
            "Email": {"Address": "books@example.com"},
            "WebAddr": {},
            "SupportedLanguages": "en",
            "DefaultTimeZone": self._ledger.settings.timezone,
            "NameValue": [{"Name": name, "Value": value} for name, value in pairs.items()],
            **self._info,
        }

    def _preferences(self) -> Json:
        settings = self._ledger.settings
        accounting: Json = {
            "UseAccountNumbers": False,
            "TrackDepartments": settings.track_locations,
            "ClassTrackingPerTxn": settings.class_tracking == "per_transaction",
            "ClassTrackingPerTxnLine": settings.class_tracking == "per_line",
            "FirstMonthOfFiscalYear": "January",
            "TaxYearMonth": "January",
            "TaxForm": "6",
            "CustomerTerminology": "Customers",
        }
        if settings.book_close_date is not None:
            accounting["BookCloseDate"] = settings.book_close_date.isoformat()
        sales: Json = {
            "CustomField": _custom_fields(settings.sales_custom_fields),
            "CustomTxnNumbers": settings.custom_txn_numbers,
            "EmailCopyToCompany": False,
            "AllowDeposit": False,
            "AllowDiscount": settings.allow_discount,
            "AllowEstimates": True,
            "ETransactionEnabledStatus": "NotApplicable",
            "ETransactionAttachPDF": False,
            "ETransactionPaymentEnabled": settings.online_default,
            "IPNSupportEnabled": False,
            "AllowServiceDate": False,
            "AllowShipping": False,
            "AutoApplyCredit": settings.auto_apply_credit != "off",
            "AutoApplyPayments": settings.auto_apply_payments,
            "UsingPriceLevels": False,
            "DefaultCustomerMessage": "Thank you for your business and have a great day!",
        }
        if not settings.show_auto_apply:
            del sales["AutoApplyCredit"], sales["AutoApplyPayments"]
        if settings.allow_discount:
            sales["DefaultDiscountAccount"] = "86"
        if settings.default_terms:
            sales["DefaultTerms"] = {"value": settings.default_terms}
        tax: Json = {
            "UsingSalesTax": settings.sales_tax != "none",
            "PartnerTaxEnabled": settings.sales_tax == "automated",
        }
        if settings.sales_tax != "none":
            tax["TaxGroupCodeRef"] = {"value": "2"}
        pairs = {
            "SalesFormsPrefs.DefaultItem": settings.default_item,
            "DTXCopyMemo": "true",
            "WarnDuplicateInvoiceNumber": str(settings.warn_duplicate_numbers).lower(),
            "TimeTrackingFeatureEnabled": "true",
            "ProjectsEnabled": "false",
        }
        return {
            "AccountingInfoPrefs": accounting,
            "ProductAndServicesPrefs": {
                "ForSales": True,
                "ForPurchase": True,
                "QuantityWithPriceAndRate": True,
                "QuantityOnHand": True,
            },
            "SalesFormsPrefs": sales,
            "EmailMessagesPrefs": {
                key: {
                    "Subject": f"{title} from {self.name}",
                    "Message": f"Your {title.lower()} is attached.\n\nSincerely,\n{self.name}",
                }
                for key, title in _MESSAGES.items()
            },
            "VendorAndPurchasesPrefs": {
                "TrackingByCustomer": True,
                "BillableExpenseTracking": True,
                "POCustomField": _custom_fields((), "PurchasePrefs.UsePurchaseCustom"),
            },
            "TimeTrackingPrefs": {
                "UseServices": True,
                "BillCustomers": True,
                "ShowBillRateToAll": False,
                "WorkWeekStartDate": "Monday",
                "MarkTimeEntriesBillable": True,
            },
            "TaxPrefs": tax,
            "CurrencyPrefs": {
                "MultiCurrencyEnabled": settings.multicurrency,
                "HomeCurrency": {"value": settings.home_currency},
            },
            "ReportPrefs": {"ReportBasis": "Accrual", "CalcAgingReportFromTxnDate": False},
            "OtherPrefs": {
                "NameValue": [{"Name": name, "Value": value} for name, value in pairs.items()]
            },
        }


def _over(base: Json, changes: Json) -> Json:
    """Return the object with what was sent in the place of what was there, at any depth."""
    out = dict(base)
    for key, value in changes.items():
        if key in _SWITCHED:
            continue
        old = out.get(key)
        both = isinstance(value, dict) and isinstance(old, dict)
        out[key] = _over(old or {}, value) if both else value
    return out


def _custom_fields(
    names: tuple[str, ...], switch: str = "SalesFormsPrefs.UseSalesCustom"
) -> list[Json]:
    slots = range(1, 4)
    used: Json = {
        "CustomField": [
            {
                "Name": f"{switch}{number}",
                "Type": "BooleanType",
                "BooleanValue": number <= len(names),
            }
            for number in slots
        ]
    }
    if not names:
        return [used]
    named: Json = {
        "CustomField": [
            {
                "Name": f"SalesFormsPrefs.SalesCustomName{number}",
                "Type": "StringType",
                "StringValue": name,
            }
            for number, name in enumerate(names, start=1)
        ]
    }
    return [used, named]
