"""Searching the activity: any word of a name or number, sent or not, on either database."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from dunahub_hookspecs import Organization, Region
from dunahub_qbo_plugin.store.companies import forget
from dunahub_qbo_plugin.store.queries import activity, search
from dunahub_qbo_plugin.store.queries.activity import Filter
from dunahub_qbo_plugin.store.queries.search import beginnings
from dunahub_qbo_plugin.store.tables import words
from dunahub_qbo_plugin.testing import ORG, FakeHost, make_lead
from tests.integration.test_panel_actions import press
from tests.integration.test_panel_states import BEGIN, job, panel, set_company
from tests.support.host import connection_of, make_host

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(params=["sqlite", "postgresql"])
def host(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[FakeHost]:
    """Return a connected host, on each database."""
    url = request.getfixturevalue("postgres_url") if request.param == "postgresql" else None
    made = make_host(tmp_path, start=BEGIN, database_url=url)
    made.connect()
    yield made
    made.close()


def found(host: FakeHost, text: str, *, org: Organization = ORG) -> set[str]:
    """Search and give the names of what was found."""
    connection = connection_of(host, org=org)
    with host.runtime.database.read.connect() as db:
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


def test_any_word_is_found_by_its_beginning(host: FakeHost) -> None:
    """First, last and middle names, parts of numbers, in any case; wild cards are plain."""
    host.save(
        job("INV-1040", "Mary Ann Ruiz"),
        make_lead("odd", name="50%_off/Sale"),
        make_lead("zoe", name="Anna ÉLAN"),
    )
    for sent in (False, True):
        if sent:
            host.send()
        else:
            host.runtime.intake.flush()
        assert found(host, "rUIz") == {"Mary Ann Ruiz"}, sent
        assert found(host, "ann r") == {"Mary Ann Ruiz"}, sent
        assert found(host, "ANN") == {"Mary Ann Ruiz", "Anna ÉLAN"}, sent
        assert found(host, "élan") == {"Anna ÉLAN"}, sent
        assert found(host, "1040") == {"INV-1040"}, sent
        assert found(host, "50%_O") == {"50%_off/Sale"}, sent
        assert found(host, "sale") == {"50%_off/Sale"}, sent
        for nothing in ("uiz", "%", "_", "r%z", "mary ruiz", "zz"):
            assert found(host, nothing) == set(), (nothing, sent)


def test_a_new_name_is_found_and_the_old_one_is_not(host: FakeHost) -> None:
    """Renamed, before and after it is sent: the words are those of the name as it is now."""
    host.save(make_lead("lead-1", name="Sarah Jones"))
    host.send()
    host.save(make_lead("lead-1", name="Sarah Miller"))
    host.runtime.intake.flush()
    assert found(host, "miller") == {"Sarah Miller"}
    host.send()
    assert found(host, "miller") == {"Sarah Miller"}
    assert found(host, "jones") == set()


def test_what_was_left_behind_or_failed_is_found(host: FakeHost) -> None:
    """A record that is not in QuickBooks is found by its last name, too (rule 18)."""
    host.save(make_lead("bad", name="Bad Mailer", email="a@b.example, c@d.example"))
    host.send()
    press(host, "disconnect")
    host.save(make_lead("left", name="Walter Boone"))
    host.runtime.intake.flush()
    assert found(host, "boone") == {"Walter Boone"}
    assert found(host, "mailer") == {"Bad Mailer"}
    text = panel(host, q="boone").partition("Latest activity")[2]
    assert re.search(r">Customer Walter Boone</a>", text)


def test_a_customer_is_found_by_its_number_in_quickbooks(host: FakeHost) -> None:
    """The list shows customers as "no. 58", and 58 finds it."""
    host.save(make_lead("lead-1", name="Sarah Jones"))
    host.send()
    assert found(host, host.look("customer:lead-1").qbo_id or "") == {"Sarah Jones"}


def test_nobody_finds_what_is_another_s(host: FakeHost) -> None:
    """Words are found in the own company only, and go with the organization (rule 12)."""
    rival = Organization(id="rival", name="Rival", region=Region.US)
    host.connect("empty", org=rival)
    host.save(make_lead("lead-1", name="Sarah Jones"), org=rival)
    host.send(org=rival)
    assert found(host, "jones", org=rival) == {"Sarah Jones"}
    with host.runtime.database.read.connect() as db:
        assert search.find(db, connection_of(host).id, "jones") == ([], False)
        assert search.find(db, connection_of(host).id, "sarah") == ([], False)
    forget.forget(host.runtime.database, rival.id)
    with host.runtime.database.read.connect() as db:
        assert db.execute(sa.select(sa.func.count()).select_from(words)).scalar_one() == 0


def test_a_search_says_when_it_left_some_out(host: FakeHost) -> None:
    """Hundreds that fit: the list says that a longer text finds the rest."""
    set_company(host, expired_at=1)
    host.save(
        *(make_lead(f"lead-{number}", name=f"Pat Smith {number:03}") for number in range(230))
    )
    host.runtime.intake.flush()
    with host.runtime.database.read.connect() as db:
        ids, cut = search.find(db, connection_of(host).id, "smith")
        few, all_ = search.find(db, connection_of(host).id, "smith 22")
    assert (len(ids), cut) == (search.MAX_FOUND, True)
    assert (len(few), all_) == (10, False)
    assert "Too many records match" in panel(host, q="smith")
