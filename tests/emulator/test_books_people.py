"""Customers, vendors, employees and items: names, defaults, updates, inactivity."""

from __future__ import annotations

import pytest

from tests.support.books import Books, contractor, line


@pytest.fixture
def books() -> Books:
    """A contractor's books."""
    return contractor()


def test_a_customer_gets_its_defaults(books: Books) -> None:
    """A create from names alone comes back with everything the service adds (recorded 2026)."""
    made = books.post("customer", {"GivenName": "Ann", "FamilyName": "Lee", "Notes": "gate 4"})
    assert made["DisplayName"] == made["FullyQualifiedName"] == "Ann Lee"
    assert made["PrintOnCheckName"] == "Ann Lee"
    expected = {
        "Taxable": True,
        "Job": False,
        "BillWithParent": False,
        "Balance": 0,
        "BalanceWithJobs": 0,
        "PreferredDeliveryMethod": "Print",
        "IsProject": False,
        "Active": True,
        "SyncToken": "0",
        "domain": "QBO",
        "sparse": False,
        "CurrencyRef": {"value": "USD", "name": "United States Dollar"},
    }
    assert {key: made[key] for key in expected} == expected
    assert "ShipAddr" not in made


def test_a_full_update_clears_what_is_absent(books: Books) -> None:
    """A full update keeps system values and drops writable ones that were not sent."""
    made = books.post("customer", {"DisplayName": "Ann", "CompanyName": "Lee LLC", "Notes": "x"})
    changed = books.post("customer", {"Id": made["Id"], "SyncToken": "0", "DisplayName": "Ann Lee"})
    assert changed["SyncToken"] == "1"
    assert "Notes" not in changed
    assert "CompanyName" not in changed
    assert changed["PrintOnCheckName"] == changed["FullyQualifiedName"] == "Ann Lee"
    assert changed["Active"] is True


def test_a_sparse_update_leaves_the_rest(books: Books) -> None:
    """A sparse update changes what it names; an empty text removes a property."""
    made = books.post("customer", {"DisplayName": "Ann", "CompanyName": "Lee LLC", "Notes": "x"})
    body = {"Id": made["Id"], "SyncToken": "0", "sparse": True, "Notes": ""}
    changed = books.post("customer", body | {"Mobile": {"FreeFormNumber": "555"}})
    assert changed["CompanyName"] == "Lee LLC"
    assert changed["Mobile"] == {"FreeFormNumber": "555"}
    assert "Notes" not in changed
    assert changed["sparse"] is False


def test_no_change_moves_no_token(books: Books) -> None:
    """An update that changes nothing leaves token and time alone (recorded 2017 and 2020)."""
    made = books.post("customer", {"DisplayName": "Ann"})
    same = {"Id": made["Id"], "SyncToken": "0", "sparse": True, "DisplayName": "Ann"}
    again = books.post("customer", same)
    assert again["SyncToken"] == "0"
    assert again["MetaData"] == made["MetaData"]
    books.settings.no_change_bumps_token = True
    assert books.post("customer", same)["SyncToken"] == "1"


def test_empty_texts_are_absent_values(books: Books) -> None:
    """An empty text for a number, date or boolean counts as absent, as clients send it."""
    body = {"DisplayName": "Ann", "Balance": "", "Taxable": "", "Level": "", "CurrencyRef": None}
    made = books.post("customer", body)
    assert (made["Balance"], made["Taxable"]) == (0, True)


def test_read_only_properties_are_ignored(books: Books) -> None:
    """What only the service sets is accepted and not taken over."""
    made = books.post("customer", {"DisplayName": "Ann", "Balance": 500, "FullyQualifiedName": "Z"})
    assert made["Balance"] == 0
    assert made["FullyQualifiedName"] == "Ann"


