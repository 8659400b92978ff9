"""The page's lists, filters, words and addresses, and that text from people stays text."""

from __future__ import annotations

import errno
import re
import sys
import tempfile
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

import attrs
import pytest
from jinja2 import Environment

from dunahub_hookspecs import Organization, Person, RecordKind, Region, SettingsRequest
from dunahub_qbo_plugin.model import Kind
from dunahub_qbo_plugin.panel.card import record_card
from dunahub_qbo_plugin.panel.formats import Formats, listed, plural
from dunahub_qbo_plugin.panel.links import page_address
from dunahub_qbo_plugin.panel.page import problem_panel, settings_panel
from dunahub_qbo_plugin.panel.problems import Problem
from dunahub_qbo_plugin.panel.templating import Templates
from dunahub_qbo_plugin.store.db.database import Database
from dunahub_qbo_plugin.store.tables import records
from dunahub_qbo_plugin.testing import ORG, PERSON, FakeHost, make_lead
from tests.integration.test_panel_states import (
    BEGIN,
    PAGE_URL,
    asked,
    card,
    connected,
    failed,
    job,
    panel,
    pay,
    read,
    set_company,
    set_record,
)
from tests.support.host import make_host

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

EVIL = "<img src=x onerror=alert(1)>\"'</style>"
EVERYTHING = {"Maria Alvarez", "Tom Becker", "1038", "1039"}
RIVAL = Organization(id="rival", name="Rival Roofing", region=Region.US)


@pytest.fixture
def host(tmp_path: Path) -> Iterator[FakeHost]:
    """Return a host."""
    made = make_host(tmp_path, start=BEGIN)
    yield made
    made.close()


def test_text_from_people_and_from_quickbooks_stays_text(host: FakeHost) -> None:
    """A name, a company, an error text, a reason or a search with markup is shown, not run."""
    host.connect()
    host.save(make_lead("evil", name=EVIL), job("1001", EVIL))
    set_record(
        host,
        Kind.CUSTOMER,
        "evil",
        **failed("6000", EVIL, EVIL, candidate_id=EVIL, candidate_name=EVIL, error_tid=EVIL),
    )
    set_company(host, company_name=EVIL, connected_by=EVIL)
    pages = [
        panel(host, q=EVIL),
        panel(host, qbo=EVIL, kind=EVIL, result=EVIL, before=EVIL, confirm=EVIL),
        panel(host, qbo="checked"),
        card(host, RecordKind.LEAD, "evil"),
        settings_panel(
            host.runtime.panel,
            ORG,
            attrs.evolve(asked(), hidden_fields={EVIL: EVIL}, page_url=f"{PAGE_URL}?x={EVIL}"),
        ).html,
    ]
    for html in pages:
        assert "<img" not in html
        assert html.count("</style>") == 1
    assert all("&lt;img src=x onerror=alert(1)&gt;" in html for html in pages)


def test_one_organization_sees_nothing_of_another(host: FakeHost) -> None:
    """Another organization's page has its own company and records only (rule 12)."""
    connected(host)
    lee = Person(id="lee", name="Lee", email="lee@rival.example")
    empty = settings_panel(host.runtime.panel, RIVAL, asked()).html
    assert "Maria Alvarez" not in empty
    assert "Not connected" in empty
    host.connect("automated_tax", org=RIVAL, person=lee)
    host.save(make_lead("theirs", name="Their Customer"), org=RIVAL)
    theirs = settings_panel(host.runtime.panel, RIVAL, asked(q="a")).html
    assert "Their Customer" in theirs
    assert "Maria Alvarez" not in theirs
    assert "Their Customer" not in panel(host)
    found = record_card(host.runtime.panel, RIVAL, asked(), RecordKind.LEAD, "lead-1038")
    assert found is not None
    assert "Synced" not in found.html
    assert "Maria" not in found.html


def test_a_card_is_not_there_for_who_never_connected(host: FakeHost) -> None:
    """An organization that never connected reads nothing of QuickBooks on its records."""
    host.runtime.database.prepare()
    assert record_card(host.runtime.panel, ORG, asked(), RecordKind.LEAD, "1") is None


def test_a_card_that_cannot_be_read_says_so(host: FakeHost) -> None:
    """A database out of reach leaves the record's page whole (rule 9)."""
    context = attrs.evolve(host.runtime.panel, database=Database("sqlite:////proc/no/qbo.db"))
    found = record_card(context, ORG, asked(), RecordKind.LEAD, "1")
    assert found is not None
    assert "cannot be shown just now" in found.html


def test_a_render_that_is_not_wanted_makes_no_page(host: FakeHost) -> None:
    """The host gets the actions without the price of the page."""
    given = settings_panel(host.runtime.panel, ORG, attrs.evolve(asked(), render=False))
    assert given.html == ""
    assert {action.name for action in given.actions} >= {
        "connect",
        "callback",
        "disconnect",
        "check",
        "confirm-company",
        "cancel-company",
        "retry",
        "retry-all",
        "link",
        "dismiss",
        "undo",
    }


