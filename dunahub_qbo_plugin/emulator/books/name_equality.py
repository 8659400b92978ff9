"""When two names are one name: case, accents, spaces and dots, as the company's switch says."""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection

_SPACES = re.compile(r"\s+")


def unique_key(name: str, ignored: Collection[str]) -> str:
    """Return what a name is compared by.

    Args:
        name: The name, of a nested object its full name.
        ignored: What does not count: of `IGNORABLE`.
    """
    if "accents" in ignored:
        decomposed = unicodedata.normalize("NFKD", name)
        name = "".join(one for one in decomposed if not unicodedata.combining(one))
    if "dots" in ignored:
        name = name.replace(".", "")
    if "spaces" in ignored:
        name = _SPACES.sub(" ", name).strip()
    return name.lower() if "case" in ignored else name