@pytest.mark.parametrize("entity", ["customer", "vendor", "employee"])
@pytest.mark.parametrize("other", ["customer", "vendor", "employee"])
def test_one_name_space(books: Books, entity: str, other: str) -> None:
    """Customers, vendors and employees share their names, whatever the case."""
    books.post(entity, {"DisplayName": "Kim Ray", "GivenName": "Kim"})
    ((code, detail),) = books.refused(other, {"DisplayName": "KIM RAY", "GivenName": "Kim"})
    assert code == "6240"
    wanted = "null" if other == "customer" else "Id="
    assert detail.startswith(f"The name supplied already exists. : {wanted}")


def test_a_rename_to_a_taken_name_names_the_list(books: Books) -> None:
    """A refused rename says who has the name (recorded 2019)."""
    books.post("customer", {"DisplayName": "Ann"})
    made = books.post("customer", {"DisplayName": "Bea"})
    rename = {"Id": made["Id"], "SyncToken": "0", "sparse": True, "DisplayName": "Ann"}
    ((code, detail),) = books.refused("customer", rename)
    assert (code, detail) == (
        "6240",
        (
            "The name supplied already exists. : Another customer is already using this name.  "
            "Please use a different name."
        ),
    )


def test_inactive_names_are_marked_and_freed(books: Books) -> None:
    """An inactive customer is called "(deleted)" and its name is free for another one."""
    made = books.post("customer", {"DisplayName": "Ann"})
    body = {"Id": made["Id"], "SyncToken": "0", "sparse": True, "Active": False}
    gone = books.post("customer", body)
    assert gone["DisplayName"] == gone["FullyQualifiedName"] == "Ann (deleted)"
    assert gone["PrintOnCheckName"] == "Ann"
    assert books.query("select * from Customer where DisplayName = 'Ann (deleted)'") == {}
    again = books.post("customer", {"DisplayName": "Ann"})
    change = {"Id": made["Id"], "SyncToken": "1", "sparse": True}
    assert books.refused("customer", change | {"Notes": "x"})[0] == (
        "6000",
        "Business Validation Error: You cannot modify a list element that has been deleted.",
    )
    assert books.refused("customer", change | {"Active": True})[0][0] == "6240"
    books.post(
        "customer", {"Id": again["Id"], "SyncToken": "0", "sparse": True, "DisplayName": "Ann 2"}
    )
    back = books.post("customer", change | {"Active": True})
    assert back["DisplayName"] == "Ann"


def test_sub_customers_have_long_names(books: Books) -> None:
    """A sub-customer is called Parent:Child and follows its parent's name."""
    parent = books.post("customer", {"DisplayName": "Ann"})
    job = {"DisplayName": "Roof", "Job": True, "ParentRef": {"value": parent["Id"]}}
    child = books.post("customer", job)
    assert child["FullyQualifiedName"] == "Ann:Roof"
    assert (child["Job"], child["Level"]) == (True, 1)
    books.post("customer", {"DisplayName": "Roof"})
    rename = {"Id": parent["Id"], "SyncToken": "0", "sparse": True, "DisplayName": "Anna"}
    books.post("customer", rename)
    read = books.get(f"customer/{child['Id']}")["Customer"]
    assert read["FullyQualifiedName"] == "Anna:Roof"


def test_lengths_are_told_with_separators(books: Books) -> None:
    """2050 gives bounds and length with thousands separators, one error per field."""
    body = {"DisplayName": "x" * 501, "Notes": "n" * 2001, "Suffix": "s" * 17}
    text = "String length specified does not match the supported length. Min:0 Max:"
    assert sorted(books.refused("customer", body)) == [
        ("2050", f"{text}16 supported. Supplied length:17"),
        ("2050", f"{text}2,000 supported. Supplied length:2,001"),
        ("2050", f"{text}500 supported. Supplied length:501"),
    ]


def test_a_country_comes_back_as_its_code(books: Books) -> None:
    """Countries are normalized to three letters (Intuit, 2025-08), and the Id stays."""
    address = {"Line1": "1 Elm St", "Country": "United States", "Lat": "1"}
    made = books.post("customer", {"DisplayName": "Ann", "BillAddr": address})
    assert made["BillAddr"]["Country"] == "USA"
    assert "Lat" not in made["BillAddr"]
    change = {"Id": made["Id"], "SyncToken": "0", "sparse": True, "BillAddr": address}
    assert books.post("customer", change)["SyncToken"] == "0"


