"""The lines of an invoice's update: ours as DunaHub wants them, the rest as the bookkeeper left it.

QuickBooks replaces all lines by those of an update, and of a line it keeps what the update says of
it alone (whether it keeps a class or a service date that was left out is disputed). So each line
goes under its Id, with all that QuickBooks last told of it.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from dunahub_qbo_plugin.mapping.merge import is_same

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from dunahub_qbo_plugin.mapping.body import Payload

    Line = Mapping[str, Any]
    Pairs = dict[int, int]

SUBTOTAL: Final = "SubTotalLineDetail"
DISCOUNT: Final = "DiscountLineDetail"
GROUP: Final = "GroupLineDetail"
_PRICE: Final = frozenset({"Qty", "UnitPrice", "DiscountPercent", "PercentBased"})
_ONLY_ANSWERED: Final = frozenset({"LineEx", "LineNum", "CustomExtensions"})
_FOLLOWS_ITEM: Final = frozenset({"ItemAccountRef"})
"""What QuickBooks answers of a line besides, and takes from its item."""


def said_again(line: Line) -> Payload:
    """Return a line as an update has to say it so that it stays."""
    told: Payload = {name: value for name, value in line.items() if name not in _ONLY_ANSWERED}
    for name, detail in line.items():
        if name.endswith("Detail") and isinstance(detail, dict):
            kept = {key: value for key, value in detail.items() if key not in _FOLLOWS_ITEM}
            if name == GROUP:
                kept["Line"] = [said_again(inner) for inner in kept.get("Line", ())]
            told[name] = kept
    return told


def merged_lines(
    wanted: Sequence[Line],
    sent: Sequence[Line],
    now: Sequence[Line],
    *,
    everything: bool = False,
    our_total: bool = False,
) -> tuple[list[Payload], list[Payload]]:
    """Return all lines of an update, and ours as DunaHub wants them, under their Ids.

    Args:
        wanted: the lines as DunaHub wants them.
        sent: the lines as we last sent them.
        now: the lines as QuickBooks has them.
        everything: True where nothing but their Ids and what is not ours is to stay.
        our_total: True where the lines are to come to what DunaHub's come to: a line of the
            bookkeeper's that has an amount is left out.

    Returns:
        all lines, ours in DunaHub's order, each under its Id; a line of the bookkeeper's stays
        behind the one that it follows. And ours alone.
    """
    if not sent:  # nobody knows which are ours: those that agree go on, the others are replaced
        sent = [said_again(line) for line in now if line.get("DetailType") != SUBTOTAL]
        everything = True
    goes_on, there = _goes_on(wanted, sent), _there(sent, now)
    taken = set(there.values())
    lines: list[Payload] = []
    foreign = _following(now, taken, our_total=our_total)
    lines += foreign.pop(None, [])
    base: list[Payload] = []
    for place, line in enumerate(wanted):
        base.append(dict(line))
        before = goes_on.get(place)
        at = None if before is None else there.get(before)
        if before is not None and at is not None:
            lines.append(_carried(line, sent[before], now[at], everything=everything))
            lines += foreign.pop(at, [])
            base[-1] |= {"Id": lines_id} if (lines_id := now[at].get("Id")) else {}
        elif before is None or everything or not is_same(line, sent[before]):
            lines.append(dict(line))
        elif "Id" in sent[before]:  # it was deleted there
            base[-1]["Id"] = sent[before]["Id"]
    for left in foreign.values():  # what followed a line that is gone
        lines += left
    return lines, base


def numbered(wanted: Sequence[Line], body: Sequence[Line], answer: Sequence[Line]) -> list[Payload]:
    """Return our lines with the Ids that QuickBooks gave them.

    Args:
        wanted: our lines, as `merged_lines` took them.
        body: the lines of the write, as it gave them.
        answer: the lines of QuickBooks' answer, in the order in which they were sent.
    """
    sales = [line for line in answer if line.get("DetailType") not in {SUBTOTAL, DISCOUNT}]
    written = [line for line in body if line.get("DetailType") != DISCOUNT]
    alike = len(sales) == len(written) and all(
        line.get("Id") in {None, told.get("Id")} and line.get("Amount") == told.get("Amount")
        for line, told in zip(written, sales, strict=True)
    )
    if not alike:
        return [dict(line) for line in wanted]
    fresh = [told.get("Id") for line, told in zip(written, sales, strict=True) if "Id" not in line]
    lines: list[Payload] = []
    for line in wanted:
        is_new = "Id" not in line and line.get("DetailType") != DISCOUNT
        lines.append({**line, "Id": fresh.pop(0)} if is_new and fresh else dict(line))
    return lines


def under_their_ids(wanted: Sequence[Line], sent: Sequence[Line]) -> list[Payload]:
    """Return our lines under the Ids of the lines that they go on from."""
    goes_on = _goes_on(wanted, sent)
    lines = []
    for place, line in enumerate(wanted):
        id_ = sent[goes_on[place]].get("Id") if place in goes_on else None
        lines.append({**line, "Id": id_} if id_ else dict(line))
    return lines


def lines_before(
    wanted: Sequence[Line], sent: Sequence[Line], before: Sequence[Line], now: Sequence[Line]
) -> list[Payload]:
    """Return QuickBooks' lines as they were after our last write of each.

    Args:
        wanted: our lines as they were written now, under their Ids.
        sent: our lines as they were written before.
        before: QuickBooks' lines after our last write of each until now.
        now: QuickBooks' lines.
    """
    last = {line["Id"]: line for line in sent if "Id" in line}
    same = {line["Id"] for line in wanted if "Id" in line and is_same(line, last.get(line["Id"]))}
    then = {line["Id"]: line for line in before if "Id" in line}
    return [
        dict(then.get(line.get("Id"), line) if line.get("Id") in same else line) for line in now
    ]


def both_changed(
    wanted: Sequence[Line], sent: Sequence[Line], before: Sequence[Line], now: Sequence[Line]
) -> bool:
    """Return whether DunaHub and the bookkeeper changed the same of an invoice's lines.

    What it comes to is one thing: the amounts of all lines together. Beside it each part of each
    line is a thing of its own.
    """
    ours = not is_same(_amounts(wanted), _amounts(sent))
    theirs = not is_same(_amounts(before), _amounts(now))
    if ours and theirs and not is_same(_amounts(wanted), _amounts(now)):
        return True
    goes_on, then, there = _goes_on(wanted, sent), _there(sent, before), _there(sent, now)
    for place, was in goes_on.items():
        line = wanted[place]
        if was not in then or is_same(line, sent[was]):
            continue
        if was not in there:
            return True
        one, other = said_again(before[then[was]]), said_again(now[there[was]])
        mine, my_last = _parts(line), _parts(sent[was])
        changed = {name for name in {*mine, *my_last} if not is_same(*_at(name, mine, my_last))}
        old, new = _parts(one), _parts(other)
        if is_same(line.get("Amount"), other.get("Amount")):  # however it comes about
            changed -= _PRICE
        if any(
            not is_same(*_at(name, old, new)) and not is_same(*_at(name, mine, new))
            for name in changed
        ):
            return True
    return False


def _at(name: str, one: Line, other: Line) -> tuple[Any, Any]:
    return one.get(name), other.get(name)


def _parts(line: Line) -> Payload:
    """Return a line's fields and those of its detail, side by side."""
    parts: Payload = {}
    for name, value in line.items():
        parts |= value if name.endswith("Detail") and isinstance(value, dict) else {name: value}
    return parts


