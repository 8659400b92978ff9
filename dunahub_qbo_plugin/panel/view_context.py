"""What every part of one page looks at: whose company, whose clock, which addresses."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

if TYPE_CHECKING:
    from dunahub_qbo_plugin.panel.formats import Formats
    from dunahub_qbo_plugin.panel.links import Links
    from dunahub_qbo_plugin.store.companies.connection import Connection
    from dunahub_qbo_plugin.store.companies.disconnections import Disconnection


@attrs.frozen(kw_only=True)
class ViewContext:
    """One look at one company.

    Attributes:
        connection: the company, of the organization whose page it is.
        disconnections: when it was disconnected, newest first.
    """

    connection: Connection
    disconnections: tuple[Disconnection, ...]
    formats: Formats
    links: Links
