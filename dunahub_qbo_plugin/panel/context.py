"""What the pages work with, put together once at start-up."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

from dunahub_qbo_plugin.panel.templating import Templates
from dunahub_qbo_plugin.store.queries.counts import Totals

if TYPE_CHECKING:
    from collections.abc import Callable

    from dunahub_qbo_plugin.clock import Clock
    from dunahub_qbo_plugin.config import Config
    from dunahub_qbo_plugin.connect.service import ConnectionService
    from dunahub_qbo_plugin.store.companies.connections import Connections
    from dunahub_qbo_plugin.store.db.database import Database


@attrs.frozen(kw_only=True)
class PanelContext:
    """Everything that the pages and their actions work with.

    Attributes:
        connection_service: the office's dealings with Intuit.
        wake: tells the worker that something is due; returns at once.
        templates: made with the context, loaded at the first page.
        totals: how many records large companies have, kept between pages.
    """

    config: Config
    database: Database
    connections: Connections
    connection_service: ConnectionService
    clock: Clock
    wake: Callable[[], None]
    templates: Templates = attrs.field(factory=Templates, init=False, repr=False, eq=False)
    totals: Totals = attrs.field(factory=Totals, init=False, repr=False, eq=False)