def _amounts(lines: Sequence[Line]) -> list[Any]:
    """Return what each line comes to; a discount counts as such."""
    return [
        [line.get("DetailType") == DISCOUNT, line.get("Amount")]
        for line in lines
        if line.get("DetailType") != SUBTOTAL
    ]


def _carried(line: Line, was: Line, there: Line, *, everything: bool) -> Payload:
    """Return a line of QuickBooks' with what changed of it in DunaHub."""
    kept = said_again(there)
    if not everything and is_same(line, was):
        return kept
    kind = str(line.get("DetailType"))
    if kept.get("DetailType") != kind:
        return {**line, "Id": kept["Id"]} if "Id" in kept else dict(line)
    mine, my_last = dict(line.get(kind, {})), dict(was.get(kind, {}))
    detail = dict(kept.get(kind, {}))
    priced = everything or not is_same(
        [line.get("Amount"), *(mine.get(name) for name in sorted(_PRICE))],
        [was.get("Amount"), *(my_last.get(name) for name in sorted(_PRICE))],
    )
    for name in {*mine, *my_last} - _PRICE:
        if everything or not is_same(mine.get(name), my_last.get(name)):
            detail.pop(name, None)
            detail |= {name: mine[name]} if name in mine else {}
    if priced:
        kept["Amount"] = line.get("Amount")
        detail = {name: value for name, value in detail.items() if name not in _PRICE}
        detail |= {name: mine[name] for name in _PRICE if name in mine}
    if everything or not is_same(line.get("Description"), was.get("Description")):
        kept["Description"] = line.get("Description", "")
    return {**kept, kind: detail}


