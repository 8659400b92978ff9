"""What the pages stand on, put together once by whoever composes the plugin."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any, Final

import attrs

from dunahub_qbo_plugin.store.totals import Totals

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from jinja2 import Environment

    from dunahub_qbo_plugin.clock import Clock
    from dunahub_qbo_plugin.config import Config
    from dunahub_qbo_plugin.store.connections import Connections
    from dunahub_qbo_plugin.store.database import Database
    from dunahub_qbo_plugin.sync.linking import Linking


OF_A_PAGE: Final = (
    "page.html",
    "panel.css",
    "macros.html",
    "status.html",
    "disconnect.html",
    "steps.html",
    "checks.html",
    "counts.html",
    "activity.html",
    "products.html",
    "review.html",
)
"""Templates that the page of every connected organization needs."""


class Templates:
    """The page's templates, loaded when the first page is made."""

    def __init__(self) -> None:
        self._environment: Environment | None = None
        self._lock = threading.Lock()
        self._ahead: threading.Thread | None = None

    def load_ahead(self) -> None:
        """Begin to compile the templates of a page, while whoever calls reads the database.

        Compiling takes longer than everything else of the first page. It is done once, in a thread
        of its own, which the first `render` waits for: SQLite and PostgreSQL do their part of the
        work meanwhile.
        """
        with self._lock:
            if self._environment is not None or self._ahead is not None:
                return
            self._ahead = threading.Thread(
                target=self._compile, name="dunahub-qbo-templates", daemon=True
            )
            self._ahead.start()

    def render(self, name: str, values: Mapping[str, Any]) -> str:
        """Fill a template in; every value is escaped."""
        ahead, self._ahead = self._ahead, None
        if ahead is not None:
            ahead.join()
        return self._loaded().get_template(name).render(values)

    def _compile(self) -> None:
        environment = self._loaded()
        for name in OF_A_PAGE:
            environment.get_template(name)

    def _loaded(self) -> Environment:
        with self._lock:
            if self._environment is None:
                from jinja2 import Environment, PackageLoader, StrictUndefined  # noqa: PLC0415  a host that starts needs no templates yet

                self._environment = Environment(
                    loader=PackageLoader("dunahub_qbo_plugin.panel"),
                    autoescape=True,
                    undefined=StrictUndefined,
                    trim_blocks=True,
                    lstrip_blocks=True,
                )
            return self._environment


@attrs.frozen(kw_only=True)
class PanelContext:
    """Everything that the pages and their actions work with.

    Attributes:
        linking: the office's dealings with Intuit.
        wake: tells the worker that something is due; returns at once.
        templates: made with the context, loaded at the first page.
        totals: how many records large companies have, kept between pages.
    """

    config: Config
    database: Database
    connections: Connections
    linking: Linking
    clock: Clock
    wake: Callable[[], None]
    templates: Templates = attrs.field(factory=Templates, init=False, repr=False, eq=False)
    totals: Totals = attrs.field(factory=Totals, init=False, repr=False, eq=False)
