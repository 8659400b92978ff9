"""The lines of a sales form: reading, arithmetic, replacement, the sub-total line."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

import attrs

from dunahub_qbo_plugin.emulator.books import business_faults, request_faults
from dunahub_qbo_plugin.emulator.books.field_checks import check_amount
from dunahub_qbo_plugin.emulator.books.json_codec import cents, plain
from dunahub_qbo_plugin.emulator.books.tracking import place_line_class

if TYPE_CHECKING:
    from dunahub_qbo_plugin.emulator.books.ledger import Ledger
    from dunahub_qbo_plugin.emulator.books.request_faults import FaultError

Json = dict[str, Any]

_ITEM_ACCOUNT_SINCE = 2026
_MAX_DESCRIPTION = 4000
_SALES = "SalesItemLineDetail"
_DISCOUNT = "DiscountLineDetail"
_GROUP = "GroupLineDetail"
_KEPT_REFS = ("ClassRef", "TaxCodeRef", "ServiceDate")
_TAX_CODES = ("TAX", "NON")
_HUNDRED = Decimal(100)
_IGNORED = ("SubTotalLineDetail",)
# The item of the shipping charge, which every company has and no list shows (recorded 2014).
_SHIPPING = "SHIPPING_ITEM_ID"


@attrs.define(kw_only=True)
class Lines:
    """The lines of one sales form, worked out.

    Attributes:
        lines: The lines as they are stored, the sub-total and discount last.
        subtotal: Sum of the item lines.
        taxable: Sum of the item lines with the code TAX.
        discount: What the discount line takes off.
        shipping: What the shipping line adds.
        line_seq: The highest line Id given out so far.
    """

    lines: list[Json] = attrs.field(factory=list)
    subtotal: Decimal = Decimal(0)
    taxable: Decimal = Decimal(0)
    discount: Decimal = Decimal(0)
    shipping: Decimal = Decimal(0)

    @property
    def total(self) -> Decimal:
        """What the lines come to, before tax."""
        return self.subtotal - self.discount + self.shipping

    line_seq: int = 0


class LineReader:
    """A reader of the lines of one request against the books."""

    def __init__(
        self, ledger: Ledger, *, txn_date: str, old_lines: list[Json], line_seq: int
    ) -> None:
        """Read for one document.

        Args:
            ledger: The books.
            txn_date: The document's date, which inventory may not be younger than.
            old_lines: The lines the document has, whose Ids a line may keep.
            line_seq: The highest line Id given out on it.
        """
        self._ledger = ledger
        self._txn_date = txn_date
        self._old = {line["Id"]: line for line in old_lines if "Id" in line}
        self._old_ids = frozenset(self._old)
        self._old_discount: Json = next(
            (line[_DISCOUNT] for line in old_lines if line["DetailType"] == _DISCOUNT), {}
        )
        self._number = 0
        self._out = Lines(line_seq=line_seq)

    def read(self, lines: list[Json]) -> Lines:
        """Return the stored form of all lines.

        Raises:
            QboFaultError: 2020, 2050, 2140, 2150, 2160, 2170, 2290, 2500, 6000, 6070, 6090,
                6100, 6270 or 6440.
        """
        errors: list[FaultError] = []
        for line in lines:
            errors += _check_line(line)
        if errors:
            raise request_faults.QboFaultError(*errors)
        out = self._out
        discounts = [line for line in lines if line["DetailType"] == _DISCOUNT]
        if len(discounts) > 1:
            raise business_faults.business("A transaction can have one discount line only.")
        shipping = [line for line in lines if _is_shipping(line)]
        for line in lines:
            if line["DetailType"] not in (_DISCOUNT, *_IGNORED) and not _is_shipping(line):
                out.lines.append(self._line(line))
        out.lines.append(
            {
                "Amount": cents(out.subtotal),
                "DetailType": "SubTotalLineDetail",
                "SubTotalLineDetail": {},
            }
        )
        if discounts:
            out.lines.append(self._discount(discounts[0]))
        for line in shipping:
            amount = Decimal(cents(line["Amount"]))
            out.shipping += amount
            detail = {"ItemRef": {"value": _SHIPPING}}
            out.lines.append({"Amount": cents(amount), "DetailType": _SALES, _SALES: detail})
        return out

    def _line(self, line: Json) -> Json:
        kind = line["DetailType"]
        if kind == _SALES:
            return self._sales_line(line)
        if kind == "DescriptionOnly":
            detail = line.get("DescriptionLineDetail", {})
            return self._framed(
                line, {"DetailType": "DescriptionOnly", "DescriptionLineDetail": detail}
            )
        if kind == _GROUP:
            return self._group(line)
        raise request_faults.bad_enumeration(kind, "Line.DetailType")

    def _framed(self, line: Json, rest: Json) -> Json:
        out: Json = {"Id": self._line_id(line)}
        self._number += 1
        out["LineNum"] = self._number
        if line.get("Description"):
            out["Description"] = line["Description"]
        out.update(rest)
        if self._ledger.settings.replies_as_of >= _ITEM_ACCOUNT_SINCE:
            out["CustomExtensions"] = []
        return out

    def _line_id(self, line: Json) -> str:
        id_: str = line.get("Id", "")
        if id_ in self._old_ids:
            self._old_ids = self._old_ids - {id_}
            return id_
        self._out.line_seq += 1
        return str(self._out.line_seq)

    def _sales_line(self, line: Json) -> Json:
        settings = self._ledger.settings
        sent = self._kept_refs(line) | line.get(_SALES, {})
        amount = Decimal(cents(line["Amount"]))
        item = self._item(sent)
        if item is None:
            return self._framed(
                line, {"DetailType": "DescriptionOnly", "DescriptionLineDetail": {}}
            )
        detail: Json = {"ItemRef": {"value": item["Id"], "name": item["FullyQualifiedName"]}}
        for key, element in (("ClassRef", "Class"), ("ItemAccountRef", "Account")):
            found = self._ledger.reference(element, sent.get(key), f"Line.{_SALES}.{key}")
            if found is not None:
                detail[key] = {"value": found["Id"], "name": found["FullyQualifiedName"]}
        place_line_class(self._ledger, detail)
        for key in ("UnitPrice", "Qty"):
            if key in sent:
                detail[key] = plain(sent[key])
        if settings.replies_as_of >= _ITEM_ACCOUNT_SINCE and "IncomeAccountRef" in item:
            detail.setdefault("ItemAccountRef", item["IncomeAccountRef"])
        code = _tax_code(sent)
        detail["TaxCodeRef"] = {"value": code}
        if sent.get("ServiceDate"):
            detail["ServiceDate"] = sent["ServiceDate"]
        self._out.subtotal += amount
        if code == "TAX":
            self._out.taxable += amount
        return self._framed(line, {"Amount": cents(amount), "DetailType": _SALES, _SALES: detail})

    def _kept_refs(self, line: Json) -> Json:
        """Return what a line keeps of the line it was, where `line_refs` says that it does."""
        if self._ledger.settings.line_refs == "wipe" or line.get("Id") not in self._old:
            return {}
        old: Json = self._old[line["Id"]].get(_SALES, {})
        return {key: old[key] for key in _KEPT_REFS if key in old}

    def _item(self, sent: Json) -> Json | None:
        """Return the item of a sales line; None where a line without one is a description."""
        settings = self._ledger.settings
        ref = sent.get("ItemRef") or {}
        if not ref.get("value"):
            if settings.item_less_line == "description":
                return None
            if settings.item_less_line == "refuse":
                raise business_faults.line_needs_item()
            ref = {"value": settings.default_item}
        item = self._ledger.reference("Item", ref, "Line.SalesItemLineDetail.ItemRef") or {}
        if item.get("Type") == "Category":
            raise request_faults.category_sold()
        if item.get("Type") == "Inventory" and self._txn_date < item.get("InvStartDate", ""):
            raise business_faults.inventory_date()
        return item

    def _group(self, line: Json) -> Json:
        sent = line.get(_GROUP, {})
        ref = sent.get("GroupItemRef")
        if not ref:
            raise request_faults.missing("Line.GroupLineDetail.GroupItemRef")
        group = self._ledger.reference("Item", ref, "Line.GroupLineDetail.GroupItemRef") or {}
        detail: Json = {"GroupItemRef": {"value": group["Id"], "name": group["FullyQualifiedName"]}}
        if "Quantity" in sent:
            detail["Quantity"] = plain(sent["Quantity"])
        frame = self._framed(line, {"Amount": 0, "DetailType": _GROUP, _GROUP: detail})
        inner: list[Json] = [
            self._sales_line(one) for one in sent.get("Line", []) if one.get("DetailType") == _SALES
        ]
        frame["Amount"] = cents(sum((one["Amount"] for one in inner), Decimal(0)))
        detail["Line"] = inner
        return frame

    def _discount(self, line: Json) -> Json:
        if not self._ledger.settings.allow_discount:
            raise business_faults.business("Discounts are turned off in this company.")
        sent = line.get(_DISCOUNT, {})
        percent = sent.get("DiscountPercent")
        detail: Json = {"PercentBased": bool(sent.get("PercentBased"))}
        if detail["PercentBased"]:
            amount = Decimal(cents(self._out.subtotal * Decimal(percent) / _HUNDRED))
            detail["DiscountPercent"] = plain(percent)
        else:
            amount = Decimal(cents(line["Amount"]))
        kept = self._old_discount if self._ledger.settings.line_refs == "keep" else {}
        account = self._ledger.reference(
            "Account",
            sent.get("DiscountAccountRef") or kept.get("DiscountAccountRef"),
            "Line.DiscountLineDetail.DiscountAccountRef",
        ) or _discount_account(self._ledger)
        if account is not None:
            detail["DiscountAccountRef"] = {
                "value": account["Id"],
                "name": account["FullyQualifiedName"],
            }
        if amount > max(self._out.subtotal, Decimal(0)):
            raise business_faults.discount_too_big()
        self._out.discount = amount
        out: Json = {"Amount": cents(amount), "DetailType": _DISCOUNT, _DISCOUNT: detail}
        if self._ledger.settings.replies_as_of >= _ITEM_ACCOUNT_SINCE:
            out["CustomExtensions"] = []
        return out


def _is_shipping(line: Json) -> bool:
    ref: Json = line.get(_SALES, {}).get("ItemRef", {})
    return line["DetailType"] == _SALES and bool(ref.get("value") == _SHIPPING)


def _tax_code(sent: Json) -> str:
    code: str = (sent.get("TaxCodeRef") or {}).get("value") or "NON"
    if code not in _TAX_CODES:
        raise business_faults.bad_line_tax_code(code)
    return code


def _discount_account(ledger: Ledger) -> Json | None:
    holder = ledger.holder("Account", "discounts given")
    row = ledger.row("Account", holder[1]) if holder is not None else None
    return row.load() if row is not None else None


def _check_line(line: Json) -> list[FaultError]:
    kind = line.get("DetailType")
    if not kind:
        return [request_faults.missing_error("Line.DetailType")]
    errors: list[FaultError] = []
    description = line.get("Description", "")
    if len(description) > _MAX_DESCRIPTION:
        errors.append(
            request_faults.bad_length(len(description), _MAX_DESCRIPTION, "Line.Description")
        )
    if kind == _SALES:
        errors += _check_sales_line(line)
    elif kind == _DISCOUNT:
        errors += _check_discount(line)
    elif kind == _GROUP:
        for inner in line.get(_GROUP, {}).get("Line", []):
            errors += _check_line(inner)
    return errors


def _check_sales_line(line: Json) -> list[FaultError]:
    if "Amount" not in line:
        return [request_faults.missing_error("Line.Amount")]
    amount = line["Amount"]
    errors = check_amount(amount, "Line.Amount")
    detail = line.get(_SALES, {})
    price, quantity = detail.get("UnitPrice"), detail.get("Qty")
    if quantity is not None:
        errors += [
            request_faults.bad_quantity(
                one.detail.rpartition(":")[2], "Line.SalesItemLineDetail.Qty"
            )
            for one in check_amount(quantity, "")
        ]
    if price is not None:
        errors += check_amount(price, "Line.SalesItemLineDetail.UnitPrice")
    if (
        not errors
        and price is not None
        and quantity is not None
        # A client that leaves both at 0, as python-quickbooks does, sends none of them.
        and (price or quantity)
        and cents(Decimal(price) * Decimal(quantity)) != Decimal(amount)
    ):
        errors.append(business_faults.amount_mismatch(f"{plain(Decimal(amount)):,}"))
    return errors


def _check_discount(line: Json) -> list[FaultError]:
    detail = line.get(_DISCOUNT, {})
    if detail.get("PercentBased"):
        percent = detail.get("DiscountPercent")
        if percent is None:
            return [business_faults.bad_discount()]
        if not 0 <= percent <= _HUNDRED:
            return [
                request_faults.bad_percent(str(percent), "Line.DiscountLineDetail.DiscountPercent")
            ]
        return []
    if "Amount" not in line:
        return [business_faults.bad_discount()]
    if line["Amount"] < 0:
        return [request_faults.negative_line(str(line["Amount"]), "Line.Amount")]
    return check_amount(line["Amount"], "Line.Amount")
