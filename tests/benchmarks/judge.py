"""What a host would do without the plugin: `python-quickbooks` in the request, done right.

Done right means: look whether it is there, and only then create it, since a create that is simply
repeated makes a second one.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from intuitlib.client import AuthClient
from quickbooks import QuickBooks
from quickbooks.objects import (
    Address,
    Customer,
    EmailAddress,
    Invoice,
    Payment,
    PaymentLine,
    PhoneNumber,
    Ref,
    SalesItemLine,
    SalesItemLineDetail,
)

from dunahub_qbo_plugin.emulator.world.directory import DEFAULT_CLIENT_ID, DEFAULT_CLIENT_SECRET
from dunahub_qbo_plugin.testing.emulator import REDIRECT_URI
from tests.benchmarks.far_side import REALM

if TYPE_CHECKING:
    from dunahub_hookspecs import Invoice as HostInvoice
    from dunahub_hookspecs import Lead
    from dunahub_hookspecs import Payment as HostPayment
    from tests.benchmarks.far_side import FarSide

ITEM = "3"


class Judge:
    """A connected client of the community's library, one kept connection."""

    def __init__(self, far: FarSide) -> None:
        os.environ["OAUTHLIB_INSECURE_TRANSPORT"] = "1"  # oauthlib refuses plain HTTP otherwise
        access, refresh = far.tokens()
        auth = AuthClient(
            DEFAULT_CLIENT_ID,
            DEFAULT_CLIENT_SECRET,
            REDIRECT_URI,
            f"{far.url}/.well-known/openid_configuration",
            access_token=access,
            refresh_token=refresh,
        )
        self.client = QuickBooks(
            auth_client=auth, refresh_token=refresh, company_id=REALM, minorversion=75
        )
        self.client.api_url_v3 = f"{far.url}/v3"

    def customer(self, lead: Lead) -> Customer:
        """Look a lead up by its name; create it if it is not there."""
        found = Customer.filter(DisplayName=lead.name, qb=self.client)
        if found:
            return found[0]
        made = Customer()
        made.DisplayName = lead.name
        made.PrimaryEmailAddr = EmailAddress()
        made.PrimaryEmailAddr.Address = lead.email
        made.PrimaryPhone = PhoneNumber()
        made.PrimaryPhone.FreeFormNumber = lead.phone
        made.BillAddr = Address()
        made.BillAddr.Line1 = lead.address.line1
        made.BillAddr.City = lead.address.city
        made.BillAddr.CountrySubDivisionCode = lead.address.state
        made.BillAddr.PostalCode = lead.address.postal_code
        return made.save(qb=self.client)

    def invoice(self, bill: HostInvoice, customer: Customer) -> Invoice:
        """Look an invoice up by its number; create it if it is not there."""
        found = Invoice.filter(DocNumber=bill.number, qb=self.client)
        if found:
            return found[0]
        made = Invoice()
        made.DocNumber = bill.number
        made.TxnDate = bill.issued_on.isoformat()
        made.CustomerRef = customer.to_ref()
        for number, line in enumerate(bill.lines, start=1):
            sold = SalesItemLine()
            sold.LineNum = number
            sold.Description = line.description
            sold.Amount = float(line.amount)
            sold.SalesItemLineDetail = SalesItemLineDetail()
            sold.SalesItemLineDetail.ItemRef = Ref()
            sold.SalesItemLineDetail.ItemRef.value = ITEM
            sold.SalesItemLineDetail.Qty = float(line.quantity)
            sold.SalesItemLineDetail.UnitPrice = float(line.unit_price)
            made.Line.append(sold)
        return made.save(qb=self.client)

    def payment(self, paid: HostPayment, invoice: Invoice) -> Payment:
        """Look a payment up by its reference; create it if it is not there."""
        found = Payment.filter(PaymentRefNum=paid.reference[:21], qb=self.client)
        if found:
            return found[0]
        made = Payment()
        made.TotalAmt = float(paid.amount)
        made.TxnDate = paid.paid_on.isoformat()
        made.PaymentRefNum = paid.reference[:21]
        made.CustomerRef = invoice.CustomerRef
        line = PaymentLine()
        line.Amount = float(paid.amount)
        line.LinkedTxn.append(invoice.to_linked_txn())
        made.Line.append(line)
        return made.save(qb=self.client)
