"""Bugs, planted on purpose: each takes one safeguard away in the process that calls it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

BUGS: Mapping[str, Callable[[], object]] = {}
