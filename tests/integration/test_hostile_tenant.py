"""One organization that does everything too much keeps no other one from anything (rule 12)."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa

from dunahub_hookspecs import LineItem
from dunahub_qbo_plugin.connect.service import CHECK, LOOKS_IN_AN_HOUR, READ_LISTS
from dunahub_qbo_plugin.model import Kind
from dunahub_qbo_plugin.panel.form_input import MAX_CAUSES, MAX_KEYS
from dunahub_qbo_plugin.panel.record_actions import COMPARISONS
from dunahub_qbo_plugin.store.companies import leases
from dunahub_qbo_plugin.store.records.due import due_claims
from dunahub_qbo_plugin.store.tables import item_maps, records, tasks
from dunahub_qbo_plugin.sync import intake
from dunahub_qbo_plugin.testing import FakeHost, make_invoice, make_lead, make_org
from dunahub_qbo_plugin.testing.host import said
from tests.support.host import connection_of, make_host

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from dunahub_qbo_plugin.store.records.upsert import Desired

HOSTILE = make_org("hostile")
CALM = tuple(make_org(f"calm-{number}") for number in range(9))


@pytest.fixture
def host(tmp_path: Path) -> Iterator[FakeHost]:
    """Return a host with a hostile organization and a calm one, both connected."""
    made = make_host(tmp_path)
    made.connect("contractor", org=HOSTILE)
    made.connect("automated_tax", org=CALM[0])
    yield made
    made.close()


def _asked(host: FakeHost) -> int:
    return len(host.qbo.emulator.world.journal.entries())


@pytest.mark.parametrize(
    ("button", "most"),
    [("check", LOOKS_IN_AN_HOUR[CHECK]), ("refresh-items", LOOKS_IN_AN_HOUR[READ_LISTS])],
)
def test_a_button_that_reads_is_pressed_so_often_and_no_more(
    host: FakeHost, button: str, most: int
) -> None:
    """Beyond it says so and reads nothing; others still can, and after an hour the same."""
    before = _asked(host)
    assert said(host.press(button, org=HOSTILE)) in {"checked", "items-read"}
    each = _asked(host) - before
    assert each <= 2 or button != "check"
    answers = [said(host.press(button, org=HOSTILE)) for _ in range(most + 20)]
    assert answers[most - 2] in {"checked", "items-read"}
    assert set(answers[most - 1 :]) == {"check-failed.too-often"}
    assert _asked(host) - before == most * each
    assert "many times within the last hour" in host.page(org=HOSTILE, qbo=answers[-1])
    assert said(host.press(button, org=CALM[0])) in {"checked", "items-read"}
    host.clock.advance(3601)
    assert said(host.press(button, org=HOSTILE)) in {"checked", "items-read"}
    with host.runtime.database.read.connect() as db:
        assert db.execute(sa.select(sa.func.count()).select_from(tasks)).scalar_one() <= most + 2


def test_a_comparison_is_asked_for_so_often_and_no_more(host: FakeHost) -> None:
    """One at a time, and so many within the hour: each reads what was sent."""
    for _ in range(COMPARISONS):
        assert said(host.press("compare", org=HOSTILE)) == "comparing"
        host.runtime.worker_tasks.tasks.run_waiting()
    before = _asked(host)
    assert said(host.press("compare", org=HOSTILE)) == "too-often"
    host.runtime.worker_tasks.tasks.run_waiting()
    assert _asked(host) == before
    assert said(host.press("compare", org=CALM[0])) == "comparing"


@pytest.mark.parametrize(
    ("action", "field", "number"),
    [
        ("retry", "key", MAX_KEYS + 1),
        ("send", "key", 50_000),
        ("link", "key", 50_000),
        ("undo", "key", 50_000),
        ("dismiss", "cause", MAX_CAUSES + 1),
        ("replace-item", "cause", 50_000),
    ],
)
def test_a_form_that_no_page_has_changes_nothing(
    host: FakeHost, action: str, field: str, number: int
) -> None:
    """It is refused in words, and no record is looked for."""
    values = [f"customer:lead-{n}" for n in range(number)]
    form: dict[str, Any] = {field: values, "reason": "x", "item": "1"}
    answer = said(host.press(action, org=HOSTILE, **form))
    assert answer == "too-many"
    assert "more than one page lists" in host.page(org=HOSTILE, qbo=answer)


def test_ten_thousand_services_are_noted_in_few_statements(host: FakeHost) -> None:
    """Whoever bills thousands of services holds the database for some statements, not for each."""
    lines = [
        LineItem(service_id=f"s{n}", service_name=f"S {n}", unit_price=Decimal(1))
        for n in range(1000)
    ]
    host.save(make_invoice("many", lines=lines), org=HOSTILE)
    run: list[str] = []

    def note(_c: object, _cursor: object, statement: str, *_: object) -> None:
        if statement.startswith("INSERT INTO qbo_item_map"):
            run.append(statement)

    sa.event.listen(host.runtime.database.write, "before_cursor_execute", note)
    host.settle()
    sa.event.remove(host.runtime.database.write, "before_cursor_execute", note)
    assert host.look("invoice:many", org=HOSTILE).state.value == "Synced"
    assert 1 <= len(run) <= 2
    with host.runtime.database.read.connect() as db:
        known = db.execute(sa.select(sa.func.count()).select_from(item_maps)).scalar_one()
    assert known == len(lines)
    assert host.page(org=HOSTILE, open="products").count('name="item:') == 500


def test_huge_invoices_are_prepared_few_at_a_time(host: FakeHost) -> None:
    """What is prepared while the database is held is bounded; all of them go out all the same."""
    line = LineItem(description="x" * 1000, unit_price=Decimal(1))
    host.save(make_lead(), org=HOSTILE)
    host.settle()
    host.save(*(make_invoice(f"huge-{n}", lines=[line] * 200) for n in range(6)), org=HOSTILE)
    host.plugin.flush()
    company = connection_of(host, org=HOSTILE).id
    with host.runtime.database.write.begin() as db:
        lease = leases.acquire(db, company, owner="test", now=host.clock.now())
        assert lease is not None
        claims = due_claims(db, lease, Kind.INVOICE, now=host.clock.now(), limit=32)
        db.rollback()
    assert 1 <= len(claims) <= 2
    host.settle()
    assert {host.state(f"invoice:huge-{n}", org=HOSTILE) for n in range(6)} == {"Synced"}


def test_memory_is_shared_out(host: FakeHost, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who floods a full memory loses its own, and what others saved is written before."""
    monkeypatch.setattr(intake, "SPILL_LIMIT", 50)
    monkeypatch.setattr(intake, "PIECE", 10)
    pieces: list[int] = []
    write = intake.Intake._write_kept

    def counted(self: intake.Intake, rows: list[Desired]) -> None:
        pieces.append(len(rows))
        write(self, rows)

    monkeypatch.setattr(intake.Intake, "_write_kept", counted)
    with host.runtime.database.write.begin():
        host.save(*(make_lead(f"calm-{n}") for n in range(5)), org=CALM[0])
        host.save(*(make_lead(f"flood-{n}") for n in range(100)), org=HOSTILE)
        host.save(make_lead("calm-5"), org=CALM[0])
        assert host.runtime.intake.waiting == 50
        assert host.runtime.intake.dropped == 56
    host.plugin.flush()
    assert max(pieces) <= 10
    assert host.runtime.intake.waiting == 0
    with host.runtime.database.read.connect() as db:
        stored = set(db.execute(sa.select(records.c.local_id)).scalars())
    assert {f"calm-{n}" for n in range(6)} | {"flood-99"} <= stored


