"""Print the story as it happens, in color at a terminal."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import TextIO

_BOLD, _DIM, _GREEN, _YELLOW, _CYAN, _RED = "1", "2", "32", "33", "36", "31"


class Narrator:
    """Prints one line for each thing that happens.

    Args:
        out: where to; None to say nothing.
    """

    def __init__(self, out: TextIO | None) -> None:
        self._out = out
        self._colors = out is not None and out.isatty() and "NO_COLOR" not in os.environ

    def title(self, text: str) -> None:
        """Say what follows."""
        self._print("", self._paint(text, _BOLD), "")

    def does(self, who: str, what: str) -> None:
        """Say what a person does."""
        self._print(f"  {self._paint('•', _CYAN)} {self._paint(who, _BOLD)} {what}")

    def arrives(self, what: str) -> None:
        """Say what arrived in QuickBooks."""
        self._print(f"    {self._paint('→ QuickBooks', _GREEN)} {what}")

    def trouble(self, what: str) -> None:
        """Say what goes wrong on purpose."""
        self._print(f"  {self._paint('!', _YELLOW)} {what}")

    def note(self, what: str) -> None:
        """Add something."""
        self._print(f"    {self._paint(what, _DIM)}")

    def fails(self, what: str) -> None:
        """Say that something went wrong that should not."""
        self._print(f"  {self._paint('✗', _RED)} {what}")

    def address(self, what: str, url: str) -> None:
        """Return an address to open."""
        self._print(f"  {what:<18}{self._paint(url, _CYAN)}")

    def blank(self) -> None:
        """Leave a line free."""
        self._print("")

    def _paint(self, text: str, code: str) -> str:
        return f"\x1b[{code}m{text}\x1b[0m" if self._colors else text

    def _print(self, *lines: str) -> None:
        if self._out is None:
            return
        # An old terminal that has no arrow shows a question mark instead of ending the story.
        encoding = self._out.encoding or "utf-8"
        for line in lines:
            self._out.write(line.encode(encoding, "replace").decode(encoding) + "\n")
        self._out.flush()