def _following(
    now: Sequence[Line], taken: set[int], *, our_total: bool
) -> dict[int | None, list[Payload]]:
    """Return the lines that are not ours, by the one of ours that they follow."""
    found: dict[int | None, list[Payload]] = {}
    last: int | None = None
    for place, line in enumerate(now):
        if place in taken:
            last = place
        elif line.get("DetailType") != SUBTOTAL and not (our_total and line.get("Amount")):
            found.setdefault(last, []).append(said_again(line))
    return found


def _there(sent: Sequence[Line], now: Sequence[Line]) -> Pairs:
    """Find our lines in QuickBooks: by Id; where we know none, by their order or by what they say.

    There is one discount at most, and it has no Id.
    """
    pairs = _pair(sent, now, lambda line: line.get("DetailType") == DISCOUNT or None)
    pairs |= _pair(sent, now, lambda line: line.get("Id"), without=pairs)
    unknown = [place for place, line in enumerate(sent) if place not in pairs and "Id" not in line]
    theirs = [
        place
        for place, line in enumerate(now)
        if place not in pairs.values() and line.get("DetailType") not in {DISCOUNT, SUBTOTAL}
    ]
    if len(unknown) == len(theirs):
        return pairs | dict(zip(unknown, theirs, strict=True))
    nameless = {place: place for place in range(len(sent)) if place not in unknown}
    for key in (_all, _content):
        found = {place: at for place, at in pairs.items() if place in unknown}
        without = {**nameless, **found}
        free = [line if place in theirs else {} for place, line in enumerate(now)]
        pairs |= _pair(sent, free, key, without=without, used=set(pairs.values()))
    return pairs


def _goes_on(wanted: Sequence[Line], sent: Sequence[Line]) -> Pairs:
    """Find, for each line, the one that it was when it was last sent: DunaHub's have no ids."""
    keys: tuple[Callable[[Line], Any], ...] = (
        _all,
        _content,
        lambda line: (line.get("DetailType"), _item(line)),
        lambda line: (line.get("DetailType"), line.get("Description")),
    )
    pairs: Pairs = {}
    for key in keys:
        pairs |= _pair(wanted, sent, key, without=pairs)
    free = set(range(len(sent))) - set(pairs.values())
    for place, line in enumerate(wanted):
        is_free = place not in pairs and place in free
        if is_free and line.get("DetailType") == sent[place].get("DetailType"):
            pairs[place] = place
    return pairs


def _pair(
    left: Sequence[Line],
    right: Sequence[Line],
    key: Callable[[Line], Any],
    *,
    without: Mapping[int, int] | None = None,
    used: set[int] | None = None,
) -> Pairs:
    """Pair lines of one key, in order; a key of None pairs with nothing."""
    taken = without or {}
    free: dict[Any, list[int]] = {}
    used = set(taken.values()) if used is None else used
    for place, line in enumerate(right):
        if place not in used and (name := key(line)) is not None:
            free.setdefault(name, []).append(place)
    pairs: Pairs = {}
    for place, line in enumerate(left):
        name = key(line)
        if place not in taken and name is not None and free.get(name):
            pairs[place] = free[name].pop(0)
    return pairs


def _all(line: Line) -> tuple[tuple[str, str], ...]:
    """Return all that a line says, but for its Id."""
    parts = ((name, _said(value)) for name, value in _parts(line).items() if name != "Id")
    return tuple(sorted(parts))


def _said(value: Any) -> str:  # noqa: ANN401  JSON values
    if isinstance(value, dict) and "value" in value:
        return str(value["value"])
    number = isinstance(value, int | Decimal) and not isinstance(value, bool)
    return str(Decimal(value).normalize()) if number else str(value)


def _item(line: Line) -> str:
    detail = line.get(str(line.get("DetailType")), {})
    return str((detail.get("ItemRef") or {}).get("value", ""))


def _content(line: Line) -> tuple[str, str, str]:
    return str(line.get("DetailType")), _item(line), str(line.get("Description", ""))
