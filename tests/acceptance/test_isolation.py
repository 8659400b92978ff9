"""Two organizations do whatever they like, and neither ever touches the other (rule 12)."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import attrs
import sqlalchemy as sa
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from dunahub_hookspecs import (
    ActionRequest,
    Invoice,
    InvoiceStatus,
    Lead,
    Organization,
    Payment,
    Person,
    Region,
)
from dunahub_hookspecs.host import dispatch
from dunahub_qbo_plugin.emulator.world.trouble import TroubleRule
from dunahub_qbo_plugin.panel.actions import panel_actions
from dunahub_qbo_plugin.store.companies.forget import _owned
from dunahub_qbo_plugin.store.tables import metadata
from dunahub_qbo_plugin.testing import FakeHost, make_invoice, make_lead, make_payment
from tests.support.host import CONTRACTOR, EMPTY, TAXED, make_host
from tests.support.postgres import empty

ORGS = {
    "acme": Organization(id="acme", name="ACME Gutters", region=Region.US),
    "rival": Organization(id="rival", name="Rival Roofing", region=Region.US),
}
PEOPLE = {name: Person(id=f"of-{name}", name=name) for name in ORGS}
HOME = {"acme": CONTRACTOR, "rival": EMPTY}
IDS = ("1", "2")
KEYS = [f"{kind}:{key}" for kind in ("customer", "invoice", "payment") for key in (*IDS, "none")]


@attrs.frozen
class Step:
    """What one organization does next."""

    org: str
    does: str
    what: Any = None


def _steps() -> st.SearchStrategy[Step]:
    org = st.sampled_from(sorted(ORGS))
    names = st.sampled_from(["Ann", "Bob"])
    saved = st.tuples(st.sampled_from(["lead", "invoice", "void", "payment"]), st.sampled_from(IDS))
    forms = st.fixed_dictionaries(
        {
            "action": st.sampled_from(sorted(_actions())),
            "keys": st.lists(st.sampled_from(KEYS), max_size=3),
            "reason": st.sampled_from(["", "because"]),
        }
    )
    return st.one_of(
        st.builds(Step, org, st.just("save"), st.tuples(saved, names)),
        st.builds(Step, org, st.just("send")),
        st.builds(Step, org, st.just("press"), forms),
        st.builds(Step, org, st.just("connect"), st.sampled_from(["home", "other"])),
        st.builds(Step, org, st.just("look")),
        st.builds(Step, org, st.just("leave the US")),
        st.builds(Step, org, st.just("trouble")),
    )


def _actions() -> list[str]:
    return [
        action.name
        for action in panel_actions(None)  # type: ignore[arg-type]  # only their names are read
        if action.name not in {"connect", "callback"}
    ]


def kept_of(host: FakeHost, org: str) -> dict[str, list[Any]]:
    """Return every row of an organization in every table."""
    found = {}
    with host.runtime.database.read.connect() as db:
        for table in metadata.sorted_tables:
            owned = _owned(table, org)
            if owned is None:
                continue  # nobody's: `test_tables_without_an_owner_would_be_noticed`
            rows = db.execute(sa.select(table).where(owned).order_by(*table.primary_key))
            found[table.name] = [tuple(row) for row in rows]
    return found


def books_of(host: FakeHost, org: str) -> dict[str, Any]:
    """Return what its QuickBooks company has."""
    return host.qbo.books_of(HOME[org]).read()


def carry_out(host: FakeHost, step: Step) -> None:
    """Do what a step says, as a host does it."""
    org, person = ORGS[step.org], PEOPLE[step.org]
    if step.does == "save":
        (kind, key), name = step.what
        someone = make_lead(key, name=name, email=f"{step.org}-{key}@example.com")
        bill = make_invoice(key, lead=someone, number=f"N-{key}")
        if kind == "void":
            bill = attrs.evolve(bill, status=InvoiceStatus.VOID)
        records: dict[str, Lead | Invoice | Payment] = {
            "lead": someone,
            "payment": make_payment(id=key, invoice_id=key),
        }
        record = records.get(kind, bill)
        host.save(record, org=org)
    elif step.does == "send":
        host.runtime.intake.flush()
        with host.runtime.database.read.connect() as db:
            current = host.runtime.connections.current(db, step.org)
        if current is not None:
            host.runtime.drainer.drain(current.id)
    elif step.does == "connect":
        realm = HOME[step.org] if step.what == "home" else TAXED
        host.connect(realm, org=org, person=person)
    elif step.does == "trouble":
        host.qbo.trouble(TroubleRule(kind="fail", status=503, realm=HOME[step.org]))
    elif step.does == "leave the US":
        host.save(make_lead("1"), org=attrs.evolve(org, region=Region.BR))
    else:
        visit(host, step, org, person)


def visit(host: FakeHost, step: Step, org: Organization, person: Person) -> None:
    """Open the page, or press one of its buttons."""
    url = "https://crm.example/settings/quickbooks"
    form = step.what or {"action": "none", "keys": [], "reason": ""}
    asked = ActionRequest(
        org=org,
        person=person,
        page_url=url,
        action_url=url,
        form={"key": form["keys"], "reason": form["reason"]},
    )
    dispatch(host.manager, "quickbooks", form["action"], "POST", asked)
    host.runtime.tasks.run_waiting()  # whoever asks for a long task gets it done at once


def lives(steps: list[Step], database_url: str | None = None) -> None:
    """Let both organizations take their steps; hold after each that the other has what it had.

    Both use the same ids, names and numbers; forms name each other's records.
    """
    with tempfile.TemporaryDirectory() as folder:
        host = make_host(Path(folder), database_url=database_url)
        try:
            for name, org in ORGS.items():
                host.connect(HOME[name], org=org, person=PEOPLE[name])
                carry_out(host, Step(name, "save", (("invoice", "1"), "Ann")))
            for step in steps:
                (other,) = (name for name in ORGS if name != step.org)
                before = kept_of(host, other), books_of(host, other)
                carry_out(host, step)
                assert (kept_of(host, other), books_of(host, other)) == before, step
        finally:
            host.close()


ANY_STEPS = st.lists(_steps(), min_size=6, max_size=25)
QUICK = settings(
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    derandomize=True,
    phases=(Phase.explicit, Phase.generate),  # shrinking takes minutes; the step tells enough
)


@settings(QUICK, max_examples=25)
@given(steps=ANY_STEPS)
def test_no_step_of_one_touches_the_other(steps: list[Step]) -> None:
    """Whatever one organization does, every row and every entry of the other's stays as it is."""
    lives(steps)


@settings(QUICK, max_examples=10)
@given(steps=ANY_STEPS)
def test_no_step_of_one_touches_the_other_on_postgresql(
    migrated_url: str, steps: list[Step]
) -> None:
    """The same on PostgreSQL, with other statements for locks, upserts and look-ups."""
    try:
        lives(steps, migrated_url)
    finally:
        empty(migrated_url)


def test_tables_without_an_owner_would_be_noticed() -> None:
    """The check above looks at every table."""
    nobodys = {table.name for table in metadata.sorted_tables if _owned(table, "acme") is None}
    # Of processes, of the whole application, of webhooks that were taken, and of versions.
    assert nobodys == {"qbo_meter", "qbo_condition", "qbo_event", "qbo_schema"}