def test_a_panel_can_be_made_of_a_problem_alone() -> None:
    """Where no setting can be read, the page says what the operator must do."""
    made = problem_panel(Templates(), "DUNAHUB_QBO_ENVIRONMENT is 'x'; it can be: sandbox")
    assert "DUNAHUB_QBO_ENVIRONMENT is &#39;x&#39;" in made.html
    assert made.slug == "quickbooks"


def test_compiled_templates_are_kept_for_the_next_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As with Python's own modules; where nothing can be kept, the page is made all the same."""
    monkeypatch.setattr(sys, "dont_write_bytecode", False)

    def full(**_: object) -> None:
        raise OSError(errno.ENOSPC, "no space left")

    folder = tmp_path / "compiled"
    values = {"problem": Problem(sentence="Something"), "flash": None}
    first = Templates(folder).render("problem.html", values)
    assert "Something" in first
    kept = {path.name for path in folder.iterdir()}
    assert len(kept) > 1
    monkeypatch.setattr(Environment, "_parse", None)
    assert Templates(folder).render("problem.html", values) == first, "nothing is parsed again"
    monkeypatch.undo()
    (tmp_path / "file").touch()
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    assert Templates(tmp_path / "file").render("problem.html", values) == first
    monkeypatch.setattr(tempfile, "NamedTemporaryFile", full)
    assert Templates(tmp_path / "full").render("problem.html", values) == first
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    assert Templates(tmp_path / "none").render("problem.html", values) == first
    assert not (tmp_path / "none").exists()


def test_paging_shows_every_record_once(host: FakeHost) -> None:
    """Records that were touched in the same millisecond are neither lost nor shown twice."""
    host.connect()
    for number in range(40):
        host.save(make_lead(f"lead-{number}", name=f"Lead No{number:02}"))
    set_records_touched_together(host)
    seen: list[str] = []
    before = ""
    for _ in range(10):
        html = panel(host, before=before, kind="customer")
        seen += re.findall(r">Customer (Lead No\d\d)</a>", html.partition("Latest activity")[2])
        older = re.search(r'href="([^"]+)">Older', html)
        if older is None:
            break
        before = parse_qs(urlsplit(older[1].replace("&amp;", "&")).query)["before"][0]
    assert len(seen) == 40
    assert len(set(seen)) == 40


def set_records_touched_together(host: FakeHost) -> None:
    """Return all records the same time of their last change."""
    with host.runtime.database.write.begin() as db:
        db.execute(records.update().values(updated_at=1_700_000_000_000))


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ({}, EVERYTHING),
        ({"kind": "customer"}, {"Maria Alvarez", "Tom Becker"}),
        ({"kind": "invoice", "q": "1039"}, {"1039"}),
        ({"q": "mARIA"}, {"Maria Alvarez"}),
        ({"q": "%"}, set()),
        ({"result": "waiting"}, set()),
        ({"result": "synced", "kind": "invoice"}, {"1038", "1039"}),
        ({"kind": "vendor", "result": "gone", "before": "1-"}, EVERYTHING),
        ({"before": "0-0"}, set()),
        ({"before": "99999999999999999999-1"}, EVERYTHING),
    ],
)
def test_the_activity_is_narrowed_down(
    host: FakeHost, query: dict[str, str], names: set[str]
) -> None:
    """Kind, result and text narrow the activity; what cannot be is left out."""
    host.connect()
    host.save(job("1038", "Maria Alvarez"), job("1039", "Tom Becker"))
    host.send()
    activity = panel(host, **query).partition("Latest activity")[2]
    shown = set(re.findall(r">(?:Customer|Invoice) ([^<]+)</a>", activity))
    assert shown == names


def test_a_group_is_one_cause_with_all_its_records(host: FakeHost) -> None:
    """Seven invoices with one cause are one group, and its buttons are for all seven."""
    host.connect()
    for number in range(7):
        host.save(job(str(1050 + number), f"Customer {number}"))
        cause = failed("item-gone", "Invalid Reference Id", "AC tune-up")
        set_record(host, Kind.INVOICE, f"inv-{1050 + number}", **cause)
    html = panel(host)
    assert html.count("<article") == 1
    forms = re.findall(r'<form[^>]+action="[^"]+/retry">(.*?)</form>', html, re.DOTALL)
    named = sorted(re.findall(r'name="(?:key|cause)" value="([^"]+)"', "".join(forms)))
    assert named == sorted(
        [*(f"invoice:inv-{1050 + number}" for number in range(7)), "invoice:item-gone:AC tune-up"]
    )
    assert all('name="csrf_token" value="made-up"' in form for form in forms)


