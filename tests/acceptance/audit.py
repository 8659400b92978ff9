"""Whether CRM, books and the plugin's own database agree, at the end of the crash proof."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from dunahub_qbo_plugin.store.tables import connections, history
from dunahub_qbo_plugin.store.tables import records as rows
from tests.acceptance.ledger import lead_name

if TYPE_CHECKING:
    from tests.acceptance.ledger import Change


class PluginDatabase:
    """A look into the plugin's database that does without the plugin's code.

    Args:
        url: of it.
    """

    def __init__(self, url: str) -> None:
        waits = {"timeout": 30} if url.startswith("sqlite") else {}
        self._engine = sa.create_engine(url, poolclass=sa.NullPool, connect_args=waits)

    def due(self) -> list[Any]:
        """Return the records that are still to be sent."""
        asked = (
            sa.select(
                rows.c.org_id,
                rows.c.kind,
                rows.c.local_id,
                rows.c.attempts,
                rows.c.error_code,
                connections.c.paused_until,
            )
            .join_from(rows, connections, connections.c.id == rows.c.company_id)
            .where(sa.or_(rows.c.next_attempt_at.is_not(None), rows.c.blocked))
        )
        return self._all(asked)

    def wrong(self) -> list[Any]:
        """Return the records that differ in QuickBooks with nothing left to be done."""
        differs = rows.c.synced_fingerprint.is_distinct_from(rows.c.fingerprint)
        asked = sa.select(
            rows.c.org_id, rows.c.kind, rows.c.local_id, rows.c.error_code, rows.c.skip_reason
        ).where(
            sa.or_(rows.c.error_code.is_not(None), sa.and_(differs, rows.c.skip_reason.is_(None))),
        )
        return self._all(asked)

    def story(self, error: str) -> str:
        """Tell what the plugin knows of the records that an error names."""
        lines = []
        for row in self._all(sa.select(rows).order_by(rows.c.id)):
            if f"'{row.local_id}'" in error or f" {row.local_id}]" in error:
                lines.append(str({name: value for name, value in row._mapping.items() if value}))
                told = sa.select(
                    history.c.at,
                    history.c.event,
                    history.c.operation,
                    history.c.qbo_id,
                    history.c.code,
                    history.c.text,
                ).where(history.c.record_id == row.id)
                lines += [f"  {tuple(entry)}" for entry in self._all(told.order_by(history.c.id))]
        return "\n".join(lines) or "the plugin knows nothing of it"

    def _all(self, asked: sa.Select[Any]) -> list[Any]:
        with self._engine.connect() as db:
            return list(db.execute(asked))


def compare(held: list[Change], books: dict[str, Any]) -> None:
    """Compare what the CRM holds of one organization with its company's books."""
    by_id = {(one["kind"], one["id"]): one for one in held}
    customers = {entry["name"]: entry for entry in books["customers"]}
    assert len(customers) == len(books["customers"])
    leads = [one for one in held if one["kind"] == "customer"]
    assert customers.keys() == {lead_name(one["id"]) for one in leads}
    for one in leads:
        entry = customers[lead_name(one["id"])]
        assert entry["email"] == f"v{one['version']}@{one['id']}.example", (one, entry)
    standing = {
        kind: _by_marker(
            kind, books[f"{kind}s"], {one["id"] for one in held if one["kind"] == kind}
        )
        for kind in ("invoice", "payment")
    }
    for (kind, local_id), one in by_id.items():
        if kind == "customer":
            continue
        entry = standing[kind].get(local_id)
        if kind == "invoice" and one["void"]:
            # It may have been voided before QuickBooks ever had it.
            assert entry is None or (entry["voided"], entry["total"]) == (True, "0.00"), (
                one,
                entry,
            )
            continue
        assert entry is not None, f"{one} is not in the books"
        assert Decimal(entry["total"]) * 100 == one["cents"], (one, entry)
        if kind == "invoice":
            assert entry["customer_id"] == customers[lead_name(one["lead"])]["id"], (one, entry)
        else:
            invoice = standing["invoice"][one["invoice"]]
            assert entry["links"] == [f"Invoice {invoice['id']}"], (one, entry, invoice)
            assert entry["unapplied"] == "0.00", (one, entry)


def _by_marker(
    kind: str, entries: list[dict[str, Any]], ids: set[str]
) -> dict[str, dict[str, Any]]:
    """Tell by its note which record each entry is; each is one, and none is there twice."""
    found: dict[str, dict[str, Any]] = {}
    for entry in entries:
        local_id = entry["note"].partition(f"[DunaHub {kind} ")[2].partition("]")[0]
        assert local_id in ids, f"nobody saved this: {entry}"
        assert local_id not in found, f"twice: {found[local_id]} and {entry}"
        found[local_id] = entry
    return found