def test_nine_calm_organizations_beside_a_hostile_one(
    tmp_path: Path, store_url: str | None
) -> None:
    """What the nine save is stored by its hook, and goes out after one turn of each company."""
    host = make_host(tmp_path, database_url=store_url)
    for org in (HOSTILE, *CALM):
        host.connect("contractor" if org is HOSTILE else "automated_tax", org=org)
    host.save(*(make_lead(f"flood-{n}", name=f"Flood {n}") for n in range(300)), org=HOSTILE)
    absurd = [LineItem(description="x" * 9000, unit_price=Decimal(1))] * 40_000
    host.save(make_invoice("absurd", lines=absurd), org=HOSTILE)
    for org in CALM:
        host.press("retry", org=HOSTILE, key=["customer:x"] * 50_000)
        host.press("check", org=HOSTILE)
        host.save(make_lead("lead-1", name=f"Calm {org.id}"), org=org)
    host.plugin.flush()
    for org in CALM:
        host.send(org=org)
        assert host.state("customer:lead-1", org=org) == "Synced"
    host.send(org=HOSTILE)
    host.settle()
    assert host.state("customer:flood-299", org=HOSTILE) == "Synced"
    assert host.state("invoice:absurd", org=HOSTILE) == "Needs attention"
    assert host.runtime.intake.dropped == 0
    host.close()
