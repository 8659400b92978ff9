"""An update that changes what changed in DunaHub, and keeps what QuickBooks has besides."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from dunahub_qbo_plugin.mapping.body import Payload


def merged(
    ours: Payload,
    sent: Mapping[str, Any],
    current: Mapping[str, Any],
    *,
    doubtful: Collection[str] = (),
) -> Payload:
    """Merge an object that is written whole (rule 36).

    Args:
        ours: what DunaHub wants now.
        sent: what DunaHub last sent; what is equal in both did not change here.
        current: what QuickBooks has.
        doubtful: fields that a write of ours may have changed since, unknown to us.

    Returns:
        QuickBooks' fields, with those in place of which DunaHub wants something else than before.
    """
    changed = {
        name: value
        for name, value in ours.items()
        if name in doubtful or not is_same(value, sent.get(name))
    }
    cleared = {name for name in (*sent, *doubtful) if name not in ours}
    kept = {name: value for name, value in current.items() if name not in cleared}
    return {**kept, **changed}


def changed_fields(body: Mapping[str, Any], sent: Mapping[str, Any]) -> frozenset[str]:
    """Name the fields in which a body differs from what was sent before it."""
    names = {*body, *sent} - {"Id", "SyncToken", "sparse"}
    return frozenset(name for name in names if not is_same(body.get(name), sent.get(name)))


def is_same(ours: Any, theirs: Any) -> bool:  # noqa: ANN401  JSON values
    """Return whether two values mean the same: of a reference only its Id counts, not its name."""
    if isinstance(ours, dict) and isinstance(theirs, dict) and "value" in ours:
        return bool(ours["value"] == theirs.get("value"))
    return bool(ours == theirs)