def test_a_host_with_parameters_of_its_own_keeps_them(host: FakeHost) -> None:
    """Links and looking forms carry the host's own query along, and none of our old ones."""
    connected(host)
    request = attrs.evolve(asked(q="10"), page_url=f"{PAGE_URL}?tab=a%26b&qbo=old#top")
    html = settings_panel(host.runtime.panel, ORG, request).html
    assert f'action="{PAGE_URL}#dhqbo-activity"' in html
    assert '<input type="hidden" name="tab" value="a&amp;b">' in html
    assert "qbo=old" not in html
    assert page_address(f"{PAGE_URL}?tab=1&qbo=old", qbo="new") == f"{PAGE_URL}?tab=1&qbo=new"


def test_a_host_without_record_pages_gets_names_without_links(host: FakeHost) -> None:
    """Where the host has no page for a record, its name is text."""
    connected(host)
    request = attrs.evolve(asked(), record_url=None)
    html = settings_panel(host.runtime.panel, ORG, request).html
    assert "<strong>Customer Maria Alvarez</strong>" in html


@pytest.mark.parametrize("code", ["", "nonsense", "CHECKED", "connected", "confirm"])
def test_a_code_that_is_not_true_says_nothing(host: FakeHost, code: str) -> None:
    """The address cannot make the page say what is not so."""
    assert "dhqbo-flash" not in panel(host, qbo=code).partition("</style>")[2]


def test_times_are_in_the_organization_zone(host: FakeHost) -> None:
    """The same moment reads differently in Los Angeles; an unknown zone is UTC and says so."""
    connected(host)
    for zone, time in (("America/Los_Angeles", "10:50 AM"), ("Mars/Base", "6:50 PM UTC")):
        org = attrs.evolve(ORG, timezone=zone)
        assert time in read(settings_panel(host.runtime.panel, org, asked()).html)


@pytest.mark.parametrize("zone", ["", "America", "../../etc/passwd", "\0", "x" * 300])
def test_an_odd_zone_is_utc(zone: str) -> None:
    """A zone that is none never breaks a page."""
    formats = Formats.of(zone, datetime(2026, 1, 1, tzinfo=UTC))
    assert formats.moment(datetime(2025, 12, 31, 0, 5, tzinfo=UTC)) == "Dec 31, 2025, 12:05 AM UTC"


def test_moments_are_written_as_in_the_united_states() -> None:
    """Today is a time, this year a day and a time, earlier with the year."""
    now = datetime(2026, 11, 5, 19, 5, tzinfo=UTC)
    formats = Formats.of("America/New_York", now)
    assert formats.moment(now) == "2:05 PM"
    assert formats.at(now - timedelta(hours=20)) == "on Nov 4 at 6:05 PM"
    assert formats.at(now) == "at 2:05 PM"
    assert formats.day(datetime(2025, 3, 12, 17, 0, tzinfo=UTC)) == "Mar 12, 2025"
    assert formats.clock(datetime(2026, 11, 5, 17, 0, tzinfo=UTC)) == "12:00 PM"
    assert formats.clock(datetime(2026, 11, 5, 5, 7, tzinfo=UTC)) == "12:07 AM"
    ages = [formats.ago(now - timedelta(seconds=age)) for age in (5, 60, 150, 7200, 200_000)]
    assert ages == [
        "just now",
        "1 minute ago",
        "2 minutes ago",
        "2 hours ago",
        "on Nov 3 at 6:31 AM",
    ]


def test_links_lead_into_quickbooks(host: FakeHost) -> None:
    """Open in QuickBooks leads to the customer, the invoice and the payment there."""
    connected(host)
    html = panel(host)
    for address in (
        "/app/customerdetail?nameId=",
        "/app/invoice?txnId=",
        "/app/recvpayment?txnId=",
    ):
        assert f'href="{host.config.app_url}{address}' in html


def test_a_waiting_payment_names_its_invoice(host: FakeHost) -> None:
    """A payment whose invoice DunaHub never told of says which record to save (rule 8)."""
    host.connect()
    host.save(pay("1041"))
    host.send()
    assert "Waiting for its invoice" in read(card(host, RecordKind.PAYMENT, "pay-1041"))


def test_the_page_knows_its_request(host: FakeHost) -> None:
    """A request without fields or query of the host is enough."""
    request = SettingsRequest(person=PERSON, page_url=PAGE_URL, action_url=PAGE_URL)
    assert "Not connected" in settings_panel(host.runtime.panel, ORG, request).html


def test_counts_and_lists_are_written_as_in_the_united_states() -> None:
    """A count has its plural and a comma for thousands; a list ends with "and"."""
    assert plural(1, "invoice") == "1 invoice"
    assert plural(1200, "invoice") == "1,200 invoices"
    assert listed(["a", "b", "c"]) == "a, b and c"
