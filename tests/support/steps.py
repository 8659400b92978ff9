"""Count the steps of a regular expression, instead of timing them.

A backtracking matcher of the same kind as Python's own: what it needs on a text, that one needs
but for constant factors. Python's shortcuts (a literal at the beginning that is searched for first)
are left out, so the count is an upper bound.
"""

from __future__ import annotations

import re
from re import _constants as op  # type: ignore[attr-defined]
from re import _parser  # type: ignore[attr-defined]
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Goes = Callable[[int], bool]

Node: TypeAlias = Any
"""What Python's own parser makes of a pattern."""
SINGLE = {op.LITERAL, op.NOT_LITERAL, op.ANY, op.IN}


class TooManySteps(Exception):
    """More steps than were allowed."""


class Steps:
    """Counts what it takes to search for a pattern in a text.

    Args:
        pattern: compiled.
        most: steps after which it is given up.
    """

    def __init__(self, pattern: re.Pattern[Any], most: int) -> None:
        source = pattern.pattern
        text = source.decode("latin-1") if isinstance(source, bytes) else source
        self.flags = pattern.flags & ~re.UNICODE if isinstance(source, bytes) else pattern.flags
        self.tree = _parser.parse(text, self.flags)
        self.most = most
        self.count = 0
        self.text = ""
        self.groups: dict[int, tuple[int, int]] = {}
        self._sets: dict[str, re.Pattern[str]] = {}

    def search(self, text: str, *, whole: bool = False) -> int:
        """Return how many steps a search takes; with ``whole``, a match of the whole text.

        Raises:
            TooManySteps: it takes more than `most`.
        """
        self.text, self.count = text, 0
        for start in range(1 if whole else len(text) + 1):
            self.groups = {}
            if self.matches(start, whole=whole):
                break
        return self.count

    def matches(self, start: int, *, whole: bool = False) -> bool:
        """Return whether the text matches from a place on."""
        return self._sequence(list(self.tree), start, lambda to: not whole or to == len(self.text))

    def _tick(self) -> None:
        self.count += 1
        if self.count > self.most:
            raise TooManySteps

    def _sequence(self, nodes: list[Node], at: int, then: Goes) -> bool:
        if not nodes:
            return then(at)
        return self._node(nodes[0], at, lambda to: self._sequence(nodes[1:], to, then))

    def _node(self, node: Node, at: int, then: Goes) -> bool:
        self._tick()
        kind, what = node
        if kind in SINGLE:
            return self._is(node, at) and then(at + 1)
        if kind in {op.MAX_REPEAT, op.MIN_REPEAT, op.POSSESSIVE_REPEAT}:
            least, most, body = what
            if len(body) == 1 and body[0][0] in SINGLE:
                return self._run(body[0], (least, most), kind, at, then)
            return self._repeat(list(body), least, most, kind, at, then)
        if kind is op.SUBPATTERN:
            number, _add, _drop, body = what

            def ended(to: int) -> bool:
                if number:
                    self.groups[number] = (at, to)
                return then(to)

            return self._sequence(list(body), at, ended)
        if kind is op.BRANCH:
            return any(self._sequence(list(one), at, then) for one in what[1])
        if kind in {op.ASSERT, op.ASSERT_NOT}:
            direction, body = what
            start = at if direction > 0 else at - body.getwidth()[0]
            found = start >= 0 and self._sequence(list(body), start, lambda _: True)
            return found is (kind is op.ASSERT) and then(at)
        if kind is op.GROUPREF:
            start, end = self.groups[what]
            same = self.text.startswith(self.text[start:end], at)
            return same and then(at + end - start)
        assert kind is op.AT, kind
        return self._at(what, at) and then(at)

    def _run(
        self,
        one: Node,
        bounds: tuple[Any, Any],
        kind: Node,
        at: int,
        then: Goes,
    ) -> bool:
        """Repeat a single character: as far as it goes, then back, one at a time."""
        least, most = bounds
        end = at
        while end < len(self.text) and (most is op.MAXREPEAT or end - at < most):
            self._tick()
            if not self._is(one, end):
                break
            end += 1
        places: Iterator[int] = iter(range(end, at + least - 1, -1))
        if kind is op.MIN_REPEAT:
            places = iter(range(at + least, end + 1))
        for place in places:
            self._tick()
            if then(place):
                return True
            if kind is op.POSSESSIVE_REPEAT:
                break
        return False

    def _repeat(
        self,
        body: list[Node],
        least: int,
        most: Node,
        kind: Node,
        at: int,
        then: Goes,
    ) -> bool:
        def again(to: int) -> bool:
            rest = most if most is op.MAXREPEAT else most - 1
            return to > at and self._repeat(body, max(0, least - 1), rest, kind, to, then)

        may = most is op.MAXREPEAT or most > 0
        if kind is op.MIN_REPEAT and least == 0 and then(at):
            return True
        if may and self._sequence(body, at, again):
            return True
        return kind is not op.MIN_REPEAT and least == 0 and then(at)

    def _is(self, node: Node, at: int) -> bool:
        if at >= len(self.text):
            return False
        character = self.text[at]
        kind, what = node
        if kind is op.ANY:
            return bool(self.flags & re.DOTALL) or character != "\n"
        if kind is op.IN:
            negated = what[0][0] is op.NEGATE
            return any(map(self._in(character), what[negated:])) is not negated
        same = self._fold(chr(what)) == self._fold(character)
        return same is (kind is op.LITERAL)

    def _in(self, character: str) -> Callable[[Any], bool]:
        def holds(item: Node) -> bool:
            kind, what = item
            if kind is op.LITERAL:
                return self._fold(chr(what)) == self._fold(character)
            if kind is op.RANGE:
                cases = {character, self._fold(character), character.upper()}
                return any(what[0] <= ord(one) <= what[1] for one in cases if len(one) == 1)
            return self._category(what, character)

        return holds

    def _category(self, what: Node, character: str) -> bool:
        name = str(what).rpartition("_")[2]
        letter = {"DIGIT": "d", "SPACE": "s", "WORD": "w"}[name]
        letter = letter.upper() if "NOT" in str(what) else letter
        return re.match(f"\\{letter}", character, self.flags & re.ASCII) is not None

    def _fold(self, character: str) -> str:
        return character.lower() if self.flags & re.IGNORECASE else character

    def _at(self, what: Node, at: int) -> bool:
        if what in {op.AT_BEGINNING, op.AT_BEGINNING_STRING}:
            return at == 0
        if what in {op.AT_END, op.AT_END_STRING}:
            return at == len(self.text)
        before = at > 0 and self._category(op.CATEGORY_WORD, self.text[at - 1])
        after = at < len(self.text) and self._category(op.CATEGORY_WORD, self.text[at])
        return (before is not after) is (what is op.AT_BOUNDARY)


def characters(pattern: re.Pattern[Any]) -> list[str]:
    """Return a character of each sort that a pattern tells apart, and one that it does not."""
    source = pattern.pattern
    text = source.decode("latin-1") if isinstance(source, bytes) else source
    found: dict[str, None] = {}

    def look(node: Node) -> None:
        if isinstance(node, tuple) and len(node) == 2 and node[0] in {op.LITERAL, op.NOT_LITERAL}:
            found[chr(node[1])] = None
        elif isinstance(node, tuple) and len(node) == 2 and node[0] is op.RANGE:
            found[chr(node[1][0])] = None
        elif isinstance(node, tuple | list | _parser.SubPattern):
            for one in node:
                look(one)

    look(_parser.parse(text, pattern.flags & ~(re.UNICODE if isinstance(source, bytes) else 0)))
    return [*dict.fromkeys([*found, "a", "1", " ", "\N{EURO SIGN}"])]
