"""What can be done to an object: the one door to the books for API, batch and accountant."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from dunahub_qbo_plugin.emulator.books import (
    business_faults,
    json_codec,
    presentation,
    request_faults,
)
from dunahub_qbo_plugin.emulator.books.deposits import delete_deposit
from dunahub_qbo_plugin.emulator.books.list_objects import create_list_object, update_list_object
from dunahub_qbo_plugin.emulator.books.payments import (
    create_payment,
    delete_payment,
    update_payment,
    void_payment,
)
from dunahub_qbo_plugin.emulator.books.people import create_person, update_person
from dunahub_qbo_plugin.emulator.books.sales import create_sale, delete_sale, update_sale, void_sale

if TYPE_CHECKING:
    from dunahub_qbo_plugin.emulator.books.entities import Entity
    from dunahub_qbo_plugin.emulator.books.ledger import Ledger
    from dunahub_qbo_plugin.emulator.books.object_tables import Row
    from dunahub_qbo_plugin.emulator.books.singletons import Singletons

Json = dict[str, Any]

ALLOW_DUPLICATE = "allowduplicatedocnum"
INVOICE_LINK = "invoicelink"
# Clients send back what they read to end it (known of node-quickbooks and quickbooks-ruby).
_ENDINGS = frozenset({"delete", "void"})
_EMAIL = re.compile(r"[^@\s,;<>]+@[^@\s,;<>]+\.[^@\s,;<>.]+")


class Operations:
    """Creates, updates, voids, deletions, reads and e-mails of one company's objects."""

    def __init__(self, ledger: Ledger, singles: Singletons) -> None:
        """Work on these books."""
        self._ledger = ledger
        self._singles = singles

    def write(
        self,
        entity: Entity,
        raw: Json,
        *,
        operation: str,
        include: frozenset[str],
        user: str,
        by_accountant: bool = False,
    ) -> str:
        """Do one write and return the object's JSON text.

        Args:
            entity: What is written.
            raw: The request's object.
            operation: `create`, `update`, `delete`, `void`, or empty: a create without an Id,
                an update with one.
            include: Options: `void`, `allowduplicatedocnum`.
            user: Whose write a stale object is blamed on.
            by_accountant: It is done in QuickBooks itself, which allows more than the API does.

        Raises:
            QboFaultError: Whatever refuses the write.
        """
        body = self._body(entity, raw, operation, include)
        if not operation:
            operation = "update" if body.get("Id") or entity.kind == "single" else "create"
        if operation == "update" and "void" in include:
            operation = "void"
        elif (
            operation == "void"
            and entity.name == "Payment"
            and self._ledger.settings.payment_operation_void == "refuse"
        ):
            raise request_faults.unsupported_operation("void", "Operation")
        allowed = entity.operations | entity.by_hand if by_accountant else entity.operations
        if operation not in allowed:
            raise request_faults.unsupported_operation(operation, "Operation")
        if entity.kind == "single":
            return json_codec.encode(self._singles.update(entity.name, body, user=user))
        allow = ALLOW_DUPLICATE in include
        if operation == "create":
            row = self._create(entity, body, allow_duplicate=allow)
            return presentation.written(self._ledger.settings, row, created=True)
        row = self._current(entity, body, user)
        if operation == "delete":
            self.delete(entity, row)
            return json_codec.encode({"domain": "QBO", "status": "Deleted", "Id": row.id})
        if operation == "void":
            return self.void(entity, row, body).text
        row = self._update(entity, row, body, allow_duplicate=allow, by_accountant=by_accountant)
        return presentation.written(self._ledger.settings, row, created=False)

    def read(self, entity: Entity, id_: str) -> str:
        """Return an object's JSON text as a read gives it.

        Raises:
            QboFaultError: 2030 or 610.
        """
        if entity.kind == "single":
            return json_codec.encode(self._singles.read(entity.name))
        return presentation.read(self._ledger.settings, self._ledger.need(entity.name, id_))

    def queried(self, row: Row, include: frozenset[str] = frozenset()) -> str:
        """Return an object's JSON text as a query gives it."""
        with_link = INVOICE_LINK in include
        return presentation.queried(self._ledger.settings, row, with_link=with_link)

    def delete(self, entity: Entity, row: Row) -> None:
        """Delete a transaction."""
        if entity.name == "Payment":
            delete_payment(self._ledger, row)
        elif entity.name == "Deposit":
            delete_deposit(self._ledger, row)
        else:
            delete_sale(self._ledger, entity.name, row)

    def void(self, entity: Entity, row: Row, body: Json) -> Row:
        """Void a transaction."""
        if entity.name == "Payment":
            return void_payment(self._ledger, row, body)
        return void_sale(self._ledger, entity.name, row)

    def send(self, entity: Entity, id_: str, to: str | None) -> str:
        """E-mail a sales form.

        Raises:
            QboFaultError: 610, 2210 for an address that is none, 6420 without any.
        """
        row = self._ledger.need(entity.name, id_)
        data = row.load()
        if to:
            if not all(_EMAIL.fullmatch(one.strip()) for one in to.split(",")):
                raise request_faults.QboFaultError(request_faults.bad_email(to, "sendTo"))
            data["BillEmail"] = {"Address": to}
        if not data.get("BillEmail", {}).get("Address"):
            raise business_faults.email_required()
        data["EmailStatus"] = "EmailSent"
        data["DeliveryInfo"] = {"DeliveryType": "Email", "DeliveryTime": self._ledger.stamp}
        self._ledger.touch(data)
        return presentation.sent(self._ledger.settings, self._ledger.save(entity.name, data))

    def _body(self, entity: Entity, raw: Json, operation: str, include: frozenset[str]) -> Json:
        """Return the request's object, checked against the schema."""
        schema = self._ledger.schema
        is_ending = operation in _ENDINGS or "void" in include
        if is_ending or self._ledger.settings.echoed_extras == "ignore":
            raw = schema.without_extras(entity.name, raw)
        return schema.read(entity.name, raw)

    def _create(self, entity: Entity, body: Json, *, allow_duplicate: bool) -> Row:
        if entity.kind == "name":
            return create_person(self._ledger, entity.name, body)
        if entity.kind == "list":
            return create_list_object(self._ledger, entity.name, body)
        if entity.name == "Payment":
            return create_payment(self._ledger, body)
        return create_sale(self._ledger, entity.name, body, allow_duplicate=allow_duplicate)

    def _update(
        self,
        entity: Entity,
        row: Row,
        body: Json,
        *,
        allow_duplicate: bool,
        by_accountant: bool,
    ) -> Row:
        if entity.kind == "name":
            return update_person(self._ledger, entity.name, row, body, by_accountant=by_accountant)
        if entity.kind == "list":
            return update_list_object(self._ledger, entity.name, row, body)
        if entity.name == "Payment":
            return update_payment(self._ledger, row, body)
        return update_sale(
            self._ledger,
            entity.name,
            row,
            body,
            allow_duplicate=allow_duplicate,
            by_accountant=by_accountant,
        )

    def _current(self, entity: Entity, body: Json, user: str) -> Row:
        """Return the row a write is about, if the caller has seen its latest state."""
        if not body.get("Id"):
            raise request_faults.missing("Id")
        row = self._ledger.need(entity.name, body["Id"])
        token = body.get("SyncToken")
        if not token:
            raise request_faults.missing("SyncToken")
        if token != row.load()["SyncToken"]:
            raise business_faults.stale(user)
        return row
