"""The gutter contractor's story, played through the CRM's own pages the way the office would."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

import attrs

from dunahub_qbo_plugin.demo.person import StoryError

if TYPE_CHECKING:
    from collections.abc import Callable

    from dunahub_qbo_plugin.demo.narrator import Narrator
    from dunahub_qbo_plugin.demo.pages import Page
    from dunahub_qbo_plugin.demo.person import Person
    from dunahub_qbo_plugin.demo.trouble import EmulatorAdmin

_WHO = "Dana"
_PATIENCE = 45.0
_SOLD = (
    ("gutter-install", 142, Decimal("14.50")),
    ("downspout", 4, Decimal("95.00")),
)
_DISCOUNT = Decimal("50.00")
_HOMEOWNERS = (
    ("Sarah Mitchell", "412 Laurel Ridge Rd", "(828) 555-0144"),
    ("Walter Boone", "77 Chestnut Hollow Ln", "(828) 555-0121"),
    ("Grace Okafor", "1508 Sunset Dr", "(828) 555-0187"),
    ("Henry Castillo", "23 Mill Creek Way", "(828) 555-0163"),
    ("Ruth Ann Dawson", "900 Old Orchard Rd", "(828) 555-0109"),
)


@attrs.frozen(kw_only=True)
class Arrived:
    """A record in the CRM and in QuickBooks.

    Attributes:
        local_id: its id in the CRM.
        qbo_id: its id in the books; empty when it is not there.
        state: what its card shows.
    """

    local_id: str
    qbo_id: str
    state: str


@attrs.frozen(kw_only=True)
class Outage:
    """The result for the invoice whose answer was lost.

    Attributes:
        record: the invoice.
        number: its number.
        lost_answers: how many answers did not arrive.
        attempts: how many times it was sent.
        in_books: how many invoices of that number are in the books.
    """

    record: Arrived
    number: str
    lost_answers: int
    attempts: int
    in_books: int


@attrs.frozen(kw_only=True)
class Result:
    """How the story ended."""

    customer: Arrived
    invoice: Arrived
    payment: Arrived
    invoice_total: Decimal
    qbo_total: Decimal
    qbo_balance: Decimal
    outage: Outage


@attrs.define(kw_only=True, eq=False)
class Story:
    """Plays the story.

    Attributes:
        person: who presses the buttons.
        emulator: QuickBooks, to look into its books and to lose an answer.
        narrator: tells it.
        timer: seconds from a steady clock.
        realm: the QuickBooks company, once connected.
    """

    person: Person
    emulator: EmulatorAdmin
    narrator: Narrator
    timer: Callable[[], float]
    realm: str = attrs.field(default="", init=False)

    def play(self) -> Result:
        """Play it from connecting to the payment, then lose an answer.

        Raises:
            StoryError: something did not happen that should have.
        """
        self._connect()
        customer, lead_page = self._call()
        invoice, number, total = self._bill(self._sell(lead_page))
        payment = self._collect(invoice, number)
        outage = self._lose_an_answer(lead_page)
        booked = self._one("invoices", "number", number)
        return Result(
            customer=customer,
            invoice=invoice,
            payment=payment,
            invoice_total=total,
            qbo_total=Decimal(booked["total"]),
            qbo_balance=Decimal(booked["balance"]),
            outage=outage,
        )

    def _connect(self) -> str:
        """Connect QuickBooks unless it is connected; return the company's name."""
        panel = self._panel()
        labels = ("Connect to QuickBooks", "Reconnect")
        wanted = next((label for label in labels if panel.button(label)), None)
        if wanted:
            self.narrator.does(_WHO, "opens Settings, QuickBooks, and connects")
            panel = self.person.press(self.person.press(panel, wanted), "Connect")
        for realm, name in self.emulator.companies().items():
            if f"Connected to {name}" in panel.text:
                self.realm = realm
                self.narrator.arrives(f"connected to {name}")
                return name
        raise StoryError(f"QuickBooks is not connected: {panel.text[:300]}")

    def _panel(self) -> Page:
        home = self.person.open("/")
        if "QuickBooks" not in home.links:
            raise StoryError("The CRM's settings have no QuickBooks: is the plugin installed?")
        return self.person.open(home.links["QuickBooks"])

    def _call(self) -> tuple[Arrived, Page]:
        """A homeowner calls, and becomes a lead and a customer."""
        name, street, phone = self._homeowner()
        self.narrator.does(name, "calls: the gutters leak")
        page = self.person.press(
            self.person.open("/leads/new"),
            "Save lead",
            name=name,
            email=f"{name.lower().replace(' ', '.')}@example.com",
            phone=phone,
            line1=street,
            city="Asheville",
            state="NC",
            postal_code="28803",
        )
        local_id = _id_of(page)
        state, took = self._until_synced("lead", local_id)
        entry = self._one("customers", "name", name)
        self.narrator.arrives(f"customer {entry['id']}, {name}  ({took})")
        return Arrived(local_id=local_id, qbo_id=entry["id"], state=state), page

    def _homeowner(self) -> tuple[str, str, str]:
        """Return somebody who has not called before."""
        known = {entry["name"] for entry in self._books()["customers"]}
        new = (homeowner for homeowner in _HOMEOWNERS if homeowner[0] not in known)
        name, street, phone = _HOMEOWNERS[0]
        return next(new, (f"{name} {len(known) + 1}", street, phone))

    def _sell(self, lead_page: Page) -> Page:
        """Go from proposal to finished job; return the job's page."""
        proposal = self.person.press(
            self.person.open(lead_page.links["New proposal"]),
            "Send proposal",
            title="Gutter replacement, front and back",
            service=[service for service, _, _ in _SOLD],
            description=["" for _ in _SOLD],
            quantity=[str(quantity) for _, quantity, _ in _SOLD],
            price=[str(price) for _, _, price in _SOLD],
        )
        self.narrator.does(_WHO, "sends a proposal, and the customer approves it")
        job = self.person.press(self.person.press(proposal, "Customer approved"), "Convert to job")
        self.narrator.does("The crew", "hangs 142 feet of gutter and 4 downspouts")
        return self.person.press(job, "Complete job")

    def _bill(self, job: Page) -> tuple[Arrived, str, Decimal]:
        """Create the invoice from the job; return it with its number and its total."""
        form = self.person.open(job.links["Create invoice"])
        number = form.field("number")
        total = sum((quantity * price for _, quantity, price in _SOLD), -_DISCOUNT)
        self.narrator.does(_WHO, f"bills the job: invoice {number} over ${total:,.2f}")
        page = self.person.press(form, "Create invoice", discount=str(_DISCOUNT))
        local_id = _id_of(page)
        state, took = self._until_synced("invoice", local_id)
        entry = self._one("invoices", "number", number)
        booked = Decimal(entry["total"])
        self.narrator.arrives(
            f"invoice {entry['id']}, number {number}, total ${booked:,.2f}  ({took})"
        )
        return Arrived(local_id=local_id, qbo_id=entry["id"], state=state), number, total

    def _collect(self, invoice: Arrived, number: str) -> Arrived:
        """Charge the customer's card."""
        page = self.person.open(f"/invoices/{invoice.local_id}")
        self.narrator.does("The customer", "pays by card, through DunaHub")
        paid = self.person.press(page, "Record payment", paid_by="card")
        local_id = _id_of(paid)
        state, took = self._until_synced("payment", local_id)
        link = f"Invoice {invoice.qbo_id}"
        entry = next((one for one in self._books()["payments"] if link in one["links"]), None)
        if entry is None:
            raise StoryError(f"QuickBooks has no payment on invoice {number}.")
        balance = Decimal(self._one("invoices", "number", number)["balance"])
        self.narrator.arrives(
            f"payment {entry['id']} on invoice {number}, balance ${balance:,.2f}  ({took})"
        )
        return Arrived(local_id=local_id, qbo_id=entry["id"], state=state)

    def _lose_an_answer(self, lead_page: Page) -> Outage:
        """QuickBooks takes a second invoice, but its answer never arrives."""
        form = self.person.open(lead_page.links["New invoice"])
        number = form.field("number")
        seen = max((one["number"] for one in self.emulator.requests()), default=0)
        self.emulator.lose_next_answer("invoice")
        self.narrator.trouble(f"QuickBooks will take invoice {number}, but its answer gets lost")
        page = self.person.press(
            form,
            "Create invoice",
            service=["gutter-cleaning"],
            description=[""],
            quantity=["1"],
            price=[""],
        )
        local_id = _id_of(page)
        self.narrator.does(_WHO, f"creates invoice {number}; the CRM does not notice a thing")
        state, took = self._until_synced("invoice", local_id)
        sent = [
            one
            for one in self.emulator.requests(after=seen)
            if (one["method"], one["path"]) == ("POST", "/invoice")
        ]
        found = [one for one in self._books()["invoices"] if one["number"] == number]
        outage = Outage(
            record=Arrived(local_id=local_id, qbo_id=found[0]["id"] if found else "", state=state),
            number=number,
            lost_answers=sum(one["fate"] == "lost" for one in sent),
            attempts=len(sent),
            in_books=len(found),
        )
        self.narrator.arrives(
            f"invoice {outage.record.qbo_id}, number {number}, sent {outage.attempts} times, "
            f"{outage.in_books} in the books  ({took})"
        )
        return outage

    def _until_synced(self, kind: str, local_id: str) -> tuple[str, str]:
        """Wait for a record to arrive; return its state, and how long it took in words."""
        begun = self.timer()
        state = self.person.wait_for_card(kind, local_id, {"Synced", "Needs attention"}, _PATIENCE)
        if state != "Synced":
            words = " ".join(self.person.card(kind, local_id).cards) or "no card"
            raise StoryError(f"The {kind} {local_id} did not arrive in QuickBooks: {words[:300]}")
        return state, f"{self.timer() - begun:.1f} s"

    def _books(self) -> dict[str, Any]:
        return self.emulator.books(self.realm)

    def _one(self, entity: str, key: str, value: str) -> dict[str, Any]:
        found: list[dict[str, Any]] = [one for one in self._books()[entity] if one[key] == value]
        if len(found) != 1:
            raise StoryError(f"QuickBooks has {len(found)} {entity} with the {key} {value}.")
        return found[0]


def _id_of(page: Page) -> str:
    """Return the id of the record whose page was opened."""
    return page.url.rstrip("/").rpartition("/")[2]
