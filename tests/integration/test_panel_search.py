"""Searching the activity: any word of a name or number, sent or not, on either database."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from dunahub_hookspecs import Organization, Region
from dunahub_qbo_plugin.model import Kind
from dunahub_qbo_plugin.store.companies import forget
from dunahub_qbo_plugin.store.queries import activity, search
from dunahub_qbo_plugin.store.queries.activity import Filter
from dunahub_qbo_plugin.store.queries.search import beginnings
from dunahub_qbo_plugin.store.tables import words
from tests.integration.test_panel_actions import press
from tests.integration.test_panel_states import BEGIN, job, panel, set_company
from tests.support.clock import FakeClock
from tests.support.office import ACME, EMPTY, Office, lead

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(params=["sqlite", "postgresql"])
def office(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Office]:
    """An office that is connected, on each database."""
    url = request.getfixturevalue("postgres_url") if request.param == "postgresql" else None
    made = Office(tmp_path, clock=FakeClock(BEGIN), database_url=url)
    made.connect()
    yield made
    made.close()


def found(office: Office, text: str, *, org: Organization = ACME) -> set[str]:
    """Search and give the names of what was found."""
    connection = office.connection(org=org)
    with office.runtime.database.read.connect() as db:
        answer = activity.activity(db, connection, Filter(text=text), limit=50)
    assert not answer.cut
    return {view.label for view in answer.records}


@pytest.mark.parametrize(
    ("label", "further"),
    [
        ("1042", ()),
        ("Sarah Jones", ("jones",)),
        ("INV-1042/b", ("1042/b", "b")),
        ("(ACME) Heating & Air", ("acme) heating & air", "heating & air", "air")),
        ("Zoë O'Neil", ("o'neil", "neil")),
        ("a a a", ("a a", "a")),
        ("x " * 30, tuple(("x " * left) for left in range(29, 21, -1))),
        ("", ()),
    ],
)
def test_the_further_words_of_a_label(label: str, further: tuple[str, ...]) -> None:
    """Each further word begins a text of its own, in lower case, not more than eight."""
    assert beginnings(label) == further


def test_any_word_is_found_by_its_beginning(office: Office) -> None:
    """First, last and middle names, parts of numbers, in any case; wild cards are plain."""
    office.save(
        job("INV-1040", "Mary Ann Ruiz"),
        lead("odd", name="50%_off/Sale"),
        lead("zoe", name="Anna ÉLAN"),
    )
    for sent in (False, True):
        if sent:
            office.drain()
        else:
            office.runtime.intake.flush()
        assert found(office, "rUIz") == {"Mary Ann Ruiz"}, sent
        assert found(office, "ann r") == {"Mary Ann Ruiz"}, sent
        assert found(office, "ANN") == {"Mary Ann Ruiz", "Anna ÉLAN"}, sent
        assert found(office, "élan") == {"Anna ÉLAN"}, sent
        assert found(office, "1040") == {"INV-1040"}, sent
        assert found(office, "50%_O") == {"50%_off/Sale"}, sent
        assert found(office, "sale") == {"50%_off/Sale"}, sent
        for nothing in ("uiz", "%", "_", "r%z", "mary ruiz", "zz"):
            assert found(office, nothing) == set(), (nothing, sent)


def test_a_new_name_is_found_and_the_old_one_is_not(office: Office) -> None:
    """Renamed, before and after it is sent: the words are those of the name as it is now."""
    office.save(lead("lead-1", name="Sarah Jones"))
    office.drain()
    office.save(lead("lead-1", name="Sarah Miller"))
    office.runtime.intake.flush()
    assert found(office, "miller") == {"Sarah Miller"}
    office.drain()
    assert found(office, "miller") == {"Sarah Miller"}
    assert found(office, "jones") == set()


def test_what_was_left_behind_or_failed_is_found(office: Office) -> None:
    """A record that is not in QuickBooks is found by its last name, too (rule 18)."""
    office.save(lead("bad", name="Bad Mailer", email="a@b.example, c@d.example"))
    office.drain()
    press(office, "disconnect")
    office.save(lead("left", name="Walter Boone"))
    office.runtime.intake.flush()
    assert found(office, "boone") == {"Walter Boone"}
    assert found(office, "mailer") == {"Bad Mailer"}
    text = panel(office, q="boone").partition("Latest activity")[2]
    assert re.search(r">Customer Walter Boone</a>", text)


def test_a_customer_is_found_by_its_number_in_quickbooks(office: Office) -> None:
    """The list shows customers as "no. 58", and 58 finds it."""
    office.save(lead("lead-1", name="Sarah Jones"))
    office.drain()
    assert found(office, office.view(Kind.CUSTOMER, "lead-1").qbo_id or "") == {"Sarah Jones"}


def test_nobody_finds_what_is_another_s(office: Office) -> None:
    """Words are found in the own company only, and go with the organization (rule 12)."""
    rival = Organization(id="rival", name="Rival", region=Region.US)
    office.connect(EMPTY, org=rival)
    office.save(lead("lead-1", name="Sarah Jones"), org=rival)
    office.drain(org=rival)
    assert found(office, "jones", org=rival) == {"Sarah Jones"}
    with office.runtime.database.read.connect() as db:
        assert search.find(db, office.connection().id, "jones") == ([], False)
        assert search.find(db, office.connection().id, "sarah") == ([], False)
    forget.forget(office.runtime.database, rival.id)
    with office.runtime.database.read.connect() as db:
        assert db.execute(sa.select(sa.func.count()).select_from(words)).scalar_one() == 0


def test_a_search_says_when_it_left_some_out(office: Office) -> None:
    """Hundreds that fit: the list says that a longer text finds the rest."""
    set_company(office, expired_at=1)
    office.save(*(lead(f"lead-{number}", name=f"Pat Smith {number:03}") for number in range(230)))
    office.runtime.intake.flush()
    with office.runtime.database.read.connect() as db:
        ids, cut = search.find(db, office.connection().id, "smith")
        few, all_ = search.find(db, office.connection().id, "smith 22")
    assert (len(ids), cut) == (search.MAX_FOUND, True)
    assert (len(few), all_) == (10, False)
    assert "Too many records match" in panel(office, q="smith")
