"""What every part of one page needs: the company, the time, the addresses."""

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
    """The company, its formats and links, for one page.

    Attributes:
        connection: the company, of the organization whose page it is.
        disconnections: when it was disconnected, newest first.
    """

    connection: Connection
    disconnections: tuple[Disconnection, ...]
    formats: Formats
    links: Links