def test_an_item_gets_its_defaults(books: Books) -> None:
    """A service needs an income account and comes back with the recorded defaults."""
    body = {"Name": "Attic visit", "Type": "Service", "IncomeAccountRef": {"value": "1"}}
    made = books.post("item", body)
    assert made["IncomeAccountRef"] == {"value": "1", "name": "Services"}
    added = ("Taxable", "UnitPrice", "PurchaseCost", "TrackQtyOnHand", "DeferredRevenue")
    assert [made[key] for key in added] == [False, 0, 0, False, False]
    assert books.refused("item", body)[0] == (
        "6240",
        f"The name supplied already exists. : Id={made['Id']}",
    )
    del body["IncomeAccountRef"]
    assert books.refused("item", body | {"Name": "B"})[0][0] == "2020"
    wrong = body | {"Name": "C", "IncomeAccountRef": {"value": "35"}}
    assert books.refused("item", wrong)[0][0] == "6000"


def test_categories_nest(books: Books) -> None:
    """An item below a category is called Category:Item."""
    top = books.post("item", {"Name": "Outside", "Type": "Category"})
    body = {"Name": "Deck", "IncomeAccountRef": {"value": "1"}, "SubItem": True}
    made = books.post("item", body | {"ParentRef": {"value": top["Id"]}})
    assert made["FullyQualifiedName"] == "Outside:Deck"
    assert (made["SubItem"], made["Level"]) == (True, 1)


def test_a_name_cannot_be_deleted(books: Books) -> None:
    """List objects know no delete."""
    made = books.post("customer", {"DisplayName": "Ann"})
    body = {"Id": made["Id"], "SyncToken": "0"}
    assert books.refused("customer", body, operation="delete") == [
        ("500", "Operation delete is not supported.")
    ]


def test_a_sub_customer_is_a_job(books: Books) -> None:
    """A parent without Job, and Job without a parent, are refused (recorded 2017 to 2019)."""
    parent = books.post("customer", {"DisplayName": "Ann"})["Id"]
    text = "ParentRef is either required or not if Job is true or false."
    below = {"DisplayName": "Roof", "ParentRef": {"value": parent}}
    assert books.refused("customer", below) == [("6150", text)]
    assert books.refused("customer", {"DisplayName": "Roof", "Job": True}) == [("6150", text)]
    made = books.post("customer", below | {"Job": True})
    kept = {"Id": made["Id"], "SyncToken": "0", "DisplayName": "Roof"}
    assert books.post("customer", kept)["Job"] is True
    moved = books.company.edit("Customer", parent, {"Notes": "x"})
    assert moved["Job"] is False


def test_an_accountant_makes_a_sub_customer(books: Books) -> None:
    """Who puts a customer below another in QuickBooks itself need not say that it is a job."""
    parent = books.post("customer", {"DisplayName": "Ann"})["Id"]
    made = books.post("customer", {"DisplayName": "Roof"})["Id"]
    moved = books.company.edit("Customer", made, {"ParentRef": {"value": parent}})
    assert (moved["Job"], moved["FullyQualifiedName"]) == (True, "Ann:Roof")


def test_a_debtor_is_not_made_inactive(books: Books) -> None:
    """The API refuses it in the recorded words (2017), by switch; an accountant may."""
    id_ = books.post("customer", {"DisplayName": "Ann"})["Id"]
    books.post("invoice", {"CustomerRef": {"value": id_}, "Line": [line(10)]})
    change = {"Id": id_, "SyncToken": "0", "sparse": True, "Active": False}
    assert books.refused("customer", change) == [
        (
            "6220",
            (
                "The entity you are trying to delete has an open balance. : This customer cannot "
                "be deleted because it has a non-zero balance"
            ),
        )
    ]
    assert books.company.deactivate("Customer", id_)["Active"] is False
    books.company.edit("Customer", id_, {"Active": True})
    books.settings.deactivate_with_balance = "allow"
    assert books.post("customer", change | {"SyncToken": "2"})["Active"] is False


