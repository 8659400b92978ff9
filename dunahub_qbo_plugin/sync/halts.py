"""When a whole company rests, and for how long."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import attrs

from dunahub_qbo_plugin.errors import (
    ConfigurationError,
    GrantRevoked,
    NotConnected,
    QboError,
)
from dunahub_qbo_plugin.model import Halted, Retry
from dunahub_qbo_plugin.qbo.fault_table import row_of

if TYPE_CHECKING:
    from dunahub_qbo_plugin.qbo.auth import Grant
    from dunahub_qbo_plugin.sync.tokens import TokenKeeper

TROUBLES_TO_REST: Final = 5
"""Passing failures in a row after which the company rests, instead of each record failing too."""

OUTAGE: Final = 30.0
SELDOM: Final = 600.0
MISCONFIGURED: Final = 60.0


@attrs.frozen(kw_only=True)
class Rest:
    """A pause of a company.

    Attributes:
        seconds: how long.
        code, text: why.
    """

    seconds: float
    code: str
    text: str


def rest_after(halted: Halted | Retry) -> float:
    """Give the seconds that a company rests after what stopped it.

    As `dunahub_qbo_plugin.qbo.fault_table` says: a throttled company as long as it was told; a
    refusal of the whole company (rights, subscription) is a person's to mend, so it is tried
    seldom. An outage, which only shows in failures one after another, is looked at again soon.
    """
    if isinstance(halted, Halted):
        rest = row_of(halted.info).consequence.rest
        return SELDOM if rest is None else rest
    after = halted.after or 0.0
    return max(after, 1.0) if halted.company_wide else max(after, OUTAGE)


def grant_or_rest(
    tokens: TokenKeeper, company_id: str, refused: Grant | None
) -> tuple[Grant | None, Rest | None]:
    """Get a grant, or learn how long the company has to rest; neither when it is not connected."""
    try:
        return tokens.grant(company_id, refused=refused), None
    except (GrantRevoked, NotConnected):
        return None, None
    except ConfigurationError as error:
        return None, Rest(seconds=MISCONFIGURED, code="configuration", text=str(error))
    except QboError as error:
        return None, Rest(seconds=OUTAGE, code=error.info.code, text=error.info.text)
