"""A company's switches: its preferences, and one switch for each fact that is disputed.

Where Intuit's documents and observations of the live service disagree, or nothing was ever
recorded, both behaviours exist here. The default is the newest observation, except where
Intuit's own clients depend on the documented one (`payment_void`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import attrs

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date

IGNORABLE = ("case", "accents", "spaces", "dots")
"""What may be left out of account when two names are compared."""

_ADDRESS = {
    "Line1": "123 Sierra Way",
    "City": "San Pablo",
    "CountrySubDivisionCode": "CA",
    "PostalCode": "87999",
}


@attrs.define(kw_only=True)
class CompanySettings:
    """What can be set on one company, at any time, also while requests run.

    Attributes:
        custom_txn_numbers: `SalesFormsPrefs.CustomTxnNumbers`: the user numbers documents; a
            document sent without a number has none.
        warn_duplicate_numbers: The user asked to be warned of a number used before; together
            with `custom_txn_numbers` a duplicate is refused (6140).
        duplicate_numbers: A number is a duplicate among documents of the same kind, or among all
            sales forms but estimates; which of the two is not recorded.
        doc_number_when_off: A number sent while `custom_txn_numbers` is off is kept (observed
            2026-09) or replaced by the next in sequence (documented).
        sales_tax: No sales tax, the classic centre with fixed rates, or automated (AST).
        ast_override: A `TxnTaxDetail.TotalTax` sent to an automated company is honoured
            (Intuit staff) or recomputed (observed 2026-09).
        ast_rate: Percent the automated engine applies to taxable lines with a US address.
        tax_exempt: A customer with `Taxable: false` pays no tax that the automated engine works
            out, but does if a form of a classic company names a code (most customers of Intuit's
            sample company are such, and have invoices with tax; recorded 2020 to 2026), or never
            pays any.
        multicurrency: More than the home currency is allowed.
        home_currency: ISO code of the home currency.
        country: Country of the company, as CompanyInfo shows it.
        class_tracking: Whether classes are tracked for each line or each transaction
            (`AccountingInfoPrefs.ClassTrackingPerTxnLine`, `ClassTrackingPerTxn`). Off, a class is
            taken wherever it stands.
        misplaced_class: A class where the preference has none is passed over (a vendor's
            observation, 2025-09) or refused with 6000 (not recorded).
        require_class: A sales form without class is taken (nothing else was ever recorded), or
            refused with 6000 in words of ours.
        track_locations: `AccountingInfoPrefs.TrackDepartments`.
        require_location: As `require_class`, for `DepartmentRef`.
        allow_discount: `SalesFormsPrefs.AllowDiscount`.
        online_default: Whether an invoice that does not say so can be paid online, by card and by
            bank; also `SalesFormsPrefs.ETransactionPaymentEnabled`. Invoices that an API made came
            back as payable (recorded 2026-05).
        online_omitted: A full update that does not say so takes the default again, or keeps what
            the invoice had; not known.
        book_close_date: Last day of the closed books, none if they are open.
        book_close_password: The closing date carries a password (6210 instead of 6200).
        timezone: IANA name of the company's time zone; decides "today" and every offset.
        item_less_line: A sales line without `ItemRef` gets the default item (observed 2026-09),
            becomes a description (documented) or is refused with 6440 (error list).
        company_address: The company's own address, by property name.
        default_item: Id of the item used for such a line.
        default_terms: Id of the company's default sales terms, empty for none.
        default_due_days: Days to the due date without any terms.
        sales_custom_fields: Names of the custom fields shown on sales forms.
        requestid_retention: Seconds a request id keeps its answer.
        request_id_mismatch: The same request id with another body replays the first answer, or
            is refused with 600.
        requestid_replays_faults: A stored fault is replayed like any other answer.
        payment_sparse: A sparse payment that touches more than notes needs `CustomerRef` and
            `TotalAmt` (observed 2026-09), or does not.
        payment_void: A payment void needs the whole payment (observed 2026-09) or only its Id.
        payment_operation_void: Whether `operation=void`, which one documentation page shows for
            payments, is accepted.
        void_paid_invoice: A paid invoice can be voided and its payments become unapplied
            (observed 2026-09), or the void is refused with 6000.
        delete_paid_invoice: Deleting an invoice with a payment is refused with 800 or 6000, or
            leaves the payment unapplied; nobody recorded it.
        foreign_payment: A payment applied to another customer's invoice is created unapplied
            (hearsay) or refused with 620 (hearsay too, of quickbooks-mcp).
        deposited_payment_reapply: A payment that is on a bank deposit may be applied to other
            invoices, amount, payer and account unchanged, as Intuit's guide to bounced checks does
            in QuickBooks, or is frozen altogether (6540). Nobody recorded it.
        deactivate_with_balance: A customer or vendor with an open balance is refused with 6220
            when the API makes it inactive (recorded 2017), or not (Intuit's page speaks of an
            adjusting credit memo; never recorded). An accountant always can.
        empty_text: An empty text in an update clears the property, keeps what it was, or is
            refused; what QuickBooks does is not known.
        names_ignore: In what two names may differ and still be the same name: `case`, `accents`,
            `spaces` (how many), `dots`. None of it is documented.
        merged_read: A customer that was merged into another reads as an inactive one (as other
            inactive objects are recorded), or is not found (610).
        merged_cdc: Change data capture lists it as an inactive customer or as a deleted one.
        merge_bumps_txns: Whether a merge raises the SyncToken of the transactions it moves.
        echoed_extras: What a reply adds for the reader alone (a payment's `LineEx`) is refused with
            2010 when a create or an update sends it back as JSON (observed), or ignored, as it
            always is in XML, in a delete and in a void: clients send back there what they read.
        no_change_bumps_token: An update of a list object that changes nothing still raises its
            SyncToken.
        batch_limit: Most items in one batch (30 documented; 10, 25 and 50 are claimed too).
        batch_default_operation: What a batch item without `operation` means.
        cdc_window: A `changedSince` of more than 30 days ago is answered (observed 2020) or
            refused.
        auto_apply_payments: `SalesFormsPrefs.AutoApplyPayments`: unapplied money is applied to
            the customer's open invoices.
        auto_apply_credit: `SalesFormsPrefs.AutoApplyCredit`: what a customer has paid too much, and
            its credit memos, pay a new invoice at once, as the switch "Automatically apply credits"
            in QuickBooks has it; a new credit memo pays the oldest open invoices. A payment gets a
            line more, a credit memo a payment of nothing that ties the two (recorded 2026-05).
        show_auto_apply: Whether the preferences show the two; some recordings do not.
        line_refs: A line that is sent with its Id, but without class, tax code or service date,
            loses them (a Bill did, 2026-06), or keeps them; likewise the account of a discount.
        sparse_lines: A sparse update with lines replaces them, or is refused with 2020 (a
            VendorCredit was, 2026-07).
        start_position_zero: `STARTPOSITION 0` is refused with 4001 (recorded 2013) or answered like
            1: Intuit's PHP SDK sends it, and faults of 2018 and 2019 do not speak of it.
        private_note_queryable: `PrivateNote` may stand in a WHERE clause.
        replies_as_of: Year whose reply shape is given; the properties QuickBooks Online adds to
            its replies changed over the years.
    """

    custom_txn_numbers: bool = False
    warn_duplicate_numbers: bool = True
    duplicate_numbers: Literal["same_kind", "all_sales"] = "same_kind"
    doc_number_when_off: Literal["keep", "ignore"] = "keep"
    sales_tax: Literal["none", "classic", "automated"] = "none"
    ast_override: Literal["honour", "recompute"] = "recompute"
    ast_rate: str = "8.25"
    tax_exempt: Literal["automated_only", "always"] = "automated_only"
    multicurrency: bool = False
    home_currency: str = "USD"
    country: str = "US"
    class_tracking: Literal["off", "per_line", "per_transaction"] = "off"
    misplaced_class: Literal["ignore", "refuse"] = "ignore"
    require_class: Literal["off", "fault_6000"] = "off"
    track_locations: bool = False
    require_location: Literal["off", "fault_6000"] = "off"
    allow_discount: bool = True
    online_default: bool = True
    online_omitted: Literal["default", "keep"] = "default"
    book_close_date: date | None = None
    book_close_password: bool = False
    timezone: str = "America/Los_Angeles"
    item_less_line: Literal["default_item", "description", "refuse"] = "default_item"
    company_address: Mapping[str, str] = attrs.field(factory=lambda: dict(_ADDRESS))
    default_item: str = "1"
    default_terms: str = ""
    default_due_days: int = 30
    sales_custom_fields: tuple[str, ...] = ()
    requestid_retention: int = 24 * 60 * 60
    request_id_mismatch: Literal["replay", "fault_600"] = "replay"
    requestid_replays_faults: bool = True
    payment_sparse: Literal["strict", "lenient"] = "strict"
    payment_void: Literal["strict", "lenient"] = "lenient"
    payment_operation_void: Literal["accept", "refuse"] = "refuse"
    void_paid_invoice: Literal["allow", "refuse"] = "allow"
    delete_paid_invoice: Literal["fault_800", "fault_6000", "unlink"] = "fault_800"
    foreign_payment: Literal["unapplied", "refuse"] = "unapplied"
    deposited_payment_reapply: Literal["refuse", "allow"] = "refuse"
    deactivate_with_balance: Literal["refuse", "allow"] = "refuse"
    empty_text: Literal["clears", "keeps", "refuses"] = "clears"
    names_ignore: tuple[str, ...] = attrs.field(
        default=("case",), validator=attrs.validators.deep_iterable(attrs.validators.in_(IGNORABLE))
    )
    merged_read: Literal["inactive", "fault_610"] = "inactive"
    merged_cdc: Literal["inactive", "deleted"] = "inactive"
    merge_bumps_txns: bool = False
    echoed_extras: Literal["refuse", "ignore"] = "refuse"
    no_change_bumps_token: bool = False
    batch_limit: int = 30
    batch_default_operation: Literal["create", "refuse"] = "create"
    cdc_window: Literal["answer", "refuse"] = "answer"
    auto_apply_payments: bool = False
    auto_apply_credit: Literal["off", "on_create"] = "off"
    show_auto_apply: bool = True
    line_refs: Literal["wipe", "keep"] = "wipe"
    sparse_lines: Literal["replace", "fault_2020"] = "replace"
    start_position_zero: Literal["refuse", "answer"] = "refuse"
    private_note_queryable: bool = True
    replies_as_of: Literal[2019, 2020, 2026] = 2026