FILLED = {
    "DisplayName": "Ann",
    "Notes": "gate 4",
    "PrimaryPhone": {"FreeFormNumber": "555"},
    "BillAddr": {"Line1": "1 Elm St", "City": "Reno"},
}
EMPTIED = {
    "Notes": "",
    "PrimaryPhone": {"FreeFormNumber": ""},
    "BillAddr": {"Line1": "2 Elm St", "City": ""},
}


@pytest.mark.parametrize("sparse", [True, False])
def test_an_empty_text_clears_or_keeps(books: Books, sparse: bool) -> None:  # noqa: FBT001  a test's parameter
    """An empty text clears its property, or leaves it as it was, at any depth: a switch."""
    id_ = books.post("customer", FILLED)["Id"]
    change = {"Id": id_, "SyncToken": "0", "sparse": sparse, "DisplayName": "Ann"} | EMPTIED
    books.settings.empty_text = "keeps"
    kept = books.post("customer", change)
    assert (kept["Notes"], kept["PrimaryPhone"]["FreeFormNumber"]) == ("gate 4", "555")
    assert (kept["BillAddr"]["Line1"], kept["BillAddr"]["City"]) == ("2 Elm St", "Reno")
    books.settings.empty_text = "clears"
    cleared = books.post("customer", change | {"SyncToken": "1"})
    assert not {"Notes", "PrimaryPhone"} & cleared.keys()
    assert "City" not in cleared["BillAddr"]


def test_an_empty_text_is_refused(books: Books) -> None:
    """By switch an empty text in the place of one is refused; where there was none it is not."""
    books.settings.empty_text = "refuses"
    id_ = books.post("customer", FILLED | {"CompanyName": ""})["Id"]
    change = {"Id": id_, "SyncToken": "0", "sparse": True}
    assert books.refused("customer", change | {"Notes": ""})[0][0] == "2050"
    phone = {"PrimaryPhone": {"FreeFormNumber": ""}}
    assert books.refused("customer", change | phone)[0][0] == "2050"
    assert books.post("customer", change | {"CompanyName": "", "Notes": "x"})["Notes"] == "x"


@pytest.mark.parametrize(
    ("ignored", "name", "taken"),
    [
        ("case", "JOSÉ A. LEE", True),
        ("case", "Jose A. Lee", False),
        ("case", "José  A. Lee", False),
        ("case", "José A Lee", False),
        ("accents", "Jose A. Lee", True),
        ("spaces", "José  A. Lee", True),
        ("dots", "José A Lee", True),
        ("dots", "JOSÉ A Lee", False),
    ],
)
def test_when_two_names_are_one(books: Books, ignored: str, name: str, taken: bool) -> None:  # noqa: FBT001  a test's parameter
    """Case, accents, spaces and dots count or do not, as the switch says, for names of old too."""
    books.post("customer", {"DisplayName": "José A. Lee"})
    books.settings.names_ignore = (ignored,)
    reply = books.ask("POST", "vendor", {"DisplayName": name})
    assert (reply.status == 400) is taken


def test_names_that_never_were() -> None:
    """What names are compared by is one of four words."""
    with pytest.raises(ValueError, match="names_ignore"):
        contractor(names_ignore=("colour",))


def test_accounts_stand_by_their_own_names(books: Books) -> None:
    """A sub-account is sorted by its own name, not below its parent (recorded 2026-05)."""
    sub = {"Name": "Accounting", "AccountType": "Expense", "SubAccount": True}
    books.post("account", sub | {"ParentRef": {"value": "20"}})
    found = books.query("select * from Account")["Account"]
    assert found[0]["FullyQualifiedName"] == "Supplies:Accounting"
    assert [one["Name"].lower() for one in found] == sorted(one["Name"].lower() for one in found)
