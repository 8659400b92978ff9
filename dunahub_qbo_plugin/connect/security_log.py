"""One line in the log for each event that concerns who may send to which books.

Its logger, ``dunahub_qbo_plugin.security``, can be kept apart and longer than others. A line has
what happened, how it ended, and the host's ids of organization and person, each as ``repr`` shows
it: a line break in an id makes no second line.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from dunahub_qbo_plugin.model.bounds import text

if TYPE_CHECKING:
    from dunahub_hookspecs import Organization, Person

MAX_ID = 100
"""Characters of an id that a line has."""

log = logging.getLogger("dunahub_qbo_plugin.security")


def note(
    event: str, outcome: str, org: Organization, person: Person, *, refused: bool = False
) -> None:
    """Write down an event.

    Args:
        event: what was tried.
        outcome: how it ended.
        org: the organization it was tried for.
        person: who tried.
        refused: True for what may be an attack; it is a warning then.
    """
    log.log(
        logging.WARNING if refused else logging.INFO,
        "%s: %s; organization %r, person %r",
        event,
        outcome,
        text(org.id, MAX_ID),
        text(person.id, MAX_ID),
    )
