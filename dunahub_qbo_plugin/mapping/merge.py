"""An update that writes what changed in DunaHub and keeps what QuickBooks has else (rule 36)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import attrs

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dunahub_qbo_plugin.mapping.body import Payload

HEAD: Final = frozenset({"Id", "SyncToken", "sparse"})
"""Which object, and which state of it, an update is of."""
_ONLY_ANSWERED = frozenset({"Id", "Lat", "Long"})
"""Parts of an address that QuickBooks adds; they change by themselves."""


@attrs.frozen(kw_only=True)
class Known:
    """What is known of an object in QuickBooks.

    Attributes:
        sent: what our last write that went through said; empty before.
        now: what QuickBooks has, as it last told; empty where that is not known.
        before: what it had after our last write, where somebody changed it since; else empty.
        doubtful: fields that have to be sent whatever was sent before: a write of ours may have
            changed them since, unknown to us, or a void has.
    """

    sent: Mapping[str, Any] = attrs.field(factory=dict)
    now: Mapping[str, Any] = attrs.field(factory=dict)
    before: Mapping[str, Any] = attrs.field(factory=dict)
    doubtful: frozenset[str] = frozenset()

    def differs(self, name: str, value: Any) -> bool:  # noqa: ANN401  JSON values
        """Return whether DunaHub wants something else of a field than it last sent."""
        return self.is_doubtful(name) or not is_same(value, self.sent.get(name))

    def is_doubtful(self, name: str) -> bool:
        """Return whether a field has to be sent whatever was sent before."""
        return name in self.doubtful


@attrs.frozen(kw_only=True)
class Update:
    """What is to be written of an object that is in QuickBooks.

    Attributes:
        body: without its head (`update_head`).
        base: what DunaHub wants of the object, of which the body is a part or has more.
        changes: True where DunaHub wants something else than it last sent.
        conflicts: fields that both sides changed, and not to the same.
    """

    body: Payload
    base: Payload
    changes: bool
    conflicts: tuple[str, ...] = ()


def sparse_update(wanted: Payload, known: Known, *, keep_theirs: bool = False) -> Update:
    """Write those fields of which DunaHub wants something else than it last sent.

    Args:
        wanted: all fields as DunaHub wants them now.
        known: what is known of the object.
        keep_theirs: leave out what both sides changed.
    """
    changed = {name: value for name, value in wanted.items() if known.differs(name, value)}
    conflicts = tuple(name for name in changed if in_conflict(name, changed[name], known))
    left_out = conflicts if keep_theirs else ()
    body = {
        name: _with_their_parts(name, value, known)
        for name, value in changed.items()
        if name not in left_out
    }
    return Update(body=body, base=wanted, changes=bool(body), conflicts=conflicts)


def in_conflict(name: str, value: Any, known: Known) -> bool:  # noqa: ANN401  JSON values
    """Return whether a field that changed in DunaHub was changed in QuickBooks to something else.

    Of an address each part counts by itself. What a write of ours may have done meanwhile is
    nobody's change.
    """
    if known.is_doubtful(name) or not known.before:
        return False
    last, before, now = (one.get(name) for one in (known.sent, known.before, known.now))
    if not isinstance(value, dict) or "value" in value:
        return _differ(value, before, now)
    return any(
        not is_same(part, _part(last, which))
        and _differ(part, _part(before, which), _part(now, which))
        for which, part in value.items()
    )


def _differ(value: Any, before: Any, now: Any) -> bool:  # noqa: ANN401  JSON values
    return not is_same(before, now) and not is_same(value, now)


def _part(value: Any, which: str) -> Any:  # noqa: ANN401  JSON values
    return value.get(which) if isinstance(value, dict) else None


def _with_their_parts(name: str, value: Any, known: Known) -> Any:  # noqa: ANN401  JSON values
    """Return an address with our parts that changed, and as QuickBooks has it otherwise."""
    theirs = known.now.get(name)
    if not isinstance(value, dict) or "value" in value or not isinstance(theirs, dict):
        return value
    last = {} if known.is_doubtful(name) else known.sent.get(name)
    changed = {
        which: part for which, part in value.items() if not is_same(part, _part(last, which))
    }
    kept = {which: part for which, part in theirs.items() if which not in _ONLY_ANSWERED}
    return {**kept, **changed}


def merged(wanted: Payload, known: Known) -> Payload:
    """Merge an object that is written whole.

    Args:
        wanted: what DunaHub wants now.
        known: what is known of the object.

    Returns:
        QuickBooks' fields, with those in place of which DunaHub wants something else than before.
    """
    changed = {name: value for name, value in wanted.items() if known.differs(name, value)}
    cleared = {name for name in (*known.sent, *known.doubtful) if name not in wanted}
    kept = {name: value for name, value in known.now.items() if name not in cleared}
    return {**kept, **changed}


def changed_fields(body: Mapping[str, Any], sent: Mapping[str, Any]) -> frozenset[str]:
    """Name the fields in which a body differs from what was sent before it."""
    names = {*body, *sent} - HEAD
    return frozenset(name for name in names if not is_same(body.get(name), sent.get(name)))


def is_same(ours: Any, theirs: Any) -> bool:  # noqa: ANN401  JSON values
    """Return whether two values mean the same: of a reference only its Id counts, not its name.

    A text that is empty is as good as none, and the Ids of a list's parts do not count.
    """
    if isinstance(ours, dict) and isinstance(theirs, dict) and "value" in ours:
        return bool(ours["value"] == theirs.get("value"))
    return bool(_bare(ours) == _bare(theirs))


def _bare(value: Any) -> Any:  # noqa: ANN401  JSON values
    """Return a value without the Ids that QuickBooks gave its parts, and without empty texts."""
    if isinstance(value, dict):
        parts = {name: _bare(part) for name, part in value.items() if name != "Id"}
        return {name: part for name, part in parts.items() if part not in ("", None, {})} or None
    if isinstance(value, list | tuple):
        return [_bare(part) for part in value]
    return value or None if isinstance(value, str) else value


def update_head(remote_id: str, sync_token: str, *, sparse: bool) -> Payload:
    """Return what says which object, and which state of it, an update is of."""
    head: Payload = {"Id": remote_id, "SyncToken": sync_token}
    return head | {"sparse": True} if sparse else head
